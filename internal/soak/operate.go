package soak

import (
	"context"
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// operate is what an operator does: exemptions and pauses.
func (w *world) operate() {
	ctx, operator := context.Background(), w.store.Operator()
	var err error
	switch n := w.random.IntN(6); {
	case n == 0 && !w.history.paused:
		err = operator.Pause(ctx, "", "a test")
		w.history.paused = true
		w.tally.Calls["operator: pause"]++
		w.say("operator pauses")
	case n == 1 || w.history.paused:
		err = w.resume()
	case w.docket.exempts == "":
		return
	case n == 2 && len(w.history.excused) > 0:
		id := w.history.excused[pickOf(w, sortedKeys(w.history.excused))].id
		for _, key := range sortedKeys(w.history.excused) {
			if e := w.history.excused[key]; e.id == id {
				err = operator.DropExemption(ctx, e.group, id)
				delete(w.history.excused, key)
			}
		}
		w.tally.Calls["operator: end an exemption"]++
		w.say("operator ends exemption %s", id)
	default:
		group, r, ok := w.aRule()
		if _, isList := r.Peer.(secgroup.PrefixList); !ok || isList {
			return
		}
		id := fmt.Sprint("L-", len(w.story))
		r.ID, r.Description, r.Tags = "", "", nil
		err = operator.PutExemption(ctx, policy.Exemption{
			ID: id, Policy: w.docket.exempts, Group: group, Rules: []secgroup.Rule{r}, Owner: "net", Reason: "test", Until: w.clock().Add(20 * 24 * time.Hour),
		}, w.clock())
		w.excuse(id, exemption{group: group, rule: r, law: w.docket.exempts, id: id})
		w.tally.Calls["operator: exempt"]++
		w.say("operator exempts %s of %s as %s", r, group, id)
	}
	if err != nil {
		w.blame("harness", "operate: %v", err)
	}
}

func (w *world) resume() error {
	w.history.paused = false
	w.tally.Calls["operator: resume"]++
	w.say("operator resumes")
	return w.store.Operator().Resume(context.Background(), "")
}
