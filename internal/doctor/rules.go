package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/sgwarden/sgwarden/events"
)

type eventsReader interface {
	ListRules(context.Context, *eventbridge.ListRulesInput, ...func(*eventbridge.Options)) (*eventbridge.ListRulesOutput, error)
	DescribeRule(context.Context, *eventbridge.DescribeRuleInput, ...func(*eventbridge.Options)) (*eventbridge.DescribeRuleOutput, error)
	ListTargetsByRule(context.Context, *eventbridge.ListTargetsByRuleInput, ...func(*eventbridge.Options)) (*eventbridge.ListTargetsByRuleOutput, error)
}

// checkRules asks every EventBridge rule of the stack whether it is on and
// where it leads, and all together whether they hear of every watched call.
func checkRules(ctx context.Context, x *examination, f *findings) {
	var heard []string
	enabled, complete := 0, true
	for _, r := range x.parts.of(partRule) {
		calls, fine, err := x.checkRule(ctx, f, r.physical)
		if err != nil {
			f.unknown("rule "+r.physical, err)
			complete = false
			continue
		}
		heard = append(heard, calls...)
		if fine {
			enabled++
		}
	}
	var deaf, unused []string // unused: a setting leaves them out, and a policy asks for them
	for _, c := range events.Calls() {
		switch {
		case slices.Contains(heard, c.EventName):
		case c.Rule != events.AttachRule:
			deaf = append(deaf, c.EventName)
		case x.set.JudgesUse():
			unused = append(unused, c.EventName)
		}
	}
	if complete && len(unused) > 0 {
		f.warn("make deploy CONTEXT='attachments=yes'", "policies ask what a group is attached to, and no rule leads %s to the queue", strings.Join(unused, ", "))
	}
	if complete && len(deaf) > 0 {
		f.problem("deploy again: make deploy", "no rule that is on leads %s to the queue", strings.Join(deaf, ", "))
	}
	if len(f.all) == 0 {
		f.ok("%d EventBridge rules are on and have targets; %d calls lead to the queue", enabled, len(heard))
	}
}

// checkRule gives the calls that a rule leads to the queue of the changes.
func (x *examination) checkRule(ctx context.Context, f *findings, name string) (calls []string, fine bool, err error) {
	// The physical id of a rule of another bus is BUS|NAME.
	bus, rule, other := strings.Cut(name, "|")
	describe, list := &eventbridge.DescribeRuleInput{Name: &name}, &eventbridge.ListTargetsByRuleInput{Rule: &name}
	if other {
		describe.Name, describe.EventBusName, list.Rule, list.EventBusName = &rule, &bus, &rule, &bus
	}
	r, err := x.Events.DescribeRule(ctx, describe)
	if err != nil {
		if code(err) == "ResourceNotFoundException" {
			f.problem("deploy again: make deploy", "rule %s is gone", name)
			return nil, false, nil
		}
		return nil, false, err
	}
	targets, err := x.Events.ListTargetsByRule(ctx, list)
	switch {
	case err != nil:
		return nil, false, err
	case r.State == types.RuleStateDisabled:
		f.problem("aws events enable-rule --name "+name+", and find out who disabled it", "rule %s is disabled: nothing comes from it", name)
		return nil, false, nil
	case len(targets.Targets) == 0:
		f.problem("deploy again: make deploy; and find out who removed them", "rule %s has no target: what it hears is dropped", name)
		return nil, false, nil
	}
	queue := queueARN(x.partition, x.deployed.QueueURL)
	if slices.ContainsFunc(targets.Targets, func(t types.Target) bool { return aws.ToString(t.Arn) == queue }) {
		calls = texts(patternOf(aws.ToString(r.EventPattern)).Detail.EventName)
	}
	return calls, true, nil
}

// queueARN is that of a queue by its URL, https://sqs.REGION.SUFFIX/ACCOUNT/NAME.
func queueARN(partition, url string) string {
	_, rest, _ := strings.Cut(url, "://")
	pieces := strings.Split(rest, "/")
	if len(pieces) != 3 {
		return ""
	}
	host := strings.Split(pieces[0], ".")
	if len(host) < 2 {
		return ""
	}
	return "arn:" + partition + ":sqs:" + host[1] + ":" + pieces[1] + ":" + pieces[2]
}
