package policy

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// CallAccounts is what every policy that judges calls says of a call at hand
// of a verdict, which is Evaluate's on the same input, in policy order. A policy
// that takes back what the call opened is told with its finding on the first of
// those rules.
func (s *Set) CallAccounts(in Input, c secgroup.Change, v Verdict) []Account {
	facts := factsOfRecord(c, groupNamed(&c, in.Live.ID), &in.Known)
	var findings []Finding
	for _, call := range v.Calls {
		if call.Change.EventID == c.EventID {
			findings = append(findings, call.Findings...)
		}
	}
	for _, r := range v.Rules {
		findings = append(findings, r.Findings...)
	}
	var out []Account
	for _, i := range s.calls {
		p := s.Policies[i]
		a := Account{Policy: p}
		if p.appliesToCall(&c, facts) == no {
			if a.OutOfScope, _ = p.meantFor(facts); a.OutOfScope == "" {
				a.OutOfScope = "only for calls that name a group"
			}
		} else {
			a.Finding = Finding{Policy: p, File: p.File, Line: p.onChange.Line, State: Fine}
			if k := slices.IndexFunc(findings, func(f Finding) bool { return f.Policy == p }); k >= 0 {
				a.Finding = findings[k]
			}
			if a.isFine() {
				a.Fine = p.whyNoCall(c, a.Finding)
			}
		}
		out = append(out, a)
	}
	return out
}

func (p *Policy) whyNoCall(c secgroup.Change, f Finding) string {
	switch {
	case f.Why != "":
		return f.Why
	case !p.onChange.watches(c.EventName):
		return "it is about other calls"
	}
	return "the call changed nothing that it could take back"
}
