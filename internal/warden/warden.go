package warden

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// Config is what a Warden is made of. All interfaces, Set, Clock, Sleep and
// Logger are required.
type Config struct {
	Set       *policy.Set
	Inventory Inventory
	Applier   Applier
	Ledger    Ledger
	Publisher Publisher
	Queue     Queue
	// Sinks are told beside Publisher's subscribers; none by default.
	Sinks []Sink
	// Missed counts a message that a sink will not get; nil = it is only logged.
	// It may be called from several goroutines at once.
	Missed func(sink string)
	// Connections tells more of the connections that a removed rule let in; nil =
	// what the group's own rules tell.
	Connections Connections

	Clock func() time.Time
	// Sleep waits, or returns the context's error as soon as it is done.
	Sleep  func(ctx context.Context, d time.Duration) error
	Logger *slog.Logger

	Account string // the account that is guarded, 12 digits; "" = not known, nothing counts as foreign
	Region  string // likewise
	RoleARN string // the deployment's own role; "" = no call counts as own

	// Mode bounds what the set asks for: without policy.Enforce nothing is
	// ever changed.
	Mode   policy.Mode
	Limits plan.Limits
	// Closed finds a closed incident of a group; false = there is none. It is
	// asked only where a late record may tell the actor of an incident that has
	// none; nil = such incidents stay without.
	Closed func(ctx context.Context, groupID, incidentID string) (incident.Incident, bool, error)
	// LedgerDown is what is done about severe violations while the ledger
	// cannot be read; 0 = policy.RevokeBlind.
	LedgerDown policy.LedgerDown
	// Fuse bounds what one policy may do within an hour; a bound of 0 is none.
	Fuse policy.Fuse
	// Lease is how long a group stays reserved for one judging: the function's
	// timeout. 0 = one minute.
	Lease time.Duration
	// HolderID names this process in leases. It must differ between processes.
	HolderID string
	// Judgings bounds how many groups of a batch are judged side by side; 0 = 8.
	Judgings int
}

const (
	defaultLease    = time.Minute
	defaultJudgings = 8

	// deadlineMargin is kept free before the context's deadline: no mutation
	// begins later, so that what was done can still be read back and told.
	deadlineMargin = 500 * time.Millisecond

	// maxRounds bounds how often a group is observed again because another
	// writer changed its item.
	maxRounds = 6
)

// Warden judges changes. It is safe for concurrent use, and keeps nothing
// between judgings but what it did while the ledger was down.
type Warden struct {
	cfg     Config
	number  atomic.Int64 // of judgings: makes the holder of each lease its own
	removed blindBooks
	asked   askedLooks
	paged   pages
	// enforcing is the set as it were in enforce mode: what observe mode would do.
	enforcing *policy.Set
}

// New checks the configuration and makes a Warden. The error names everything
// that is missing. It calls nothing.
func New(cfg Config) (*Warden, error) {
	var faults []error
	for _, need := range []struct {
		name    string
		missing bool
	}{
		{"Set", cfg.Set == nil}, {"Inventory", cfg.Inventory == nil}, {"Applier", cfg.Applier == nil},
		{"Ledger", cfg.Ledger == nil}, {"Publisher", cfg.Publisher == nil}, {"Queue", cfg.Queue == nil},
		{"Clock", cfg.Clock == nil}, {"Sleep", cfg.Sleep == nil}, {"Logger", cfg.Logger == nil}, {"HolderID", cfg.HolderID == ""},
	} {
		if need.missing {
			faults = append(faults, fmt.Errorf("make warden: %s is missing", need.name))
		}
	}
	if cfg.Lease == 0 {
		cfg.Lease = defaultLease
	}
	if cfg.Judgings == 0 {
		cfg.Judgings = defaultJudgings
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	cfg.Fuse = bounded(cfg.Fuse, len(cfg.Set.Policies))
	return &Warden{cfg: cfg, enforcing: cfg.Set.Enforcing(), removed: blindBooks{acts: map[string]blindAct{}}}, nil
}

// Judge judges one batch of messages and answers for every record in them, in
// their order: one decision per record and group that it concerns, at least
// one per delivery. It never fails as a whole; Decision.Retry says which
// deliveries must come again.
//
// Records that concern one group are judged together and come again together.
func (w *Warden) Judge(ctx context.Context, deliveries []Delivery) []Decision {
	start := w.now()
	facts := &batchFacts{}
	records := w.decode(ctx, deliveries, facts)
	tasks := w.tasks(records)

	slots := make(chan struct{}, w.cfg.Judgings)
	var wait sync.WaitGroup
	for _, task := range tasks {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer func() { <-slots; wait.Done() }()
			w.run(ctx, task, facts)
		}()
	}
	wait.Wait()

	decisions := make([]Decision, 0, len(records))
	for _, r := range records {
		w.ensureDocument(r)
		decisions = append(decisions, r.decision)
		w.log(ctx, r, start)
	}
	return decisions
}

// now is the time in the form in which it is stored and compared.
func (w *Warden) now() time.Time { return w.cfg.Clock().UTC().Round(0) }
