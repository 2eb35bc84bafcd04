package guard

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/sgwarden/sgwarden/internal/warden"
)

// judge is what a handler needs of *warden.Warden.
type judge interface {
	Judge(ctx context.Context, deliveries []warden.Delivery) []warden.Decision
}

// postponer is what a handler needs of *queue.Queue.
type postponer interface {
	PutOff(ctx context.Context, receiptHandle string, deliveries int) error
}

// tools is what is made at the first invocation, when the function knows its
// own account, and not before: nothing of it is needed to be ready.
type tools struct {
	judge judge // nil = there are no policies to judge by: see fault
	queue postponer
	// fault says why there is no judge. complain tells people, once.
	fault    error
	complain func(ctx context.Context) error
}

// Handler answers the invocations of guard. Make it with New.
type Handler struct {
	logger *slog.Logger
	meter  meter
	make   func(own identity) (*tools, error)

	mu    sync.Mutex
	tools *tools
}

var _ lambda.Handler = (*Handler)(nil)

// Invoke takes an SQS event whose bodies are EventBridge events or Judge Group
// messages, and answers with the messages to deliver again; or one EventBridge
// event, and answers with its outcomes. Errors: the payload is neither; the
// function's own ARN is missing; an event as such must be judged again.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	in, err := readInput(payload)
	if err != nil {
		return nil, err
	}
	t, err := h.ready(ctx)
	if err != nil {
		return nil, err
	}
	if t.judge == nil {
		return h.refuse(ctx, t, in)
	}
	started := h.meter.clock()
	decisions := t.judge.Judge(ctx, in.deliveries())
	h.meter.judged(ctx, started, decisions, 0)
	if in.event != nil {
		return answerEvent(decisions)
	}
	failures := failed(in.messages, decisions)
	h.putOff(ctx, t, failures)
	return answerBatch(failures)
}

// ready makes the tools at the first invocation. The account and region that
// guard works in are those of its own ARN; no event has a say in it.
func (h *Handler) ready(ctx context.Context) (*tools, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tools != nil {
		return h.tools, nil
	}
	own, err := self(ctx)
	if err != nil {
		return nil, err
	}
	h.tools, err = h.make(own)
	return h.tools, err
}

// defaultTimeout is that of the stack, for an invocation without a deadline.
const defaultTimeout = time.Minute

// self reads arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER], and the
// deadline. A platform that tells no ARN leaves accountID and region empty.
func self(ctx context.Context) (identity, error) {
	var own identity
	if lc, ok := lambdacontext.FromContext(ctx); ok && lc.InvokedFunctionArn != "" {
		region, account, _, ok := arnOf("lambda", lc.InvokedFunctionArn)
		if !ok || !isRegion(region) {
			return identity{}, fmt.Errorf("find the own account: the ARN of the invoked function is %q", lc.InvokedFunctionArn)
		}
		own.accountID, own.region = account, region
	}
	own.timeout = defaultTimeout
	if deadline, ok := ctx.Deadline(); ok {
		// The first deadline is not much shorter than the timeout.
		own.timeout = max(time.Until(deadline).Round(time.Second), time.Second)
	}
	return own, nil
}

// refuse fails everything: without its policies guard must not acknowledge,
// and must not judge by others.
func (h *Handler) refuse(ctx context.Context, t *tools, in input) ([]byte, error) {
	h.logger.ErrorContext(ctx, "no policies", slog.String("error", t.fault.Error()), slog.Int("messages", len(in.messages)))
	h.meter.judged(ctx, h.meter.clock(), nil, len(in.deliveries()))
	if err := t.complain(ctx); err != nil {
		h.logger.ErrorContext(ctx, "alert about the policies", slog.String("error", err.Error()))
	}
	if in.event != nil {
		return nil, fmt.Errorf("judge the event: %w", t.fault)
	}
	h.putOff(ctx, t, in.messages)
	return answerBatch(in.messages)
}

// putOff makes failed messages come back sooner than the queue would bring
// them. Where that fails they come when the visibility timeout is over.
func (h *Handler) putOff(ctx context.Context, t *tools, failures []message) {
	var wait sync.WaitGroup
	for _, m := range failures {
		if m.ReceiptHandle == "" {
			continue
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			if err := t.queue.PutOff(ctx, m.ReceiptHandle, m.receives()); err != nil {
				h.logger.WarnContext(ctx, "put off", slog.String("message_id", m.MessageID), slog.String("error", err.Error()))
			}
		}()
	}
	wait.Wait()
}
