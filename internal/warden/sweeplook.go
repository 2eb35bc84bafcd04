package warden

import (
	"context"
	"errors"
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
	j.facts.Lists = p.lists
	return j
}

// glance judges the group as the page told it. Its rules get the ids of those
// in the item that have their values: a group has each value once.
func (l *look) glance(ctx context.Context, mem incident.Memory) error {
	ids := map[string][]string{}
	for _, id := range sortedKeys(mem.Known.Rules) {
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
	l.same = mem.Known.Whole && unknown == 0 && len(g.Rules) == len(mem.Known.Rules) && l.hasLists()
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

// evaluate asks the policies, and asks again with the facts that they lacked.
// Lists are read wherever a policy may mind them, also where the rule stands
// either way: a mark is to be about their entries.
func (l *look) evaluate(ctx context.Context) error {
	for range 4 {
		l.j.verdict = l.p.w.cfg.Set.Evaluate(l.j.input())
		needs := slices.Clone(l.j.verdict.Needs)
		if l.mindsUnreadList() && !slices.Contains(needs, policy.NeedLists) {
			needs = append(needs, policy.NeedLists)
		}
		if len(needs) == 0 {
			return nil
		}
		for _, need := range needs {
			if err := l.fetch(ctx, need); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *look) mindsUnreadList() bool {
	return slices.ContainsFunc(l.j.verdict.Rules, func(rv policy.RuleVerdict) bool {
		list, ok := rv.Rule.Peer.(secgroup.PrefixList)
		return ok && !list.Readable && list.Refused == "" &&
			slices.ContainsFunc(rv.Findings, func(f policy.Finding) bool { return f.State != policy.Fine })
	})
}

// fetch reads a kind of fact, once for all groups.
func (l *look) fetch(ctx context.Context, need policy.Need) (err error) {
	p := l.p
	if need != policy.NeedVPCs {
		lists := len(p.lists)
		err = l.j.fetch(ctx, need)
		p.count(func(c *SweepCounts) { c.Calls.EC2 += len(p.lists) - lists })
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
	return reason != "" || len(l.j.mem.Known.OpenIncidents) > 0 || slices.ContainsFunc(l.j.verdict.Rules, func(rv policy.RuleVerdict) bool {
		return len(l.standing(&rv)) > 0
	})
}

// restsOnIDs reports whether some rule is let be for what is known of its id:
// it is marked, or who made it is excepted. Another rule with its value is not.
func (l *look) restsOnIDs() bool {
	return slices.ContainsFunc(l.j.verdict.Rules, func(rv policy.RuleVerdict) bool {
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

// lookOnce reads groups again, items before rules, judges them and writes what
// is new. again are those that another is writing.
func (p *pass) lookOnce(ctx context.Context, looks []*look) (again []*look, err error) {
	if err := aside(looks, func(l *look) error { return l.observe(ctx) }); err != nil {
		return nil, err
	}
	rules, err := p.rules(ctx, looks)
	if err != nil {
		return nil, err
	}
	writes := map[*look]policy.Known{}
	var writing []*look
	for _, l := range looks {
		known, retry, err := l.judge(ctx, rules[l.group.ID])
		switch {
		case err != nil:
			return nil, err
		case retry:
			l.again = true
			again = append(again, l)
		case l.left == 0 && !sameItem(known, l.j.mem.Known):
			writes[l] = known
			writing = append(writing, l)
		}
	}
	late := make(map[*look]bool, len(writing))
	err = aside(writing, func(l *look) error {
		err := l.write(ctx, writes[l])
		if errors.Is(err, incident.ErrConflict) || errors.Is(err, incident.ErrLeased) {
			p.mu.Lock()
			defer p.mu.Unlock()
			late[l] = true
			return nil
		}
		return err
	})
	for _, l := range writing {
		if late[l] {
			l.again, l.observed, l.reason = true, false, ""
			again = append(again, l)
		}
	}
	return again, err
}

// observe reads what the ledger has of the group, where more of it counts than
// its item, or where the item is not the one that the page met.
func (l *look) observe(ctx context.Context) error {
	if !l.again && (l.same && !l.isHot() || l.isFirst()) {
		return nil
	}
	l.p.count(func(c *SweepCounts) { c.Calls.Ledger += 2 })
	mem, err := l.p.w.cfg.Ledger.Observe(ctx, l.group.ID)
	if err != nil {
		return ledgerFault(err)
	}
	l.j.mem, l.j.now, l.observed = mem, l.p.w.now(), true
	return nil
}

// isFirst reports whether the group has no item and nothing about it is to be
// marked or asked: what there is of the ledger is all.
func (l *look) isFirst() bool { return !l.j.mem.Known.Exists && !l.isHot() }

// judge judges the group by its rules with their ids, and gives the item as it
// is to be. retry is true where that must be done again, on a newer item.
func (l *look) judge(ctx context.Context, read *readRules) (known policy.Known, retry bool, err error) {
	switch {
	case read.fault != nil:
		l.left = leftUnread
		l.p.w.cfg.Logger.ErrorContext(ctx, "sweep: group is not understood", "group_id", l.group.ID, "error", read.fault.Error())
		return known, false, nil
	case len(read.rules) == 0 && len(l.group.Rules) > 0:
		l.left = leftVanished // gone, or emptied just now: the next pass sees which
		return known, false, nil
	case l.observed && l.j.leased():
		l.observed = false
		return known, true, nil
	}
	mem := l.j.mem
	if !l.observed {
		mem.Controls = l.p.controls
	}
	g := l.group
	g.Rules = l.p.w.normalRules(read.rules, g.AccountID)
	l.j = l.p.judging(g, mem)
	if err := l.evaluate(ctx); err != nil {
		return known, false, err
	}
	if !l.observed && l.isHot() {
		return known, true, nil
	}
	known = l.j.remember()
	l.marked = l.mark(&known)
	l.reason, l.delay = l.asks()
	return known, false, nil
}

// write writes the item, on condition of the version that was read before the
// rules were.
func (l *look) write(ctx context.Context, known policy.Known) error {
	l.p.count(func(c *SweepCounts) { c.Calls.Ledger++ })
	err := l.p.w.cfg.Ledger.Close(ctx, incident.Closing{GroupID: l.group.ID, Version: l.j.version, Known: known, Now: l.p.w.now()})
	switch {
	case err == nil:
		l.p.count(func(c *SweepCounts) {
			c.Written++
			for id, n := range l.marked {
				c.Marked[id] += n
			}
		})
		return nil
	case errors.Is(err, incident.ErrInvalid):
		// One group must not keep all others from being swept.
		l.left = leftFailed
		l.p.w.cfg.Logger.ErrorContext(ctx, "sweep: item cannot be written", "group_id", l.group.ID, "error", err.Error())
		return nil
	}
	return ledgerFault(err)
}

// asks says why the guard is to look at the group, and when.
func (l *look) asks() (SweepReason, time.Duration) {
	found := map[SweepReason]time.Time{} // until when it may wait
	for _, rv := range l.j.verdict.Rules {
		if e := l.j.endOf(rv); e != nil && !e.seen {
			if reason, until := l.reasonOf(e); reason != "" {
				found[reason] = until
			}
		}
	}
	if l.hasOpenTooLong() {
		found[SweepOpen] = time.Time{}
	}
	for _, reason := range []SweepReason{SweepLapsed, SweepDue, SweepWaiting, SweepOpen} {
		if until, ok := found[reason]; ok {
			return reason, min(max(until.Sub(l.j.now), sweepDelay), longestDelay)
		}
	}
	return "", 0
}

// reasonOf says why the guard is to look at a rule; "" = it need not. What
// waits or is held has its message or its incident, if it is known.
func (l *look) reasonOf(e *end) (SweepReason, time.Time) {
	known, isKnown := l.j.mem.Known.Rules[e.rule.ID]
	switch {
	case e.act, e.outcome == incident.Observed, e.outcome == incident.Alerted, e.outcome == incident.Tagged:
		if known.Exemption != "" && worst(e.verdict, policy.Exempt) == nil {
			return SweepLapsed, time.Time{}
		}
		return SweepDue, time.Time{}
	case e.outcome != incident.Pending:
		return "", time.Time{}
	case !e.until.IsZero():
		if isKnown && !l.j.grew(known, e.rule) {
			return "", time.Time{}
		}
		return SweepWaiting, e.until
	case known.IncidentID != "" && slices.Contains(l.j.mem.Known.OpenIncidents, known.IncidentID):
		return "", time.Time{}
	}
	return SweepDue, time.Time{}
}

// hasOpenTooLong reports whether an incident is open that its own messages
// should have ended by now.
func (l *look) hasOpenTooLong() bool {
	return slices.ContainsFunc(l.j.mem.Open, func(i incident.Incident) bool {
		since := i.OpenedAt
		if i.LearntAt.After(since) {
			since = i.LearntAt
		}
		return l.j.now.Sub(since) >= openTooLong
	})
}
