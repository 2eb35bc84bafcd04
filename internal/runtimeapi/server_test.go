package runtimeapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func post(t *testing.T, url, body string) int {
	t.Helper()
	r, err := http.Post(url, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	return r.StatusCode
}

func TestInitErrorFailsInvocations(t *testing.T) {
	s, err := NewServer(Function{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.Equal(t, http.StatusAccepted, post(t, "http://"+s.Address()+prefix+"init/error", `{"errorMessage":"no settings"}`))
	_, err = s.Invoke(t.Context(), nil)
	require.ErrorIs(t, err, ErrExited)
	require.ErrorContains(t, err, "no settings")
}

func TestAnswerOfAnUnknownInvocationIsRefused(t *testing.T) {
	s, err := NewServer(Function{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.Equal(t, http.StatusBadRequest, post(t, "http://"+s.Address()+prefix+"invocation/x/response", `{}`))
	require.Equal(t, http.StatusBadRequest, post(t, "http://"+s.Address()+prefix+"invocation/x/error", `{}`))
}

func TestErrorWithoutTypeIsUnhandled(t *testing.T) {
	s, err := NewServer(Function{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	done := make(chan Answer, 1)
	go func() {
		a, _ := s.Invoke(t.Context(), []byte(`{}`))
		done <- a
	}()
	r, err := http.Get("http://" + s.Address() + prefix + "invocation/next")
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	id := r.Header.Get("Lambda-Runtime-Aws-Request-Id")
	require.NotEmpty(t, id)
	require.NotEmpty(t, r.Header.Get("Lambda-Runtime-Deadline-Ms"))
	require.Equal(t, http.StatusAccepted, post(t, "http://"+s.Address()+prefix+"invocation/"+id+"/error", `not JSON`))
	a := <-done
	require.Equal(t, "Unhandled", a.FunctionError)
	require.Equal(t, "not JSON", string(a.Payload))
}
