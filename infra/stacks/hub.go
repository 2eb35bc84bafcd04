package stacks

import (
	"errors"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// hubArchiveDays is how long the hub's bus keeps what it was told, to be
// replayed into whatever is added later.
const hubArchiveDays = 365

// HubSettings is what a hub may choose: of the settings, who is told.
type HubSettings struct {
	Name         string // of the stack: that of the account's, with Hub behind it
	Organisation string // id; "" = it is a parameter without default
	// Alerts and Alarms are the subscribers of its two topics.
	Alerts, Alarms []policy.Subscriber
}

// HubFromContext reads them from the same folder and context as FromContext,
// without a build. The error is as there.
func HubFromContext(context map[string]any, w Where) (HubSettings, error) {
	over, folder, faults := ownKeys(context)
	stack, err := bundle.ReadStack(folder[policiesKey], w.Now, policy.ParseOptions{Over: over, Known: []string{distKey, policiesKey}, Region: w.Region})
	faults = append(faults, faultsOf(err)...)
	for _, s := range stack.Alerts {
		if len(s.Filter) > 0 {
			faults = append(faults, policy.Diagnostic{File: "stack.alerts", Message: fmt.Sprintf("the hub cannot filter for %s: what comes over its bus has no attributes", s.Address), Hint: "subscribe it in the members, or make a rule on the bus"})
		}
	}
	if hub := stack.Organisation.Hub; hub != "" && w.Account != "" && hub != w.Account {
		faults = append(faults, policy.Diagnostic{File: "stack.organisation", Message: fmt.Sprintf("the hub is in account %s, and this would make one in %s, which no member tells", hub, w.Account), Hint: "deploy with a profile of " + hub})
	}
	if len(faults) > 0 {
		return HubSettings{}, faults
	}
	return HubSettings{Name: stack.Name + "Hub", Organisation: stack.Organisation.ID, Alerts: stack.Alerts, Alarms: stack.Alarms}, nil
}

// faultsOf are the faults in an error of reading settings.
func faultsOf(err error) policy.Faults {
	var found policy.Faults
	switch {
	case errors.As(err, &found):
		return found
	case err != nil:
		return policy.Faults{policy.Diagnostic{File: "-c " + policiesKey, Message: err.Error()}}
	}
	return nil
}

// NewHub adds the stack that hears of all accounts of an organisation, in one
// region. It has no right in any of them: it is told, and that is all. Its roles
// are those of services of its own account, and write into its bucket alone.
func NewHub(scope constructs.Construct, s HubSettings) awscdk.Stack {
	stack := awscdk.NewStack(scope, jsii.String(s.Name), &awscdk.StackProps{
		Description: jsii.String("sgwarden: hears of the incidents of all accounts of an organisation"),
	})
	organisation := awscdk.NewCfnParameter(stack, jsii.String("OrganisationId"), &awscdk.CfnParameterProps{
		Description:    jsii.String("Id of the AWS organisation: principals of its accounts alone may tell the hub"),
		AllowedPattern: jsii.String(`^o-[a-z0-9]{10,32}$`),
	})
	if s.Organisation != "" {
		organisation.SetDefault(s.Organisation)
	}
	bus := awsevents.NewEventBus(stack, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String(HubBus), Description: jsii.String("Incidents of sgwarden, of all accounts of the organisation"),
	})
	bus.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("AccountsOfTheOrganisationTell"), Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions: jsii.Strings("events:PutEvents"), Resources: &[]*string{bus.EventBusArn()},
		Conditions: &map[string]any{
			"StringEquals": map[string]any{"aws:PrincipalOrgID": organisation.ValueAsString(), "events:source": "sgwarden"},
			"Bool":         map[string]any{"aws:SecureTransport": "true"},
		},
	}))
	bus.Archive(jsii.String("Archive"), &awsevents.BaseArchiveProps{
		Description:  jsii.String("What the accounts told the hub"),
		EventPattern: &awsevents.EventPattern{Source: jsii.Strings("sgwarden")},
		Retention:    awscdk.Duration_Days(jsii.Number(hubArchiveDays)),
	})
	topic := awssns.NewTopic(stack, jsii.String("Alerts"), &awssns.TopicProps{DisplayName: jsii.String("sgwarden hub"), EnforceSSL: jsii.Bool(true)})
	subscribe(topic, s.Alerts)
	undelivered := awssqs.NewQueue(stack, jsii.String("Undelivered"), &awssqs.QueueProps{
		Encryption: awssqs.QueueEncryption_SQS_MANAGED, EnforceSSL: jsii.Bool(true), RetentionPeriod: awscdk.Duration_Days(jsii.Number(retentionDays)),
	})
	rule := awsevents.NewRule(stack, jsii.String("Tell"), &awsevents.RuleProps{
		EventBus: bus, RuleName: jsii.String(s.Name + "-Tell"), Description: jsii.String("Incidents of all accounts, to the topic of the hub"),
		EventPattern: &awsevents.EventPattern{Source: jsii.Strings("sgwarden"), DetailType: awsevents.Match_Prefix(jsii.String("Incident "))},
	})
	// The whole event: EventBridge itself writes into it which account sent it.
	rule.AddTarget(awseventstargets.NewSnsTopic(topic, &awseventstargets.SnsTopicProps{
		DeadLetterQueue: undelivered, MaxEventAge: awscdk.Duration_Hours(jsii.Number(24)), RetryAttempts: jsii.Number(185),
	}))
	bucket, kept := newHubBucket(stack, s.Name, bus, undelivered)
	alarms := newAlarmTopic(stack, "sgwarden hub alarms", s.Alarms)
	for _, one := range hubAlarms(undelivered, kept) {
		newAlarm(stack, one, alarms)
	}
	newOutputs(stack, map[string]*string{
		"HubAlarmTopicArn": alarms.TopicArn(), "HubBucketName": bucket.BucketName(), "HubBusArn": bus.EventBusArn(), "HubTopicArn": topic.TopicArn(), "HubUndeliveredUrl": undelivered.QueueUrl(),
	})
	return stack
}

// hubLateSeconds is how old what waits for the bucket may get: Firehose writes
// after hubBufferSeconds, and tries again for a day.
const hubLateSeconds = 60 * 60

// hubAlarms are those of the hub, each with a heading in docs/runbook/alarms.md
// too. kept is the age of what is on its way into the bucket.
func hubAlarms(undelivered awssqs.Queue, kept awscloudwatch.Metric) []alarm {
	return []alarm{
		{id: "HubUndelivered", says: "EventBridge could not put what the accounts told to the topic of the hub, or into the stream of its bucket", metric: queueMetric(undelivered.MetricApproximateNumberOfMessagesVisible)},
		{id: "HubNotKept", says: "what the accounts told has waited for more than an hour to be written into the bucket of the hub", metric: kept, above: hubLateSeconds},
	}
}
