package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/sgwarden/sgwarden/internal/alert"
)

type topics interface {
	alert.SNS
	ListSubscriptionsByTopic(context.Context, *sns.ListSubscriptionsByTopicInput, ...func(*sns.Options)) (*sns.ListSubscriptionsByTopicOutput, error)
}

// pending stands for the ARN of a subscription that nobody confirmed
// (ListSubscriptionsByTopic).
const pending = "PendingConfirmation"

// checkSubscriptions asks who hears of alerts and of alarms.
func checkSubscriptions(ctx context.Context, x *examination, f *findings) {
	for _, p := range x.parts.of(partTopic) {
		confirmed := 0
		arn := p.physical
		for in := (&sns.ListSubscriptionsByTopicInput{TopicArn: &arn}); ; {
			out, err := x.SNS.ListSubscriptionsByTopic(ctx, in)
			if code(err) == "NotFound" || code(err) == "NotFoundException" {
				f.problem("deploy again: make deploy; and find out who deleted it", "the topic %s is gone", p.name())
				confirmed = -1
				break
			}
			if err != nil {
				f.unknown("who is subscribed to "+p.name(), err)
				confirmed = -1
				break
			}
			for _, s := range out.Subscriptions {
				if aws.ToString(s.SubscriptionArn) != pending {
					confirmed++
					continue
				}
				f.warn("open the message of AWS there and confirm; after two days subscribe again", "%s: %s %s is not confirmed, and gets nothing", p.name(), aws.ToString(s.Protocol), aws.ToString(s.Endpoint))
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		switch {
		case confirmed < 0:
		case confirmed > 0:
			f.ok("%s: %s", p.name(), plural(confirmed, "subscriber", "subscribers"))
		case p.physical == x.deployed.TopicARN || p.physical == x.deployed.AlarmTopicARN:
			f.problem(fmt.Sprintf("make deploy CONTEXT='email=you@example.com', or subscribe to %s", p.physical), "%s: nobody hears of them", p.name())
		default:
			f.warn("set up a channel of Amazon Q Developer in chat applications with "+p.physical, "%s: nobody is subscribed", p.name())
		}
	}
}

// checkTestAlert sends one, where it was asked for.
func checkTestAlert(ctx context.Context, x *examination, f *findings) {
	if !x.TestAlert {
		return
	}
	by := x.caller[strings.LastIndex(x.caller, ":")+1:]
	m, err := alert.Test(alert.Deployment{Account: x.account, Region: x.Region, Stack: x.Stack, Mode: x.deployed.Mode}, by)
	if err == nil {
		err = alert.NewTopic(x.SNS, x.deployed.TopicARN).Send(ctx, m)
	}
	if err != nil {
		f.unknown("whether an alert arrives", err)
		return
	}
	f.ok("sent %q: it must arrive at every subscriber of alerts%s", m.Subject, x.untested())
}
