//go:build !race

package stacks

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/doctor"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
)

func TestObserveMayChangeNothingInEC2(t *testing.T) {
	require.ElementsMatch(t, inventory.Permissions(inventory.Needs{}), actions(t, plain.roleStatements(t, "Guard"), "ec2"))
	for _, a := range actions(t, plain.roleStatements(t, "Guard"), "ec2") {
		require.True(t, strings.HasPrefix(a, "ec2:Describe") || strings.HasPrefix(a, "ec2:Get"), a)
	}
}

// TestEnforceMayDoWhatItsPoliciesNeed: the shipped ones revert, so nothing
// may be authorized or tagged.
func TestEnforceMayDoWhatItsPoliciesNeed(t *testing.T) {
	want := inventory.Permissions(inventory.Needs{Interfaces: true, Lists: true}) // where the groups of remedies are
	for _, p := range apply.Permissions(apply.Needs{Revert: true, Modify: true, Lists: true}) {
		want = append(want, p.Action)
	}
	slices.Sort(want)
	got := actions(t, full.roleStatements(t, "Guard"), "ec2")
	require.Equal(t, want, got)
	for _, a := range got {
		require.NotContains(t, a, "Authorize")
	}
}

func TestChangesAreBoundToTheOwnAccountAndRegion(t *testing.T) {
	bound := 0
	for _, s := range full.roleStatements(t, "Guard") {
		require.Equal(t, "Allow", s.Effect)
		for _, a := range s.Action.texts(t) {
			require.NotContains(t, a, "*")
			if !slices.ContainsFunc(apply.Permissions(apply.Needs{Revert: true, Modify: true, Lists: true}), func(p apply.Permission) bool { return p.Action == a }) {
				continue
			}
			bound++
			for _, r := range s.Resource {
				parts := as[struct {
					Join []any `json:"Fn::Join"`
				}](t, r).Join
				require.Len(t, parts, 2, "%s: %v", a, r)
				pieces := as[[]any](t, parts[1])
				require.Contains(t, pieces, map[string]any{"Ref": "AWS::Region"})
				require.Contains(t, pieces, map[string]any{"Ref": "AWS::AccountId"})
			}
		}
	}
	require.Equal(t, 4, bound)
}

// TestStarStandsWhereNothingElseMay: reads of EC2 and X-Ray take no resource.
func TestStarStandsWhereNothingElseMay(t *testing.T) {
	for _, tpl := range []template{plain, full} {
		for _, s := range tpl.roleStatements(t, "Guard") {
			if !slices.Contains(s.Resource, any("*")) {
				continue
			}
			for _, a := range s.Action.texts(t) {
				require.True(t, slices.Contains(inventory.Permissions(inventory.Needs{Interfaces: true, Lists: true}), a) || strings.HasPrefix(a, "xray:Put"), a)
			}
		}
	}
}

func TestLedgerRights(t *testing.T) {
	table, _ := plain.only(t, "AWS::DynamoDB::Table")
	require.ElementsMatch(t, ledger.Permissions(), actions(t, plain.roleStatements(t, "Guard"), "dynamodb"))
	writes := 0
	for _, s := range plain.roleStatements(t, "Guard") {
		all := actions(t, []statement{s}, "dynamodb")
		if len(all) == 0 {
			continue
		}
		require.Equal(t, list{arnOf(table)}, s.Resource)
		if slices.ContainsFunc(all, func(a string) bool { return !slices.Contains(ledger.ReadPermissions(), a) }) {
			writes++
			require.ElementsMatch(t, ledger.GuardKeys(), as[list](t, s.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]).texts(t))
			require.Equal(t, "false", s.Condition["Null"]["dynamodb:LeadingKeys"])
			require.NotContains(t, strings.Join(ledger.GuardKeys(), " "), "control", "only an operator may write controls")
		}
	}
	require.Equal(t, 1, writes)
}

func TestOtherRights(t *testing.T) {
	logs, _ := plain.one(t, "AWS::Logs::LogGroup", "GuardLogs")
	want := map[string]list{"sns": {map[string]any{"Ref": topicID(t, "Alerts")}}, "sqs": {arnOf(queueID(t, "Changes"))}, "logs": {arnOf(logs)}}
	seen := map[string]bool{}
	for _, s := range plain.roleStatements(t, "Guard") {
		for service, resource := range want {
			if len(actions(t, []statement{s}, service)) > 0 {
				require.Equal(t, resource, s.Resource, service)
				seen[service] = true
			}
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(seen)))
	require.Equal(t, []string{"sns:Publish"}, actions(t, plain.roleStatements(t, "Guard"), "sns"))
	require.Contains(t, actions(t, plain.roleStatements(t, "Guard"), "sqs"), "sqs:SendMessage")
	require.Contains(t, actions(t, plain.roleStatements(t, "Guard"), "sqs"), "sqs:ChangeMessageVisibility")
	require.NotContains(t, actions(t, plain.roleStatements(t, "Guard"), "sqs"), "sqs:PurgeQueue")
	require.Equal(t, []string{"logs:CreateLogStream", "logs:PutLogEvents"}, actions(t, plain.roleStatements(t, "Guard"), "logs"))
}

// readsOfReaders are the actions of the reader's policy: what is asked by who
// lists incidents, exemptions and baselines, and by an examination.
func readsOfReaders() []string {
	all := append(ledger.ReadPermissions(), ledger.ArchivePermissions()...)
	all = append(all, "ec2:DescribeSecurityGroupRules", "lambda:ListEventSourceMappings")
	for _, of := range doctor.Permissions() {
		all = append(all, of...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// readsOfOperators are those that the operator's commands ask for beside what
// they do: undo, exempt, adopt, pause, resume and redrive take no other policy.
func readsOfOperators() []string {
	all := append(ledger.ReadPermissions(), ledger.ArchivePermissions()...)
	all = append(
		all, "cloudformation:DescribeStacks", "sqs:GetQueueAttributes", "lambda:GetEventSourceMapping", "lambda:ListEventSourceMappings",
		"ec2:DescribeManagedPrefixLists", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:GetManagedPrefixListEntries",
	)
	slices.Sort(all)
	return slices.Compact(all)
}

// TestPeopleMayNotTouchGroups: a reader only reads, an operator writes the
// controls, and no other item, and turns the trigger of the guard.
func TestPeopleMayNotTouchGroups(t *testing.T) {
	for name, tpl := range map[string]template{"plain": plain, "full": full} {
		require.Len(t, tpl.of("AWS::IAM::ManagedPolicy"), 2)
		_, reader := tpl.one(t, "AWS::IAM::ManagedPolicy", "Reader")
		require.Equal(t, readsOfReaders(), actionsOf(t, reader, "kms:"))
		_, operator := tpl.one(t, "AWS::IAM::ManagedPolicy", "Operator")
		does := []string{"dynamodb:UpdateItem", "lambda:UpdateEventSourceMapping", "sns:Publish", "sqs:DeleteMessage", "sqs:ReceiveMessage"}
		if name == "full" { // which names a role that puts dead letters back
			does = append(does, "sqs:SendMessage")
		}
		want := append(readsOfOperators(), does...)
		slices.Sort(want)
		require.Equal(t, want, actionsOf(t, operator, "kms:"))
		for _, p := range []resource{reader, operator} {
			for _, s := range statements(t, p) {
				require.Equal(t, "Allow", s.Effect)
			}
			require.Less(t, lengthOf(t, p), 6144, "IAM counts the characters of a managed policy")
		}
	}
}

// actionsOf are the sorted actions of a policy, each once, without those of a
// service.
func actionsOf(t *testing.T, p resource, without string) (all []string) {
	t.Helper()
	for _, s := range statements(t, p) {
		all = append(all, s.Action.texts(t)...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(a string) bool { return strings.HasPrefix(a, without) })
}

var reference = regexp.MustCompile(`\{"(?:Ref|Fn::GetAtt)":(?:"[^"]*"|\[[^]]*\])\}`)

// lengthOf is how long a policy gets where every reference becomes an ARN of a
// queue with the longest name, in the partition with the longest.
func lengthOf(t *testing.T, p resource) int {
	t.Helper()
	arn := `"arn:aws-us-gov:sqs:us-gov-west-1:123456789012:` + strings.Repeat("x", 80) + `"`
	return len(reference.ReplaceAllString(jsonText(t, p.Properties["PolicyDocument"]), arn))
}

// TestWhatOperatorsMayIsBound: to the ledger's controls, to the mapping that
// leads to guard, to the topic of the alerts. Only reads that take no resource
// are of everything.
func TestWhatOperatorsMayIsBound(t *testing.T) {
	table, _ := plain.only(t, "AWS::DynamoDB::Table")
	mapping, _ := plain.only(t, "AWS::Lambda::EventSourceMapping")
	guard, _ := plain.one(t, "AWS::Lambda::Function", "Guard")
	values := resolver{"AWS::Partition": "aws", "AWS::Region": "r", "AWS::AccountId": "1", mapping: "uuid-1"}
	seen := map[string]bool{}
	for id, p := range plain.of("AWS::IAM::ManagedPolicy") {
		for _, s := range statements(t, p) {
			seen[s.Sid] = true
			switch s.Sid {
			case "WriteControls":
				require.Equal(t, list{arnOf(table)}, s.Resource)
				require.Equal(t, ledger.OperatorKeys(), as[list](t, s.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]).texts(t))
				require.Equal(t, "false", s.Condition["Null"]["dynamodb:LeadingKeys"], "ForAllValues holds where there is no key at all")
			case "TestAlert":
				require.Equal(t, list{map[string]any{"Ref": topicID(t, "Alerts")}}, s.Resource)
			case "TurnTrigger":
				require.Equal(t, []string{"arn:aws:lambda:r:1:event-source-mapping:uuid-1"}, values.texts(t, s.Resource))
				require.Equal(t, map[string]map[string]any{"ArnEquals": {"lambda:FunctionArn": arnOf(guard)}}, s.Condition)
			default:
				if !slices.Contains(s.Resource, any("*")) {
					continue
				}
				for _, a := range s.Action.texts(t) {
					_, name, _ := strings.Cut(a, ":")
					require.Regexp(t, "^(Describe|Get|List)", name, "%s %s", id, a)
				}
			}
		}
	}
	require.Subset(t, slices.Collect(maps.Keys(seen)), []string{"WriteControls", "TestAlert", "TurnTrigger"})
}

// TestOperatorTakesDeadLetters, and puts them back only where the stack was told
// of its role: to send is to say who made a change.
func TestOperatorTakesDeadLetters(t *testing.T) {
	for name, c := range map[string]struct {
		template template
		sends    []list
	}{
		"plain": {plain, nil},
		"full":  {full, []list{{arnOf(queueID(t, "Changes"))}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, p := c.template.one(t, "AWS::IAM::ManagedPolicy", "Operator")
			var takes, sends []list
			for _, s := range statements(t, p) {
				of := actions(t, []statement{s}, "sqs")
				switch {
				case slices.Contains(of, "sqs:SendMessage"):
					require.Equal(t, []string{"sqs:SendMessage"}, s.Action.texts(t))
					sends = append(sends, s.Resource)
				case slices.Contains(of, "sqs:ReceiveMessage"), slices.Contains(of, "sqs:DeleteMessage"):
					require.Equal(t, []string{"sqs:DeleteMessage", "sqs:ReceiveMessage"}, s.Action.texts(t))
					takes = append(takes, s.Resource)
				case len(of) > 0:
					require.Equal(t, []string{"sqs:GetQueueAttributes"}, of)
				}
			}
			require.Equal(t, []list{{arnOf(queueID(t, "Failed")), arnOf(queueID(t, "Undelivered"))}}, takes)
			require.Equal(t, c.sends, sends)
			_, reader := c.template.one(t, "AWS::IAM::ManagedPolicy", "Reader")
			require.Equal(t, []string{"sqs:GetQueueAttributes"}, actions(t, statements(t, reader), "sqs"))
		})
	}
}
