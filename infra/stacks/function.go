package stacks

import (
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// function is what the functions of the stack differ in.
type function struct {
	id, folder, says string // folder is that of the build
	timeoutSeconds   int
	memory           int // MB
	environment      map[string]*string
}

// newFunction makes a function with a log group of its own. Its role has what
// its statements say, and may write to that group.
func (a *account) newFunction(s Settings, f function, role awsiam.Role) awslambda.Function {
	logs := awslogs.NewLogGroup(a.stack, jsii.String(f.id+"Logs"), &awslogs.LogGroupProps{
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	group := logs.Node().DefaultChild().(awslogs.CfnLogGroup)
	group.SetRetentionInDays(jsii.Number(s.LogDays)) // the construct's enumeration lacks the numbers
	a.encryptLogs(group)
	logs.GrantWrite(role)
	architecture := awslambda.Architecture_ARM_64()
	if s.Architecture == "x86_64" {
		architecture = awslambda.Architecture_X86_64()
	}
	return awslambda.NewFunction(a.stack, jsii.String(f.id), &awslambda.FunctionProps{
		Description:   jsii.String(f.says),
		Runtime:       awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:  architecture,
		Handler:       jsii.String("bootstrap"),
		Code:          awslambda.Code_FromAsset(jsii.String(filepath.Join(s.Dist, f.folder)), nil),
		MemorySize:    jsii.Number(f.memory),
		Timeout:       awscdk.Duration_Seconds(jsii.Number(f.timeoutSeconds)),
		Role:          role,
		LogGroup:      logs,
		LoggingFormat: awslambda.LoggingFormat_JSON,
		Tracing:       awslambda.Tracing_ACTIVE,
		Environment:   &f.environment,
	})
}

// newFunctionRole makes a role that only Lambda takes. It has no managed
// policy: every right is added by name.
func (a *account) newFunctionRole(id, says string) awsiam.Role {
	return awsiam.NewRole(a.stack, jsii.String(id), &awsiam.RoleProps{
		Description: jsii.String(says),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
}

// grant adds one statement to a role. conditions may be nil.
func grant(role awsiam.Role, sid string, resources *[]*string, conditions *map[string]any, actions ...string) {
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(sid), Actions: jsii.Strings(actions...), Resources: resources, Conditions: conditions,
	}))
}

// leadingKeys limits writes of the ledger to partition keys. ForAllValues
// holds where there is no key at all: hence Null.
func leadingKeys(keys []string) *map[string]any {
	return &map[string]any{
		"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": jsii.Strings(keys...)},
		"Null":                    map[string]any{"dynamodb:LeadingKeys": "false"},
	}
}
