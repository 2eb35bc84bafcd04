package policy

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const stackSettings = `apiVersion: sgwarden/v1
kind: Settings
mode: enforce
stack:
  name: Warden
  email: you@example.com
  alerts:
    - {email: oncall@example.com, filter: {minSeverity: high, team: [payments, "cards-*"], policy: [open-ssh]}}
    - {https: "https://alerts.example.com:8443/a?b=c"}
    - {queue: "arn:aws:sqs:us-east-1:210987654321:alerts"}
  alarms: [{email: ops@example.com}]
  key: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
  logDays: 90
  concurrency: 1000
  architecture: x86_64
  operator: arn:aws:iam::123456789012:role/ops/operator
  attachments: true
  canary: false
---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: open-ssh, title: A policy, severity: high}
forbid: [{direction: ingress, ports: [22], peers: [internet]}]
`

func parseStack(t *testing.T, text string, o ParseOptions) (Stack, error) {
	t.Helper()
	p, err := ParseWith([]Source{{File: "sgwarden.yaml", Text: []byte(text)}}, nil, o)
	return p.Stack, err
}

func TestStack(t *testing.T) {
	got, err := parseStack(t, stackSettings, ParseOptions{Region: "eu-west-1"})
	require.NoError(t, err)
	everybody := Subscriber{Endpoint: Endpoint{"email", "you@example.com"}}
	require.Equal(t, Stack{
		Name: "Warden", Mode: Enforce,
		Alerts: []Subscriber{
			everybody,
			{Endpoint{"email", "oncall@example.com"}, []Condition{{"minSeverity", []string{"high"}}, {"policy", []string{"open-ssh"}}, {"team", []string{"payments", "cards-*"}}}},
			{Endpoint{"https", "https://alerts.example.com:8443/a?b=c"}, nil},
			{Endpoint{"sqs", "arn:aws:sqs:us-east-1:210987654321:alerts"}, nil},
		},
		Alarms:  []Subscriber{everybody, {Endpoint: Endpoint{"email", "ops@example.com"}}},
		Key:     StackKey{"arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", "123456789012", "1234abcd-12ab-34cd-56ef-1234567890ab"},
		LogDays: 90, Concurrency: 1000, Architecture: "x86_64", Operator: "arn:aws:iam::123456789012:role/ops/operator", Attachments: true,
	}, got)
	require.False(t, got.Key.MultiRegion())
}

func TestStackWithoutSettings(t *testing.T) {
	got, err := parseStack(t, "apiVersion: sgwarden/v1\nkind: Settings\n", ParseOptions{})
	require.NoError(t, err)
	require.Equal(t, Stack{Name: "Sgwarden", Mode: Observe, LogDays: 365, Concurrency: 5, Canary: true}, got)
}

// TestWhatLiesOverTheStack: each key with one value may, in the forms that a
// context has.
func TestWhatLiesOverTheStack(t *testing.T) {
	require.Equal(t, []string{"architecture", "attachments", "canary", "concurrency", "email", "key", "logDays", "mode", "operator", "stack"}, OverKeys())
	got, err := parseStack(t, stackSettings, ParseOptions{Over: map[string]any{
		"architecture": "arm64", "attachments": false, "canary": "yes", "concurrency": "7", "email": "me@example.com",
		"key": "arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab", "logDays": 7.0, "mode": "observe", "operator": "arn:aws:iam::123456789012:role/other", "stack": "Other",
	}})
	require.NoError(t, err)
	want, err := parseStack(t, stackSettings, ParseOptions{})
	require.NoError(t, err)
	me := Subscriber{Endpoint: Endpoint{"email", "me@example.com"}}
	want.Alerts[0], want.Alarms[0] = me, me
	want.Name, want.Mode, want.Architecture, want.Operator = "Other", Observe, "arm64", "arn:aws:iam::123456789012:role/other"
	want.Attachments, want.Canary, want.Concurrency, want.LogDays = false, true, 7, 7
	want.Key = StackKey{"arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab", "123456789012", "mrk-1234abcd12ab34cd56ef1234567890ab"}
	require.Equal(t, want, got)
	require.True(t, got.Key.MultiRegion())
}

// TestWhatIsOverIsCheckedAlike: a value gets the same message wherever it stands.
func TestWhatIsOverIsCheckedAlike(t *testing.T) {
	for key, value := range map[string]string{
		"architecture": "sparc", "attachments": "perhaps", "canary": "off", "email": "you", "key": "key", "operator": "me", "concurrency": "1", "logDays": "2", "name": "-",
	} {
		t.Run(key, func(t *testing.T) {
			_, inFile := parseStack(t, "apiVersion: sgwarden/v1\nkind: Settings\nstack: {"+key+": "+value+"}\n", ParseOptions{})
			over := strings.Replace(key, "name", "stack", 1)
			_, inContext := parseStack(t, "apiVersion: sgwarden/v1\nkind: Settings\n", ParseOptions{Over: map[string]any{over: value}})
			var file, context Faults
			require.ErrorAs(t, inFile, &file)
			require.ErrorAs(t, inContext, &context)
			require.Len(t, file, 1)
			require.Len(t, context, 1)
			require.Equal(t, strings.ReplaceAll(file[0].Message, key, over), strings.ReplaceAll(context[0].Message, key, over))
			require.Equal(t, file[0].Hint, context[0].Hint)
			require.Equal(t, "-c "+over, context[0].Place())
			require.NotEmpty(t, file[0].Excerpt)
		})
	}
}

func TestStackInARegion(t *testing.T) {
	for _, c := range []struct{ region, stack, want string }{
		{"us-east-1", "key: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", "the key is in eu-west-1, and the stack goes to us-east-1"},
		{"us-east-1", "key: arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab", ""},
		{"eu-west-1", "key: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", ""},
		{"", "key: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", ""},
		{"cn-north-1", "key: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", "it is in partition aws, and the stack goes to cn-north-1, of partition aws-cn"},
		{"cn-north-1", "key: arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab", "it is in partition aws, and the stack goes to cn-north-1, of partition aws-cn"},
		{"us-gov-west-1", "operator: arn:aws:iam::123456789012:role/o", "it is in partition aws, and the stack goes to us-gov-west-1, of partition aws-us-gov"},
		{"us-gov-west-1", "operator: arn:aws-us-gov:iam::123456789012:role/o", ""},
		{"us-gov-west-1", `alerts: [{queue: "arn:aws-us-gov:sqs:us-gov-east-1:123456789012:q"}]`, ""},
		{"cn-north-1", `alarms: [{queue: "arn:aws:sqs:eu-west-1:123456789012:q"}]`, "it is in partition aws, and the stack goes to cn-north-1, of partition aws-cn"},
	} {
		t.Run(c.region+" "+c.stack, func(t *testing.T) {
			_, err := parseStack(t, "apiVersion: sgwarden/v1\nkind: Settings\nstack: {"+c.stack+"}\n", ParseOptions{Region: c.region})
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			var faults Faults
			require.ErrorAs(t, err, &faults)
			require.Len(t, faults, 1)
			require.Equal(t, c.want, faults[0].Message)
			require.Equal(t, 3, faults[0].Line)
		})
	}
}

// TestFaultsOfFilters stand at the value, or at the filter as a whole.
func TestFaultsOfFilters(t *testing.T) {
	_, err := parseStack(t, stackSettings, ParseOptions{Filters: func(conditions []Condition) []FilterFault {
		require.Equal(t, "team", conditions[2].Key)
		return []FilterFault{{Condition: 2, Value: 1, Err: errors.New("no such team")}, {Condition: -1, Err: errors.New("too much")}}
	}})
	var faults Faults
	require.ErrorAs(t, err, &faults)
	require.Len(t, faults, 2)
	require.Equal(t, "too much", faults[0].Message)
	require.Equal(t, []any{8, 43}, []any{faults[0].Line, faults[0].Column})
	require.Equal(t, "no such team", faults[1].Message)
	require.Equal(t, []any{8, 80, 9}, []any{faults[1].Line, faults[1].Column, faults[1].Width})
}

// TestFilterKeys: every key of a filter is a condition.
func TestFilterKeys(t *testing.T) {
	r := &syntaxReader{&reporter{}, map[reflect.Type]syntaxKeys{}}
	var names []string
	for _, k := range (&filterSyntax{}).keys() {
		names = append(names, k.name)
	}
	require.Equal(t, r.keysOf(reflect.TypeFor[filterSyntax]()).names, names)
}

func TestTooManySubscribers(t *testing.T) {
	var text strings.Builder
	text.WriteString("apiVersion: sgwarden/v1\nkind: Settings\nstack:\n  alerts:\n")
	for i := range 201 {
		text.WriteString("    - {email: a" + strings.Repeat("b", i) + "@example.com}\n")
	}
	_, err := parseStack(t, text.String(), ParseOptions{})
	require.ErrorContains(t, err, "alerts has more than 200 subscribers")
}

func TestPolicyOfAFilterThatIsOff(t *testing.T) {
	text := strings.Replace(stackSettings, "mode: enforce\n", "mode: enforce\noverrides: {open-ssh: {off: true}}\n", 1)
	p, err := ParseWith([]Source{{File: "sgwarden.yaml", Text: []byte(text)}}, nil, ParseOptions{})
	require.NoError(t, err)
	require.Len(t, p.Warnings, 1)
	require.Equal(t, "policy open-ssh is off: nothing is said of it", p.Warnings[0].Message)
}
