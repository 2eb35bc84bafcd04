package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

type alarmReader interface {
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
	GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

// mostAlarms is how many names DescribeAlarms takes at once.
const mostAlarms = 100

// checkAlarms asks which alarms ring, and whether all of them would be heard.
func checkAlarms(ctx context.Context, x *examination, f *findings) {
	var names []string
	for _, p := range x.parts.of(partAlarm) {
		names = append(names, p.physical)
	}
	if len(names) == 0 {
		f.problem("deploy again: make deploy", "the stack has no alarm: nobody hears where it fails")
		return
	}
	quiet := 0
	for chunk := range slices.Chunk(names, mostAlarms) {
		out, err := x.CloudWatch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: chunk})
		if err != nil {
			f.unknown("alarms", err)
			return
		}
		seen := map[string]bool{}
		for _, a := range out.MetricAlarms {
			name := aws.ToString(a.AlarmName)
			seen[name] = true
			switch {
			case !aws.ToBool(a.ActionsEnabled) || len(a.AlarmActions) == 0:
				f.problem("aws cloudwatch enable-alarm-actions --alarm-names "+name+", and find out who disabled them", "alarm %s tells nobody", name)
			case a.StateValue == types.StateValueAlarm:
				f.problem(runbookOf(name), "alarm %s rings: %s", name, aws.ToString(a.StateReason))
			default:
				quiet++
			}
		}
		for _, name := range chunk {
			if !seen[name] {
				f.problem("deploy again: make deploy; and find out who deleted it", "alarm %s is gone", name)
			}
		}
	}
	if len(f.all) == 0 {
		f.ok("none of %d rings", quiet)
	}
}

// runbookOf is where to read what to do when an alarm rings. Its name ends in
// the heading; before that is what the template calls the stack, which StackSets
// calls something else.
func runbookOf(alarm string) string {
	return "docs/runbook/alarms.md, \"" + alarm[strings.LastIndex(alarm, "-")+1:] + "\""
}
