package warden

import (
	"context"
	"fmt"
	"slices"
	"sync"

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

// blindRemoval is a rule that was removed while the ledger was down, until it
// is written.
type blindRemoval struct {
	inc     incident.Incident // with Published as it was sent
	journal []incident.Journal
}

// removedBlind is what this process did without the ledger. A message that
// comes again to another process finds its rule gone and no more.
type removedBlind struct {
	mu        sync.Mutex
	count     int
	incidents map[string]blindRemoval // by incident id
}

// reserve takes of what may be removed without the ledger as much as there is
// of n.
func (b *removedBlind) reserve(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(n, blindMost-b.count)
	b.count += n
	return n
}

func (b *removedBlind) keep(r blindRemoval) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.incidents[r.inc.ID] = r
}

func (b *removedBlind) forget(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.incidents, id)
}

// of gives what was removed because of one event in one group, by incident id.
func (b *removedBlind) of(groupID, eventID string) []blindRemoval {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []blindRemoval
	for _, id := range sortedKeys(b.incidents) {
		if r := b.incidents[id]; r.inc.GroupID == groupID && r.inc.EventID == eventID {
			out = append(out, r)
		}
	}
	return out
}

// judgeBlind is the path without the ledger. "Down" is not "no item": what
// stood before, what is exempt and what is open cannot be known. So only rules
// that a record names with their live value are removed, only under severe
// policies, and every message comes again.
func (j *judging) judgeBlind(ctx context.Context, down error) {
	j.w.cfg.Logger.ErrorContext(ctx, "ledger down", "group_id", j.groupID, "error", down.Error())
	j.revokeBlind(ctx)
	for _, r := range j.records {
		if !r.decided {
			r.decide(incident.Unresolved, reasonLedgerDown, true)
		}
		r.decision.Retry = true
	}
	j.keepBlind()
}

// revokeBlind removes what may be removed without the ledger.
func (j *judging) revokeBlind(ctx context.Context) {
	if j.w.cfg.LedgerDown == policy.HoldBack || j.w.cfg.Mode != policy.Enforce {
		return
	}
	if !slices.ContainsFunc(j.records, func(r *record) bool { return len(r.named()) > 0 }) {
		return
	}
	j.drafts = nil
	rules, err := j.severeNamed(ctx)
	if err != nil {
		return
	}
	// All or nothing would keep open what comes in one call with many others.
	rules = rules[:j.w.removed.reserve(len(rules))]
	if len(rules) == 0 {
		return
	}
	j.journal, j.readBack = nil, nil
	acting := policy.Verdict{GroupID: j.groupID}
	for _, rv := range rules {
		rv.Decision, rv.Remaining = policy.Revert, nil
		e := &end{rule: rv.Rule, verdict: rv, act: true}
		d := &draft{inc: incident.Incident{ID: incident.EventID(j.groupID, rv.Rule.ID, rv.By.EventID)}}
		e.draft, e.incident, d.ends = d, d.inc.ID, []*end{e}
		j.ends[rv.Rule.ID] = e
		j.drafts = append(j.drafts, d)
		acting.Rules = append(acting.Rules, rv)
	}
	j.plan = plan.Build(acting, j.live, policy.Known{}, plan.Limits{})
	j.story.Before, j.story.Verdict, j.story.Plan, j.story.After = j.live, j.verdict, j.plan, j.live.Rules
	for _, d := range j.drafts {
		j.fill(d)
		d.inc.Notes = []string{
			"the ledger could not be read: what stood before, exemptions of the ledger and open incidents are not known; all is judged again when it is back",
		}
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

// keepBlind remembers what was removed until a redelivery writes it, and tells
// the records.
func (j *judging) keepBlind() {
	if len(j.drafts) == 0 {
		return
	}
	for _, d := range j.drafts {
		if d.inc.Outcome == incident.Reverted {
			j.w.removed.keep(blindRemoval{inc: d.inc, journal: j.journal})
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

// forgetBlind drops what is written now.
func (j *judging) forgetBlind() {
	for _, d := range j.drafts {
		j.w.removed.forget(d.inc.ID)
	}
}

// writeBlind makes incidents of what was removed without the ledger because
// of the records at hand, as soon as the ledger is back.
func (j *judging) writeBlind() {
	for _, r := range j.records {
		for _, was := range j.w.removed.of(j.groupID, r.change.EventID) {
			rule := was.inc.Rules[0]
			if _, live := ruleByID(j.live.Rules, rule.ID); live || j.ends[rule.ID] != nil || r.decided {
				continue
			}
			d := &draft{inc: was.inc, final: true}
			e := &end{rule: ruleBefore(rule), outcome: incident.Reverted, reason: reasonLedgerDown, draft: d, incident: was.inc.ID}
			d.ends = []*end{e}
			j.ends[rule.ID] = e
			j.drafts = append(j.drafts, d)
			j.journal = append(j.journal, was.journal...)
		}
	}
}
