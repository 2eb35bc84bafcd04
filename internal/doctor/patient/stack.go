package patient

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sgwarden/sgwarden/events"
)

// alarms and otherRules are the names, behind that of the stack, of what a
// default deployment has; infra/stacks holds them to its template.
var (
	alarms = []string{
		"Failed", "Undelivered", "Waiting", "NotRemedied", "Unjudged", "Held", "Errors", "Throttles", "SweepErrors", "NotSwept", "Left", "Canary", "CanarySilent",
	}
	otherRules = []string{
		"SweepSchedule", "Deployed", "CanarySchedule", "TrailTampered", "RuleTampered", "TargetsTampered", "FunctionTampered", "MappingTampered", "SubscriptionTampered",
		"TopicTampered", "QueueTampered", "LedgerTampered", "ControlsWritten", "RoleTampered", "AlarmTampered",
	}
)

// deploy makes the stack as its defaults have it.
func (a *Account) deploy() {
	a.rules, a.targets = map[string]any{}, map[string]any{}
	a.add("AWS::DynamoDB::Table", "Ledger", a.Cloud.Table())
	a.add("AWS::SNS::Topic", "Alerts", Alerts)
	a.add("AWS::SNS::Topic", "Alarms", Alarms)
	a.add("AWS::SQS::Queue", "Changes", Changes)
	a.add("AWS::SQS::Queue", "Failed", failed)
	a.add("AWS::SQS::Queue", "Undelivered", undelvd)
	a.add("AWS::Lambda::Function", "Guard", Guard)
	a.add("AWS::Lambda::Function", "Sweep", "Sgwarden-Sweep-1")
	a.add("AWS::Lambda::Function", "Canary", "Sgwarden-Canary-1")
	a.add("AWS::Lambda::EventSourceMapping", "GuardSqsEventSource", "uuid-1")
	for _, name := range alarms {
		a.add("AWS::CloudWatch::Alarm", name+"Alarm", "Sgwarden-"+name)
	}
	for _, name := range events.RuleNames() {
		if name != events.AttachRule {
			a.hear(name)
		}
	}
	for _, name := range otherRules {
		a.addRule(name, Object{"ScheduleExpression": "rate(15 minutes)"}, Alarms)
	}
}

// Attach adds the rule that hears of attachments, which only a setting makes.
func (a *Account) Attach() { a.hear(events.AttachRule) }

// Chat adds the topic for chats, which only a setting makes.
func (a *Account) Chat() { a.add("AWS::SNS::Topic", "Chat", ChatTopic) }

// hear adds a rule that leads calls to the queue.
func (a *Account) hear(name events.RuleName) {
	pattern, _ := events.PatternOf(name)
	text, err := json.Marshal(pattern)
	if err != nil {
		panic(err) // a pattern is lists of texts
	}
	id := ""
	for _, word := range strings.Split(string(name), "-") {
		id += strings.ToUpper(word[:1]) + word[1:]
	}
	a.addRule(id, Object{"EventPattern": string(text)}, "arn:aws:sqs:"+Region+":"+ID+":changes")
}

func (a *Account) addRule(id string, rule Object, target string) {
	name := "Sgwarden-" + id
	rule["Name"], rule["State"] = name, "ENABLED"
	a.rules[name], a.targets[name] = rule, Object{"Targets": []any{Object{"Id": "1", "Arn": target}}}
	a.add("AWS::Events::Rule", id, name)
}

// add adds a resource, with a logical id as the CDK makes them.
func (a *Account) add(kind, name, physical string) {
	a.resources = append(a.resources, Resource(kind, fmt.Sprintf("%s%07X%d", name, 0xF3A4C12, len(a.resources)%10), physical))
}

// wellAlarms are the alarms of the stack, none of which rings.
func wellAlarms() []any {
	var all []any
	for _, name := range alarms {
		all = append(all, Alarm("Sgwarden-"+name, "OK"))
	}
	return all
}
