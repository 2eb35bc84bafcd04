package threats

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxPolicy is how many characters a service control policy may have
// (Organizations user guide, "Quotas"); white space counts.
const maxPolicy = 5120

type statement struct {
	Sid, Effect      string
	Action, Resource []string
	Condition        map[string]map[string]any
}

func policyFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../infra/scp/*.json")
	require.NoError(t, err)
	require.Len(t, files, 4)
	return files
}

func statementsOf(t *testing.T, file string) []statement {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.LessOrEqual(t, len(text), maxPolicy, file)
	var p struct {
		Version   string
		Statement []statement
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields() // NotAction, Principal: not in a sample
	require.NoError(t, dec.Decode(&p), file)
	require.Equal(t, "2012-10-17", p.Version)
	return p.Statement
}

func TestServiceControlPoliciesAreValid(t *testing.T) {
	sid, action, arn := regexp.MustCompile(`^[A-Za-z]+$`), regexp.MustCompile(`^[a-z0-9]+:[A-Za-z]+\*?$`), regexp.MustCompile(`^(\*|arn:\*:[a-z0-9]+:\*?:\*:.+)$`)
	for _, file := range policyFiles(t) {
		for _, s := range statementsOf(t, file) {
			require.Regexp(t, sid, s.Sid)
			require.Equal(t, "Deny", s.Effect, "%s: a sample takes away, it gives nothing", s.Sid)
			require.NotEmpty(t, s.Condition["ArnNotLike"]["aws:PrincipalArn"], "%s: somebody must be able to", s.Sid)
			for _, a := range s.Action {
				require.Regexp(t, action, a)
			}
			for _, r := range s.Resource {
				require.Regexp(t, arn, r)
			}
		}
	}
}

// like matches a pattern of IAM: * is any text.
func like(pattern, text string) bool {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(text)
}

func anyLike(patterns any, text string) bool {
	switch patterns := patterns.(type) {
	case string:
		return like(patterns, text)
	case []string:
		for _, p := range patterns {
			if like(p, text) {
				return true
			}
		}
	case []any:
		for _, p := range patterns {
			if like(p.(string), text) {
				return true
			}
		}
	}
	return false
}

// request is a call as IAM sees it; keys are its condition keys beside the
// caller.
type request struct {
	by, action, on string
	keys           map[string]string
}

// denies says whether a statement denies a call. It knows the operators that
// the samples use, and no others.
func (s statement) denies(t *testing.T, r request) bool {
	t.Helper()
	if !anyLike(s.Action, r.action) || !anyLike(s.Resource, r.on) {
		return false
	}
	for operator, keys := range s.Condition {
		for key, want := range keys {
			value, has := r.keys[key]
			switch operator {
			case "ArnNotLike":
				if anyLike(want, r.by) {
					return false
				}
			case "ArnLike", "ForAnyValue:StringLike", "ForAnyValue:StringEquals":
				if !has || !anyLike(want, value) {
					return false
				}
			case "Null":
				if has == (want == "true") {
					return false
				}
			default:
				t.Fatalf("operator %s is not known here", operator)
			}
		}
	}
	return true
}

func TestServiceControlPoliciesDeny(t *testing.T) {
	const (
		admin    = "arn:aws:iam::123456789012:role/Administrator"
		deploys  = "arn:aws:iam::123456789012:role/cdk-hnb659fds-cfn-exec-role-123456789012-us-east-1"
		operator = "arn:aws:iam::123456789012:role/sgwarden-operator"
		guard    = "arn:aws:iam::123456789012:role/Sgwarden-GuardRole-1"
		here     = "us-east-1:123456789012:"
		function = "arn:aws:lambda:" + here + "function:Sgwarden-Guard-1"
		table    = "arn:aws:dynamodb:" + here + "table/Sgwarden-Ledger-1"
		queue    = "arn:aws:sqs:" + here + "Sgwarden-Changes-1"
		group    = "arn:aws:ec2:" + here + "security-group/sg-1"
	)
	controls, items := map[string]string{"dynamodb:LeadingKeys": "control#all"}, map[string]string{"dynamodb:LeadingKeys": "group#sg-1"}
	tier, own, other := map[string]string{"aws:TagKeys": "tier"}, map[string]string{"aws:TagKeys": "sgwarden:finding"}, map[string]string{"aws:TagKeys": "Name"}
	mapped := map[string]string{"lambda:FunctionArn": function}
	for _, c := range []struct {
		denied bool
		request
	}{
		{true, request{admin, "events:DisableRule", "arn:aws:events:" + here + "rule/Sgwarden-RulesChanged-1", nil}},
		{true, request{admin, "events:RemoveTargets", "arn:aws:events:" + here + "rule/Sgwarden-RulesChanged-1", nil}},
		{true, request{admin, "events:DeleteRule", "arn:aws-us-gov:events:us-gov-west-1:123456789012:rule/Sgwarden-RulesChanged-1", nil}},
		{false, request{deploys, "events:DisableRule", "arn:aws:events:" + here + "rule/Sgwarden-RulesChanged-1", nil}},
		{false, request{admin, "events:DisableRule", "arn:aws:events:" + here + "rule/nightly", nil}},
		{true, request{admin, "lambda:PutFunctionConcurrency", function, nil}},
		{true, request{admin, "lambda:UpdateFunctionCode", function, nil}},
		{true, request{admin, "lambda:InvokeFunction", function, nil}},
		{false, request{admin, "lambda:GetFunctionConfiguration", function, nil}},
		{true, request{admin, "lambda:UpdateEventSourceMapping", "arn:aws:lambda:" + here + "event-source-mapping:1", mapped}},
		{false, request{operator, "lambda:UpdateEventSourceMapping", "arn:aws:lambda:" + here + "event-source-mapping:1", mapped}},
		{false, request{admin, "lambda:UpdateEventSourceMapping", "arn:aws:lambda:" + here + "event-source-mapping:1", map[string]string{"lambda:FunctionArn": "arn:aws:lambda:" + here + "function:shop"}}},
		{true, request{admin, "sqs:SendMessage", queue, nil}},
		{true, request{admin, "sqs:PurgeQueue", queue, nil}},
		{false, request{guard, "sqs:SendMessage", queue, nil}},
		{false, request{operator, "sqs:StartMessageMoveTask", queue, nil}},
		{true, request{guard, "sqs:PurgeQueue", queue, nil}},
		{true, request{admin, "sns:Unsubscribe", "arn:aws:sns:" + here + "Sgwarden-Alerts-1", nil}},
		{true, request{admin, "iam:UpdateAssumeRolePolicy", guard, nil}},
		{true, request{admin, "cloudformation:DeleteStack", "arn:aws:cloudformation:" + here + "stack/Sgwarden/1", nil}},
		{true, request{admin, "dynamodb:DeleteTable", table, nil}},
		{true, request{admin, "dynamodb:UpdateItem", table, controls}},
		{true, request{guard, "dynamodb:UpdateItem", table, controls}},
		{false, request{operator, "dynamodb:UpdateItem", table, controls}},
		{true, request{admin, "dynamodb:PutItem", table, items}},
		{false, request{guard, "dynamodb:PutItem", table, items}},
		{true, request{admin, "ec2:CreateTags", group, tier}},
		{true, request{admin, "ec2:DeleteTags", group, nil}},
		{true, request{admin, "ec2:CreateTags", group, own}},
		{false, request{guard, "ec2:CreateTags", group, own}},
		{false, request{admin, "ec2:CreateTags", group, other}},
		{true, request{admin, "cloudtrail:StopLogging", "arn:aws:cloudtrail:" + here + "trail/org", nil}},
		{true, request{admin, "cloudtrail:PutEventSelectors", "arn:aws:cloudtrail:" + here + "trail/org", nil}},
		{false, request{admin, "ec2:AuthorizeSecurityGroupIngress", group, nil}},
	} {
		denied := false
		for _, file := range policyFiles(t) {
			for _, s := range statementsOf(t, file) {
				denied = s.denies(t, c.request) || denied
			}
		}
		require.Equal(t, c.denied, denied, "%+v", c.request)
	}
}
