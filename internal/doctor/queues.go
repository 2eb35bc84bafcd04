package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

type queueReader interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// queued is what lies in a queue. SQS counts about right.
type queued struct{ waiting, taken, delayed int }

func (x *examination) queued(ctx context.Context, url string) (q queued, err error) {
	out, err := x.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}})
	if err != nil {
		return queued{}, err
	}
	for name, into := range map[types.QueueAttributeName]*int{
		types.QueueAttributeNameApproximateNumberOfMessages: &q.waiting, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: &q.taken,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed: &q.delayed,
	} {
		if *into, err = strconv.Atoi(out.Attributes[string(name)]); err != nil {
			return queued{}, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return q, nil
}

// longWait is when the alarm Waiting rings; soonWait when one may ask why.
const (
	longWait = 30 * time.Minute
	soonWait = 5 * time.Minute
)

// checkQueue asks how much waits to be judged, and for how long.
func checkQueue(ctx context.Context, x *examination, f *findings) {
	q, err := x.queued(ctx, x.deployed.QueueURL)
	if err != nil {
		f.unknown("what waits in the queue", err)
		return
	}
	if q == (queued{}) {
		f.ok("nothing waits to be judged")
		return
	}
	holds := fmt.Sprintf("%s waiting, %d being judged, %d put off", plural(q.waiting, "message", "messages"), q.taken, q.delayed)
	age, known, err := x.oldest(ctx, x.deployed.QueueURL)
	const do = "docs/runbook/alarms.md, \"Waiting\""
	switch {
	case err != nil:
		f.unknown(holds+"; for how long", err)
	case !known:
		f.ok("%s", holds)
	case age > longWait:
		f.problem(do, "%s; the oldest for %s", holds, age)
	case age > soonWait:
		f.warn(do, "%s; the oldest for %s", holds, age)
	default:
		f.ok("%s; the oldest for %s", holds, age)
	}
}

// oldest is the age of the oldest message of a queue, as CloudWatch saw it last
// in the past quarter of an hour; false = it saw nothing.
func (x *examination) oldest(ctx context.Context, url string) (time.Duration, bool, error) {
	out, err := x.CloudWatch.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(x.Now.Add(-15 * time.Minute)), EndTime: aws.Time(x.Now), ScanBy: cloudwatchtypes.ScanByTimestampDescending,
		MetricDataQueries: []cloudwatchtypes.MetricDataQuery{{Id: aws.String("age"), MetricStat: &cloudwatchtypes.MetricStat{
			Period: aws.Int32(60), Stat: aws.String("Maximum"),
			Metric: &cloudwatchtypes.Metric{
				Namespace: aws.String("AWS/SQS"), MetricName: aws.String("ApproximateAgeOfOldestMessage"),
				Dimensions: []cloudwatchtypes.Dimension{{Name: aws.String("QueueName"), Value: aws.String(url[strings.LastIndex(url, "/")+1:])}},
			},
		}}},
	})
	if err != nil {
		return 0, false, err
	}
	for _, r := range out.MetricDataResults {
		if len(r.Values) > 0 {
			return time.Duration(r.Values[0]) * time.Second, true, nil
		}
	}
	return 0, false, nil
}

// checkDeadLetters asks for what nobody will judge unless somebody puts it back.
func checkDeadLetters(ctx context.Context, x *examination, f *findings) {
	for _, hop := range []struct{ url, what, heading string }{
		{x.deployed.FailedURL, "could not be judged or taken back in half a day of tries", "Failed"},
		{x.deployed.UndeliveredURL, "EventBridge could not put into the queue", "Undelivered"},
	} {
		q, err := x.queued(ctx, hop.url)
		switch n := q.waiting + q.taken + q.delayed; {
		case err != nil:
			f.unknown("dead letters ("+hop.heading+")", err)
		case n > 0:
			f.problem(fmt.Sprintf("docs/runbook/alarms.md, %q: read why, mend it, put them back", hop.heading), "%s that %s", plural(n, "message", "messages"), hop.what)
		}
	}
	if len(f.all) == 0 {
		f.ok("none, at both hops")
	}
}
