package warden

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	// reasonCall marks incidents about a call itself, whatever it opened.
	reasonCall = "call"

	// callMark precedes an incident's id where Known.Removed remembers that the
	// call was told of: the incident is closed since.
	callMark = "call "
)

// watches reports whether some policy may have something to say of the call.
func (w *Warden) watches(c secgroup.Change) bool {
	return w.cfg.Set.TriageCall(c, "", nil) != policy.NotConcerned
}

// tellCalls tells of calls without a look at the group: no rule can be
// concerned, and record and item say all that the policies ask. done is false
// where something open asks for the whole path.
func (j *judging) tellCalls(ctx context.Context) (done bool, err error) {
	for range maxRounds {
		if done, err = j.tellOnce(ctx); !errors.Is(err, incident.ErrConflict) {
			return done, err
		}
	}
	return done, err
}

func (j *judging) tellOnce(ctx context.Context) (done bool, err error) {
	j.drafts, j.opened, j.calls = nil, false, nil
	if err := j.recall(ctx); err != nil {
		return false, err
	}
	if settled, err := j.awaitLease(ctx); err != nil || settled {
		return settled, err
	}
	if len(j.mem.Open) > 0 {
		return false, nil
	}
	j.exists, j.live = true, secgroup.Group{ID: j.groupID, Name: j.mem.Known.Name, VPCID: j.mem.Known.VPCID, AccountID: j.w.cfg.Account, Region: j.w.cfg.Region}
	j.verdict = policy.Verdict{GroupID: j.groupID, Calls: j.w.cfg.Set.JudgeCalls(j.input())}
	j.known = j.mem.Known
	j.known.Rules, j.known.Removed = maps.Clone(j.known.Rules), map[string]policy.RemovedRule{}
	maps.Copy(j.known.Removed, j.mem.Known.Removed)
	j.known.Removed = prune(j.known.Removed, j.now)
	j.story.Verdict = j.verdict
	j.draftCalls()
	if len(j.drafts) > 0 {
		if err := j.open(ctx); err != nil {
			return false, err
		}
		j.publish(ctx)
		if err := j.close(ctx); err != nil {
			return false, err
		}
	}
	j.answerTold()
	return true, nil
}

// answerTold decides the records of calls that were told of without a look at
// the group, and the others of its batch.
func (j *judging) answerTold() {
	for _, r := range j.records {
		if j.callEnd(r) == nil {
			continue
		}
		r.decide(0, "", j.retry)
		for _, n := range r.named() {
			r.decision.Rules = append(r.decision.Rules, RuleDecision{ID: n.Rule.ID, Rule: n.Rule, Outcome: incident.Compliant})
		}
		j.answerCall(r)
		r.decision.Story = &j.story
		r.decision.Incident = j.document(r)
	}
	j.triaged()
	if j.retry {
		for _, r := range j.records {
			r.decision.Retry = true
		}
	}
}

// callsViolate reports whether a policy is against a call at hand.
func (j *judging) callsViolate() bool {
	return slices.ContainsFunc(j.verdict.Calls, policy.CallVerdict.Violates)
}

// draftCalls makes an incident for every call at hand that a policy is against,
// unless it was told of.
func (j *judging) draftCalls() {
	for _, v := range j.verdict.Calls {
		if !v.Violates() {
			continue
		}
		e, mark := &end{reason: reasonCall}, callMark
		e.outcome, e.incident = j.callOutcome(v)
		if e.outcome == incident.Exempt {
			e.reason, mark = exemptionOf(v), exemptMark
		}
		if j.calls == nil {
			j.calls = map[string]*end{}
		}
		j.calls[callKey(j.groupID, v.Change)] = e
		if _, told := j.mem.Known.Removed[mark+e.incident]; told || j.carriesOn(e) {
			continue
		}
		d := &draft{inc: incident.Incident{ID: e.incident}, ends: []*end{e}, call: true, exempt: e.outcome == incident.Exempt}
		e.draft = d
		j.fillCall(d, v)
		j.drafts = append(j.drafts, d)
		j.known.Exists = true
	}
}

// carriesOn reports whether an incident of this judging is that of the call
// already: it is open, as its message could not be sent; the record came twice;
// or a rule is under the same exemption.
func (j *judging) carriesOn(e *end) bool {
	return slices.ContainsFunc(j.drafts, func(d *draft) bool { return d.inc.ID == e.incident })
}

// callOutcome is the worst of what the policies say of a call, and the id of
// its incident: that of the event, or, where all of them have an exception,
// one a day for the first of these.
func (j *judging) callOutcome(v policy.CallVerdict) (incident.Outcome, string) {
	worst := incident.Exempt
	for _, f := range v.Findings {
		switch f.State {
		case policy.Alerting:
			worst = max(worst, incident.Alerted)
		case policy.Observing:
			worst = max(worst, incident.Observed)
		}
	}
	if worst == incident.Exempt {
		return worst, incident.EventID(j.groupID, exemptionOf(v), j.now.UTC().Format(time.DateOnly))
	}
	return worst, callKey(j.groupID, v.Change)
}

// exemptionOf names the first exemption that covers a call.
func exemptionOf(v policy.CallVerdict) string {
	for _, f := range v.Findings {
		if f.State == policy.Exempt {
			return f.Exemption
		}
	}
	return ""
}

// callKey is the id of the incident about a call in one group. A record without
// an id is known by what it says.
func callKey(groupID string, c secgroup.Change) string {
	event := c.EventID
	if event == "" {
		event = c.EventName + " " + c.EventTime.UTC().Format(time.RFC3339Nano) + " " + c.RequestID + " " + c.Actor.ARN
	}
	return incident.EventID(groupID, reasonCall, event)
}

// fillCall writes what is known of a call into its incident.
func (j *judging) fillCall(d *draft, v policy.CallVerdict) {
	i := j.w.baseIncident(&record{change: v.Change, decision: Decision{GroupID: j.groupID}})
	i.ID = d.inc.ID
	i.LearntAt, i.GroupName, i.VPCID, i.GroupTags = j.now, orOther(j.live.Name, j.mem.Known.Name), orOther(j.live.VPCID, j.mem.Known.VPCID), j.live.Tags
	i.Status, i.Chain, i.Outcome, i.Reason = statusOpen, j.mem.ChainHead, d.ends[0].outcome, d.ends[0].reason
	i.Mode = policy.Observe
	for _, f := range v.Findings {
		if f.State == policy.Fine {
			continue
		}
		i.Policies = appendNote(i.Policies, f)
		i.Severity = max(i.Severity, f.Policy.Severity)
		i.Notes = appendOnce(i.Notes, callNote(f))
		if f.State != policy.Observing {
			i.Mode = j.w.cfg.Mode
		}
	}
	d.inc = i
}

// callNote says why a policy is against a call.
func callNote(f policy.Finding) string { return "under " + f.Policy.ID + ", " + f.Why }

// callEnd is what became of the call of a record; nil = no policy is against it.
func (j *judging) callEnd(r *record) *end { return j.calls[callKey(j.groupID, r.change)] }

// callDraft is the incident about the call of a record, if this judging writes
// it; nil = none.
func (j *judging) callDraft(r *record) *draft {
	e := j.callEnd(r)
	if e == nil {
		return nil
	}
	for _, d := range slices.Concat(j.drafts, j.written) {
		if d.inc.ID == e.incident {
			return d
		}
	}
	return nil
}

// answerCall makes a record's outcome that of its call, where that is worse
// than what became of its rules.
func (j *judging) answerCall(r *record) {
	if e := j.callEnd(r); e != nil && e.outcome > r.decision.Outcome {
		r.decide(e.outcome, e.reason, r.decision.Retry)
	}
}

// callAgainst is what becomes of a call whose group cannot be found any more, by
// its record alone; 0 = no policy is against it.
func (w *Warden) callAgainst(c secgroup.Change) (worst incident.Outcome) {
	for _, v := range w.cfg.Set.JudgeCalls(policy.Input{Changes: []secgroup.Change{c}, Now: w.now()}) {
		for _, f := range v.Findings {
			switch f.State {
			case policy.Alerting:
				worst = max(worst, incident.Alerted)
			case policy.Observing:
				worst = max(worst, incident.Observed)
			}
		}
	}
	return worst
}

// objections writes into the incident of an event, which no group is judged
// for, what the policies say of the call itself.
func (w *Warden) objections(inc *incident.Incident, r *record) {
	in := policy.Input{Live: secgroup.Group{ID: r.decision.GroupID}, Changes: []secgroup.Change{r.change}, Now: w.now()}
	if len(r.change.Groups) > 0 && r.decision.Reason != reasonCall {
		return // these are judged as calls of their groups
	}
	for _, v := range w.cfg.Set.JudgeCalls(in) {
		for _, f := range v.Findings {
			if f.State == policy.Fine || f.State == policy.Exempt {
				continue
			}
			inc.Policies = appendNote(inc.Policies, f)
			inc.Severity = max(inc.Severity, f.Policy.Severity)
			inc.Notes = appendOnce(inc.Notes, callNote(f))
		}
	}
}
