//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// byStack deploys the stack into the emulator and takes from it what the
// function was given. The queue of alerts is subscribed through the API: moto
// skips subscriptions of templates.
func byStack(e *emulator, dist string) (site, error) {
	app := filepath.Join(dist, "infra")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", app, "../infra").CombinedOutput(); err != nil {
		return site{}, fmt.Errorf("build the CDK app: %w\n%s", err, out)
	}
	cdk := func(args ...string) error {
		path, err := filepath.Abs("../node_modules/.bin/cdk")
		if err != nil {
			return err
		}
		cmd := exec.Command(path, append(args, "--app", app, "--output", filepath.Join(dist, "cdk.out"))...)
		cmd.Dir = ".." // cdk.json
		cmd.Env = e.environ()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("cdk %s: %w\n%s", args[0], err, out)
		}
		return nil
	}
	settings := []string{"-c", "dist=" + dist, "-c", "architecture=x86_64", "-c", "mode=enforce", "-c", "email=you@example.com"}
	if err := cdk(append([]string{"bootstrap", "aws://" + account + "/" + region}, settings...)...); err != nil {
		return site{}, err
	}
	if err := cdk(append([]string{"deploy", "--require-approval", "never"}, settings...)...); err != nil {
		return site{}, err
	}
	if err := e.unschedule(); err != nil {
		return site{}, err
	}
	// Not from the outputs: moto has none of a stack's first deployment.
	var made struct {
		StackResourceSummaries []struct{ ResourceType, LogicalResourceId, PhysicalResourceId string }
	}
	if err := e.aws(&made, "cloudformation", "list-stack-resources", "--stack-name", "Sgwarden"); err != nil {
		return site{}, err
	}
	name := ""
	for _, r := range made.StackResourceSummaries {
		if r.ResourceType == "AWS::Lambda::Function" && strings.HasPrefix(r.LogicalResourceId, "Guard") {
			name = r.PhysicalResourceId
		}
	}
	var function struct {
		Role        string
		Environment struct{ Variables map[string]string }
	}
	if err := e.aws(&function, "lambda", "get-function-configuration", "--function-name", name); err != nil {
		return site{}, err
	}
	env := function.Environment.Variables
	say("stack   Sgwarden, function %s", name)
	s := site{queue: env["SGWARDEN_QUEUE_URL"], topic: env["SGWARDEN_TOPIC_ARN"], table: env["SGWARDEN_TABLE"], role: function.Role, env: env}
	return s, e.subscribe(&s)
}

// unschedule takes the targets from the rules that a schedule runs: moto takes
// a rule without a pattern for one that matches every event, and fails
// PutEvents at a target that is a function.
func (e *emulator) unschedule() error {
	var rules struct {
		Rules []struct{ Name, ScheduleExpression string }
	}
	if err := e.eventBridge("ListRules", object{}, &rules); err != nil {
		return err
	}
	var scheduled []string
	for _, r := range rules.Rules {
		if r.ScheduleExpression == "" {
			continue
		}
		scheduled = append(scheduled, r.Name)
		var targets struct{ Targets []struct{ ID string } }
		if err := e.eventBridge("ListTargetsByRule", object{"Rule": r.Name}, &targets); err != nil {
			return err
		}
		var ids []string
		for _, t := range targets.Targets {
			ids = append(ids, t.ID)
		}
		if err := e.eventBridge("RemoveTargets", object{"Rule": r.Name, "Ids": ids}, nil); err != nil {
			return err
		}
	}
	if len(scheduled) != 2 {
		return fmt.Errorf("scheduled are %q: want one rule for the sweep and one for the canary", scheduled)
	}
	return nil
}
