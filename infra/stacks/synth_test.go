//go:build !race

package stacks

import (
	"debug/elf"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
)

// TestBadInputTouchesNothing: what cannot be deployed is said, the command
// fails, and both the last template and the account are as they were.
func TestBadInputTouchesNothing(t *testing.T) {
	c := newCDK(t)
	said, err := c.run("", "dist="+dist)
	require.NoError(t, err, said)
	before := filesOf(t, c.out)
	require.Contains(t, before, "Sgwarden.template.json")

	unlinted := c.folder("overrides: {no-such-policy: {off: true}}\n")
	contradictory := c.folder("mode: observe\nstack: {key: \"arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\", logDays: 90}\n")
	plainHTTP := c.folder("stack:\n  alerts: [{https: \"http://alerts.example.com\"}]\n")
	damaged := t.TempDir()
	fakeBuild(damaged, "", elf.EM_AARCH64)
	require.NoError(t, os.WriteFile(filepath.Join(damaged, "guard", bundle.FileName), []byte("no bundle"), 0o600))
	for _, bad := range []struct {
		name, command string // of the CDK; "" = the app alone, as the CDK runs it
		context, says []string
	}{
		{"unknown", "", []string{"dist=" + dist, "emial=you@example.com"}, []string{"-c emial: there is no such setting"}},
		{"no address", "", []string{"dist=" + dist, "email=you"}, []string{`-c email: "you" is no e-mail address`}},
		{"lint", "", []string{"dist=" + dist, "policies=" + unlinted}, []string{"sgwarden.yaml:4:13: unknown policy \"no-such-policy\""}},
		{"plain http", "", []string{"dist=" + dist, "policies=" + plainHTTP}, []string{"sgwarden.yaml:5:20: alerts do not go over plain http"}},
		{"damaged", "", []string{"dist=" + damaged}, []string{"guard: its policies cannot be used", "run make build again"}},
		{"not built", "synth", []string{"dist=no-such-folder"}, []string{"no-such-folder/guard: there is no bootstrap in it", "run make build first"}},
		{
			"contradiction", "deploy", []string{"dist=" + dist, "policies=" + contradictory, "mode=enforce"},
			[]string{"-c mode: the settings say observe", "sgwarden.yaml:5:14: the key is in us-east-1, and the stack goes to eu-west-1"},
		},
	} {
		t.Run(bad.name, func(t *testing.T) {
			said, err := c.run(bad.command, bad.context...)
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Positive(t, exit.ExitCode())
			for _, text := range bad.says {
				require.Contains(t, said, text)
			}
			require.NotContains(t, said, "goroutine", "a fault is no crash")
			require.Equal(t, before, filesOf(t, c.out))
		})
	}
	for _, call := range c.asked() {
		require.Contains(t, call, "GetCallerIdentity", "the CDK may ask who it is")
	}
}

// cdk is the CDK's command with the app, and an AWS that notes what is asked.
type cdk struct {
	t        *testing.T
	app, out string
	endpoint string
	mu       sync.Mutex
	calls    []string
}

func newCDK(t *testing.T) *cdk {
	t.Helper()
	c := &cdk{t: t, app: filepath.Join(t.TempDir(), "infra"), out: filepath.Join(t.TempDir(), "cdk.out")}
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", c.app, "..").CombinedOutput()
	require.NoError(t, err, string(out))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		c.mu.Lock()
		c.calls = append(c.calls, r.Method+" "+r.URL.Path+" "+string(body))
		c.mu.Unlock()
		http.Error(w, "no", http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	c.endpoint = server.URL
	return c
}

func (c *cdk) asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.calls...)
}

// folder makes a folder of settings; the text begins in line 4.
func (c *cdk) folder(settings string) string {
	c.t.Helper()
	folder := c.t.TempDir()
	text := "apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\n" + settings
	require.NoError(c.t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte(text), 0o600))
	return folder
}

// run runs a command of the CDK, or the app alone, with settings of the context.
func (c *cdk) run(command string, context ...string) (said string, err error) {
	c.t.Helper()
	cmd := exec.Command(c.app)
	values := map[string]string{}
	var flags []string
	for _, s := range context {
		key, value, _ := strings.Cut(s, "=")
		values[key] = value
		flags = append(flags, "-c", s)
	}
	if command != "" {
		cmd = exec.Command("node_modules/.bin/cdk", append([]string{command, "--app", c.app, "--output", c.out}, flags...)...)
	}
	text, err := json.Marshal(values)
	require.NoError(c.t, err)
	cmd.Dir = "../.." // cdk.json
	cmd.Env = append(os.Environ(), "HOME="+c.t.TempDir(), "AWS_ENDPOINT_URL="+c.endpoint, "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true", "CI=true", "CDK_DISABLE_CLI_TELEMETRY=true")
	if command == "" {
		cmd.Env = append(cmd.Env, "CDK_OUTDIR="+c.out, "CDK_CONTEXT_JSON="+string(text), "CDK_DEFAULT_REGION=eu-west-1")
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// filesOf are the files below a folder, by name.
func filesOf(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		files[name] = string(text)
		return err
	}))
	return files
}
