//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// newGate gives the address of a proxy before the emulator. It shows the calls of
// the query protocol to on, which may change their parameters, or answer: then it
// returns true.
func newGate(t *testing.T, target string, on func(w http.ResponseWriter, form url.Values) bool) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	next := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if form, err := url.ParseQuery(string(body)); err == nil && form.Has("Action") {
			if on(w, form) {
				return
			}
			body = []byte(form.Encode())
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	// The name, as the emulator is known by: an asset's bucket is part of it.
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}
