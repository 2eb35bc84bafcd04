package doctor

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"
)

// prefixes are the IAM prefixes of services whose own name is another one.
var prefixes = map[string]string{
	"EventBridge": "events", "Service Quotas": "servicequotas", "Config Service": "config",
}

// action is how IAM calls an operation: "events:DescribeRule".
func action(service, operation string) string {
	prefix, ok := prefixes[service]
	if !ok {
		prefix = strings.ToLower(service)
	}
	return prefix + ":" + operation
}

// deniedAction is the action that an error says the caller may not; "" = it
// says something else.
func deniedAction(err error) string {
	var api smithy.APIError
	var operation *smithy.OperationError
	if !errors.As(err, &api) || !errors.As(err, &operation) {
		return ""
	}
	switch code := api.ErrorCode(); {
	case strings.HasPrefix(code, "AccessDenied"), strings.HasPrefix(code, "AuthorizationError"), code == "UnauthorizedOperation", code == "NotAuthorized":
		return action(operation.Service(), operation.Operation())
	}
	return ""
}

// code is the error code of AWS; "" = err is nil or no answer of AWS.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// shorten leaves of an error of the SDK what a person needs.
func shorten(err error) string {
	var api smithy.APIError
	var operation *smithy.OperationError
	if errors.As(err, &api) && errors.As(err, &operation) {
		return action(operation.Service(), operation.Operation()) + ": " + api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}
