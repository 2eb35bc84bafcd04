package policy

import (
	"strings"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// eventPrefix begins an entry of a test case that names a file with a record.
const eventPrefix = "event:"

// testEntry is what a test case judges: a rule, a call by its name, or a file
// with a CloudTrail record.
type testEntry struct {
	ruleText
	call, event string
}

func (e *testEntry) read(s *syntaxReader, n *yamlNode, label string) {
	text := strings.TrimSpace(n.text)
	file, isEvent := strings.CutPrefix(text, eventPrefix)
	switch {
	case n.kind != yamlText:
		e.ruleText.read(s, n, label)
	case isEvent:
		e.word.read(s, n, label)
		if e.event = strings.TrimSpace(file); e.event == "" {
			s.fault(n.position, "event:record.json", "the file of the record is missing")
		}
	case isWatched(text):
		e.word.read(s, n, label)
		e.call = text
	default:
		e.ruleText.read(s, n, label)
	}
}

// exemptedSyntax is all, or rules.
type exemptedSyntax struct {
	position
	rules []ruleText // nil = all
}

func (x *exemptedSyntax) read(s *syntaxReader, n *yamlNode, label string) {
	x.position = n.position
	x.rules = rulesOr(s, n, label, "all")
}

// restSyntax is nothing, or rules.
type restSyntax struct {
	position
	rules []ruleText // nil = nothing
}

func (r *restSyntax) read(s *syntaxReader, n *yamlNode, label string) {
	r.position = n.position
	r.rules = rulesOr(s, n, label, "nothing")
}

// rulesOr reads a list of rules, or the one word that stands for none.
func rulesOr(s *syntaxReader, n *yamlNode, label, none string) []ruleText {
	if n.kind == yamlText && strings.TrimSpace(n.text) == none {
		return nil
	}
	if n.kind != yamlList {
		s.wrongType(n, label, none+", or a list of rules", "")
		return nil
	}
	var list possiblyEmpty[ruleText]
	list.read(s, n, label)
	if len(list) == 0 && len(n.items) == 0 {
		s.fault(n.position, "write "+none, "%s is an empty list", label)
	}
	return list
}

// effectOf is what a call of that name can do.
func effectOf(name string) secgroup.Effect {
	for _, c := range events.Calls() {
		if c.EventName == name {
			return c.Effect
		}
	}
	return 0
}
