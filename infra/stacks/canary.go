package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/canary"
	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/ledger"
)

const (
	canaryMinutes = 30
	// canaryTimeoutSeconds leaves a minute after the bound, to close what guard
	// did not.
	canaryTimeoutSeconds = 300
)

// newCanaryGroup makes a group that nothing can be in: its VPC has neither
// subnets nor gateways.
func (a *account) newCanaryGroup() (awsec2.CfnVPC, awsec2.CfnSecurityGroup) {
	tag := &[]*awscdk.CfnTag{{Key: jsii.String("Name"), Value: jsii.String(*a.stack.StackName() + "-canary")}}
	vpc := awsec2.NewCfnVPC(a.stack, jsii.String("CanaryVpc"), &awsec2.CfnVPCProps{CidrBlock: jsii.String("10.255.255.240/28"), Tags: tag})
	return vpc, awsec2.NewCfnSecurityGroup(a.stack, jsii.String("CanaryGroup"), &awsec2.CfnSecurityGroupProps{
		GroupDescription: jsii.String("Opened by the canary of sgwarden and closed again. Attach nothing."),
		VpcId:            vpc.AttrVpcId(), Tags: tag,
		// In place of the rule that opens a new group to everywhere.
		SecurityGroupEgress: []any{&awsec2.CfnSecurityGroup_EgressProperty{
			IpProtocol: jsii.String("-1"), CidrIp: jsii.String("127.0.0.1/32"), Description: jsii.String("nowhere"),
		}},
	})
}

// newCanaryRole makes a role that may open and close the canary's group, empty
// the default group beside it, no other, and read what the ledger has of it.
func (a *account) newCanaryRole() awsiam.Role {
	role := a.newFunctionRole("CanaryRole", "sgwarden canary")
	ec2 := func(resource string) *string {
		return a.stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("ec2"), Resource: jsii.String(resource), ArnFormat: awscdk.ArnFormat_NO_RESOURCE_NAME})
	}
	group := ec2("security-group/" + *a.canaryGroup.AttrGroupId())
	grant(role, "Look", jsii.Strings("*"), nil, "ec2:DescribeSecurityGroupRules") // EC2 takes no resource for reads
	// Rules have no ids before they are made.
	grant(role, "Open", &[]*string{group, ec2("security-group-rule/*")}, nil, "ec2:AuthorizeSecurityGroupIngress")
	grant(role, "Close", &[]*string{group}, nil, "ec2:RevokeSecurityGroupIngress")
	grant(role, "EmptyDefault", &[]*string{ec2("security-group/" + *a.canaryVPC.AttrDefaultSecurityGroup())}, nil, "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress")
	grant(role, "ReadLedger", &[]*string{a.table.TableArn()}, leadingKeys([]string{ledger.GroupKey(*a.canaryGroup.AttrGroupId())}), "dynamodb:BatchGetItem")
	a.grantKey(role, keyUse{decrypt: []string{viaTable}})
	return role
}

// newCanary makes the function and its schedule.
func (a *account) newCanary(s Settings, role awsiam.Role) awslambda.Function {
	expect := canary.Observed
	if guard.CanaryReverts(s.policies.needs) {
		expect = canary.Reverted
	}
	f := a.newFunction(s, function{
		id: "Canary", folder: "canary", says: "Opens a rule that nobody can use, and requires guard to deal with it",
		timeoutSeconds: canaryTimeoutSeconds, memory: 128, environment: map[string]*string{
			"SGWARDEN_TABLE":                a.table.TableName(),
			"SGWARDEN_CANARY_GROUP":         a.canaryGroup.AttrGroupId(),
			"SGWARDEN_CANARY_DEFAULT_GROUP": a.canaryVPC.AttrDefaultSecurityGroup(),
			"SGWARDEN_CANARY_EXPECT":        jsii.String(string(expect)),
		},
	}, role)
	f.ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{MaxEventAge: awscdk.Duration_Minutes(jsii.Number(canaryMinutes)), RetryAttempts: jsii.Number(0)})
	awsevents.NewRule(a.stack, jsii.String("CanarySchedule"), &awsevents.RuleProps{
		RuleName:    a.ruleName("CanarySchedule"),
		Description: jsii.String("Runs of the canary of sgwarden"),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(canaryMinutes))),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(f, &awseventstargets.LambdaFunctionProps{
			MaxEventAge: awscdk.Duration_Minutes(jsii.Number(canaryMinutes)), RetryAttempts: jsii.Number(2),
		})},
	})
	return f
}
