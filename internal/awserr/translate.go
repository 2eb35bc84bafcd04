package awserr

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// kinds are error codes of EC2 that the ending or the HTTP status does not
// tell (API reference, "Error codes for the Amazon EC2 API", read 2026-11).
var kinds = map[string]error{
	"UnauthorizedOperation":       incident.ErrDenied,
	"AccessDenied":                incident.ErrDenied,
	"AccessDeniedException":       incident.ErrDenied,
	"AuthFailure":                 incident.ErrDenied,
	"Blocked":                     incident.ErrDenied,
	"OptInRequired":               incident.ErrDenied,
	"PendingVerification":         incident.ErrDenied,
	"OperationNotPermitted":       incident.ErrDenied,
	"InvalidClientTokenId":        incident.ErrDenied,
	"UnrecognizedClientException": incident.ErrDenied,
	"SignatureDoesNotMatch":       incident.ErrDenied,
	"MissingAuthenticationToken":  incident.ErrDenied,

	// A container's keys and clock may be mended by its successor.
	"ExpiredToken":          incident.ErrUnavailable,
	"ExpiredTokenException": incident.ErrUnavailable,
	"RequestExpired":        incident.ErrUnavailable,
	"RequestTimeTooSkewed":  incident.ErrUnavailable,

	"RequestLimitExceeded":      incident.ErrThrottled,
	"Throttling":                incident.ErrThrottled,
	"ThrottlingException":       incident.ErrThrottled,
	"ThrottledException":        incident.ErrThrottled,
	"RequestThrottled":          incident.ErrThrottled,
	"RequestThrottledException": incident.ErrThrottled,
	"EC2ThrottledException":     incident.ErrThrottled,
	"TooManyRequestsException":  incident.ErrThrottled,
	"BandwidthLimitExceeded":    incident.ErrThrottled,
	"PriorRequestNotComplete":   incident.ErrThrottled,
	"SlowDown":                  incident.ErrThrottled,

	"InternalError":           incident.ErrUnavailable,
	"InternalFailure":         incident.ErrUnavailable,
	"ServiceUnavailable":      incident.ErrUnavailable,
	"Unavailable":             incident.ErrUnavailable,
	"RequestTimeout":          incident.ErrUnavailable,
	"RequestTimeoutException": incident.ErrUnavailable,
	"ConcurrentTagAccess":     incident.ErrUnavailable,
	"IncorrectState":          incident.ErrUnavailable,

	"RulesPerSecurityGroupLimitExceeded": incident.ErrQuota,
	"SecurityGroupLimitExceeded":         incident.ErrQuota,
	"TagLimitExceeded":                   incident.ErrQuota,
	"PrefixListMaxEntriesExceeded":       incident.ErrQuota,
}

// answered is the part of the SDK's response error that tells the status.
type answered interface{ HTTPStatusCode() int }

// Translate wraps one of incident's errors around what the SDK said: ErrGone,
// ErrDenied, ErrThrottled, ErrDuplicate, ErrQuota, ErrInvalid or
// ErrUnavailable. nil stays nil, and an error that has one already is given
// back as it is.
//
// An error without an answer (connection, deadline, an unreadable body) is
// ErrUnavailable: the call may have had its effect.
func Translate(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{
		incident.ErrGone, incident.ErrDenied, incident.ErrThrottled, incident.ErrDuplicate,
		incident.ErrQuota, incident.ErrInvalid, incident.ErrUnavailable,
	} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", kindOf(err), err)
}

func kindOf(err error) error {
	var params smithy.InvalidParamsError
	if errors.As(err, &params) {
		return incident.ErrInvalid // refused by the SDK before it was sent
	}
	status := 0
	var response answered
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return incident.ErrUnavailable
	}
	code := api.ErrorCode()
	if kind, ok := kinds[code]; ok {
		return kind
	}
	switch {
	case strings.HasSuffix(code, ".NotFound"):
		return incident.ErrGone
	case code == "InvalidPermission.Duplicate":
		return incident.ErrDuplicate
	case status == http.StatusTooManyRequests:
		return incident.ErrThrottled
	case status >= 500, status == 0, code == "UnknownError":
		return incident.ErrUnavailable
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return incident.ErrDenied
	}
	return incident.ErrInvalid
}

// Code is EC2's error code, "" where there was no answer of EC2.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Message is EC2's own text, "" where there was no answer of EC2. It may hold
// what a caller chose.
func Message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return ""
}
