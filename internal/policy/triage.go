package policy

import (
	"net/netip"
	"slices"
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
// call changed nothing and concerns nobody. CallConcerned is an answer with and
// without the item.
func (s *Set) Triage(c secgroup.Change, known *Known) Concern {
	if c.ErrorCode != "" {
		return NotConcerned
	}
	return max(s.triageCall(&c, "", known), s.triageRules(c, known))
}

// triageRules answers for what the call may have opened.
func (s *Set) triageRules(c secgroup.Change, known *Known) Concern {
	open := AskItem
	if known != nil {
		open = NotConcerned
		if len(known.OpenIncidents) > 0 {
			open = Concerned
		}
	}
	switch c.Effect {
	case secgroup.Narrows:
		return open
	case secgroup.Describe:
		if s.texts.descriptions {
			return Concerned
		}
		return open
	case secgroup.Retags:
		if s.byTags || s.texts.tags {
			return Concerned
		}
		return open
	case secgroup.Creates:
		return max(ifOpen(open), s.triageGroup(c, known), s.triageAdded(c, known, defaultEgress()))
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
		return max(ifOpen(open), s.triageGroup(c, known), s.triageAdded(c, known, rules))
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

// triageAdded answers for rules that a call added to its group.
func (s *Set) triageAdded(c secgroup.Change, known *Known, rules []secgroup.Rule) Concern {
	x := s.index
	if x == nil || len(x.clauses) == 0 {
		return NotConcerned
	}
	facts := factsOfRecord(c, groupNamed(&c, ""), known)
	t := addition{at: site{groupID: facts.id, accountID: c.AccountID}, rules: rules, known: known}
	worst := NotConcerned
	for i, p := range s.Policies {
		applies := p.applies(&facts)
		if applies == no {
			continue
		}
		concern := t.concern(p, x.touchedBy(i, rules))
		if applies == unknown && concern == Concerned && known == nil {
			concern = AskItem
		}
		if worst = max(worst, concern); worst == Concerned {
			break
		}
	}
	return worst
}

// addition is rules that were added to a group, as a record tells them.
type addition struct {
	at    site
	rules []secgroup.Rule
	known *Known
}

// concern answers for one policy that is meant for the group. Rules that are
// too much by themselves concern it. Rules that overlap its boxes, but may be
// tolerated, or complete no `whole` box, depend on the other rules of the
// group: only an item that holds them all can tell.
func (t *addition) concern(p *Policy, touched bool) Concern {
	if !touched {
		return NotConcerned
	}
	worst := NotConcerned
	for _, dir := range bothDirections {
		u := newUnion(p, func(c *clause, r secgroup.Rule) (secgroup.Region, []secgroup.Region) {
			return c.possible(dir, r.Peer, t.at)
		})
		if t.exceeds(u, dir) {
			return Concerned
		}
		switch {
		case p.perRule || !slices.ContainsFunc(u.sums, func(r secgroup.Region) bool { return !r.IsEmpty() }):
		case t.known == nil:
			worst = AskItem
		case !t.known.Whole:
			return Concerned
		default:
			u = newUnion(p, u.boxes)
			for _, k := range t.known.Rules {
				t.take(u, dir, k.Rule)
			}
			if t.exceeds(u, dir) {
				return Concerned
			}
		}
	}
	return worst
}

// exceeds adds the rules of one direction to a union and reports whether one
// is too much.
func (t *addition) exceeds(u *union, dir secgroup.Direction) bool {
	for _, r := range t.rules {
		if r.Direction == dir {
			r = ownReference(r, t.at.accountID)
			if !u.add(r, r.Region()).IsEmpty() {
				return true
			}
		}
	}
	return false
}

// take adds a remembered rule to a union. Of a prefix list the item has no
// entries: it may be all addresses.
func (t *addition) take(u *union, dir secgroup.Direction, r secgroup.Rule) {
	if r.Direction != dir || r.Peer == nil {
		return
	}
	if _, isList := r.Peer.(secgroup.PrefixList); isList {
		for _, every := range defaultEgress() {
			every.Direction, every.Protocol, every.Ports = dir, r.Protocol, r.Ports
			u.take(every, every.Region())
		}
		return
	}
	r = ownReference(r, t.at.accountID)
	u.take(r, r.Region())
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
