package apply

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
)

// tried is a failure of a call that was sent more than once: a warden.Tried.
// The answer to an earlier try may have been lost, and its effect not.
type tried struct {
	error
	tries int
}

func (t tried) Unwrap() error { return t.error }
func (t tried) Tries() int    { return t.tries }

// tellTries makes a call say in its error how often it was sent. The SDK tells
// of the last try alone.
func tellTries(s *middleware.Stack) error {
	return s.Initialize.Add(middleware.InitializeMiddlewareFunc("TellTries", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		if results, ok := retry.GetAttemptResults(metadata); err != nil && ok && len(results.Results) > 1 {
			err = tried{err, len(results.Results)}
		}
		return out, metadata, err
	}), middleware.Before)
}
