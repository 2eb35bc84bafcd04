package warden

import (
	"context"
	"errors"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// triage ends the judging where no policy can be concerned, with one write
// and no look at EC2. The write's own answer, the group's item, decides what
// the records alone leave open. One record that needs judging takes the
// others of its group along.
func (j *judging) triage(ctx context.Context) (done bool, err error) {
	for _, r := range j.records {
		if r.change.Effect == secgroup.Asks || j.w.isOwnRole(r.change) {
			return false, nil
		}
		if j.concern(r, nil) == policy.Concerned {
			return false, nil
		}
	}
	known, err := j.w.cfg.Ledger.Note(ctx, j.note())
	if errors.Is(err, incident.ErrInvalid) {
		// The item is full of rules that came and went: a note can only add to
		// it. Judging writes it anew, from what is live.
		return false, nil
	}
	if err != nil {
		return false, unwritable(err)
	}
	if len(known.OpenIncidents) > 0 {
		return false, nil
	}
	told := false
	for _, r := range j.records {
		switch j.concern(r, &known) {
		case policy.NotConcerned:
		case policy.CallConcerned:
			told = true
		default:
			return false, nil
		}
	}
	if told {
		return j.tellCalls(ctx)
	}
	j.triaged()
	return true, nil
}

// triaged decides the records that nobody was concerned by.
func (j *judging) triaged() {
	for _, r := range j.records {
		if r.decided {
			continue
		}
		if r.change.Effect == secgroup.Retags && !j.w.cfg.Set.JudgesTags() {
			r.decide(incident.Ignored, reasonTags, false)
			r.decision.Incident = j.document(r)
			continue
		}
		r.decide(incident.Compliant, "triaged", false)
		for _, n := range r.named() {
			r.decision.Rules = append(r.decision.Rules, RuleDecision{ID: n.Rule.ID, Rule: n.Rule, Outcome: incident.Compliant})
		}
		r.decision.Incident = j.document(r)
	}
}

// concern asks the policies about one record. What only takes away or only
// changes text concerns none but as a call, unless a policy is about that text.
func (j *judging) concern(r *record, known *policy.Known) policy.Concern {
	set := j.w.cfg.Set
	switch e := r.change.Effect; {
	case e == secgroup.Narrows, e == secgroup.Describe && !set.JudgesDescriptions(), e == secgroup.Retags && !set.JudgesTags():
		return set.TriageCall(r.change, j.groupID, known)
	}
	return j.w.cfg.Set.Triage(r.change, known)
}

// note is what triage writes: the rules that the records name, and those that
// they say went. What a judging knows better is not overwritten: the ledger
// sets absent ids only.
func (j *judging) note() incident.Note {
	now := j.w.now()
	n := incident.Note{GroupID: j.groupID, At: now, Rules: map[string]policy.KnownRule{}, Removed: map[string]policy.RemovedRule{}}
	order := now.UnixMicro()
	for _, r := range byTime(j.records) {
		for _, g := range r.change.Groups {
			if g.ID == j.groupID {
				n.Name, n.VPCID = orOther(g.Name, n.Name), orOther(g.VPCID, n.VPCID)
			}
		}
		for _, named := range r.named() {
			if named.Rule.ID == "" || !named.HasValue || named.AnyDirection {
				continue // without id, or with half a value: the sweep fills it in
			}
			n.Rules[named.Rule.ID] = policy.KnownRule{
				Rule: stripped(named.Rule), Since: notAfter(r.change.EventTime, now), Order: order, By: r.attribution(),
			}
			order++
		}
		if r.change.Effect == secgroup.Narrows {
			noteRemoved(n.Removed, r, now)
		}
	}
	return n
}

// noteRemoved remembers which rules a Revoke took, by id, or by value where
// the record has no ids.
func noteRemoved(removed map[string]policy.RemovedRule, r *record, now time.Time) {
	for _, gone := range r.change.Rules {
		key := gone.Rule.ID
		if key == "" {
			key = gone.Rule.Value()
		}
		value := ""
		if gone.HasValue {
			value = gone.Rule.Value()
		}
		removed[key] = policy.RemovedRule{At: notAfter(r.change.EventTime, now), Value: value}
	}
}

// notAfter keeps the time of a record from lying in the future: clocks differ,
// and a forged time must not keep a wait from ending. Without a time it is now.
func notAfter(t, now time.Time) time.Time {
	if t.IsZero() || t.After(now) {
		return now
	}
	return t
}

func orOther(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// stripped is a rule as the ledger keeps it: of a list no entries.
func stripped(r secgroup.Rule) secgroup.Rule {
	if l, ok := r.Peer.(secgroup.PrefixList); ok {
		l.Entries, l.Readable, l.Refused = nil, false, ""
		r.Peer = l
	}
	return r
}
