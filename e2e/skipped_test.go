//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// skipped are the types of resources that moto's CloudFormation makes nothing
// of, with the tests of infra/stacks that hold them on the template.
var skipped = map[string][]string{
	"AWS::CloudWatch::Alarm":         {"TestEveryAlarmNotifiesAndHasARunbook"},
	"AWS::Lambda::EventInvokeConfig": {"TestFailedRunsAreNotRepeated"},
	"AWS::SNS::Subscription":         {"TestSubscriptions"},
	"AWS::SNS::TopicPolicy":          {"TestQueuesAndTopicWantTLS", "TestAlarmsMayPublish", "TestTamperingIsToldPastGuard"},
	"AWS::SQS::QueuePolicy":          {"TestQueuesAndTopicWantTLS", "TestOnlyRulesAndFunctionsSend"},
}

// incomplete is what moto makes without some of its properties, or never does.
var incomplete = map[string][]string{
	"the processor: moto starts nothing":                      {"TestEveryFunctionIsForTheArchitectureOfTheBuild"},
	"schedules, and the event of a deployment":                {"TestSweepRuns"},
	"rights: moto asks no policy":                             {"TestLeastPrivilege", "TestOnlyRulesAndFunctionsSend"},
	"batches and concurrency of the event source":             {"TestEventSource"},
	"dead letters of rules":                                   {"TestEveryRuleHasTheQueueAndDeadLetters"},
	"point-in-time recovery, expiry, protection of the table": {"TestTable"},
	"retention of logs":                                       {"TestLogsAreKeptAYear"},
	"encryption of queues":                                    {"TestQueues"},
}

// templateIsWhatIsMade: the emulator has the template that the CDK wrote, and
// made of it all but what is listed; that has tests of its own.
func (l *life) templateIsWhatIsMade(t *testing.T) { l.requireMade(t, skipped, incomplete) }

// requireMade holds what the emulator made to the template, and what it leaves
// out (types of resources, and what is of others) to tests of infra/stacks.
func (d *deployment) requireMade(t *testing.T, skipped, incomplete map[string][]string) {
	t.Helper()
	written, err := os.ReadFile(filepath.Join(d.assembly, d.stack+".template.json"))
	require.NoError(t, err)
	deployed, err := d.template()
	require.NoError(t, err)
	want := string(written)
	if d.readable != nil {
		want = d.readable(want)
	}
	require.JSONEq(t, want, deployed.text)
	made := map[string]bool{}
	all, err := d.resources()
	require.NoError(t, err)
	for _, r := range all {
		if r.LogicalResourceId != nil {
			made[*r.LogicalResourceId] = true
		}
	}
	left := map[string]bool{}
	for id, r := range deployed.Resources {
		if !made[id] {
			left[r.Type] = true
		}
	}
	for kind := range left {
		require.Contains(t, skipped, kind, "moto makes no %s: which test holds it on the template?", kind)
	}
	for kind := range skipped {
		require.True(t, left[kind], "moto makes %s by now: let this scenario look at it", kind)
	}
	tests := testsOf(t, filepath.Join("..", "infra", "stacks"))
	for _, list := range []map[string][]string{skipped, incomplete} {
		for what, names := range list {
			for _, name := range names {
				require.True(t, strings.Contains(tests, "func "+name+"(t *testing.T)"), "%s: infra/stacks has no %s", what, name)
			}
		}
	}
}

// testsOf is the text of all tests of a folder.
func testsOf(t *testing.T, folder string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	require.NoError(t, err)
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}
