//go:build !race

package stacks

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/metrics"
)

// TestEveryAlarmNotifiesAndHasARunbook holds alarms and runbook together, both
// ways.
func TestEveryAlarmNotifiesAndHasARunbook(t *testing.T) {
	text, err := os.ReadFile("../../docs/runbook/alarms.md")
	require.NoError(t, err)
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^###? (\w+)$`).FindAllStringSubmatch(string(text), -1) {
		headings[m[1]] = true
	}
	topic := []any{map[string]any{"Ref": topicID(t, "Alarms")}}
	alarms, rung := full.of("AWS::CloudWatch::Alarm"), 0
	for id, a := range aHub(t).of("AWS::CloudWatch::Alarm") {
		name, _, _ := strings.Cut(id, "Alarm")
		require.True(t, headings[name], "%s has no heading in the runbook", name)
		rung++
		require.Contains(t, a.Properties["AlarmDescription"], `docs/runbook/alarms.md, "`+name+`"`)
		require.Equal(t, "SgwardenHub-"+name, a.Properties["AlarmName"])
	}
	for id, a := range alarms {
		name, _, ok := strings.Cut(id, "Alarm")
		require.True(t, ok, id)
		require.True(t, headings[name], "%s has no heading in the runbook", name)
		rung++
		require.Contains(t, a.Properties["AlarmDescription"], `docs/runbook/alarms.md, "`+name+`"`)
		require.Equal(t, "Sgwarden-"+name, a.Properties["AlarmName"])
		require.Equal(t, topic, a.Properties["AlarmActions"], id)
		require.Equal(t, topic, a.Properties["OKActions"], id)
		if silent := []string{"NotSwept", "CanarySilent"}; slices.Contains(silent, name) {
			require.Equal(t, "breaching", a.Properties["TreatMissingData"], "what does not run writes no metrics")
			require.Equal(t, "LessThanOrEqualToThreshold", a.Properties["ComparisonOperator"])
			require.EqualValues(t, 3600, a.Properties["Period"])
			continue
		}
		require.Equal(t, "notBreaching", a.Properties["TreatMissingData"], id)
		require.Equal(t, "GreaterThanThreshold", a.Properties["ComparisonOperator"])
	}
	for id := range full.tampering(t) {
		require.True(t, headings[id], "%s has no heading in the runbook", id)
		rung++
	}
	require.Len(t, headings, rung, "every heading is an alarm's")
}

// TestAlarmsMayPublish: a topic with a policy of its own has lost the one that
// lets CloudWatch publish.
func TestAlarmsMayPublish(t *testing.T) {
	allowed := 0
	for id, p := range plain.of("AWS::SNS::TopicPolicy") {
		for _, s := range statements(t, p) {
			if s.Effect != "Allow" {
				continue
			}
			allowed++
			require.True(t, strings.HasPrefix(id, "Alarms"), id)
			require.Equal(t, list{"sns:Publish"}, s.Action)
			if s.Sid == "Rules" {
				require.Equal(t, list{map[string]any{"Service": "events.amazonaws.com"}}, s.Principal)
				require.Empty(t, s.Condition, "EventBridge sends a topic no condition key: with one it would publish nothing")
				continue
			}
			require.Equal(t, list{map[string]any{"Service": "cloudwatch.amazonaws.com"}}, s.Principal)
			require.Equal(t, map[string]any{"Ref": "AWS::AccountId"}, s.Condition["StringEquals"]["aws:SourceAccount"])
			require.NotEmpty(t, s.Condition["ArnLike"]["aws:SourceArn"])
		}
	}
	require.Equal(t, 2, allowed)
}

// TestWhatIsShownIsWhatIsCounted: every metric that alarms and dashboard ask
// for is written by the functions, and everything that they write is shown.
func TestWhatIsShownIsWhatIsCounted(t *testing.T) {
	counted := map[string]bool{}
	for _, m := range metrics.All() {
		counted[m.Name] = true
	}
	requireShown(t, full, counted)
	delete(counted, metrics.SinkMissed.Name) // guard does not count it without sinks
	requireShown(t, plain, counted)
}

func requireShown(t *testing.T, tpl template, counted map[string]bool) {
	shown := map[string]bool{}
	_, dashboard := tpl.only(t, "AWS::CloudWatch::Dashboard")
	text, err := json.Marshal(dashboard.Properties["DashboardBody"])
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`\[\\+"sgwarden\\+",\\+"(\w+)\\+",\\+"FunctionName\\+"`).FindAllStringSubmatch(string(text), -1) {
		shown[m[1]] = true
	}
	require.Equal(t, counted, shown)
	for id, a := range tpl.of("AWS::CloudWatch::Alarm") {
		if a.Properties["Namespace"] == metrics.Namespace {
			require.True(t, counted[a.Properties["MetricName"].(string)], id)
		}
	}
}

func TestTheDashboardShowsEveryAlarm(t *testing.T) {
	_, dashboard := plain.only(t, "AWS::CloudWatch::Dashboard")
	text, err := json.Marshal(dashboard.Properties["DashboardBody"])
	require.NoError(t, err)
	for id := range plain.of("AWS::CloudWatch::Alarm") {
		name, _, _ := strings.Cut(id, "Alarm")
		require.Contains(t, string(text), ":alarm:Sgwarden-"+name+`\"`)
	}
}
