package policy

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// summary is a verdict as comparable text.
func summary(v Verdict) []string {
	var out []string
	for _, r := range v.Rules {
		text := fmt.Sprintf("%s %s named %v due %v decision %d %v parts %d %q %q", r.Rule.ID, r.Rule, r.Named, r.Due, r.Decision, ruleTexts(r.Remaining), r.Parts, r.Fallback, r.Lost)
		for _, f := range r.Findings {
			text += "\n" + findingText(r, f)
		}
		out = append(out, text)
	}
	return append(out, fmt.Sprint(v.Needs, v.JudgeAgainAt))
}

func findingText(r RuleVerdict, f Finding) string {
	return fmt.Sprintf("  %s %s:%d %d %v %v %s %s", f.Policy.ID, f.File, f.Line, f.State, excessOf(f, r.Rule.Direction), f.Until, f.Exemption, f.Why)
}

// TestVerdictsDependOnTheInputAlone: not on the order of rules and changes,
// not on what was judged before, not on other policies; and nothing that no
// policy acts on is touched (P5).
func TestVerdictsDependOnTheInputAlone(t *testing.T) {
	touched := 0
	for seed := range cases(1500) {
		w := newWorld(1<<43 + seed)
		var docs []Document
		for i := range 1 + w.IntN(3) {
			docs = append(docs, w.document(fmt.Sprintf("p%d", i)))
		}
		s := enforcing(t, docs...)
		in := w.input(s)
		first := s.Evaluate(in)
		shuffled := in
		shuffled.Live.Rules, shuffled.Changes = slices.Clone(in.Live.Rules), slices.Clone(in.Changes)
		w.Shuffle(len(in.Live.Rules), func(i, j int) {
			shuffled.Live.Rules[i], shuffled.Live.Rules[j] = shuffled.Live.Rules[j], shuffled.Live.Rules[i]
		})
		w.Shuffle(len(in.Changes), func(i, j int) { shuffled.Changes[i], shuffled.Changes[j] = shuffled.Changes[j], shuffled.Changes[i] })
		require.Equal(t, summary(first), summary(s.Evaluate(shuffled)), "seed %d", seed)
		require.Equal(t, summary(first), summary(s.Evaluate(in)), "seed %d", seed)
		for i, d := range docs {
			alone := enforcing(t, d).Evaluate(in)
			for k, r := range alone.Rules {
				require.Equal(t, findingText(r, r.Findings[0]), findingText(r, first.Rules[k].Findings[i]), "seed %d", seed)
			}
		}
		for _, r := range first.Rules {
			require.Len(t, r.Findings, len(docs))
			acts := slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.State == Acting })
			require.Equal(t, acts, r.Decision == Revert || r.Decision == Narrow, "seed %d: %s", seed, r.Rule)
			if acts {
				touched++
				require.True(t, r.Due)
			}
		}
	}
	require.Positive(t, touched)
}

func TestEvaluateIsSafeForConcurrentUse(t *testing.T) {
	w := newWorld(7)
	s := enforcing(t, w.document("p0"), w.document("p1"), document("d", scope(Scope{Default: yesOrNo(true)}), ssh))
	in := w.input(s)
	other := in
	other.Live.Name = "default"
	want, wantOther := summary(s.Evaluate(in)), summary(s.Evaluate(other))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				assert.Equal(t, want, summary(s.Evaluate(in)))
				assert.Equal(t, wantOther, summary(s.Evaluate(other)))
			}
		})
	}
	group.Wait()
}

func TestVerdictOfRulesWithoutIDs(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	g := group(t)
	g.Rules = []secgroup.Rule{ruleOf(t, "ingress tcp/443 from 0.0.0.0/0"), ruleOf(t, "ingress tcp/22 from 0.0.0.0/0")}
	v := s.Evaluate(swept(s, g))
	require.Equal(t, []State{Fine, Acting}, states(v))
	require.Equal(t, ownGroup, v.GroupID)
}

func TestLineOfTheBoxThatDecides(t *testing.T) {
	s := enforcing(t, document("p", forbid(at(31, box("ingress tcp/22 internet")), at(32, box("ingress tcp/23 internet")), at(33, box("ingress all internet whole")))))
	v := s.Evaluate(swept(s, group(t, "ingress tcp/22 from 0.0.0.0/0", "ingress tcp/23 from 0.0.0.0/0", "ingress tcp/22-23 from 0.0.0.0/0", "ingress tcp/24 from 0.0.0.0/0")))
	var lines []int
	for _, r := range v.Rules {
		lines = append(lines, r.Findings[0].Line)
	}
	require.Equal(t, []int{31, 32, 31, 4}, lines)
}

func TestExplainInput(t *testing.T) {
	s := enforcing(t,
		document("ssh", forbid(box("ingress tcp/22 internet")), tolerate(16, 32), narrow(2), except(time.Time{}, "arn:aws:iam::*:role/network-admin")),
		document("default", scope(Scope{Default: yesOrNo(true)}), forbid(box("both all any"))),
		document("egress", forbid(box("egress all internet"))),
		document("later", forbid(box("ingress tcp/3389 internet")), after(10*time.Minute)))
	for _, tc := range []struct {
		rule     string
		decision Decision
		left     []string
	}{
		{"ingress tcp/20-25 from 0.0.0.0/0", Narrow, []string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}},
		{"ingress tcp/22 from 8.8.8.0/29", Keep, nil},
		{"ingress tcp/443 from 0.0.0.0/0", Keep, nil},
		{"egress all to 0.0.0.0/0", Revert, nil},
		{"ingress tcp/3389 from 0.0.0.0/0", Keep, nil},
	} {
		v := s.Evaluate(s.ExplainInput(secgroup.Group{}, []secgroup.Rule{ruleOf(t, tc.rule)}, now))
		require.Equal(t, tc.decision, v.Rules[0].Decision, tc.rule)
		require.ElementsMatch(t, tc.left, ruleTexts(v.Rules[0].Remaining), tc.rule)
		require.Empty(t, v.Needs)
	}
	v := s.Evaluate(s.ExplainInput(secgroup.Group{}, []secgroup.Rule{ruleOf(t, "ingress tcp/3389 from 0.0.0.0/0")}, now))
	require.Equal(t, now.Add(10*time.Minute), v.JudgeAgainAt)
}
