package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/metrics"
)

// periodMinutes is how often an alarm looks.
const periodMinutes = 5

// alarm is one condition that a person must hear of: the greatest or the sum
// of a metric within a period is above a bound. No data is no alarm: most
// metrics are silent while nothing changes.
type alarm struct {
	id, says string // says what is wrong, in a sentence without a full stop
	metric   awscloudwatch.IMetric
	above    float64
}

// alarms are those of the stack. Each has a heading in docs/runbook/alarms.md,
// which a test holds.
func (a *account) alarms(guard awslambda.Function) []alarm {
	return []alarm{
		{"Failed", "changes could not be judged or taken back in half a day of tries", queueMetric(a.queues.failed.MetricApproximateNumberOfMessagesVisible), 0},
		{"Undelivered", "EventBridge could not put events into the queue", queueMetric(a.queues.undelivered.MetricApproximateNumberOfMessagesVisible), 0},
		{"Waiting", "the oldest change has waited for more than half an hour", queueMetric(a.queues.changes.MetricApproximateAgeOfOldestMessage), 1800},
		{"NotRemedied", "what should have been taken back still stands", ownMetric(guard, metrics.NotRemedied, "Sum"), 0},
		{"Unjudged", "the policies of the function cannot be used, and changes wait", ownMetric(guard, metrics.Unjudged, "Sum"), 0},
		{"Held", "violations stay while remedies are paused, or the fuse holds a policy", ownMetric(guard, metrics.Held, "Sum"), 0},
		{"Errors", "the function ended in an error", functionMetric(guard.MetricErrors), 0},
		{"Throttles", "the function was not allowed to run", functionMetric(guard.MetricThrottles), 0},
	}
}

// newAlarms makes the alarms and the topic that they tell. It is not the topic
// of the alerts: programs that read those expect incidents.
//
// They have names that a person knows from a mail, and the dashboard knows
// them by name: the emulator's CloudFormation has no attribute of an alarm.
func (a *account) newAlarms(guard awslambda.Function, email string) []interfacesawscloudwatch.IAlarmRef {
	a.alarmTopic = a.newAlarmTopic(email)
	action := awscloudwatchactions.NewSnsAction(a.alarmTopic)
	var made []interfacesawscloudwatch.IAlarmRef
	for _, one := range a.alarms(guard) {
		name := *a.stack.StackName() + "-" + one.id
		alarm := awscloudwatch.NewAlarm(a.stack, jsii.String(one.id+"Alarm"), &awscloudwatch.AlarmProps{
			AlarmName:          jsii.String(name),
			AlarmDescription:   jsii.String(fmt.Sprintf("sgwarden: %s. What to do: docs/runbook/alarms.md, %q.", one.says, one.id)),
			Metric:             one.metric,
			Threshold:          jsii.Number(one.above),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			EvaluationPeriods:  jsii.Number(1),
			TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
		})
		alarm.AddAlarmAction(action)
		alarm.AddOkAction(action)
		made = append(made, awscloudwatch.Alarm_FromAlarmArn(a.stack, jsii.String(one.id+"AlarmByName"), a.alarmArn(name)))
	}
	return made
}

// newAlarmTopic makes a topic that only alarms of this account publish to: a
// policy of its own takes the place of the one that SNS gives a topic.
func (a *account) newAlarmTopic(email string) awssns.Topic {
	topic := awssns.NewTopic(a.stack, jsii.String("Alarms"), &awssns.TopicProps{
		DisplayName: jsii.String("sgwarden alarms"),
		EnforceSSL:  jsii.Bool(true),
	})
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("AlarmsOfThisAccount"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Conditions: &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": a.stack.Account()},
			"ArnLike":      map[string]any{"aws:SourceArn": a.alarmArn("*")},
		},
	}))
	if email != "" {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(email), nil))
	}
	return topic
}

func (a *account) alarmArn(name string) *string {
	return a.stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("cloudwatch"), Resource: jsii.String("alarm"), ResourceName: jsii.String(name), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}

// ownMetric is one that guard writes.
func ownMetric(guard awslambda.Function, m metrics.Metric, statistic string) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(metrics.Namespace), MetricName: jsii.String(m.Name),
		DimensionsMap: &map[string]*string{metrics.Dimension: guard.FunctionName()},
		Statistic:     jsii.String(statistic), Period: period(),
	})
}

// queueMetric is the greatest value of a queue's metric.
func queueMetric(of func(*awscloudwatch.MetricOptions) awscloudwatch.Metric) awscloudwatch.IMetric {
	return of(&awscloudwatch.MetricOptions{Statistic: jsii.String("Maximum"), Period: period()})
}

// functionMetric is the sum of a function's metric.
func functionMetric(of func(*awscloudwatch.MetricOptions) awscloudwatch.Metric) awscloudwatch.IMetric {
	return of(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: period()})
}

func period() awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(periodMinutes)) }
