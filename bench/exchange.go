package main

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// exchange is one call of AWS and its answer, as they passed.
type exchange struct {
	Key       string // access key id
	Service   string // by the name that signatures have
	Operation string
	Body      []byte // of the request
	Status    int
	Header    http.Header
	Answer    []byte

	began, ended time.Time
}

func (e exchange) name() string { return e.Service + "." + e.Operation }

var signedFor = regexp.MustCompile(`Credential=([^/]+)/\d+/[^/]+/([^/]+)/aws4_request`)

// readCall reads the request of an exchange.
func readCall(r *http.Request) (exchange, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return exchange{}, err
	}
	e := exchange{Body: body}
	if m := signedFor.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		e.Key, e.Service = m[1], m[2]
	}
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		e.Operation = operation
		return e, nil
	}
	form, err := url.ParseQuery(string(body))
	e.Operation = form.Get("Action")
	return e, err
}

// recorder stands before an endpoint and writes down what passes.
type recorder struct {
	behind http.Handler

	mu        sync.Mutex
	exchanges []exchange
}

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	e, err := readCall(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.began = began
	r.Body = io.NopCloser(bytes.NewReader(e.Body))
	answer := httptest.NewRecorder()
	rec.behind.ServeHTTP(answer, r)
	e.Status, e.Header, e.Answer = answer.Code, answer.Header(), answer.Body.Bytes()
	e.ended = time.Now()
	rec.mu.Lock()
	rec.exchanges = append(rec.exchanges, e)
	rec.mu.Unlock()
	e.write(w)
}

func (e exchange) write(w http.ResponseWriter) {
	for name, values := range e.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(e.Status)
	_, _ = w.Write(e.Answer) // a client that went away misses it
}

// take gives what passed since the last time, in the order of the requests.
func (rec *recorder) take() []exchange {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	all := rec.exchanges
	rec.exchanges = nil
	slices.SortStableFunc(all, func(a, b exchange) int { return cmp.Compare(a.began.UnixNano(), b.began.UnixNano()) })
	return all
}

// waves parts calls by what one had to wait for: those of a wave were under
// way at the same time.
func waves(calls []exchange) [][]exchange {
	var all [][]exchange
	var end time.Time // the earliest of the wave
	for _, c := range calls {
		if len(all) == 0 || !c.began.Before(end) {
			all, end = append(all, nil), c.ended
		}
		if c.ended.Before(end) {
			end = c.ended
		}
		last := len(all) - 1
		all[last] = append(all[last], c)
	}
	return all
}
