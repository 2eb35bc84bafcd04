package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatTextsASetJudges(t *testing.T) {
	described := enforcing(t, document("p", requires(where("ingress all any", func(r *Requirement) { r.Description = true }))))
	unlike := enforcing(t, document("p", requires(where("ingress all any", func(r *Requirement) { r.NotDescribed = []string{"x*"} }))))
	tagged := enforcing(t, document("p", remedy(DoAlert), requires(Requirement{Tags: []string{"owner"}})))
	require.Equal(t, []bool{true, false}, []bool{described.JudgesDescriptions(), described.JudgesTags()})
	require.Equal(t, []bool{true, false}, []bool{unlike.JudgesDescriptions(), unlike.JudgesTags()})
	require.Equal(t, []bool{false, true}, []bool{tagged.JudgesDescriptions(), tagged.JudgesTags()})
}

// TestRequirementsCountInTheDigest, each of them by itself.
func TestRequirementsCountInTheDigest(t *testing.T) {
	digests := map[string]string{}
	add := func(name string, r Requirement) {
		digest := enforcing(t, document("p", remedy(DoAlert), requires(r))).Policies[0].Digest()
		require.NotContains(t, digests, digest, "%s is like %s", name, digests[digest])
		digests[digest] = name
	}
	add("description", Requirement{Description: true})
	add("texts", Requirement{NotDescribed: []string{"a"}})
	add("names", Requirement{NotNamed: []string{"a"}})
	add("tags", Requirement{Tags: []string{"owner"}})
	add("another tag", Requirement{Tags: []string{"team"}})
	add("rules", Requirement{MaxRules: 5})
	add("groups", Requirement{MaxGroups: 5})
	add("use", Requirement{Attached: yesOrNo(true)})
	add("no use", Requirement{Attached: yesOrNo(false)})
	add("twins", Requirement{Distinct: NotIdentical})
	add("covers", Requirement{Distinct: NotCovered})
	add("grace", Requirement{Tags: []string{"owner"}, Grace: time.Hour})
	add("references", where("ingress all any", func(r *Requirement) { r.Alive = true }))
	add("addresses", where("ingress all any", func(r *Requirement) { r.Elastic = true }))
	add("descriptions of rules", where("ingress all any", func(r *Requirement) { r.Description = true }))
}

// TestWhatIsSaidOfGroupsInOrder where facts were not read, and with nothing using it.
func TestWhatIsSaidOfGroupsInOrder(t *testing.T) {
	of := func(attached bool, use *Interfaces) string {
		s := enforcing(t, document("p", ssh), document("q", remedy(DoAlert), func(d *Document) {
			r := Requirement{Attached: &attached, Line: 7}
			d.Require = []Requirement{r}
		}))
		in := swept(s, group(t))
		in.Facts.Interfaces = use
		a := s.GroupAccounts(in, s.Evaluate(in))
		require.Len(t, a, 1, "a policy on rules says nothing of groups")
		require.Equal(t, 7, a[0].Finding.Line)
		return a[0].Fine
	}
	require.Equal(t, "what uses it was not read", of(true, nil))
	require.Equal(t, "it is used by eni-1", of(true, &Interfaces{IDs: []string{"eni-1"}}))
	require.Equal(t, "no network interface uses it", of(false, &Interfaces{}))
}

func TestOverriddenNumbersOfGroupsAndNames(t *testing.T) {
	policy := policyText("p", "remedy: alert", "require: [{maxGroups: 5, notNamed: [\"launch-*\"]}]")
	r := parsedFrom(t, policy, settingsText("overrides: {p: {require: {maxGroups: 9, notNamed: [\"x-*\"]}}}")).Documents[0].Require[0]
	require.Equal(t, 9, r.MaxGroups)
	require.Equal(t, []string{"x-*"}, r.NotNamed)
	rules := policyText("p", "remedy: alert", "require: [{where: {direction: ingress, peers: [any]}, maxPrefix: {ipv4: /16}}]")
	for override, want := range map[string]string{"maxGroups: 9": "policy p requires no maxGroups", "notNamed: [x]": "policy p requires no notNamed", "maxPrefix: {}": "maxPrefix without a bound requires nothing"} {
		_, err := Parse([]Source{{File: "p.yaml", Text: []byte(rules)}, {File: "s.yaml", Text: []byte(settingsText("overrides: {p: {require: {" + override + "}}}"))}}, nil)
		require.ErrorContains(t, err, want)
	}
}
