package awserr

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// ErrNoTime is joined to the error of a call whose next try might not be over
// before the deadline.
var ErrNoTime = errors.New("no time for another try")

// Retryer retries throttling, 5xx and broken connections as the SDK does, with
// exponential backoff and jitter: attempts tries in all, at most maxBackoff
// between two of them. It does not begin a wait that may outlast the context's
// deadline, or leave no time for the try behind it: the caller then gets the
// last error itself, in time to act on it, in place of a cancelled sleep.
func Retryer(attempts int, maxBackoff time.Duration) aws.Retryer {
	return bounded{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = attempts, maxBackoff
	}), maxBackoff}
}

// tryTime is kept free for the try after a wait, and for telling of it.
const tryTime = 500 * time.Millisecond

type bounded struct {
	aws.RetryerV2
	maxBackoff time.Duration
}

func (b bounded) GetRetryToken(ctx context.Context, opErr error) (func(error) error, error) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= b.maxBackoff+tryTime {
		return nil, ErrNoTime
	}
	return b.RetryerV2.GetRetryToken(ctx, opErr)
}
