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
		"RemovePermission20150331v2", "UpdateEventSourceMapping20150331", "DeleteEventSourceMapping20150331", "Unsubscribe", "PutRolePolicy", "UpdateItem",
		"DeleteAlarms", "DisableAlarmActions",
	} {
		require.Contains(t, calls, must)
	}
}

// TestTamperingWithTheKey: as it is named in a request, by ARN or id.
func TestTamperingWithTheKey(t *testing.T) {
	require.NotContains(t, plain.tampering(t), "KeyTampered")
	const id = "1234abcd-12ab-34cd-56ef-1234567890ab"
	require.JSONEq(t, `{
		"source": ["aws.kms"], "detail-type": ["`+events.DetailType+`"],
		"detail": {
			"eventSource": ["kms.amazonaws.com"], "eventName": ["DisableKey", "PutKeyPolicy", "RevokeGrant", "ScheduleKeyDeletion"],
			"requestParameters": {"keyId": ["arn:aws:kms:eu-west-1:123456789012:key/`+id+`", "`+id+`"]}
		}}`, jsonText(t, full.tampering(t)["KeyTampered"].Properties["EventPattern"]))
}

// TestTamperingIsToldWhateverTheStackIsCalled: StackSets and the console choose
// the name of the stack, and CloudFormation shortens long ones.
func TestTamperingIsToldWhateverTheStackIsCalled(t *testing.T) {
	named := func(tpl template, id, key string) []any {
		p := as[struct {
			Detail struct {
				RequestParameters, ResponseElements map[string][]any
			}
		}](t, tpl.Resources[id].Properties["EventPattern"])
		return append(p.Detail.RequestParameters[key], p.Detail.ResponseElements[key]...)
	}
	prefixOf := func(value any) map[string]any { return map[string]any{"prefix": value} }
	for _, tpl := range []template{plain, full} {
		for id := range tpl.of("AWS::Lambda::Function") {
			require.Contains(t, named(tpl, "FunctionTampered", "functionName"), prefixOf(map[string]any{"Ref": id}))
			for _, forms := range [][]any{named(tpl, "FunctionTampered", "functionName"), named(tpl, "MappingTampered", "functionArn")} {
				require.Contains(t, forms, prefixOf(arnOf(id)))
			}
		}
		for id, r := range tpl.of("AWS::Events::Rule") {
			// EventBridge takes 64 characters; FromContext takes 40 for the stack.
			require.Regexp(t, `^Sgwarden-[A-Za-z]{1,23}$`, r.Properties["Name"], id)
		}
		require.Equal(t, []any{prefixOf("Sgwarden-")}, named(tpl, "RuleTampered", "name"))
		require.Equal(t, []any{prefixOf("Sgwarden-")}, named(tpl, "TargetsTampered", "rule"))
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
