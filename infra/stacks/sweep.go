package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
)

const (
	sweepMinutes = 15
	// sweepTimeoutSeconds is less than the time between two passes, so that
	// they do not run into each other. What does not fit is gone on with.
	sweepTimeoutSeconds = 600
)

// newSweepRole makes the role of sweep: it reads EC2, writes what it met and
// its acts into the ledger, and asks guard to look. It pages about a stale
// ledger.
func (a *account) newSweepRole(s Settings) awsiam.Role {
	role := a.newFunctionRole("SweepRole", "sgwarden sweep")
	grant(role, "Look", jsii.Strings("*"), nil, inventory.Permissions(s.policies.asked)...) // EC2 takes no resource for reads
	table := &[]*string{a.table.TableArn()}
	grant(role, "ReadLedger", table, nil, ledger.ReadPermissions()...)
	grant(role, "WriteLedger", table, leadingKeys(ledger.SweepKeys()), ledger.WritePermissions()...)
	grant(role, "Alert", &[]*string{a.topic.TopicArn()}, nil, alert.Permissions()...)
	grant(role, "Ask", &[]*string{a.queues.changes.QueueArn()}, nil, "sqs:SendMessage")
	a.grantKey(role, keyUse{decrypt: []string{viaTable, viaTopic, viaQueue}, encrypt: []string{viaTopic, viaQueue}})
	return role
}

// newSweep makes the function, its schedule, and a rule that runs it as soon as
// the stack is made or changed: until the first pass is over no policy has set
// its baseline act.
func (a *account) newSweep(s Settings, role, guard awsiam.Role) awslambda.Function {
	sweep := a.newFunction(s, function{
		id: "Sweep", folder: "sweep", says: "Passes over all security groups, for what no event told",
		timeoutSeconds: sweepTimeoutSeconds, memory: 256, environment: a.environment(s, guard),
	}, role)
	// A failed pass is not tried again: the next one is not far.
	target := func() awsevents.IRuleTarget {
		return awseventstargets.NewLambdaFunction(sweep, &awseventstargets.LambdaFunctionProps{
			MaxEventAge: awscdk.Duration_Minutes(jsii.Number(sweepMinutes)), RetryAttempts: jsii.Number(2),
		})
	}
	sweep.ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{
		MaxEventAge: awscdk.Duration_Minutes(jsii.Number(sweepMinutes)), RetryAttempts: jsii.Number(0),
	})
	awsevents.NewRule(a.stack, jsii.String("SweepSchedule"), &awsevents.RuleProps{
		RuleName:    a.ruleName("SweepSchedule"),
		Description: jsii.String("Sweeps of sgwarden"),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(sweepMinutes))),
		Targets:     &[]awsevents.IRuleTarget{target()},
	})
	awsevents.NewRule(a.stack, jsii.String("Deployed"), &awsevents.RuleProps{
		RuleName:     a.ruleName("Deployed"),
		Description:  jsii.String("Sweep of sgwarden after a deployment"),
		EventPattern: a.deployed(),
		Targets:      &[]awsevents.IRuleTarget{target()},
	})
	return sweep
}

// deployed matches the end of a deployment of this stack (CloudFormation user
// guide, "Managing events with EventBridge": sent for every stack, without a
// trail). Nothing waits for what it starts, so no deployment can fail by it.
func (a *account) deployed() *awsevents.EventPattern {
	return &awsevents.EventPattern{
		Source:     jsii.Strings("aws.cloudformation"),
		DetailType: jsii.Strings("CloudFormation Stack Status Change"),
		Detail: &map[string]any{
			"stack-id":       []*string{a.stack.StackId()},
			"status-details": map[string]any{"status": jsii.Strings("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")},
		},
	}
}
