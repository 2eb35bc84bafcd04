package cloudtrail

import (
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// Event is one call, as far as its record tells.
type Event struct {
	Action   string
	Params   *query.Params
	Answer   query.Object // of values or of their texts; nil where Fault is set
	Fault    *query.Fault // nil = success
	Identity Identity

	AccountID, Region  string
	Time               time.Time
	RequestID, EventID string
	SourceIP           string
	UserAgent          string
	Host               string
}

// Limits of a record, in bytes (CloudTrail user guide, "CloudTrail record contents").
const (
	maxField = 100 << 10
	maxText  = 1 << 10
)

// Record gives the record as JSON, without envelope.
func (e Event) Record() []byte {
	o := object{}.with("eventVersion", "1.11").with("userIdentity", e.Identity.object()).
		with("eventTime", e.Time.UTC().Format(time.RFC3339)).with("eventSource", "ec2.amazonaws.com").
		with("eventName", e.Action).with("awsRegion", e.Region).with("sourceIPAddress", e.SourceIP).
		with("userAgent", clip(e.UserAgent))
	if e.Fault != nil {
		side := "Client."
		if e.Fault.Status >= 500 && e.Fault.Code != "RequestLimitExceeded" {
			side = "Server."
		}
		o = o.with("errorCode", side+e.Fault.Code).with("errorMessage", clip(e.Fault.Message))
	}
	request, response := e.bodies()
	o = o.with("requestParameters", limited("requestParameters", request)).with("responseElements", limited("responseElements", response)).
		with("requestID", e.RequestID).with("eventID", e.EventID).with("readOnly", false).
		with("eventType", "AwsApiCall").with("managementEvent", true).with("recipientAccountId", e.AccountID).
		with("eventCategory", "Management")
	if e.Host != "" {
		o = o.with("tlsDetails", object{}.with("clientProvidedHostHeader", e.Host))
	}
	text, err := plainJSON(o)
	if err != nil {
		// Only strings, numbers, booleans, objects and lists of them are ever
		// put in, none of which JSON refuses.
		panic(err)
	}
	return text
}

// bodies are requestParameters and responseElements; the latter is null for a
// call that failed.
func (e Event) bodies() (request, response any) {
	if shape, ok := classic[e.Action]; ok {
		request = shape.request(e.Params)
		if e.Fault == nil {
			response = classicResponse(e.RequestID, e.Answer)
		}
		return request, response
	}
	request = object{}.with(e.Action+"Request", wrapped(e.Params))
	if e.Fault == nil {
		response = object{}.with(e.Action+"Response", wrappedResponse(e.RequestID, e.Answer))
	}
	return request, response
}

// limited is a field, or what CloudTrail puts in the place of one that is too
// large.
func limited(name string, field any) any {
	text, err := plainJSON(field)
	if err != nil || len(text) <= maxField {
		return field
	}
	return object{}.with("omitted", true).with("originalSize", len(text)).with("reason", name+" too large")
}

// clip cuts a text to 1 KB at a character's border.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "")
}

// readVerbs begin the names of operations that CloudTrail records as read-only.
var readVerbs = []string{"Describe", "Get", "List", "Search"}

// ReadOnly reports whether an operation of EC2 changes nothing, by its name.
func ReadOnly(action string) bool {
	return slices.ContainsFunc(readVerbs, func(verb string) bool { return strings.HasPrefix(action, verb) })
}
