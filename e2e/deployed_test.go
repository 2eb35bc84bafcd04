//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"
)

// deployed is a deployment from its first day to its last, in an account of its
// own. It prints the seconds of each step. Among all other tests it goes as far
// as the canary; E2E_WHOLE, of `make e2e-deploy`, has the rest. PROVIDER=stack
// runs all scenarios in a deployment.
func deployed(t *testing.T) {
	old := stage
	defer func() { stage = old }()
	var err error
	stage.emulator, err = startEmulator()
	require.NoError(t, err)
	defer stage.emulator.stop()
	l := &life{deployment: &deployment{emulator: stage.emulator, stack: stackName, dist: stage.guard.dist, settings: []string{version}}, next: t.TempDir()}
	began := time.Now()
	const always = true
	whole := os.Getenv("E2E_WHOLE") != ""
	for _, step := range []struct {
		name string
		run  func(t *testing.T)
		when bool
	}{
		{"doctor-before", l.doctorBefore, always},
		{"deploy", l.deploy, always},
		{"template", l.templateIsWhatIsMade, always},
		{"doctor", l.doctor, always},
		{"diff", l.diffIsClean, always},
		{"deploy-again", l.deployAgain, whole},
		{"event", sshAnywhere, always},
		{"lost-event", l.lostEvent, always},
		{"canary", l.canaryPasses, always},
		{"canary-alarms", l.canaryAlarms, always},
		{"bad-input", l.badInput, whole},
		{"refused", l.refused, whole},
		{"next-version", l.nextVersion, whole},
		{"destroy", l.destroy, whole},
	} {
		if !step.when {
			continue
		}
		at := time.Now()
		require.True(t, t.Run(step.name, step.run), "the steps after it need it")
		say("%6.1f s  %s", time.Since(at).Seconds(), step.name)
	}
	say("%6.1f s  in all", time.Since(began).Seconds())
}

// life is a deployment while it is lived through.
type life struct {
	*deployment
	functions map[string]function // by how their logical ids begin
	next      string              // folder of the next version: its policies, its build
}

// findings are those of a doctor's report, by check and state.
func findings(t *testing.T, report string) map[string][]string {
	t.Helper()
	states := map[string][]string{}
	for line := range strings.Lines(report) {
		for _, state := range []string{"ok", "PROBLEM", "warning", "not known"} {
			if rest, ok := strings.CutPrefix(line, state+strings.Repeat(" ", 11-len(state))); ok && rest[0] != ' ' {
				check, _, _ := strings.Cut(rest, "  ")
				states[check] = append(states[check], state)
			}
		}
	}
	require.NotEmpty(t, states, report)
	return states
}

// doctorBefore: an account with neither trail nor bootstrap is not ready, and
// what doctor says to do about it makes it so.
func (l *life) doctorBefore(t *testing.T) {
	out, err := l.make("doctor-before")
	require.Error(t, err)
	states := findings(t, out)
	require.Equal(t, []string{"PROBLEM"}, states["trail"], out)
	require.Equal(t, []string{"PROBLEM"}, states["bootstrap"], out)
	require.Equal(t, []string{"ok"}, states["identity"], out)
	require.Contains(t, out, "not ready")

	require.Contains(t, out, "aws cloudtrail create-trail --is-multi-region-trail, then start-logging")
	require.NoError(t, l.aws(nil, "s3api", "create-bucket", "--bucket", "trail"))
	require.NoError(t, l.aws(nil, "cloudtrail", "create-trail", "--name", "org", "--s3-bucket-name", "trail", "--is-multi-region-trail"))
	require.NoError(t, l.aws(nil, "cloudtrail", "start-logging", "--name", "org"))
	// What a trail of AWS logs by default, moto's does not.
	require.NoError(t, l.aws(nil, "cloudtrail", "put-event-selectors", "--trail-name", "org", "--event-selectors", `[{"ReadWriteType":"All","IncludeManagementEvents":true}]`))
	require.Contains(t, out, "-> make bootstrap")
	l.deployment, err = newDeployment(l.emulator, l.dist)
	require.NoError(t, err)

	// Lambda's quotas, alarms and outputs of change sets are unknown to moto.
	out, _ = l.make("doctor-before")
	states = findings(t, out)
	require.Equal(t, []string{"ok"}, states["trail"], out)
	require.Equal(t, []string{"not known"}, states["bootstrap"], out)
	require.Contains(t, out, "\n0 problems")
}

func (l *life) deploy(t *testing.T) {
	_, err := l.make("deploy")
	require.NoError(t, err)
}

// doctor right after a deployment: what moto makes of it is well, and the rest
// is what moto leaves out (skipped).
func (l *life) doctor(t *testing.T) {
	out, err := l.sgwarden("doctor")
	require.Error(t, err, "there are problems")
	require.Equal(t, map[string][]string{
		"identity": {"ok"}, "trail": {"ok"}, "stack": {"ok"}, "rules": {"ok"}, "functions": {"ok"}, "triggers": {"ok"}, "policies": {"ok"},
		"queue": {"ok"}, "dead letters": {"ok"}, "controls": {"ok"}, "others": {"ok"},
		"sweep": {"warning"}, "baseline": {"warning"}, // no sweep ran yet
		"ledger":        {"warning"},            // no point-in-time recovery and no expiry
		"rights":        {"not known"},          // no simulation of policies
		"canary":        {"PROBLEM"},            // no alarms
		"alarms":        {"PROBLEM"},            // none at all
		"subscriptions": {"PROBLEM", "PROBLEM"}, // none of a template
	}, findings(t, out), out)

	stage.site, err = l.site()
	require.NoError(t, err)
	l.functions = map[string]function{}
	for _, id := range []string{"Guard", "Sweep", "Canary"} {
		f, err := l.function(id)
		require.NoError(t, err)
		l.functions[id] = f
		built, err := os.ReadFile(filepath.Join(l.dist, strings.ToLower(id), "bootstrap"))
		require.NoError(t, err)
		inBucket, err := os.ReadFile(f.bootstrap)
		require.NoError(t, err)
		require.True(t, string(built) == string(inBucket), "the asset of %s is what was built", id)
	}
}

func (l *life) diffIsClean(t *testing.T) {
	out, err := l.make("diff") // with --fail
	require.NoError(t, err)
	require.Contains(t, out, "There were no differences")
}

func (l *life) deployAgain(t *testing.T) {
	before := l.account(t)
	out, err := l.make("deploy")
	require.NoError(t, err)
	require.Contains(t, out, stackName+" (no changes)")
	requireSame(t, before, l.account(t))
}

// account is what is deployed, by name: the template, the functions'
// configuration and code, and what feeds guard.
func (l *life) account(t *testing.T) map[string]string {
	t.Helper()
	template, err := l.template()
	require.NoError(t, err)
	all := map[string]string{"template": template.text}
	for id, f := range l.functions {
		c, err := l.lambda().GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &f.config.Name})
		require.NoError(t, err)
		text, err := json.Marshal([]any{c.FunctionName, c.Role, c.Environment, c.CodeSha256, c.Timeout, c.MemorySize, c.LastModified})
		require.NoError(t, err)
		all[id] = string(text)
	}
	mappings, err := l.lambda().ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{})
	require.NoError(t, err)
	require.Len(t, mappings.EventSourceMappings, 1)
	m := mappings.EventSourceMappings[0]
	all["mapping"] = *m.UUID + " " + *m.EventSourceArn + " " + *m.FunctionArn + " " + *m.State
	return all
}

// requireSame wants the texts of before, and no other. Whole, they are too long
// to be printed.
func requireSame(t *testing.T, before, after map[string]string) {
	t.Helper()
	var changed []string
	for name, text := range before {
		if now, ok := after[name]; !ok || now != text {
			changed = append(changed, name)
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			changed = append(changed, name+" is new")
		}
	}
	require.Empty(t, changed, "changed, or gone")
}

// badInput: a setting and a policy that are wrong are each one readable error,
// and neither cdk.out nor the account is touched.
func (l *life) badInput(t *testing.T) {
	policies := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(policies, "mail.yaml"), []byte(strings.Replace(egressPolicy, "egress", "egres", 1)), 0o600))
	for _, c := range []struct{ setting, want string }{
		{"CONTEXT=mode=enforce email=nobody", `-c email: "nobody" is no e-mail address`},
		{"POLICIES=" + policies, `mail.yaml:5:17: unknown direction "egres"`},
	} {
		before, assembly := l.account(t), files(t, l.assembly)
		out, err := l.make("deploy", c.setting)
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(out, c.want), "want once %s\n%s", c.want, out)
		for _, noise := range []string{"goroutine ", "panic", "    at "} {
			require.NotContains(t, out, noise)
		}
		requireSame(t, before, l.account(t))
		requireSame(t, assembly, files(t, l.assembly))
	}
}

func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	all, err := tree(folder)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// refused: AWS does not take an update. What was deployed is there, and works.
func (l *life) refused(t *testing.T) {
	before := l.account(t)
	asked := 0
	gate := newGate(t, l.url, func(w http.ResponseWriter, form url.Values) bool {
		if form.Get("Action") != "UpdateStack" {
			return false
		}
		asked++
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Template error: not today</Message></Error><RequestId>r</RequestId></ErrorResponse>`))
		return true
	})
	aside := *l.deployment
	aside.emulator = &emulator{url: gate}
	aside.assembly = filepath.Join(t.TempDir(), "cdk.out")
	out, err := aside.make("deploy", "CONTEXT=mode=observe email=you@example.com")
	require.Error(t, err)
	require.Contains(t, out, "Template error: not today")
	require.Equal(t, 1, asked)
	requireSame(t, before, l.account(t))
	sshAnywhere(t)
}

func (l *life) destroy(t *testing.T) {
	_, err := l.make("destroy")
	require.NoError(t, err)
	out, err := l.make("left")
	require.NoError(t, err, "no problem")
	require.Equal(t, map[string][]string{"identity": {"ok"}, "left": {"ok"}}, findings(t, out), out)
	for _, f := range l.functions {
		_, err := l.lambda().GetFunctionConfiguration(context.Background(), &lambda.GetFunctionConfigurationInput{FunctionName: &f.config.Name})
		require.ErrorContains(t, err, "ResourceNotFoundException")
	}
	l.kept(t)
}
