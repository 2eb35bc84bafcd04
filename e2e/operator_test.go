//go:build e2e

package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
)

// commandLine is the built tool, once for all scenarios.
var commandLine = sync.OnceValues(func() (string, error) {
	path := filepath.Join(stage.guard.dist, "sgwarden")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "../cmd/sgwarden").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the command line: %w\n%s", err, out)
	}
	return path, nil
})

// office is an operator of a world: a stack with the outputs of the real one,
// and the command line, whose calls are recorded.
type office struct {
	*world
	ops           *trail
	stack, failed string // name; URL of the queue of what failed
	function      string // name of the function that stands for guard in Lambda
}

// take makes an office. The emulator knows guard as a function that nothing is
// sent to: what the queue holds is carried by the scenario.
func take(t *testing.T) *office {
	w := enter(t, nil)
	o := &office{world: w, ops: newTrail(t, cloudtrail.User(account, "olga", "AKIAOPERATOR")), stack: "Office-" + w.group}
	queue := func(name string) string {
		made, err := w.sqs().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name + "-" + w.group)})
		require.NoError(t, err)
		return *made.QueueUrl
	}
	o.failed, o.function = queue("failed"), "guard-"+w.group
	outputs := object{}
	for name, value := range map[string]string{
		"TableName": w.table, "TopicArn": w.topic, "AlarmTopicArn": w.topic, "QueueUrl": w.queue, "FailedUrl": o.failed,
		"UndeliveredUrl": queue("undelivered"), "GuardName": o.function, "SweepName": "sweep", "Mode": "enforce",
	} {
		outputs[name] = object{"Value": value}
	}
	template, err := json.Marshal(object{
		"Resources": object{"Any": object{"Type": "AWS::SSM::Parameter", "Properties": object{"Name": o.stack, "Type": "String", "Value": "-"}}}, "Outputs": outputs,
	})
	require.NoError(t, err)
	require.NoError(t, stage.emulator.aws(nil, "cloudformation", "create-stack", "--stack-name", o.stack, "--template-body", string(template)))
	o.makeFunction(queue("feed"))
	return o
}

func (o *office) makeFunction(feed string) {
	o.Helper()
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	_, err := z.Create("bootstrap")
	require.NoError(o, err)
	require.NoError(o, z.Close())
	file := filepath.Join(o.TempDir(), "code.zip")
	require.NoError(o, os.WriteFile(file, code.Bytes(), 0o600))
	e := stage.emulator
	require.NoError(o, e.aws(nil, "iam", "create-role", "--role-name", o.function, "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`))
	require.NoError(o, e.aws(nil, "lambda", "create-function", "--function-name", o.function, "--runtime", "provided.al2023", "--handler", "bootstrap",
		"--role", "arn:aws:iam::"+account+":role/"+o.function, "--zip-file", "fileb://"+file))
	arn, err := e.queueARN(feed)
	require.NoError(o, err)
	require.NoError(o, e.aws(nil, "lambda", "create-event-source-mapping", "--function-name", o.function, "--event-source-arn", arn))
}

// isFed reports whether Lambda would give messages to guard.
func (o *office) isFed() bool {
	o.Helper()
	var all struct{ EventSourceMappings []struct{ State string } }
	require.NoError(o, stage.emulator.aws(&all, "lambda", "list-event-source-mappings", "--function-name", o.function))
	require.Len(o, all.EventSourceMappings, 1)
	return all.EventSourceMappings[0].State == "Enabled"
}

// run runs the command line as the operator, and gives what it says.
func (o *office) run(args ...string) string {
	o.Helper()
	path, err := commandLine()
	require.NoError(o, err)
	cmd := exec.Command(path, append(args, "--stack", o.stack)...)
	cmd.Env = o.ops.environ()
	out, err := cmd.CombinedOutput()
	require.NoError(o, err, "sgwarden %v: %s", args, out)
	say("command sgwarden %s", strings.Join(args, " "))
	for line := range strings.Lines(string(out)) {
		say("        %s", strings.TrimRight(line, "\n"))
	}
	return string(out)
}

// undoneByOperator: what was taken comes back by a person's decision, whoever got
// the alert hears of it once, and nothing of it is taken again while it is exempt.
func undoneByOperator(t *testing.T) {
	o := take(t)
	record, _ := o.authorize("ingress", ssh)
	o.put(record)
	o.done(o.deliver(5))
	require.Equal(t, onlyEgress, o.texts())
	told := o.told()
	require.Len(t, told, 1)

	shown := o.run("undo", told[0].IncidentID, "--group", o.group)
	require.Contains(t, shown, "nothing was changed: --yes does it")
	require.Equal(t, onlyEgress, o.texts())
	o.run("undo", told[0].IncidentID, "--group", o.group, "--yes", "--owner", "net-team", "--reason", "agreed window", "--for", "2d")
	require.Contains(t, o.texts(), sshText)

	o.put(o.ops.last(t, "AuthorizeSecurityGroupIngress"))
	d := o.deliver(5)
	require.Empty(t, d.failed)
	require.Empty(t, mutations(o.done(d)))
	require.Contains(t, o.texts(), sshText)
	undone := o.told()
	require.Len(t, undone, 1)
	require.Equal(t, "undone", undone[0].EventType)
	require.Equal(t, told[0].IncidentID, undone[0].IncidentID)

	// The same events once more, and the undoing once more.
	o.put(record, o.ops.last(t, "AuthorizeSecurityGroupIngress"))
	o.done(o.deliver(5))
	require.Empty(t, o.told())
	require.Contains(t, o.run("undo", told[0].IncidentID, "--group", o.group, "--yes", "--owner", "net-team", "--reason", "again"), "there is nothing to put back")

	// Its end takes it back.
	o.run("exempt", "remove", o.group, "UNDO-"+told[0].IncidentID+"-"+undone[0].Policies[0])
	o.put(o.ops.last(t, "AuthorizeSecurityGroupIngress"))
	o.done(o.deliver(5))
	require.Equal(t, onlyEgress, o.texts())
	again := o.told()
	require.Len(t, again, 1)
	require.Equal(t, "acted", again[0].EventType)
	require.NotEqual(t, told[0].IncidentID, again[0].IncidentID)
}

// pausedHard: nothing is judged while the trigger is off, and all of it afterwards.
func pausedHard(t *testing.T) {
	o := take(t)
	require.True(t, o.isFed())
	require.Contains(t, o.run("pause", "--hard"), "changes wait in the queue")
	require.False(t, o.isFed())
	record, _ := o.authorize("ingress", ssh)
	o.put(record)
	require.Contains(t, o.run("pause", "--hard"), "as it was before")
	require.Contains(t, o.run("resume", "--hard"), "the guard judges again, first what waited in the queue")
	require.True(t, o.isFed())
	o.done(o.deliver(5))
	require.Equal(t, onlyEgress, o.texts())
	require.Len(t, o.told(), 1)

	// A pause in the ledger lets the guard judge and tell, and change nothing.
	o.run("pause", "--group", o.group, "--reason", "a migration")
	record, _ = o.authorize("ingress", ssh)
	o.put(record)
	d := o.deliver(5)
	require.Empty(t, mutations(o.done(d)))
	require.Contains(t, o.texts(), sshText)
	held := o.told()
	require.Len(t, held, 1)
	require.Equal(t, "pending", held[0].Outcome)
	o.run("resume", "--group", o.group)
	o.put(record)
	o.done(o.deliver(5))
	require.Equal(t, onlyEgress, o.texts())
	resumed := o.told()
	require.Len(t, resumed, 1)
	require.Equal(t, "reverted", resumed[0].Outcome)
}

// redriven: what failed too often is counted, moved, and judged by what stands.
func redriven(t *testing.T) {
	o := take(t)
	record, _ := o.authorize("ingress", ssh)
	fineOne, _ := o.authorize("ingress", permission{protocol: "tcp", from: 443, to: 443, v4: []string{"10.0.0.0/8"}})
	for _, body := range [][]byte{event(record), event(fineOne), event(record)} {
		_, err := o.sqs().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &o.failed, MessageBody: aws.String(string(body))})
		require.NoError(t, err)
	}
	require.Contains(t, o.run("redrive"), "about 3 messages that the guard failed too often")
	require.Contains(t, o.run("redrive", "--yes"), "3 moved, 0 left, 0 failed")
	d := o.deliver(5)
	require.Len(t, d.messages, 3)
	require.Empty(t, d.failed)
	o.done(d)
	require.NotContains(t, o.texts(), sshText)
	require.Len(t, o.texts(), 2)
	require.Len(t, o.told(), 1, "none is told twice")
	require.Contains(t, o.run("redrive", "--yes"), "there is nothing to move")
}

// contested: the same again within the hour is taken back each time, the fourth
// time is told as a fight, and what follows is not told.
func contested(t *testing.T) {
	w := enter(t, nil)
	var told []string
	for range 5 {
		record, _ := w.authorize("ingress", ssh)
		w.put(record)
		w.done(w.deliver(5))
		require.Equal(t, onlyEgress, w.texts())
		for _, d := range w.told() {
			told = append(told, d.EventType)
		}
	}
	require.Equal(t, []string{"acted", "acted", "acted", "contested"}, told)
}
