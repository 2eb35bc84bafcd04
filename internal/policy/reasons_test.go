package policy

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// firstOf is what the first policy says of the first rule.
func firstOf(v Verdict) Finding { return v.Rules[0].Findings[0] }

func TestWhyOfDueRules(t *testing.T) {
	for do, want := range map[RemedyKind]string{
		DoRevert: "violates; to be reverted", DoNarrow: "violates; to be narrowed", DoTag: "violates; to be tagged", DoAlert: "violates; the policy alerts only",
	} {
		s := enforcing(t, document("p", ssh, remedy(do)))
		require.Equal(t, want, firstOf(s.Evaluate(swept(s, group(t, "ingress tcp/22 from 0.0.0.0/0")))).Why)
	}
}

func TestWhyOfUnreadLists(t *testing.T) {
	s := enforcing(t, document("p", ssh, except(now.Add(-time.Hour), "*")))
	in := swept(s, withList(group(t, "ingress tcp/22 from pl-c3"), secgroup.PrefixList{ID: "pl-c3"}))
	v := s.Evaluate(in)
	require.Equal(t, Unknown, firstOf(v).State)
	require.True(t, strings.HasPrefix(firstOf(v).Why, "prefix list pl-c3 was not read yet; the exception at p.yaml:20 ended on"), firstOf(v).Why)
	require.Equal(t, []Need{NeedLists}, v.Needs)
	require.Equal(t, 7, firstOf(v).Line, "the line of the clause that may be violated")

	in = swept(s, withList(group(t, "ingress tcp/22 from pl-c3"), secgroup.PrefixList{ID: "pl-c3", Refused: "denied"}))
	v = s.Evaluate(in)
	require.True(t, strings.HasPrefix(firstOf(v).Why, "prefix list pl-c3 could not be read: denied; "), firstOf(v).Why)
	require.Empty(t, v.Needs)

	in = swept(s, group(t, "ingress tcp/22 from 0.0.0.0/0"))
	in.Live.Rules[0].Peer = nil
	require.True(t, strings.HasPrefix(firstOf(s.Evaluate(in)).Why, "its peer could not be read"), firstOf(s.Evaluate(in)).Why)
}

func TestLineOfTheClauseThatMayBeViolated(t *testing.T) {
	s := enforcing(t, document("p", forbid(at(31, box("ingress udp/53 internet")), at(32, box("ingress tcp/22 internet")))))
	v := s.Evaluate(swept(s, withList(group(t, "ingress tcp/22 from pl-c3"), secgroup.PrefixList{ID: "pl-c3", Refused: "denied"})))
	require.Equal(t, 32, firstOf(v).Line)
	v = s.Evaluate(swept(s, withList(group(t, "ingress tcp/99 from pl-c3"), secgroup.PrefixList{ID: "pl-c3", Refused: "denied"})))
	require.Equal(t, Fine, firstOf(v).State)
}

func TestWhyMarksDoNotCount(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	in := swept(s, group(t, "sgr-a ingress tcp/22 from 0.0.0.0/0"))
	mark := func(k *KnownRule) { k.Baseline = []string{"p"} }
	remembered(&in, in.Live.Rules[0], mark)
	require.Equal(t, Baseline, firstOf(s.Evaluate(in)).State)
	remembered(&in, ruleOf(t, "sgr-a ingress tcp/22 from 9.0.0.0/8"), mark)
	require.Contains(t, firstOf(s.Evaluate(in)).Why, "the baseline mark covers its earlier value only")
	in.Facts.Stale, in.Facts.Stamp = true, now.Add(-time.Hour)
	in.Changes = []secgroup.Change{authorized(dev, now, in.Live.Rules[0])}
	remembered(&in, in.Live.Rules[0], mark)
	require.Contains(t, firstOf(s.Evaluate(in)).Why, "a record that names the rule voids its baseline mark")
}

// TestMarksAndExemptionsTogether: a mark alone says baseline, an exemption of
// all of it says exempt.
func TestMarksAndExemptionsTogether(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	in := swept(s, group(t, "sgr-a ingress tcp/22 from 0.0.0.0/0"))
	remembered(&in, in.Live.Rules[0], func(k *KnownRule) { k.Baseline = []string{"p"} })
	in.Exemptions = []Exemption{exemption(t, "EX-1", "ingress tcp/22 from 8.0.0.0/8")}
	require.Equal(t, Baseline, firstOf(s.Evaluate(in)).State)
	in.Exemptions = []Exemption{exemption(t, "EX-1")}
	require.Equal(t, Exempt, firstOf(s.Evaluate(in)).State)
	require.Equal(t, "EX-1", firstOf(s.Evaluate(in)).Exemption)
	in.Known = Known{}
	require.Equal(t, Exempt, firstOf(s.Evaluate(in)).State)
}

// TestExemptionsOfSeveralRules: one that is for something else does not end
// the list.
func TestExemptionsOfSeveralRules(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	in := swept(s, group(t, "ingress tcp/22 from 0.0.0.0/0"))
	in.Exemptions = []Exemption{exemption(t, "EX-1", "egress tcp/22 to 0.0.0.0/0", "ingress tcp/22 from pl-0b", "ingress tcp/22 from 0.0.0.0/0")}
	require.Equal(t, Exempt, firstOf(s.Evaluate(in)).State)
}

func TestRestoredRulesKeepTheirID(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	in := swept(s, group(t, "sgr-a ingress tcp/22 from 0.0.0.0/0"))
	in.Known = Known{Exists: true, Rules: map[string]KnownRule{"sgr-a": {Rule: ruleOf(t, "ingress tcp/22 from 10.0.0.0/8")}}}
	v := s.Evaluate(in).Rules[0]
	require.Equal(t, Revert, v.Decision)
	require.Equal(t, "sgr-a", v.Remaining[0].ID)
}

// TestPartsOfSeveralRules: a rule that keeps within its parts does not hide
// one that does not, and a rule that is only tagged stays.
func TestPartsOfSeveralRules(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 internet")), narrow(1)), document("t", forbid(box("ingress tcp/20 internet")), remedy(DoTag)))
	v := s.Evaluate(swept(s, group(t, "sgr-a ingress tcp/22-25 from 0.0.0.0/0", "sgr-b ingress tcp/19-25 from 0.0.0.0/1")))
	require.Equal(t, Narrow, v.Rules[0].Decision)
	require.Equal(t, Revert, v.Rules[1].Decision)
	v = s.Evaluate(swept(s, group(t, "sgr-a ingress tcp/1 from 0.0.0.0/0", "sgr-b ingress tcp/20-25 from 0.0.0.0/0", "sgr-c ingress tcp/20-21 from 0.0.0.0/0")))
	require.Equal(t, Keep, v.Rules[0].Decision)
	require.Equal(t, Tag, v.Rules[2].Decision)
	require.Equal(t, Narrow, v.Rules[1].Decision, "one part is there already: %s", v.Rules[1].Fallback)
}

// TestForeignGrowth: a list that grew is alerted; whoever is not the first to see
// it as grown acts.
func TestForeignGrowth(t *testing.T) {
	open := []netip.Prefix{netip.MustParsePrefix("8.8.8.0/24")}
	before := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	const owner = "210987654321"
	grown := func(edit func(*KnownRule), list secgroup.PrefixList) State {
		s := enforcing(t, document("p", ssh))
		in := swept(s, withList(group(t, "sgr-a ingress tcp/22 from pl-c3"), list))
		known := ruleOf(t, "sgr-a ingress tcp/22 from pl-c3")
		remembered(&in, known, func(k *KnownRule) {
			k.ListDigest = ListDigest(before)
			edit(k)
		})
		in.Known.OpenIncidents = []string{"i"}
		return firstOf(s.Evaluate(in)).State
	}
	list := secgroup.PrefixList{ID: "pl-c3", OwnerID: owner, Readable: true, Entries: open}
	nothing := func(*KnownRule) {}
	require.Equal(t, Alerting, grown(nothing, list))
	own := list
	own.OwnerID = ownAccount
	require.Equal(t, Alerting, grown(nothing, own), "it is for the list to answer for")
	unknown := list
	unknown.OwnerID = ""
	require.Equal(t, Acting, grown(nothing, unknown))

	same := func(k *KnownRule) { k.ListDigest = ListDigest(open) }
	require.Equal(t, Acting, grown(same, list), "it was so when it was seen last")
	held := func(under ...string) func(*KnownRule) {
		return func(k *KnownRule) { k.IncidentID, k.Under = "i", under }
	}
	require.Equal(t, Acting, grown(held(), list), "an open incident holds it under every policy")
	require.Equal(t, Acting, grown(held("p"), list))
	require.Equal(t, Alerting, grown(held("q"), list), "an incident of another policy says nothing")
	earlier := func(k *KnownRule) {
		same(k)
		k.Before = new(secgroup.Rule)
		*k.Before = k.Rule
	}
	require.Equal(t, Alerting, grown(earlier, list), "it was in order with the same value")
	other := func(k *KnownRule) {
		same(k)
		v := ruleOf(t, "sgr-a ingress tcp/23 from pl-c3")
		k.Before = &v
	}
	require.Equal(t, Acting, grown(other, list))
	value := func(k *KnownRule) { k.Rule = ruleOf(t, "sgr-a ingress tcp/21 from pl-c3") }
	require.Equal(t, Acting, grown(value, list), "the rule itself was another")
}

// TestOddLeaves are values of YAML that are of the right kind and still none.
func TestOddLeaves(t *testing.T) {
	const box = "forbid: [{direction: ingress, ports: [22], peers: [internet]}]"
	p := func(lines ...string) string { return policyText("p", append([]string{box}, lines...)...) }
	for text, want := range map[string]string{
		p("remedy: {do: revert, after: abc}"):                  "is not a time span",
		p("remedy: {do: revert, after: -5s}"):                  "is not a time span",
		p("remedy: {do: revert, after: 1.5ms}"):                "is not a time span",
		p("remedy: {do: narrow, parts: x}"):                    "parts",
		p("remedy: {do: narrow, parts: 99999999999999999999}"): "parts",
		p("remedy: {do: narrow, parts: 0}"):                    "parts",
		p("tolerate: {ipv4: /33}"):                             "is not a prefix length",
		settingsText("settle: 15m1s"):                          "settle is longer than 15m",
		settingsText("exemptions:", "  - {id: X, policy: q, group: sg-0a1b2c3d, owner: o, reason: r, ticket: T, until: 2030-01-01, rules: [\"ingress tcp/x from ::/0\"]}"): "not a rule",
	} {
		faults := faultsOf(t, Source{File: "a.yaml", Text: []byte(text)}, Source{File: "b.yaml", Text: []byte(policyText("q", box))})
		require.Contains(t, faults[0].Message, want, text)
	}
	parsed := parsedFrom(t, settingsText("settle: 15m"), p("remedy: {do: narrow, parts: 3, after: 0s}"))
	d := parsed.Documents[0]
	require.Equal(t, 15*time.Minute, parsed.Deployment.Settle)
	require.Equal(t, "stable", d.Maturity)
	require.Equal(t, 3, d.Remedy.Parts)
	require.Zero(t, d.Remedy.After)
	require.Equal(t, Tolerance{IPv4: -1, IPv6: -1}, d.Tolerate)
	require.Nil(t, d.Controls)
	require.Equal(t, Fuse{Groups: 10, Actors: 25}, parsed.Deployment.Fuse)
}
