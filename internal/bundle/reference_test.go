package bundle

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const reference = "../../docs/reference/policies.md"

// packsAbout says what each pack is for, in the order of the page.
var packsAbout = []struct{ id, about string }{
	{"baseline", "What no deployment wants: the default, and all that is on without settings."},
	{"exposure", "What the internet reaches, by family of services. The ports are the one thing to change."},
	{"segmentation", "What the inside reaches, and which groups may be public at all."},
	{"egress", "What gets out."},
	{"hygiene", "Rules that are wider than anybody meant, and changes that nobody was told of."},
	{"conscious", "What depends on your intent. Each says what connection tracking does before and after."},
}

// TestReferencePage generates docs/reference/policies.md.
func TestReferencePage(t *testing.T) {
	all, _ := everyPolicy(t)
	var b strings.Builder
	b.WriteString("<!-- Generated: go test ./internal/bundle -run Reference -update -->\n\n# Policies that ship\n\n")
	fmt.Fprintf(&b, "%d policies in %d packs. A chosen policy is off until the settings give it a scope. "+
		"The internet is all addresses but those that nobody routes, the group's own VPCs and the set `internal` of the settings. "+
		"`overrides` in the settings change severity, remedy, tolerance, scope, mode, ports and sets, and leave ports or peers out ([design/0020](../design/0020-what-an-override-may-change.md)); what they do not reach, copy into your own folder and give it another id.\n",
		len(all), len(packsAbout))
	packs := map[string][]policy.Document{}
	for _, d := range all {
		pack := filepath.Base(filepath.Dir(d.File))
		packs[pack] = append(packs[pack], d)
	}
	for _, pack := range packsAbout {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", pack.id, pack.about)
		require.NotEmpty(t, packs[pack.id])
		for _, d := range packs[pack.id] {
			writePolicy(&b, d)
		}
		delete(packs, pack.id)
	}
	require.Empty(t, packs, "packs that the page does not know")
	writeFrameworks(t, &b)
	writeChecks(t, &b, all)
	if *update {
		require.NoError(t, os.WriteFile(reference, []byte(b.String()), 0o644))
		return
	}
	got, err := os.ReadFile(reference)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(got), "docs/reference/policies.md is out of date: run this test with -update")
}

func writePolicy(b *strings.Builder, d policy.Document) {
	intent := "universal"
	if d.Chosen {
		intent = "chosen"
	}
	file := filepath.ToSlash(d.File)
	fmt.Fprintf(b, "\n### [%s](../../policies/%s)\n\n%s.\n\n| | |\n|---|---|\n", d.ID, file, d.Title)
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, "| %s | %s |\n", name, text)
		}
	}
	row("severity", fmt.Sprintf("%s, %s, %s", d.Severity, intent, d.Maturity))
	row("scope", scopeText(d))
	for _, c := range d.Forbid {
		row("forbids", boxText(c))
	}
	if a := d.AllowOnly; a != nil {
		row("within", boxText(a.Within))
		for _, these := range a.These {
			row("allows only", innerText(these, a.Within))
		}
	}
	for _, r := range d.Require {
		row("requires", requirementText(r))
	}
	if o := d.OnChange; o != nil {
		calls := "every watched call"
		if o.Calls != nil {
			calls = strings.Join(o.Calls, ", ")
		}
		row("judges", calls)
		if u := o.Unless; u != nil {
			row("unless by", strings.Join(append([]string{"`" + strings.Join(u.Actors, "`, `") + "`"}, u.UserAgents...), ", "))
		}
	}
	if d.OnChange == nil && len(d.Require) == 0 {
		row("tolerates", toleranceText(d.Tolerate))
	}
	row("remedy", remedyText(d.Remedy))
	row("checks", strings.Join(d.Checks, ", "))
	var controls []string
	for _, standard := range slices.Sorted(maps.Keys(d.Controls)) {
		controls = append(controls, standard+" "+strings.Join(d.Controls[standard], ", "))
	}
	row("controls", strings.Join(controls, "; "))
	row("why", d.Why)
	row("instead", d.Fix)
}

func requirementText(r policy.Requirement) string {
	var parts []string
	list := func(name string, texts []string) {
		if len(texts) > 0 {
			parts = append(parts, name+" `"+strings.Join(texts, "`, `")+"`")
		}
	}
	number := func(name string, n int) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(name, n))
		}
	}
	if r.Description {
		parts = append(parts, "a description")
	}
	list("a description other than", r.NotDescribed)
	number("at most %d port", r.MaxPorts)
	number("no IPv4 block wider than /%d", r.MaxIPv4)
	number("no IPv6 block wider than /%d", r.MaxIPv6)
	list("the tags", r.Tags)
	list("a name other than", r.NotNamed)
	number("at most %d rules", r.MaxRules)
	if r.Alive {
		parts = append(parts, "a referenced group that is there")
	}
	if r.Elastic {
		parts = append(parts, "elastic addresses of the account alone")
	}
	if r.Attached != nil {
		parts = append(parts, map[bool]string{true: "a network interface that uses it", false: "no network interface that uses it"}[*r.Attached])
	}
	if r.Distinct != 0 {
		parts = append(parts, map[policy.Distinct]string{policy.NotIdentical: "no other group of the VPC that opens the same", policy.NotCovered: "no other group of the VPC that opens all of it"}[r.Distinct])
	}
	number("at most %d groups in the region", r.MaxGroups)
	if r.Grace > 0 {
		parts = append(parts, "after "+r.Grace.String())
	}
	text := strings.Join(parts, ", ")
	if r.Where == nil {
		return "of the group: " + text
	}
	return "of " + boxText(*r.Where) + ": " + text
}

func scopeText(d policy.Document) string {
	var parts []string
	if d.Scope.Default != nil {
		parts = append(parts, map[bool]string{true: "default groups", false: "all groups but default groups"}[*d.Scope.Default])
	}
	if d.Not != nil {
		for _, key := range slices.Sorted(maps.Keys(d.Not.Tags)) {
			parts = append(parts, "all groups but those with the trusted tag "+key+" = "+strings.Join(d.Not.Tags[key], ", "))
		}
	}
	return strings.Join(parts, "; ")
}

func boxText(c policy.Clause) string {
	var directions []string
	for _, d := range c.Directions {
		directions = append(directions, d.String())
	}
	text := strings.Join(directions, " and ") + " " + flowsText(c.Flows) + ", peers " + peersText(c.Peers)
	if c.Whole {
		text += ", where all of it is open together"
	}
	var but []string
	for _, x := range c.But {
		but = append(but, innerText(x, c))
	}
	if but != nil {
		text += "; but " + strings.Join(but, ", ")
	}
	return text
}

// innerText is what a box within another says itself.
func innerText(c, around policy.Clause) string {
	var parts []string
	if !slices.Equal(c.Flows, around.Flows) {
		parts = append(parts, flowsText(c.Flows))
	}
	if peersText(c.Peers) != peersText(around.Peers) {
		parts = append(parts, peersText(c.Peers))
	}
	return strings.Join(parts, " ")
}

func peersText(peers []policy.PeerSpec) string {
	var texts []string
	for _, p := range peers {
		texts = append(texts, p.Text)
	}
	return "`" + strings.Join(texts, "`, `") + "`"
}

// flowsText is protocols and ports, ports of the same protocols together.
func flowsText(flows []policy.FlowSpec) string {
	ports := map[string][]string{}
	var order []string
	protocolsOf := map[secgroup.Span][]string{}
	for _, f := range flows {
		protocolsOf[f.Span] = append(protocolsOf[f.Span], protocolText(f.Protocols))
	}
	seen := map[secgroup.Span]bool{}
	for _, f := range flows {
		if seen[f.Span] {
			continue
		}
		seen[f.Span] = true
		key := strings.Join(protocolsOf[f.Span], " and ")
		if ports[key] == nil {
			order = append(order, key)
		}
		ports[key] = append(ports[key], spanText(f))
	}
	var texts []string
	for _, key := range order {
		texts = append(texts, strings.TrimSpace(key+" "+strings.Join(ports[key], ", ")))
	}
	return strings.Join(texts, ", ")
}

func protocolText(r secgroup.ProtocolRange) string {
	if r == secgroup.EveryProtocol {
		return "every protocol"
	}
	return secgroup.Protocol(r.First).String()
}

func spanText(f policy.FlowSpec) string {
	first, last := f.Span.First, f.Span.Last
	switch {
	case f.Span == secgroup.FullSpan:
		return ""
	case secgroup.Protocol(f.Protocols.First).IsICMP():
		return fmt.Sprintf("type %d", first>>8)
	case first == last:
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d-%d", first, last)
}

func toleranceText(t policy.Tolerance) string {
	if t.Line == 0 {
		return "nothing"
	}
	text := fmt.Sprintf("as many addresses as a /%d, IPv6 a /%d, in the sum of the group's rules", t.IPv4, t.IPv6)
	if t.PerRule {
		text = fmt.Sprintf("blocks up to a /%d, IPv6 a /%d", t.IPv4, t.IPv6)
	}
	return text
}

func remedyText(r policy.Remedy) string {
	text := r.Do.String()
	for i, to := range r.To {
		text += []string{" to ", ", "}[min(i, 1)] + to.String()
	}
	return text
}

func writeFrameworks(t *testing.T, b *strings.Builder) {
	b.WriteString("\n## Frameworks\n\nEach is a pack, too: list it under `packs` in the settings. `sgwarden policies --pack cis-aws-6.0` lists its controls. Several policies of one control cover it together; `s.6` is a section whose number of the control is not given.\n\n| framework | control | policies |\n|---|---|---|\n")
	packs, err := readPacks()
	require.NoError(t, err)
	for _, framework := range slices.Sorted(maps.Keys(packs)) {
		if !isFramework(framework) {
			continue
		}
		entries, err := Catalog("", framework, 0)
		require.NoError(t, err)
		for i := 0; i < len(entries); {
			control, policies := entries[i].Control, []string{}
			for ; i < len(entries) && entries[i].Control == control; i++ {
				if entries[i].State == Missing {
					policies = append(policies, "later: "+entries[i].Later)
				} else {
					policies = append(policies, entries[i].Policy)
				}
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", framework, control, strings.Join(policies, ", "))
		}
	}
}

func writeChecks(t *testing.T, b *strings.Builder, all []policy.Document) {
	checks := everyCheck(t)
	later := 0
	for _, c := range checks {
		if c.Later != "" {
			later++
		}
	}
	fmt.Fprintf(b, "\n## Checks\n\nThe %d checks that tools for security groups ship; %d have policies, %d wait for a part of the language that is not there yet.\n\n| check | what it finds | policies |\n|---|---|---|\n", len(checks), len(checks)-later, later)
	for _, c := range checks {
		var ids []string
		for _, d := range all {
			if slices.Contains(d.Checks, c.ID) {
				ids = append(ids, d.ID)
			}
		}
		text := strings.Join(ids, ", ")
		if c.Later != "" {
			text = "later: " + c.Later
		}
		if c.Lacks != "" {
			text += "; not looked at: " + c.Lacks
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", c.ID, c.Title, text)
	}
}
