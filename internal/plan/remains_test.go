package plan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// after writes what a rule plan leaves, with ids.
func after(p RulePlan) []string {
	var out []string
	for _, r := range p.After {
		out = append(out, r.String()+"#"+r.ID)
	}
	return out
}

func build(t *testing.T, limits Limits, live []string, verdicts ...policy.RuleVerdict) Plan {
	t.Helper()
	return Build(policy.Verdict{GroupID: groupID, Rules: verdicts}, group(t, live...), policy.Known{}, limits)
}

func TestRulesWithoutIDAreNotTouched(t *testing.T) {
	p := build(t, everything, []string{"ingress tcp/22 from 0.0.0.0/0"}, judged(t, policy.Revert, 0, "ingress tcp/22 from 0.0.0.0/0"))
	require.Empty(t, p.Actions, "EC2 could not be told which rule is meant")
}

func TestAStaleVerdictDoesNotHideTheNext(t *testing.T) {
	p := build(t, everything, []string{"ingress tcp/22 from 0.0.0.0/0#sgr-2"},
		judged(t, policy.Revert, 0, "ingress tcp/21 from 0.0.0.0/0#sgr-1"), judged(t, policy.Revert, 0, "ingress tcp/22 from 0.0.0.0/0#sgr-2"))
	require.Equal(t, []string{"RevokeSecurityGroupIngress sgr-2"}, steps(p))
}

func TestWhatIsTakenBackTooIsNotMadeAgain(t *testing.T) {
	const wide, narrow = "ingress tcp/22 from 0.0.0.0/0#sgr-1", "ingress tcp/22 from 10.0.0.0/8#sgr-2"
	p := build(t, everything, []string{wide, narrow},
		judged(t, policy.Narrow, 1, wide, "ingress tcp/22 from 10.0.0.0/8"), judged(t, policy.Revert, 0, narrow))
	require.Equal(t, []string{"RevokeSecurityGroupIngress sgr-1 sgr-2"}, steps(p))
	require.Equal(t, "what was to be left of it equals a rule that is taken back too", p.Rules[0].Fallback)
}

func TestARuleWhoseRestStandsGoesFirst(t *testing.T) {
	const first, second, third = "ingress tcp/20-22 from 0.0.0.0/0#sgr-1", "ingress tcp/30-32 from 0.0.0.0/0#sgr-2", "ingress tcp/30 from 0.0.0.0/0#sgr-3"
	p := build(t, everything, []string{first, second, third},
		judged(t, policy.Narrow, 1, first, "ingress tcp/20 from 0.0.0.0/0"), judged(t, policy.Narrow, 1, second, "ingress tcp/30 from 0.0.0.0/0"))
	require.Equal(t, []string{
		"RevokeSecurityGroupIngress sgr-2",
		"ModifySecurityGroupRules sgr-1: ingress tcp/20-22 from 0.0.0.0/0 -> ingress tcp/20 from 0.0.0.0/0",
	}, steps(p))
	require.Equal(t, []string{"ingress tcp/30 from 0.0.0.0/0#sgr-3"}, after(p.Rules[1]), "the rule that stands carries its id")
}

func TestARuleWhoseRestIsMadeForAnotherGoesLast(t *testing.T) {
	const first, second = "ingress tcp/20-22 from 0.0.0.0/0#sgr-1", "ingress tcp/20-23 from 0.0.0.0/0#sgr-2"
	p := build(t, everything, []string{first, second},
		judged(t, policy.Narrow, 1, first, "ingress tcp/20 from 0.0.0.0/0"), judged(t, policy.Narrow, 1, second, "ingress tcp/20 from 0.0.0.0/0"))
	require.Equal(t, []string{
		"ModifySecurityGroupRules sgr-1: ingress tcp/20-22 from 0.0.0.0/0 -> ingress tcp/20 from 0.0.0.0/0",
		"RevokeSecurityGroupIngress sgr-2",
	}, steps(p))
}

// TestPartsMadeForAnotherLeaveTheOthers: of two parts the first is made for
// sgr-1 already, the second is sgr-2's own.
func TestPartsMadeForAnotherLeaveTheOthers(t *testing.T) {
	const first, second = "ingress tcp/20-22 from 0.0.0.0/0#sgr-1", "ingress tcp/20-25 from 0.0.0.0/0#sgr-2"
	p := build(t, everything, []string{first, second},
		judged(t, policy.Narrow, 1, first, "ingress tcp/20 from 0.0.0.0/0"),
		judged(t, policy.Narrow, 2, second, "ingress tcp/20 from 0.0.0.0/0", "ingress tcp/24 from 0.0.0.0/0"))
	require.Equal(t, []string{
		"ModifySecurityGroupRules sgr-1: ingress tcp/20-22 from 0.0.0.0/0 -> ingress tcp/20 from 0.0.0.0/0",
		"ModifySecurityGroupRules sgr-2: ingress tcp/20-25 from 0.0.0.0/0 -> ingress tcp/24 from 0.0.0.0/0",
	}, steps(p))
	require.Equal(t, []string{"ingress tcp/24 from 0.0.0.0/0#sgr-2", "ingress tcp/20 from 0.0.0.0/0#"}, after(p.Rules[1]))
}

func TestTheSamePartTwiceIsOneRule(t *testing.T) {
	const wide = "ingress tcp/20-25 from 0.0.0.0/0#sgr-1"
	p := build(t, everything, []string{wide},
		judged(t, policy.Narrow, 2, wide, "ingress tcp/20 from 0.0.0.0/0", "ingress tcp/20 from 0.0.0.0/0", "ingress tcp/24-25 from 0.0.0.0/0"))
	require.Equal(t, []string{
		"AuthorizeSecurityGroupIngress [ingress tcp/20 from 0.0.0.0/0]",
		"ModifySecurityGroupRules sgr-1: ingress tcp/20-25 from 0.0.0.0/0 -> ingress tcp/24-25 from 0.0.0.0/0",
	}, steps(p))
}

func TestAFormerValueIsOneRule(t *testing.T) {
	live := rule(t, "ingress tcp/20-25 from 0.0.0.0/0#sgr-1")
	old := rule(t, "ingress tcp/20 from 0.0.0.0/0#sgr-1")
	v := policy.RuleVerdict{Rule: live, Decision: policy.Revert, Parts: 2, Remaining: []secgroup.Rule{old, rule(t, "ingress tcp/24 from 0.0.0.0/0")}}
	p := Build(policy.Verdict{Rules: []policy.RuleVerdict{v}}, secgroup.Group{ID: groupID, Rules: []secgroup.Rule{live}},
		policy.Known{Rules: map[string]policy.KnownRule{"sgr-1": {Rule: live, Before: &old}}}, everything)
	require.Equal(t, Narrowed, p.Rules[0].Goal)
	require.False(t, p.Rules[0].Restored)
}

// TestBlocksInPlaceOfAListThatLeaveOrComeAlready: what another rule takes along
// is not made again, and what is made for one is not made for the next.
func TestBlocksInPlaceOfAListThatLeaveOrComeAlready(t *testing.T) {
	const list, other, block = "ingress tcp/22 from pl-0123456789abcdef0#sgr-1", "ingress tcp/22 from pl-0fedcba9876543210#sgr-3", "ingress tcp/22 from 10.0.0.0/8"
	p := build(t, everything, []string{list, block + "#sgr-2"}, listJudged(t, block), judged(t, policy.Revert, 0, block+"#sgr-2"))
	require.Equal(t, []string{"RevokeSecurityGroupIngress sgr-1 sgr-2"}, steps(p))
	require.Equal(t, "what was to be left of it equals a rule that is taken back too", p.Rules[0].Fallback)

	second := listJudged(t, block)
	second.Rule.ID, second.Rule.Peer = "sgr-3", secgroup.PrefixList{ID: "pl-0fedcba9876543210", Readable: true, Entries: prefixes("0.0.0.0/0")}
	p = build(t, everything, []string{list, other}, listJudged(t, block), second)
	require.Equal(t, []string{"AuthorizeSecurityGroupIngress [" + block + "]", "RevokeSecurityGroupIngress sgr-1 sgr-3"}, steps(p))
}

// TestAFormerValueOfAnotherKindIsNotPutBack: EC2 changes no rule for blocks into
// one for a group.
func TestAFormerValueOfAnotherKindIsNotPutBack(t *testing.T) {
	live, old := rule(t, "ingress tcp/22 from 0.0.0.0/0#sgr-1"), rule(t, "ingress tcp/22 from sg-0123456789abcdef0#sgr-1")
	v := policy.RuleVerdict{Rule: live, Decision: policy.Revert, Parts: 1, Remaining: []secgroup.Rule{old}}
	p := Build(policy.Verdict{Rules: []policy.RuleVerdict{v}}, secgroup.Group{ID: groupID, Rules: []secgroup.Rule{live}},
		policy.Known{Rules: map[string]policy.KnownRule{"sgr-1": {Rule: live, Before: &old}}}, everything)
	require.Equal(t, []string{"RevokeSecurityGroupIngress sgr-1"}, steps(p))
	require.Equal(t, "a rule cannot be changed into one with another kind of peer", p.Rules[0].Fallback)
}
