package warden

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// fill writes what is known of the group, the actor and the rules into an
// incident. Of a stored one, what was written earlier and is still true stays.
func (j *judging) fill(d *draft) {
	i := &d.inc
	i.Mode = j.modeOf(d)
	i.AccountID, i.Region = orOther(j.live.AccountID, j.w.cfg.Account), orOther(j.w.cfg.Region, j.live.Region)
	i.GroupID, i.Resource = j.groupID, j.w.resource(j.groupID)
	i.GroupName, i.VPCID = orOther(j.live.Name, i.GroupName), orOther(j.live.VPCID, i.VPCID)
	if j.live.Tags != nil {
		i.GroupTags = j.live.Tags
	}
	if d.stored == nil {
		i.LearntAt, i.Cause, i.Status, i.Chain = j.now, j.cause(), statusOpen, j.mem.ChainHead
		i.OpenedAt = j.openedAt(d)
		for _, r := range j.records {
			if r.because != "" {
				i.Notes = appendOnce(i.Notes, r.because)
			}
		}
	}
	j.attribute(d)
	for _, note := range othersNotes(d) {
		i.Notes = appendOnce(i.Notes, note)
	}
	i.Standing = j.standing()
	j.fillRules(d)
	i.Outcome, i.Reason, i.Fallback = outcomeOf(d.ends), reasonOf(d.ends), fallbackOf(d.ends)
}

// fillRules writes the rules of an incident from their ends.
func (j *judging) fillRules(d *draft) {
	i := &d.inc
	stored := map[string]incident.Rule{}
	for _, r := range i.Rules {
		stored[r.ID] = r
	}
	i.Rules = nil
	for _, e := range d.ends {
		r := incident.Rule{
			ID: e.rule.ID, Direction: e.rule.Direction, After: e.after, Outcome: e.outcome, Reason: e.reason,
			Restored: e.restored, Fallback: e.fallback,
		}
		if e.rule.Peer != nil {
			before := e.rule
			r.Before = &before
		}
		if secgroup.IsGroupEntry(r.ID) {
			r.After = nil // a group is not among its rules
		}
		findings := violated(e.verdict)
		for _, f := range findings {
			r.Policies = appendOnce(r.Policies, f.Policy.ID)
			r.Lacks = appendLack(r.Lacks, f)
			if _, isList := e.rule.Peer.(secgroup.PrefixList); f.State == policy.Unknown && !isList {
				i.Notes = appendOnce(i.Notes, r.ID+" could not be judged by "+f.Policy.ID+": "+f.Why)
			}
			i.Policies = appendNote(i.Policies, f)
			i.Severity = max(i.Severity, f.Policy.Severity)
		}
		r.Excess = excess(e.rule.Direction, findings)
		if old, ok := stored[r.ID]; ok && len(findings) == 0 {
			r.Policies, r.Lacks, r.Excess, r.OmittedExcess = old.Policies, old.Lacks, old.Excess, old.OmittedExcess
			r.Before = old.Before
		}
		i.Rules = append(i.Rules, r)
		if lapsed := j.lapsedNote(e); lapsed != "" {
			i.Notes = appendOnce(i.Notes, lapsed)
		}
		for _, note := range j.exemptNotes(e) {
			i.Notes = appendOnce(i.Notes, note)
		}
		if e.outcome == incident.Pending {
			waits := e
			if e.lead != nil {
				waits = e.lead
			}
			i.Notes = appendOnce(i.Notes, waitNote(waits))
		}
		if e.verdict.Lost != "" && e.act {
			i.Notes = appendOnce(i.Notes, fmt.Sprintf("narrowing %s gives up: %s", e.rule.ID, e.verdict.Lost))
		}
	}
	j.fillSessions(i)
	i.BoundExcess()
}

// waitNote says what a rule waits for.
func waitNote(e *end) string {
	for _, f := range e.verdict.Findings {
		if f.State == policy.Waiting && f.Until.Equal(e.until) {
			return fmt.Sprintf("%s is judged again at %s: %s", e.rule.ID, e.until.UTC().Format(time.RFC3339), f.Why)
		}
		if f.State == policy.Held && e.until.IsZero() {
			return fmt.Sprintf("%s stays due: %s", e.rule.ID, f.Why)
		}
	}
	return e.rule.ID + " waits"
}

// violated are the findings that refuse a rule, whatever is done about it.
func violated(rv policy.RuleVerdict) []policy.Finding {
	var out []policy.Finding
	for _, f := range rv.Findings {
		if f.State != policy.Fine {
			out = append(out, f)
		}
	}
	return out
}

// excess is exactly what is too much by all policies together, as the fewest
// rules.
func excess(d secgroup.Direction, findings []policy.Finding) []secgroup.Rule {
	var all secgroup.Region
	for _, f := range findings {
		all = all.Union(f.Excess)
	}
	if all.IsEmpty() {
		return nil
	}
	return all.Rules(d, secgroup.AtomPeer)
}

// appendLack adds what a policy requires and does not find.
func appendLack(list []string, f policy.Finding) []string {
	if f.Lacks == "" {
		return list
	}
	return appendOnce(list, f.Lacks)
}

func appendNote(notes []incident.PolicyNote, f policy.Finding) []incident.PolicyNote {
	if slices.ContainsFunc(notes, func(n incident.PolicyNote) bool { return n.ID == f.Policy.ID }) {
		return notes
	}
	p := f.Policy
	return append(notes, incident.PolicyNote{
		ID: p.ID, Title: p.Title, Why: p.Why, Fix: p.Fix, Severity: p.Severity, File: f.File, Line: f.Line, Controls: p.Controls,
	})
}

// reasonBeforeAct is why a rule stands that is due once the baseline act is done.
const reasonBeforeAct = "before-act"

// standing lists the rules that violate a policy but stand: baseline, or due
// only once the baseline act is done.
func (j *judging) standing() []incident.Rule {
	var out []incident.Rule
	for _, rv := range j.verdict.All() {
		var found []policy.Finding
		reason := ""
		for _, f := range rv.Findings {
			switch f.State {
			case policy.Baseline:
				found, reason = append(found, f), orOther(reason, "baseline")
			case policy.BeforeAct:
				found, reason = append(found, f), orOther(reason, reasonBeforeAct)
			}
		}
		if len(found) == 0 || j.ends[rv.Rule.ID] != nil && j.ends[rv.Rule.ID].outcome != incident.Compliant {
			continue
		}
		before := rv.Rule
		r := incident.Rule{
			ID: rv.Rule.ID, Direction: rv.Rule.Direction, Before: &before, After: []secgroup.Rule{rv.Rule},
			Excess: excess(rv.Rule.Direction, found), Reason: reason,
		}
		if secgroup.IsGroupEntry(r.ID) {
			r.Before, r.After = nil, nil
		}
		for _, f := range found {
			r.Policies = appendOnce(r.Policies, f.Policy.ID)
			r.Lacks = appendLack(r.Lacks, f)
		}
		out = append(out, r)
	}
	return out
}

// modeOf is observe where observing is all that keeps a rule as it is.
func (j *judging) modeOf(d *draft) policy.Mode {
	if j.w.cfg.Mode != policy.Enforce {
		return policy.Observe
	}
	for _, e := range d.ends {
		if e.outcome != incident.Observed {
			return policy.Enforce
		}
	}
	return policy.Observe
}

// cause is why the group is judged: an event where there is one.
func (j *judging) cause() string {
	c := ""
	for _, r := range j.records {
		if cause(r) == "event" {
			return "event"
		}
		c = cause(r)
	}
	return c
}

// resource is the ARN of a group.
func (w *Warden) resource(groupID string) string {
	if groupID == "" {
		return ""
	}
	partition := "aws"
	switch {
	case strings.HasPrefix(w.cfg.Region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(w.cfg.Region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":ec2:" + w.cfg.Region + ":" + w.cfg.Account + ":security-group/" + groupID
}

// outcomeOf is the worst of the ends; 0 while one of them is planned only.
func outcomeOf(ends []*end) incident.Outcome {
	var worst incident.Outcome
	for _, e := range ends {
		if e.outcome == 0 {
			return 0
		}
		worst = max(worst, e.outcome)
	}
	return worst
}

// reasonOf and fallbackOf are those of the first of the worst ends that has one.
func reasonOf(ends []*end) string {
	worst := outcomeOf(ends)
	for _, e := range ends {
		if e.outcome == worst && e.reason != "" {
			return e.reason
		}
	}
	return ""
}

func fallbackOf(ends []*end) string {
	for _, e := range ends {
		if e.fallback != "" {
			return e.fallback
		}
	}
	return ""
}

// inWords is an action as incidents tell it.
func inWords(a plan.Action) string {
	switch a := a.(type) {
	case plan.Revoke:
		return a.Call() + ": " + join(a.Rules)
	case plan.Authorize:
		return a.Call() + ": " + join(a.Rules)
	case plan.Modify:
		return fmt.Sprintf("%s: %s %s -> %s", a.Call(), a.From.ID, a.From, a.To)
	case plan.EditList:
		return editInWords(a)
	case plan.Tag:
		what := join(a.Rules)
		if len(a.Rules) == 0 {
			what = "the group"
		}
		return fmt.Sprintf("%s: %s with %s=%s", a.Call(), what, plan.TagKey, a.Tags[plan.TagKey])
	}
	return a.Call()
}

func join(rules []secgroup.Rule) string {
	var out []string
	for _, r := range rules {
		if secgroup.IsGroupEntry(r.ID) {
			out = appendOnce(out, "the group itself")
			continue
		}
		out = append(out, strings.TrimSpace(r.ID+" "+r.String()))
	}
	return strings.Join(out, ", ")
}

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
