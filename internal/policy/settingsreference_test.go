package policy

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const settingsReference = "../../docs/reference/settings.md"

const settingsPreface = `# Settings

<!-- generated: go test ./internal/policy -run SettingsReference -update -->

Every key of a document of kind Settings, as ` + "`sgwarden.yaml`" + ` has it. All but ` + "`apiVersion`" + ` and ` + "`kind`" + ` may be left out; an unknown key is an error. ` + "`sgwarden init`" + ` writes a file with every key commented, ` + "`sgwarden lint`" + ` checks it, and [schema.json](../../policies/schema.json) has editors complete it. Overrides are described by ` + "`sgwarden init`" + ` and [design/0020](../design/0020-what-an-override-may-change.md).

The block ` + "`stack`" + ` is what ` + "`make deploy`" + ` makes the stack with; functions do not read it, and it is no part of the digest of the policies. A key with one value can be given in the context as well, where it counts instead: ` + "`make deploy CONTEXT='logDays=30 canary=no'`" + `, or ` + "`cdk deploy -c logDays=30`" + `. Those have an entry in the last column; ` + "`yes`" + ` and ` + "`no`" + ` are truth values there. The mode of the settings can be given there too (` + "`mode`" + `), but enforce not over settings that say observe. Two keys of the context are no settings: ` + "`policies`" + `, the folder of the settings (` + "`POLICIES`" + ` of make), and ` + "`dist`" + `, that of the build.

What a key, a queue and a URL need on their own side is in [keys and subscribers](../keys-and-subscribers.md).
`

// TestSettingsReference holds the description of the settings to the language.
func TestSettingsReference(t *testing.T) {
	var out strings.Builder
	out.WriteString(settingsPreface)
	describe(&out, "The settings", "", reflect.TypeFor[settingsSyntax]())
	if *update {
		require.NoError(t, os.WriteFile(settingsReference, []byte(out.String()), 0o644))
	}
	want, err := os.ReadFile(settingsReference)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String(), "%s is stale: go test ./internal/policy -run SettingsReference -update", settingsReference)
}

// describe writes a table of the keys of a struct of the language, and tables of
// what stands below them.
func describe(out *strings.Builder, title, path string, t reflect.Type) {
	inStack := path == "stack"
	fmt.Fprintf(out, "\n## %s\n\n| key | what it is |%s\n|---|---|%s\n", title, strings.Repeat(" in the context |", count(inStack)), strings.Repeat("---|", count(inStack)))
	type below struct {
		path string
		t    reflect.Type
	}
	var more []below
	for _, f := range reflect.VisibleFields(t) {
		name := f.Tag.Get("json")
		if name == "" || name == "-" {
			continue
		}
		what := f.Tag.Get("jsonschema_description")
		if inner := structOf(f.Type); inner != nil && name != "overrides" {
			more = append(more, below{strings.TrimPrefix(path+"."+name, "."), inner})
			what += "; [below](#" + anchorOf(strings.TrimPrefix(path+"."+name, ".")) + ")"
		}
		fmt.Fprintf(out, "| `%s` | %s |", name, strings.ReplaceAll(what, "|", `\|`))
		if inStack {
			over := strings.Replace(name, "name", nameOver, 1)
			cell := ""
			if slices.Contains(OverKeys(), over) {
				cell = " `" + over + "`"
			}
			out.WriteString(cell + " |")
		}
		out.WriteString("\n")
	}
	for _, b := range more {
		describe(out, "`"+b.path+"`", b.path, b.t)
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// anchorOf is how a heading of a path is linked to.
func anchorOf(path string) string {
	return strings.ToLower(strings.NewReplacer(".", "").Replace(path))
}

// structOf is the struct that a key holds, alone, in a list or by name; nil for
// a value.
func structOf(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Pointer:
		return structOf(t.Elem())
	case reflect.Slice:
		if strings.HasPrefix(t.Elem().Name(), "keyedEntry[") {
			value, _ := t.Elem().FieldByName("value")
			return structOf(value.Type)
		}
		return structOf(t.Elem())
	case reflect.Struct:
		if _, isLeaf := reflect.New(t).Interface().(leaf); !isLeaf {
			return t
		}
	}
	return nil
}
