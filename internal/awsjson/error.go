package awsjson

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
)

// Error is what a service answers in place of a result.
type Error struct {
	Code    string // without its namespace; "UnknownError" = the answer names none
	Message string
	Status  int
}

var _ smithy.APIError = (*Error)(nil)

func (e *Error) Error() string { return fmt.Sprintf("%s (%d): %s", e.Code, e.Status, e.Message) }

// ErrorCode is the code.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage is the service's text.
func (e *Error) ErrorMessage() string { return e.Message }

// ErrorFault says whose fault it was.
func (e *Error) ErrorFault() smithy.ErrorFault {
	if e.Status >= http.StatusInternalServerError {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// HTTPStatusCode is what retryers look at.
func (e *Error) HTTPStatusCode() int { return e.Status }

// unanswered is a call that got no answer: whether it took effect is not known.
type unanswered struct{ error }

func (e *unanswered) Unwrap() error { return e.error }

// RetryableError is what the SDK's retryer asks for: both
// calls may be repeated, as their receivers drop what they have seen.
func (e *unanswered) RetryableError() bool { return true }

// errorOf reads an answer: AWS names the code in a header or in the body, with
// or without a namespace before and an address behind it.
func errorOf(answer *http.Response, text []byte) *Error {
	var body struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"` // in any case
	}
	_ = json.Unmarshal(text, &body) // a front may answer with HTML
	code := answer.Header.Get("X-Amzn-ErrorType")
	for _, other := range []string{body.Code, body.Type} {
		if code == "" {
			code = other
		}
	}
	code, _, _ = strings.Cut(code, ":")
	code = code[strings.LastIndex(code, "#")+1:]
	if code == "" {
		code = "UnknownError"
	}
	return &Error{code, body.Message, answer.StatusCode}
}
