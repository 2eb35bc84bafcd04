package warden

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// look is what a sweep makes of one group.
type look struct {
	p     *pass
	group secgroup.Group // as the page told it: rules without ids
	j     *judging       // of the group as far as it is known
	same  bool           // the item has exactly the rules of the page
	// observed is true where j.mem has the group's own controls and open
	// incidents, and was read before its rules.
	observed bool
	again    bool       // another was writing the item, or there was more to it
	left     leftBehind // why the item was not brought up to date
	marked   map[string]int
	dropped  map[string]string // lists that nothing of the group leads to any more, with their incidents

	reason SweepReason // why the guard is to look; "" = it is not
	delay  time.Duration
}

// leftBehind is why a group was left as it is.
type leftBehind uint8

const (
	leftUnread   leftBehind = 1 + iota // a rule is not understood
	leftVanished                       // it went, or lost all its rules
	leftFailed                         // the ledger will not take its item
)

// judging makes the judging of a group that no record asks for. It is only
// evaluated and remembered, and never opens or applies anything.
func (p *pass) judging(g secgroup.Group, mem incident.Memory) *judging {
	j := &judging{w: p.w, groupID: g.ID, mem: mem, version: mem.Known.Version, live: g, exists: true, now: p.w.now()}
	j.facts = j.factsOf(mem.Controls)
	j.facts.Lists, j.shared = p.lists, &p.around
	return j
}

// glance judges the group as the page told it. Its rules get the ids of those
// in the item that have their values: a group has each value once.
func (l *look) glance(ctx context.Context, mem incident.Memory) error {
	ids, entries := map[string][]string{}, 0
	for _, id := range sortedKeys(mem.Known.Rules) {
		if secgroup.IsGroupEntry(id) {
			continue
		}
		entries++
		value := mem.Known.Rules[id].Rule.Value()
		ids[value] = append(ids[value], id)
	}
	g := l.group
	g.Rules = slices.Clone(g.Rules)
	unknown := 0
	for i := range g.Rules {
		value := g.Rules[i].Value()
		if len(ids[value]) == 0 {
			unknown++
			continue
		}
		g.Rules[i].ID, ids[value] = ids[value][0], ids[value][1:]
	}
	l.j = l.p.judging(g, mem)
	if err := l.evaluate(ctx); err != nil {
		return err
	}
	l.same = mem.Known.Whole && unknown == 0 && len(g.Rules) == entries && l.hasLists() && l.hasOfGroup(len(mem.Known.Rules)-entries)
	return nil
}

// hasLists reports whether the item has the entries of every list as they were
// read now.
func (l *look) hasLists() bool {
	return !slices.ContainsFunc(l.j.live.Rules, func(r secgroup.Rule) bool {
		known := l.j.mem.Known.Rules[r.ID]
		return listDigest(r, known) != known.ListDigest
	})
}

// hasOfGroup reports whether the item has what policies find of the group
// itself, and no more.
func (l *look) hasOfGroup(entries int) bool {
	return len(l.j.verdict.Group) == entries && !slices.ContainsFunc(l.j.verdict.Group, func(rv policy.RuleVerdict) bool { return rv.Known == nil })
}

// evaluate asks the policies, and asks again with the facts that they lacked.
// Lists are read wherever a policy may mind them, also where the rule stands
// either way: a mark is to be about their entries.
func (l *look) evaluate(ctx context.Context) error {
	return settled(func() []policy.Need {
		l.j.verdict = l.p.w.cfg.Set.Evaluate(l.j.input())
		needs := slices.Clone(l.j.verdict.Needs)
		if l.mindsUnreadList() && !slices.Contains(needs, policy.NeedLists) {
			needs = append(needs, policy.NeedLists)
		}
		return needs
	}, func(need policy.Need) error { return l.fetch(ctx, need) })
}

func (l *look) mindsUnreadList() bool {
	return slices.ContainsFunc(l.j.verdict.Rules, func(rv policy.RuleVerdict) bool {
		list, ok := rv.Rule.Peer.(secgroup.PrefixList)
		return ok && !list.Readable && list.Refused == "" &&
			slices.ContainsFunc(rv.Findings, func(f policy.Finding) bool { return f.State != policy.Fine })
	})
}

// fetch reads a kind of fact, once for all groups that it is the same for.
func (l *look) fetch(ctx context.Context, need policy.Need) (err error) {
	p := l.p
	if need != policy.NeedVPCs {
		before := len(p.lists) + len(p.around.read)
		err = l.j.fetch(ctx, need)
		calls := len(p.lists) + len(p.around.read) - before
		if need == policy.NeedInterfaces || need == policy.NeedUsers {
			calls++ // each group has its own
		}
		p.count(func(c *SweepCounts) { c.Calls.EC2 += calls })
		return err
	}
	if p.networks == nil {
		p.count(func(c *SweepCounts) { c.Calls.EC2++ })
		if p.networks, err = p.s.survey.Networks(ctx); err != nil {
			return fmt.Errorf("read the networks: %w", err)
		}
	}
	if l.j.live.VPCs, err = p.networks(l.group); err == nil {
		return nil
	}
	p.count(func(c *SweepCounts) { c.Calls.EC2++ })
	return l.j.fetch(ctx, need) // its VPC is newer
}

// isHot reports whether something may be to mark, to ask or to end: then the
// group's own controls and open incidents count.
func (l *look) isHot() bool {
	reason, _ := l.asks()
	return reason != "" || len(l.j.mem.Known.OpenIncidents) > 0 || slices.ContainsFunc(l.j.verdict.All(), func(rv policy.RuleVerdict) bool {
		return len(l.standing(&rv)) > 0
	})
}

// restsOnIDs reports whether some rule is let be for what is known of its id:
// it is marked, or who made it is excepted. Another rule with its value is not.
// A mark on the group itself counts too, as its own controls may void it.
func (l *look) restsOnIDs() bool {
	return slices.ContainsFunc(l.j.verdict.All(), func(rv policy.RuleVerdict) bool {
		return slices.ContainsFunc(rv.Findings, func(f policy.Finding) bool {
			return f.State == policy.Baseline || f.IsByActor()
		})
	})
}

// hasIDs reports whether the rules are those whose ids the glance took.
func (l *look) hasIDs(live []secgroup.Rule) bool {
	return len(live) == len(l.j.live.Rules) && !slices.ContainsFunc(live, func(r secgroup.Rule) bool {
		known, ok := l.j.mem.Known.Rules[r.ID]
		return !ok || !known.Rule.SameValue(ownReference(r, l.group.AccountID))
	})
}
