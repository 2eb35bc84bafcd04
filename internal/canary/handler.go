package canary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/metrics"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	// Bound is how long guard may take from the call on. CloudTrail's events
	// come within seconds as a rule, and are said to take minutes now and then.
	Bound = 4 * time.Minute
	// every is the time between two looks.
	every = 5 * time.Second
	// closing is kept free before the function's own end, to close what guard
	// did not: calls that hang use up what was meant for it.
	closing = 30 * time.Second
)

// Handler answers the invocations of canary. Make it with New.
type Handler struct {
	settings Settings
	logger   *slog.Logger
	out      io.Writer // of the metrics
	clock    func() time.Time
	sleep    func(context.Context, time.Duration) error

	inventory *inventory.Inventory
	applier   *apply.Applier
	ledger    *ledger.Table
}

var _ lambda.Handler = (*Handler)(nil)

// New makes the handler of a function with these settings. It calls nothing.
// Lines of metrics go to out.
func New(s Settings, logger *slog.Logger, out io.Writer) *Handler {
	client := s.AWS.EC2()
	return &Handler{
		settings: s, logger: logger, out: out, clock: time.Now, sleep: sleep,
		inventory: inventory.New(client), applier: apply.New(client), ledger: ledger.NewTable(s.AWS.DynamoDB(), s.Table),
	}
}

// answer is what an invocation tells whoever made it.
type answer struct {
	Passed  bool    `json:"passed"`
	Reason  string  `json:"reason"` // why not; "" = it passed
	Seconds float64 `json:"seconds"`
}

// Invoke opens the rule, waits for guard, and closes what guard left. That the
// canary failed is no error of the invocation: it is counted, and that alarms.
func (h *Handler) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	began := h.clock()
	// Of guard it says nothing whether this can be done.
	if err := h.emptyDefault(ctx); err != nil {
		h.logger.WarnContext(ctx, "the default group has rules", slog.String("error", err.Error()), slog.String("group_id", h.settings.DefaultGroup))
	}
	err := h.run(ctx)
	a := answer{Passed: err == nil, Seconds: h.clock().Sub(began).Seconds()}
	if err != nil {
		a.Reason = err.Error()
		h.logger.ErrorContext(ctx, "the canary failed", slog.String("error", a.Reason), slog.String("group_id", h.settings.Group))
	} else {
		h.logger.InfoContext(ctx, "the canary passed", slog.Float64("seconds", a.Seconds))
	}
	h.count(ctx, a)
	return json.Marshal(a)
}

// run gives why guard did not do what it is to do.
func (h *Handler) run(ctx context.Context) (err error) {
	// What an earlier run could not close.
	if err := h.closeAll(ctx); err != nil {
		return err
	}
	// Before it is opened: a call without an answer may have opened it.
	defer func() { err = errors.Join(err, h.closeAll(ctx)) }()
	rule, err := h.open(ctx)
	if err != nil {
		return err
	}
	opened, seen := h.clock(), ""
	bound := boundOf(ctx, opened)
	for {
		done, state, err := h.look(ctx, rule)
		switch {
		case done:
			return nil
		case err != nil:
			seen = err.Error()
		default:
			seen = state
		}
		if h.clock().Sub(opened)+every > bound {
			return fmt.Errorf("wait for guard: after %s rule %s is not %s: %s", bound, rule.ID, h.settings.Expect, seen)
		}
		if err := h.sleep(ctx, every); err != nil {
			return fmt.Errorf("wait for guard: %w", err)
		}
	}
}

// boundOf is Bound, or what is left of the invocation without the time to close.
func boundOf(ctx context.Context, opened time.Time) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return Bound
	}
	return min(Bound, max(0, end.Sub(opened)-closing)).Truncate(time.Second)
}

// value is the rule to open at this time. Another address each time keeps one
// run from being taken for a fight with the one before.
func value(now time.Time) secgroup.Rule {
	network := guard.CanaryNetwork().Addr().As4()
	network[3] = byte(1 + now.Unix()/60%254)
	return secgroup.Rule{
		Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: guard.CanaryPort, To: guard.CanaryPort},
		Peer:        secgroup.NewCIDR(netip.PrefixFrom(netip.AddrFrom4(network), 32)),
		Description: "opened by the canary of sgwarden, to be closed within minutes",
	}
}

func (h *Handler) open(ctx context.Context) (secgroup.Rule, error) {
	result := h.applier.Apply(ctx, plan.Authorize{GroupID: h.settings.Group, Direction: secgroup.Ingress, Rules: []secgroup.Rule{value(h.clock())}})
	switch {
	case result.Err != nil:
		return secgroup.Rule{}, fmt.Errorf("open the rule: %w", result.Err)
	case len(result.Added) != 1 || result.Added[0].ID == "":
		return secgroup.Rule{}, fmt.Errorf("open the rule: EC2 does not say which it is: %w", incident.ErrUnavailable)
	}
	return result.Added[0], nil
}

// look reports whether guard has done what it is to do about the rule, and
// else what there is to see.
func (h *Handler) look(ctx context.Context, rule secgroup.Rule) (done bool, state string, err error) {
	rules, err := h.inventory.Rules(ctx, h.settings.Group, rule.ID)
	if err != nil {
		return false, "", err
	}
	items, err := h.ledger.Recall(ctx, []string{h.settings.Group})
	if err != nil {
		return false, "", err
	}
	known := items[h.settings.Group].Known
	switch {
	case h.settings.Expect == Observed:
		return known.Rules[rule.ID].IncidentID != "", "guard has no incident of it", nil
	case len(rules) > 0:
		return false, "it is there", nil
	}
	return known.Removed[rule.ID].IncidentID != "", "it is gone, but it was not guard who took it back", nil
}

// closeAll removes what the canary opened, in this run or another, and is
// there. Anything else in the group is not the canary's.
func (h *Handler) closeAll(ctx context.Context) error {
	rules, err := h.inventory.Rules(ctx, h.settings.Group)
	if err != nil {
		return fmt.Errorf("close what was opened: %w", err)
	}
	var open []secgroup.Rule
	for _, r := range rules {
		if p, ok := r.Peer.(secgroup.CIDR); ok && r.Direction == secgroup.Ingress && r.Protocol == secgroup.TCP &&
			r.Ports == (secgroup.Ports{From: guard.CanaryPort, To: guard.CanaryPort}) && guard.CanaryNetwork().Contains(p.Prefix.Addr()) && p.Prefix.Bits() == 32 {
			open = append(open, r)
		}
	}
	if len(open) == 0 {
		return nil
	}
	result := h.applier.Apply(ctx, plan.Revoke{GroupID: h.settings.Group, Direction: secgroup.Ingress, Rules: open})
	if result.Err != nil && !errors.Is(result.Err, incident.ErrGone) { // guard may be faster
		return fmt.Errorf("close what was opened: %w", result.Err)
	}
	return nil
}

// count writes the metrics of a run.
func (h *Handler) count(ctx context.Context, a answer) {
	passed, failed, seconds := 0, 1, metrics.Sample{Metric: metrics.CanarySeconds}
	if a.Passed {
		passed, failed, seconds.Values = 1, 0, []float64{a.Seconds}
	}
	line, err := metrics.Line(h.clock(), lambdacontext.FunctionName, metrics.Count(metrics.CanaryPassed, passed), metrics.Count(metrics.CanaryFailed, failed), seconds)
	if err == nil {
		_, err = h.out.Write(line)
	}
	if err != nil {
		h.logger.WarnContext(ctx, "write metrics", slog.String("error", err.Error()))
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
