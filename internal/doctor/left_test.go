package doctor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/doctor/patient"
)

func (x *examined) left() Report { return AfterDestroy(x.Context(), x.clients(), x.options) }

// destroyed makes the account one whose stack was deleted, and left these.
func (x *examined) destroyed(resources ...any) {
	x.notDeployed()
	x.Says("cloudformation.ListStacks", object{"StackSummaries": []any{
		object{"StackName": "Sgwarden", "StackId": "arn:old", "StackStatus": "DELETE_COMPLETE", "CreationTime": "2026-11-26T09:00:00Z"},
		object{"StackName": "Other", "StackId": "arn:other", "StackStatus": "DELETE_COMPLETE", "CreationTime": "2026-11-26T09:00:00Z"},
	}})
	x.Answers["cloudformation.ListStackResources"] = patient.ByName("StackName", object{"arn:old": object{"StackResourceSummaries": resources}}, denied)
}

func keptAs(kind, name, status string) object {
	r := patient.Resource(kind, "Logical", name).(object)
	r["ResourceStatus"] = status
	return r
}

func TestWhatIsLeft(t *testing.T) {
	x := newExamined(t)
	x.destroyed(keptAs("AWS::DynamoDB::Table", "ledger-1", "DELETE_SKIPPED"), keptAs("AWS::Logs::LogGroup", "logs-1", "DELETE_SKIPPED"),
		keptAs("AWS::S3::Bucket", "reports-1", "DELETE_SKIPPED"), keptAs(partFunction, "guard-1", "DELETE_COMPLETE"))
	x.Says("dynamodb.DescribeTable", object{"Table": object{"TableStatus": "ACTIVE", "ItemCount": 12, "TableSizeBytes": 3456}})
	r := x.left()
	found := x.of(r, "left")
	require.Len(t, found, 3, "%+v", found)
	require.Equal(t, "table ledger-1, the ledger: 12 items, 3456 bytes", found[0].Says)
	require.Contains(t, found[0].Do, "--no-deletion-protection-enabled; aws dynamodb delete-table --table-name ledger-1")
	require.Equal(t, "log group logs-1 was kept", found[1].Says)
	require.Equal(t, "S3::Bucket reports-1 was kept", found[2].Says)
}

func TestNothingIsLeft(t *testing.T) {
	x := newExamined(t)
	x.destroyed(keptAs("AWS::DynamoDB::Table", "ledger-1", "DELETE_SKIPPED"))
	x.Says("dynamodb.DescribeTable", gone)
	found := x.of(x.left(), "left")
	require.Equal(t, []Finding{{Check: "left", State: OK, Says: "nothing is left of stacks named Sgwarden: 1 deleted in the past 90 days"}}, found)
	x.options.Stack = "Never"
	found = x.of(x.left(), "left")
	require.Equal(t, []Finding{{Check: "left", State: OK, Says: "no stack named Never was deleted here in the past 90 days"}}, found)
}

func TestAStackThatIsThereIsNotLeft(t *testing.T) {
	x := newExamined(t)
	ailment{check: "left", state: Problem, says: "stack Sgwarden is there: UPDATE_COMPLETE", do: "make destroy"}.require(x, x.left())
}
