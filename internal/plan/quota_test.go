package plan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// TestQuota narrows rules to two parts each: one takes the rule's id, the
// other is new and has to fit.
func TestQuota(t *testing.T) {
	const (
		wide    = "ingress tcp/20-25 from 0.0.0.0/0#sgr-1"
		another = "ingress tcp/30-35 from 0.0.0.0/0#sgr-2"
		other6  = "ingress tcp/443 from ::/0#sgr-3"
		other4  = "ingress tcp/443 from 0.0.0.0/0#sgr-4"
		list    = "ingress tcp/443 from pl-0123456789abcdef0#sgr-5"
		out     = "egress all to 0.0.0.0/0#sgr-6"
	)
	narrowed := judged(t, policy.Narrow, 2, wide, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0")
	second := judged(t, policy.Narrow, 2, another, "ingress tcp/30-31 from 0.0.0.0/0", "ingress tcp/33-35 from 0.0.0.0/0")
	three := judged(t, policy.Narrow, 3, wide, "ingress tcp/20 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/0", "ingress tcp/24-25 from 0.0.0.0/0")
	tests := []struct {
		name     string
		live     []string
		verdicts []policy.RuleVerdict
		quota    int
		fallback []string
	}{
		{"exactly room", []string{wide, other4}, []policy.RuleVerdict{narrowed}, 3, []string{""}},
		{"one too many", []string{wide, other4}, []policy.RuleVerdict{narrowed}, 2, []string{"the group would have more than 2 rules"}},
		{"the other family and direction do not count", []string{wide, other6, out}, []policy.RuleVerdict{narrowed}, 2, []string{""}},
		{"a list counts", []string{wide, list}, []policy.RuleVerdict{narrowed}, 2, []string{"the group would have more than 2 rules"}},
		{"not known", []string{wide, other4}, []policy.RuleVerdict{narrowed}, 0, []string{""}},
		{"two new ones", []string{wide}, []policy.RuleVerdict{three}, 3, []string{""}},
		{"two new ones and room for one", []string{wide}, []policy.RuleVerdict{three}, 2, []string{"the group would have more than 2 rules"}},
		{"what the plan makes for others counts", []string{wide, another}, []policy.RuleVerdict{narrowed, second}, 3, []string{"", "the group would have more than 3 rules"}},
		{"room for both", []string{wide, another}, []policy.RuleVerdict{narrowed, second}, 4, []string{"", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := build(t, Limits{MayModify: true, MayAuthorize: true, RulesPerGroup: tt.quota}, tt.live, tt.verdicts...)
			var fallback []string
			for _, r := range p.Rules {
				fallback = append(fallback, r.Fallback)
			}
			require.Equal(t, tt.fallback, fallback)
		})
	}

	t.Run("what the plan makes in the other family does not count", func(t *testing.T) {
		const wide6 = "ingress tcp/20-25 from ::/0#sgr-7"
		p := build(t, Limits{MayModify: true, MayAuthorize: true, RulesPerGroup: 2}, []string{wide, wide6}, narrowed,
			judged(t, policy.Narrow, 2, wide6, "ingress tcp/20-21 from ::/0", "ingress tcp/23-25 from ::/0"))
		require.Equal(t, []string{
			"AuthorizeSecurityGroupIngress [ingress tcp/20-21 from 0.0.0.0/0] [ingress tcp/20-21 from ::/0]",
			"ModifySecurityGroupRules sgr-1: ingress tcp/20-25 from 0.0.0.0/0 -> ingress tcp/23-25 from 0.0.0.0/0",
			"ModifySecurityGroupRules sgr-7: ingress tcp/20-25 from ::/0 -> ingress tcp/23-25 from ::/0",
		}, steps(p))
	})
}
