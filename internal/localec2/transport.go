package localec2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Answer is what a client gets.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// WriteTo sends the answer over a connection, or breaks it where err says that
// there is none.
func (a Answer) WriteTo(w http.ResponseWriter, err error) {
	if err != nil {
		panic(http.ErrAbortHandler) // the way to break a connection in net/http
	}
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	// The client may be gone already; there is nobody else to tell.
	_, _ = w.Write(a.Body)
}

// Transport makes a RoundTripper that never leaves the process of what serves
// a request. A lost connection is an error that wraps io.ErrUnexpectedEOF, as
// a broken socket's is.
func Transport(serve func(*http.Request) (Answer, error)) http.RoundTripper { return transport(serve) }

type transport func(*http.Request) (Answer, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }() // a RoundTripper closes it; it was read, or is not wanted
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	inner := r.Clone(r.Context())
	if inner.Host == "" {
		inner.Host = r.URL.Host
	}
	inner.RemoteAddr = "127.0.0.1:0"
	a, err := t(inner)
	if errors.Is(err, ErrLost) {
		return nil, fmt.Errorf("%w: %w", err, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.Header,
		Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: r,
	}, nil
}
