package cloudtrailproxy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// Proxy is a handler that passes calls on to an endpoint. Its fields are not
// changed while it serves.
type Proxy struct {
	// Target is the endpoint, like "http://localhost:5000".
	Target string
	// Transport reaches it; nil = http.DefaultTransport.
	Transport http.RoundTripper
	// Identity is who makes the calls; its account is the account of the record.
	Identity cloudtrail.Identity
	// NewID makes event ids, and the request ids of endpoints that have none
	// of their own.
	NewID func() string
	// RequestIDs gives every EC2 answer a request id of NewID's, in its body
	// and header: an emulator may give the same id to many calls.
	RequestIDs bool
	// OnRecord gets each record before the client has its answer.
	OnRecord func(record []byte)
}

// ServeHTTP passes one call on. A call whose endpoint does not answer is
// answered 502, and makes no record: whether it had an effect is not known.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	status, header, answer, err := p.forward(r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if c := readCall(r, body); c.isEC2() {
		answer, err = p.record(c, status, header, answer)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
	}
	for name, values := range header {
		if name != "Content-Length" && name != "Connection" && name != "Transfer-Encoding" {
			w.Header()[name] = values
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	w.WriteHeader(status)
	_, _ = w.Write(answer) // a client that went away has its call recorded all the same
}

func (p *Proxy) forward(r *http.Request, body []byte) (status int, header http.Header, answer []byte, err error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.Target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("forward call: %w", err)
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding")
	out.Host = r.Host
	reach := p.Transport
	if reach == nil {
		reach = http.DefaultTransport
	}
	got, err := reach.RoundTrip(out)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("forward call: %w", err)
	}
	answer, err = io.ReadAll(got.Body)
	if closed := got.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return 0, nil, nil, fmt.Errorf("read answer: %w", err)
	}
	return got.StatusCode, got.Header, answer, nil
}

// call is what a request says of itself.
type call struct {
	scope     query.Scope
	form      url.Values
	host      string
	source    string
	userAgent string
}

func readCall(r *http.Request, body []byte) call {
	c := call{form: r.URL.Query(), host: r.Host, source: r.RemoteAddr, userAgent: r.UserAgent()}
	c.scope, _ = query.ReadScope(r.Header.Get("Authorization"))
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		c.source = host
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		// What is no form names no action, and is passed on.
		inBody, _ := url.ParseQuery(string(body))
		for name, values := range inBody {
			c.form[name] = append(c.form[name], values...)
		}
	}
	return c
}

func (c call) isEC2() bool { return c.scope.Service == "ec2" && c.form.Get("Action") != "" }

// unread are the faults of requests that reach no operation, and so make no
// record.
var unread = map[string]bool{
	"IncompleteSignature": true, "InvalidAction": true, "MalformedQueryString": true, "MissingAction": true, "NoSuchVersion": true, "UnknownParameter": true,
}

// record makes the record of a call of EC2, if it changes something, and gives
// the answer for the client.
func (p *Proxy) record(c call, status int, header http.Header, body []byte) ([]byte, error) {
	answer, fault, requestID, err := query.Read(body)
	if err != nil {
		return nil, err
	}
	if p.RequestIDs {
		fresh := p.NewID()
		body = bytes.ReplaceAll(body, []byte(">"+requestID+"<"), []byte(">"+fresh+"<"))
		header.Set("X-Amzn-Requestid", fresh)
		requestID = fresh
	}
	action := c.form.Get("Action")
	if cloudtrail.ReadOnly(action) {
		return body, nil
	}
	params, err := query.Parse(c.form)
	if err != nil || fault != nil && unread[fault.Code] {
		return body, nil
	}
	if fault != nil {
		fault.Status = status
	}
	p.OnRecord(cloudtrail.Event{
		Action: action, Params: params, Answer: answer, Fault: fault,
		Identity: p.Identity, AccountID: p.Identity.AccountID, Region: c.scope.Region,
		Time: time.Now(), RequestID: requestID, EventID: p.NewID(),
		SourceIP: c.source, UserAgent: c.userAgent, Host: c.host,
	}.Record())
	return body, nil
}
