package bundle

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// State says whether a deployment judges by a policy.
type State string

// The states of a policy.
const (
	On       State = "on"
	Off      State = "off"      // by its settings
	Unscoped State = "unscoped" // chosen, and nobody gave it a scope
	Unlisted State = "unlisted" // of a pack that the settings do not list
	Missing  State = "missing"  // no policy covers the check of the control yet
)

// Entry is one policy of a catalog, or, in that of a framework, one control
// and one policy that satisfies it, alone or with others of the same control.
type Entry struct {
	Control  string // "" outside of frameworks
	Policy   string // "" where State is Missing
	Title    string // of the policy, or, where there is none, of the check
	Pack     string // the folder of the pack; "" = own
	Severity string
	State    State
	Why      string             // why it is off; "" where it is on or Missing
	Mode     string             // under the settings and the environment
	Remedy   string             // in words
	Scope    string             // in words
	Changed  []string           // keys that the settings override
	Exempt   []policy.Exemption // from it, where it is on
	Chosen   bool
	Checks   []string // of the policy that stand for the control; all of them without one
	Controls map[string][]string
	File     string
	Line     int
	Later    string // what it takes, where State is Missing
}

// Catalog lists policies: those of a folder and all embedded ones, with their
// state under the folder's settings. path "" stands for a deployment without a
// folder, environment for what SGWARDEN_MODE would say, 0 for nothing. pack ""
// lists all, what is on first, the id of a pack its policies, and that of a
// framework its controls.
func Catalog(path, pack string, environment policy.Mode) ([]Entry, error) {
	embedded, err := parsePacks()
	if err != nil {
		return nil, err
	}
	deployed, err := parseDeployed(path)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, d := range documentsOf(deployed) {
		out = append(out, entryOf(d, deployed, environment))
	}
	for _, d := range documentsOf(embedded) {
		if !slices.ContainsFunc(out, func(e Entry) bool { return e.Policy == d.ID }) {
			e := entryOf(d, embedded, environment)
			e.State, e.Why, e.Mode = Unlisted, "pack "+e.Pack+" is not listed under packs", ""
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.State.order(), b.State.order()), cmp.Compare(a.Pack, b.Pack), cmp.Compare(a.Policy, b.Policy))
	})
	packs, err := readPacks()
	switch {
	case err != nil || pack == "":
		return out, err
	case packs[pack] == nil:
		return nil, &UnknownPackError{ID: pack, Known: slices.Sorted(maps.Keys(packs))}
	case isFramework(pack):
		return byControl(out, pack)
	}
	return slices.DeleteFunc(out, func(e Entry) bool { return e.Pack != pack }), nil
}

// parseDeployed parses what a deployment is made of.
func parseDeployed(path string) (policy.Parsed, error) {
	if path == "" {
		return parsePacks("baseline")
	}
	return parseFolder(path, policy.ParseOptions{})
}

func documentsOf(p policy.Parsed) []policy.Document { return slices.Concat(p.Documents, p.Off) }

func entryOf(d policy.Document, p policy.Parsed, environment policy.Mode) Entry {
	e := Entry{
		Policy: d.ID, Title: d.Title, Severity: d.Severity.String(), State: On, Chosen: d.Chosen,
		Mode: p.Deployment.ModeOf(d, environment).String(), Remedy: d.Remedy.Text(), Scope: d.ScopeText(p.Deployment.Trusted),
		Changed: p.Overridden[d.ID], Checks: d.Checks, Controls: d.Controls, File: filepath.ToSlash(d.File), Line: d.Line,
	}
	if d.Shipped {
		e.Pack = filepath.Base(filepath.Dir(d.File))
	}
	for _, x := range p.Deployment.Exemptions {
		if x.Policy == d.ID {
			e.Exempt = append(e.Exempt, x)
		}
	}
	off, ok := p.OffReasons[d.ID]
	switch {
	case !ok:
	case off.Unscoped:
		e.State, e.Why, e.Scope = Unscoped, "chosen, and overrides give it no scope", ""
	default:
		e.State, e.Why = Off, fmt.Sprintf("switched off at %s:%d", filepath.ToSlash(off.File), off.Line)
	}
	return e
}

// order puts what judges before what does not.
func (s State) order() int { return slices.Index([]State{On, Off, Unscoped, Unlisted, Missing}, s) }

// byControl gives an entry for each control of a framework and each policy
// that satisfies it, and one for each control that none does.
func byControl(all []Entry, framework string) ([]Entry, error) {
	checks, err := Checks()
	if err != nil {
		return nil, err
	}
	var out []Entry
	covered := map[string]bool{}
	for _, e := range all {
		for _, control := range e.Controls[framework] {
			covered[control] = true
			one := e
			one.Control, one.Checks = control, checksOf(control, framework, e.Checks, checks)
			out = append(out, one)
		}
	}
	for _, c := range checks {
		for _, control := range c.Controls[framework] {
			if !covered[control] {
				out = append(out, Entry{Control: control, Title: c.Title, State: Missing, Checks: []string{c.ID}, Later: c.Later})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return compareNumbered(a.Control, b.Control) })
	return out, nil
}

// checksOf gives those of a policy's checks that stand for a control; all of
// them where the control is the policy author's own.
func checksOf(control, framework string, own []string, checks []Check) []string {
	var out []string
	for _, c := range checks {
		if slices.Contains(own, c.ID) && slices.Contains(c.Controls[framework], control) {
			out = append(out, c.ID)
		}
	}
	if out == nil {
		return own
	}
	return out
}

// compareNumbered orders texts with numbers in them: EC2.2 before EC2.13.
func compareNumbered(a, b string) int {
	for a != "" && b != "" {
		x, y := numberAt(a), numberAt(b)
		if x != "" && y != "" && x != y {
			return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// numberAt gives the digits that a text begins with.
func numberAt(text string) string {
	return text[:len(text)-len(strings.TrimLeft(text, "0123456789"))]
}
