package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/sgwarden/sgwarden/events"
)

// other is something else in the account that changes security groups by
// itself, or is told of their changes.
type other struct{ who, mark string }

// checkOthers looks for other remediators by their marks. Two that take back
// the same rule race; two that want different things fight.
func checkOthers(ctx context.Context, x *examination, f *findings) {
	var found []other
	for _, source := range []struct {
		what string
		look func(context.Context, *examination) ([]other, error)
	}{
		{"other remediators among EventBridge's rules", othersByRules},
		{"other remediators among Lambda's functions", othersByFunctions},
		{"other remediators among AWS Config's rules", othersByConfig},
	} {
		more, err := source.look(ctx, x)
		if err != nil {
			f.unknown(source.what, err)
		}
		found = append(found, more...)
	}
	for _, o := range found {
		f.warn("let one of the two only report, or keep sgwarden in observe mode for what both cover", "%s: %s", o.who, o.mark)
	}
	if len(found) == 0 && len(f.all) == 0 {
		f.ok("no other remediator has left a mark (Config remediation, Cloud Custodian, Firewall Manager, Security Hub)")
	}
}

// remediators are the marks in the names of functions and rules: what Cloud
// Custodian calls all that it deploys (function-prefix, default "custodian-"),
// and the solution id of AWS's "Automated Security Response".
var remediators = []struct{ prefix, who string }{
	{"custodian-", "Cloud Custodian"},
	{"SO0111-", "Automated Security Response on AWS (Security Hub)"},
}

func remediatorOf(name string) string {
	for _, r := range remediators {
		if strings.HasPrefix(name, r.prefix) {
			return r.who
		}
	}
	return ""
}

func othersByRules(ctx context.Context, x *examination) (found []other, err error) {
	for in := (&eventbridge.ListRulesInput{}); ; {
		out, err := x.Events.ListRules(ctx, in)
		if err != nil {
			return found, err
		}
		for _, r := range out.Rules {
			who, err := x.remediatesBy(ctx, r)
			if err != nil {
				return found, err
			}
			if who != "" {
				found = append(found, other{who, "EventBridge rule " + aws.ToString(r.Name)})
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return found, nil
		}
	}
}

// remediatesBy names what a rule belongs to; "" = it is ours, off, or nothing
// of this kind.
func (x *examination) remediatesBy(ctx context.Context, r types.Rule) (string, error) {
	name := aws.ToString(r.Name)
	if r.State == types.RuleStateDisabled || x.parts.has(partRule, name) {
		return "", nil
	}
	if who := remediatorOf(name); who != "" {
		return who, nil
	}
	hears := ""
	switch {
	case strings.HasPrefix(aws.ToString(r.Description), RuleDescription):
		return "another deployment of sgwarden", nil
	case hearsOfGroups(aws.ToString(r.EventPattern)):
		hears = "something that is told of changes of security groups"
	case slices.Contains(sourcesOf(aws.ToString(r.EventPattern)), "aws.securityhub"):
		hears = "something that is told of Security Hub's findings"
	default:
		return "", nil
	}
	// Whoever only tells people or keeps a log changes nothing.
	targets, err := x.Events.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: r.Name})
	if err != nil {
		return "", err
	}
	for _, t := range targets.Targets {
		if pieces := strings.SplitN(aws.ToString(t.Arn), ":", 4); len(pieces) == 4 && slices.Contains([]string{"lambda", "states", "ssm", "codebuild", "ecs"}, pieces[2]) {
			return fmt.Sprintf("%s, and runs %s", hears, aws.ToString(t.Arn)), nil
		}
	}
	return "", nil
}

// RuleDescription is how the descriptions of our own rules begin; a test of
// infra holds it.
const RuleDescription = "Calls that sgwarden judges"

type eventPattern struct {
	Source []any `json:"source"`
	Detail struct {
		EventName []any `json:"eventName"`
	} `json:"detail"`
}

func patternOf(text string) (p eventPattern) {
	if json.Unmarshal([]byte(text), &p) != nil {
		return eventPattern{}
	}
	return p
}

func sourcesOf(pattern string) []string { return texts(patternOf(pattern).Source) }

// hearsOfGroups says whether a pattern names a call that sgwarden watches.
func hearsOfGroups(pattern string) bool {
	named := texts(patternOf(pattern).Detail.EventName)
	return slices.ContainsFunc(events.Calls(), func(c events.Call) bool { return slices.Contains(named, c.EventName) })
}

// texts leaves the plain texts of a list of matches.
func texts(of []any) (out []string) {
	for _, v := range of {
		if text, ok := v.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

func othersByFunctions(ctx context.Context, x *examination) (found []other, err error) {
	for in := (&lambda.ListFunctionsInput{}); ; {
		out, err := x.Lambda.ListFunctions(ctx, in)
		if err != nil {
			return found, err
		}
		for _, fn := range out.Functions {
			if who := remediatorOf(aws.ToString(fn.FunctionName)); who != "" {
				found = append(found, other{who, "Lambda function " + aws.ToString(fn.FunctionName)})
			}
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			return found, nil
		}
	}
}
