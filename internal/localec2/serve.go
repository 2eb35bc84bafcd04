package localec2

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// maxBody of a request, in bytes: above what any call within the quotas needs.
const maxBody = 4 << 20

// ErrLost stands for a connection that breaks without an answer, ErrRefused
// for one that does not come about.
var (
	ErrLost    = errors.New("connection lost")
	ErrRefused = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
)

func (c *Cloud) serveHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	_, a, err := c.Serve(r, nil)
	a.WriteTo(w, err)
}

// Serve answers one request, for an endpoint that has more services than EC2:
// with the call as it is listed, and with the interceptor i in the place of
// the cloud's own unless that is nil. The error is ErrLost, ErrRefused or the
// context's where there is no answer.
func (c *Cloud) Serve(r *http.Request, i Interceptor) (Call, Answer, error) {
	s := &session{cloud: c, now: c.clock()}
	s.call.RequestID = c.ids.UUID()
	s.call.AccountID, s.call.Region = c.account, c.region
	fault := s.read(r)
	at := c.begin(s.call)
	var result query.Object
	var err error
	if fault == nil {
		result, fault, err = s.run(r, i)
	}
	if err != nil {
		return s.call, Answer{}, err
	}
	s.call.Status = http.StatusOK
	var body []byte
	switch {
	case fault != nil:
		s.call.Status, s.call.ErrorCode = fault.Status, fault.Code
		body = query.FaultXML(s.call.RequestID, fault)
	case s.call.Action == callerIdentity:
		body = query.StsXML(s.call.Action, s.call.RequestID, result)
	default:
		body = query.XML(s.call.Action, s.call.RequestID, result)
	}
	c.end(at, s.call)
	return s.call, Answer{Status: s.call.Status, Body: body, Header: http.Header{
		"Content-Type": {"text/xml;charset=UTF-8"}, "X-Amzn-Requestid": {s.call.RequestID}, "Server": {"AmazonEC2"},
	}}, nil
}

// read takes a request apart, as far as it is legible.
func (s *session) read(r *http.Request) *query.Fault {
	from, fault := readOrigin(r)
	if fault != nil {
		return fault
	}
	form, err := readForm(r)
	if err != nil {
		return query.Refuse("MalformedQueryString", "%s", err)
	}
	if from.region != "" {
		s.call.Region = from.region
	}
	s.call.AccessKeyID = from.accessKeyID
	s.who = s.cloud.caller(from.accessKeyID)
	s.call.AccountID, s.call.Params = s.who.AccountID, form
	s.call.Action = form.Get("Action")
	if s.params, err = query.Parse(form); err != nil {
		return query.Refuse("MalformedQueryString", "%s", err)
	}
	if s.call.Action == "" {
		return query.Refuse("MissingAction", "The request must contain the parameter Action")
	}
	known, ok := actions[s.call.Action]
	if !ok {
		return query.Refuse("InvalidAction", "The action %s is not valid for this web service.", s.call.Action)
	}
	s.call.Changes = known.changes
	return nil
}

// readForm reads the parameters of the query and of a form in the body.
func readForm(r *http.Request) (url.Values, error) {
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("read query: %w", err)
	}
	if r.Body == nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return form, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("read body: more than %d bytes", maxBody)
	}
	inBody, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	for name, values := range inBody {
		form[name] = append(form[name], values...)
	}
	return form, nil
}

// run performs a call that could be read, with what disturbs it, and makes its
// record. A call with parameters that the operation does not have reaches no
// operation, and makes none.
func (s *session) run(r *http.Request, intercept Interceptor) (query.Object, *query.Fault, error) {
	c := s.cloud
	if intercept == nil {
		c.mu.Lock()
		intercept = c.intercept
		c.mu.Unlock()
	}
	var d Disturbance
	if intercept != nil {
		d = intercept(s.call)
	}
	switch d.kind {
	case Lost:
		return nil, nil, ErrLost
	case Unreachable:
		return nil, nil, ErrRefused
	case Hanging:
		<-r.Context().Done()
		return nil, nil, r.Context().Err()
	}
	known := actions[s.call.Action]
	if fault := s.checkNames(known); fault != nil {
		return nil, fault, nil
	}
	fault := s.takeToken(known)
	if fault == nil {
		fault = s.dryRun()
	}
	if fault == nil && d.kind == Refused {
		fault = d.fault
	}
	var result query.Object
	if fault == nil {
		result, fault = s.perform(known, d)
	}
	d.Happen()
	s.record(r, result, fault)
	switch {
	case d.kind == LostAfter:
		return nil, nil, ErrLost
	case d.kind == RefusedAfter && fault == nil:
		return nil, d.fault, nil
	}
	return result, fault, nil
}
