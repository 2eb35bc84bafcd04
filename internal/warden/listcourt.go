package warden

import (
	"context"
	"fmt"
)

// listCourt lets one list be judged once in a batch for all that ask.
type listCourt struct {
	id   string
	turn chan struct{} // full while somebody is at the list
	last *listEnd
}

func courtOf(shared *batchFacts, id string) *listCourt {
	court, _ := onceInBatch(shared, "list "+id, func() (*listCourt, error) {
		return &listCourt{id: id, turn: make(chan struct{}, 1)}, nil
	})
	return court
}

// enter waits until nobody else is at the list, no longer than the context lasts.
func (c *listCourt) enter(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the judging of %s: %w", c.id, ctx.Err())
	}
}

func (c *listCourt) leave() { <-c.turn }

// judgedInBatch is how the list stands, where it was judged with these entries in
// the batch.
func judgedInBatch(ctx context.Context, shared *batchFacts, id, digest string) (listEnd, bool, error) {
	court := courtOf(shared, id)
	if err := court.enter(ctx); err != nil {
		return listEnd{}, false, err
	}
	defer court.leave()
	if court.last == nil || court.last.digest != digest {
		return listEnd{}, false, nil
	}
	return *court.last, true, nil
}
