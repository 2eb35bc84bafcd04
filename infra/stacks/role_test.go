//go:build !race

package stacks

import (
	"encoding/json"
	"maps"
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

// TestPeopleMayNotTouchGroups: a reader only reads, an operator, who has the
// reader's rights beside, writes the controls, and no other item, and turns the
// trigger of the guard. To adopt what stands, one looks at the groups.
func TestPeopleMayNotTouchGroups(t *testing.T) {
	table, _ := plain.only(t, "AWS::DynamoDB::Table")
	policies := plain.of("AWS::IAM::ManagedPolicy")
	require.Len(t, policies, 2)
	for id, p := range policies {
		isOperator := strings.HasPrefix(id, "Operator")
		writes, turns, looks, finds, examines := 0, 0, 0, 0, map[string]bool{}
		for _, s := range statements(t, p) {
			require.Equal(t, "Allow", s.Effect)
			all := s.Action.texts(t)
			switch {
			case slices.Contains(all, "dynamodb:UpdateItem"):
				writes++
				require.Equal(t, []string{"dynamodb:UpdateItem"}, all)
				require.Equal(t, list{arnOf(table)}, s.Resource)
				require.Equal(t, ledger.OperatorKeys(), as[list](t, s.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]).texts(t))
				require.Equal(t, "false", s.Condition["Null"]["dynamodb:LeadingKeys"], "ForAllValues holds where there is no key at all")
			case slices.Contains(all, "sns:Publish"):
				require.True(t, isOperator)
				require.Len(t, all, 1)
				require.Equal(t, list{map[string]any{"Ref": topicID(t, "Alerts")}}, s.Resource)
			case slices.Equal(all, []string{"lambda:ListEventSourceMappings"}):
				require.False(t, isOperator)
				finds++
			case slices.Contains(all, "sqs:ReceiveMessage"):
				require.True(t, isOperator)
			case slices.Contains(all, "lambda:UpdateEventSourceMapping"):
				turns++
				require.Equal(t, []string{"lambda:UpdateEventSourceMapping"}, all)
				mapping, _ := plain.only(t, "AWS::Lambda::EventSourceMapping")
				guard, _ := plain.one(t, "AWS::Lambda::Function", "Guard")
				values := resolver{"AWS::Partition": "aws", "AWS::Region": "r", "AWS::AccountId": "1", mapping: "uuid-1"}
				require.Equal(t, []string{"arn:aws:lambda:r:1:event-source-mapping:uuid-1"}, values.texts(t, s.Resource))
				require.Equal(t, map[string]map[string]any{"ArnEquals": {"lambda:FunctionArn": arnOf(guard)}}, s.Condition)
			case slices.Equal(all, []string{"ec2:DescribeSecurityGroupRules"}):
				require.False(t, isOperator)
				looks++
			default:
				for _, action := range all {
					examines[action] = true
				}
				if slices.Contains(s.Resource, any("*")) {
					require.Subset(t, doctor.Permissions()[doctor.OnAll], all)
				}
			}
		}
		want := map[string]bool{}
		if !isOperator {
			for _, action := range append(ledger.ReadPermissions(), ledger.ArchivePermissions()...) {
				want[action] = true
			}
			for _, actions := range doctor.Permissions() {
				for _, action := range actions {
					want[action] = true
				}
			}
		}
		require.Equal(t, want, examines, id)
		text, err := json.Marshal(p.Properties["PolicyDocument"])
		require.NoError(t, err)
		require.Less(t, len(text), 6144, "IAM counts the characters of a managed policy; the template's references are longer than what they become")
		require.Equal(t, isOperator, writes == 1, id)
		require.Equal(t, isOperator, turns == 1, id)
		require.Equal(t, isOperator, looks == 0, id)
		require.Equal(t, isOperator, finds == 0, id)
	}
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
			text, err := json.Marshal(p.Properties["PolicyDocument"])
			require.NoError(t, err)
			require.Less(t, len(text), 6144)
			_, reader := c.template.one(t, "AWS::IAM::ManagedPolicy", "Reader")
			require.Equal(t, []string{"sqs:GetQueueAttributes"}, actions(t, statements(t, reader), "sqs"))
		})
	}
}
