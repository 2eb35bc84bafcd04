package faultmatrix

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// endpoint is where a program finds AWS. What a client begins after the end of
// an endpoint has no effect, on whatever connection it comes: a client may hold
// connections that the server has not heard of yet, or that it never used.
type endpoint struct {
	handler  http.Handler
	server   *http.Server
	listener net.Listener

	mu    sync.Mutex
	ended bool
	begun sync.WaitGroup // calls that are being carried out
}

// listen makes an endpoint; address "127.0.0.1:0" = on any free port.
func listen(address string, handler http.Handler) (*endpoint, error) {
	listener, err := net.Listen("tcp", address)
	for end := time.Now().Add(timeout); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(end); {
		// The port was free for a while, and is somebody's for a moment.
		time.Sleep(10 * time.Millisecond)
		listener, err = net.Listen("tcp", address)
	}
	if err != nil {
		return nil, err
	}
	e := &endpoint{handler: handler, listener: listener}
	e.server = &http.Server{Handler: e, ReadHeaderTimeout: timeout}
	go func() { _ = e.server.Serve(listener) }() // ends with close
	return e, nil
}

func (e *endpoint) address() string { return e.listener.Addr().String() }

// ServeHTTP carries a call out, or, after the end, cuts its connection.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !e.begin() {
		panic(http.ErrAbortHandler)
	}
	defer e.begun.Done()
	e.handler.ServeHTTP(w, r)
}

func (e *endpoint) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.ended {
		e.begun.Add(1)
	}
	return !e.ended
}

// refuse ends the endpoint, and makes the system refuse new connections. The
// calls that are being carried out get their answers.
func (e *endpoint) refuse() {
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	_ = e.listener.Close() // nothing is lost by it
	e.server.SetKeepAlivesEnabled(false)
}

// close ends the endpoint and waits until what was begun had its effect.
func (e *endpoint) close() error {
	e.refuse()
	err := e.server.Close()
	e.begun.Wait()
	return err
}
