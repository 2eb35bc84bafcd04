package guard

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// Sweeping is what the function sweep is made of.
type Sweeping struct {
	*warden.Sweeper
	*ledger.Table
}

// NewSweeping makes what sweeps by guard's settings and policies, in the
// account and region of the invoked function. Whatever it is told, it has
// nothing that could change a group. It calls nothing. Errors: the policies
// cannot be used; the function's own ARN is none.
func NewSweeping(ctx context.Context, s Settings, logger *slog.Logger) (Sweeping, error) {
	own, err := self(ctx)
	if err != nil {
		return Sweeping{}, err
	}
	own = own.or(s)
	policies := load(s)
	if policies.fault != nil {
		return Sweeping{}, fmt.Errorf("sweep: %w", policies.fault)
	}
	clients := s.AWS.clients()
	cfg := configOf(s, policies, own, clients, logger)
	cfg.Applier = &apply.Observer{}
	cfg.Lease = 0 // the usual one: a sweep takes none but to tell of a stale ledger
	w, err := warden.New(cfg)
	if err != nil {
		return Sweeping{}, err
	}
	table := ledger.NewTable(clients.dynamodb, s.Table)
	return Sweeping{warden.NewSweeper(w, inventory.New(clients.ec2), table), table}, nil
}
