package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/metrics"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// cursorLife is how long a pass may be gone on with: EC2 says of its page
// tokens only that they end, and what was read long ago is no complete sweep.
const cursorLife = 2 * time.Hour

// sweeping is what a handler needs of guard.Sweeping.
type sweeping interface {
	Sweep(ctx context.Context, from warden.Cursor) (warden.Pass, error)
	Cursor(ctx context.Context) (string, error)
	PutCursor(ctx context.Context, cursor string) error
	Report(ctx context.Context, counts warden.SweepCounts, at time.Time)
}

// Handler answers the invocations of sweep. Make it with New.
type Handler struct {
	logger *slog.Logger
	out    io.Writer // of the metrics
	clock  func() time.Time
	make   func(ctx context.Context) (sweeping, error)

	mu   sync.Mutex
	made sweeping
}

var _ lambda.Handler = (*Handler)(nil)

// New makes the handler of a function with these settings. It calls nothing.
// Lines of metrics go to out.
func New(s guard.Settings, logger *slog.Logger, out io.Writer) *Handler {
	return &Handler{logger: logger, out: out, clock: time.Now, make: func(ctx context.Context) (sweeping, error) { return guard.NewSweeping(ctx, s, logger) }}
}

// answer is what an invocation tells whoever made it.
type answer struct {
	Complete bool               `json:"complete"` // the pass came to its end
	Held     string             `json:"held"`     // why it was given up; "" = it was not
	More     bool               `json:"more"`     // the next invocation goes on with it
	Counts   warden.SweepCounts `json:"counts"`   // of the whole pass so far
}

// Invoke goes on with the pass that the last invocation left, or makes a new
// one. An error means that nothing is lost: the next invocation repeats what
// failed, unless that was the very first that this one did. Then it begins
// anew, since it may be the cursor that EC2 does not take any more.
func (h *Handler) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	s, err := h.ready(ctx)
	if err != nil {
		return nil, err
	}
	stored, err := s.Cursor(ctx)
	if err != nil {
		return nil, err
	}
	from := h.cursor(ctx, stored)
	pass, err := s.Sweep(ctx, from)
	h.count(ctx, from, pass)
	next := pass.Next
	if err != nil && next != nil && next.Token == from.Token {
		next = nil
	}
	if err := errors.Join(err, h.keep(ctx, s, stored, next)); err != nil {
		return nil, err
	}
	if pass.Complete {
		s.Report(ctx, pass.Counts, h.clock())
	}
	return json.Marshal(answer{pass.Complete, pass.Held, next != nil, pass.Counts})
}

func (h *Handler) ready(ctx context.Context) (sweeping, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.made != nil {
		return h.made, nil
	}
	made, err := h.make(ctx)
	if err == nil {
		h.made = made
	}
	return made, err
}

// cursor is where to begin. What nobody can read, or is too old, is the
// beginning.
func (h *Handler) cursor(ctx context.Context, stored string) warden.Cursor {
	if stored == "" {
		return warden.Cursor{}
	}
	var c warden.Cursor
	if err := json.Unmarshal([]byte(stored), &c); err != nil {
		h.logger.WarnContext(ctx, "sweep: the cursor is not understood", slog.String("error", err.Error()))
		return warden.Cursor{}
	}
	if age := h.clock().Sub(c.Start); age > cursorLife {
		h.logger.WarnContext(ctx, "sweep: the cursor is too old", slog.Duration("age", age))
		return warden.Cursor{}
	}
	return c
}

// keep writes down where the next invocation goes on, if the ledger does not
// say that already.
func (h *Handler) keep(ctx context.Context, s sweeping, stored string, next *warden.Cursor) error {
	text := ""
	if next != nil {
		encoded, err := json.Marshal(next)
		if err != nil {
			return fmt.Errorf("keep the cursor: %w", err)
		}
		text = string(encoded)
	}
	if text == stored {
		return nil
	}
	return s.PutCursor(ctx, text)
}

// count writes the metrics of what this invocation added to the pass.
func (h *Handler) count(ctx context.Context, from warden.Cursor, pass warden.Pass) {
	complete := 0
	if pass.Complete {
		complete = 1
	}
	was, is := from.Counts, pass.Counts
	line, err := metrics.Line(h.clock(), lambdacontext.FunctionName,
		metrics.Count(metrics.SweepsComplete, complete),
		metrics.Count(metrics.Swept, is.Groups-was.Groups),
		metrics.Count(metrics.Marked, sum(is.Marked)-sum(was.Marked)),
		metrics.Count(metrics.Asked, sum(is.Enqueued)-sum(was.Enqueued)),
		metrics.Count(metrics.Left, is.Unread+is.Failed-was.Unread-was.Failed))
	if err == nil {
		_, err = h.out.Write(line)
	}
	if err != nil {
		h.logger.WarnContext(ctx, "write metrics", slog.String("error", err.Error()))
	}
}

func sum[K comparable](counts map[K]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
