package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/ledger"
)

// newPeoplePolicies makes two managed policies for the roles of people, which
// the stack has none of: a reader looks at incidents, exemptions and the state
// of the deployment; an operator also writes the controls, and nothing else of
// the ledger. Neither may touch a security group.
func (a *account) newPeoplePolicies() (reader, operator awsiam.ManagedPolicy) {
	statement := func(sid string, resources []*string, conditions *map[string]any, actions ...string) awsiam.PolicyStatement {
		return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String(sid), Actions: jsii.Strings(actions...), Resources: &resources, Conditions: conditions,
		})
	}
	table := []*string{a.table.TableArn()}
	read := func() *[]awsiam.PolicyStatement {
		return &[]awsiam.PolicyStatement{
			statement("FindTheDeployment", []*string{a.stack.StackId()}, nil, "cloudformation:DescribeStacks"),
			statement("ReadLedger", table, nil, ledger.ReadPermissions()...),
		}
	}
	// What is to be adopted is listed with the groups as they are. EC2 takes no
	// resource for reads.
	groups := statement("ReadGroups", *jsii.Strings("*"), nil, "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups")
	writes := append(*read(), groups, statement("WriteControls", table, leadingKeys(ledger.OperatorKeys()), ledger.OperatorPermissions()...))
	reader = awsiam.NewManagedPolicy(a.stack, jsii.String("Reader"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("Reads the incidents and exemptions of sgwarden"), Statements: read(),
	})
	operator = awsiam.NewManagedPolicy(a.stack, jsii.String("Operator"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("Reads the incidents of sgwarden and the groups, exempts, adopts, pauses and resumes"), Statements: &writes,
	})
	for _, p := range []awsiam.ManagedPolicy{reader, operator} {
		p.ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY)
	}
	return reader, operator
}
