package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

func TestFilterPolicy(t *testing.T) {
	for _, tt := range []struct {
		name  string
		wants []Want
		want  string
	}{
		{"severities and a team", []Want{{AttrSeverity, []string{"high", "critical"}}, {AttrTeam, []string{"Payments"}}}, `{"severity":["high","critical"],"team":["payments"]}`},
		{"at least", []Want{{AttrSeverityLevel, []string{"high"}}}, `{"severitylevel":[{"numeric":[">=",4]}]}`},
		{"a prefix", []Want{{AttrTeam, []string{"pay-*"}}}, `{"team":[{"prefix":"pay-"}]}`},
		{"all but some", []Want{{AttrEventType, []string{"!opened", "!attributed"}}}, `{"eventtype":[{"anything-but":["opened","attributed"]}]}`},
		{"all but a prefix", []Want{{AttrTeam, []string{"!sandbox-*"}}}, `{"team":[{"anything-but":{"prefix":"sandbox-"}}]}`},
		{"said twice", []Want{{AttrMode, []string{"observe"}}, {AttrMode, []string{"OBSERVE "}}, {AttrTeam, nil}}, `{"mode":["observe"]}`},
		{"a policy and an account", []Want{{AttrPolicy, []string{"admin-ports-from-internet"}}, {AttrAccount, []string{"123456789012"}}}, `{"account":["123456789012"],"policy":["admin-ports-from-internet"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := FilterPolicy(tt.wants)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestFilterPolicyRefuses(t *testing.T) {
	many := func(n int) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf("team-%d", i))
		}
		return out
	}
	for _, tt := range []struct {
		name  string
		wants []Want
		want  []string
	}{
		{"nothing", nil, []string{"nothing is asked for"}},
		{"a word of no list", []Want{{AttrSeverity, []string{"urgent"}}, {AttrOutcome, []string{"done"}}}, []string{`severity: "urgent" is none of none, info`, `outcome: "done" is none of ignored, compliant`}},
		{"a number for a name", []Want{{AttrSeverityLevel, []string{"4"}}}, []string{`severitylevel: "4" is none of info`}},
		{"what no message has", []Want{{AttrTeam, []string{"Pay & Co"}}}, []string{`no message has "pay & co"`, `ask for "pay---co"`}},
		{"no account", []Want{{AttrAccount, []string{"42"}}}, []string{`"42" is no account`}},
		{"an empty value", []Want{{AttrTeam, []string{"!"}}}, []string{`"" is no value`}},
		{"mixed", []Want{{AttrTeam, []string{"a", "!b"}}}, []string{"values with ! stand alone"}},
		{"two excluded prefixes", []Want{{AttrTeam, []string{"!a*", "!b*"}}}, []string{"values with ! stand alone"}},
		{"a policy excluded", []Want{{AttrPolicy, []string{"!admin-ports"}}}, []string{"cannot exclude one of several"}},
		{"six keys", []Want{
			{AttrSeverity, []string{"high"}}, {AttrTeam, []string{"a"}}, {AttrMode, []string{"observe"}},
			{AttrOutcome, []string{"reverted"}}, {AttrRegion, []string{"eu-west-1"}}, {AttrEventType, []string{"acted"}},
		}, []string{"6 attributes are asked for, and SNS takes 5"}},
		{"151 combinations", []Want{{AttrTeam, many(151)}}, []string{"151 combinations"}},
		{"152 with an exclusion", []Want{{AttrTeam, many(38)}, {AttrEventType, []string{"!opened", "!acted", "!resolved", "!undone"}}}, []string{"152 combinations"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := FilterPolicy(tt.wants)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	_, err := FilterPolicy([]Want{{AttrTeam, many(150)}})
	require.NoError(t, err)
}

// TestEveryAttributeCanBeFilteredBy: a filter made of a message's own values
// lets that message through, attribute by attribute.
func TestEveryAttributeCanBeFilteredBy(t *testing.T) {
	i := incident.Incident{
		AccountID: "123456789012", Region: "eu-west-1", Outcome: incident.Reverted, EventType: incident.Acted, Severity: policy.High,
		Mode: policy.Enforce, Policies: []incident.PolicyNote{{ID: "admin-ports-from-internet"}}, GroupTags: map[string]string{"team": "Pay & Co"},
	}
	message := attributes(i)
	for _, name := range AttributeNames() {
		values := []string{message[name].Value}
		switch name {
		case AttrPolicy:
			require.NoError(t, json.Unmarshal([]byte(message[name].Value), &values))
		case AttrSeverityLevel:
			values = []string{message[AttrSeverity].Value}
		}
		text, err := FilterPolicy([]Want{{name, values}})
		require.NoError(t, err, name)
		var filter map[string][]any
		require.NoError(t, json.Unmarshal([]byte(text), &filter))
		if name == AttrSeverityLevel {
			require.Equal(t, []any{map[string]any{"numeric": []any{">=", 4.0}}}, filter[name])
			continue
		}
		for _, v := range values {
			require.True(t, slices.Contains(filter[name], any(v)), "%s: %s", name, text)
		}
	}
	require.Equal(t, int(policy.Critical), len(severities), "the level is the place in the list")
}
