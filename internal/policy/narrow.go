package policy

import (
	"fmt"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// remainder is what one policy would leave of a rule: ports without excess
// stay as they are; on ports with excess the compliant addresses stay, cut to
// `to` if that is given. Under a forbid of `internet` they must be named, in
// `to` or in the exception of the box: 22 from 0.0.0.0/0 would otherwise
// leave the reserved blocks, which nobody asked for. What is exempt or
// baseline stays.
//
//	rule      |20 21 22 23 24 25|   from 0.0.0.0/0
//	excess          |22|            from the internet
//	remainder |20 21|  |23 24 25|   from 0.0.0.0/0
func (j *judgement) remainder(r *ruling) secgroup.Region {
	s, p := r.subject, r.Policy
	if p.isDemanding() {
		return s.region.Intersect(r.kept)
	}
	out := s.region
	for _, c := range p.clauses {
		box := c.forbidden(s.rule.Direction, s.rule.Peer, j.at)
		excess := r.Excess.Intersect(box)
		if excess.IsEmpty() {
			continue
		}
		ports := onPortsOf(s.region, excess)
		stays := ports.Subtract(r.Excess)
		switch {
		case len(p.Remedy.To) > 0:
			stays = stays.WithinAddresses(p.to)
		case c.ofInternet():
			stays = stays.Intersect(j.exceptionsOf(c, s))
		}
		out = out.Subtract(ports).Union(out.Intersect(stays))
	}
	return out.Union(s.region.Intersect(r.kept))
}

// onPortsOf is the part of a region on the protocols and ports of another.
func onPortsOf(r, other secgroup.Region) secgroup.Region {
	var out secgroup.Region
	for _, port := range other.Slices() {
		out = out.Union(r.On(port.Protocols, port.Span))
	}
	return out
}

// exceptionsOf is what the `but` of a clause, or the `these` of an allowOnly,
// names.
func (j *judgement) exceptionsOf(c *clause, s *subject) secgroup.Region {
	var out secgroup.Region
	for _, b := range c.but {
		out = out.Union(b.region(s.rule.Direction, s.rule.Peer, j.at, assumed))
	}
	return out
}

// leftover is what acting policies together leave of a rule, as rules.
type leftover struct {
	rules []secgroup.Rule
	lost  string // what a rule for all protocols gives up; "" = nothing
	unfit string // why the rest cannot be rules of the same kind; "" = it can
}

// leave gives the rules that remain of s: the intersection of what its acting
// policies leave.
func (j *judgement) leave(s *subject, acting []ruling) leftover {
	rest := s.region
	for i := range acting {
		rest = rest.Intersect(j.remainder(&acting[i]))
	}
	var l leftover
	if s.rule.Protocol == secgroup.AllProtocols && !isUniform(rest) {
		rest, l.lost = commonPart(rest, s.rule)
	}
	if rest.IsEmpty() {
		return l
	}
	list, isList := s.rule.Peer.(secgroup.PrefixList)
	if !isList {
		l.rules = rest.Rules(s.rule.Direction, func(string) secgroup.Peer { return s.rule.Peer })
		return l
	}
	ports := onPortsOf(s.region, rest)
	if !rest.Covers(ports) {
		l.unfit = fmt.Sprintf("prefix list %s would have to become addresses, which a rule cannot in place", list.ID)
		return l
	}
	atoms := make([]secgroup.Slice, 0, 4)
	for _, port := range ports.Slices() {
		atoms = append(atoms, secgroup.Slice{Protocols: port.Protocols, Span: port.Span, Atoms: []string{list.ID}})
	}
	l.rules = secgroup.NewRegion(atoms...).Rules(s.rule.Direction, func(string) secgroup.Peer { return list })
	return l
}

// isUniform reports whether a region is for all protocols alike, so that
// rules for all protocols can say it.
func isUniform(r secgroup.Region) bool {
	slices := r.Slices()
	return len(slices) == 1 && slices[0].Protocols == secgroup.EveryProtocol
}

// commonPart keeps tcp, udp and the ICMP of the family, and says what else
// goes.
func commonPart(r secgroup.Region, from secgroup.Rule) (secgroup.Region, string) {
	common, other := r.CommonProtocols()
	if other.IsEmpty() {
		return common, ""
	}
	kept := []string{"tcp", "udp"}
	c, isCIDR := from.Peer.(secgroup.CIDR)
	if !isCIDR || c.Addr().Is4() {
		kept = append(kept, "icmp")
	}
	if !isCIDR || c.Addr().Is6() {
		kept = append(kept, "icmpv6")
	}
	return common, fmt.Sprintf("protocols other than %s", strings.Join(kept, ", "))
}
