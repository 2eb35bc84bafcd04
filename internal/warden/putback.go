package warden

import (
	"context"
	"errors"
	"fmt"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// checkRemoved looks at what a Revoke says it took: there is no
// compare-and-delete, so a rule may have been changed to something compliant
// just before. Then it is put back, or, where the role may not, said so. A call
// that failed for one rule may have taken others.
func (j *judging) checkRemoved(ctx context.Context, a plan.Action, res incident.Result) {
	revoke, ok := a.(plan.Revoke)
	if !ok {
		return
	}
	for _, gone := range res.Removed {
		planned, known := ruleByID(revoke.Rules, gone.ID)
		e := j.ends[gone.ID]
		if !known || e == nil || e.draft == nil || gone.SameValue(planned) {
			continue
		}
		e.rule = gone
		in := j.input()
		in.Live.Rules = []secgroup.Rule{j.withEntries(ctx, gone)}
		verdict := j.w.cfg.Set.Evaluate(in)
		if len(verdict.Rules) == 1 && isUnread(in.Live.Rules[0]) && !acts(verdict.Rules[0]) {
			e.back = &putBack{value: withoutID(gone), unread: true}
			continue
		}
		if len(verdict.Rules) == 1 && (verdict.Rules[0].Due || worst(verdict.Rules[0], policy.BeforeAct) != nil) {
			e.verdict = verdict.Rules[0] // another violation: this is the one that went
			continue
		}
		j.putBack(ctx, e, gone)
	}
}

// withEntries is a rule with what its prefix list holds, as far as that can be read.
func (j *judging) withEntries(ctx context.Context, r secgroup.Rule) secgroup.Rule {
	if !isUnread(r) {
		return r
	}
	list, err := j.w.cfg.Inventory.List(ctx, r.Peer.Key())
	if err == nil && list.Readable {
		r.Peer = list
	}
	return r
}

// putBack is a compliant rule that our Revoke took.
type putBack struct {
	value    secgroup.Rule // without id: it gets another one
	called   bool          // it was called for again, and may be there
	answered bool          // with success
	unread   bool          // what its prefix list holds could not be read: it may not have been compliant
}

func withoutID(r secgroup.Rule) secgroup.Rule {
	r.ID = ""
	return r
}

// isIn reports whether it is among the rules again by our call.
func (b *putBack) isIn(rules []secgroup.Rule) bool { return b.called && hasValue(rules, b.value) }

// reasonNotBack is the fallback of a rule that is gone though it was to be put back.
const reasonNotBack = "what was to be put back is not there"

// putBack makes a compliant rule again that our Revoke took. What the role may is
// what counts: that an Authorize of something else had no effect says nothing of
// this one.
func (j *judging) putBack(ctx context.Context, e *end, gone secgroup.Rule) {
	gone = withoutID(gone)
	e.back = &putBack{value: gone}
	if !j.w.cfg.Limits.MayAuthorize || !j.timeLeft(ctx) {
		return
	}
	again := plan.Authorize{GroupID: j.groupID, Direction: gone.Direction, Rules: []secgroup.Rule{gone}}
	res := j.w.cfg.Applier.Apply(ctx, again)
	j.journal = append(j.journal, j.w.journalOf(again, res, e.incident)...)
	e.back.answered = res.Err == nil
	if e.back.called = e.back.answered || isUncertain(res.Err) || errors.Is(res.Err, incident.ErrDuplicate); e.back.called {
		e.after = []secgroup.Rule{gone}
	}
}

// checkPutBack says what became of a compliant rule that our Revoke took, by what
// was read back. It is false where EC2 answered that the rule is back, and does not
// show it: then nobody knows.
func (j *judging) checkPutBack(e *end) bool {
	known, note := true, ""
	switch {
	case e.back == nil:
		return true
	case e.back.unread:
		e.after = nil
		note = fmt.Sprintf("%s was changed just before it was removed, and what its prefix list holds could not be read; if it was in order, put it back: authorize %s", e.rule.ID, e.back.value)
	case j.readBack != nil && e.back.isIn(j.readBack):
		note = e.rule.ID + wasPutBack + e.back.value.String()
	case e.back.answered:
		known = false
		note = fmt.Sprintf("%s had become compliant just before it was removed; EC2 answered that it is back, and did not show it; if it stays away, put it back: authorize %s", e.rule.ID, e.back.value)
	default:
		e.after = nil
		note = fmt.Sprintf("%s had become compliant just before it was removed; put it back: authorize %s", e.rule.ID, e.back.value)
	}
	e.draft.inc.Notes = appendOnce(e.draft.inc.Notes, note)
	return known
}

const wasPutBack = " had become compliant just before it was removed, and was put back: "

// awaitsPutBack reports whether an earlier judging put the rule back, and did not
// see it.
func awaitsPutBack(r incident.Rule) bool {
	return r.Outcome == incident.Unresolved && len(r.After) == 1 && r.After[0].ID == "" && r.After[0].SameValue(ruleBefore(r))
}

// endPutBack ends a rule that an earlier judging put back, by what is there now.
func (j *judging) endPutBack(d *draft, r incident.Rule, e *end) (incident.Outcome, string) {
	if hasValue(j.live.Rules, r.After[0]) {
		d.inc.Notes = appendOnce(d.inc.Notes, r.ID+wasPutBack+r.After[0].String())
		return incident.Narrowed, ""
	}
	e.after, e.fallback = nil, reasonNotBack
	return incident.Reverted, ""
}
