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

// open writes what is about to be done, before any of it is: the item, the
// incidents, and the lease that keeps others from doing it too. Where there is
// nothing to do, to say or to close it writes nothing.
func (j *judging) open(ctx context.Context) error {
	if len(j.plan.Actions) == 0 && len(j.holding) == 0 {
		j.charge = nil // nothing is touched
	}
	if len(j.plan.Actions) == 0 && len(j.drafts) == 0 && j.charge == nil {
		return nil
	}
	if err := j.askAgain(ctx); err != nil {
		return err
	}
	opening := incident.Opening{
		GroupID: j.groupID, Version: j.mem.Known.Version, Known: j.known, Fuse: j.charge, Now: j.w.now(),
	}
	opening.Lease = incident.Lease{Holder: j.holder, Until: opening.Now.Add(j.w.cfg.Lease)}
	for _, d := range j.drafts {
		inc := d.inc
		inc.Status = statusOpen
		opening.Incidents = append(opening.Incidents, inc)
	}
	version, err := j.w.cfg.Ledger.Open(ctx, opening)
	if err != nil {
		return outpaced(unwritable(err))
	}
	j.version, j.opened = version, true
	if j.charge != nil {
		j.w.pageFuse(ctx, j.charge.Hold, j.charge.Counts)
	}
	return nil
}

// outpaced makes of a lease that another took meanwhile what it is: a group
// that must be observed again, where the lease is waited for.
func outpaced(err error) error {
	if errors.Is(err, incident.ErrLeased) {
		return fmt.Errorf("%w: %w", incident.ErrConflict, err)
	}
	return err
}

const (
	causeAfter  = "after"
	causeSettle = "settle"
	causeRetry  = "retry"

	// Bounds of the delay of an own message: SQS takes 15 minutes at most, and
	// clocks differ by less than the shortest.
	shortestDelay = time.Second
	longestDelay  = 15 * time.Minute
)

// ask is one look that is wanted later.
type ask struct {
	cause, incident string
	at              time.Time // zero = as late as can be
}

// askAgain puts a message behind a delay for every wait that begins now,
// before the wait is written down: a wait that nobody ends would be worse than
// one look too many. A round after a conflict does not ask for the same again.
func (j *judging) askAgain(ctx context.Context) error {
	for _, a := range j.asks() {
		if slices.Contains(j.askedFor, a) {
			continue
		}
		delay := longestDelay
		if !a.at.IsZero() {
			delay = delayUntil(a.at, j.now)
		}
		if err := j.w.cfg.Queue.JudgeAgain(ctx, j.groupID, a.cause, a.incident, delay); err != nil {
			return err
		}
		j.askedFor = append(j.askedFor, a)
	}
	return nil
}

// asks are the looks that this judging wants. What asks for a wait that was
// begun earlier has its message already, unless it is that message.
func (j *judging) asks() (all []ask) {
	for _, e := range j.waits() {
		if e.draft != nil && e.draft.stored != nil && e.draft.stored.Outcome == incident.Pending && !j.asked(e.incident) {
			continue
		}
		cause := causeRetry
		if !e.until.IsZero() {
			cause = causeAfter
		}
		if e.told && isLong(e.until, j.now) {
			continue // it stands in the incident, and the sweep asks when it is over
		}
		switch {
		case e.draft != nil && e.draft.stranger:
			cause = causeRetry
		case !e.told:
			cause = causeSettle
		}
		all = append(all, ask{cause, e.incident, e.until})
	}
	if at := j.unseenEgress(); !at.IsZero() {
		all = append(all, ask{causeSettle, "", at})
	}
	if until := j.restWaits(); !until.IsZero() {
		all = append(all, ask{causeAfter, "", until.Add(settledLater)})
	}
	return all
}

// unseenEgress is when to look again for the default egress of a group that was
// just made: EC2 may not show it yet, and no record names it. Policies are about
// it, or the group would not have been read. Zero = it is there, or the group
// was not read, or is so old that its maker took it away.
func (j *judging) unseenEgress() (at time.Time) {
	if j.live.Rules == nil || slices.ContainsFunc(j.live.Rules, func(r secgroup.Rule) bool {
		return r.Direction == secgroup.Egress && r.Protocol == secgroup.AllProtocols
	}) {
		return at
	}
	for _, r := range j.records {
		if r.change.Effect == secgroup.Creates && !r.decided && r.young(j.now) {
			at = notAfter(r.change.EventTime, j.now).Add(visibleAfter)
		}
	}
	return at
}

// isLong reports whether a wait that begins now ends later than a message can
// be delayed; zero = it has no end that is known.
func isLong(until, now time.Time) bool { return until.Sub(now) > longestDelay }

// delayUntil keeps a delay within the bounds.
func delayUntil(until, now time.Time) time.Duration {
	return min(max(until.Sub(now), shortestDelay), longestDelay)
}

// restWaits is when the first wait ends under a policy that refuses what the
// remedies of this judging leave; zero = there is none. Their incidents close,
// so nothing else would ask again.
func (j *judging) restWaits() (first time.Time) {
	for _, e := range j.ends {
		if !e.act {
			continue
		}
		for _, f := range e.verdict.Findings {
			refuses := func(r secgroup.Rule) bool { return waitsFor(f, r) }
			if (first.IsZero() || f.Until.Before(first)) && slices.ContainsFunc(e.after, refuses) {
				first = f.Until
			}
		}
	}
	return first
}

// waitingFor are the policies that refuse what is left of a rule, but wait.
func (e *end) waitingFor(left secgroup.Rule) (ids []string) {
	for _, f := range e.verdict.Findings {
		if waitsFor(f, left) {
			ids = append(ids, f.Policy.ID)
		}
	}
	return ids
}

func waitsFor(f policy.Finding, r secgroup.Rule) bool {
	return f.State == policy.Waiting && f.Excess.Overlaps(r.Region())
}

// waits are the rules that wait, one per incident, the earliest first.
func (j *judging) waits() []*end {
	var out []*end
	for _, rv := range j.verdict.All() {
		e := j.ends[rv.Rule.ID]
		if e == nil || e.outcome != incident.Pending || e.seen || e.listed {
			continue
		}
		i := slices.IndexFunc(out, func(o *end) bool { return o.draft == e.draft })
		switch {
		case i < 0:
			out = append(out, e)
		case !e.until.IsZero() && e.until.Before(out[i].until):
			out[i] = e
		}
	}
	for _, d := range j.drafts {
		if d.stranger && d.ends[0].outcome == incident.Pending {
			out = append(out, d.ends[0])
		}
	}
	return out
}

// hasEvent reports whether a record of this judging tells of a call, and not
// only asks to look.
func (j *judging) hasEvent() bool {
	return slices.ContainsFunc(j.records, func(r *record) bool { return r.change.Effect != secgroup.Asks })
}

// asked reports whether a Judge Group message of this judging asks about the
// incident.
func (j *judging) asked(incidentID string) bool {
	return slices.ContainsFunc(j.records, func(r *record) bool { return r.change.IncidentID == incidentID && incidentID != "" })
}
