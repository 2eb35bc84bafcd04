package runtimeapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const prefix = "/2018-06-01/runtime/"

// Answer is what the function answered to one invocation.
type Answer struct {
	RequestID string
	Payload   []byte // the response, or the error document
	// FunctionError is the errorType of an invocation that failed; "" = success.
	FunctionError string
}

// Failed reports whether the function answered with an error.
func (a Answer) Failed() bool { return a.FunctionError != "" }

var (
	// ErrBusy: the environment is working on another invocation.
	ErrBusy = errors.New("environment is busy")
	// ErrExited: the function's process ended, or the server was closed.
	ErrExited = errors.New("function exited")
)

// Server is the Runtime API of one execution environment.
type Server struct {
	function Function
	listener net.Listener
	http     *http.Server
	invokes  chan *invocation
	ready    chan struct{} // closed at the first poll
	readyOne sync.Once
	dead     chan struct{} // closed when no answer can come any more

	mu      sync.Mutex
	busy    bool
	current *invocation // delivered and not yet answered
	death   error
	readyAt time.Time
}

type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	answer   chan Answer // of capacity 1
}

// NewServer listens on a free port of the loopback interface.
func NewServer(f Function) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the runtime API: %w", err)
	}
	s := &Server{
		function: f.withDefaults(),
		listener: l,
		invokes:  make(chan *invocation),
		ready:    make(chan struct{}),
		dead:     make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+prefix+"invocation/next", s.next)
	mux.HandleFunc("POST "+prefix+"invocation/{id}/response", s.response)
	mux.HandleFunc("POST "+prefix+"invocation/{id}/error", s.failure)
	mux.HandleFunc("POST "+prefix+"init/error", s.initError)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.http.Serve(l) }() // ends with ErrServerClosed at Close
	return s, nil
}

// Address is the value of AWS_LAMBDA_RUNTIME_API: host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Ready is closed when the function polls for the first time.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// ReadyAt is when the function polled for the first time; zero = not yet.
func (s *Server) ReadyAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readyAt
}

// Close ends the server; pending invocations fail with ErrExited.
func (s *Server) Close() error {
	s.Fail(ErrExited)
	return s.http.Close()
}

// Fail makes the pending and all later invocations fail with err. The first
// call counts.
func (s *Server) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.death == nil {
		s.death = err
		close(s.dead)
	}
}

// Invoke gives payload to the function and waits for its answer. An error
// means that there was no answer: ErrBusy, ErrExited, or that of ctx or of
// the function's timeout. After a timeout the environment stays busy, as long
// as the function does not answer: kill it, as Lambda does.
func (s *Server) Invoke(ctx context.Context, payload []byte) (Answer, error) {
	now := time.Now()
	i := &invocation{id: requestID(), payload: payload, deadline: now.Add(s.function.Timeout), answer: make(chan Answer, 1)}
	ctx, cancel := context.WithDeadline(ctx, i.deadline)
	defer cancel()
	if err := s.begin(); err != nil {
		return Answer{}, err
	}
	select {
	case s.invokes <- i:
	case <-s.dead:
		return Answer{}, s.deathError()
	case <-ctx.Done():
		s.end(nil) // nobody took it
		return Answer{}, fmt.Errorf("invoke %s: %w", s.function.Name, ctx.Err())
	}
	select {
	case a := <-i.answer:
		return a, nil
	case <-s.dead:
		select { // an answer that came before the end counts
		case a := <-i.answer:
			return a, nil
		default:
			return Answer{}, s.deathError()
		}
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("invoke %s: %w", s.function.Name, ctx.Err())
	}
}

func (s *Server) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.death != nil {
		return s.death
	}
	if s.busy {
		return ErrBusy
	}
	s.busy = true
	return nil
}

// end frees the environment; i is the invocation that was answered, nil where
// none was delivered.
func (s *Server) end(i *invocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == i {
		s.busy, s.current = false, nil
	}
}

func (s *Server) deathError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.death
}

func (s *Server) next(w http.ResponseWriter, r *http.Request) {
	s.readyOne.Do(func() {
		s.mu.Lock()
		s.readyAt = time.Now()
		s.mu.Unlock()
		close(s.ready)
	})
	select {
	case i := <-s.invokes:
		s.mu.Lock()
		s.current = i
		s.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", s.function.ARN())
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
		_, _ = w.Write(i.payload) // a client that went away is seen by its process's end
	case <-r.Context().Done():
	case <-s.dead:
		http.Error(w, "closed", http.StatusServiceUnavailable)
	}
}

func (s *Server) response(w http.ResponseWriter, r *http.Request) {
	s.finish(w, r, func(Answer) string { return "" })
}

func (s *Server) failure(w http.ResponseWriter, r *http.Request) {
	s.finish(w, r, func(a Answer) string {
		var doc struct{ ErrorType string }
		if json.Unmarshal(a.Payload, &doc) == nil && doc.ErrorType != "" {
			return doc.ErrorType
		}
		return "Unhandled"
	})
}

func (s *Server) finish(w http.ResponseWriter, r *http.Request, errorType func(Answer) string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	i := s.current
	s.mu.Unlock()
	if i == nil || i.id != r.PathValue("id") {
		http.Error(w, "invalid request id", http.StatusBadRequest)
		return
	}
	a := Answer{RequestID: i.id, Payload: body}
	a.FunctionError = errorType(a)
	s.end(i)
	i.answer <- a
	w.WriteHeader(http.StatusAccepted)
}

func (s *Server) initError(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.Fail(fmt.Errorf("initialise %s: %w: %s", s.function.Name, ErrExited, body))
	w.WriteHeader(http.StatusAccepted)
}

// requestID is a random version 4 UUID.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
