package warden

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// decide evaluates the group, says for every rule what is to become of it, and
// plans the mutations.
func (j *judging) decide(ctx context.Context) error {
	if err := j.evaluate(ctx); err != nil {
		return err
	}
	acting := j.endAll()
	if err := j.askLists(ctx); err != nil {
		return err
	}
	for j.blows() { // each time it holds one policy more
		if err := j.evaluate(ctx); err != nil {
			return err
		}
		acting = j.endAll()
		if err := j.askLists(ctx); err != nil {
			return err
		}
	}
	// Of some the list answers after all.
	acting.Rules = slices.DeleteFunc(acting.Rules, func(rv policy.RuleVerdict) bool { return !j.ends[rv.Rule.ID].act })
	j.plan = plan.Build(acting, j.live, j.mem.Known, j.limits)
	for _, rp := range j.plan.Rules {
		e := j.ends[rp.Before.ID]
		e.after, e.fallback, e.restored, e.tag = rp.After, rp.Fallback, rp.Restored, rp.Tag
	}
	j.alreadyDone()
	if j.story.Before.ID == "" || len(j.plan.Actions) > 0 {
		j.story.Before, j.story.Verdict, j.story.Plan, j.story.After = j.live, j.verdict, j.plan, j.live.Rules
	}
	return nil
}

// evaluate asks the policies, and asks again with the facts that they lacked.
func (j *judging) evaluate(ctx context.Context) error {
	return settled(func() []policy.Need {
		j.verdict = j.w.cfg.Set.Evaluate(j.input())
		return j.verdict.Needs
	}, func(need policy.Need) error { return j.fetch(ctx, need) })
}

// settled evaluates until no fact is lacking. Each round reads a kind of fact
// that was not read yet, so that there are as many rounds as kinds at most; an
// answer that lacks what was read is no verdict.
func settled(evaluate func() []policy.Need, fetch func(policy.Need) error) error {
	read := map[policy.Need]bool{}
	for {
		needs := evaluate()
		if len(needs) == 0 {
			return nil
		}
		more := false
		for _, need := range needs {
			if read[need] {
				continue
			}
			more, read[need] = true, true
			if err := fetch(need); err != nil {
				return err
			}
		}
		if !more {
			return fmt.Errorf("judge: %v asked for once more", needs)
		}
	}
}

func (j *judging) input() policy.Input {
	in := policy.Input{Live: j.live, Known: j.mem.Known, Exemptions: j.mem.Controls.Exemptions, Facts: j.facts, Now: j.now}
	for _, r := range j.records {
		if !r.decided {
			in.Changes = append(in.Changes, r.change)
		}
	}
	return in
}

// fetch reads a kind of fact. It is read once: what could not be read is
// marked as such, and does not ask again.
func (j *judging) fetch(ctx context.Context, need policy.Need) error {
	switch need {
	case policy.NeedVPCs:
		vpcs, err := j.w.cfg.Inventory.VPCs(ctx, j.live)
		if err != nil {
			return fmt.Errorf("read the networks of %s: %w", j.groupID, err)
		}
		if vpcs == nil {
			vpcs = []secgroup.VPC{}
		}
		j.live.VPCs = vpcs
	case policy.NeedLists:
		for i, r := range j.live.Rules {
			l, ok := r.Peer.(secgroup.PrefixList)
			if !ok || l.Readable || l.Refused != "" {
				continue
			}
			if err := j.readList(ctx, l.ID); err != nil {
				return err
			}
			j.live.Rules[i].Peer = j.facts.Lists[l.ID]
			if err := j.readListsBefore(ctx, r); err != nil {
				return err
			}
		}
	case policy.NeedOldLists:
		return j.readOldLists(ctx)
	default:
		return j.fetchAround(ctx, need)
	}
	return nil
}

// readListsBefore reads the lists that a rule had before it got another one:
// only with their entries can the old value be put back.
func (j *judging) readListsBefore(ctx context.Context, r secgroup.Rule) error {
	known, ok := j.mem.Known.Rules[r.ID]
	if !ok {
		return nil
	}
	values := []secgroup.Rule{known.Rule}
	if known.Before != nil {
		values = append(values, *known.Before)
	}
	for _, v := range values {
		if l, ok := v.Peer.(secgroup.PrefixList); ok {
			if err := j.readList(ctx, l.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// readList reads a list, once.
func (j *judging) readList(ctx context.Context, id string) error {
	if _, done := j.facts.Lists[id]; done {
		return nil
	}
	read, err := j.w.cfg.Inventory.List(ctx, id)
	if err != nil {
		return fmt.Errorf("read %s: %w", id, err)
	}
	j.facts.Lists[id] = read
	return j.olderThanKnown(read)
}

// endOf says what is to become of one live rule; nil = nothing, it has no
// outcome: only due and named rules do.
func (j *judging) endOf(rv policy.RuleVerdict) *end {
	acting := rv.Decision == policy.Revert || rv.Decision == policy.Narrow || rv.Decision == policy.Tag
	due := rv.Due || worst(rv, policy.Unknown) != nil
	if !acting && !due && !rv.Named && !j.isUntoldUndoing(rv) {
		return nil
	}
	e := &end{rule: rv.Rule, verdict: rv, after: []secgroup.Rule{rv.Rule}}
	switch {
	case acting:
		e.act = j.w.cfg.Mode == policy.Enforce
		if !e.act {
			e.outcome, e.told = incident.Observed, true
		}
	case due:
		e.outcome = j.waitingEnd(e)
	case worst(rv, policy.Exempt) != nil:
		e.outcome, e.reason = incident.Exempt, worst(rv, policy.Exempt).Exemption
	default:
		e.outcome = incident.Compliant
	}
	e.seen = j.toldBefore(e)
	if e.seen && e.onlyTags() { // tagged before
		e.act, e.outcome, e.reason = false, incident.Tagged, ""
	}
	return e
}

// onlyTags reports whether a tag is all that the policies want of the rule, now
// or, where they are held, later.
func (e *end) onlyTags() bool {
	if e.act {
		return e.verdict.Decision == policy.Tag
	}
	held := false
	for _, f := range e.verdict.Findings {
		switch {
		case f.State == policy.Waiting, f.State == policy.Held && f.Policy.Remedy.Do != policy.DoTag:
			return false
		case f.State == policy.Held:
			held = true
		}
	}
	return held
}

// waitingEnd is the outcome of a rule that is due, but that nothing is done
// about now: the worst of what its policies say.
func (j *judging) waitingEnd(e *end) incident.Outcome {
	outcome := incident.Compliant
	for i := range e.verdict.Findings {
		f := &e.verdict.Findings[i]
		switch f.State {
		case policy.Waiting:
			outcome, e.reason = max(outcome, incident.Pending), reasonWaiting
			if e.until.IsZero() || f.Until.Before(e.until) {
				e.until = f.Until
			}
			e.told = e.told || f.Policy.Remedy.After > 0
		case policy.Held:
			outcome, e.reason, e.told = max(outcome, incident.Pending), ReasonHeld, true
		case policy.Alerting:
			outcome, e.told = max(outcome, incident.Alerted), true
		case policy.Unknown:
			outcome, e.reason, e.told = max(outcome, incident.Alerted), orOther(e.reason, reasonUnread), true
		case policy.Observing, policy.Tagging:
			outcome, e.told = max(outcome, incident.Observed), true
		}
	}
	return outcome
}

// worst gives the first finding of a state.
func worst(rv policy.RuleVerdict, s policy.State) *policy.Finding {
	for i := range rv.Findings {
		if rv.Findings[i].State == s {
			return &rv.Findings[i]
		}
	}
	return nil
}

// toldBefore reports whether this outcome of this value, or of a wider one, was
// told already: an observed, alerted or tagged rule that is seen again sends
// nothing. A narrower value would meet the incident of the wider one.
func (j *judging) toldBefore(e *end) bool {
	known, ok := j.mem.Known.Rules[e.rule.ID]
	if !ok || known.IncidentID == "" || j.grew(known, e.rule) {
		return false
	}
	outcome := e.outcome
	if e.onlyTags() {
		outcome = incident.Tagged
	}
	switch outcome {
	case incident.Observed, incident.Alerted, incident.Tagged:
		told := strings.TrimSuffix(known.Reported, unreadMark)
		if told != outcome.String() || told != known.Reported && tellsOfList(e.verdict) {
			return false
		}
	case incident.Exempt:
		undone, _ := j.undoneBy(e.reason)
		if known.IncidentID != j.exemptIncident(e) && known.IncidentID != undone || known.Reported != outcome.String() {
			return false
		}
	default:
		return false
	}
	e.incident = known.IncidentID
	return true
}

// unreadMark is behind the outcome in an entry of a rule whose list, or what an
// edit of it takes to know, could not be read: what is found once it can be is for
// the list to tell.
const (
	unreadMark   = " " + reasonUnread
	reasonUnread = "unreadable"
)

// reported is the outcome as the item's entry has it.
func (e *end) reported() string {
	if e.outcome == incident.Alerted && (e.reason == reasonUnread || e.lacking) {
		return e.outcome.String() + unreadMark
	}
	return e.outcome.String()
}

// exemptMark precedes the id of an alert about an exemption where Known.Removed
// remembers that it was sent: the rule that it was about may be gone since.
const exemptMark = "exempt "

// exemptIncident names the alert about an exemption: one a day.
func (j *judging) exemptIncident(e *end) string {
	return incident.EventID(j.groupID, e.reason, j.now.UTC().Format(time.DateOnly))
}

// alreadyDone ends the rules for which the plan has nothing to call: they are
// as they shall be, for instance tagged by a judging that was interrupted.
func (j *judging) alreadyDone() {
	called := map[string]bool{}
	for _, a := range j.plan.Actions {
		for _, id := range a.RuleIDs() {
			called[id] = true
		}
	}
	for id, e := range j.ends {
		if !e.act || called[id] {
			continue
		}
		e.act, e.told, e.outcome = false, true, incident.AlreadyCompliant
		if e.verdict.Decision == policy.Tag {
			e.outcome = incident.Tagged
		}
	}
}
