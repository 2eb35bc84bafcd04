package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func request(service, operation, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	if operation != "" {
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	}
	return r
}

func TestCallsAreReadOfBothProtocols(t *testing.T) {
	e, err := readCall(request("ec2", "", "Action=DescribeVpcs&Version=2016-11-15"))
	require.NoError(t, err)
	require.Equal(t, "ec2.DescribeVpcs", e.name())
	require.Equal(t, "AKIAEXAMPLE", e.Key)
	e, err = readCall(request("dynamodb", "Query", `{"TableName":"t"}`))
	require.NoError(t, err)
	require.Equal(t, "dynamodb.Query", e.name())
	require.Equal(t, `{"TableName":"t"}`, string(e.Body))
}

// answered is what a handler answers to a call.
func answered(t *testing.T, h http.Handler, r *http.Request) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	require.NoError(t, err)
	return w.Code, string(body)
}

func TestWhatWasRecordedIsAnsweredAgain(t *testing.T) {
	n := 0
	rec := &recorder{behind: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		w.Header().Set("X-Amz-Crc32", "7")
		w.WriteHeader(200 + n)
		_, _ = w.Write([]byte("answer to " + string(body)))
	})}
	describe := func() *http.Request { return request("ec2", "", "Action=DescribeVpcs") }
	revoke := func() *http.Request { return request("ec2", "", "Action=RevokeSecurityGroupIngress") }
	for _, r := range []*http.Request{describe(), revoke(), describe()} {
		answered(t, rec, r)
	}
	calls := rec.take()
	require.Len(t, calls, 3)
	require.Empty(t, rec.take())

	c := newCanned(calls)
	for range 2 { // rounds
		code, body := answered(t, c, describe())
		require.Equal(t, 201, code)
		require.Equal(t, "answer to Action=DescribeVpcs", body)
		code, _ = answered(t, c, revoke())
		require.Equal(t, 202, code)
		code, _ = answered(t, c, describe())
		require.Equal(t, 203, code)
		changed, err := c.end()
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), changed, time.Minute)
	}

	answered(t, c, describe())
	code, _ := answered(t, c, request("dynamodb", "Query", "{}"))
	require.Equal(t, http.StatusBadRequest, code)
	changed, err := c.end()
	require.EqualError(t, err, "the calls are not those that were recorded: too few [0 of 1 ec2.RevokeSecurityGroupIngress, 1 of 2 ec2.DescribeVpcs], too many [dynamodb.Query]")
	require.Zero(t, changed)
}

func TestWavesAreWhatRanSideBySide(t *testing.T) {
	at := func(name string, began, ended int) exchange {
		return exchange{Operation: name, began: time.Unix(int64(began), 0), ended: time.Unix(int64(ended), 0)}
	}
	var names []string
	for _, w := range waves([]exchange{at("a", 0, 4), at("b", 1, 2), at("c", 2, 9), at("d", 3, 9), at("e", 9, 10)}) {
		var wave string
		for _, e := range w {
			wave += e.Operation
		}
		names = append(names, wave)
	}
	require.Equal(t, []string{"ab", "cd", "e"}, names)
	require.Empty(t, waves(nil))
}

func TestCallsAreCountedByWhatTheyAreFor(t *testing.T) {
	var calls []exchange
	for _, name := range strings.Fields(`dynamodb.Query dynamodb.BatchGetItem ec2.DescribeSecurityGroups?sg-0a ec2.DescribeSecurityGroupRules?sg-0a ec2.DescribeSecurityGroups ec2.DescribeVpcs ec2.DescribeVpcs
		ec2.GetManagedPrefixListEntries dynamodb.TransactWriteItems ec2.RevokeSecurityGroupIngress ec2.DescribeSecurityGroupRules ec2.DescribeNetworkInterfaces
		sns.Publish dynamodb.TransactWriteItems dynamodb.UpdateItem sqs.SendMessage`) {
		name, group, _ := strings.Cut(name, "?")
		service, operation, _ := strings.Cut(name, ".")
		calls = append(calls, exchange{Service: service, Operation: operation, Body: []byte("GroupId.1=" + group)})
	}
	n := countCalls(calls)
	require.Equal(t, counts{
		readsBefore: 2, facts: map[string]int{"DescribeSecurityGroups": 1, "DescribeVpcs": 2, "GetManagedPrefixListEntries": 1}, mutations: 1, readsAfter: 2,
		queries: 1, controls: 1, transactions: 2, notes: 1, published: 1, others: []string{"sqs.SendMessage"},
	}, n)
	require.Equal(t, 9, n.ec2())
	require.Equal(t, 5, n.dynamodb())
	require.Equal(t, 2, n.mostOfAFact())
}
