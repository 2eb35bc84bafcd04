package warden

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// expiryStages are how long before its end an exemption that covers something
// is told of, the longest first: once for each. One that was made for no longer
// than that is not told: who made it has just heard when it ends.
var expiryStages = []time.Duration{7 * 24 * time.Hour, 24 * time.Hour}

// stageOf is the last stage that an end has come to; 0 = none yet, or it is over.
// made is when it was agreed; zero = long ago.
func stageOf(made, until, now time.Time) (stage time.Duration) {
	for _, s := range expiryStages {
		if left := until.Sub(now); left > 0 && left <= s && (made.IsZero() || until.Sub(made) > s) {
			stage = s
		}
	}
	return stage
}

// tellExpiring tells of the exemptions, and exceptions, that end soon and cover
// something of these groups. What cannot be told, or not before the pass has to
// end, is told by the next one.
func (p *pass) tellExpiring(ctx context.Context, looks []*look) {
	for _, l := range looks {
		for _, inc := range l.expiring() {
			if !p.timeLeft(ctx) {
				return
			}
			p.w.pageOnce(ctx, "tell of an exemption", inc)
		}
	}
}

// expiring are the messages that are owed about the group now.
func (l *look) expiring() (all []incident.Incident) {
	if l.left != 0 {
		return nil
	}
	for _, rv := range l.j.verdict.All() {
		for _, f := range rv.Findings {
			if f.State != policy.Exempt {
				continue
			}
			stage := stageOf(l.j.madeAt(f.Exemption), f.Until, l.j.now)
			if stage == 0 {
				continue
			}
			id := expiringIncident(l.group.ID, f, stage)
			i := slices.IndexFunc(all, func(inc incident.Incident) bool { return inc.ID == id })
			if i < 0 {
				i, all = len(all), append(all, l.expiringOf(id, f))
			}
			addExempt(&all[i], rv, f)
		}
	}
	return all
}

// madeAt is when an exemption of the ledger was made; zero = not known, as of files.
func (j *judging) madeAt(id string) time.Time {
	for _, e := range j.mem.Controls.Exemptions {
		if e.ID == id {
			return e.Made
		}
	}
	return time.Time{}
}

func expiringIncident(groupID string, f policy.Finding, stage time.Duration) string {
	return incident.EventID(groupID, "expiring", f.Exemption+" "+f.Until.UTC().Format(time.RFC3339)+" "+stage.String())
}

// expiringOf is such a message, without its rules.
func (l *look) expiringOf(id string, f policy.Finding) incident.Incident {
	w := l.p.w
	inc := incident.Incident{
		ID: id, EventType: incident.Reminder, Outcome: incident.Exempt, Reason: f.Exemption, Mode: w.cfg.Mode,
		AccountID: w.cfg.Account, Region: w.cfg.Region, Resource: w.resource(l.group.ID), GroupID: l.group.ID,
		GroupName: l.group.Name, VPCID: l.group.VPCID, GroupTags: l.group.Tags, Cause: causeSweep, LearntAt: l.j.now,
	}
	inc.Notes = []string{fmt.Sprintf("%s ends at %s: what it covers is judged then", f.Exemption, f.Until.UTC().Format(time.RFC3339))}
	if agreed := agreement(f.Exemption, w.cfg.Set.Exemptions, l.j.mem.Controls.Exemptions); agreed != "" {
		inc.Notes = append(inc.Notes, agreed)
	}
	return inc
}

// agreement says who answers for an exemption, and why; "" = it is not known.
func agreement(id string, lists ...[]policy.Exemption) string {
	for _, list := range lists {
		for _, e := range list {
			if e.ID == id {
				return strings.TrimSpace("it was agreed by " + e.Owner + ": " + e.Reason + " " + e.Ticket)
			}
		}
	}
	return ""
}

// exemptNotes say who agreed to what covers a rule, and until when.
func (j *judging) exemptNotes(e *end) (notes []string) {
	if e.outcome != incident.Exempt {
		return nil
	}
	for _, f := range e.verdict.Findings {
		if f.State != policy.Exempt {
			continue
		}
		if agreed := agreement(f.Exemption, j.w.cfg.Set.Exemptions, j.mem.Controls.Exemptions); agreed != "" {
			notes = appendOnce(notes, agreed)
		}
		if !f.Until.IsZero() {
			notes = append(notes, fmt.Sprintf("%s ends at %s: what it covers is judged then", f.Exemption, f.Until.UTC().Format(time.RFC3339)))
		}
	}
	return notes
}

// addExempt puts a rule, or the group itself, into such a message.
func addExempt(inc *incident.Incident, rv policy.RuleVerdict, f policy.Finding) {
	inc.Policies = appendNote(inc.Policies, f)
	inc.Severity = max(inc.Severity, f.Policy.Severity)
	if i := slices.IndexFunc(inc.Rules, func(r incident.Rule) bool { return r.ID == rv.Rule.ID }); i >= 0 {
		inc.Rules[i].Policies = appendOnce(inc.Rules[i].Policies, f.Policy.ID)
		return
	}
	before := rv.Rule
	r := incident.Rule{
		ID: before.ID, Direction: before.Direction, Before: &before, After: []secgroup.Rule{before}, Excess: excess(before.Direction, []policy.Finding{f}),
		Outcome: incident.Exempt, Reason: f.Exemption, Policies: []string{f.Policy.ID}, Lacks: appendLack(nil, f),
	}
	if secgroup.IsGroupEntry(r.ID) {
		r.Before, r.After = nil, nil
	}
	inc.Rules = append(inc.Rules, r)
	inc.BoundExcess()
}

// lapsedNote says which exemption covered a rule until now; "" = none did.
func (j *judging) lapsedNote(e *end) string {
	known, ok := j.mem.Known.Rules[e.rule.ID]
	if !ok || known.Exemption == "" || j.grew(known, e.rule) || worst(e.verdict, policy.Exempt) != nil || !e.verdict.Due {
		return ""
	}
	return fmt.Sprintf("%s covered %s, and has ended: it is judged like any other now", known.Exemption, orOther(e.rule.ID, "it"))
}

// endsSoon is when the first exemption of the group ends, if the next pass will
// be later than that; zero = none does.
func (l *look) endsSoon() (first time.Time) {
	for _, rv := range l.j.verdict.All() {
		for _, f := range rv.Findings {
			soon := f.State == policy.Exempt && f.Until.After(l.j.now) && f.Until.Sub(l.j.now) <= longestDelay
			if soon && (first.IsZero() || f.Until.Before(first)) {
				first = f.Until
			}
		}
	}
	return first
}
