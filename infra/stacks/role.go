package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// newRole makes guard's role. It has no managed policy: every right is here,
// or is added by the wiring of queue and logs.
func (a *account) newRole(s Settings) awsiam.Role {
	role := awsiam.NewRole(a.stack, jsii.String("GuardRole"), &awsiam.RoleProps{
		Description: jsii.String("sgwarden guard, mode " + string(s.Mode)),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	allow := func(sid string, resources []*string, conditions *map[string]any, actions ...string) {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String(sid), Actions: jsii.Strings(actions...), Resources: &resources, Conditions: conditions,
		}))
	}
	for _, p := range rights(s.Mode) {
		resources := []*string{}
		for _, r := range p.resources {
			if r != "*" {
				r = "arn:" + *a.stack.Partition() + ":ec2:" + *a.stack.Region() + ":" + *a.stack.Account() + ":" + r
			}
			resources = append(resources, jsii.String(r))
		}
		allow(p.sid, resources, p.conditions, p.actions...)
	}
	table := []*string{a.table.TableArn()}
	allow("ReadLedger", table, nil, "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
	// Controls (exemptions, pause) are an operator's alone.
	allow("WriteLedger", table, &map[string]any{
		"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": []any{"group#*", "fuse#*", "alert#*"}},
		"Null":                    map[string]any{"dynamodb:LeadingKeys": "false"},
	}, "dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
	allow("Alert", []*string{a.topic.TopicArn()}, nil, "sns:Publish")
	allow("JudgeAgain", []*string{a.queues.changes.QueueArn()}, nil, "sqs:SendMessage")
	return role
}
