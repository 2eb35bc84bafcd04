//go:build !race

package stacks

import (
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

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
	fakeBuild(dist, "", elf.EM_AARCH64)
	plain = synthesize(map[string]any{"dist": dist}, "")
	fakeBuild(filepath.Join(dist, "full"), "testdata/full", elf.EM_X86_64)
	full = synthesize(fullContext(), "eu-west-1")
	return m.Run()
}

// fullContext names the folder whose settings have every key.
func fullContext() map[string]any {
	return map[string]any{"dist": filepath.Join(dist, "full"), "policies": "testdata/full"}
}

// when settings are read.
var when = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// fakeBuild makes a folder as `make build` does of the policies at a path, "" =
// those that ship; what is in the binary beyond its header does not matter to a
// template.
func fakeBuild(dist, folder string, machine elf.Machine) {
	_, policies, err := bundle.Load(folder, bundle.Options{})
	if err != nil {
		panic(err)
	}
	for _, name := range folders {
		folder := filepath.Join(dist, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "bootstrap"), executable(machine, "binary of "+name), 0o755); err != nil {
			panic(err)
		}
		if err := policies.WriteFile(filepath.Join(folder, bundle.FileName)); err != nil {
			panic(err)
		}
	}
}

// executable is the header of an executable, and a text behind it.
func executable(machine elf.Machine, text string) []byte {
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	header, err := binary.Append(nil, binary.LittleEndian, h)
	if err != nil {
		panic(err)
	}
	return append(header, text...)
}

// synthesize makes the template that the CDK app makes of these settings for a
// region, with the feature flags of cdk.json.
func synthesize(settings map[string]any, region string) template {
	text, err := os.ReadFile("../../cdk.json")
	if err != nil {
		panic(err)
	}
	var config struct{ Context map[string]any }
	if err := json.Unmarshal(text, &config); err != nil {
		panic(err)
	}
	s, err := FromContext(settings, Where{Region: region, Now: when})
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
