package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
)

// sinksOf names what the guard tells beside the alerts, as its environment has
// it (internal/guard).
func sinksOf(environment map[string]string) (names []string) {
	if environment["SGWARDEN_CHAT_TOPIC_ARN"] != "" {
		names = append(names, "chats")
	}
	if environment["SGWARDEN_SECURITY_HUB"] != "" {
		names = append(names, "Security Hub")
	}
	if bus := environment["SGWARDEN_EVENT_BUS_ARN"]; bus != "" {
		names = append(names, "the bus "+busName(bus))
	}
	if hub := strings.Split(environment["SGWARDEN_HUB_BUS_ARN"], ":"); len(hub) == 6 {
		names = append(names, "the hub in account "+hub[4])
	}
	return names
}

// busName is the name in the ARN of a bus.
func busName(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// checkSinks says who is told beside the alerts, and asks whether the stack's
// own bus is there and somebody reads it. Whether the others take what they are
// told only telling shows: the alarm SinkMissed. Those who are subscribed to the
// topic of chats are among the subscriptions.
func checkSinks(ctx context.Context, x *examination, f *findings) {
	environment := x.functions[x.deployed.Guard].environment
	if bus := environment["SGWARDEN_EVENT_BUS_ARN"]; bus != "" {
		out, err := x.Events.ListRules(ctx, &eventbridge.ListRulesInput{EventBusName: &bus})
		switch {
		case code(err) == "ResourceNotFoundException":
			f.problem("deploy again: make deploy; and find out who deleted it", "the bus %s is gone: what it should be told is missed", busName(bus))
		case err != nil:
			f.unknown("the bus "+busName(bus), err)
		case len(out.Rules) == 0:
			f.warn("make a rule on it: docs/reference/sinks.md", "the bus %s has no rule: nobody reads it", busName(bus))
		}
	}
	if names := sinksOf(environment); len(names) > 0 && len(f.all) == 0 {
		f.ok("told beside the alerts: %s; the alarm SinkMissed rings when one does not take it", strings.Join(names, ", "))
	}
}

// untested is what a test alert does not reach, as the end of a sentence.
func (x *examination) untested() string {
	names := sinksOf(x.functions[x.deployed.Guard].environment)
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s get no test", strings.Join(names, ", "))
}
