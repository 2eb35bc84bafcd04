package awsjson_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/awsjson"
)

// wire is an HTTP client that keeps requests and gives answers in turn, the
// last one for ever.
type wire struct {
	requests []*http.Request
	bodies   []string
	answers  []answer
}

type answer struct {
	status int
	header map[string]string
	body   string
	err    error
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.requests, w.bodies = append(w.requests, r), append(w.bodies, string(body))
	a := w.answers[min(len(w.requests), len(w.answers))-1]
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{}
	for name, v := range a.header {
		header.Set(name, v)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func config(w *wire, region string) aws.Config {
	return aws.Config{
		Region: region, HTTPClient: w, Retryer: func() aws.Retryer { return awserr.Retryer(4, 2*time.Second) },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret", SessionToken: "token"}, nil
		}),
	}
}

func own(string) string { return "" }

var fine = answer{status: 200, body: `{"FailedEntryCount":0}`}

// TestEventsAreSentAsTheSDKSendsThem, to the same host in every partition, with
// the same signed headers and body.
func TestEventsAreSentAsTheSDKSendsThem(t *testing.T) {
	for _, region := range []string{"eu-central-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1", "ap-southeast-5"} {
		ours, theirs := &wire{answers: []answer{fine}}, &wire{answers: []answer{fine}}
		in := map[string]any{"Entries": []any{map[string]any{"Detail": "{}", "DetailType": "x", "Source": "sgwarden", "EventBusName": "arn:x"}}}
		require.NoError(t, awsjson.New(config(ours, region), own).Call(t.Context(), "PutEvents", in, &struct{}{}))
		_, err := eventbridge.NewFromConfig(config(theirs, region)).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
			Detail: aws.String("{}"), DetailType: aws.String("x"), Source: aws.String("sgwarden"), EventBusName: aws.String("arn:x"),
		}}})
		require.NoError(t, err)
		a, b := ours.requests[0], theirs.requests[0]
		require.Equal(t, b.URL.String(), a.URL.String())
		require.Equal(t, b.Method, a.Method)
		require.JSONEq(t, theirs.bodies[0], ours.bodies[0])
		for _, name := range []string{"X-Amz-Target", "Content-Type", "X-Amz-Security-Token"} {
			require.Equal(t, b.Header.Get(name), a.Header.Get(name), name)
		}
		require.Regexp(t, `^AWS4-HMAC-SHA256 Credential=AKID/\d{8}/`+region+`/events/aws4_request, SignedHeaders=[a-z0-9;-]*x-amz-target[a-z0-9;-]*, Signature=[0-9a-f]{64}$`, a.Header.Get("Authorization"))
	}
}

func TestFindingsGoToSecurityHub(t *testing.T) {
	for region, host := range map[string]string{
		"eu-central-1": "securityhub.eu-central-1.amazonaws.com", "us-gov-west-1": "securityhub.us-gov-west-1.amazonaws.com", "cn-north-1": "securityhub.cn-north-1.amazonaws.com.cn",
	} {
		w := &wire{answers: []answer{{status: 200, body: `{"FailedCount":1,"FailedFindings":[{"ErrorCode":"InvalidInput"}]}`}}}
		var out struct {
			FailedCount    int
			FailedFindings []struct{ ErrorCode string }
		}
		require.NoError(t, awsjson.New(config(w, region), own).Call(t.Context(), "BatchImportFindings", map[string]any{"Findings": []int{}}, &out))
		require.Equal(t, "https://"+host+"/findings/import", w.requests[0].URL.String())
		require.Equal(t, "application/json", w.requests[0].Header.Get("Content-Type"))
		require.Empty(t, w.requests[0].Header.Get("X-Amz-Target"))
		require.Contains(t, w.requests[0].Header.Get("Authorization"), "/"+region+"/securityhub/aws4_request")
		require.Equal(t, "InvalidInput", out.FailedFindings[0].ErrorCode)
	}
}

func TestEndpointMayBeSet(t *testing.T) {
	w := &wire{answers: []answer{fine}}
	c := awsjson.New(config(w, "eu-central-1"), func(service string) string { return "http://localhost:5000/" + service + "/" })
	require.NoError(t, c.Call(t.Context(), "BatchImportFindings", 1, &struct{}{}))
	require.NoError(t, c.Call(t.Context(), "PutEvents", 1, &struct{}{}))
	require.Equal(t, "http://localhost:5000/securityhub/findings/import", w.requests[0].URL.String())
	require.Equal(t, "http://localhost:5000/events/", w.requests[1].URL.String())
}

// TestErrors: the code of every form of answer is read, and what may pass is
// tried again.
func TestErrors(t *testing.T) {
	html := "<html>no JSON</html>"
	for name, c := range map[string]struct {
		answer answer
		code   string
		tries  int
	}{
		"json protocol":   {answer{status: 400, body: `{"__type":"com.amazonaws.events#ResourceNotFoundException","message":"no bus"}`}, "ResourceNotFoundException", 1},
		"rest protocol":   {answer{status: 400, header: map[string]string{"X-Amzn-ErrorType": "InvalidInputException:http://x"}, body: `{"Message":"bad"}`}, "InvalidInputException", 1},
		"code in body":    {answer{status: 401, body: `{"code":"InvalidAccessException","message":"no"}`}, "InvalidAccessException", 1},
		"denied":          {answer{status: 403, body: `{"__type":"AccessDeniedException"}`}, "AccessDeniedException", 1},
		"throttled":       {answer{status: 400, body: `{"__type":"com.amazon.coral.availability#ThrottlingException"}`}, "ThrottlingException", 4},
		"throttled, rest": {answer{status: 429, header: map[string]string{"X-Amzn-ErrorType": "TooManyRequestsException"}}, "TooManyRequestsException", 4},
		"broken":          {answer{status: 500, body: `{"__type":"InternalException"}`}, "InternalException", 4},
		"a proxy":         {answer{status: 503, body: html}, "UnknownError", 4},
		"a redirect":      {answer{status: 302, body: html}, "UnknownError", 1},
		"no answer":       {answer{err: errors.New("connection reset")}, "", 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &wire{answers: []answer{c.answer}}
				err := awsjson.New(config(w, "eu-central-1"), own).Call(t.Context(), "PutEvents", 1, &struct{}{})
				require.ErrorContains(t, err, "call PutEvents: ")
				require.Len(t, w.requests, c.tries)
				var api smithy.APIError
				require.Equal(t, c.code != "", errors.As(err, &api))
				if c.code != "" {
					require.Equal(t, c.code, api.ErrorCode())
				}
				for _, body := range w.bodies {
					require.Equal(t, "1", body, "every try has the whole body")
				}
			})
		})
	}
}

func TestAPassingFaultPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answers: []answer{{status: 500}, {err: io.ErrUnexpectedEOF}, fine}}
		require.NoError(t, awsjson.New(config(w, "eu-central-1"), own).Call(t.Context(), "PutEvents", 1, &struct{}{}))
		require.Len(t, w.requests, 3)
	})
}

// TestNoTryOutlastsTheDeadline: the caller gets the last error in time.
func TestNoTryOutlastsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answers: []answer{{status: 500, body: `{"__type":"InternalException"}`}}}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := awsjson.New(config(w, "eu-central-1"), own).Call(ctx, "PutEvents", 1, &struct{}{})
		require.ErrorIs(t, err, awserr.ErrNoTime)
		require.ErrorContains(t, err, "InternalException")
		require.NoError(t, ctx.Err())
	})
}

func TestWhatCannotBeSent(t *testing.T) {
	w := &wire{answers: []answer{{status: 200, body: "no JSON"}}}
	c := awsjson.New(config(w, "eu-central-1"), own)
	require.ErrorContains(t, c.Call(t.Context(), "DeleteEventBus", 1, nil), "it is not known how")
	require.ErrorContains(t, c.Call(t.Context(), "PutEvents", func() {}, nil), "call PutEvents: ")
	require.Empty(t, w.requests)
	require.ErrorContains(t, c.Call(t.Context(), "PutEvents", 1, &struct{}{}), "read the answer")
	cfg := config(w, "eu-central-1")
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("no keys") })
	require.ErrorContains(t, awsjson.New(cfg, own).Call(t.Context(), "PutEvents", 1, &struct{}{}), "no keys")
}
