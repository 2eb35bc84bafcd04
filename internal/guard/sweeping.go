package guard

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// Sweeping is what the function sweep is made of.
type Sweeping struct {
	*warden.Sweeper
	*ledger.Table
	report func(ctx context.Context, counts warden.SweepCounts, at time.Time)
}

// Report puts what a pass that is over counted on the event buses that the
// settings name. A bus that does not take it misses it: the next pass is near.
// It is logged.
func (s Sweeping) Report(ctx context.Context, counts warden.SweepCounts, at time.Time) {
	s.report(ctx, counts, at)
}

// reportTime bounds what a report may take a bus.
const reportTime = 3 * time.Second

// sweepReport is the report of a pass, a contract (docs/reference/sinks.md).
type sweepReport struct {
	SchemaVersion  string                     `json:"schemaVersion"`
	AccountID      string                     `json:"accountId"`
	Region         string                     `json:"region"`
	Mode           string                     `json:"mode"`
	PoliciesDigest string                     `json:"policiesDigest"` // "" = it is not known
	CompletedAt    time.Time                  `json:"completedAt"`
	Groups         int                        `json:"groups"`
	Rules          int                        `json:"rules"`
	Foreign        int                        `json:"foreign"`
	Left           int                        `json:"left"`
	Marked         map[string]int             `json:"marked"` // rules, by policy
	Asked          map[warden.SweepReason]int `json:"asked"`  // groups, by reason
}

// reporter gives what reports of these settings go through.
func reporter(s Settings, own identity, mode string, logger *slog.Logger) func(context.Context, warden.SweepCounts, time.Time) {
	buses := busesOf(s)
	return func(ctx context.Context, c warden.SweepCounts, at time.Time) {
		if len(buses) == 0 {
			return
		}
		text, err := json.Marshal(sweepReport{
			SchemaVersion: "1", AccountID: own.accountID, Region: own.region, Mode: mode, PoliciesDigest: s.Digest, CompletedAt: at.UTC().Truncate(time.Second),
			Groups: c.Groups, Rules: c.Rules, Foreign: c.Foreign, Left: c.Unread + c.Failed, Marked: c.Marked, Asked: c.Enqueued,
		})
		for _, b := range buses {
			if err == nil {
				err = within(ctx, func(ctx context.Context) error { return b.Report(ctx, text) })
			}
			if err != nil {
				logger.ErrorContext(ctx, "report a sweep", slog.String("bus", b.Name()), slog.String("error", err.Error()))
				err = nil
			}
		}
	}
}

func within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	return do(ctx)
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
	report := reporter(s, own, policies.set.Mode.String(), logger)
	return Sweeping{warden.NewSweeper(w, inventory.New(clients.ec2), table), table, report}, nil
}
