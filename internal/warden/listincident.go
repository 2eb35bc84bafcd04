package warden

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// isOver ends the judging where nothing is left to do or to say, and drafts the
// incident where something is.
func (l *listJudging) isOver(ctx context.Context) (bool, listEnd, error) {
	end := l.end()
	if l.violating() == 0 && l.stored == nil {
		end.outcome = 0
		return true, end, nil
	}
	l.draft()
	if err := l.attribute(ctx); err != nil {
		return false, end, err
	}
	told, isTold := l.toldOf(l.mark())
	switch {
	case isTold && l.stored == nil && l.later && len(l.inc.Rules) > 0:
		return false, end, l.takeUpTold(ctx, told)
	case l.stored != nil, len(l.earlier) > 0, !l.edit.IsEmpty():
		l.overtake(l.inc.ID)
		return false, end, nil
	case len(l.inc.Rules) == 0: // each is dealt with in its group
		end.outcome = 0
		return true, end, nil
	case isTold:
		end.doc, end.reason, end.lacking = l.inc, l.why, l.lacking
		end.outcome, end.doc.ID, end.doc.Outcome = told.outcome, told.incident, told.outcome
		return true, end, nil
	}
	return false, end, nil
}

// end is how the list stands.
func (l *listJudging) end() listEnd {
	end := listEnd{version: l.list.Version, digest: policy.ListDigest(l.list.Entries), outcome: l.inc.Outcome, reason: l.inc.Reason, doc: l.inc}
	end.unclear, end.lacking = l.unclear, l.lacking
	end.story, end.owing, end.retry = &Story{Incidents: []incident.Incident{l.inc}}, l.owing, l.owing
	switch l.inc.Outcome {
	case incident.Reverted:
		end.edited = true
	case incident.CannotRemediate, incident.NotReverted, incident.Unresolved:
		end.retry = true
	}
	return end
}

// draft writes the incident: the open one is carried on, unless the list grew beyond
// what that tells of. Then, and where none is open, it is that of this version.
func (l *listJudging) draft() {
	if l.stored != nil && l.hasOutgrown(*l.stored) {
		l.earlier, l.stored = append(l.earlier, *l.stored), nil
	}
	inc := incident.Incident{ID: listIncident(l.id, l.list.Version, policy.ListDigest(l.list.Entries))}
	if l.stored != nil {
		inc = *l.stored
	} else {
		inc.OpenedAt, inc.LearntAt, inc.Chain, inc.Cause = l.now, l.now, l.mem.ChainHead, causeSweep
		if l.base != nil {
			inc.Cause = cause(l.base)
		}
	}
	inc.AccountID, inc.Region, inc.Resource, inc.Status = l.w.cfg.Account, l.w.cfg.Region, l.w.listResource(l.list.PrefixList), statusOpen
	inc.Mode, inc.Outcome, inc.Reason = l.w.cfg.Mode, 0, ""
	planned := inc.List
	l.inc = inc
	if l.violating() > 0 {
		l.fill()
	}
	switch {
	case !l.edit.IsEmpty() && l.w.cfg.Mode != policy.Enforce:
		l.edit = plan.EditList{}
		l.inc.Outcome = incident.Observed
	case !l.edit.IsEmpty():
		l.inc.List.Removed, l.inc.List.PutBack = entriesOf(l.list.Described, l.edit), l.edit.Add
	case l.later:
		l.hold()
	case l.violating() > 0:
		l.inc.Outcome, l.inc.Reason = l.restOutcome(), l.why
	default:
		l.leftOver(planned)
	}
	if l.inc.Outcome == incident.Observed {
		l.wouldHave()
	}
	l.inc.BoundExcess()
	l.inc.BoundList()
}

// listIncident names the incident of one version of a list.
func listIncident(id string, version int64, digest string) string {
	return incident.EventID(id, "list", strconv.FormatInt(version, 10)+" "+digest)
}

func entriesOf(entries []secgroup.ListEntry, edit plan.EditList) []secgroup.ListEntry {
	return slices.DeleteFunc(slices.Clone(entries), func(e secgroup.ListEntry) bool { return !slices.Contains(edit.Remove, e.Block) })
}

// restOutcome is what becomes of rules when nothing is taken out of the list. Where
// each is dealt with in its group, somebody was told of the list before.
func (l *listJudging) restOutcome() incident.Outcome {
	if len(l.inc.Rules) == 0 {
		return incident.Alerted
	}
	worst := incident.Observed
	for _, r := range l.inc.Rules {
		worst = max(worst, r.Outcome)
	}
	return worst
}

// leftOver ends an open incident of a list that nothing violates by any more.
func (l *listJudging) leftOver(planned *incident.List) {
	l.inc.List = planned
	if was := l.stored; was.Outcome.Changed() { // read back before; what failed came after
		l.inc.Outcome, l.inc.Reason = was.Outcome, was.Reason
		return
	}
	taken := l.mayHaveEdited() && planned != nil && len(planned.Removed) > 0 && !slices.ContainsFunc(planned.Removed, func(e secgroup.ListEntry) bool {
		return secgroup.HasEntry(l.list.Described, e.Block)
	})
	l.inc.Outcome = incident.AlreadyCompliant
	switch {
	case l.isUnsettled():
		l.inc.Outcome, l.inc.Reason = incident.Pending, orOther(l.list.Refused, ReasonHeld)
	case len(l.uses) == 0:
		l.inc.Outcome = incident.Gone
	}
	if taken && l.list.Readable {
		l.inc.Outcome, l.inc.Reason = incident.Reverted, reasonInterrupted
		l.inc.Notes = appendOnce(l.inc.Notes, "an earlier judging was interrupted: what was planned is as planned, but our call may not have been the one that did it")
		list := *planned
		list.After = l.list.Version
		l.inc.List = &list
	}
	rules := slices.Clone(l.inc.Rules)
	for i := range rules {
		rules[i].Outcome = l.inc.Outcome
	}
	l.inc.Rules = rules
}

// mayHaveEdited reports whether an earlier judging may have made the call that it
// planned: not where it was refused, or outpaced.
func (l *listJudging) mayHaveEdited() bool {
	switch was := l.stored; was.Outcome {
	case 0, incident.NotReverted:
		return true
	case incident.Unresolved:
		_, outpaced := explain(incident.ErrConflict)
		return was.Reason != outpaced
	}
	return false
}

// isUnsettled reports whether a rule violates by the list though the list is not to
// answer for it now (held, paused, waiting), or nobody can tell.
func (l *listJudging) isUnsettled() bool {
	return len(l.unclear) > 0 || slices.ContainsFunc(l.uses, func(u *listUse) bool {
		return slices.ContainsFunc(u.rules(l.id), func(rv policy.RuleVerdict) bool {
			return slices.ContainsFunc(rv.Findings, func(f policy.Finding) bool {
				switch f.State {
				case policy.Fine, policy.Exempt, policy.Baseline, policy.BeforeAct:
					return false
				}
				return f.Growth || f.State == policy.Unknown
			})
		})
	})
}

// fill writes what is known of list, groups and rules.
func (l *listJudging) fill() {
	i := &l.inc
	list := &incident.List{ID: l.id, Name: l.list.Name, OwnerID: l.list.OwnerID, Judged: l.list.Version, Violating: l.violating()}
	i.Rules, i.Policies, i.Severity = nil, nil, 0
	rules, byGroup := 0, 0
	list.Before, list.Added = l.added()
	for _, u := range l.uses {
		g := incident.ListGroup{ID: u.j.groupID, Name: u.j.live.Name, VPCID: u.j.live.VPCID, Outcome: incident.Compliant}
		for _, rv := range u.rules(l.id) {
			g.Rules = append(g.Rules, rv.Rule.ID)
			rules++
			if !tellsOfList(rv) {
				continue
			}
			r := l.rule(u, rv)
			g.Outcome = max(g.Outcome, r.Outcome)
			if l.isForGroup(rv) {
				byGroup++
				continue
			}
			i.Rules = append(i.Rules, r)
			for _, f := range violated(rv) {
				i.Policies = appendNote(i.Policies, f)
				i.Severity = max(i.Severity, f.Policy.Severity)
			}
		}
		list.Groups = append(list.Groups, g)
	}
	slices.SortStableFunc(list.Groups, func(a, b incident.ListGroup) int { return int(b.Outcome) - int(a.Outcome) })
	list.OmittedGroups = l.unread()
	i.List = list
	i.Notes = appendOnce(i.Notes, fmt.Sprintf("of version %d: %d rules of %d groups referred to the list, and %d groups violated by it", l.list.Version, rules, len(l.uses), list.Violating))
	if list.OmittedGroups > 0 {
		i.Notes = appendOnce(i.Notes, fmt.Sprintf("of version %d: %d more groups refer to the list, and were not looked at with it: each of them is judged by a message of its own", l.list.Version, list.OmittedGroups))
	}
	if byGroup > 0 {
		i.Notes = appendOnce(i.Notes, fmt.Sprintf("%d rules are taken back in their groups, as their policies say (onList)", byGroup))
	}
}

// rule is one rule that violates by the list.
func (l *listJudging) rule(u *listUse, rv policy.RuleVerdict) incident.Rule {
	before := rv.Rule
	findings := violated(rv)
	r := incident.Rule{
		ID: rv.Rule.ID, GroupID: u.j.groupID, Direction: rv.Rule.Direction, Before: &before, After: []secgroup.Rule{rv.Rule},
		Excess: excess(rv.Rule.Direction, findings), Outcome: incident.Observed,
	}
	for _, f := range findings {
		r.Policies = appendOnce(r.Policies, f.Policy.ID)
		if f.State == policy.Acting && l.w.cfg.Mode == policy.Enforce || f.State == policy.Alerting || f.WillAct() {
			r.Outcome = incident.Alerted
		}
	}
	return r
}

// wouldHave tells what enforce mode would call.
func (l *listJudging) wouldHave() {
	edit, why := l.takeOut(l.w.enforcing, false)
	if edit.IsEmpty() {
		l.inc.Notes = appendOnce(l.inc.Notes, "enforce mode would take nothing out of the list: "+why)
		return
	}
	l.inc.Would = []string{inWords(edit)}
}

// listResource is the ARN of a list.
func (w *Warden) listResource(list secgroup.PrefixList) string {
	owner := list.OwnerID
	if owner == "AWS" {
		owner = "aws"
	}
	group := w.resource("x")
	partition := strings.TrimSuffix(group[:strings.Index(group, ":ec2:")], ":")
	return partition + ":ec2:" + w.cfg.Region + ":" + owner + ":prefix-list/" + list.ID
}
