package plan

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestTagValueUsesTheWholeLength(t *testing.T) {
	id := func(first string, length int) string { return first + strings.Repeat("x", length-1) }
	value := func(ids ...string) string {
		var rv policy.RuleVerdict
		for _, id := range ids {
			rv.Findings = append(rv.Findings, policy.Finding{Policy: &policy.Policy{ID: id}, State: policy.Tagging})
		}
		return TagValue(rv)
	}
	require.Equal(t, id("a", 127)+" "+id("b", 128), value(id("a", 127), id("b", 128)), "256 characters")
	require.Equal(t, id("a", 127), value(id("a", 127), id("b", 129)), "257 do not fit")
	require.Equal(t, id("a", 256), value(id("a", 256)), "one id needs no space")
	require.Equal(t, id("a", 127)+" c", value(id("a", 127), id("b", 129), "c"), "a short id behind one that does not fit")
}

// TestTheGroupItselfIsTaggedOnce: for all that is required of it, behind its
// rules, and not where it carries the tag already.
func TestTheGroupItselfIsTaggedOnce(t *testing.T) {
	tagging := func(id, policyID string) policy.RuleVerdict {
		return policy.RuleVerdict{
			Rule: secgroup.Rule{ID: id}, Decision: policy.Tag,
			Findings: []policy.Finding{{Policy: &policy.Policy{ID: policyID}, State: policy.Tagging}},
		}
	}
	live := group(t, "ingress tcp/22 from 10.0.0.0/8#sgr-1")
	ofRule := judged(t, policy.Tag, 0, "ingress tcp/22 from 10.0.0.0/8#sgr-1")
	ofRule.Findings = []policy.Finding{{Policy: &policy.Policy{ID: "of-rules"}, State: policy.Tagging}}
	owner, named := secgroup.GroupEntry(groupID, "owner"), secgroup.GroupEntry(groupID, "named")
	v := policy.Verdict{GroupID: groupID, Rules: []policy.RuleVerdict{tagging(owner, "owner"), ofRule, tagging(named, "named")}}
	p := Build(v, live, policy.Known{}, everything)
	require.Equal(t, []string{"CreateTags sgr-1 of-rules", "CreateTags group " + named + " " + owner + " named of-rules owner"}, steps(p))
	for _, r := range p.Rules {
		if secgroup.IsGroupEntry(r.Before.ID) {
			require.Equal(t, "named of-rules owner", r.Tag)
		} else {
			require.Equal(t, "of-rules", r.Tag)
		}
	}

	v.Rules, live.Tags = []policy.RuleVerdict{v.Rules[0], v.Rules[2]}, map[string]string{TagKey: "named owner"}
	require.Empty(t, Build(v, live, policy.Known{}, everything).Actions)
	require.Len(t, Build(v, live, policy.Known{}, everything).Rules, 2)
}

// TestTheTagOfTheGroupNamesAllThatIsViolated: by its rules, by itself, and by
// what it named before.
func TestTheTagOfTheGroupNamesAllThatIsViolated(t *testing.T) {
	tagging := func(id, rule string) policy.RuleVerdict {
		rv := judged(t, policy.Tag, 0, rule)
		rv.Findings = []policy.Finding{{Policy: &policy.Policy{ID: id}, State: policy.Tagging}}
		return rv
	}
	ssh, rdp := "ingress tcp/22 from 10.0.0.0/8#sgr-1", "ingress tcp/3389 from 10.0.0.0/8#sgr-2"
	for name, tc := range map[string]struct {
		before string
		rules  []policy.RuleVerdict
		want   []string
	}{
		"one rule, one call":       {"", []policy.RuleVerdict{tagging("ssh", ssh)}, []string{"CreateTags group sgr-1 ssh"}},
		"two rules":                {"", []policy.RuleVerdict{tagging("ssh", ssh), tagging("rdp", rdp)}, []string{"CreateTags sgr-2 rdp", "CreateTags sgr-1 ssh", "CreateTags group rdp ssh"}},
		"it names another already": {"owner", []policy.RuleVerdict{tagging("ssh", ssh)}, []string{"CreateTags sgr-1 ssh", "CreateTags group owner ssh"}},
		"it names it already":      {"owner ssh", []policy.RuleVerdict{tagging("ssh", ssh)}, []string{"CreateTags sgr-1 ssh"}},
		"it is full":               {strings.Repeat("x", 256), []policy.RuleVerdict{tagging("ssh", ssh)}, []string{"CreateTags group sgr-1 ssh"}},
	} {
		live := group(t, ssh, rdp)
		live.Tags = map[string]string{TagKey: tc.before}
		require.Equal(t, tc.want, steps(Build(policy.Verdict{GroupID: groupID, Rules: tc.rules}, live, policy.Known{}, everything)), name)
	}
	require.True(t, Names("a b", "b"))
	require.False(t, Names("ab", "b"))
}
