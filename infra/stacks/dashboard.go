package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/metrics"
)

// newDashboard shows, from top to bottom, whether all is well, what was
// judged, how fast, and how the way of an event does.
func (a *account) newDashboard(guard awslambda.Function, alarms []interfacesawscloudwatch.IAlarmRef) {
	const whole, half = 24, 12 // a row has 24 columns
	graph := func(title string, of ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: jsii.String(title), Left: &of, Width: jsii.Number(half)})
	}
	sum := func(m metrics.Metric) awscloudwatch.IMetric { return ownMetric(guard, m, "Sum") }
	spread := func(m metrics.Metric) []awscloudwatch.IMetric {
		return []awscloudwatch.IMetric{ownMetric(guard, m, "p50"), ownMetric(guard, m, "p99"), ownMetric(guard, m, "Maximum")}
	}
	awscloudwatch.NewDashboard(a.stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{Widgets: &[]*[]awscloudwatch.IWidget{
		{awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{Title: jsii.String("Alarms"), Alarms: &alarms, Width: jsii.Number(whole)})},
		{
			graph("Changes, and those that broke a policy", sum(metrics.Changes), sum(metrics.Violations), sum(metrics.Remedied)),
			graph("Not done", sum(metrics.Open), sum(metrics.NotRemedied), sum(metrics.Unjudged)),
		},
		{
			graph("Seconds from the call to the verified remedy", spread(metrics.SecondsToRemedy)...),
			graph("Seconds from the call to its first judgement", spread(metrics.SecondsToLearn)...),
		},
		{
			graph("Waiting changes, and the seconds of the oldest", queueMetric(a.queues.changes.MetricApproximateNumberOfMessagesVisible), queueMetric(a.queues.changes.MetricApproximateAgeOfOldestMessage)),
			graph("Dead letters", queueMetric(a.queues.failed.MetricApproximateNumberOfMessagesVisible), queueMetric(a.queues.undelivered.MetricApproximateNumberOfMessagesVisible)),
		},
		{
			graph("Runs of the function, and how they ended", functionMetric(guard.MetricInvocations), functionMetric(guard.MetricErrors), functionMetric(guard.MetricThrottles)),
			graph("Milliseconds of a run", guard.MetricDuration(&awscloudwatch.MetricOptions{Statistic: jsii.String("p99"), Period: period()})),
		},
	}})
}
