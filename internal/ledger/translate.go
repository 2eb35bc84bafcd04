package ledger

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// kinds are DynamoDB's error codes and cancellation codes (API reference,
// common errors and TransactWriteItems, read 2026-11). What is not listed may
// pass: a ledger that does not answer is down, never empty.
var kinds = map[string]error{
	"ConditionalCheckFailedException": incident.ErrConflict,
	"TransactionConflictException":    incident.ErrConflict,
	"TransactionInProgressException":  incident.ErrConflict,
	"TransactionConflict":             incident.ErrConflict,
	// The same token with other content: this transaction was written before.
	"IdempotentParameterMismatchException": incident.ErrConflict,

	"ProvisionedThroughputExceededException": incident.ErrThrottled,
	"ProvisionedThroughputExceeded":          incident.ErrThrottled,
	"RequestLimitExceeded":                   incident.ErrThrottled,
	"ThrottlingException":                    incident.ErrThrottled,
	"ThrottlingError":                        incident.ErrThrottled,
	"LimitExceededException":                 incident.ErrThrottled,

	"AccessDeniedException":               incident.ErrDenied,
	"AccessDenied":                        incident.ErrDenied,
	"UnrecognizedClientException":         incident.ErrDenied,
	"MissingAuthenticationTokenException": incident.ErrDenied,
	"IncompleteSignatureException":        incident.ErrDenied,
	"InvalidSignatureException":           incident.ErrDenied,

	// A container's keys may be mended by its successor: ExpiredTokenException
	// is not listed.

	"ValidationException":                      incident.ErrInvalid,
	"ValidationError":                          incident.ErrInvalid,
	"ItemCollectionSizeLimitExceeded":          incident.ErrInvalid,
	"ItemCollectionSizeLimitExceededException": incident.ErrInvalid,
}

// translate wraps one of incident's errors around what the SDK said. An error
// that has one already stays as it is.
func translate(err error) error {
	for _, known := range []error{incident.ErrConflict, incident.ErrLeased, incident.ErrThrottled, incident.ErrDenied, incident.ErrInvalid, incident.ErrUnavailable} {
		if errors.Is(err, known) {
			return err
		}
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for _, r := range cancelled.CancellationReasons {
			if kind, ok := kinds[aws.ToString(r.Code)]; ok {
				return fmt.Errorf("%w: %w", kind, err)
			}
		}
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if kind, ok := kinds[api.ErrorCode()]; ok {
			return fmt.Errorf("%w: %w", kind, err)
		}
	}
	return fmt.Errorf("%w: %w", incident.ErrUnavailable, err)
}

// unreadable says that something in the table is not what it should be.
func unreadable(err error) error { return fmt.Errorf("%w: %w", incident.ErrInvalid, err) }
