package warden

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// judging is one group being judged for the records of a batch that concern
// it. Its stages are the files of this package, in the order of judgeOnce.
type judging struct {
	w       *Warden
	groupID string
	records []*record
	limits  plan.Limits
	holder  string // of the lease; of this judging alone
	shared  *batchFacts

	// What observe saw.
	mem    incident.Memory
	live   secgroup.Group
	exists bool // the group does
	now    time.Time

	// What was decided.
	facts   policy.Facts
	verdict policy.Verdict
	drafts  []*draft        // the incidents that this round writes
	ends    map[string]*end // by rule id
	done    map[string]*end // those of earlier rounds of this judging
	calls   map[string]*end // of calls that policies are against, by callKey
	written []*draft        // likewise
	plan    plan.Plan
	charge  *incident.FuseCharge     // what this round counts against the fuse; nil = nothing
	holding map[string]incident.Hold // what the fuse holds since this round, by policy id + "@" + digest
	known   policy.Known             // the item as it is to be
	version int64                    // of the item, as last written or read
	opened  bool                     // the incidents and the lease are written
	// recalled is true once the ledger was read, be it in an earlier round.
	recalled bool

	// What was done.
	journal   []incident.Journal
	attached  *incident.Attached // where the group is; nil = not read
	refusal   string             // the step that EC2 refused, in words; "" = none
	readBack  []secgroup.Rule    // nil = nothing was read back
	readGroup []secgroup.Rule    // the group itself likewise, with its tags; nil = it was not to be tagged
	readAt    time.Time
	// overwritten are the rules of records whose values another change overwrote: the
	// incident of that one, by event and rule id.
	overwritten map[[2]string]string
	askedFor    []ask // messages behind a delay, of every round
	retry       bool  // the messages must come again
	unwritten   bool  // nothing of this round is written down: the ledger is down
	story       Story
}

// end is what becomes of one rule in this judging.
type end struct {
	rule     secgroup.Rule // as it was judged
	verdict  policy.RuleVerdict
	outcome  incident.Outcome // 0 = planned, not done yet
	reason   string
	fallback string
	after    []secgroup.Rule // what is left of it
	// parts are what an earlier plan for it was to make beside it.
	parts    []secgroup.Rule
	restored bool
	tag      string // as RulePlan.Tag
	draft    *draft // nil = no incident of this round
	incident string // id of its incident, of this round or an earlier one
	act      bool   // the verdict asks for a mutation, and it is allowed
	// listed is true where the incident of its prefix list tells of it.
	listed bool
	// lacking is true where that is to be judged again: something could not be read.
	lacking bool
	owing   bool // the list's incident is open for a sink
	seen    bool // told before: nothing is written or sent
	// settled: an earlier judging read back that it was changed, and brought the
	// item up to it.
	settled bool
	// earlier: its incident is about an earlier value of the rule, of which another one
	// at hand tells; lead is the end that it shares then, nil = none. shares are the
	// incidents that share this one.
	earlier bool
	lead    *end
	shares  []*draft
	told    bool // worth an incident; waits for attribution or settling are not
	// contested is how often the same excess was taken back within the hour
	// before; from contestedAfter on it is a fight.
	contested int
	until     time.Time
	tries     tries
	// overtaken: it had another value just before it was to be modified, and was
	// left. That may have been a read of an older state.
	overtaken bool
	back      *putBack  // what our Revoke took, and was compliant by then; nil = it was not
	blind     *blindAct // what was done about it without the ledger; nil = nothing
}

// judge brings the group to an end and decides every record.
func (j *judging) judge(ctx context.Context) {
	if done, err := j.triage(ctx); err != nil {
		j.fail(ctx, err)
		return
	} else if done {
		return
	}
	for range maxSightings {
		if err := j.judgeRound(ctx); err != nil {
			j.fail(ctx, err)
			return
		}
		if !j.awaitNamed(ctx) {
			break
		}
	}
	j.answer(ctx)
}

// judgeRound judges the group as it is now, again from the start if another
// writer changed its item in between.
func (j *judging) judgeRound(ctx context.Context) error {
	var err error
	for range maxRounds {
		if err = j.judgeOnce(ctx); !errors.Is(err, incident.ErrConflict) {
			return err
		}
	}
	return err
}

func (j *judging) judgeOnce(ctx context.Context) error {
	j.drafts, j.opened, j.readBack, j.readGroup, j.journal, j.ends, j.calls = nil, false, nil, nil, nil, map[string]*end{}, nil
	j.charge, j.holding, j.attached = nil, nil, nil
	settled, err := j.observe(ctx)
	if err != nil || settled {
		return err
	}
	if !j.exists {
		return j.closeGone(ctx)
	}
	if err := j.decide(ctx); err != nil {
		return err
	}
	j.draftIncidents(ctx)
	if err := j.askForLists(ctx, j.droppedLists(j.known)); err != nil {
		return err
	}
	if err := j.open(ctx); err != nil {
		return err
	}
	j.apply(ctx)
	j.settle(ctx)
	j.readAttached(ctx)
	j.publish(ctx)
	if err := j.close(ctx); err != nil {
		return err
	}
	maps.Copy(j.done, j.ends)
	j.written = append(j.written, j.drafts...)
	return nil
}

// ledgerError marks an error of the ledger: without it the path is another.
type ledgerError struct {
	err   error
	write bool // it could not be written; it may have been read before
}

func (e *ledgerError) Error() string { return "ledger: " + e.err.Error() }
func (e *ledgerError) Unwrap() error { return e.err }

// unreadable and unwritable wrap what the ledger said to a read or a write, but for
// answers that are no fault.
func unreadable(err error) error { return ledgerFault(err, false) }
func unwritable(err error) error { return ledgerFault(err, true) }

func ledgerFault(err error, write bool) error {
	if err == nil || errors.Is(err, incident.ErrConflict) || errors.Is(err, incident.ErrLeased) {
		return err
	}
	return &ledgerError{err, write}
}

// fail ends the judging with an error: every record of the group comes again.
func (j *judging) fail(ctx context.Context, err error) {
	var down *ledgerError
	if errors.As(err, &down) && ctx.Err() == nil {
		j.judgeBlind(ctx, down)
		return
	}
	outcome, reason := explain(err)
	for _, r := range j.records {
		if !r.decided {
			r.decide(outcome, reason, true)
		}
	}
	if outcome == incident.CannotRemediate {
		j.w.sayOnce(ctx, j.records)
	}
}

// explain turns an error of a port into an outcome and a reason in a word; no
// error gives none.
func explain(err error) (incident.Outcome, string) {
	if err == nil {
		return 0, ""
	}
	for _, known := range []struct {
		err     error
		outcome incident.Outcome
		reason  string
	}{
		{incident.ErrDenied, incident.CannotRemediate, "not-permitted"},
		{incident.ErrThrottled, incident.Unresolved, "throttled"},
		{incident.ErrLeased, incident.Unresolved, "leased"},
		{incident.ErrConflict, incident.Unresolved, "changed-by-another"},
		{context.DeadlineExceeded, incident.Unresolved, "deadline"},
		{context.Canceled, incident.Unresolved, "deadline"},
		{incident.ErrUnavailable, incident.Unresolved, "unavailable"},
		{incident.ErrInvalid, incident.Unresolved, "refused-as-invalid"},
		{incident.ErrGone, incident.Unresolved, "not-found"},
	} {
		if errors.Is(err, known.err) {
			return known.outcome, known.reason
		}
	}
	return incident.Unresolved, "error: " + shorten(err.Error())
}

// timeLeft reports whether there is time for one more mutation before the
// context's deadline.
func (j *judging) timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || deadline.Sub(j.w.now()) > deadlineMargin)
}
