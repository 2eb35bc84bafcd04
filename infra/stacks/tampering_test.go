//go:build !race

package stacks

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/events"
)

// tampering are the rules that tell of calls that switch sgwarden off.
func (t template) tampering(tb testing.TB) map[string]resource {
	tb.Helper()
	found := t.of("AWS::Events::Rule")
	maps.DeleteFunc(found, func(id string, _ resource) bool {
		return !strings.HasSuffix(id, "Tampered") && !strings.HasSuffix(id, "Written")
	})
	require.NotEmpty(tb, found)
	return found
}

// TestTamperingIsToldPastGuard: straight to the topic of the alarms.
func TestTamperingIsToldPastGuard(t *testing.T) {
	var calls []string
	for id, r := range plain.tampering(t) {
		require.Equal(t, "ENABLED", r.Properties["State"], id)
		targets := as[[]struct{ Arn any }](t, r.Properties["Targets"])
		require.Len(t, targets, 1)
		require.Equal(t, map[string]any{"Ref": topicID(t, "Alarms")}, targets[0].Arn)
		text, err := json.Marshal(r.Properties["EventPattern"])
		require.NoError(t, err)
		require.LessOrEqual(t, len(text), 2048, "%s: EventBridge takes 2048 characters", id)
		p := as[struct {
			Source     []string `json:"source"`
			DetailType []string `json:"detail-type"`
			Detail     struct {
				EventSource, EventName              []string
				RequestParameters, ResponseElements map[string]any
			} `json:"detail"`
		}](t, r.Properties["EventPattern"])
		require.Equal(t, []string{events.DetailType}, p.DetailType)
		require.Len(t, p.Source, 1)
		require.Equal(t, []string{strings.TrimPrefix(p.Source[0], "aws.") + ".amazonaws.com"}, p.Detail.EventSource)
		if id != "TrailTampered" {
			require.Len(t, append(slices.Collect(maps.Keys(p.Detail.RequestParameters)), slices.Collect(maps.Keys(p.Detail.ResponseElements))...),
				map[bool]int{true: 2, false: 1}[id == "ControlsWritten"], "%s: other people's calls are none of ours", id)
		}
		calls = append(calls, p.Detail.EventName...)
	}
	for _, must := range []string{
		"StopLogging", "DeleteTrail", "PutEventSelectors", "DisableRule", "DeleteRule", "RemoveTargets", "PutFunctionConcurrency20171031",
		"UpdateEventSourceMapping20150331", "DeleteEventSourceMapping20150331", "Unsubscribe", "PutRolePolicy", "UpdateItem",
	} {
		require.Contains(t, calls, must)
	}
}

// TestTamperingIsToldInAWSsWords: what the caller can choose (names, user
// agents, sessions) is not in the text, into which EventBridge puts values as
// they are.
func TestTamperingIsToldInAWSsWords(t *testing.T) {
	ours := []string{
		"$.account", "$.detail.awsRegion", "$.detail.eventID", "$.detail.eventName", "$.detail.eventSource", "$.detail.eventTime",
		"$.detail.userIdentity.accessKeyId", "$.detail.userIdentity.type",
	}
	for id, r := range plain.tampering(t) {
		transformer := as[[]struct {
			InputTransformer struct {
				InputPathsMap map[string]string
				InputTemplate string
			}
		}](t, r.Properties["Targets"])[0].InputTransformer
		require.Subset(t, ours, slices.Collect(maps.Values(transformer.InputPathsMap)))
		var text string
		require.NoError(t, json.Unmarshal([]byte(transformer.InputTemplate), &text), "a template of a text is one JSON string")
		require.NotContains(t, text, "\n")
		used := map[string]bool{}
		for _, m := range regexp.MustCompile(`<(\w+)>`).FindAllStringSubmatch(text, -1) {
			require.Contains(t, transformer.InputPathsMap, m[1])
			used[m[1]] = true
		}
		require.Len(t, used, len(transformer.InputPathsMap), "everything that is taken is said")
		require.Contains(t, text, "docs/runbook/alarms.md, "+id)
	}
}
