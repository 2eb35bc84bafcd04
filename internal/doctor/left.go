package doctor

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// AfterDestroy says what is left of deployments of that name: the ledger and
// the logs outlive their stack, as they hold what was taken from whom.
// CloudFormation knows deleted stacks for 90 days.
func AfterDestroy(ctx context.Context, c Clients, o Options) Report {
	return examine(ctx, &examination{Options: o, Clients: c}, []check{{"identity", checkIdentity}, {"left", checkLeft}}, AboutLeftovers)
}

func checkLeft(ctx context.Context, x *examination, f *findings) {
	stack, found, err := describeStack(ctx, x.CloudFormation, x.Stack)
	switch {
	case err != nil:
		f.unknown("whether stack "+x.Stack+" is there", err)
		return
	case found && stack.StackStatus != types.StackStatusDeleteComplete:
		f.problem("make destroy", "stack %s is there: %s", x.Stack, stack.StackStatus)
		return
	}
	deleted := 0
	for in := (&cloudformation.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusDeleteComplete}}); ; {
		out, err := x.CloudFormation.ListStacks(ctx, in)
		if err != nil {
			f.unknown("what is left", err)
			return
		}
		for _, s := range out.StackSummaries {
			if aws.ToString(s.StackName) != x.Stack {
				continue
			}
			deleted++
			x.checkKept(ctx, f, aws.ToString(s.StackId))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	switch {
	case len(f.all) > 0:
	case deleted == 0:
		f.ok("no stack named %s was deleted here in the past 90 days", x.Stack)
	default:
		f.ok("nothing is left of stacks named %s: %d deleted in the past 90 days", x.Stack, deleted)
	}
}

// checkKept tells of the resources that the deletion of a stack left.
func (x *examination) checkKept(ctx context.Context, f *findings, stackID string) {
	for in := (&cloudformation.ListStackResourcesInput{StackName: &stackID}); ; {
		out, err := x.CloudFormation.ListStackResources(ctx, in)
		if err != nil {
			f.unknown("what is left of "+stackID, err)
			return
		}
		for _, r := range out.StackResourceSummaries {
			if r.ResourceStatus == types.ResourceStatusDeleteSkipped {
				x.kept(ctx, f, aws.ToString(r.ResourceType), aws.ToString(r.PhysicalResourceId))
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return
		}
	}
}

func (x *examination) kept(ctx context.Context, f *findings, kind, name string) {
	switch kind {
	case "AWS::DynamoDB::Table":
		table, err := x.Table.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		switch {
		case code(err) == "ResourceNotFoundException":
		case err != nil:
			f.unknown("table "+name, err)
		default:
			f.warn("to delete it: aws dynamodb update-table --table-name "+name+" --no-deletion-protection-enabled; aws dynamodb delete-table --table-name "+name,
				"table %s, the ledger: %d items, %d bytes", name, aws.ToInt64(table.Table.ItemCount), aws.ToInt64(table.Table.TableSizeBytes))
		}
	case "AWS::Logs::LogGroup":
		f.warn("to delete it: aws logs delete-log-group --log-group-name "+name, "log group %s was kept", name)
	default:
		f.warn("", "%s %s was kept", strings.TrimPrefix(kind, "AWS::"), name)
	}
}
