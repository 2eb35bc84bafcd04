package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/doctor/patient"
)

// triggered lets an account have the guard's mapping in a state, and turn it;
// through Disabling or Enabling for as long as it is slow.
func triggered(a *patient.Account, state string, slow *bool) {
	now := func(patient.Object) any { return patient.Object{"UUID": "uuid-1", "State": state} }
	a.Answers["lambda.ListEventSourceMappings"] = func(in patient.Object) any {
		if in["FunctionName"] != patient.Guard {
			return patient.Object{"EventSourceMappings": []any{}}
		}
		return patient.Object{"EventSourceMappings": []any{now(nil)}}
	}
	a.Answers["lambda.GetEventSourceMapping"] = now
	a.Answers["lambda.UpdateEventSourceMapping"] = func(in patient.Object) any {
		state = map[any]string{true: "Enabled", false: "Disabled"}[in["Enabled"]]
		if *slow {
			state = map[any]string{true: "Enabling", false: "Disabling"}[in["Enabled"]]
		}
		return now(nil)
	}
}

func command(t *testing.T, args ...string) (status int, out, stderr string) {
	t.Helper()
	var stdout, errs bytes.Buffer
	status = runContext(t.Context(), args, strings.NewReader(""), &stdout, &errs)
	return status, stdout.String(), errs.String()
}

// TestHardPause: without the ledger, which is down.
func TestHardPause(t *testing.T) {
	a, slow := examinedAccount(t), false
	triggered(a, "Enabled", &slow)
	for _, operation := range []string{"GetItem", "Query", "UpdateItem", "BatchGetItem"} {
		a.Says("dynamodb."+operation, patient.Refusal{Code: "InternalServerError", Message: "down"})
	}
	status, out, stderr := command(t, "pause", "--hard")
	require.Equal(t, exitFine, status, stderr)
	require.Empty(t, stderr)
	const means = `nothing is judged, taken back or alerted any more, but for what the guard holds at this moment
changes wait in the queue, each for 14 days: after that it is lost, and only a sweep finds what it opened
MappingTampered, later the alarm Waiting and those of the canary will tell of it
go on with sgwarden resume --hard`
	require.Equal(t, "the trigger uuid-1 of Sgwarden-Guard-1 is disabled\n"+means+"\n", out)

	a.Forget()
	status, out, stderr = command(t, "pause", "--hard", "--reason", "CHG-9", "--region", localRegion)
	require.Equal(t, exitFine, status, stderr)
	require.Equal(t, "--reason is kept nowhere: no alert is sent during a hard pause\n", stderr)
	require.Equal(t, "the trigger uuid-1 of Sgwarden-Guard-1 is disabled, as it was before\n"+means+" --region "+localRegion+"\n", out)
	require.Equal(t, []string{"cloudformation.DescribeStacks", "lambda.ListEventSourceMappings"}, a.Asked())

	status, out, stderr = command(t, "resume", "--hard")
	require.Equal(t, exitFine, status, stderr)
	require.Equal(t, "the trigger uuid-1 of Sgwarden-Guard-1 is enabled\nthe guard judges again, first what waited in the queue; a pause in the ledger ends with sgwarden resume\n", out)
	status, out, _ = command(t, "resume", "--hard")
	require.Equal(t, exitFine, status)
	require.Contains(t, out, "is enabled, as it was before\n")
}

func TestHardPauseThatTakesLonger(t *testing.T) {
	a, slow := examinedAccount(t), true
	triggered(a, "Enabled", &slow)
	status, out, stderr := command(t, "pause", "--hard", "--wait", "0s")
	require.Equal(t, exitOutside, status)
	require.Equal(t, "the trigger uuid-1 of Sgwarden-Guard-1 is disabling, not yet disabled\n", out)
	require.Equal(t, "sgwarden: pause: it is still changing after 0s: run the same again to see how it went\n", stderr)

	a.Says("lambda.UpdateEventSourceMapping", patient.Refusal{Code: "AccessDeniedException", Message: "not authorized"})
	a.Says("lambda.ListEventSourceMappings", patient.Object{"EventSourceMappings": []any{patient.Object{"UUID": "uuid-1", "State": "Enabled"}}})
	status, out, stderr = command(t, "pause", "--hard")
	require.Equal(t, exitOutside, status)
	require.Equal(t, "the trigger uuid-1 of Sgwarden-Guard-1 is enabled, not yet disabled\n", out)
	require.Contains(t, stderr, "pause: turn the trigger uuid-1 of Sgwarden-Guard-1: ")
	require.Contains(t, stderr, "not authorized")
	a.Says("lambda.ListEventSourceMappings", patient.Object{"EventSourceMappings": []any{}})
	status, _, stderr = command(t, "resume", "--hard")
	require.Equal(t, exitOutside, status)
	require.Contains(t, stderr, "it has no event source mapping: nothing feeds it")
}

// TestResumeTellsOfTheTrigger: the pause in the ledger is only one of two.
func TestResumeTellsOfTheTrigger(t *testing.T) {
	a, slow := examinedAccount(t), false
	triggered(a, "Disabled", &slow)
	status, out, stderr := command(t, "resume")
	require.Equal(t, exitFine, status)
	require.Equal(t, "not paused any more: all groups\n", out)
	require.Equal(t, "but the trigger uuid-1 of the guard is disabled, and nothing is judged while it is off: sgwarden resume --hard\n", stderr)
	triggered(a, "Enabled", &slow)
	status, _, stderr = command(t, "resume")
	require.Equal(t, exitFine, status)
	require.Empty(t, stderr)
	a.Says("lambda.ListEventSourceMappings", patient.Refusal{Code: "AccessDeniedException", Message: "not authorized"})
	status, _, stderr = command(t, "resume")
	require.Equal(t, exitFine, status)
	require.Empty(t, stderr)
}

func TestHardPauseUsage(t *testing.T) {
	for args, fault := range map[string]string{
		"pause --hard --group sg-0123456789abcdef0":  "pause: --hard is without --group",
		"pause --hard --table t":                     "pause: --hard is without --table",
		"pause --hard --wait -1s":                    "want a time as 30s or 2m",
		"pause --wait 1s --reason x":                 "pause: --wait is for --hard",
		"pause":                                      "pause: --reason is missing",
		"resume --hard --policy p":                   "resume: --hard is without --policy, --ledger and --yes",
		"resume --hard --ledger":                     "resume: --hard is without --policy, --ledger and --yes",
		"resume --hard --group sg-0123456789abcdef0": "resume: --hard is without --group",
	} {
		status, _, stderr := command(t, strings.Fields(args)...)
		require.Equal(t, exitUsage, status, args)
		require.Contains(t, stderr, fault)
	}
}
