package localaws

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localaws/dynamodb"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

// maxBody of a request, in bytes: above DynamoDB's 16 MB.
const maxBody = 17 << 20

var (
	credential   = regexp.MustCompile(`Credential=([^/,\s]+)/[0-9]{8}/([^/,\s]+)/([^/,\s]+)/aws4_request`)
	twelveDigits = regexp.MustCompile(`^[0-9]{12}$`)
)

// serve answers one request; listed = it is listed, and may be disturbed.
func (a *AWS) serve(r *http.Request, listed bool) (localec2.Answer, error) {
	c := Call{AccountID: a.account}
	if m := credential.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		c.AccessKeyID, c.Region, c.Service = m[1], m[2], Service(m[3])
		if twelveDigits.MatchString(c.AccessKeyID) {
			c.AccountID = c.AccessKeyID
		}
	}
	var i Interceptor
	if listed {
		i = a.interceptor()
	}
	switch c.Service {
	case DynamoDB, SNS, SQS, EventBridge, SecurityHub:
		return a.serveOwn(r, c, i, listed)
	case EC2, STS, "": // EC2 alone takes requests without a signature
		return a.serveEC2(r, c.Service, i, listed)
	}
	return localec2.Answer{}, fmt.Errorf("there is no service %q here", c.Service)
}

// serveEC2 hands a request on, and lists it here too.
func (a *AWS) serveEC2(r *http.Request, service Service, i Interceptor, listed bool) (localec2.Answer, error) {
	if service == "" {
		service = EC2
	}
	at := -1
	var seen Call
	call, answer, err := a.ec2.Serve(r, func(e localec2.Call) localec2.Disturbance {
		seen = ofEC2(service, e)
		if listed {
			at = a.begin(seen)
		}
		return disturbance(i, seen)
	})
	switch {
	case !listed:
	case at < 0: // not legible
		a.begin(ofEC2(service, call))
	default:
		a.end(at, ofEC2(service, call))
	}
	return answer, err
}

func ofEC2(service Service, e localec2.Call) Call {
	return Call{
		Service: service, Operation: e.Action, Changes: e.Changes, AccountID: e.AccountID, Region: e.Region, AccessKeyID: e.AccessKeyID,
		Params: e.Params, RequestID: e.RequestID, Status: e.Status, ErrorCode: e.ErrorCode,
	}
}

// serveOwn answers a request to a service of this package.
func (a *AWS) serveOwn(r *http.Request, c Call, i Interceptor, listed bool) (localec2.Answer, error) {
	c.RequestID = a.ids.UUID()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return localec2.Answer{}, fmt.Errorf("read body: %w", err)
	}
	if c.Service == SNS {
		if c.Params, err = url.ParseQuery(string(body)); err != nil {
			return localec2.Answer{}, fmt.Errorf("read body: %w", err)
		}
		c.Operation, c.Changes = c.Params.Get("Action"), true
	} else {
		_, c.Operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if c.Service == SecurityHub {
			c.Operation = findingsOperation(r)
		}
		c.Body = body
		c.Changes = c.Service != DynamoDB || dynamodb.Writes(c.Operation)
	}
	at := -1
	if listed {
		at = a.begin(c)
	}
	res, err := a.run(r, c, disturbance(i, c))
	if err != nil {
		return localec2.Answer{}, err
	}
	c.Status, c.ErrorCode = res.status, res.code
	if listed {
		a.end(at, c)
	}
	return res.answer(c), nil
}

// disturbance asks the interceptor, and holds it to what can happen.
func disturbance(i Interceptor, c Call) localec2.Disturbance {
	if i == nil {
		return localec2.Disturbance{}
	}
	d := i(c)
	if why := notOn(d.Kind(), c); why != "" {
		panic(fmt.Sprintf("localaws: %s is disturbed by what cannot happen to it: %s", c, why))
	}
	return d
}

// result is how a service of this package answers.
type result struct {
	status int
	code   string // of an error
	body   []byte
	header map[string]string // beside those of every answer
}

// run performs a call with what disturbs it.
func (a *AWS) run(r *http.Request, c Call, d localec2.Disturbance) (result, error) {
	switch d.Kind() {
	case localec2.Lost:
		return result{}, localec2.ErrLost
	case localec2.Unreachable:
		return result{}, localec2.ErrRefused
	case localec2.Hanging:
		<-r.Context().Done()
		return result{}, r.Context().Err()
	case localec2.Refused:
		return failure(c, *d.Fault()), nil
	}
	var res result
	switch c.Service {
	case DynamoDB:
		res = a.dynamoDB(c, d.Kind() == localec2.StaleRead)
	case SNS:
		res = a.sns(c)
	case SQS:
		res = a.sqs(c)
	case EventBridge:
		res = a.events(c)
	case SecurityHub:
		res = a.securityHub(c)
	}
	d.Happen()
	switch {
	case d.Kind() == localec2.LostAfter:
		return result{}, localec2.ErrLost
	case d.Kind() == localec2.RefusedAfter && res.code == "":
		return failure(c, *d.Fault()), nil
	}
	return res, nil
}

func (res result) answer(c Call) localec2.Answer {
	header := http.Header{"X-Amzn-Requestid": {c.RequestID}, "Content-Type": {"application/x-amz-json-1.0"}}
	if c.Service == SNS {
		header.Set("Content-Type", "text/xml")
	}
	for name, value := range res.header {
		header.Set(name, value)
	}
	return localec2.Answer{Status: res.status, Header: header, Body: res.body}
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
