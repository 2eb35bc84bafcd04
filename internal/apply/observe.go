package apply

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
)

// Observer stands in for an Applier in observe mode: it has no client, so that
// nothing can be changed, and counts what it was asked for. The zero value is
// ready. It is safe for concurrent use.
type Observer struct{ withheld atomic.Int64 }

// Apply changes nothing. Err wraps incident.ErrDenied: a call that was not
// made must not read as one that succeeded.
func (o *Observer) Apply(_ context.Context, action plan.Action) incident.Result {
	o.withheld.Add(1)
	return incident.Result{Err: fmt.Errorf("%s: %w: mode observe", action.Call(), incident.ErrDenied)}
}

// Withheld is the number of actions that were asked for.
func (o *Observer) Withheld() int { return int(o.withheld.Load()) }
