//go:build !race

package stacks

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/bundle"
)

// The templates of a plain deployment, and of one with every setting; and the
// build that both are made of.
var (
	plain, full template
	dist        string
)

// One kernel serves all tests: starting one takes longer than all of them,
// and two at once would mix their messages. Hence no t.Parallel here.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	defer jsii.Close()
	var err error
	if dist, err = os.MkdirTemp("", "sgwarden-infra-"); err != nil {
		panic(err)
	}
	defer func() {
		if err := os.RemoveAll(dist); err != nil {
			panic(err)
		}
	}()
	fakeBuild(dist, "")
	plain = synthesize(map[string]any{"dist": dist})
	full = synthesize(map[string]any{
		"dist": dist, "mode": "enforce", "email": "you@example.com", "architecture": "x86_64",
		"operator": "arn:aws:iam::123456789012:role/operator", "attachments": "yes",
	})
	return m.Run()
}

// fakeBuild makes a folder as `make build` does of the policies at a path, "" =
// those that ship; what is in the binary does
// not matter to a template.
func fakeBuild(dist, folder string) {
	_, policies, err := bundle.Load(folder, bundle.Options{})
	if err != nil {
		panic(err)
	}
	for _, name := range folders {
		folder := filepath.Join(dist, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte("binary of "+name), 0o755); err != nil {
			panic(err)
		}
		if err := policies.WriteFile(filepath.Join(folder, bundle.FileName)); err != nil {
			panic(err)
		}
	}
}

// synthesize makes the template that the CDK app makes of these settings,
// with the feature flags of cdk.json.
func synthesize(settings map[string]any) template {
	text, err := os.ReadFile("../../cdk.json")
	if err != nil {
		panic(err)
	}
	var config struct{ Context map[string]any }
	if err := json.Unmarshal(text, &config); err != nil {
		panic(err)
	}
	s, err := FromContext(settings)
	if err != nil {
		panic(err)
	}
	out := filepath.Join(dist, "cdk.out")
	app := awscdk.NewApp(&awscdk.AppProps{Context: &config.Context, Outdir: &out})
	stack := NewAccount(app, s)
	artifact := app.Synth(nil).GetStackArtifact(stack.ArtifactId())
	text, err = json.Marshal(artifact.Template())
	if err != nil {
		panic(err)
	}
	var t template
	if err := json.Unmarshal(text, &t); err != nil {
		panic(fmt.Errorf("read the template: %w", err))
	}
	t.raw = text
	if t.file, err = os.ReadFile(*artifact.TemplateFullPath()); err != nil {
		panic(err)
	}
	return t
}
