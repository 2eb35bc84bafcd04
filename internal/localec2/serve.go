package localec2

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// maxBody of a request, in bytes: above what any call within the quotas needs.
const maxBody = 4 << 20

// errLost stands for a connection that breaks without an answer.
var errLost = errors.New("connection lost")

// answer is what a client gets.
type answer struct {
	status    int
	requestID string
	body      []byte
}

func (c *Cloud) serveHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	a, err := c.serve(r)
	if err != nil {
		panic(http.ErrAbortHandler) // the way to break a connection in net/http
	}
	a.write(w.Header())
	w.WriteHeader(a.status)
	// The client may be gone already; there is nobody else to tell.
	_, _ = w.Write(a.body)
}

func (a answer) write(h http.Header) {
	h.Set("Content-Type", "text/xml;charset=UTF-8")
	h.Set("X-Amzn-Requestid", a.requestID)
	h.Set("Server", "AmazonEC2")
}

// serve answers one request; errLost or the context's error if it does not.
func (c *Cloud) serve(r *http.Request) (answer, error) {
	s := &session{cloud: c, now: c.clock()}
	s.call.RequestID = c.ids.UUID()
	s.call.AccountID, s.call.Region = c.account, c.region
	fault := s.read(r)
	at := c.begin(s.call)
	var result query.Object
	var err error
	if fault == nil {
		result, fault, err = s.run(r)
	}
	if err != nil {
		return answer{}, err
	}
	a := answer{status: http.StatusOK, requestID: s.call.RequestID}
	switch {
	case fault != nil:
		a.status, a.body = fault.Status, query.FaultXML(s.call.RequestID, fault)
		c.end(at, s.call.RequestID, fault.Status, fault.Code)
		return a, nil
	case s.call.Action == callerIdentity:
		a.body = query.StsXML(s.call.Action, s.call.RequestID, result)
	default:
		a.body = query.XML(s.call.Action, s.call.RequestID, result)
	}
	c.end(at, s.call.RequestID, a.status, "")
	return a, nil
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
func (s *session) run(r *http.Request) (query.Object, *query.Fault, error) {
	c := s.cloud
	c.mu.Lock()
	intercept := c.intercept
	c.mu.Unlock()
	var d Disturbance
	if intercept != nil {
		d = intercept(s.call)
	}
	switch d.kind {
	case lose:
		return nil, nil, errLost
	case hang:
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
	if fault == nil && d.kind == refuse {
		fault = d.fault
	}
	var result query.Object
	if fault == nil {
		result, fault = s.perform(known, d)
	}
	if d.after != nil {
		d.after()
	}
	s.record(r, result, fault)
	switch {
	case d.kind == loseAfter:
		return nil, nil, errLost
	case d.kind == refuseAfter && fault == nil:
		return nil, d.fault, nil
	}
	return result, fault, nil
}
