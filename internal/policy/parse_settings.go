package policy

import (
	"maps"
	"slices"
	"time"
)

// mostCounted bounds the fuse: all counts lie in one item of the ledger.
const mostCounted = 200

// deployment resolves the settings, and checks the scopes and exemptions that
// depend on them.
func (p *folderReader) deployment(s *settingsSyntax) {
	d := Deployment{
		Mode: modeOf(s.Mode), Settle: 30 * time.Second, LedgerDown: RevokeBlind, Fuse: Fuse{Groups: 10, Actors: 25},
	}
	d.Packs = texts(s.Packs)
	if internal, ok := p.sets.declared["internal"]; ok {
		d.Internal = internal.blocks
	}
	if t := s.Trusted; t != nil {
		d.Trusted = Trusted{texts(t.Tags), texts(t.Names)}
	}
	if s.Settle.given() {
		d.Settle = s.Settle.duration
		if d.Settle > longestMessage {
			p.fault(s.Settle.position, "write 15m or less", "settle is longer than 15m")
		}
	}
	if s.LedgerDown.text == "hold" {
		d.LedgerDown = HoldBack
	}
	if f := s.Fuse; f != nil {
		for _, bound := range []struct {
			name  string
			given wholeNumber
			to    *int
		}{{"groups", f.Groups, &d.Fuse.Groups}, {"actors", f.Actors, &d.Fuse.Actors}} {
			if bound.given.value > mostCounted {
				p.fault(bound.given.position, "write 200 or less: what is counted is read with every change", "%s of the fuse is more than %d", bound.name, mostCounted)
			}
			if bound.given.value > 0 {
				*bound.to = bound.given.value
			}
		}
	}
	for i := range s.Overrides {
		if mode := &s.Overrides[i].value.Mode; d.Mode == Observe && mode.text == "enforce" {
			p.warn(mode.position, "remove it, or raise the mode of the settings", "enforce has no effect: the deployment observes")
		}
	}
	for _, f := range p.policies {
		p.switchOff(f, d.Trusted)
	}
	for _, set := range s.Sets {
		p.out.forLint.sets = append(p.out.forLint.sets, set.key)
	}
	d.Exemptions = p.exemptions(s.Exemptions)
	p.out.Deployment = d
}

// switchOff finds out whether a policy is on, and says what of its scope does
// not count.
func (p *folderReader) switchOff(f *policyFile, t Trusted) {
	if f.off {
		return
	}
	untrusted := t.untrusted(f.doc.Scope)
	if f.doc.Chosen && untrusted.rest.isEmpty() && !f.doc.Scope.isEmpty() {
		p.fault(f.scope, "list it under trusted in the settings", "%s may decide nothing, and the scope of the chosen policy %s has nothing else", untrusted.what, f.doc.ID)
	} else if untrusted.what != "" {
		p.warn(f.scope, "list it under trusted in the settings", "%s does not count in the scope of %s: whoever makes groups could choose it", untrusted.what, f.doc.ID)
	}
	if f.doc.Chosen && f.doc.Scope.isEmpty() {
		f.off = true
		p.out.forLint.unscoped = append(p.out.forLint.unscoped, unscoped{f.scope, f.doc.ID, f.pack, f.doc.Not != nil})
		return
	}
	empty := func(s PeerSpec) bool { return s.Kind == PeerCIDRs && len(s.CIDRs) == 0 }
	for _, c := range boxesOf(f.doc) {
		if f.pack != "" && len(c.Peers) > 0 && !slices.ContainsFunc(c.Peers, func(s PeerSpec) bool { return !empty(s) }) {
			p.warn(f.scope, "declare it under sets or awsRanges in the settings", "policy %s never matches: %s is empty", f.doc.ID, c.Peers[0].Text)
		}
	}
	if f.doc.Not != nil {
		if not := t.untrusted(*f.doc.Not); not.what != "" {
			p.warn(f.scope, "list it under trusted in the settings", "%s leaves no group out of the scope of %s: whoever makes groups could choose it", not.what, f.doc.ID)
		}
	}
}

// untrustedPart is what of a scope does not count.
type untrustedPart struct {
	what string // "" = all of it counts
	rest Scope  // what counts
}

func (t Trusted) untrusted(s Scope) untrustedPart {
	out := untrustedPart{rest: s}
	out.rest.Tags = maps.Clone(s.Tags)
	for _, key := range sortedKeys(s.Tags) {
		if !slices.Contains(t.Tags, key) {
			out.what = "tag " + key
			delete(out.rest.Tags, key)
		}
	}
	for _, glob := range s.Names {
		if !slices.ContainsFunc(t.Names, func(outer string) bool { return globWithin(glob, outer) }) {
			out.what = "name " + glob
			out.rest.Names = nil
		}
	}
	return out
}

// exemptions gives the exemptions from policies that are on.
func (p *folderReader) exemptions(list possiblyEmpty[exemptionSyntax]) []Exemption {
	var out []Exemption
	first := map[string]position{}
	for i := range list {
		x := &list[i]
		e := Exemption{
			ID: x.ID.text, Policy: x.Policy.text, Group: x.Group.text, Owner: x.Owner.text, Reason: x.Reason.text,
			Ticket: x.Ticket.text, Until: x.Until.until, Source: "file", File: x.source.file, Line: x.line,
		}
		for _, r := range x.Rules {
			e.Rules = append(e.Rules, r.rule)
		}
		if before, twice := first[e.ID]; twice && e.ID != "" {
			p.fault(x.ID.position, "the other is at "+before.String(), "exemption id %q is taken", e.ID)
		}
		first[e.ID] = x.ID.position
		if x.Until.given() {
			p.out.forLint.deadlines = append(p.out.forLint.deadlines, deadline{x.Until.position, "exemption " + e.ID, e.Until})
		}
		f, ok := p.byID[e.Policy]
		switch {
		case e.Policy == "":
		case !ok:
			p.fault(x.Policy.position, p.policyHint(x.Policy.word), "unknown policy %q", e.Policy)
		case f.off:
			p.warn(x.Policy.position, "remove it", "exemption %s is from policy %s, which is off", e.ID, e.Policy)
		default:
			out = append(out, e)
			places := exemptionPlaces{Exemption: e, at: x.ID.position, group: x.Group.position}
			for _, r := range x.Rules {
				places.rules = append(places.rules, r.position)
			}
			p.out.forLint.exemptions = append(p.out.forLint.exemptions, places)
		}
	}
	return out
}
