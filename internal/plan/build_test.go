package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const groupID = "sg-0123456789abcdef0"

var everything = Limits{MayModify: true, MayAuthorize: true, RulesPerGroup: 60}

// rule reads a rule text; ids follow behind "#".
func rule(t testing.TB, text string) secgroup.Rule {
	t.Helper()
	text, id, _ := strings.Cut(text, "#")
	r, err := secgroup.ParseRule(strings.TrimSpace(text))
	require.NoError(t, err)
	r.ID = id
	return r
}

func rulesOf(t testing.TB, texts ...string) []secgroup.Rule {
	t.Helper()
	var out []secgroup.Rule
	for _, text := range texts {
		out = append(out, rule(t, text))
	}
	return out
}

func group(t testing.TB, texts ...string) secgroup.Group {
	t.Helper()
	return secgroup.Group{ID: groupID, Name: "web", Rules: rulesOf(t, texts...)}
}

// judged makes the verdict of one rule.
func judged(t testing.TB, decision policy.Decision, parts int, of string, remaining ...string) policy.RuleVerdict {
	t.Helper()
	return policy.RuleVerdict{Rule: rule(t, of), Decision: decision, Parts: parts, Remaining: rulesOf(t, remaining...), Due: true}
}

// listJudged is the verdict on a reference to a list that is to become addresses.
func listJudged(t testing.TB, remaining ...string) policy.RuleVerdict {
	t.Helper()
	return policy.RuleVerdict{
		Rule: secgroup.Rule{
			ID: "sgr-1", Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 22, To: 22},
			Peer: secgroup.PrefixList{ID: "pl-0123456789abcdef0", Readable: true, Entries: prefixes("0.0.0.0/0")},
		},
		Decision: policy.Narrow, Parts: len(remaining), Remaining: rulesOf(t, remaining...),
	}
}

// steps writes a plan as text, one line per action.
func steps(p Plan) []string {
	var out []string
	for _, a := range p.Actions {
		switch a := a.(type) {
		case Revoke:
			out = append(out, a.Call()+" "+strings.Join(a.RuleIDs(), " "))
		case Modify:
			out = append(out, fmt.Sprintf("%s %s: %s -> %s", a.Call(), strings.Join(a.RuleIDs(), " "), a.From, a.To))
		case Authorize:
			line := a.Call()
			for _, r := range a.Rules {
				line += " [" + r.String() + "]"
			}
			out = append(out, line)
		case Tag:
			what := a.RuleIDs()
			if a.OfGroup {
				what = append([]string{"group"}, what...)
			}
			out = append(out, fmt.Sprintf("%s %s %s", a.Call(), strings.Join(what, " "), a.Tags[TagKey]))
		}
	}
	return out
}

func TestBuild(t *testing.T) {
	const ssh = "ingress tcp/22 from 0.0.0.0/0#sgr-1"
	const wide = "ingress tcp/20-25 from 0.0.0.0/0#sgr-1"
	tests := []struct {
		name     string
		live     []string
		verdicts []policy.RuleVerdict
		limits   Limits
		want     []string
		goals    []Goal
		fallback string
	}{
		{
			name: "nothing is decided", live: []string{ssh},
			verdicts: []policy.RuleVerdict{judged(t, policy.Keep, 0, ssh)}, limits: everything,
		},
		{
			name: "revert of a new rule", live: []string{ssh},
			verdicts: []policy.RuleVerdict{judged(t, policy.Revert, 0, ssh)}, limits: everything,
			want: []string{"RevokeSecurityGroupIngress sgr-1"}, goals: []Goal{Removed},
		},
		{
			name: "all of a direction in one call, ingress first",
			live: []string{"egress all to 0.0.0.0/0#sgr-0", ssh, "ingress tcp/3389 from ::/0#sgr-2"},
			verdicts: []policy.RuleVerdict{
				judged(t, policy.Revert, 0, "egress all to 0.0.0.0/0#sgr-0"),
				judged(t, policy.Revert, 0, "ingress tcp/3389 from ::/0#sgr-2"), judged(t, policy.Revert, 0, ssh),
			},
			limits: everything,
			want:   []string{"RevokeSecurityGroupIngress sgr-1 sgr-2", "RevokeSecurityGroupEgress sgr-0"},
			goals:  []Goal{Removed, Removed, Removed},
		},
		{
			name: "narrow in place", live: []string{ssh},
			verdicts: []policy.RuleVerdict{judged(t, policy.Narrow, 1, ssh, "ingress tcp/22 from 10.0.0.0/8")}, limits: everything,
			want:  []string{"ModifySecurityGroupRules sgr-1: ingress tcp/22 from 0.0.0.0/0 -> ingress tcp/22 from 10.0.0.0/8"},
			goals: []Goal{Narrowed},
		},
		{
			name: "two parts: the smaller is added first, the id takes the larger", live: []string{wide},
			verdicts: []policy.RuleVerdict{judged(t, policy.Narrow, 2, wide, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0")},
			limits:   everything,
			want: []string{
				"AuthorizeSecurityGroupIngress [ingress tcp/20-21 from 0.0.0.0/0]",
				"ModifySecurityGroupRules sgr-1: ingress tcp/20-25 from 0.0.0.0/0 -> ingress tcp/23-25 from 0.0.0.0/0",
			},
			goals: []Goal{Narrowed},
		},
		{
			name: "a part that exists is not made again", live: []string{wide, "ingress tcp/20-21 from 0.0.0.0/0#sgr-2"},
			verdicts: []policy.RuleVerdict{judged(t, policy.Narrow, 1, wide, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0")},
			limits:   everything,
			want:     []string{"ModifySecurityGroupRules sgr-1: ingress tcp/20-25 from 0.0.0.0/0 -> ingress tcp/23-25 from 0.0.0.0/0"},
			goals:    []Goal{Narrowed},
		},
		{
			name: "all parts exist", live: []string{ssh, "ingress tcp/22 from 10.0.0.0/8#sgr-2"},
			verdicts: []policy.RuleVerdict{judged(t, policy.Narrow, 1, ssh, "ingress tcp/22 from 10.0.0.0/8")}, limits: Limits{},
			want: []string{"RevokeSecurityGroupIngress sgr-1"}, goals: []Goal{Narrowed},
		},
		{
			name: "two rules become the same: the second is revoked last", live: []string{ssh, "ingress tcp/22 from 0.0.0.0/1#sgr-2"},
			verdicts: []policy.RuleVerdict{
				judged(t, policy.Narrow, 1, ssh, "ingress tcp/22 from 10.0.0.0/8"),
				judged(t, policy.Narrow, 1, "ingress tcp/22 from 0.0.0.0/1#sgr-2", "ingress tcp/22 from 10.0.0.0/8"),
			},
			limits: everything,
			want: []string{
				"ModifySecurityGroupRules sgr-1: ingress tcp/22 from 0.0.0.0/0 -> ingress tcp/22 from 10.0.0.0/8",
				"RevokeSecurityGroupIngress sgr-2",
			},
			goals: []Goal{Narrowed, Narrowed},
		},
		{
			name: "more parts than allowed", live: []string{wide},
			verdicts: []policy.RuleVerdict{judged(t, policy.Narrow, 1, wide, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0")},
			limits:   everything, want: []string{"RevokeSecurityGroupIngress sgr-1"}, goals: []Goal{Removed}, fallback: "2 new rules are needed and 1 allowed",
		},
		{
			name: "the role may not modify", live: []string{ssh},
			verdicts: []policy.RuleVerdict{judged(t, policy.Narrow, 1, ssh, "ingress tcp/22 from 10.0.0.0/8")}, limits: Limits{MayAuthorize: true},
			want: []string{"RevokeSecurityGroupIngress sgr-1"}, goals: []Goal{Removed}, fallback: "the role may not modify rules",
		},
		{
			name: "the role may not authorize", live: []string{wide},
			verdicts: []policy.RuleVerdict{judged(t, policy.Narrow, 2, wide, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0")},
			limits:   Limits{MayModify: true}, want: []string{"RevokeSecurityGroupIngress sgr-1"}, goals: []Goal{Removed}, fallback: "the role may not authorize rules",
		},
		{
			name: "the quota has no room", live: []string{wide, "ingress tcp/443 from 0.0.0.0/0#sgr-2", "ingress tcp/443 from ::/0#sgr-3", "egress all to 0.0.0.0/0#sgr-4"},
			verdicts: []policy.RuleVerdict{judged(t, policy.Narrow, 2, wide, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0")},
			limits:   Limits{MayModify: true, MayAuthorize: true, RulesPerGroup: 2},
			want:     []string{"RevokeSecurityGroupIngress sgr-1"}, goals: []Goal{Removed}, fallback: "the group would have more than 2 rules",
		},
		{
			name: "addresses in place of a list", live: []string{"ingress tcp/22 from pl-0123456789abcdef0#sgr-1"},
			verdicts: []policy.RuleVerdict{listJudged(t, "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/22 from 11.0.0.0/8")},
			limits:   everything, want: []string{
				"AuthorizeSecurityGroupIngress [ingress tcp/22 from 10.0.0.0/8] [ingress tcp/22 from 11.0.0.0/8]", "RevokeSecurityGroupIngress sgr-1",
			}, goals: []Goal{Narrowed},
		},
		{
			name: "addresses in place of a list, without the right", live: []string{"ingress tcp/22 from pl-0123456789abcdef0#sgr-1"},
			verdicts: []policy.RuleVerdict{listJudged(t, "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/22 from 11.0.0.0/8")},
			limits:   Limits{MayModify: true}, want: []string{"RevokeSecurityGroupIngress sgr-1"}, goals: []Goal{Removed}, fallback: "the role may not authorize rules",
		},
		{
			name: "addresses in place of a list, without room", live: []string{"ingress tcp/22 from pl-0123456789abcdef0#sgr-1"},
			verdicts: []policy.RuleVerdict{listJudged(t, "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/22 from 11.0.0.0/8")},
			limits:   Limits{MayModify: true, MayAuthorize: true, RulesPerGroup: 2}, want: []string{"RevokeSecurityGroupIngress sgr-1"}, goals: []Goal{Removed}, fallback: "the group would have more than 2 rules",
		},
		{
			name: "wider than the rule is never made", live: []string{"ingress tcp/22 from 10.0.0.0/8#sgr-1"},
			verdicts: []policy.RuleVerdict{judged(t, policy.Narrow, 1, "ingress tcp/22 from 10.0.0.0/8#sgr-1", "ingress tcp/22 from 10.0.0.0/7")},
			limits:   everything, want: []string{"RevokeSecurityGroupIngress sgr-1"}, goals: []Goal{Removed}, fallback: "what was to be left of it is wider than the rule",
		},
		{
			name: "judged on another value", live: []string{"ingress tcp/22 from 10.0.0.0/8#sgr-1"},
			verdicts: []policy.RuleVerdict{judged(t, policy.Revert, 0, ssh)}, limits: everything,
		},
		{
			name: "no longer there", live: []string{"ingress tcp/443 from 0.0.0.0/0#sgr-9"},
			verdicts: []policy.RuleVerdict{judged(t, policy.Revert, 0, ssh)}, limits: everything,
		},
		{
			name: "what is to be left is the rule itself", live: []string{ssh},
			verdicts: []policy.RuleVerdict{judged(t, policy.Narrow, 1, ssh, "ingress tcp/22 from 0.0.0.0/0")}, limits: everything,
		},
		{
			name: "the verdict's own fallback is kept", live: []string{ssh},
			verdicts: []policy.RuleVerdict{{Rule: rule(t, ssh), Decision: policy.Narrow, Fallback: "nothing of it is compliant"}},
			limits:   everything, want: []string{"RevokeSecurityGroupIngress sgr-1"}, goals: []Goal{Removed}, fallback: "nothing of it is compliant",
		},
		{
			name: "a replaced default egress is narrowed, not restored", live: []string{"egress all to 0.0.0.0/0#sgr-1"},
			verdicts: []policy.RuleVerdict{judged(t, policy.Revert, 1, "egress all to 0.0.0.0/0#sgr-1", "egress all to 127.0.0.1/32")}, limits: everything,
			want:  []string{"ModifySecurityGroupRules sgr-1: egress all to 0.0.0.0/0 -> egress all to 127.0.0.1/32"},
			goals: []Goal{Narrowed},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Build(policy.Verdict{GroupID: groupID, Rules: tt.verdicts}, group(t, tt.live...), policy.Known{}, tt.limits)
			require.Equal(t, groupID, p.GroupID)
			require.Equal(t, tt.want, steps(p))
			var goals []Goal
			fallback := ""
			for _, r := range p.Rules {
				goals = append(goals, r.Goal)
				fallback += r.Fallback
			}
			require.Equal(t, tt.goals, goals)
			require.Equal(t, tt.fallback, fallback)
		})
	}
}

func TestBuildRestoresTheOldValue(t *testing.T) {
	old := rule(t, "ingress tcp/22 from 10.0.0.0/8#sgr-1")
	old.Description = "office"
	live := group(t, "ingress tcp/22 from 0.0.0.0/0#sgr-1")
	live.Rules[0].Description = "everybody"
	v := policy.Verdict{Rules: []policy.RuleVerdict{{Rule: live.Rules[0], Decision: policy.Revert, Remaining: []secgroup.Rule{old}}}}

	for name, known := range map[string]policy.KnownRule{
		"before the item saw the growth": {Rule: old},
		"after the item saw the growth":  {Rule: live.Rules[0], Before: &old},
	} {
		t.Run(name, func(t *testing.T) {
			p := Build(v, live, policy.Known{Rules: map[string]policy.KnownRule{"sgr-1": known}}, everything)
			require.Equal(t, []string{"ModifySecurityGroupRules sgr-1: ingress tcp/22 from 0.0.0.0/0 -> ingress tcp/22 from 10.0.0.0/8"}, steps(p))
			require.Equal(t, "office", p.Actions[0].(Modify).To.Description)
			require.Equal(t, Restored, p.Rules[0].Goal)
			require.True(t, p.Rules[0].Restored)
			require.Equal(t, "sgr-1", p.Rules[0].After[0].ID)
		})
	}

	t.Run("revoked where the role may not modify", func(t *testing.T) {
		p := Build(v, live, policy.Known{Rules: map[string]policy.KnownRule{"sgr-1": {Rule: old}}}, Limits{})
		require.Equal(t, []string{"RevokeSecurityGroupIngress sgr-1"}, steps(p))
		require.Equal(t, "the role may not modify rules", p.Rules[0].Fallback)
		require.False(t, p.Rules[0].Restored)
	})
}

func TestBuildKeepsDescriptionAndTags(t *testing.T) {
	live := group(t, "ingress tcp/20-25 from 0.0.0.0/0#sgr-1")
	live.Rules[0].Description = "for the partner"
	live.Rules[0].Tags = map[string]string{"team": "net", "aws:cloudformation:stack-name": "web"}
	v := policy.Verdict{Rules: []policy.RuleVerdict{{
		Rule: live.Rules[0], Decision: policy.Narrow, Parts: 2,
		Remaining: rulesOf(t, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"),
	}}}

	p := Build(v, live, policy.Known{}, everything)

	added := p.Actions[0].(Authorize).Rules[0]
	require.Equal(t, "for the partner", added.Description)
	require.Equal(t, map[string]string{"team": "net"}, added.Tags, "a request may not set tags of AWS")
	require.Equal(t, "for the partner", p.Actions[1].(Modify).To.Description)
	require.Equal(t, "sgr-1", p.Rules[0].After[0].ID, "the rule that keeps the id comes first")
}

func TestBuildTags(t *testing.T) {
	live := group(t, "ingress tcp/22 from 0.0.0.0/0#sgr-1", "ingress tcp/3389 from 0.0.0.0/0#sgr-2", "ingress tcp/23 from 0.0.0.0/0#sgr-3")
	live.Rules[2].Tags = map[string]string{TagKey: "admin-ports"}
	finding := func(id string, s policy.State) policy.Finding {
		return policy.Finding{Policy: &policy.Policy{ID: id}, State: s}
	}
	verdict := policy.Verdict{Rules: []policy.RuleVerdict{
		{Rule: live.Rules[1], Decision: policy.Tag, Findings: []policy.Finding{finding("z-ports", policy.Tagging), finding("admin-ports", policy.Tagging), finding("seen", policy.Observing)}},
		{Rule: live.Rules[0], Decision: policy.Tag, Findings: []policy.Finding{finding("admin-ports", policy.Tagging)}},
		{Rule: live.Rules[2], Decision: policy.Tag, Findings: []policy.Finding{finding("admin-ports", policy.Tagging)}},
	}}

	p := Build(verdict, live, policy.Known{}, Limits{})

	require.Equal(t, []string{"CreateTags sgr-1 admin-ports", "CreateTags group sgr-2 admin-ports z-ports"}, steps(p), "a rule that carries the tag is left alone")
	require.Len(t, p.Rules, 3)
	require.Equal(t, Tagged, p.Rules[2].Goal)
}

func TestTagValueFits(t *testing.T) {
	var rv policy.RuleVerdict
	for i := range 40 {
		rv.Findings = append(rv.Findings, policy.Finding{Policy: &policy.Policy{ID: fmt.Sprintf("policy-number-%02d", i)}, State: policy.Tagging})
	}
	value := TagValue(rv)
	require.LessOrEqual(t, len(value), 256)
	require.True(t, strings.HasSuffix(value, "policy-number-14"), "ids are never cut: %s", value)
}
