package policy

import (
	"time"
)

const (
	// longestWait is how long a remedy may wait. What should stand for longer is
	// an exemption, which has an owner and an end.
	longestWait = 30 * 24 * time.Hour

	// longestMessage is how long a message may wait in the queue. A wait that no
	// rule of a group stands for has only that: the pass over all groups, which
	// ends longer ones, finds them by the rules.
	longestMessage = 15 * time.Minute
)

var remedyWords = []string{"revert", "narrow", "tag", "alert"}

// read takes a word, or a mapping.
func (x *remedySyntax) read(s *syntaxReader, n *yamlNode, label string) {
	if n.kind == yamlMapping {
		// A type without this method, or the mapping would be read by it again.
		type fields remedySyntax
		s.into((*fields)(x), n, label)
		return
	}
	x.position = n.position
	x.Do.read(s, n, label)
	x.Do.oneOf(s, label, remedyWords)
}

// remedy gives the remedy of a policy; nil syntax is revert.
func (p *folderReader) remedy(x *remedySyntax, id string) Remedy {
	if x == nil {
		return Remedy{Do: DoRevert, Parts: 1}
	}
	out := Remedy{After: x.After.duration, Parts: 1}
	for i, w := range remedyWords {
		if x.Do.text == w {
			out.Do = DoRevert + RemedyKind(i)
		}
	}
	if x.After.duration > longestWait {
		p.fault(x.After.position, "write 720h or less, or exempt it with an owner and an end", "a remedy does not wait for more than 30 days")
	}
	if x.OnList.given() {
		out.OnList = true
		if out.Do != DoRevert && out.Do != DoNarrow && x.Do.text != "" {
			p.fault(x.key("onList"), "remove it, or write do: revert or do: narrow", "onList says how something is taken back, and %s takes nothing back", x.Do.text)
		}
	}
	if out.Do != DoNarrow && x.Do.text != "" {
		for _, k := range []string{"to", "parts"} {
			if x.key(k).given() {
				p.fault(x.key(k), "remove it, or write do: narrow", "%s belongs to narrow, not to %s", k, x.Do.text)
			}
		}
	}
	if x.Parts.value > 0 {
		out.Parts = x.Parts.value
	}
	for _, c := range x.To {
		out.To = append(out.To, c.prefix)
		p.out.forLint.narrowTo = append(p.out.forLint.narrowTo, narrowTo{c.position, id, c})
	}
	return out
}
