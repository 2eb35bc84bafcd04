package soak

import (
	"context"
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// effects is everything of the guard that lasts beyond its process and is not
// EC2: ledger, messages, its own queue. Each can fail, and the process can die
// before and after each.
type effects struct {
	w    *world
	plan faultPlan
	dead bool // the process was killed: nothing has an effect any more
}

// death is the panic of a killed process.
type death struct{ at string }

// around runs one effect under the plan.
func (e *effects) around(name string, do func() error) error {
	if e.dead {
		panic(death{"it is dead already"})
	}
	e.plan.seen.add(name)
	e.maybeDie("before", name)
	if err := e.fails(name); err != nil {
		return err
	}
	if e.plan.races(name) {
		e.w.race()
	}
	if err := do(); err != nil {
		return err
	}
	e.maybeDie("after", name)
	return e.failsAfter(name)
}

func (e *effects) maybeDie(when, name string) {
	p := &e.plan
	if p.kill != when || p.killed || name != p.killAt {
		return
	}
	p.killed, e.dead = true, true
	e.w.tally.Kills[when+" "+name]++
	e.w.history.faults++
	e.w.say("  the guard is killed %s %s", when, name)
	panic(death{when + " " + name})
}

func (e *effects) Note(ctx context.Context, n incident.Note) (known policy.Known, err error) {
	err = e.around("Note", func() error { known, err = e.w.store.Note(ctx, n); return err })
	return known, err
}

func (e *effects) Observe(ctx context.Context, groupID string) (m incident.Memory, err error) {
	err = e.around("Observe", func() error { m, err = e.w.store.Observe(ctx, groupID); return err })
	return m, err
}

func (e *effects) Open(ctx context.Context, o incident.Opening) (version int64, err error) {
	err = e.around("Open", func() error {
		version, err = e.w.store.Open(ctx, o)
		e.w.step.opened[o.GroupID] = e.w.step.opened[o.GroupID] || err == nil
		return err
	})
	return version, err
}

func (e *effects) Close(ctx context.Context, c incident.Closing) error {
	return e.around("Close", func() error { return e.w.store.Close(ctx, c) })
}

func (e *effects) Publish(_ context.Context, i incident.Incident) error {
	return e.around("Publish", func() error { e.w.published(i); return nil })
}

func (e *effects) JudgeAgain(_ context.Context, groupID, cause, incidentID string, delay time.Duration) error {
	return e.around("JudgeAgain", func() error {
		if delay > 15*time.Minute {
			return fmt.Errorf("queue %s: %w: a delay of %s", groupID, incident.ErrInvalid, delay)
		}
		e.w.queue.put(look(groupID, cause, incidentID), e.w.clock().Add(delay)).delayed = true
		return nil
	})
}
