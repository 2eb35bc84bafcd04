package stacks

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
)

// newRole makes guard's role. It has no managed policy: every right is here,
// or is added by the wiring of queue and logs.
func (a *account) newRole(s Settings) awsiam.Role {
	role := a.newFunctionRole("GuardRole", "sgwarden guard, mode "+s.Mode.String())
	grant(role, "Look", jsii.Strings("*"), nil, inventory.Permissions(s.policies.reads)...) // EC2 takes no resource for reads
	for i, p := range apply.Permissions(s.policies.needs) {
		grant(role, "TakeBack"+strconv.Itoa(i+1), a.resources(p), conditions(p), p.Action)
	}
	table := &[]*string{a.table.TableArn()}
	grant(role, "ReadLedger", table, nil, ledger.ReadPermissions()...)
	// Controls (exemptions, pause) are an operator's alone.
	grant(role, "WriteLedger", table, leadingKeys(ledger.GuardKeys()), ledger.WritePermissions()...)
	grant(role, "Alert", &[]*string{a.topic.TopicArn()}, nil, alert.Permissions()...)
	grant(role, "JudgeAgain", &[]*string{a.queues.changes.QueueArn()}, nil, "sqs:SendMessage")
	a.grantKey(role, keyUse{decrypt: []string{viaTable, viaTopic, viaQueue}, encrypt: []string{viaTopic, viaQueue}})
	return role
}

// resources are those of a permission, in the stack's own account and region.
func (a *account) resources(p apply.Permission) *[]*string {
	var arns []*string
	for _, r := range p.Resources {
		arns = append(arns, a.stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("ec2"), Resource: jsii.String(r), ArnFormat: awscdk.ArnFormat_NO_RESOURCE_NAME,
		}))
	}
	return &arns
}

// conditions are those of a permission; nil = none.
func conditions(p apply.Permission) *map[string]any {
	c := map[string]any{}
	if len(p.TagKeys) > 0 {
		c["ForAllValues:StringLike"] = map[string]any{"aws:TagKeys": jsii.Strings(p.TagKeys...)}
	}
	if len(p.CreateAction) > 0 {
		c["StringEquals"] = map[string]any{"ec2:CreateAction": jsii.Strings(p.CreateAction...)}
	}
	if len(c) == 0 {
		return nil
	}
	return &c
}
