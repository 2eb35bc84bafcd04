package policy

import (
	"net/netip"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Triage answers whether a change of one group can concern a policy: from the
// record alone (known nil), or with the group's item. It is sound: what
// neither tells counts as concerned. Without the item, AskItem says that its
// answer (name, VPC, default, tags, open incidents) decides; with it the
// answer is never AskItem.
//
// Modify, prefix lists and incomplete records are always Concerned. A failed
// call changed nothing and concerns nobody.
func (s *Set) Triage(c secgroup.Change, known *Known) Concern {
	if c.ErrorCode != "" {
		return NotConcerned
	}
	open := AskItem
	if known != nil {
		open = NotConcerned
		if len(known.OpenIncidents) > 0 {
			open = Concerned
		}
	}
	switch c.Effect {
	case secgroup.Narrows, secgroup.Describe:
		return open
	case secgroup.Retags:
		if s.byTags {
			return Concerned
		}
		return open
	case secgroup.Creates:
		return max(ifOpen(open), s.triageRules(c, known, defaultEgress()))
	case secgroup.Names:
		if !c.Complete || len(c.Rules) == 0 || isModify(&c) {
			return Concerned
		}
		rules := make([]secgroup.Rule, 0, len(c.Rules))
		for _, r := range c.Rules {
			if !r.HasValue || r.AnyDirection || !isPlain(r.Rule) {
				return Concerned
			}
			rules = append(rules, r.Rule)
		}
		return max(ifOpen(open), s.triageRules(c, known, rules))
	}
	return Concerned
}

// ifOpen is what open incidents mean for a change that adds: the item tells
// them anyway, as triage's write returns it, so that nobody need ask for them.
func ifOpen(c Concern) Concern {
	if c == Concerned {
		return Concerned
	}
	return NotConcerned
}

// isPlain reports whether a rule can be judged from a record: a valid one of
// a block or group.
func isPlain(r secgroup.Rule) bool {
	_, isList := r.Peer.(secgroup.PrefixList)
	return !isList && r.Validate() == nil
}

// defaultEgress is what EC2 puts into a new group; the IPv6 rule only where
// the VPC has IPv6, which the record does not tell.
func defaultEgress() []secgroup.Rule {
	rule := secgroup.Rule{Direction: secgroup.Egress, Protocol: secgroup.AllProtocols, Ports: secgroup.NoPorts}
	v4, v6 := rule, rule
	v4.Peer = secgroup.NewCIDR(netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	v6.Peer = secgroup.NewCIDR(netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	return []secgroup.Rule{v4, v6}
}

// triageRules answers for rules that a call added to its group.
func (s *Set) triageRules(c secgroup.Change, known *Known, rules []secgroup.Rule) Concern {
	x := s.index
	if x == nil || len(x.clauses) == 0 {
		return NotConcerned
	}
	names := c.Groups
	if len(names) != 1 {
		names = []secgroup.GroupName{{}} // which group is not clear: nothing is known of it
	}
	facts := factsOfRecord(c, names[0], known)
	at := site{groupID: facts.id, accountID: c.AccountID}
	answers := make([]answer, len(s.Policies))
	for i, p := range s.Policies {
		answers[i] = p.applies(facts)
	}
	var buffers [2][16]uint64
	inScope, set := words(buffers[0][:], x.words), words(buffers[1][:], x.words)
	for i, cl := range x.clauses {
		if answers[cl.policy] != no {
			setBit(inScope, i)
		}
	}
	worst := NotConcerned
	for _, r := range rules {
		if !x.touch(&r, inScope, set) {
			continue
		}
		worst = max(worst, s.triageRule(ownReference(r, c.AccountID), set, answers, at, known))
	}
	return worst
}

// triageRule answers for one rule, which may touch the clauses of set.
func (s *Set) triageRule(r secgroup.Rule, set []uint64, answers []answer, at site, known *Known) Concern {
	region := r.Region()
	worst := NotConcerned
	for i, c := range s.index.clauses {
		if set[i/64]&(1<<(i%64)) == 0 || !region.Overlaps(c.possible(r.Direction, r.Peer, at)) {
			continue
		}
		if answers[c.policy] == yes || known != nil {
			return Concerned
		}
		worst = AskItem
	}
	return worst
}

// factsOfRecord is what record and item tell of the group.
func factsOfRecord(c secgroup.Change, g secgroup.GroupName, known *Known) groupFacts {
	f := groupFacts{id: g.ID, name: g.Name, vpc: g.VPCID, account: c.AccountID, region: c.Region}
	// Calls may name a group regardless of case; only its creation spells it.
	f.anyCase = c.Effect != secgroup.Creates
	if known != nil {
		f.tags, f.isDefault = known.Tags, known.Default
		if known.Name != "" {
			f.name, f.anyCase = known.Name, false
		}
		if known.VPCID != "" {
			f.vpc = known.VPCID
		}
	}
	if f.isDefault == nil && f.name != "" {
		// EC2 refuses the name for other groups, regardless of case.
		isDefault := strings.EqualFold(f.name, "default")
		f.isDefault = &isDefault
	}
	return f
}
