//go:build !race

package stacks

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// iamRequest is one question to IAM: may this be done to that. A call asks one
// for each action and resource that it is authorized on.
type iamRequest struct {
	action, resource string
	context          map[string][]string // condition keys of the request
}

// iamStatement is a statement with its intrinsics resolved.
type iamStatement struct {
	sid                string
	actions, resources []string
	condition          map[string]map[string][]string // by operator and key
}

// allows reports whether the statement allows the request, as IAM's policy
// evaluation has it for the operators that the stack uses. One that is not
// known fails the test: it must not be taken for true.
func (s iamStatement) allows(tb testing.TB, r iamRequest) bool {
	tb.Helper()
	return anyMatches(s.actions, r.action) && anyMatches(s.resources, r.resource) && s.holds(tb, r.context)
}

func (s iamStatement) holds(tb testing.TB, context map[string][]string) bool {
	tb.Helper()
	for operator, keys := range s.condition {
		for key, want := range keys {
			have := context[key]
			switch operator {
			case "ForAllValues:StringLike": // true of no value at all
				for _, value := range have {
					if !anyMatches(want, value) {
						return false
					}
				}
			case "Null":
				require.Equal(tb, []string{"false"}, want)
				if len(have) == 0 {
					return false
				}
			case "StringLike":
				if len(have) != 1 || !anyMatches(want, have[0]) {
					return false
				}
			case "StringEquals":
				if len(have) != 1 || !contains(want, have[0]) {
					return false
				}
			default:
				require.Fail(tb, "operator is not known", operator)
			}
		}
	}
	return true
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

// anyMatches: `*` stands for any characters, `/` too.
func anyMatches(patterns []string, text string) bool {
	flat := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	for _, p := range patterns {
		if ok, err := path.Match(flat(p), flat(text)); err == nil && ok {
			return true
		}
	}
	return false
}

// resolver gives the values of a template's intrinsics in one account.
type resolver map[string]string // by Ref or ID.Attribute

// text resolves a value; what it does not know fails the test.
func (r resolver) text(tb testing.TB, value any) string {
	tb.Helper()
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		require.Len(tb, v, 1)
		if name, ok := v["Ref"].(string); ok {
			require.Contains(tb, r, name)
			return r[name]
		}
		if parts, ok := v["Fn::GetAtt"].([]any); ok {
			name := parts[0].(string) + "." + parts[1].(string)
			require.Contains(tb, r, name)
			return r[name]
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var all []string
			for _, part := range join[1].([]any) {
				all = append(all, r.text(tb, part))
			}
			return strings.Join(all, join[0].(string))
		}
	}
	require.Fail(tb, "value is not understood", "%v", value)
	return ""
}

func (r resolver) texts(tb testing.TB, values list) []string {
	tb.Helper()
	var all []string
	for _, v := range values {
		all = append(all, r.text(tb, v))
	}
	return all
}

// statement resolves a statement.
func (r resolver) statement(tb testing.TB, s statement) iamStatement {
	tb.Helper()
	require.Equal(tb, "Allow", s.Effect)
	out := iamStatement{sid: s.Sid, actions: r.texts(tb, s.Action), resources: r.texts(tb, s.Resource), condition: map[string]map[string][]string{}}
	for operator, keys := range s.Condition {
		out.condition[operator] = map[string][]string{}
		for key, value := range keys {
			out.condition[operator][key] = r.texts(tb, as[list](tb, value))
		}
	}
	return out
}

// TestAllows holds the matcher to IAM's documented answers.
func TestAllows(t *testing.T) {
	write := iamStatement{
		actions: []string{"dynamodb:UpdateItem"}, resources: []string{"arn:aws:dynamodb:us-east-1:1:table/t"},
		condition: map[string]map[string][]string{
			"ForAllValues:StringLike": {"dynamodb:LeadingKeys": {"group#*", "sweep"}}, "Null": {"dynamodb:LeadingKeys": {"false"}},
		},
	}
	request := func(action, resource string, keys ...string) iamRequest {
		return iamRequest{action, resource, map[string][]string{"dynamodb:LeadingKeys": keys}}
	}
	const table = "arn:aws:dynamodb:us-east-1:1:table/t"
	require.True(t, write.allows(t, request("dynamodb:UpdateItem", table, "group#sg-1", "sweep")))
	require.False(t, write.allows(t, request("dynamodb:UpdateItem", table, "group#sg-1", "control#all")))
	require.False(t, write.allows(t, request("dynamodb:UpdateItem", table, "sweeps")))
	require.False(t, write.allows(t, request("dynamodb:UpdateItem", table)), "Null")
	require.False(t, write.allows(t, request("dynamodb:PutItem", table, "sweep")))
	require.False(t, write.allows(t, request("dynamodb:UpdateItem", table+"/index/i", "sweep")))
	tags := iamStatement{
		actions: []string{"ec2:CreateTags"}, resources: []string{"arn:aws:ec2:*:1:security-group/*"},
		condition: map[string]map[string][]string{"StringEquals": {"ec2:CreateAction": {"A", "B"}}},
	}
	require.True(t, tags.allows(t, iamRequest{"ec2:CreateTags", "arn:aws:ec2:us-east-1:1:security-group/a/b", map[string][]string{"ec2:CreateAction": {"B"}}}))
	require.False(t, tags.allows(t, iamRequest{"ec2:CreateTags", "arn:aws:ec2:us-east-1:1:security-group/a", nil}))
	require.False(t, tags.allows(t, iamRequest{"ec2:CreateTags", "arn:aws:ec2:us-east-1:2:security-group/a", map[string][]string{"ec2:CreateAction": {"B"}}}))
}
