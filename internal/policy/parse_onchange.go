package policy

import (
	"slices"
	"sync"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// anyCall stands for every watched call.
const anyCall = "any"

// watchedCalls are the names of the calls that events decodes and that change
// groups or what they refer to: one that attaches a group changes neither.
var watchedCalls = sync.OnceValue(func() []string {
	var names []string
	for _, c := range events.Calls() {
		if c.Effect != secgroup.Attaches {
			names = append(names, c.EventName)
		}
	}
	slices.Sort(names)
	return names
})

// callName is the name of a watched call, or any.
type callName struct{ word }

func (c *callName) read(s *syntaxReader, n *yamlNode, label string) {
	if c.word.read(s, n, label); c.text == "" || c.text == anyCall || isWatched(c.text) {
		return
	}
	hint := didYouMean(c.text, watchedCalls())
	if hint == "" {
		hint = "any, or a call that changes groups or what they refer to, as " + watchedCalls()[0]
	}
	s.fault(c.position, hint, "%q is not the name of a watched call", c.text)
	c.text = ""
}

func isWatched(name string) bool {
	_, ok := slices.BinarySearch(watchedCalls(), name)
	return ok
}

func (p *folderReader) onChange(o *onChangeSyntax) *OnChange {
	out := &OnChange{Line: o.line, Unless: unlessOf(o.Unless)}
	for _, c := range o.Calls {
		switch {
		case c.text == anyCall && len(o.Calls) > 1:
			p.fault(c.position, "remove it, or the others", "any stands for every call, and so alone")
		case c.text != anyCall && c.text != "":
			out.Calls = append(out.Calls, c.text)
		}
	}
	out.Calls = asSet(out.Calls)
	return out
}

// equal reports whether two leave out the same calls, wherever they stand.
func (u *Unless) equal(o *Unless) bool {
	return u != nil && o != nil && quotedSet(u.Actors) == quotedSet(o.Actors) && quotedSet(u.UserAgents) == quotedSet(o.UserAgents)
}

// unlessOf gives whose calls are left out; nil syntax is nobody.
func unlessOf(u *unlessSyntax) *Unless {
	if u == nil {
		return nil
	}
	out := &Unless{Line: u.line, UserAgents: texts(u.UserAgents)}
	for _, a := range u.Actors {
		out.Actors = append(out.Actors, a.text)
	}
	return out
}

// remedyOfCalls refuses what cannot be done about a call.
func (p *folderReader) remedyOfCalls(x *remedySyntax) {
	if x == nil {
		return
	}
	if x.Do.text == "narrow" {
		p.fault(x.Do.position, "alert, tag, or revert", "a call has no part that could stay: onChange does not narrow")
	}
	if x.key("after").given() && x.Do.text != "revert" && x.Do.text != "narrow" {
		p.fault(x.key("after"), "remove it, or write do: revert", "a call is told at once: after belongs to revert")
	}
	if d := x.After.duration; d > longestMessage && d <= longestWait {
		p.fault(x.After.position, "write 15m or less", "what a call did waits for 15 minutes at most")
	}
}

func (p *folderReader) tolerateOfCalls(t *tolerateSyntax) {
	if t != nil {
		p.fault(t.position, "remove it", "a call has no addresses that could be tolerated: tolerate belongs to forbid and allowOnly")
	}
}

// overrideCalls applies what an override says of the calls of a policy.
func (p *folderReader) overrideCalls(o *overrideSyntax, f *policyFile) {
	switch {
	case f.doc.OnChange != nil:
		p.remedyOfCalls(o.Remedy)
		p.tolerateOfCalls(o.Tolerate)
		if o.Unless != nil {
			own := *f.doc.OnChange
			own.Unless = unlessOf(o.Unless)
			own.Unless.File = o.source.file
			f.doc.OnChange = &own
		}
	case o.Unless != nil:
		p.fault(o.key("unless"), "exceptions by actor stand under except", "unless belongs to onChange, and policy %s judges rules", f.doc.ID)
	}
}
