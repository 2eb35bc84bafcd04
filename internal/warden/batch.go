package warden

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// task is what is done in one go: one group for all records that concern it,
// or one event that could not be judged.
type task struct {
	group   string // "" = an event by itself
	records []*record
}

// tasks sorts the records of a batch: those of one group belong together,
// and so do the deliveries of one event.
func (w *Warden) tasks(records []*record) []*task {
	var tasks []*task
	index := map[string]*task{}
	add := func(key string, r *record, group string) {
		t := index[key]
		if t == nil {
			t = &task{group: group}
			index[key] = t
			tasks = append(tasks, t)
		}
		t.records = append(t.records, r)
	}
	for _, r := range records {
		switch {
		case !r.decided:
			add("group "+r.group, r, r.group)
		case mustBeSaid(r.decision):
			add("event "+orOther(r.file, r.change.EventID), r, "")
		}
	}
	return tasks
}

// mustBeSaid reports whether a decision without a judging needs an alert: an
// end that nobody would hear of otherwise. What comes again says it then.
func mustBeSaid(d Decision) bool {
	if d.Story != nil {
		return false // its own judging told of it
	}
	return d.Outcome == incident.CannotRemediate || d.Outcome == incident.Unresolved && !d.Retry || d.Reason == reasonCall
}

// panicked logs a panic at a group, or at a list.
func (w *Warden) panicked(ctx context.Context, id string, p any) {
	stack := debug.Stack()
	if r, ok := p.(rethrown); ok {
		p, stack = r.value, r.stack
	}
	w.cfg.Logger.ErrorContext(ctx, "panic", "group_id", id, "panic", fmt.Sprint(p), "stack", string(stack))
}

// alone lets what is judged before the groups of a batch are end its own record, and
// no other, where it panics.
func (w *Warden) alone(ctx context.Context, base *record, shared *batchFacts, judge func(context.Context, *record, *batchFacts) []*record) (records []*record) {
	defer func() {
		if p := recover(); p != nil {
			w.panicked(ctx, strings.Join(base.change.ListIDs, " "), p)
			base.decide(incident.Unresolved, "internal error", true)
			records = []*record{base}
		}
	}()
	return judge(ctx, base, shared)
}

// run does one task. A panic ends this task alone: the other messages of the
// batch must not come again for it. Its lease runs out by itself, so that
// nothing is done twice meanwhile.
func (w *Warden) run(ctx context.Context, t *task, facts *batchFacts) {
	defer func() {
		if p := recover(); p != nil {
			for _, r := range t.records {
				r.decide(incident.Unresolved, "internal error", true)
			}
			w.panicked(ctx, t.group, p)
		}
	}()
	if t.group == "" {
		w.sayOnce(ctx, t.records)
		return
	}
	j := &judging{
		w: w, groupID: t.group, records: t.records, limits: w.cfg.Limits,
		holder: fmt.Sprintf("%s/%d", w.cfg.HolderID, w.number.Add(1)),
		done:   map[string]*end{}, shared: facts,
	}
	j.judge(ctx)
}
