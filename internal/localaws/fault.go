package localaws

import (
	"encoding/json"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// Fault is one of the things that go wrong with a call, whatever its service.
type Fault string

// The faults.
const (
	Throttled    Fault = "throttled"
	Failed       Fault = "500"
	Unreachable  Fault = "connection refused"
	Reset        Fault = "reset before"
	ResetAfter   Fault = "reset after"
	Hanging      Fault = "hang"
	AccessDenied Fault = "access denied"
	Swallowed    Fault = "silent no-op"
	StaleRead    Fault = "stale read"
)

// Faults are all of them.
func Faults() []Fault {
	return []Fault{Throttled, Failed, Unreachable, Reset, ResetAfter, Hanging, AccessDenied, Swallowed, StaleRead}
}

// kinds are what the faults do.
var kinds = map[Fault]localec2.Kind{
	Throttled: localec2.Refused, Failed: localec2.Refused, AccessDenied: localec2.Refused,
	Unreachable: localec2.Unreachable, Reset: localec2.Lost, ResetAfter: localec2.LostAfter, Hanging: localec2.Hanging,
	Swallowed: localec2.Swallowed, StaleRead: localec2.StaleRead,
}

// NotOn says why a fault cannot happen to a call; "" = it can.
func (f Fault) NotOn(c Call) string { return notOn(kinds[f], c) }

func notOn(kind localec2.Kind, c Call) string {
	switch kind {
	case localec2.Swallowed:
		switch {
		case !c.Changes:
			return "a read has no effect to leave out"
		case c.Service == DynamoDB:
			return "DynamoDB answers 200 only for what is durably written"
		case c.Service != EC2:
			return "what is accepted and then lost shows to no caller of the service"
		}
	case localec2.StaleRead:
		switch {
		case c.Changes:
			return "not a read"
		case c.Service == DynamoDB && consistent(c):
			return "a strongly consistent read is never stale"
		case c.Service == STS:
			return "the identity does not change"
		}
	}
	return ""
}

// consistent reports whether all that a read of DynamoDB asks for is to be
// strongly consistent.
func consistent(c Call) bool {
	var in struct {
		ConsistentRead bool
		RequestItems   map[string]struct{ ConsistentRead bool }
	}
	if json.Unmarshal(c.Body, &in) != nil {
		return false
	}
	for _, ask := range in.RequestItems {
		if !ask.ConsistentRead {
			return false
		}
	}
	return in.ConsistentRead || len(in.RequestItems) > 0
}

// On is the fault as it happens to a call, with the error of the call's
// service. before is the state that EC2 answers a stale read from; a stale
// read of DynamoDB misses the last write.
func (f Fault) On(c Call, before *localec2.Snapshot) localec2.Disturbance {
	switch f {
	case Throttled, Failed, AccessDenied:
		e := errorsOf[c.Service][f]
		return localec2.Refusal(e.Status, e.Code, e.Message)
	case Unreachable:
		return localec2.Refuse()
	case Reset:
		return localec2.Lose()
	case ResetAfter:
		return localec2.LoseAnswer()
	case Hanging:
		return localec2.Hang()
	case Swallowed:
		return localec2.Swallow()
	case StaleRead:
		return localec2.Stale(before)
	}
	return localec2.Disturbance{}
}

// errorsOf are the answers of each service to being too busy, broken, or not
// allowed (each API's common errors, read 2026-11).
var errorsOf = map[Service]map[Fault]query.Fault{
	EC2:         {Throttled: *localec2.Throttle().Fault(), Failed: *localec2.Fail().Fault(), AccessDenied: *localec2.Deny().Fault()},
	STS:         answers(400, "Throttling: Rate exceeded", "InternalFailure: An internal error has occurred", 403, "AccessDenied"),
	DynamoDB:    answers(400, "ThrottlingException: Throughput exceeds the current capacity of your table or index.", "InternalServerError: Internal server error", 400, "AccessDeniedException"),
	SNS:         answers(429, "Throttled: Rate exceeded", "InternalError: An internal error has occurred", 403, "AuthorizationError"),
	EventBridge: answers(400, "ThrottlingException: Rate exceeded", "InternalException: Internal failure", 400, "AccessDeniedException"),
	SecurityHub: answers(429, "TooManyRequestsException: Rate exceeded", "InternalException: Internal failure", 403, "AccessDeniedException"),
	SQS:         answers(400, "RequestThrottled: The request was denied due to request throttling.", "InternalFailure: An internal error has occurred", 403, "AccessDeniedException"),
}

// answers are those of a service: of throttling, with its status, code and
// message; of a failure, which is a 500; of a denial, with its status and code.
func answers(busy int, throttled, failed string, refused int, denied string) map[Fault]query.Fault {
	fault := func(status int, text string) query.Fault {
		code, message, _ := strings.Cut(text, ": ")
		return query.Fault{Status: status, Code: code, Message: message}
	}
	return map[Fault]query.Fault{
		Throttled: fault(busy, throttled), Failed: fault(500, failed),
		AccessDenied: fault(refused, denied+": User is not authorized to perform this action"),
	}
}

// namespaces are those of errors that the front of a JSON service answers.
var namespaces = map[string]string{
	"AccessDeniedException":     "com.amazon.coral.service#",
	"InternalFailure":           "com.amazon.coral.service#",
	"UnknownOperationException": "com.amazon.coral.service#",
	"ThrottlingException":       "com.amazon.coral.availability#",
}

// failure is an error in the form of the call's service.
func failure(c Call, f query.Fault) result {
	switch c.Service {
	case SNS:
		return snsFailure(c, f)
	case SQS:
		return jsonFailure("com.amazonaws.sqs#", f)
	case EventBridge:
		return jsonFailure("com.amazonaws.events#", f)
	case SecurityHub:
		return restFailure(f)
	default:
		return checked(jsonFailure("com.amazonaws.dynamodb.v20120810#", f))
	}
}

func jsonFailure(namespace string, f query.Fault) result {
	if front, ok := namespaces[f.Code]; ok {
		namespace = front
	}
	return result{status: f.Status, code: f.Code, body: encode(map[string]string{"__type": namespace + f.Code, "message": f.Message})}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers have no other form
	}
	return b
}
