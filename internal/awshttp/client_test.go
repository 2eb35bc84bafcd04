package awshttp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"
)

// TestFastLongAnswersArrive: an endpoint that answers at once, with more than
// one packet, is heard to the end, every time and on one connection.
func TestFastLongAnswersArrive(t *testing.T) {
	const items, calls = 1000, 100
	answer := bytes.NewBufferString(`<DescribeSecurityGroupRulesResponse><securityGroupRuleSet>`)
	for i := range items {
		fmt.Fprintf(answer, `<item><securityGroupRuleId>sgr-%017d</securityGroupRuleId><groupId>sg-0a11ce00000000001</groupId><ipProtocol>tcp</ipProtocol></item>`, i)
	}
	answer.WriteString(`</securityGroupRuleSet></DescribeSecurityGroupRulesResponse>`)
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(body), "Action=DescribeSecurityGroupRules") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = w.Write(answer.Bytes()) // a client that went away is what is tested
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := ec2.New(ec2.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1, HTTPClient: New(10 * time.Second),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
	for n := range calls {
		out, err := client.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{})
		require.NoError(t, err, "call %d", n)
		require.Len(t, out.SecurityGroupRules, items)
	}
	require.EqualValues(t, 1, connections.Load())
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func TestBodiesAreHeldAndCanBeSentAgain(t *testing.T) {
	seen := 0
	c := client{doer(func(r *http.Request) (*http.Response, error) {
		seen++
		if r.Method == http.MethodGet {
			require.Nil(t, r.Body)
			return nil, nil
		}
		for range 2 {
			body, err := r.GetBody()
			require.NoError(t, err)
			text, err := io.ReadAll(body)
			require.NoError(t, err)
			require.Equal(t, "Action=X", string(text))
		}
		require.EqualValues(t, 8, r.ContentLength)
		return nil, nil
	})}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost", io.NopCloser(strings.NewReader("Action=X")))
	require.NoError(t, err)
	post.ContentLength = 8
	_, err = c.Do(post) //nolint:bodyclose // there is no answer
	require.NoError(t, err)
	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost", nil)
	require.NoError(t, err)
	_, err = c.Do(get) //nolint:bodyclose // there is no answer
	require.NoError(t, err)
	require.Equal(t, 2, seen)

	post.Body, post.ContentLength = io.NopCloser(strings.NewReader("short")), 8
	_, err = c.Do(post) //nolint:bodyclose // there is no answer
	require.ErrorContains(t, err, "read the body of the request")
	require.Equal(t, 2, seen, "nothing is sent of a body that ends early")
}
