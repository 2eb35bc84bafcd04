package cloudtrailproxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/cloudtrailproxy"
	"github.com/sgwarden/sgwarden/internal/conformance"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
)

const key = "AKIDTEST"

// stand is a proxy before an endpoint.
type stand struct {
	url     string
	client  *ec2.Client
	records [][]byte
}

func newStand(t *testing.T, endpoint http.Handler) *stand {
	t.Helper()
	behind := httptest.NewServer(endpoint)
	t.Cleanup(behind.Close)
	s := &stand{}
	front := httptest.NewServer(s.proxy(behind.URL, true))
	t.Cleanup(front.Close)
	s.url, s.client = front.URL, clientOf(front.URL, front.Client())
	return s
}

func (s *stand) proxy(target string, requestIDs bool) *cloudtrailproxy.Proxy {
	n := 0
	return &cloudtrailproxy.Proxy{
		Target: target, Identity: cloudtrail.User(localec2.DefaultAccount, "demo", key), RequestIDs: requestIDs,
		NewID:    func() string { n++; return fmt.Sprintf("id-%d", n) },
		OnRecord: func(r []byte) { s.records = append(s.records, r) },
	}
}

func clientOf(url string, reach ec2.HTTPClient) *ec2.Client {
	return ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, Retryer: aws.NopRetryer{}, BaseEndpoint: &url, HTTPClient: reach,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret"}, nil
		}),
	})
}

// inProcess calls a handler without a socket.
type inProcess struct{ http.Handler }

func (p inProcess) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RemoteAddr, in.Host = "127.0.0.1:1", r.URL.Host
	p.ServeHTTP(w, in)
	return w.Result(), nil
}

// TestRecordsAreThoseOfTheEndpoint makes every call of the conformance cases
// through the proxy: what it records of the wire is what the embedded EC2, who
// knows what it did, records itself.
func TestRecordsAreThoseOfTheEndpoint(t *testing.T) {
	var own [][]byte
	cloud := localec2.New(localec2.Options{IDs: localec2.CountedIDs(t.Name()), OnRecord: func(r []byte) { own = append(own, r) }})
	require.NoError(t, cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion).PutListOfS3())
	s := &stand{}
	proxy := s.proxy("http://endpoint", false)
	proxy.Transport = cloud.Transport()
	s.client = clientOf("http://front", inProcess{proxy})
	site := &conformance.Site{EC2: s.client, Run: "proxy"}
	_, err := site.Open(t.Context())
	require.NoError(t, err)
	for _, c := range conformance.Cases() {
		if !c.Staged {
			require.NoError(t, site.Try(t.Context(), c), c.Name)
		}
	}
	require.NoError(t, site.Remove(t.Context()))
	require.Len(t, s.records, len(own))
	names, failed := map[string]int{}, 0
	for i := range own {
		want, got := members(t, own[i]), members(t, s.records[i])
		names[got["eventName"].(string)]++
		if got["errorCode"] != nil {
			failed++
		}
		for _, mine := range []string{"eventID", "eventTime"} {
			require.NotEmpty(t, got[mine])
			delete(want, mine)
			delete(got, mine)
		}
		require.Equal(t, want, got)
	}
	require.Greater(t, len(names), 15, "%v", names)
	require.Positive(t, failed)
}

func members(t *testing.T, record []byte) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal(record, &m))
	return m
}

func TestOtherCallsPassUnrecorded(t *testing.T) {
	var got []string
	s := newStand(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.RequestURI()+" "+string(body))
		w.Header().Set("X-Own", "kept")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("{not XML"))
	}))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/a?b=c", strings.NewReader(`{"TableName":"t"}`))
	require.NoError(t, err)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260301/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusTeapot, answer.StatusCode)
	require.Equal(t, "kept", answer.Header.Get("X-Own"))
	require.Equal(t, "{not XML", string(body))
	require.Equal(t, []string{`POST /a?b=c {"TableName":"t"}`}, got)
	require.Empty(t, s.records)
}

// TestRequestIDsAreGiven: moto gives the same id to every call.
func TestRequestIDsAreGiven(t *testing.T) {
	s := newStand(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<DeleteSecurityGroupResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId><return>true</return></DeleteSecurityGroupResponse>`))
	}))
	seen := map[string]bool{}
	for range 3 {
		_, err := s.client.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: aws.String("sg-1")})
		require.NoError(t, err)
		r := members(t, s.records[len(s.records)-1])
		seen[r["requestID"].(string)] = true
		require.Equal(t, r["requestID"], r["responseElements"].(map[string]any)["requestId"])
	}
	require.Len(t, seen, 3)
}

func TestNoAnswerIsNoRecord(t *testing.T) {
	s := newStand(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	_, err := s.client.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: aws.String("sg-1")})
	require.Error(t, err)
	require.Empty(t, s.records)
}
