//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// deployment is the stack in an emulator, put there by the targets of the
// Makefile that a person uses, and so by the real CDK.
type deployment struct {
	*emulator
	stack    string // its name
	dist     string // of the build that is deployed
	assembly string // cdk.out
	assets   string // where the functions' assets are unzipped to
	exists   bool   // the stack was deployed before
	// readable makes of a template what the emulator can read; nil = it can.
	readable func(template string) string
	// settings are those of every target: POLICIES, VERSION.
	settings []string
	// scheduled are the targets that unschedule took, by rule.
	scheduled map[string][]object
}

const stackName = "Sgwarden"

// newDeployment bootstraps the emulator. Nothing is deployed yet.
func newDeployment(e *emulator, dist string) (*deployment, error) {
	d := &deployment{emulator: e, stack: stackName, dist: dist, assembly: filepath.Join(dist, "cdk.out"), assets: filepath.Join(dist, "assets"), settings: []string{version}}
	_, err := d.make("bootstrap")
	return d, err
}

// command runs a program in the checkout, against the emulator, and gives all
// that it printed.
func (d *deployment) command(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = ".."
	cmd.Env = d.environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// make runs a target. settings go over those of the deployment.
//
// The emulator takes a second change set of a stack for none, and a parameter
// that keeps its value only if the stack was made with it: hence the flags.
func (d *deployment) make(target string, settings ...string) (string, error) {
	args := []string{
		target, "GOARCH=" + runtime.GOARCH, "DIST=" + d.dist, "ASSEMBLY=" + d.assembly, "CONTEXT=mode=enforce email=you@example.com", "APPROVAL=never", "FORCE=yes",
	}
	switch target {
	case "deploy", "deploy-hub":
		flags := "--method=direct"
		if !d.exists {
			flags += " --parameters BootstrapVersion=/cdk-bootstrap/hnb659fds/version"
		}
		args, d.exists = append(args, "FLAGS="+flags), true
	case "diff":
		args = append(args, "FLAGS=--method=template --fail")
	}
	return d.command("make", append(append(args, d.settings...), settings...)...)
}

// sgwarden runs the command line tool that `make sgwarden` built.
func (d *deployment) sgwarden(args ...string) (string, error) {
	path, err := filepath.Abs("../bin/sgwarden")
	if err != nil {
		return "", err
	}
	return d.command(path, args...)
}

// byStack deploys the stack into the emulator.
func byStack(e *emulator, dist string) (site, error) {
	d, err := newDeployment(e, dist)
	if err != nil {
		return site{}, err
	}
	if _, err := d.make("deploy"); err != nil {
		return site{}, err
	}
	return d.site()
}

// site is where the deployed guard works: the function that the template gives,
// with the environment that it gives.
func (d *deployment) site() (site, error) {
	if err := d.unschedule(); err != nil {
		return site{}, err
	}
	guard, err := d.function("Guard")
	if err != nil {
		return site{}, err
	}
	say("stack   %s, function %s, asset %s", stackName, guard.config.Name, guard.asset)
	env := guard.config.Env
	s := site{
		queue: env["SGWARDEN_QUEUE_URL"], topic: env["SGWARDEN_TOPIC_ARN"], table: env["SGWARDEN_TABLE"],
		role: guard.role, env: env, function: guard.config, bootstrap: guard.bootstrap,
	}
	return s, d.subscribe(&s)
}

// unschedule takes the targets from the rules that a schedule runs: moto takes
// a rule without a pattern for one that matches every event, and fails
// PutEvents at a target that is a function. reschedule puts them back.
func (d *deployment) unschedule() error {
	var rules struct {
		Rules []struct{ Name, ScheduleExpression string }
	}
	if err := d.eventBridge("ListRules", object{}, &rules); err != nil {
		return err
	}
	d.scheduled = map[string][]object{}
	for _, r := range rules.Rules {
		if r.ScheduleExpression == "" {
			continue
		}
		var on struct{ Targets []object }
		if err := d.eventBridge("ListTargetsByRule", object{"Rule": r.Name}, &on); err != nil {
			return err
		}
		if len(on.Targets) == 0 {
			return fmt.Errorf("rule %s has no target", r.Name)
		}
		var ids []any
		for _, t := range on.Targets {
			ids = append(ids, t["Id"])
		}
		if err := d.eventBridge("RemoveTargets", object{"Rule": r.Name, "Ids": ids}, nil); err != nil {
			return err
		}
		d.scheduled[r.Name] = on.Targets
	}
	if names, want := slices.Sorted(maps.Keys(d.scheduled)), []string{stackName + "-CanarySchedule", stackName + "-SweepSchedule"}; !slices.Equal(names, want) {
		return fmt.Errorf("scheduled are %q: want %q", names, want)
	}
	return nil
}

// reschedule makes the rules whole again, for whoever looks at them.
func (d *deployment) reschedule() error {
	for rule, targets := range d.scheduled {
		if err := d.eventBridge("PutTargets", object{"Rule": rule, "Targets": targets}, nil); err != nil {
			return err
		}
	}
	return nil
}

// tree is the content of all files below a folder, by path, without the locks
// and counters that the CDK keeps beside them.
func tree(folder string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".lock") || entry.Name() == "performance-counters.json" {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	return files, err
}
