package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/metrics"
)

// newDashboard shows, from top to bottom, whether all is well, what was
// judged, how fast, and how the way of an event does.
func (a *account) newDashboard(f functions, sinks bool, alarms []interfacesawscloudwatch.IAlarmRef) {
	const whole, half = 24, 12 // a row has 24 columns
	graph := func(title string, of ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: jsii.String(title), Left: &of, Width: jsii.Number(half)})
	}
	sum := func(m metrics.Metric) awscloudwatch.IMetric { return ownMetric(f.guard, m, "Sum") }
	spread := func(m metrics.Metric) []awscloudwatch.IMetric {
		return []awscloudwatch.IMetric{ownMetric(f.guard, m, "p50"), ownMetric(f.guard, m, "p99"), ownMetric(f.guard, m, "Maximum")}
	}
	swept := func(m metrics.Metric) awscloudwatch.IMetric { return ownMetric(f.sweep, m, "Sum") }
	undone := []awscloudwatch.IMetric{sum(metrics.Open), sum(metrics.NotRemedied), sum(metrics.Unjudged), sum(metrics.Held)}
	if sinks {
		undone = append(undone, sum(metrics.SinkMissed))
	}
	rows := []*[]awscloudwatch.IWidget{
		{awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{Title: jsii.String("Alarms"), Alarms: &alarms, Width: jsii.Number(whole)})},
		{
			graph("Changes, and those that broke a policy", sum(metrics.Changes), sum(metrics.Violations), sum(metrics.Remedied)),
			graph("Not done", undone...),
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
			graph("Groups that were swept, and passes that came to their end", swept(metrics.Swept), swept(metrics.SweepsComplete)),
			graph("What the sweep found", swept(metrics.Marked), swept(metrics.Asked), swept(metrics.Left)),
		},
		{
			graph("Runs of guard, and how they ended", functionMetric(f.guard.MetricInvocations), functionMetric(f.guard.MetricErrors), functionMetric(f.guard.MetricThrottles)),
			graph("Milliseconds of a run of guard", f.guard.MetricDuration(&awscloudwatch.MetricOptions{Statistic: jsii.String("p99"), Period: period()})),
		},
	}
	if f.canary != nil {
		rows = append(rows, &[]awscloudwatch.IWidget{
			graph("Runs of the canary, and how they ended", ownMetric(f.canary, metrics.CanaryPassed, "Sum"), ownMetric(f.canary, metrics.CanaryFailed, "Sum")),
			graph("Seconds until guard had dealt with the canary's rule", ownMetric(f.canary, metrics.CanarySeconds, "Maximum")),
		})
	}
	awscloudwatch.NewDashboard(a.stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{Widgets: &rows})
}
