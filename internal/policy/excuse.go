package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// excuse is what of a rule does not count under one policy, and why.
type excuse struct {
	exempt secgroup.Region // by exemptions, or all of it by `except`
	marked secgroup.Region // baseline
	by     []granted
	denied []string // exemptions and exceptions that might be meant and do not apply, one phrase each
	awaits string   // the exception by actor that a record may yet bring in; "" = none
	hinges bool     // on what a prefix list that was not read yet holds: an exemption may cover that
}

// granted is one exemption or exception with what it covers.
type granted struct {
	label string
	flows secgroup.Region
	until time.Time // exclusive; zero = for ever
}

func (e *excuse) flows() secgroup.Region { return e.exempt.Union(e.marked) }

// excuse gathers what excuses a rule under p.
func (j *judgement) excuse(p *Policy, s *subject) excuse {
	var e excuse
	j.excuseByActor(p, s, &e)
	for _, list := range [][]Exemption{j.set.Exemptions, j.in.Exemptions} {
		for i := range list {
			if x := &list[i]; x.Group == j.in.Live.ID && (x.Policy == p.ID || x.Policy == "*") {
				j.excuseByExemption(x, s, &e)
			}
		}
	}
	for _, g := range e.by {
		e.exempt = e.exempt.Union(g.flows)
	}
	if s.known != nil && slices.Contains(s.known.Baseline, p.ID) {
		switch {
		case !j.isMarked(s, p):
			j.void(s, p)
			why := "a record that names the rule voids its baseline mark"
			if j.isAdopted(p) {
				why = "its baseline mark was given up (adopted)"
			}
			e.denied = append(e.denied, why)
		case s.marked.Covers(s.region):
			e.marked = s.region
		default:
			e.marked = s.marked.Intersect(s.region)
			e.denied = append(e.denied, "the baseline mark covers its earlier value only")
		}
	}
	return e
}

// void notes that a mark counts no more.
func (j *judgement) void(s *subject, p *Policy) {
	if j.voided == nil {
		j.voided = map[string][]string{}
	}
	if id := s.rule.ID; !slices.Contains(j.voided[id], p.ID) {
		j.voided[id] = append(j.voided[id], p.ID)
	}
}

func (j *judgement) excuseByActor(p *Policy, s *subject, e *excuse) {
	for _, x := range p.except {
		where := fmt.Sprintf("%s:%d", cmp.Or(x.File, p.File), x.Line)
		switch {
		case !x.Until.IsZero() && !j.in.Now.Before(x.Until):
			e.denied = append(e.denied, fmt.Sprintf("the exception at %s ended on %s", where, dayBefore(x.Until)))
		case s.by == nil:
			e.awaits = where
			e.denied = append(e.denied, fmt.Sprintf("no record names the rule, so that the exception by actor at %s cannot cover it", where))
		case matchActor(x.Actors, s.by.Actor.ARN):
			e.by = append(e.by, granted{exceptLabel + where, s.region, x.Until})
		default:
			e.denied = append(e.denied, fmt.Sprintf("the exception at %s is for other actors", where))
		}
	}
}

func (j *judgement) excuseByExemption(x *Exemption, s *subject, e *excuse) {
	flows := s.region
	if len(x.Rules) > 0 {
		flows = j.exemptFlows(x.Rules, s).Intersect(s.region)
		list, isList := s.rule.Peer.(secgroup.PrefixList)
		e.hinges = e.hinges || isList && !list.Readable && list.Refused == "" && j.in.Now.Before(x.Until)
	}
	switch {
	case flows.IsEmpty():
		e.denied = append(e.denied, fmt.Sprintf("exemption %s is for other flows", x.ID))
	case !j.in.Now.Before(x.Until):
		e.denied = append(e.denied, fmt.Sprintf("exemption %s ended on %s", x.ID, dayBefore(x.Until)))
	default:
		e.by = append(e.by, granted{x.ID, flows, x.Until})
		if !flows.Covers(s.region) {
			e.denied = append(e.denied, fmt.Sprintf("exemption %s covers only a part of it", x.ID))
		}
	}
}

// exemptFlows is what rules of an exemption mean for a rule: a list is meant
// as such, whatever its entries.
func (j *judgement) exemptFlows(rules []secgroup.Rule, s *subject) secgroup.Region {
	var out secgroup.Region
	for _, r := range rules {
		if r.Direction != s.rule.Direction {
			continue
		}
		r = ownReference(r, j.in.Live.AccountID)
		if list, ok := r.Peer.(secgroup.PrefixList); ok {
			live, same := s.rule.Peer.(secgroup.PrefixList)
			if !same || live.ID != list.ID {
				continue
			}
			r.Peer = live
		}
		out = out.Union(r.Region())
	}
	return out
}

// dayBefore is the day before an exclusive end, as files write it.
func dayBefore(until time.Time) string {
	if until.IsZero() {
		return "no day: it has no end"
	}
	return until.Add(-time.Nanosecond).UTC().Format(time.DateOnly)
}

// covering names the exemption or exception that excuses the flows, and when it
// ends: of those that excuse all of them the one that lasts longest, and where it
// takes several, the one of them that ends first. "" stands for a baseline mark
// alone.
func (e *excuse) covering(flows secgroup.Region) (label string, until time.Time) {
	if e.marked.Covers(flows) && !e.exempt.Covers(flows) {
		return "", time.Time{}
	}
	var whole, part *granted
	for i := range e.by {
		g := &e.by[i]
		switch {
		case !g.flows.Overlaps(flows):
		case g.flows.Covers(flows):
			if whole == nil || whole.endsBefore(g) {
				whole = g
			}
		case part == nil || g.endsBefore(part):
			part = g
		}
	}
	if whole == nil {
		whole = part
	}
	if whole == nil {
		return "", time.Time{}
	}
	return whole.label, whole.until
}

// endsBefore reports whether g ends before another does.
func (g *granted) endsBefore(other *granted) bool {
	return !g.until.IsZero() && (other.until.IsZero() || g.until.Before(other.until))
}
