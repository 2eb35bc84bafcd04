package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// checkCanary asks how the last tries of the whole way ended: its alarms tell
// failures and silence apart from success.
func checkCanary(ctx context.Context, x *examination, f *findings) {
	if !x.has("Canary") {
		f.warn("", "this deployment has no canary: whether the whole way works shows with the next real change")
		return
	}
	var names []string
	for _, p := range x.parts.of(partAlarm) {
		if strings.HasPrefix(p.logical, "Canary") {
			names = append(names, p.physical)
		}
	}
	if len(names) == 0 {
		f.problem("deploy again: make deploy", "the canary has no alarm: nobody hears when it fails")
		return
	}
	out, err := x.CloudWatch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: names})
	if err != nil {
		f.unknown("the canary's last result", err)
		return
	}
	for _, a := range out.MetricAlarms {
		if !slices.Contains(names, aws.ToString(a.AlarmName)) {
			continue
		}
		switch since := age(x.Now.Sub(aws.ToTime(a.StateUpdatedTimestamp))); a.StateValue {
		case types.StateValueAlarm:
			f.problem(runbookOf(aws.ToString(a.AlarmName)), "the canary fails, for %s: %s", since, aws.ToString(a.StateReason))
		case types.StateValueInsufficientData:
			f.warn("ask again after its next run", "the canary has told nothing yet")
		}
	}
	if len(f.all) == 0 {
		f.ok("the canary's last tries went well")
	}
}
