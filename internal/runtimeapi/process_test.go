package runtimeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/require"
)

// TestMain makes this binary a function when a test runs it as one: the real
// runtime client is the other side of every test.
func TestMain(m *testing.M) {
	switch os.Getenv("RUNTIMEAPI_TEST_FUNCTION") {
	case "":
		os.Exit(m.Run())
	case "refuse":
		fmt.Fprintln(os.Stderr, "setting X is missing")
		os.Exit(3)
	default:
		lambda.Start(testFunction)
	}
}

type told struct {
	ARN, RequestID, Region string
	Inherited              string
	Left                   time.Duration
	Payload                json.RawMessage
}

func testFunction(ctx context.Context, payload json.RawMessage) (told, error) {
	switch string(payload) {
	case `"fail"`:
		return told{}, errors.New("told to fail")
	case `"panic"`:
		panic("told to panic")
	case `"die"`:
		os.Exit(7)
	case `"hang"`:
		fmt.Println("hanging")
		time.Sleep(time.Hour)
	}
	fmt.Println("got", string(payload))
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return told{
		ARN: lc.InvokedFunctionArn, RequestID: lc.AwsRequestID, Region: os.Getenv("AWS_REGION"),
		Inherited: os.Getenv("RUNTIMEAPI_TEST_PARENT"), Left: time.Until(deadline), Payload: payload,
	}, nil
}

func start(t *testing.T, kind string, f Function) *Process {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	f.Env = map[string]string{"RUNTIMEAPI_TEST_FUNCTION": kind}
	p, err := Start(exe, f)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func TestInvoke(t *testing.T) {
	t.Setenv("RUNTIMEAPI_TEST_PARENT", "leaked")
	p := start(t, "echo", Function{Name: "guard", AccountID: "111122223333", Region: "eu-west-1", Timeout: 30 * time.Second})
	require.NoError(t, p.WaitReady(t.Context()))
	require.Positive(t, p.Startup())
	require.DirExists(t, fmt.Sprintf("/proc/%d", p.PID()))

	var ids []string
	for range 3 {
		a, err := p.Invoke(t.Context(), []byte(`{"a":1}`))
		require.NoError(t, err)
		require.False(t, a.Failed(), string(a.Payload))
		var got told
		require.NoError(t, json.Unmarshal(a.Payload, &got))
		require.Equal(t, "arn:aws:lambda:eu-west-1:111122223333:function:guard", got.ARN)
		require.Equal(t, a.RequestID, got.RequestID)
		require.Equal(t, "eu-west-1", got.Region)
		require.Empty(t, got.Inherited, "a function inherits no environment")
		require.JSONEq(t, `{"a":1}`, string(got.Payload))
		require.Positive(t, got.Left)
		require.LessOrEqual(t, got.Left, 30*time.Second)
		ids = append(ids, a.RequestID)
	}
	require.NotEqual(t, ids[0], ids[1])
	require.NotEqual(t, ids[1], ids[2])
	require.Contains(t, p.Logs(), `got {"a":1}`, "what it wrote is there with the answer")
	require.Equal(t, -1, p.ExitCode())
}

func TestErrorsAreAnswers(t *testing.T) {
	p := start(t, "echo", Function{})
	a, err := p.Invoke(t.Context(), []byte(`"fail"`))
	require.NoError(t, err)
	require.True(t, a.Failed())
	require.Equal(t, "errorString", a.FunctionError)
	require.JSONEq(t, `{"errorMessage":"told to fail","errorType":"errorString"}`, string(a.Payload))

	a, err = p.Invoke(t.Context(), []byte(`not JSON`))
	require.NoError(t, err)
	require.True(t, a.Failed(), "the environment survives what the function cannot read")

	a, err = p.Invoke(t.Context(), []byte(`1`))
	require.NoError(t, err)
	require.False(t, a.Failed())
}

func TestPanicIsAnswerThenExit(t *testing.T) {
	p := start(t, "echo", Function{})
	a, err := p.Invoke(t.Context(), []byte(`"panic"`))
	require.NoError(t, err)
	require.True(t, a.Failed())
	require.Contains(t, string(a.Payload), "told to panic")
	<-p.Exited()
	require.NotZero(t, p.ExitCode())
	_, err = p.Invoke(t.Context(), []byte(`1`))
	require.ErrorIs(t, err, ErrExited)
}

func TestExitEndsInvocation(t *testing.T) {
	p := start(t, "echo", Function{})
	_, err := p.Invoke(t.Context(), []byte(`"die"`))
	require.ErrorIs(t, err, ErrExited)
	<-p.Exited()
	require.Equal(t, 7, p.ExitCode())
	require.NotNil(t, p.State())
}

func TestKillEndsInvocation(t *testing.T) {
	p := start(t, "echo", Function{})
	require.NoError(t, p.WaitReady(t.Context()))
	failed := make(chan error, 1)
	go func() {
		_, err := p.Invoke(context.Background(), []byte(`"hang"`))
		failed <- err
	}()
	require.Eventually(t, func() bool { return strings.Contains(p.Logs(), "hanging") }, 2*time.Minute, time.Millisecond)
	_, err := p.Invoke(t.Context(), []byte(`1`))
	require.ErrorIs(t, err, ErrBusy, "one invocation at a time")
	require.NoError(t, p.Kill())
	require.ErrorIs(t, <-failed, ErrExited)
}

func TestTimeoutEndsInvocation(t *testing.T) {
	p := start(t, "echo", Function{Timeout: time.Second})
	require.NoError(t, p.WaitReady(t.Context()))
	_, err := p.Invoke(t.Context(), []byte(`"hang"`))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = p.Invoke(t.Context(), []byte(`1`))
	require.ErrorIs(t, err, ErrBusy, "the environment is not free before the function answers")
}

func TestInvokeIsGivenUpBeforeDelivery(t *testing.T) {
	s, err := NewServer(Function{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Invoke(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Invoke(ctx, nil)
	require.ErrorIs(t, err, context.Canceled, "an invocation that nobody took leaves the environment free")
}

func TestStartRefused(t *testing.T) {
	p := start(t, "refuse", Function{})
	err := p.WaitReady(t.Context())
	require.ErrorIs(t, err, ErrExited)
	require.ErrorContains(t, err, "setting X is missing")
	require.Equal(t, 3, p.ExitCode())
}

func TestStartOfNothing(t *testing.T) {
	_, err := Start("no/such/bootstrap", Function{})
	require.ErrorContains(t, err, "start")
}
