//go:build !race

package stacks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
)

// TestSweepRuns on a schedule and after every deployment, and is done before
// it runs again.
func TestSweepRuns(t *testing.T) {
	id, f := plain.one(t, "AWS::Lambda::Function", "Sweep")
	require.LessOrEqual(t, f.Properties["MemorySize"], 256.0)
	for name, want := range map[string]map[string]any{
		"SweepSchedule": {"ScheduleExpression": "rate(15 minutes)"},
		"Deployed": {"EventPattern": map[string]any{
			"source": []any{"aws.cloudformation"}, "detail-type": []any{"CloudFormation Stack Status Change"},
			"detail": map[string]any{
				"stack-id": []any{map[string]any{"Ref": "AWS::StackId"}}, "status-details": map[string]any{"status": []any{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}},
			},
		}},
	} {
		rule, r := plain.one(t, "AWS::Events::Rule", name)
		require.Subset(t, r.Properties, want)
		require.Equal(t, arnOf(id), as[[]struct{ Arn any }](t, r.Properties["Targets"])[0].Arn)
		allowed := false
		for _, p := range plain.of("AWS::Lambda::Permission") {
			if p.Properties["SourceArn"].(map[string]any)["Fn::GetAtt"].([]any)[0] == rule {
				require.Equal(t, arnOf(id), p.Properties["FunctionName"])
				allowed = true
			}
		}
		require.True(t, allowed, "%s may invoke it", rule)
	}
	require.Less(t, f.Properties["Timeout"], 15.0*60)
	for _, p := range plain.of("AWS::Lambda::Permission") {
		require.NotEmpty(t, p.Properties["SourceArn"], "nobody else may invoke a function")
	}
}

// TestFailedRunsAreNotRepeated: the next run of the schedule is not far, and
// what waited longer than that is none any more.
func TestFailedRunsAreNotRepeated(t *testing.T) {
	configured := map[string]float64{}
	for id, c := range plain.of("AWS::Lambda::EventInvokeConfig") {
		require.EqualValues(t, 0, c.Properties["MaximumRetryAttempts"], id)
		configured[as[struct{ Ref string }](t, c.Properties["FunctionName"]).Ref] = c.Properties["MaximumEventAgeInSeconds"].(float64)
	}
	sweep, _ := plain.one(t, "AWS::Lambda::Function", "Sweep")
	canary, _ := plain.one(t, "AWS::Lambda::Function", "Canary")
	require.Equal(t, map[string]float64{sweep: 15 * 60, canary: 30 * 60}, configured)
}

// TestSweepMayOnlyRead EC2, in every mode, and writes only what is a sweep's.
func TestSweepMayOnlyRead(t *testing.T) {
	for _, tpl := range []template{plain, full} {
		all := tpl.roleStatements(t, "Sweep")
		require.ElementsMatch(t, inventory.Permissions(inventory.Needs{}), actions(t, all, "ec2"))
		require.Equal(t, []string{"sqs:SendMessage"}, actions(t, all, "sqs"))
		writes := 0
		for _, s := range all {
			require.Equal(t, "Allow", s.Effect)
			for _, a := range actions(t, []statement{s}, "dynamodb") {
				if a != "dynamodb:UpdateItem" {
					continue
				}
				writes++
				keys := as[list](t, s.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]).texts(t)
				require.ElementsMatch(t, ledger.SweepKeys(), keys)
				require.NotContains(t, strings.Join(keys, " "), "control")
				require.Equal(t, "false", s.Condition["Null"]["dynamodb:LeadingKeys"])
			}
		}
		require.Equal(t, 1, writes)
	}
}
