package warden

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// ask asks the guard to look at groups.
func (p *pass) ask(ctx context.Context, looks []*look) error {
	asking := slices.DeleteFunc(slices.Clone(looks), func(l *look) bool { return l.reason == "" })
	return aside(asking, func(l *look) error {
		if err := p.askFor(ctx, l.group.ID, l.reason, l.delay); err != nil {
			return err
		}
		// What else is asked must not wait for the end of an exemption, nor that for it.
		if end := l.lapsesIn(); end != 0 && end != l.delay {
			return p.askFor(ctx, l.group.ID, SweepLapsed, end)
		}
		return nil
	})
}

// askFor asks the guard to look at a group, or a list.
func (p *pass) askFor(ctx context.Context, id string, reason SweepReason, delay time.Duration) error {
	p.count(func(c *SweepCounts) { c.Calls.Queue++ })
	// Without the incident's id: with it, a judging would put a message of its
	// own behind every wait, beside the one that is under way.
	if err := p.w.cfg.Queue.JudgeAgain(ctx, id, causeSweep, "", delay); err != nil {
		return err
	}
	p.count(func(c *SweepCounts) { c.Enqueued[reason]++ })
	return nil
}

// asks says why the guard is to look at the group, and when.
func (l *look) asks() (SweepReason, time.Duration) {
	found := map[SweepReason]time.Time{} // until when it may wait
	for _, rv := range l.j.verdict.All() {
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
			return reason, l.delayTo(until)
		}
	}
	if end := l.lapsesIn(); end != 0 {
		return SweepLapsed, end
	}
	return "", 0
}

// lapsesIn is the delay to the first end of an exemption; 0 = none ends soon.
func (l *look) lapsesIn() (delay time.Duration) {
	if end := l.endsSoon(); !end.IsZero() {
		delay = l.delayTo(end.Add(time.Second)) // clocks differ
	}
	return delay
}

func (l *look) delayTo(until time.Time) time.Duration {
	return min(max(until.Sub(l.j.now), sweepDelay), longestDelay)
}

// reasonOf says why the guard is to look at a rule; "" = it need not. What
// waits or is held has its message or its incident, if it is known.
func (l *look) reasonOf(e *end) (SweepReason, time.Time) {
	known, isKnown := l.j.mem.Known.Rules[e.rule.ID]
	if _, _, ok := l.ofList(e); ok {
		return "", time.Time{} // the list is asked for
	}
	switch {
	case e.act, e.outcome == incident.Observed, e.outcome == incident.Alerted, e.outcome == incident.Tagged:
		if known.Exemption != "" && worst(e.verdict, policy.Exempt) == nil {
			return SweepLapsed, time.Time{}
		}
		return SweepDue, time.Time{}
	case e.outcome == incident.Exempt: // what an operator put back, and nobody was told
		return SweepDue, time.Time{}
	case e.outcome != incident.Pending:
		return "", time.Time{}
	case strings.HasSuffix(known.Reported, unreadMark) && tellsOfList(e.verdict):
		return SweepDue, time.Time{} // what was lacking for its list is asked for again
	case !e.until.IsZero():
		if isKnown && !l.j.grew(known, e.rule) && !l.endsLong(known.IncidentID, e.until) {
			return "", time.Time{}
		}
		return SweepWaiting, e.until
	case known.IncidentID != "" && slices.Contains(l.j.mem.Known.OpenIncidents, known.IncidentID):
		return "", time.Time{}
	}
	return SweepDue, time.Time{}
}

// endsLong reports whether the wait of an incident of the group that was too long
// for a message is about to be over.
func (l *look) endsLong(incidentID string, until time.Time) bool {
	return slices.ContainsFunc(l.j.mem.Open, func(i incident.Incident) bool {
		return i.ID == incidentID && endsLong(i, until, l.j.now)
	})
}

// hasOpenTooLong reports whether an incident is open that its own messages
// should have ended by now.
func (l *look) hasOpenTooLong() bool {
	return slices.ContainsFunc(l.j.mem.Open, func(i incident.Incident) bool {
		return l.j.now.Sub(begun(i)) >= openTooLong && !l.waits(i)
	})
}

// waits reports whether a rule of an incident waits for longer than a message
// can.
func (l *look) waits(i incident.Incident) bool {
	return slices.ContainsFunc(l.j.verdict.All(), func(rv policy.RuleVerdict) bool {
		e := l.j.endOf(rv)
		return e != nil && e.outcome == incident.Pending && isLong(e.until, begun(i)) && e.until.After(l.j.now) &&
			slices.ContainsFunc(i.Rules, func(r incident.Rule) bool { return r.ID == rv.Rule.ID })
	})
}

// begun is when guard knew of an incident.
func begun(i incident.Incident) time.Time {
	if i.LearntAt.After(i.OpenedAt) {
		return i.LearntAt
	}
	return i.OpenedAt
}
