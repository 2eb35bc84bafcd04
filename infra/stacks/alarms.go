package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/metrics"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// periodMinutes is how often an alarm looks.
const periodMinutes = 5

// alarm is one condition that a person must hear of: the greatest or the sum
// of a metric within a period is above a bound. No data is no alarm: most
// metrics are silent while nothing changes.
type alarm struct {
	id, says string // says what is wrong, in a sentence without a full stop
	metric   awscloudwatch.Metric
	above    float64
	// silence turns it round: within so many hours the sum must be above the
	// bound, and no data is an alarm; 0 = it is as above.
	silence int
}

// functions are those of the stack; canary may be nil.
type functions struct{ guard, sweep, canary awslambda.Function }

func (f functions) all() []awslambda.Function {
	all := []awslambda.Function{f.guard, f.sweep}
	if f.canary != nil {
		all = append(all, f.canary)
	}
	return all
}

// alarms are those of the stack. Each has a heading in docs/runbook/alarms.md,
// which a test holds.
func (a *account) alarms(f functions, sinks bool) []alarm {
	all := []alarm{
		{id: "Failed", says: "changes could not be judged or taken back in half a day of tries", metric: queueMetric(a.queues.failed.MetricApproximateNumberOfMessagesVisible)},
		{id: "Undelivered", says: "EventBridge could not put events into the queue", metric: queueMetric(a.queues.undelivered.MetricApproximateNumberOfMessagesVisible)},
		{id: "Waiting", says: "the oldest change has waited for more than half an hour", metric: queueMetric(a.queues.changes.MetricApproximateAgeOfOldestMessage), above: 1800},
		{id: "NotRemedied", says: "what should have been taken back still stands", metric: ownMetric(f.guard, metrics.NotRemedied, "Sum")},
		{id: "Unjudged", says: "the policies of the function cannot be used, and changes wait", metric: ownMetric(f.guard, metrics.Unjudged, "Sum")},
		{id: "Held", says: "violations stay while remedies are paused, or the fuse holds a policy", metric: ownMetric(f.guard, metrics.Held, "Sum")},
		{id: "Errors", says: "guard ended in an error", metric: functionMetric(f.guard.MetricErrors)},
		{id: "Throttles", says: "guard was not allowed to run", metric: functionMetric(f.guard.MetricThrottles)},
		{id: "SweepErrors", says: "sweep ended in an error", metric: functionMetric(f.sweep.MetricErrors)},
		{id: "NotSwept", says: "no pass over all groups came to its end for two hours", metric: ownMetric(f.sweep, metrics.SweepsComplete, "Sum"), silence: 2},
		{id: "Left", says: "there are groups that sweep cannot judge", metric: ownMetric(f.sweep, metrics.Left, "Sum")},
	}
	if sinks {
		all = append(all, alarm{id: "SinkMissed", says: "chats, Security Hub or an event bus did not get what the alerts told", metric: ownMetric(f.guard, metrics.SinkMissed, "Sum")})
	}
	if f.canary == nil {
		return all
	}
	return append(all,
		alarm{id: "Canary", says: "guard did not do in time what it is to do about the canary's rule", metric: ownMetric(f.canary, metrics.CanaryFailed, "Sum")},
		alarm{id: "CanarySilent", says: "the canary did not pass for two hours", metric: ownMetric(f.canary, metrics.CanaryPassed, "Sum"), silence: 2},
	)
}

// of makes the alarm's properties, of those that differ.
func (one alarm) of(props awscloudwatch.AlarmProps) *awscloudwatch.AlarmProps {
	props.Metric, props.Threshold, props.EvaluationPeriods = one.metric, jsii.Number(one.above), jsii.Number(1)
	props.ComparisonOperator = awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD
	props.TreatMissingData = awscloudwatch.TreatMissingData_NOT_BREACHING
	if one.silence > 0 {
		props.Metric = one.metric.With(&awscloudwatch.MetricOptions{Period: awscdk.Duration_Hours(jsii.Number(1))})
		props.EvaluationPeriods = jsii.Number(one.silence)
		props.ComparisonOperator = awscloudwatch.ComparisonOperator_LESS_THAN_OR_EQUAL_TO_THRESHOLD
		props.TreatMissingData = awscloudwatch.TreatMissingData_BREACHING
	}
	return &props
}

// newAlarms makes the alarms and the topic that they tell. It is not the topic
// of the alerts: programs that read those expect incidents.
//
// The dashboard knows alarms by name: the emulator's CloudFormation has no
// attribute of an alarm.
func (a *account) newAlarms(f functions, sinks bool, told []policy.Subscriber) []interfacesawscloudwatch.IAlarmRef {
	a.alarmTopic = a.encryptTopic(newAlarmTopic(a.stack, "sgwarden alarms", told))
	var made []interfacesawscloudwatch.IAlarmRef
	for _, one := range a.alarms(f, sinks) {
		name := newAlarm(a.stack, one, a.alarmTopic)
		made = append(made, awscloudwatch.Alarm_FromAlarmArn(a.stack, jsii.String(one.id+"AlarmByName"), alarmArn(a.stack, name)))
	}
	return made
}

// newAlarm makes an alarm that tells a topic, and gives its name, which a person
// knows from a mail.
func newAlarm(stack awscdk.Stack, one alarm, topic awssns.Topic) string {
	name := *stack.StackName() + "-" + one.id
	made := awscloudwatch.NewAlarm(stack, jsii.String(one.id+"Alarm"), one.of(awscloudwatch.AlarmProps{
		AlarmName:        jsii.String(name),
		AlarmDescription: jsii.String(fmt.Sprintf("sgwarden: %s. What to do: docs/runbook/alarms.md, %q.", one.says, one.id)),
	}))
	action := awscloudwatchactions.NewSnsAction(topic)
	made.AddAlarmAction(action)
	made.AddOkAction(action)
	return name
}

// newAlarmTopic makes a topic that alarms of this account may publish to: a
// policy of its own takes the place of the one that SNS gives a topic.
func newAlarmTopic(stack awscdk.Stack, display string, told []policy.Subscriber) awssns.Topic {
	topic := awssns.NewTopic(stack, jsii.String("Alarms"), &awssns.TopicProps{
		DisplayName: jsii.String(display),
		EnforceSSL:  jsii.Bool(true),
	})
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("AlarmsOfThisAccount"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Conditions: &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()},
			"ArnLike":      map[string]any{"aws:SourceArn": alarmArn(stack, "*")},
		},
	}))
	subscribe(topic, told)
	return topic
}

func alarmArn(stack awscdk.Stack, name string) *string {
	return stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("cloudwatch"), Resource: jsii.String("alarm"), ResourceName: jsii.String(name), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}

// ownMetric is one that a function of ours writes.
func ownMetric(by awslambda.Function, m metrics.Metric, statistic string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(metrics.Namespace), MetricName: jsii.String(m.Name),
		DimensionsMap: &map[string]*string{metrics.Dimension: by.FunctionName()},
		Statistic:     jsii.String(statistic), Period: period(),
	})
}

// queueMetric is the greatest value of a queue's metric.
func queueMetric(of func(*awscloudwatch.MetricOptions) awscloudwatch.Metric) awscloudwatch.Metric {
	return of(&awscloudwatch.MetricOptions{Statistic: jsii.String("Maximum"), Period: period()})
}

// functionMetric is the sum of a function's metric.
func functionMetric(of func(*awscloudwatch.MetricOptions) awscloudwatch.Metric) awscloudwatch.Metric {
	return of(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: period()})
}

func period() awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(periodMinutes)) }
