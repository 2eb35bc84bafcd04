package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/doctor"
	"github.com/sgwarden/sgwarden/internal/doctor/patient"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// examinedAccount is an account for doctor, with the environment that leads to
// it. A complete sweep was a few minutes ago.
func examinedAccount(t *testing.T) *patient.Account {
	t.Helper()
	set, b, err := bundle.Load("", bundle.Options{})
	require.NoError(t, err)
	a := patient.New(time.Now, b.Digest)
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_MAX_ATTEMPTS": "1",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": localRegion, "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none",
	} {
		t.Setenv(name, value)
	}
	c, err := config.LoadDefaultConfig(t.Context())
	require.NoError(t, err)
	swept := incident.SweepRecord{Acts: map[string]policy.Act{}, Stamp: time.Now().Add(-7 * time.Minute)}
	for _, p := range set.Policies {
		swept.Acts[p.ID+"@"+p.Digest()] = policy.Act{Done: true, Start: swept.Stamp, At: swept.Stamp}
	}
	require.NoError(t, ledger.NewTable(dynamodb.NewFromConfig(c), a.Cloud.Table()).RecordSweep(t.Context(), swept))
	return a
}

func examine(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = runContext(t.Context(), append([]string{"doctor"}, args...), strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// golden compares with a file of testdata/doctor; -update writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/doctor/" + name
	if *update && os.Getenv("CI") == "" {
		require.NoError(t, os.MkdirAll("testdata/doctor", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// notDeployed takes the stack out of an account.
func notDeployed(a *patient.Account) {
	a.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", patient.Object{"CDKToolkit": a.Stacks()["CDKToolkit"]},
		patient.Refusal{Code: "ValidationError", Message: "Stack with id Sgwarden does not exist"})
	a.Says("monitoring.DescribeAlarms", patient.Object{"MetricAlarms": []any{}})
}

// minutes is what depends on when the test runs.
var minutes = regexp.MustCompile(`\d+ min ago`)

func TestDoctorReadsAsAPersonWould(t *testing.T) {
	var (
		denied  = patient.Refusal{Code: "AccessDenied", Message: "User is not authorized"}
		noStack = patient.Refusal{Code: "ValidationError", Message: "Stack with id Sgwarden does not exist"}
	)
	for _, c := range []struct {
		name string
		args []string
		code int
		ill  func(*patient.Account)
	}{
		{"before", []string{"--before-deploy"}, exitFine, notDeployed},
		{"before-ill", []string{"--before-deploy"}, exitViolation, func(a *patient.Account) {
			a.Says("cloudtrail.DescribeTrails", patient.Object{"trailList": []any{}})
			a.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", nil, noStack)
			a.Says("servicequotas.GetServiceQuota", denied)
			a.Says("lambda.ListFunctions", patient.Object{"Functions": []any{patient.Object{"FunctionName": "custodian-sg-open"}}})
		}},
		{"well", nil, exitFine, func(*patient.Account) {}},
		{"ill", []string{"--send-test-alert"}, exitViolation, func(a *patient.Account) {
			a.Says("lambda.GetEventSourceMapping", patient.Object{"State": "Disabled"})
			a.Says("sqs.GetQueueAttributes", patient.Holding(2))
			a.Says("iam.SimulatePrincipalPolicy", denied)
			a.Says("sns.ListSubscriptionsByTopic", patient.Object{"Subscriptions": []any{patient.Object{"SubscriptionArn": "PendingConfirmation", "Protocol": "email", "Endpoint": "you@example.com\u202e"}}})
		}},
		{"left", []string{"--after-destroy"}, exitFine, func(a *patient.Account) {
			a.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", nil, noStack)
			a.Says("cloudformation.ListStacks", patient.Object{"StackSummaries": []any{patient.Object{"StackName": "Sgwarden", "StackId": "arn:old", "StackStatus": "DELETE_COMPLETE", "CreationTime": "2026-11-26T09:00:00Z"}}})
			table, logs := patient.Resource("AWS::DynamoDB::Table", "Ledger", "Sgwarden-Ledger-1").(patient.Object), patient.Resource("AWS::Logs::LogGroup", "GuardLogs", "Sgwarden-GuardLogs-1").(patient.Object)
			table["ResourceStatus"], logs["ResourceStatus"] = "DELETE_SKIPPED", "DELETE_SKIPPED"
			a.Says("cloudformation.ListStackResources", patient.Object{"StackResourceSummaries": []any{table, logs}})
		}},
		{"asked-too-much", nil, exitOutside, func(a *patient.Account) { a.Says("iam.SimulatePrincipalPolicy", denied) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := examinedAccount(t)
			c.ill(a)
			code, out, stderr := examine(t, c.args...)
			require.Equal(t, c.code, code, out+stderr)
			require.Empty(t, stderr)
			golden(t, c.name+".txt", minutes.ReplaceAllString(out, "7 min ago"))
		})
	}
}

func TestDoctorForPrograms(t *testing.T) {
	examinedAccount(t)
	code, out, _ := examine(t, "-o", "json")
	require.Equal(t, exitFine, code)
	var r doctor.Report
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.Equal(t, "123456789012", r.Account)
	require.Equal(t, "identity", r.Findings[0].Check)
	require.Equal(t, doctor.OK, r.Findings[0].State)
}

func TestDoctorUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-o", "xml"}, "want table or json"},
		{[]string{"--before-deploy", "--send-test-alert"}, "needs a deployment"},
		{[]string{"--before-deploy", "--after-destroy"}, "not both"},
		{[]string{"--policies", "testdata/none"}, "testdata/none"},
		{[]string{"Sgwarden"}, "Sgwarden"},
	} {
		code, _, stderr := examine(t, c.args...)
		require.Equal(t, exitUsage, code, stderr)
		require.Contains(t, stderr, c.want)
	}
}

// TestDoctorKnowsTheStackOfTheSettings, unless a flag names another.
func TestDoctorKnowsTheStackOfTheSettings(t *testing.T) {
	folder := t.TempDir()
	settings := "apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\nstack: {name: Other}\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte(settings), 0o600))
	for want, args := range map[string][]string{
		"the name Other is free": {"--before-deploy", "--policies", folder},
		"the name Third is free": {"--before-deploy", "--policies", folder, "--stack", "Third"},
	} {
		notDeployed(examinedAccount(t))
		_, out, stderr := examine(t, args...)
		require.Contains(t, out, want, stderr)
	}
}
