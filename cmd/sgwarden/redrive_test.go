package main

import (
	"crypto/md5" // SQS sends it, the SDK checks it
	"encoding/hex"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/doctor/patient"
)

const failedURL, undeliveredURL = "https://sqs." + localRegion + ".amazonaws.com/" + patient.ID + "/failed", "https://sqs." + localRegion + ".amazonaws.com/" + patient.ID + "/undelivered"

// queuesOf gives an account queues that hold bodies, by URL.
func queuesOf(a *patient.Account, queues map[string][]string) {
	sum := func(body string) string {
		s := md5.Sum([]byte(body))
		return hex.EncodeToString(s[:])
	}
	url := func(in patient.Object) string { return in["QueueUrl"].(string) }
	a.Answers["sqs.GetQueueAttributes"] = func(in patient.Object) any {
		return patient.Object{"Attributes": patient.Object{"ApproximateNumberOfMessages": strconv.Itoa(len(queues[url(in)])), "ApproximateNumberOfMessagesNotVisible": "0"}}
	}
	a.Answers["sqs.ReceiveMessage"] = func(in patient.Object) any {
		var out []any
		for _, body := range queues[url(in)][:min(len(queues[url(in)]), int(in["MaxNumberOfMessages"].(float64)))] {
			out = append(out, patient.Object{"MessageId": "id-" + body, "ReceiptHandle": body, "Body": body, "MD5OfBody": sum(body)})
		}
		return patient.Object{"Messages": out}
	}
	a.Answers["sqs.SendMessage"] = func(in patient.Object) any {
		body := in["MessageBody"].(string)
		queues[url(in)] = append(queues[url(in)], body)
		return patient.Object{"MessageId": "new-" + body, "MD5OfMessageBody": sum(body)}
	}
	a.Answers["sqs.DeleteMessage"] = func(in patient.Object) any {
		queues[url(in)] = slices.DeleteFunc(queues[url(in)], func(body string) bool { return body == in["ReceiptHandle"] })
		return patient.Object{}
	}
}

func TestRedrive(t *testing.T) {
	a := examinedAccount(t)
	queues := map[string][]string{failedURL: {"a", "b"}, undeliveredURL: {"c"}}
	queuesOf(a, queues)
	a.Forget()
	status, out, stderr := command(t, "redrive")
	require.Equal(t, exitFine, status, stderr)
	require.Equal(t, "failed       about 2 messages that the guard failed too often\nundelivered  about 1 message that EventBridge could not deliver\n", out)
	require.Equal(t, "nothing was moved: --yes moves them, 10 a second at most\n", stderr)
	require.Equal(t, []string{"cloudformation.DescribeStacks", "sqs.GetQueueAttributes"}, a.Asked())

	status, out, stderr = command(t, "redrive", "--yes", "--rate", "1000", "--max", "1")
	require.Equal(t, exitFine, status, stderr)
	const harmless = "what was moved is judged by what stands now; a message that comes twice does no harm\n"
	require.Equal(t, "failed       1 moved, 1 left, 0 failed\nundelivered  0 moved, 1 left, 0 failed\n"+harmless, out)
	require.Equal(t, map[string][]string{patient.Changes: {"a"}, failedURL: {"b"}, undeliveredURL: {"c"}}, queues)

	status, out, stderr = command(t, "redrive", "--yes", "--rate", "1000")
	require.Equal(t, exitFine, status, stderr)
	require.Equal(t, "failed       1 moved, 0 left, 0 failed\nundelivered  1 moved, 0 left, 0 failed\n"+harmless, out)
	require.Equal(t, map[string][]string{patient.Changes: {"a", "b", "c"}, failedURL: {}, undeliveredURL: {}}, queues)

	status, out, _ = command(t, "redrive", "--yes")
	require.Equal(t, exitFine, status)
	require.Equal(t, "there is nothing to move\n", out)
}

func TestRedriveThatMayNot(t *testing.T) {
	a := examinedAccount(t)
	queues := map[string][]string{failedURL: {"a", "b"}, undeliveredURL: {"c"}}
	queuesOf(a, queues)
	a.Says("sqs.SendMessage", patient.Refusal{Code: "AccessDenied", Message: "with an explicit deny"})
	status, out, stderr := command(t, "redrive", "--yes", "--rate", "1000")
	require.Equal(t, exitOutside, status)
	require.Equal(t, "failed       0 moved, 2 left, 0 failed\nundelivered  0 moved, 1 left, 0 failed\n", out)
	require.Contains(t, stderr, "with an explicit deny\nonly the role of the stack's setting operator may send to the queue: make deploy CONTEXT='operator=ROLE_ARN'\n")
	require.Equal(t, map[string][]string{failedURL: {"a", "b"}, undeliveredURL: {"c"}}, queues)

	a.Says("sqs.SendMessage", patient.Refusal{Code: "InvalidMessageContents", Message: "characters"})
	status, out, stderr = command(t, "redrive", "--yes", "--rate", "1000")
	require.Equal(t, exitOutside, status)
	require.Equal(t, "failed       0 moved, 2 left, 2 failed\nundelivered  0 moved, 1 left, 1 failed\n", out)
	require.Contains(t, stderr, "redrive: send message id-a: ")
	require.Contains(t, stderr, "send message id-c: ")
	require.Equal(t, map[string][]string{failedURL: {"a", "b"}, undeliveredURL: {"c"}}, queues)

	a.Says("sqs.GetQueueAttributes", patient.Object{"Attributes": patient.Object{"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "2"}})
	status, out, _ = command(t, "redrive", "--yes")
	require.Equal(t, exitFine, status)
	require.Equal(t, "there is nothing to move; 4 more in the hands of another reader, or of a run that ended a moment ago\n", out)
	a.Says("sqs.GetQueueAttributes", patient.Refusal{Code: "AccessDenied", Message: "not authorized"})
	status, _, stderr = command(t, "redrive")
	require.Equal(t, exitOutside, status)
	require.Contains(t, stderr, "redrive: count the messages of "+failedURL)
}

func TestRedriveUsage(t *testing.T) {
	for _, args := range [][]string{{"--rate", "0"}, {"--rate", "1001"}, {"--max", "0"}, {"--max", "-1"}, {"failed"}} {
		status, _, _ := command(t, append([]string{"redrive"}, args...)...)
		require.Equal(t, exitUsage, status, args)
	}
}
