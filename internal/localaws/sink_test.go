package localaws

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/awsjson"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

func sinkConfig(a *AWS) aws.Config {
	return aws.Config{
		Region: "us-east-1", HTTPClient: &http.Client{Transport: a.Transport()}, Retryer: func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), 1) },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, nil
		}),
	}
}

// TestEventsOfTheRealClient: the SDK's client and ours are answered alike.
func TestEventsOfTheRealClient(t *testing.T) {
	a := New(Options{})
	client := eventbridge.NewFromConfig(sinkConfig(a))
	entry := func(bus, source, detail string) types.PutEventsRequestEntry {
		return types.PutEventsRequestEntry{EventBusName: &bus, Source: &source, DetailType: aws.String("Incident Acted"), Detail: &detail, Resources: []string{"arn:x"}}
	}
	out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		entry(a.BusARN(), "sgwarden", `{"a":1}`), entry(a.HubBusARN(), "sgwarden", `{}`), entry("arn:aws:events:us-east-1:111111111111:event-bus/x", "sgwarden", "{}"),
		entry(a.BusARN(), "aws.ec2", "{}"), entry(a.BusARN(), "sgwarden", "[]"), entry(a.BusARN(), "", "{}"),
	}})
	require.NoError(t, err)
	require.EqualValues(t, 4, out.FailedEntryCount)
	var codes []string
	for _, e := range out.Entries {
		codes = append(codes, aws.ToString(e.ErrorCode))
	}
	require.Equal(t, []string{"", "", "AccessDeniedException", "NotAuthorizedForSourceException", "MalformedDetail", "InvalidArgument"}, codes)
	require.Len(t, a.Events(), 2)
	require.Equal(t, Event{ID: *out.Entries[0].EventId, Bus: a.BusARN(), Source: "sgwarden", DetailType: "Incident Acted", Resources: []string{"arn:x"}, Detail: json.RawMessage(`{"a":1}`)}, a.Events()[0])

	_, err = client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry(a.BusARN(), "sgwarden", `{"a":"`+strings.Repeat("x", maxEntry)+`"}`)}})
	require.ErrorContains(t, err, "ValidationException")
	require.Equal(t, "events.PutEvents", a.Calls()[0].String())
	require.True(t, a.Calls()[0].Changes)
}

func TestFaultsOfSinks(t *testing.T) {
	for _, f := range Faults() {
		if f.NotOn(Call{Service: EventBridge, Changes: true}) != "" || f == Hanging {
			continue
		}
		a := New(Options{})
		a.EnableSecurityHub()
		a.Disturb(func(c Call) localec2.Disturbance { return f.On(c, nil) })
		c := awsjson.New(sinkConfig(a), func(string) string { return "" })
		require.Error(t, c.Call(t.Context(), "PutEvents", map[string]any{"Entries": []any{}}, &struct{}{}), f)
		require.Error(t, c.Call(t.Context(), "BatchImportFindings", map[string]any{"Findings": []any{}}, &struct{}{}), f)
		require.Len(t, a.Calls(), 2)
	}
}

// finding is the least that is taken, with these parts in place of its own.
func finding(parts map[string]any) map[string]any {
	f := map[string]any{
		"SchemaVersion": "2018-10-08", "Id": "f", "ProductArn": "arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default", "GeneratorId": "g", "AwsAccountId": "123456789012",
		"CreatedAt": "2026-01-01T00:00:00.000Z", "UpdatedAt": "2026-01-01T00:00:00.000Z", "Title": "t", "Description": "d", "Resources": []any{map[string]any{"Type": "Other", "Id": "x"}},
	}
	for name, part := range parts {
		f[name] = part
	}
	return f
}

func TestSecurityHubIsStrict(t *testing.T) {
	a := New(Options{})
	c := awsjson.New(sinkConfig(a), func(string) string { return "" })
	bring := func(f map[string]any) string {
		var out struct{ FailedFindings []struct{ ErrorCode string } }
		require.NoError(t, c.Call(t.Context(), "BatchImportFindings", map[string]any{"Findings": []any{f}}, &out))
		if len(out.FailedFindings) == 0 {
			return ""
		}
		return out.FailedFindings[0].ErrorCode
	}
	require.Equal(t, "InvalidAccess", bring(finding(nil)), "it is not enabled")
	a.EnableSecurityHub()
	require.Empty(t, bring(finding(nil)))
	require.Equal(t, "InvalidInput", bring(finding(map[string]any{"Title": ""})))
	require.Equal(t, "InvalidInput", bring(finding(map[string]any{"Resources": []any{}})))
	require.Equal(t, "InvalidAccess", bring(finding(map[string]any{"AwsAccountId": "999999999999"})))
	require.Equal(t, "InvalidAccess", bring(finding(map[string]any{"ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty"})))
	require.Equal(t, "InvalidInput", bring(finding(map[string]any{"Description": strings.Repeat("x", maxFinding)})))
	require.Len(t, a.Findings(), 1)
	require.ErrorContains(t, c.Call(t.Context(), "BatchImportFindings", map[string]any{"Findings": []any{}}, &struct{}{}), "InvalidInputException")
}

// TestSecurityHubKeepsWhatReadersDo: an update is newer, leaves note and
// workflow alone, and resolves what passes.
func TestSecurityHubKeepsWhatReadersDo(t *testing.T) {
	a := New(Options{})
	a.EnableSecurityHub()
	c := awsjson.New(sinkConfig(a), func(string) string { return "" })
	bring := func(at, compliance, workflow, note string) (string, string, string) {
		f := finding(map[string]any{"UpdatedAt": at, "Compliance": map[string]any{"Status": compliance}, "Workflow": map[string]any{"Status": workflow}, "Note": note})
		require.NoError(t, c.Call(t.Context(), "BatchImportFindings", map[string]any{"Findings": []any{f}}, &struct{}{}))
		got := a.Findings()[0]
		return got["Compliance"].(map[string]any)["Status"].(string), got["Workflow"].(map[string]any)["Status"].(string), got["Note"].(string)
	}
	hold := func(want [3]string, at, compliance, workflow, note string) {
		t.Helper()
		got1, got2, got3 := bring(at, compliance, workflow, note)
		require.Equal(t, want, [3]string{got1, got2, got3})
	}
	hold([3]string{"FAILED", "NOTIFIED", "a"}, "2026-01-01T00:00:00.000Z", "FAILED", "NOTIFIED", "a")
	hold([3]string{"FAILED", "NOTIFIED", "a"}, "2026-01-01T00:00:00.000Z", "PASSED", "RESOLVED", "b")
	hold([3]string{"PASSED", "RESOLVED", "a"}, "2026-01-01T00:00:01.000Z", "PASSED", "NOTIFIED", "b")
	hold([3]string{"FAILED", "NEW", "a"}, "2026-01-01T00:00:02.000Z", "FAILED", "NOTIFIED", "b")
}
