package warden

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	reasonLedgerDown = "ledger-down"

	// blindMost bounds what one process removes without the ledger: without it
	// nothing tells what stood before, so the damage of a fault stays small.
	blindMost = 20
)

// judgeBlind is the path without the ledger. "Down" is not "no item": what
// stood before, what is exempt and what is open cannot be known. So only rules
// that a record names with their live value are removed, only under severe
// policies, and every message comes again.
func (j *judging) judgeBlind(ctx context.Context, down *ledgerError) {
	j.w.cfg.Logger.ErrorContext(ctx, "ledger down", "group_id", j.groupID, "error", down.Error())
	j.drafts = nil // what they were to become was not written
	j.recallControls(ctx, down)
	j.revokeBlind(ctx, blindNote(down, j.recalled))
	for _, r := range j.records {
		if !r.decided {
			r.decide(incident.Unresolved, reasonLedgerDown, true)
		}
		r.decision.Retry = true
	}
	j.keepBlind()
}

// recallTime bounds the one read of recallControls: a ledger that hangs must not
// take the time that is left for the rules.
const recallTime = 500 * time.Millisecond

// recallControls reads exemptions and pauses where only a write failed: what a
// person agreed to, or put back, is kept to as long as it can be read.
func (j *judging) recallControls(ctx context.Context, down *ledgerError) {
	if j.recalled || !down.write || !j.timeLeft(ctx) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	mem, err := j.w.cfg.Ledger.Observe(ctx, j.groupID)
	if err != nil {
		return // said by the note
	}
	j.mem.Controls, j.recalled = mem.Controls, true
}

// blindNote says what went wrong, and what therefore is not known.
func blindNote(down *ledgerError, recalled bool) string {
	const again = "; all is judged again when it is back"
	switch {
	case !down.write:
		return "the ledger could not be read: what stood before, exemptions of the ledger and open incidents are not known" + again
	case recalled:
		return "the ledger could not be written: its exemptions and pauses were kept to, what stood before and open incidents were not looked at" + again
	}
	return "the ledger could not be written, nor read: what stood before, exemptions of the ledger and open incidents are not known" + again
}

// revokeBlind removes what may be removed without the ledger; note goes into
// every incident of it.
func (j *judging) revokeBlind(ctx context.Context, note string) {
	if j.w.cfg.LedgerDown == policy.HoldBack || j.w.cfg.Mode != policy.Enforce {
		return
	}
	if !slices.ContainsFunc(j.records, func(r *record) bool { return len(r.named()) > 0 }) {
		return
	}
	rules, err := j.severeNamed(ctx)
	if err != nil {
		return
	}
	// All or nothing would keep open what comes in one call with many others.
	rules = rules[:j.w.removed.reserve(len(rules))]
	if len(rules) == 0 {
		return
	}
	j.journal, j.readBack, j.unwritten = nil, nil, true
	acting := policy.Verdict{GroupID: j.groupID}
	for _, rv := range rules {
		rv.Decision, rv.Remaining = policy.Revert, nil
		e := &end{rule: rv.Rule, verdict: rv, act: true}
		d := &draft{inc: incident.Incident{ID: incident.EventID(j.groupID, rv.Rule.ID, rv.By.EventID)}}
		d.inc.Published = j.w.removed.published(d.inc.ID)
		e.draft, e.incident, d.ends = d, d.inc.ID, []*end{e}
		j.ends[rv.Rule.ID] = e
		j.drafts = append(j.drafts, d)
		acting.Rules = append(acting.Rules, rv)
	}
	j.plan = plan.Build(acting, j.live, policy.Known{}, plan.Limits{})
	j.story.Before, j.story.Verdict, j.story.Plan, j.story.After = j.live, j.verdict, j.plan, j.live.Rules
	for _, d := range j.drafts {
		j.fill(d)
		d.inc.Notes = []string{note}
	}
	j.apply(ctx)
	j.settle(ctx)
	for _, e := range j.ends {
		if e.outcome == incident.Reverted {
			e.reason = reasonLedgerDown
		}
	}
	j.publish(ctx)
}

// severeNamed are the live rules that a record names and that a policy of
// severity high or critical acts on.
func (j *judging) severeNamed(ctx context.Context) ([]policy.RuleVerdict, error) {
	live, err := j.w.cfg.Inventory.Group(ctx, j.groupID)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", j.groupID, err)
	}
	j.live, j.exists, j.now, j.ends = j.w.normal(live), true, j.w.now(), map[string]*end{}
	// What was read before the ledger failed still holds: a pause, an exemption.
	j.mem = incident.Memory{Controls: j.mem.Controls}
	j.facts, j.known = j.factsOf(j.mem.Controls), policy.Known{}
	if err := j.evaluate(ctx); err != nil {
		return nil, err
	}
	var out []policy.RuleVerdict
	for _, rv := range j.verdict.Rules {
		severe := slices.ContainsFunc(rv.Findings, func(f policy.Finding) bool {
			return f.State == policy.Acting && f.Policy.Severity >= policy.High
		})
		if severe && rv.Named && rv.By != nil && (rv.Decision == policy.Revert || rv.Decision == policy.Narrow) {
			out = append(out, rv)
		}
	}
	return out, nil
}

// keepBlind remembers what was done until a later judging writes it, and tells
// the records.
func (j *judging) keepBlind() {
	if len(j.drafts) == 0 {
		return
	}
	for _, d := range j.drafts {
		if d.inc.Outcome.Changed() || d.inc.Outcome.StaysOpen() || len(d.inc.Published) > 0 {
			t := d.ends[0].tries
			j.w.removed.keep(blindAct{inc: d.inc, journal: j.journal, answered: t.answered || t.among, uncertain: t.uncertain})
		}
	}
	for _, r := range j.records {
		if r.change.Effect == secgroup.Asks || r.decision.Outcome == incident.Ignored {
			continue
		}
		r.decision.Rules = j.namedEnds(r)
		r.decision.Incident = j.document(r)
		r.decision.Story = &j.story
	}
}
