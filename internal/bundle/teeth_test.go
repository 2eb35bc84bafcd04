package bundle

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/policies"
)

// TestNoSlipInAPolicyPassesItsTests: each port taken away, added at an end of a
// range or cut off from it, each peer narrower or wider, each bound of
// tolerance one step off.
func TestNoSlipInAPolicyPassesItsTests(t *testing.T) {
	all, tests := everyPolicy(t)
	slips := 0
	for _, d := range all {
		for name, slip := range slipsOf(d) {
			slips++
			results := resultsOf(t, slip, tests[d.ID])
			assert.True(t, slices.ContainsFunc(results, policy.TestResult.Failed), "%s: %s: no test notices", d.ID, name)
		}
	}
	require.Greater(t, slips, 500)
}

// slipsOf gives a policy with one thing changed, by what was changed.
func slipsOf(d policy.Document) map[string]policy.Document {
	out := map[string]policy.Document{}
	slip := func(name string, change func(*policy.Document)) {
		s := d
		s.Forbid = slices.Clone(d.Forbid)
		for i := range s.Forbid {
			s.Forbid[i].But = slices.Clone(s.Forbid[i].But)
		}
		if d.AllowOnly != nil {
			a := *d.AllowOnly
			a.These = slices.Clone(a.These)
			s.AllowOnly = &a
		}
		s.Require = slices.Clone(d.Require)
		for i, r := range s.Require {
			if r.Where != nil {
				where := *r.Where
				s.Require[i].Where = &where
			}
		}
		change(&s)
		out[name] = s
	}
	for place, at := range boxesIn(d) {
		box := at.in(&d)
		around := at.around(d)
		for i := range box.Flows {
			if slices.Equal(box.Flows, around.Flows) {
				break // inherited
			}
			for name, flows := range flowSlips(d, *box, i) {
				slip(fmt.Sprintf("%s: %s", place, name), func(s *policy.Document) { at.in(s).Flows = flows })
			}
		}
		for name, peers := range peerSlips(box.Peers) {
			if slices.EqualFunc(box.Peers, around.Peers, func(a, b policy.PeerSpec) bool { return a.Text == b.Text }) {
				break // inherited
			}
			if strings.HasPrefix(place, "where") && name == "references is any" {
				continue // what is required of references is so of no other peer
			}
			slip(fmt.Sprintf("%s: %s", place, name), func(s *policy.Document) { at.in(s).Peers = peers })
		}
		if box.Whole {
			slip(place+": not whole", func(s *policy.Document) { at.in(s).Whole = false })
		}
		if len(box.Directions) == 2 {
			for i := range box.Directions {
				slip(fmt.Sprintf("%s: one direction, %d", place, i), func(s *policy.Document) { at.in(s).Directions = box.Directions[i : i+1] })
			}
		}
	}
	for i, r := range d.Require {
		for name, changed := range requirementSlips(r) {
			slip(fmt.Sprintf("line %d: %s", r.Line, name), func(s *policy.Document) { s.Require[i] = changed })
		}
	}
	for name, o := range callSlips(d.OnChange) {
		slip(name, func(s *policy.Document) { s.OnChange = o })
	}
	if d.Tolerate.Line > 0 {
		slip("per", func(s *policy.Document) { s.Tolerate.PerRule = !s.Tolerate.PerRule })
		for _, step := range []int{-1, 1} {
			if d.Tolerate.IPv4+step <= 32 {
				slip(fmt.Sprintf("ipv4 %+d", step), func(s *policy.Document) { s.Tolerate.IPv4 += step })
			}
			if d.Tolerate.IPv6+step <= 128 {
				slip(fmt.Sprintf("ipv6 %+d", step), func(s *policy.Document) { s.Tolerate.IPv6 += step })
			}
		}
	}
	return out
}

// requirementSlips changes one thing that is required, where it is not all.
func requirementSlips(r policy.Requirement) map[string]policy.Requirement {
	out := map[string]policy.Requirement{}
	slip := func(name string, change func(*policy.Requirement)) {
		s := r
		change(&s)
		out[name] = s
	}
	for name, of := range map[string]func(*policy.Requirement) *int{
		"maxPorts":  func(r *policy.Requirement) *int { return &r.MaxPorts },
		"ipv4":      func(r *policy.Requirement) *int { return &r.MaxIPv4 },
		"ipv6":      func(r *policy.Requirement) *int { return &r.MaxIPv6 },
		"maxRules":  func(r *policy.Requirement) *int { return &r.MaxRules },
		"maxGroups": func(r *policy.Requirement) *int { return &r.MaxGroups },
	} {
		if n := *of(&r); n > 0 {
			slip(name+" one more", func(s *policy.Requirement) { *of(s) = n + 1 })
			if n > 1 {
				slip(name+" one less", func(s *policy.Requirement) { *of(s) = n - 1 })
			}
		}
	}
	for name, of := range map[string]func(*policy.Requirement) *[]string{
		"notDescribed": func(r *policy.Requirement) *[]string { return &r.NotDescribed },
		"notNamed":     func(r *policy.Requirement) *[]string { return &r.NotNamed },
		"tags":         func(r *policy.Requirement) *[]string { return &r.Tags },
	} {
		for i, text := range *of(&r) {
			slip(name+" without "+text, func(s *policy.Requirement) { *of(s) = slices.Delete(slices.Clone(*of(s)), i, i+1) })
			if bare := strings.Trim(text, "*"); bare != text {
				slip(name+" "+text+" without *", func(s *policy.Requirement) {
					*of(s) = slices.Replace(slices.Clone(*of(s)), i, i+1, bare)
				})
			}
		}
	}
	if r.Description {
		slip("without description", func(s *policy.Requirement) { s.Description = false })
	}
	if r.Attached != nil {
		other := !*r.Attached
		slip("attached otherwise", func(s *policy.Requirement) { s.Attached = &other })
	}
	if r.Distinct != 0 {
		slip("distinct otherwise", func(s *policy.Requirement) { s.Distinct = policy.NotIdentical + policy.NotCovered - r.Distinct })
	}
	if r.Grace > 0 {
		slip("without grace", func(s *policy.Requirement) { s.Grace = 0 })
		slip("twice the grace", func(s *policy.Requirement) { s.Grace *= 2 })
	}
	return out
}

// callSlips takes each call away, and lets others be left out.
func callSlips(o *policy.OnChange) map[string]*policy.OnChange {
	out := map[string]*policy.OnChange{}
	if o == nil {
		return out
	}
	calls := o.Calls
	if calls == nil {
		for _, c := range events.Calls() {
			if c.Effect != secgroup.Attaches { // any stands for calls that change something
				calls = append(calls, c.EventName)
			}
		}
		slices.Sort(calls)
	}
	for i, name := range calls {
		out["without "+name] = &policy.OnChange{Line: o.Line, Calls: slices.Delete(slices.Clone(calls), i, i+1), Unless: o.Unless}
	}
	actors := []string{"arn:aws:iam::*:role/*"}
	if o.Unless == nil {
		actors = append(actors, "arn:aws:iam::*:user/*")
	} else {
		for _, a := range o.Unless.Actors {
			actors = append(actors, strings.Replace(a, ":role/", ":role/*/", 1), strings.TrimSuffix(a, "*"))
		}
	}
	for _, a := range actors {
		out["unless by "+a] = &policy.OnChange{Line: o.Line, Calls: o.Calls, Unless: &policy.Unless{Line: o.Line, Actors: []string{a}}}
	}
	return out
}

// place is where a box stands in a policy.
type place struct {
	in     func(*policy.Document) *policy.Clause
	around func(policy.Document) policy.Clause // the box that it inherits from, or none
}

// boxesIn gives the places of the boxes of a policy, by name.
func boxesIn(d policy.Document) map[string]place {
	out := map[string]place{}
	alone := func(policy.Document) policy.Clause { return policy.Clause{} }
	for i, box := range d.Forbid {
		out[fmt.Sprintf("line %d", box.Line)] = place{func(d *policy.Document) *policy.Clause { return &d.Forbid[i] }, alone}
		for j := range box.But {
			out[fmt.Sprintf("line %d, but %d", box.Line, j)] = place{
				func(d *policy.Document) *policy.Clause { return &d.Forbid[i].But[j] },
				func(d policy.Document) policy.Clause { return d.Forbid[i] },
			}
		}
	}
	for i, r := range d.Require {
		if r.Where != nil {
			out[fmt.Sprintf("where of line %d", r.Line)] = place{func(d *policy.Document) *policy.Clause { return d.Require[i].Where }, alone}
		}
	}
	if a := d.AllowOnly; a != nil {
		out["within"] = place{func(d *policy.Document) *policy.Clause { return &d.AllowOnly.Within }, alone}
		for i := range a.These {
			out[fmt.Sprintf("these %d", i)] = place{
				func(d *policy.Document) *policy.Clause { return &d.AllowOnly.These[i] },
				func(d policy.Document) policy.Clause { return d.AllowOnly.Within },
			}
		}
	}
	return out
}

// flowSlips changes one flow of a box, where that changes what the box says.
func flowSlips(d policy.Document, box policy.Clause, i int) map[string][]policy.FlowSpec {
	out := map[string][]policy.FlowSpec{}
	f := box.Flows[i]
	text := fmt.Sprintf("protocols %d-%d, %d-%d", f.Protocols.First, f.Protocols.Last, f.Span.First, f.Span.Last)
	if f.Span == secgroup.FullSpan {
		return out
	}
	without := slices.Delete(slices.Clone(box.Flows), i, i+1)
	out[text+" taken away"] = without
	step := 1
	if p := f.Protocols.First; p == uint8(secgroup.ICMP) || p == uint8(secgroup.ICMPv6) {
		step = 256 // types
	}
	try := func(name string, first, last int) {
		if first < 0 || last > 65535 || first > last {
			return
		}
		span := secgroup.Span{First: uint16(first), Last: uint16(last)}
		added := uint16(last)
		if first < int(f.Span.First) {
			added = uint16(first)
		}
		if !spans(f.Span, added) && opens(d, box, f.Protocols.First, added) {
			return // another box says so already
		}
		out[text+" "+name] = slices.Insert(slices.Clone(without), i, policy.FlowSpec{Protocols: f.Protocols, Span: span})
	}
	first, last := int(f.Span.First), int(f.Span.Last)
	try("from one less", first-step, last)
	try("to one more", first, last+step)
	try("from one more", first+step, last)
	try("to one less", first, last-step)
	return out
}

func spans(s secgroup.Span, port uint16) bool { return s.First <= port && port <= s.Last }

// opens reports whether a box of the same kind names a port, too: the box
// itself or another that forbids.
func opens(d policy.Document, box policy.Clause, protocol uint8, port uint16) bool {
	for _, b := range append([]policy.Clause{box}, d.Forbid...) {
		for _, f := range b.Flows {
			if f.Protocols.First <= protocol && protocol <= f.Protocols.Last && spans(f.Span, port) {
				return true
			}
		}
	}
	return false
}

// peerSlips takes each peer away, and makes each wider or narrower.
func peerSlips(peers []policy.PeerSpec) map[string][]policy.PeerSpec {
	out := map[string][]policy.PeerSpec{}
	ten := policy.PeerSpec{Kind: policy.PeerCIDRs, Text: "10.0.0.0/8", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for i, p := range peers {
		other := map[policy.PeerKind][]policy.PeerSpec{
			policy.PeerInternet:   {{Kind: policy.PeerAddresses, Text: "addresses"}, ten},
			policy.PeerPrivate:    {{Kind: policy.PeerAddresses, Text: "addresses"}, ten},
			policy.PeerVPC:        {{Kind: policy.PeerAddresses, Text: "addresses"}, ten},
			policy.PeerAddresses:  {{Kind: policy.PeerAny, Text: "any"}, {Kind: policy.PeerInternet, Text: "internet"}, {Kind: policy.PeerPrivate, Text: "private"}},
			policy.PeerReferences: {{Kind: policy.PeerAny, Text: "any"}, {Kind: policy.PeerSelf, Text: "self"}},
			policy.PeerSelf:       {{Kind: policy.PeerAny, Text: "any"}, {Kind: policy.PeerReferences, Text: "references"}, ten},
			policy.PeerAny:        {{Kind: policy.PeerAddresses, Text: "addresses"}, {Kind: policy.PeerReferences, Text: "references"}},
			policy.PeerGroups:     {{Kind: policy.PeerReferences, Text: "references"}, {Kind: policy.PeerSelf, Text: "self"}},
			policy.PeerAWSList:    {{Kind: policy.PeerAddresses, Text: "addresses"}, {Kind: policy.PeerAWSList, Text: "aws:s3", Name: "s3"}},
		}[p.Kind]
		for _, o := range other {
			out[p.Text+" is "+o.Text] = slices.Replace(slices.Clone(peers), i, i+1, o)
		}
		if len(peers) > 1 && (p.Kind != policy.PeerCIDRs || len(p.CIDRs) > 0) {
			out[p.Text+" taken away"] = slices.Delete(slices.Clone(peers), i, i+1)
		}
	}
	return out
}

// TestNoCheckLosesItsCasesUnnoticed, and no policy its tests.
func TestNoCheckLosesItsCasesUnnoticed(t *testing.T) {
	all, tests := everyPolicy(t)
	lost := 0
	for _, d := range all {
		lost++
		untested := gapsOf(t, d, policy.Tests{})
		require.Len(t, untested, 1, d.ID)
		for _, check := range d.Checks {
			require.Contains(t, untested[0], check)
		}
		require.Regexp(t, `^it has no tests: nothing shows its checks .*(forbid|allowOnly|require|onChange) \(line \d+\)`, untested[0])
		for _, check := range d.Checks {
			without := tests[d.ID]
			without.Cases = slices.DeleteFunc(slices.Clone(without.Cases), func(c policy.TestCase) bool { return c.Check == check })
			if len(without.Cases) == 0 {
				continue // the same as no tests
			}
			lost++
			require.Contains(t, gapsOf(t, d, without), "check "+check+": no case has one that violates", d.ID)
		}
	}
	require.Greater(t, lost, 80)
}

// TestNoLineLosesItsLastCaseUnnoticed: where the rules are taken away that tell
// whether a line of a policy is there, the report says so.
func TestNoLineLosesItsLastCaseUnnoticed(t *testing.T) {
	all, tests := everyPolicy(t)
	lines := 0
	for _, d := range all {
		for key, lacking := range linesOf(d) {
			lines++
			left := tests[d.ID]
			for round := 0; ; round++ {
				telling := map[int]bool{}
				whole := resultsOf(t, d, left)
				for i, r := range resultsOf(t, lacking, left) {
					if r.Got != whole[i].Got {
						telling[r.Line] = true
					}
				}
				if len(telling) == 0 {
					require.Positive(t, round, "%s: %s", d.ID, key)
					break
				}
				left = withoutRules(left, telling)
			}
			what, _, _ := strings.Cut(key, " ")
			require.Contains(t, gapsOf(t, d, left), "no case tells whether this line ("+what+") is there", "%s: %s", d.ID, key)
		}
	}
	require.Greater(t, lines, 90)
}

// withoutRules gives tests without the rules that stand on some lines.
func withoutRules(tests policy.Tests, lines map[int]bool) policy.Tests {
	tests.Cases = slices.Clone(tests.Cases)
	for i := range tests.Cases {
		c := &tests.Cases[i]
		for _, rules := range []*[]policy.TestRule{&c.Pass, &c.Exempt, &c.Fail, &c.Excess} {
			*rules = slices.DeleteFunc(slices.Clone(*rules), func(r policy.TestRule) bool { return lines[r.Line] })
		}
		if len(c.Excess) == 0 {
			c.Excess = nil
		}
		if lines[c.Line] {
			c.Want = ""
		}
	}
	return tests
}

// linesOf gives a policy without each of its lines, by key and place.
func linesOf(d policy.Document) map[string]policy.Document {
	out := map[string]policy.Document{}
	for i, box := range d.Forbid {
		if len(d.Forbid) > 1 {
			lacking := d
			lacking.Forbid = slices.Delete(slices.Clone(d.Forbid), i, i+1)
			out[fmt.Sprintf("forbid %d", i)] = lacking
		}
		for j := range box.But {
			lacking := d
			lacking.Forbid = slices.Clone(d.Forbid)
			lacking.Forbid[i].But = slices.Delete(slices.Clone(box.But), j, j+1)
			out[fmt.Sprintf("but %d of %d", j, i)] = lacking
		}
	}
	if a := d.AllowOnly; a != nil {
		for i := range a.These {
			lacking := d
			lacking.AllowOnly = &policy.AllowOnly{Line: a.Line, Within: a.Within, These: slices.Delete(slices.Clone(a.These), i, i+1)}
			out[fmt.Sprintf("these %d", i)] = lacking
		}
	}
	for i := range d.Require {
		lacking := d
		lacking.Require = slices.Delete(slices.Clone(d.Require), i, i+1)
		if len(lacking.Require) > 0 {
			out[fmt.Sprintf("require %d", i)] = lacking
		}
	}
	if o := d.OnChange; o != nil && o.Unless != nil {
		lacking, own := d, *o
		own.Unless = nil
		lacking.OnChange = &own
		out["unless "] = lacking
	}
	if d.Tolerate.Line > 0 {
		lacking := d
		lacking.Tolerate = policy.Tolerance{IPv4: -1, IPv6: -1}
		out["tolerate "] = lacking
	}
	if d.Scope.Default != nil {
		lacking := d
		lacking.Scope = policy.Scope{}
		out["scope "] = lacking
	}
	if d.Not != nil {
		lacking := d
		lacking.Not = nil
		out["not "] = lacking
	}
	return out
}

// beside reads the records that tests of packs name.
func beside(tests, name string) ([]byte, error) {
	return readBeside(policies.Packs(), within(tests, "packs"), name)
}

func resultsOf(t *testing.T, d policy.Document, tests policy.Tests) []policy.TestResult {
	t.Helper()
	p := policy.Parsed{Documents: []policy.Document{d}, Tests: []policy.Tests{tests}}
	report, err := p.RunTests(packsDay, policy.TestSelection{Shipped: true, Case: func(_, _ string) bool { return true }, Event: beside})
	require.NoError(t, err)
	return report.Results
}

func gapsOf(t *testing.T, d policy.Document, tests policy.Tests) []string {
	t.Helper()
	p := policy.Parsed{Documents: []policy.Document{d}}
	if len(tests.Cases) > 0 {
		p.Tests = []policy.Tests{tests}
	}
	report, err := p.RunTests(packsDay, policy.TestSelection{Shipped: true, Event: beside})
	require.NoError(t, err)
	var out []string
	for _, g := range report.Gaps {
		out = append(out, g.What)
	}
	return out
}

// TestEmptiedTestsAreNoticed, in the folder of the packs as a user tests it.
func TestEmptiedTestsAreNoticed(t *testing.T) {
	const packs = "../../policies"
	settings, err := os.ReadFile(filepath.Join(packs, "sgwarden.yaml"))
	require.NoError(t, err)
	all, _ := everyPolicy(t)
	for _, d := range all {
		text, err := os.ReadFile(filepath.Join(packs, d.File))
		require.NoError(t, err)
		dir := folder(t, map[string]string{"sgwarden.yaml": string(settings), "p.yaml": string(text), "p.tests.yaml": ""})
		report, err := RunTests(dir, packsDay, nil)
		require.NoError(t, err)
		require.Len(t, report.Gaps, 1)
		require.Equal(t, d.ID, report.Gaps[0].Policy)
		require.Contains(t, report.Gaps[0].What, d.Checks[0])
	}
	report, err := RunTests(packs, packsDay, nil)
	require.NoError(t, err)
	require.Empty(t, report.Gaps)
	require.False(t, slices.ContainsFunc(report.Results, policy.TestResult.Failed))
	embedded, err := RunTests("", packsDay, nil)
	require.NoError(t, err)
	require.Len(t, report.Results, len(embedded.Results))
}
