package policy

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// CallVerdict is what the policies that judge calls say of one call at hand.
type CallVerdict struct {
	Change secgroup.Change
	// Findings are the policies with `onChange` that look at the call: meant
	// for its group, and for calls of its name. States are Fine (its actor is
	// left out), Alerting, Observing and Exempt; there is no excess. A policy
	// that takes back what the call opened says so of its rules instead.
	Findings []Finding
}

// Violates reports whether some policy has something against the call.
func (v CallVerdict) Violates() bool {
	return slices.ContainsFunc(v.Findings, func(f Finding) bool { return f.State != Fine })
}

// JudgesCalls reports whether the policy judges calls, and no rules.
func (p *Policy) JudgesCalls() bool { return p.onChange != nil }

// watches reports whether the policy is about calls of that name.
func (o *OnChange) watches(name string) bool {
	if o.Calls == nil {
		return isWatched(name)
	}
	_, ok := slices.BinarySearch(o.Calls, name)
	return ok
}

// leavesOut reports whether the calls of an actor are left out. An actor that
// is not known never is; a user agent, which is the caller's own word, can
// only keep a call from being left out.
func (u *Unless) leavesOut(a secgroup.Actor) bool {
	return u != nil && matchActor(u.Actors, a.ARN) && (len(u.UserAgents) == 0 || matchesAny(u.UserAgents, a.UserAgent))
}

// objects reports whether the policy has something against a call, its scope
// and exemptions apart.
func (p *Policy) objects(c *secgroup.Change) bool {
	return p.onChange != nil && c.ErrorCode == "" && p.onChange.watches(c.EventName) && !p.onChange.Unless.leavesOut(c.Actor)
}

// takesBack reports whether the policy does something about the rules of such
// a call: only Authorize and Modify leave rules that can be told.
func (p *Policy) takesBack(c *secgroup.Change) bool {
	return p.Remedy.Do != DoAlert && c.Effect == secgroup.Names
}

// groupNamed is the group of that id as a record names it.
func groupNamed(c *secgroup.Change, id string) secgroup.GroupName {
	for _, g := range c.Groups {
		if g.ID == id && id != "" {
			return g
		}
	}
	if id == "" && len(c.Groups) == 1 {
		return c.Groups[0]
	}
	return secgroup.GroupName{ID: id}
}

// appliesToCall answers whether a policy is meant for a call. One that names no
// group, as those on prefix lists and VPCs, is nobody's whose scope selects
// groups; what is not known counts as in applies.
func (p *Policy) appliesToCall(c *secgroup.Change, f groupFacts) answer {
	if len(c.Groups) > 0 {
		return p.applies(&f)
	}
	if p.scope.selectsGroups() {
		return no
	}
	worst := no
	for _, vpc := range append([]string{""}, c.VPCIDs...)[min(1, len(c.VPCIDs)):] {
		f := groupFacts{vpc: vpc, account: c.AccountID, region: c.Region}
		a := p.scope.hold(&f)
		if p.not != nil && !p.not.selectsGroups() && p.not.hold(&f) == yes {
			a = no
		}
		worst = max(worst, a)
	}
	return worst
}

// selectsGroups reports whether some condition is on groups themselves.
func (m *scopeMatcher) selectsGroups() bool {
	return len(m.names)+len(m.ids)+len(m.tags) > 0 || m.isDefault != nil
}

// triageCall answers for the policies that judge calls.
func (s *Set) triageCall(c *secgroup.Change, groupID string, known *Known) Concern {
	worst := NotConcerned
	for _, i := range s.calls {
		p := s.Policies[i]
		if !p.objects(c) {
			continue
		}
		concern := CallConcerned
		if p.takesBack(c) {
			concern = Concerned
		}
		switch p.appliesToCall(c, factsOfRecord(*c, groupNamed(c, groupID), known)) {
		case no:
			continue
		case unknown: // the item may tell, else the group itself
			concern = AskItem
			if known != nil {
				concern = Concerned
			}
		}
		worst = max(worst, concern)
	}
	return worst
}

// TriageCall is Triage for the call alone, whatever its rules are: what only
// takes away or changes text, and tags.
func (s *Set) TriageCall(c secgroup.Change, groupID string, known *Known) Concern {
	return s.triageCall(&c, groupID, known)
}

// JudgeCalls judges the calls at hand from their records and the item alone:
// where Triage says CallConcerned, for a call that names no group, or for a
// group that is gone. Of in.Live only the id is looked at.
func (s *Set) JudgeCalls(in Input) []CallVerdict {
	var out []CallVerdict
	for i := range in.Changes {
		c := &in.Changes[i]
		f := factsOfRecord(*c, groupNamed(c, in.Live.ID), &in.Known)
		out = s.judgeCall(out, c, f, &in, func(*Policy) string { return "" })
	}
	return out
}

// judgeCall adds the verdict on one call, if some policy looks at it. cannot
// says why a policy that takes back cannot do so here; "" = nothing is left to
// take back, or its rules are judged.
func (s *Set) judgeCall(out []CallVerdict, c *secgroup.Change, f groupFacts, in *Input, cannot func(*Policy) string) []CallVerdict {
	v := CallVerdict{Change: *c}
	for _, i := range s.calls {
		p := s.Policies[i]
		if c.ErrorCode != "" || !p.onChange.watches(c.EventName) || p.appliesToCall(c, f) == no {
			continue
		}
		finding := Finding{Policy: p, File: p.File, Line: p.onChange.Line, State: Fine}
		if u := p.onChange.Unless; u.leavesOut(c.Actor) {
			finding.Line, finding.Why = u.Line, "its actor is left out"
			if u.File != "" {
				finding.File = u.File
			}
			v.Findings = append(v.Findings, finding)
			continue
		}
		why := ""
		if p.takesBack(c) {
			if why = cannot(p); why == "" {
				continue
			}
			why = "; it is not taken back: " + why
		} else if p.Remedy.Do != DoAlert {
			why = "; it left no rule that could be dealt with"
		}
		finding.Why = p.objection(c) + why
		p.callState(&finding, c, in)
		v.Findings = append(v.Findings, finding)
	}
	if v.Findings == nil {
		return out
	}
	return append(out, v)
}

// objection says why a call is not left out.
func (p *Policy) objection(c *secgroup.Change) string {
	u := p.onChange.Unless
	switch {
	case u == nil:
		return c.EventName + " is a call that the policy tells of"
	case c.Actor.ARN == "":
		return "the record of " + c.EventName + " does not tell its actor, so that nobody is left out"
	case matchActor(u.Actors, c.Actor.ARN):
		return "the actor of " + c.EventName + " is left out, but not with this user agent"
	}
	return "the actor of " + c.EventName + " is none of those that are left out"
}

// callState decides what a call that nobody left out means now.
func (p *Policy) callState(f *Finding, c *secgroup.Change, in *Input) {
	label, until, denied := p.callExcuse(c, in)
	switch {
	case label != "":
		f.State, f.Exemption, f.Until = Exempt, label, until
		f.Why = "exempt by " + label
		if !until.IsZero() {
			f.Why += " until " + dayBefore(until)
		}
		return
	case p.Mode != Enforce:
		f.State = Observing
		f.Why += "; the mode is observe"
	default:
		f.State = Alerting
	}
	for _, d := range denied {
		f.Why += "; " + d
	}
}
