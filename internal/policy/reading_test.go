package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWhatIsTakenBackOfAList is a key of remedies that take something back.
func TestWhatIsTakenBackOfAList(t *testing.T) {
	forbid := "forbid: [{direction: ingress, ports: [22], peers: [internet]}]"
	for remedy, want := range map[string]string{
		"{do: revert, onList: rule}": "", "{do: narrow, onList: rule}": "", "{do: revert, after: 720h}": "",
		"{onList: rule, after: 5m}":   "lacks the key \"do\"",
		"{do: alert, onList: rule}":   "onList says how something is taken back, and alert takes nothing back",
		"{do: tag, onList: rule}":     "and tag takes nothing back",
		"{do: revert, after: 720h1s}": "a remedy does not wait for more than 30 days",
	} {
		p, err := Parse([]Source{{File: "p.yaml", Text: []byte(policyText("p", forbid, "remedy: "+remedy))}}, nil)
		if want != "" {
			require.ErrorContains(t, err, want)
			continue
		}
		require.NoError(t, err, remedy)
		require.Equal(t, strings.Contains(remedy, "onList"), p.Documents[0].Remedy.OnList, remedy)
	}
}

// TestWhyPoliciesAreOff says where it stands: the override, or the scope that is
// not there.
func TestWhyPoliciesAreOff(t *testing.T) {
	forbid := "forbid: [{direction: ingress, ports: [22], peers: [internet]}]"
	p := parsedFrom(t, policyText("on", forbid), policyText("chosen", "intent: chosen", forbid), policyText("away", forbid), settingsText("overrides:", "  away: {off: true}"))
	require.Len(t, p.OffReasons, 2)
	require.Equal(t, OffReason{true, "all.yaml", p.OffReasons["chosen"].Line}, p.OffReasons["chosen"])
	require.Equal(t, OffReason{false, "all.yaml", p.OffReasons["away"].Line}, p.OffReasons["away"])
	require.Greater(t, p.OffReasons["away"].Line, p.OffReasons["chosen"].Line)
	for i := 1; i < len(p.Warnings); i++ {
		require.LessOrEqual(t, p.Warnings[i-1].Line, p.Warnings[i].Line, "remarks stand in the order of the file")
	}
}

// TestAFileTellsAHundredFaults and no more, wherever they were found.
func TestAFileTellsAHundredFaults(t *testing.T) {
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "---\n%s", policyText(fmt.Sprintf("p-%d", i), "severty: high", "forbid: [{direction: ingress, ports: [22], peers: [\"set:none\"]}]"))
	}
	_, err := Parse([]Source{{File: "p.yaml", Text: []byte(b.String())}}, nil)
	var faults Faults
	require.ErrorAs(t, err, &faults)
	require.LessOrEqual(t, len(faults), maxFaults+1)
	require.GreaterOrEqual(t, len(faults), maxFaults)
}

// TestExplainedInputKnowsWhatItSays: acts are done before the change, and the
// account has neither dead references nor elastic addresses.
func TestExplainedInputKnowsWhatItSays(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	in := s.ExplainInput(group(t), liveRules(t, "ingress tcp/22 from 0.0.0.0/0"), now)
	require.Equal(t, now.Add(-time.Hour), in.Facts.Acts["p"].At)
	require.NotNil(t, in.Facts.Dead)
	require.NotNil(t, in.Facts.Elastic)
}

// TestEveryExemptionIsLookedAt: one that exempts nothing does not hide the next.
func TestEveryExemptionIsLookedAt(t *testing.T) {
	scoped := policyText("p", "scope: {groups: {ids: [sg-0a1b2c3d]}}", "forbid: [{direction: ingress, ports: [22], peers: [internet]}]")
	off := policyText("q", "forbid: [{direction: ingress, ports: [23], peers: [internet]}]")
	p := parsedFrom(t, scoped, off, settingsText("overrides: {q: {off: true}}", "exemptions:",
		"  - {id: E1, policy: q, group: sg-0a1b2c3d, owner: o, reason: r, ticket: T, until: 2099-01-01}",
		"  - {id: E2, policy: p, group: sg-0a1b2c3e, owner: o, reason: r, ticket: T, until: 2099-01-01}",
		"  - {id: E3, policy: p, group: sg-0a1b2c3f, owner: o, reason: r, ticket: T, until: 2099-01-01}"))
	var found []string
	for _, d := range Lint(p, now) {
		if strings.Contains(d.Message, "exempts nothing: group") {
			found = append(found, d.Message[:len("exemption E2")])
		}
	}
	require.Equal(t, []string{"exemption E2", "exemption E3"}, found)
}
