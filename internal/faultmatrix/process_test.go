package faultmatrix

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

// refusedTimeout is that of a function whose calls are refused: it ends what
// would be tried again for most of a minute.
const refusedTimeout = 8 * time.Second

// program is the built guard, and the endpoint that it calls.
type program struct {
	bootstrap string
	endpoint  *endpoint
	timeout   time.Duration // of the function
}

// reopen puts an endpoint in the place of p's, at the same address, which a
// living process knows.
func (p *program) reopen() error {
	address, handler := p.endpoint.address(), p.endpoint.handler
	if err := p.endpoint.close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	var err error
	p.endpoint, err = listen(address, handler)
	return err
}

// running is one process of it.
type running struct {
	w *world
	p *runtimeapi.Process
}

func (p *program) start(w *world) lambdaGuard {
	env := w.environ()
	env["AWS_ENDPOINT_URL"] = "http://" + p.endpoint.address()
	process, err := runtimeapi.Start(p.bootstrap, runtimeapi.Function{AccountID: account, Region: region, Timeout: p.timeout, Env: env})
	if err != nil {
		w.t.Fatal(err)
	}
	return running{w, process}
}

func (r running) invoke(payload []byte) ([]byte, bool) {
	a, err := r.p.Invoke(context.Background(), payload)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		r.w.faults.timeOut()
	case err != nil && !errors.Is(err, runtimeapi.ErrExited):
		r.w.t.Errorf("invoke: %s", err)
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
		r.w.t.Error(err)
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
	return playWorld(t, bootstrap, timeout, w)
}

func playWorld(t testing.TB, bootstrap string, limit time.Duration, w *world) *world {
	e, err := listen("127.0.0.1:0", w.cloud.Handler())
	if err != nil {
		t.Error(err)
		return w
	}
	w.program = &program{bootstrap, e, limit}
	defer func() { _ = w.program.endpoint.close() }()
	w.run()
	if r, ok := w.guard.(running); ok {
		if err := r.p.Close(); err != nil {
			t.Error(err)
		}
	}
	return w
}

// passVisibility makes it later by as much as a delivery that failed is hidden
// for: the messages are visible again, and the lease of a dead process, which
// is shorter, is over, be it of a group, a list or an event.
func (w *world) passVisibility() {
	w.cloud.Queue().Hurry()
	client := dynamodb.NewFromConfig(w.config(userKey, w.cloud.Aside()))
	for _, item := range w.cloud.DynamoDB().Items(w.cloud.Table()) {
		if _, leased := item["leaseUntil"]; !leased {
			continue
		}
		_, err := client.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
			TableName: aws.String(w.cloud.Table()),
			Key: map[string]types.AttributeValue{
				"pk": &types.AttributeValueMemberS{Value: item["pk"].Text()}, "sk": &types.AttributeValueMemberS{Value: item["sk"].Text()},
			},
			UpdateExpression:          aws.String("SET leaseUntil = :over"),
			ConditionExpression:       aws.String("attribute_exists(leaseUntil)"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":over": &types.AttributeValueMemberN{Value: "0"}},
		})
		w.must(err)
	}
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
	kills, missed := 0, 0
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
						if w.faults.hits == 0 && sc.sideBySide { // another order makes one call more or less
							mu.Lock()
							missed++
							mu.Unlock()
						} else if w.faults.hits == 0 {
							w.checker.failf("the call was not made")
						}
						note(c.String(), w)
					})
				}
				wait.Wait()
			})
		}
	})
	t.Logf("%d kills of the program, %d that met no call, %d failures", kills, missed, len(failures))
	require.NotZero(t, kills)
	require.LessOrEqual(t, missed, kills/20)
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
				w.program.endpoint.refuse()
				w.faults.refuse(s)
			}
			worlds[i] = playWorld(t, bootstrap, refusedTimeout, w)
		})
	}
	wait.Wait()
	for i, w := range worlds {
		require.Empty(t, w.checker.failures, "refused after %s", spots[i])
		require.True(t, w.refused, "refused after %s", spots[i])
	}
	t.Logf("%d calls after which connections were refused", len(spots))
}

// TestRefusingEndpoint holds connections that an ended endpoint's server has
// not heard a request on, as clients do that dial in advance: no call on them
// has an effect, and the call at hand is answered.
func TestRefusingEndpoint(t *testing.T) {
	var e *endpoint
	var served []string
	e, err := listen("127.0.0.1:0", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		served = append(served, r.URL.Path)
		if r.URL.Path == "/last" {
			e.refuse()
		}
	}))
	require.NoError(t, err)
	ask := func(c net.Conn, path string) (status int, err error) {
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: aws\r\n\r\n", path); err != nil {
			return 0, err
		}
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return 0, err
		}
		return answer.StatusCode, answer.Body.Close()
	}
	dial := func() net.Conn {
		c, err := net.Dial("tcp", e.address())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	used, spare := dial(), dial()
	for _, path := range []string{"/first", "/last"} {
		status, err := ask(used, path)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status)
	}
	for _, c := range []net.Conn{used, spare} {
		_, err := ask(c, "/late")
		require.Error(t, err)
	}
	_, err = net.Dial("tcp", e.address())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.Equal(t, []string{"/first", "/last"}, served)
	_ = e.close() // the listener is closed already
}
