package policy

import "github.com/sgwarden/sgwarden/internal/secgroup"

// A VPC has at most 50 blocks of a family, /16 (IPv4) and /44 (IPv6) at the
// widest (VPC quotas, read 2025-11). More addresses than that, and than what
// is tolerated, are too many whatever the blocks of the group's VPCs are.
var (
	vpcIPv4 = secgroup.CountOf(16, false).Times(50)
	vpcIPv6 = secgroup.CountOf(44, true).Times(50)
)

// needsFor gives the facts that could change what a due rule comes to.
func (j *judgement) needsFor(r *ruling) []Need {
	switch r.State {
	case BeforeAct, Baseline, Exempt:
		return nil // stands either way
	}
	if j.at.vpcsKnown || !r.Policy.dependsOnVPCs() || r.subject.isOpaque() {
		return nil
	}
	if _, isReference := r.subject.rule.Peer.(secgroup.GroupReference); isReference || j.isCertain(r) {
		return nil
	}
	return []Need{NeedVPCs}
}

// isCertain reports whether a rule violates in the same way whatever the
// blocks of the VPCs are: on some port where the whole rule goes; on every
// port with excess where a part of it stays.
func (j *judgement) isCertain(r *ruling) bool {
	p := r.Policy
	narrows := p.Remedy.Do == DoNarrow || r.subject.isDefaultEgress()
	if narrows && p.to.Overlaps(internetAddresses()) {
		return false
	}
	most4, most6 := p.bound4.Add(vpcIPv4), p.bound6.Add(vpcIPv6)
	certain := false
	for _, port := range r.Excess.Slices() {
		if port.IPv4.Count().Cmp(most4) > 0 || port.IPv6.Count().Cmp(most6) > 0 {
			certain = true
		} else if narrows {
			return false
		}
	}
	for _, c := range p.clauses {
		if narrows && !c.shrinksOnly() {
			return false
		}
	}
	return certain
}

// needsBeyond gives what could make flows of a rule violate p that do not as
// far as is known: the blocks of the VPCs, where they can add to what a
// clause forbids.
func (j *judgement) needsBeyond(p *Policy, s *subject, flows secgroup.Region) []Need {
	if need := j.needsOfDemands(p, s, flows); need != "" {
		return []Need{need}
	}
	if j.at.vpcsKnown {
		return nil
	}
	for _, c := range p.clauses {
		if c.shrinksOnly() || c.demand != nil && !c.demand.mayLack(&s.rule, &j.in.Facts.Surroundings) {
			continue
		}
		if box, _ := c.possible(s.rule.Direction, s.rule.Peer, j.at); flows.Overlaps(box) {
			return []Need{NeedVPCs}
		}
	}
	return nil
}

// needsOfDemands gives a fact that p lacks to tell whether flows of a rule have
// what it requires; "" = none.
func (j *judgement) needsOfDemands(p *Policy, s *subject, flows secgroup.Region) Need {
	if !p.isDemanding() {
		return ""
	}
	for _, c := range p.clauses {
		if l := c.demand.lack(&s.rule, &j.in.Facts.Surroundings); l.need != "" && flows.Overlaps(c.region(s.rule.Direction, s.rule.Peer, j.at, atMost)) {
			return l.need
		}
	}
	return ""
}
