package warden

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
)

const (
	// sinkTime bounds what one message may take one sink. The lease of the
	// group is held meanwhile.
	sinkTime = 3 * time.Second

	// sinkTries is from which receive on a message is not delivered again for a
	// sink alone: after 5 + 10 + 20 + 40 + 80 seconds. A sink that is down for
	// longer must not fill the queue of dead letters with what is remedied.
	sinkTries = 6
)

// errOwing is why a message of an event as a whole comes again.
var errOwing = errors.New("a sink could not be told")

// sinkNames are those of all sinks; nil without any.
func (w *Warden) sinkNames() (names []string) {
	for _, s := range w.cfg.Sinks {
		names = append(names, s.Name())
	}
	return names
}

// pay tells the sinks that lack the last message of an incident, side by side,
// what the subscribers are told, and takes those off that got it. A sink that could not take it now is tried
// again when the messages come again: false. One that never will, or not until
// the tries are over, is counted, logged and noted: its message is lost to it
// alone.
func (w *Warden) pay(ctx context.Context, inc *incident.Incident, told incident.Incident, tries int) (paid bool) {
	if len(inc.Owed) == 0 || len(inc.Published) == 0 {
		return true
	}
	told.EventType, told.Published = incident.EventType(inc.Published[len(inc.Published)-1]), inc.Published
	failed := make([]error, len(w.cfg.Sinks))
	var wait sync.WaitGroup
	for n, s := range w.cfg.Sinks {
		if !slices.Contains(inc.Owed, s.Name()) {
			continue
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			failed[n] = w.tell(ctx, s, told)
		}()
	}
	wait.Wait()
	inc.Owed = nil // also of sinks that there are no more
	for n, err := range failed {
		if err == nil {
			continue
		}
		name := w.cfg.Sinks[n].Name()
		if tries < sinkTries && passes(err) {
			inc.Owed = append(inc.Owed, name)
			w.cfg.Logger.WarnContext(ctx, "tell a sink: tried again", "sink", name, "group_id", inc.GroupID, "incident_id", inc.ID, "error", err.Error())
			continue
		}
		_, why := explain(err)
		inc.Notes = appendOnce(slices.Clone(inc.Notes), "the sink "+name+" did not get the message "+string(told.EventType)+": "+why)
		w.cfg.Logger.ErrorContext(ctx, "tell a sink: given up", "sink", name, "group_id", inc.GroupID, "incident_id", inc.ID, "error", err.Error())
		if w.cfg.Missed != nil {
			w.cfg.Missed(name)
		}
	}
	return len(inc.Owed) == 0
}

// errPanicked is that a sink panicked: it may do so at every try.
var errPanicked = errors.New("internal error")

// tell tells one sink, unless that could take the time that is left for the
// ledger. A panic ends this telling alone: it is not in the goroutine of the
// judging, where it would be caught.
func (w *Warden) tell(ctx context.Context, s Sink, i incident.Incident) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.panicked(ctx, i.GroupID, p)
			err = errPanicked
		}
	}()
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(w.now()) < sinkTime+deadlineMargin {
		return context.DeadlineExceeded
	}
	ctx, cancel := context.WithTimeout(ctx, sinkTime)
	defer cancel()
	return s.Tell(ctx, i)
}

// passes reports whether an error of a sink may be over at the next try.
func passes(err error) bool {
	return !errors.Is(err, incident.ErrDenied) && !errors.Is(err, incident.ErrGone) && !errors.Is(err, incident.ErrInvalid)
}

// tries is how often the messages of this judging were received: the least of
// them, as any of them brings it back. Without the ledger nothing is owed.
func (j *judging) tries() int {
	if j.unwritten {
		return sinkTries
	}
	return triesOf(j.records)
}

func triesOf(records []*record) int {
	least := sinkTries
	for _, r := range records {
		least = min(least, max(r.delivery.ReceiveCount, 1))
	}
	return least
}
