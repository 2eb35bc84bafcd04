package warden

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// tries is how far the calls for one rule came.
type tries struct {
	answered  bool  // a call for it was answered with success
	uncertain bool  // a call for it may have been done, nobody knows
	among     bool  // it was one of several, of which others were not found: it is done, if it is gone
	err       error // why it could not be done; nil = it could
}

// maxPlans bounds how often a judging plans again on what EC2 answered.
const maxPlans = 4

// apply carries the plan out and reads back what became of it. Where EC2
// refuses a step, or the group changed meanwhile, the rest is planned again on
// the group as it is then: a call is never repeated on an old state.
func (j *judging) apply(ctx context.Context) {
	for range maxPlans {
		if len(j.plan.Actions) == 0 {
			return
		}
		again, called := j.carryOut(ctx)
		if called {
			j.look(ctx)
		}
		if j.readBack == nil || !again && !j.overtaken() {
			return
		}
		j.planAgain()
	}
}

// carryOut makes the planned calls, one after the other. again is true where
// the plan does not fit what EC2 answered.
func (j *judging) carryOut(ctx context.Context) (again, called bool) {
	for _, a := range j.plan.Actions {
		if !j.timeLeft(ctx) {
			j.stop(fmt.Errorf("%s: %w", a.Call(), context.DeadlineExceeded))
			return false, called
		}
		if j.isOvertaken(ctx, a) {
			return true, true
		}
		res := j.w.cfg.Applier.Apply(ctx, a)
		called = true
		j.noteResult(a, res)
		j.checkRemoved(ctx, a, res)
		if res.Err == nil {
			empty, err := j.isEmpty(ctx, a, res)
			if err != nil {
				j.stop(err)
			}
			if empty || err != nil {
				return empty, called
			}
			continue
		}
		switch {
		case errors.Is(res.Err, incident.ErrGone):
			again = true
		case errors.Is(res.Err, incident.ErrDuplicate):
			return true, called
		case j.withdraw(a, res.Err):
			return true, called
		default:
			if !errors.Is(res.Err, incident.ErrDenied) {
				j.stop(res.Err)
				return again, called
			}
		}
	}
	return again, called
}

// freshFor is how long what was read of a group is good enough to modify a rule
// on: a judging that nothing holds up takes less, and reads no more than it must.
const freshFor = 500 * time.Millisecond

// reasonOvertaken is why a rule was left as it is, with no call made for it.
const reasonOvertaken = "overtaken"

// isOvertaken reports whether a rule that is to be modified has another value by
// now than the one that it was planned on: EC2 has no compare-and-set, and its
// answer does not tell what was overwritten. So a rule that was read longer than
// freshFor ago is read right before; what is left is less than that. A rule that
// cannot be read, or is not shown, is left to the call itself.
func (j *judging) isOvertaken(ctx context.Context, a plan.Action) bool {
	modify, ok := a.(plan.Modify)
	if !ok || j.w.now().Sub(j.now) < freshFor {
		return false
	}
	rules, err := j.rules(ctx, modify.From.ID)
	if err != nil {
		return false
	}
	now, ok := ruleByID(rules, modify.From.ID)
	if !ok || now.SameValue(modify.From) {
		return false
	}
	if e := j.ends[modify.From.ID]; e != nil {
		e.overtaken = true
	}
	return true
}

// isEmpty reports whether an Authorize was answered with success and added
// nothing: narrowing further would cut what is to be kept. What needs it is
// then planned as a plain revoke.
func (j *judging) isEmpty(ctx context.Context, a plan.Action, res incident.Result) (bool, error) {
	add, ok := a.(plan.Authorize)
	if !ok || hasAll(res.Added, add.Rules) {
		return false, nil
	}
	for n := 0; ; n++ {
		rules, err := j.rules(ctx)
		switch {
		case err == nil && hasAll(rules, add.Rules):
			return false, nil
		case n < len(lookAgain) && j.timeLeft(ctx) && j.w.cfg.Sleep(ctx, lookAgain[n]) == nil:
			continue
		case err != nil:
			return false, fmt.Errorf("read back what %s added: %w", a.Call(), err)
		}
		j.refusal, j.limits.MayAuthorize = a.Call()+" had no effect", false
		return true, nil
	}
}

// noteResult writes down what one call did, for the journal, the incidents and the
// rules that it was made for.
func (j *judging) noteResult(a plan.Action, res incident.Result) {
	j.journal = append(j.journal, j.w.journalOf(a, res, j.incidentOf(a))...)
	line := callLine(a, res)
	concerned := j.concernedBy(a)
	for _, e := range j.toldOf(a) {
		for _, d := range e.drafts() {
			d.inc.Actions = appendOnce(d.inc.Actions, line)
		}
	}
	for _, e := range concerned {
		switch {
		case res.Err == nil:
			e.tries.answered, e.tries.err = true, nil
		case errors.Is(res.Err, incident.ErrGone):
			_, took := ruleByID(res.Removed, e.rule.ID)
			e.tries.answered = e.tries.answered || took
			if len(concerned) > 1 {
				e.tries.among = !strings.Contains(res.Err.Error(), e.rule.ID)
				e.tries.uncertain = e.tries.uncertain || triedAgain(res.Err)
			} else {
				e.tries.uncertain = e.tries.uncertain || sentAgain(res)
			}
		case errors.Is(res.Err, incident.ErrThrottled), errors.Is(res.Err, incident.ErrDenied):
			e.tries.err = res.Err
		default:
			e.tries.uncertain, e.tries.err = true, res.Err
		}
	}
}

// sentAgain reports whether a call was sent more than once: the first try may
// then be why the last one found nothing.
func sentAgain(res incident.Result) bool { return len(res.RequestIDs) > 1 || triedAgain(res.Err) }

// triedAgain reports the same of a single call: several rules may need several.
func triedAgain(err error) bool {
	var tried Tried
	return errors.As(err, &tried) && tried.Tries() > 1
}

// stop notes for every planned rule why it may not have been dealt with; what
// was read back says more.
func (j *judging) stop(err error) {
	for _, rp := range j.plan.Rules {
		if e := j.ends[rp.Before.ID]; e != nil && e.tries.err == nil {
			e.tries.err = err
		}
	}
}

// withdraw gives up a right, or a way, that EC2 refuses: what needs it is then
// planned as a plain revoke. False where nothing is left to give up.
func (j *judging) withdraw(a plan.Action, err error) bool {
	refused := errors.Is(err, incident.ErrDenied) || errors.Is(err, incident.ErrQuota) || errors.Is(err, incident.ErrInvalid)
	if !refused {
		return false
	}
	_, why := explain(err)
	j.refusal = a.Call() + " was refused: " + why
	switch a.(type) {
	case plan.Modify:
		was := j.limits.MayModify
		j.limits.MayModify = false
		return was
	case plan.Authorize:
		was := j.limits.MayAuthorize
		j.limits.MayAuthorize = false
		return was
	}
	return false
}

// overtaken reports whether a planned rule has, after all calls, a value that
// is neither the old nor the planned one: somebody changed it meanwhile.
func (j *judging) overtaken() bool {
	for _, rp := range j.plan.Rules {
		live, ok := ruleByID(j.asRead(), rp.Before.ID)
		if ok && !live.SameValue(rp.Before) && !reached(rp, j.asRead()) {
			return true
		}
	}
	return false
}

// planAgain judges the group as it was read back and plans what is left to do.
func (j *judging) planAgain() {
	live := j.live
	live.Rules = j.readable(j.readBack)
	in := j.input()
	in.Live = live
	verdict := j.w.cfg.Set.Evaluate(in)
	acting := policy.Verdict{GroupID: j.groupID}
	for _, rv := range verdict.All() {
		e := j.ends[rv.Rule.ID]
		// Only what was opened is acted on; what became due meanwhile has
		// its own event.
		if e == nil || e.draft == nil || !e.act {
			continue
		}
		switch rv.Decision {
		case policy.Revert, policy.Narrow, policy.Tag:
			if !e.verdict.Rule.SameValue(rv.Rule) {
				e.rule, e.verdict = rv.Rule, rv
			}
			acting.Rules = append(acting.Rules, rv)
		}
	}
	j.plan = plan.Build(acting, live, j.mem.Known, j.limits)
	for _, rp := range j.plan.Rules {
		e := j.ends[rp.Before.ID]
		e.noteParts(e.after)
		e.after, e.restored, e.tag = rp.After, rp.Restored, rp.Tag
		if rp.Fallback != "" {
			e.fallback = orOther(j.refusal, rp.Fallback)
		}
		if rp.Goal != plan.Tagged || !reached(rp, live.Rules) { // a tag that is there is not called for again: what put it there counts
			e.tries = tries{}
		}
	}
}

// noteParts keeps what was to be made beside the rule: should the rule go as a whole
// after all, that is what stays of it.
func (e *end) noteParts(planned []secgroup.Rule) {
	for _, p := range planned {
		if p.ID != e.rule.ID && !hasValue(e.parts, p) {
			e.parts = append(e.parts, p)
		}
	}
}

// readable fills the lists that were read before into rules that come unread.
func (j *judging) readable(rules []secgroup.Rule) []secgroup.Rule {
	out := make([]secgroup.Rule, 0, len(rules))
	for _, r := range rules {
		if l, ok := r.Peer.(secgroup.PrefixList); ok && !l.Readable {
			if read, known := j.facts.Lists[l.ID]; known {
				r.Peer = read
			}
		}
		out = append(out, r)
	}
	return out
}

func ruleByID(rules []secgroup.Rule, id string) (secgroup.Rule, bool) {
	for _, r := range rules {
		if r.ID == id {
			return r, true
		}
	}
	return secgroup.Rule{}, false
}
