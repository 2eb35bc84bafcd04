package soak

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// mostJudgings bounds what a rest may take: a guard that is never done fights
// with itself.
const mostJudgings = 400

// rest lets everything be delivered, with nothing failing, and a sweep ask for
// every group, until nothing waits any more. Then P1 and P2 hold.
func (w *world) rest(permuted *rand.Rand) {
	w.say("rest")
	w.denied = 0
	w.effects.plan = faultPlan{seen: newSeen()}
	if w.history.paused {
		if err := w.resume(); err != nil {
			w.blame("harness", "resume: %v", err)
		}
	}
	if w.history.off {
		w.turnOn()
	}
	w.drain(permuted)
	w.lookAtAll(permuted)
	for w.failure == nil && (len(w.queue.dead) > 0 || w.release()) {
		w.redrive()
		w.drain(permuted)
		w.lookAtAll(permuted)
	}
	for _, id := range w.order {
		w.tally.check("P1 after rest no rule is due")
		w.checkNothingDue(id, "at rest", func(law, string) bool { return false })
		w.checkEquality(w.rules(id))
	}
	w.checkQuiet()
	for _, id := range w.order {
		w.checkBooks(id)
	}
	for _, id := range w.history.listIDs {
		w.checkFiled(id)
	}
}

// lookAtAll asks for every group, as a pass that found something in each.
func (w *world) lookAtAll(permuted *rand.Rand) {
	for _, id := range w.order {
		w.judgeLooks("sweep", id)
	}
	w.drain(permuted)
}

// drain delivers all that waits, in order or permuted and twice.
func (w *world) drain(permuted *rand.Rand) {
	for n := 0; w.failure == nil; n++ {
		if n == mostJudgings {
			w.blame("P2", "never quiet: %d messages wait, the first is %s", len(w.queue.waiting), w.queue.waiting[0].body)
			return
		}
		at, any := w.queue.next()
		if !any {
			return
		}
		if now := w.clock(); at.After(now) {
			w.release() // what is held asks again for ever
			w.wait(at.Sub(now))
		}
		ready := w.queue.ready(w.clock())
		size := 8
		if permuted != nil {
			permuted.Shuffle(len(ready), func(i, j int) { ready[i], ready[j] = ready[j], ready[i] })
			size = 1 + permuted.IntN(4)
		}
		batch := slices.Clone(ready[:min(len(ready), size)])
		if permuted != nil && permuted.IntN(3) == 0 {
			again := *batch[0]
			w.judge("rest", []*message{&again})
		}
		w.judge("rest", batch)
	}
}

// checkQuiet holds P2: another look changes nothing and says nothing.
func (w *world) checkQuiet() {
	if w.failure != nil {
		return
	}
	w.begin()
	w.tally.check("P2 another look changes and says nothing")
	w.judgeLooks("sweep", w.order...)
	if w.step.guarded > 0 {
		w.blame("P2", "a look at a group at rest changes it")
	}
	if w.step.sent > 0 {
		w.blame("P2", "a look at a group at rest sends %d messages", w.step.sent)
	}
	if len(w.queue.waiting) > 0 {
		w.blame("P2", "a look at a group at rest leaves %d messages: %s", len(w.queue.waiting), w.queue.waiting[0].body)
	}
}

// checkBooks holds the ledger of a group at rest: what it knows is so, and what the
// guard did is filed and was told.
func (w *world) checkBooks(group string) {
	memory, entries := w.checkFiled(group)
	w.checkSaid(group)
	w.checkWatched(group, memory.Known)
	w.checkUndoingIsTold(group, memory.Known)
	for _, r := range w.rules(group) {
		w.tally.check("the item knows what is live")
		if known := memory.Known.Rules[r.ID]; known.Rule.ID == "" || !same(r, known.Rule) {
			w.blame("books", "%s of %s is %s, and the item has %s", r.ID, group, r, known.Rule)
		}
	}
	filed := map[string]bool{}
	for _, e := range entries {
		for _, r := range e.Incident.Rules {
			filed[r.ID] = true
		}
	}
	for _, id := range sortedKeys(w.history.touched) {
		if past := w.history.rules[id]; past != nil && past.group == group && !filed[id] && !w.diedWith(id) {
			w.blame("books", "the guard changed %s of %s, and no incident says so", id, group)
		}
	}
}

// checkFiled holds the ledger of a group or a prefix list at rest: its chain
// verifies, nothing is open that is done, and what was done was told.
func (w *world) checkFiled(id string) (incident.Memory, []ledger.Entry) {
	ctx := context.Background()
	memory, err := w.store.Observe(ctx, id)
	if err != nil {
		w.blame("books", "observe %s: %v", id, err)
		return memory, nil
	}
	entries, err := w.store.History(ctx, id)
	if err != nil {
		w.blame("books", "history of %s: %v", id, err)
		return memory, nil
	}
	w.tally.check("the chain of incidents verifies")
	if err := ledger.VerifyChain(entries, memory.ChainHead); err != nil {
		w.blame("books", "%s: %v", id, err)
	}
	w.tally.check("nothing stays open at rest")
	for _, i := range memory.Open {
		w.blame("books", "incident %s of %s is open at rest: %s %s", i.ID, id, i.Outcome, i.Reason)
	}
	for _, e := range entries {
		i := e.Incident
		sent := w.history.sent[i.ID]
		w.tally.check("what was done is told, once")
		told := sent[string(incident.Acted)] + sent[string(incident.Contested)]
		for _, note := range i.Notes {
			if other, ok := strings.CutPrefix(note, "while the ledger was down it was told as "); ok {
				told += w.history.sent[other][string(incident.Acted)]
			}
		}
		if i.Outcome.Changed() && told == 0 && !isCoalesced(i) {
			w.blame("books", "incident %s of %s (%s) was never told", i.ID, id, i.Outcome)
		}
		for event, n := range sent {
			if n > 1+w.history.faults {
				w.blame("books", "message %s of %s was sent %d times with %d faults", event, i.ID, n, w.history.faults)
			}
		}
	}
	return memory, entries
}

// diedWith reports whether the guard took a rule away without the ledger and
// died before it could write that down.
func (w *world) diedWith(ruleID string) bool {
	by, blindly := w.history.blindly[ruleID]
	return blindly && by < w.starts
}

// isCoalesced reports whether an incident is one more round of a fight, of
// which the first hour's alert was told.
func isCoalesced(i incident.Incident) bool {
	return slices.ContainsFunc(i.Notes, func(n string) bool {
		return strings.HasPrefix(n, "the same excess came back") || strings.HasPrefix(n, "the same entries came back")
	})
}

// checkWatched: a rule that a law only watches was told of, or tagged.
func (w *world) checkWatched(group string, known policy.Known) {
	rules := w.rules(group)
	for _, l := range w.docket.laws {
		if l.acts() {
			continue
		}
		for _, r := range rules {
			if !w.universe.of(r).meets(w.forbiddenBut(l, group, r)) {
				continue
			}
			w.tally.check("what is only watched is told")
			if known.Rules[r.ID].Reported == "" {
				w.blame("books", "%s %s of %s breaks law %s, and nobody was told", r.ID, r, group, l.id)
			}
			if l.remedy == tag && r.Tags[tagKey] == "" {
				w.blame("books", "%s %s of %s breaks law %s, and has no tag", r.ID, r, group, l.id)
			}
		}
	}
}

// advance lets some time pass.
func (w *world) advance() {
	d := time.Duration(w.random.IntN(20)) * time.Second
	if w.random.IntN(12) == 0 {
		d = time.Duration(w.random.IntN(70)) * time.Minute
	}
	w.wait(d)
}
