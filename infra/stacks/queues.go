package stacks

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/events"
)

const (
	guardTimeoutSeconds = 60
	// Lambda wants six times the function's timeout (with-sqs); a message
	// that guard fails is put off by guard itself, for less.
	visibilitySeconds = 6 * guardTimeoutSeconds
	// maxReceives bounds the tries of one message. guard doubles the wait from
	// 5 seconds to 15 minutes, so that this many take half a day: long enough
	// for a person to mend a bundle or a denied right before the message is
	// among the failed ones.
	maxReceives   = 50
	retentionDays = 14
)

// queues are the way of an event: EventBridge -> changes -> guard.
type queues struct {
	changes     awssqs.Queue
	failed      awssqs.Queue // what guard failed maxReceives times
	undelivered awssqs.Queue // what EventBridge could not put into changes
	rules       []awsevents.Rule
}

func (a *account) newQueues() queues {
	deadLetters := func(id string) awssqs.Queue {
		return a.encryptQueue(awssqs.NewQueue(a.stack, jsii.String(id), &awssqs.QueueProps{
			Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
			EnforceSSL:      jsii.Bool(true),
			RetentionPeriod: awscdk.Duration_Days(jsii.Number(retentionDays)),
		}))
	}
	failed, undelivered := deadLetters("Failed"), deadLetters("Undelivered")
	return queues{failed: failed, undelivered: undelivered, changes: a.encryptQueue(awssqs.NewQueue(a.stack, jsii.String("Changes"), &awssqs.QueueProps{
		Encryption:        awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		RetentionPeriod:   awscdk.Duration_Days(jsii.Number(retentionDays)),
		VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(visibilitySeconds)),
		DeadLetterQueue:   &awssqs.DeadLetterQueue{Queue: failed, MaxReceiveCount: jsii.Number(maxReceives)},
	}))}
}

// newRules makes one EventBridge rule per rule of the table of watched calls
// that the deployment wants.
func (a *account) newRules(attachments bool) {
	for _, name := range events.RuleNames() {
		if name == events.AttachRule && !attachments {
			continue
		}
		p, _ := events.PatternOf(name) // a listed rule has calls
		id := constructID(string(name))
		rule := awsevents.NewRule(a.stack, jsii.String(id), &awsevents.RuleProps{
			RuleName:    a.ruleName(id),
			Description: jsii.String("Calls that sgwarden judges: " + string(name)),
			EventPattern: &awsevents.EventPattern{
				Source:     jsii.Strings(p.Source...),
				DetailType: jsii.Strings(p.DetailType...),
				Detail: &map[string]any{
					"eventSource": jsii.Strings(p.Detail.EventSource...),
					"eventName":   jsii.Strings(p.Detail.EventName...),
				},
			},
		})
		rule.AddTarget(awseventstargets.NewSqsQueue(a.queues.changes, &awseventstargets.SqsQueueProps{
			DeadLetterQueue: a.queues.undelivered,
			MaxEventAge:     awscdk.Duration_Hours(jsii.Number(24)),
			RetryAttempts:   jsii.Number(185),
		}))
		a.queues.rules = append(a.queues.rules, rule)
	}
}

// constructID makes RulesChanged of rules-changed.
func constructID(name string) string {
	var id strings.Builder
	for _, word := range strings.Split(name, "-") {
		id.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return id.String()
}

// close lets nobody send to the queue but the rules and the functions: whoever
// could send could forge who made a change. Rights given by roles of the
// account do not help: a deny wins. operator may be empty.
func (q queues) close(operator string, functions ...awsiam.Role) {
	rules := []any{}
	for _, r := range q.rules {
		rules = append(rules, r.RuleArn())
	}
	senders := []any{}
	for _, role := range functions {
		senders = append(senders, role.RoleArn())
	}
	if operator != "" {
		senders = append(senders, operator)
	}
	q.changes.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("OnlyRulesAndFunctionsSend"),
		Effect:     awsiam.Effect_DENY,
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions:    jsii.Strings("sqs:SendMessage"),
		Resources:  &[]*string{q.changes.QueueArn()},
		// A key that the request lacks counts as not equal; both must be so.
		Conditions: &map[string]any{"ArnNotEquals": map[string]any{"aws:SourceArn": rules, "aws:PrincipalArn": senders}},
	}))
}
