package faultmatrix

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

const (
	// programTimeout is that of the function, so short that the lease of a dead
	// one is soon over.
	programTimeout = 3 * time.Second
	// programPause is between two deliveries to a program.
	programPause = time.Second
)

// program is the built guard, and the endpoint that it calls.
type program struct {
	bootstrap   string
	address     string
	handler     http.Handler
	server      *http.Server
	listener    net.Listener
	connections atomic.Int64 // connections
}

// open makes the endpoint answer, at the same address every time.
func (p *program) open() error {
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.address, p.listener = listener.Addr().String(), listener
	p.server = &http.Server{Handler: p.handler, ReadHeaderTimeout: timeout, ConnState: func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			p.connections.Add(1)
		case http.StateClosed, http.StateHijacked:
			p.connections.Add(-1)
		}
	}}
	go func() { _ = p.server.Serve(listener) }() // ends with Close
	return nil
}

// refuse makes the system refuse every connection from the next call on. The
// call at hand gets its answer.
func (p *program) refuse() {
	_ = p.listener.Close() // nothing is lost by it
	p.server.SetKeepAlivesEnabled(false)
}

// settle waits until whatever a dead process sent had its effect: then its
// connections are closed.
func (p *program) settle() {
	for p.connections.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
}

// running is one process of it.
type running struct {
	t testing.TB
	p *runtimeapi.Process
}

func (p *program) start(w *world) lambdaGuard {
	env := w.environ()
	env["AWS_ENDPOINT_URL"] = "http://" + p.address
	process, err := runtimeapi.Start(p.bootstrap, runtimeapi.Function{AccountID: account, Region: region, Timeout: programTimeout, Env: env}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return running{w.t, process}
}

func (r running) invoke(payload []byte) ([]byte, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	a, err := r.p.Invoke(ctx, payload)
	if err != nil && !errors.Is(err, runtimeapi.ErrExited) {
		r.t.Errorf("invoke: %s", err)
	}
	if err != nil || a.Failed() {
		_ = r.p.Close() // it is dead, or of no more use
		return nil, false
	}
	return a.Payload, true
}

// kill is SIGKILL, and waits for the end.
func (r running) kill() {
	if err := r.p.Kill(); err != nil {
		r.t.Error(err)
	}
}

// build makes the bootstrap as the product's, for this machine.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bootstrap")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-o", path, "../../functions/guard").CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// playProgram is play with the built guard over a socket, in real time.
func playProgram(t testing.TB, bootstrap string, sc *scenario, cells ...cell) *world {
	w := newWorld(t, sc)
	w.faults.cells = cells
	return playWorld(t, bootstrap, w)
}

func playWorld(t testing.TB, bootstrap string, w *world) *world {
	w.program = &program{bootstrap: bootstrap, address: "127.0.0.1:0", handler: w.cloud.Handler()}
	if err := w.program.open(); err != nil {
		t.Error(err)
		return w
	}
	defer func() { _ = w.program.server.Close() }()
	w.run()
	if r, ok := w.guard.(running); ok {
		if err := r.p.Close(); err != nil {
			t.Error(err)
		}
	}
	return w
}

// killable are the scenarios that a program is killed in: all but those that
// wait for longer than a test can, which kills in process cover.
func killable() []*scenario {
	var all []*scenario
	for _, sc := range scenarios() {
		if !sc.slow && (*complete || sc.name == "revert ingress") {
			all = append(all, sc)
		}
	}
	return all
}

// TestKilledProgram kills the built guard with SIGKILL before and after each
// of its effects, once, and delivers again to a new process.
func TestKilledProgram(t *testing.T) {
	bootstrap := build(t)
	var mu sync.Mutex
	var failures []string
	kills := 0
	t.Run("scenarios", func(t *testing.T) {
		for _, sc := range killable() {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				t.Cleanup(func() { require.NoError(t, os.RemoveAll(sc.dir)) })
				sc.set(t)
				clean := playProgram(t, bootstrap, sc)
				checkClean(clean)
				note := func(what string, w *world) {
					mu.Lock()
					defer mu.Unlock()
					for _, f := range w.checker.failures {
						failures = append(failures, fmt.Sprintf("%s: %s: %s", sc.name, what, f))
					}
				}
				note("clean", clean)
				var wait sync.WaitGroup
				for _, c := range deathsOf(clean) {
					if c.death != killed {
						continue
					}
					mu.Lock()
					kills++
					mu.Unlock()
					wait.Go(func() {
						w := playProgram(t, bootstrap, sc, c)
						if w.faults.hits == 0 {
							w.checker.failf("the call was not made")
						}
						note(c.String(), w)
					})
				}
				wait.Wait()
			})
		}
	})
	t.Logf("%d kills of the program, %d failures", kills, len(failures))
	require.NotZero(t, kills)
	report(t, failures)
}

// TestRefusedProgram lets the endpoint of the built guard go away after each of
// its calls, so that the system refuses every connection until the delivery
// ends.
func TestRefusedProgram(t *testing.T) {
	bootstrap, sc := build(t), scenarios()[0]
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(sc.dir)) })
	sc.set(t)
	clean := playProgram(t, bootstrap, sc)
	checkClean(clean)
	require.Empty(t, clean.checker.failures)
	spots := clean.faults.spots()
	require.NotEmpty(t, spots)
	var wait sync.WaitGroup
	worlds := make([]*world, len(spots))
	for i, at := range spots {
		wait.Go(func() {
			w := newWorld(t, sc)
			w.faults.onEffect = func(s spot) {
				if s != at {
					return
				}
				w.refusing = true
				w.program.refuse()
				if s.service == localaws.SNS {
					w.faults.doubles++ // that it was sent cannot be written down
				}
			}
			worlds[i] = playWorld(t, bootstrap, w)
		})
	}
	wait.Wait()
	for i, w := range worlds {
		require.Empty(t, w.checker.failures, "refused after %s", spots[i])
		require.True(t, w.refused, "refused after %s", spots[i])
	}
	t.Logf("%d calls after which connections were refused", len(spots))
}
