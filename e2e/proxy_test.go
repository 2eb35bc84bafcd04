//go:build e2e

package e2e

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// call is one call of guard's, as it passed the proxy.
type call struct {
	service   string     // "ec2", "dynamodb", "sns", "sqs"
	operation string     // "RevokeSecurityGroupIngress"
	form      url.Values // of the query protocol; nil otherwise
	body      []byte
	requestID string // for an answer in EC2's place
	status    int
}

func (c call) String() string { return c.service + "." + c.operation }

// fault answers a call in the emulator's place, or not at all. It returns
// false to let the call pass.
type fault func(c call, w http.ResponseWriter) bool

// proxy stands between guard and the emulator: before its trail, so that what
// a fault answers is in no record. It keeps every call.
type proxy struct {
	server *httptest.Server
	target string

	mu    sync.Mutex
	calls []call
	fault fault
	lose  func(call) bool   // the call takes effect, its answer never arrives
	edit  func(call) []byte // the body that is passed on
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	p := &proxy{target: target}
	p.server = httptest.NewServer(p)
	t.Cleanup(p.server.Close)
	return p
}

var scope = regexp.MustCompile(`Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request`)

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c := call{body: body, requestID: newID()}
	if m := scope.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		c.service = m[1]
	}
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		c.operation = operation
	} else {
		c.form, _ = url.ParseQuery(string(body))
		c.operation = c.form.Get("Action")
	}
	p.mu.Lock()
	inject, lose, edit := p.fault, p.lose, p.edit
	p.mu.Unlock()
	if edit != nil {
		c.body = edit(c)
	}
	answer := &recorder{ResponseWriter: w, status: http.StatusOK}
	lost := lose != nil && lose(c)
	if lost {
		answer.ResponseWriter = httptest.NewRecorder()
	}
	if inject == nil || !inject(c, answer) {
		p.forward(answer, r, c)
	}
	c.status = answer.status
	p.mu.Lock()
	p.calls = append(p.calls, c)
	p.mu.Unlock()
	if lost {
		panic(http.ErrAbortHandler) // cuts the connection
	}
}

func (p *proxy) forward(w http.ResponseWriter, r *http.Request, c call) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.target+r.URL.RequestURI(), bytes.NewReader(c.body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding")
	answer, err := http.DefaultClient.Do(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = answer.Body.Close() }() // read whole below
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	for name, values := range answer.Header {
		if name != "Content-Length" && name != "Connection" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body) // a guard that went away is part of a scenario
}

// inject sets the fault for the calls from now on; nil = none.
func (p *proxy) inject(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// loseAnswer sets which calls lose their answer from now on; nil = none.
func (p *proxy) loseAnswer(lose func(call) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = lose
}

// take gives the calls since the last time, in the order of their answers.
func (p *proxy) take() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls = nil
	return calls
}

type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// count counts calls of one service and, unless empty, operations that begin so.
func count(calls []call, service, prefix string) int {
	n := 0
	for _, c := range calls {
		if c.service == service && strings.HasPrefix(c.operation, prefix) {
			n++
		}
	}
	return n
}

// mutations are the EC2 calls that change something, or could.
func mutations(calls []call) []call {
	return slices.DeleteFunc(slices.Clone(calls), func(c call) bool {
		return c.service != "ec2" || strings.HasPrefix(c.operation, "Describe") || strings.HasPrefix(c.operation, "Get")
	})
}

// ec2Error answers as EC2 does (devguide, "Error codes").
func ec2Error(w http.ResponseWriter, status int, code, message, id string) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>`, code, message, id)
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
