package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestNarrow(t *testing.T) {
	internet := forbid(box("ingress tcp/22 internet"))
	for _, tc := range []struct {
		name     string
		doc      Document
		rule     string
		decision Decision
		left     []string
		fallback string
		lost     string
	}{
		{"a port out of a range", document("p", internet, tolerate(16, 32), narrow(2)), "ingress tcp/20-25 from 0.0.0.0/0",
			Narrow, []string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}, "", ""},
		{"by number", document("p", internet, tolerate(16, 32), narrow(2)), "ingress 6/20-25 from 0.0.0.0/0",
			Narrow, []string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}, "", ""},
		{"IPv6", document("p", internet, tolerate(16, 32), narrow(2)), "ingress tcp/20-25 from ::/0",
			Narrow, []string{"ingress tcp/20-21 from ::/0", "ingress tcp/23-25 from ::/0"}, "", ""},
		{"half of the internet", document("p", internet, tolerate(16, 32), narrow(2)), "ingress tcp/20-25 from 0.0.0.0/1",
			Narrow, []string{"ingress tcp/20-21 from 0.0.0.0/1", "ingress tcp/23-25 from 0.0.0.0/1"}, "", ""},
		{"host bits", document("p", internet, tolerate(16, 32), narrow(2)), "ingress tcp/20-25 from 203.0.113.9/0",
			Narrow, []string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}, "", ""},
		{"the first port", document("p", internet, narrow(1)), "ingress tcp/22-25 from 0.0.0.0/0",
			Narrow, []string{"ingress tcp/23-25 from 0.0.0.0/0"}, "", ""},
		{"more parts than may be", document("p", internet, narrow(1)), "ingress tcp/20-25 from 0.0.0.0/0",
			Revert, nil, "what may stay is 2 new rules, and 1 may be made", ""},
		{"nothing stays of the internet", document("p", internet, narrow(9)), "ingress tcp/22 from 0.0.0.0/0",
			Revert, nil, "nothing of it is allowed", ""},
		{"to", document("p", internet, narrow(1, "10.0.0.0/8")), "ingress tcp/22 from 0.0.0.0/0",
			Narrow, []string{"ingress tcp/22 from 10.0.0.0/8"}, "", ""},
		{"to, of another family", document("p", internet, narrow(1, "10.0.0.0/8")), "ingress tcp/22 from ::/0",
			Revert, nil, "nothing of it is allowed", ""},
		{"what the box excepts", document("p", forbid(box("ingress tcp/22 internet", box("ingress tcp/22 8.8.8.0/29"))), narrow(1)), "ingress tcp/22 from 0.0.0.0/0",
			Narrow, []string{"ingress tcp/22 from 8.8.8.0/29"}, "", ""},
		{"to cuts what the box excepts", document("p", forbid(box("ingress tcp/22 internet", box("ingress tcp/22 8.8.8.0/29"))), narrow(1, "8.8.8.0/30")), "ingress tcp/22 from 0.0.0.0/0",
			Narrow, []string{"ingress tcp/22 from 8.8.8.0/30"}, "", ""},
		{"a forbid of blocks leaves the rest", document("p", forbid(box("ingress tcp/22 128.0.0.0/1")), narrow(1)), "ingress tcp/22 from 0.0.0.0/0",
			Narrow, []string{"ingress tcp/22 from 0.0.0.0/1"}, "", ""},
		{"allowOnly leaves these", document("p", allowOnly(box("ingress tcp/443 addresses"), box("ingress tcp/443 10.0.0.0/8")), narrow(1)), "ingress tcp/443 from 0.0.0.0/0",
			Narrow, []string{"ingress tcp/443 from 10.0.0.0/8"}, "", ""},
		{"within of allowOnly may be the internet", document("p", allowOnly(box("ingress tcp/443 internet"), box("ingress tcp/443 8.8.8.0/29")), narrow(1)), "ingress tcp/443 from 0.0.0.0/0",
			Narrow, []string{"ingress tcp/443 from 8.8.8.0/29"}, "", ""},
		{"all protocols", document("p", internet, narrow(4)), "ingress all from 0.0.0.0/0",
			Narrow, []string{"ingress icmp from 0.0.0.0/0", "ingress tcp/0-21 from 0.0.0.0/0", "ingress tcp/23-65535 from 0.0.0.0/0", "ingress udp/0-65535 from 0.0.0.0/0"},
			"", "protocols other than tcp, udp, icmp"},
		{"all protocols of IPv6", document("p", internet, narrow(4)), "ingress all from ::/0",
			Narrow, []string{"ingress tcp/0-21 from ::/0", "ingress tcp/23-65535 from ::/0", "ingress udp/0-65535 from ::/0", "ingress icmpv6 from ::/0"},
			"", "protocols other than tcp, udp, icmpv6"},
		{"all protocols alike stay all", document("p", forbid(box("ingress all internet")), narrow(1, "10.0.0.0/8")), "ingress all from 0.0.0.0/0",
			Narrow, []string{"ingress all from 10.0.0.0/8"}, "", ""},
		{"all protocols but one", document("p", forbid(box("ingress 47 internet")), narrow(3)), "ingress all from 0.0.0.0/0",
			Narrow, []string{"ingress icmp from 0.0.0.0/0", "ingress tcp/0-65535 from 0.0.0.0/0", "ingress udp/0-65535 from 0.0.0.0/0"}, "", "protocols other than tcp, udp, icmp"},
		{"a reference loses a port", document("p", forbid(box("ingress tcp/22 references")), narrow(2)), "ingress tcp/20-25 from sg-0b",
			Narrow, []string{"ingress tcp/20-21 from sg-0b", "ingress tcp/23-25 from sg-0b"}, "", ""},
		{"a reference cannot become addresses", document("p", forbid(box("ingress tcp/22 references")), narrow(2, "10.0.0.0/8")), "ingress tcp/22 from sg-0b",
			Revert, nil, "nothing of it is allowed", ""},
		{"an icmp type", document("p", forbid(box("ingress icmp/5 internet")), narrow(300)), "ingress icmp/5 from 0.0.0.0/0",
			Revert, nil, "nothing of it is allowed", ""},
		{"revert takes all", document("p", internet), "ingress tcp/20-25 from 0.0.0.0/0", Revert, nil, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := enforcing(t, tc.doc)
			v := s.Evaluate(swept(s, group(t, tc.rule))).Rules[0]
			require.Equal(t, tc.decision, v.Decision)
			require.ElementsMatch(t, tc.left, ruleTexts(v.Remaining))
			require.Equal(t, tc.fallback, v.Fallback)
			require.Equal(t, tc.lost, v.Lost)
			if tc.decision == Narrow {
				require.Equal(t, tc.doc.Remedy.Parts, v.Parts)
			}
		})
	}
}

func TestNarrowOfPrefixLists(t *testing.T) {
	list := secgroup.PrefixList{ID: "pl-c3", OwnerID: ownAccount, Name: "x", Readable: true, Entries: peerSpec("8.8.8.0/24").CIDRs}
	for _, tc := range []struct {
		name     string
		doc      Document
		left     []string
		fallback string
	}{
		{"ports", document("p", forbid(box("ingress tcp/22 internet")), narrow(2)), []string{"ingress tcp/20-21 from pl-c3", "ingress tcp/23-25 from pl-c3"}, ""},
		{"some entries", document("p", forbid(box("ingress tcp/22 8.8.8.0/25")), narrow(9)), nil, "prefix list pl-c3 would have to become addresses, which a rule cannot in place"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := enforcing(t, tc.doc)
			v := s.Evaluate(swept(s, withList(group(t, "ingress tcp/20-25 from pl-c3"), list))).Rules[0]
			require.ElementsMatch(t, tc.left, ruleTexts(v.Remaining))
			require.Equal(t, tc.fallback, v.Fallback)
		})
	}
}

func TestNarrowKeepsExemptAndBaseline(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 internet")), narrow(3)))
	in := swept(s, group(t, "sgr-a ingress tcp/22-23 from 0.0.0.0/0"))
	in.Exemptions = []Exemption{exemption(t, "EX-1", "ingress tcp/22 from 8.8.8.0/29")}
	v := s.Evaluate(in).Rules[0]
	require.Equal(t, Narrow, v.Decision, v.Fallback)
	require.Equal(t, []string{"ingress tcp/22 from 8.8.8.0/29", "ingress tcp/23 from 0.0.0.0/0"}, ruleTexts(v.Remaining))
	in.Exemptions = nil
	remembered(&in, ruleOf(t, "sgr-a ingress tcp/22 from 9.0.0.0/8"), func(k *KnownRule) { k.Baseline = []string{"p"} })
	require.Equal(t, []string{"ingress tcp/22 from 9.0.0.0/8", "ingress tcp/23 from 0.0.0.0/0"}, ruleTexts(s.Evaluate(in).Rules[0].Remaining))
}

func TestComposition(t *testing.T) {
	narrows := document("n", forbid(box("ingress tcp/22 internet")), narrow(5))
	reverts := document("r", forbid(box("ingress tcp/23 internet")))
	observes := document("o", forbid(box("ingress tcp/24 internet")), mode(Observe))
	other := document("m", forbid(box("ingress tcp/24 internet")), narrow(3))
	waits := document("w", forbid(box("ingress tcp/23 internet")), after(time.Minute))
	alerts := document("a", forbid(box("ingress tcp/23 internet")), remedy(DoAlert))
	tags := document("t", forbid(box("ingress tcp/23 internet")), remedy(DoTag))
	range20 := "ingress tcp/20-25 from 0.0.0.0/0"
	for _, tc := range []struct {
		name     string
		docs     []Document
		decision Decision
		left     []string
		parts    int
	}{
		{"a revert wins", []Document{narrows, reverts}, Revert, nil, 0},
		{"narrows meet, the smallest parts", []Document{narrows, other}, Narrow, []string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23 from 0.0.0.0/0", "ingress tcp/25 from 0.0.0.0/0"}, 3},
		{"what observes only reports", []Document{narrows, observes}, Narrow, []string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}, 5},
		{"so does what waits", []Document{narrows, waits}, Narrow, []string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}, 5},
		{"so does what alerts", []Document{narrows, alerts}, Narrow, []string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}, 5},
		{"tag where nothing acts", []Document{tags, alerts, observes}, Tag, nil, 0},
		{"tag gives way", []Document{tags, reverts}, Revert, nil, 0},
		{"alert alone", []Document{alerts}, Keep, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := enforcing(t, tc.docs...)
			v := s.Evaluate(swept(s, group(t, range20))).Rules[0]
			require.Equal(t, tc.decision, v.Decision, v.Fallback)
			require.ElementsMatch(t, tc.left, ruleTexts(v.Remaining))
			require.Equal(t, tc.parts, v.Parts)
			require.Len(t, v.Findings, len(tc.docs), "every policy is heard")
			for i, d := range tc.docs {
				require.Equal(t, d.ID, v.Findings[i].Policy.ID)
			}
		})
	}
}

func TestPartsThatExistCountForNothing(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 internet")), narrow(1)))
	v := s.Evaluate(swept(s, group(t, "sgr-a ingress tcp/20-25 from 0.0.0.0/0", "sgr-b ingress tcp/20-21 from 0.0.0.0/0")))
	require.Equal(t, Narrow, v.Rules[0].Decision, v.Rules[0].Fallback)
	v = s.Evaluate(swept(s, group(t, "sgr-a ingress tcp/20-25 from 0.0.0.0/0", "sgr-b ingress tcp/20-21 from 0.0.0.0/0", "sgr-c ingress tcp/23-25 from 0.0.0.0/0")))
	require.Equal(t, Narrow, v.Rules[0].Decision)
	require.Len(t, v.Rules[0].Remaining, 2)
}

func TestRevertOfAModifiedRule(t *testing.T) {
	s := enforcing(t, document("p", ssh), document("q", forbid(box("ingress tcp/3389 internet"))))
	value := func(text string) *secgroup.Rule {
		r := ruleOf(t, "sgr-a "+text)
		r.Description = "office"
		return &r
	}
	for _, tc := range []struct {
		name     string
		known    *KnownRule
		left     []string
		fallback string
	}{
		{"nothing is known", nil, nil, "what it was before it was modified is not known"},
		{"the old value goes back", &KnownRule{Rule: *value("ingress tcp/443 from 0.0.0.0/0")}, []string{"ingress tcp/443 from 0.0.0.0/0"}, ""},
		{"the last that was in order", &KnownRule{Rule: *value("ingress tcp/22 from 0.0.0.0/0"), Before: value("ingress tcp/22 from 10.0.0.0/8")}, []string{"ingress tcp/22 from 10.0.0.0/8"}, ""},
		{"a policy refuses it now", &KnownRule{Rule: *value("ingress tcp/3389 from 0.0.0.0/0")}, nil, "policy q refuses what would remain"},
		{"a policy refuses it, but it is baseline", &KnownRule{Rule: *value("ingress tcp/3389 from 0.0.0.0/0"), Baseline: []string{"q"}}, []string{"ingress tcp/3389 from 0.0.0.0/0"}, ""},
		{"it was wider", &KnownRule{Rule: *value("ingress all from 0.0.0.0/0")}, nil, ""},
		{"it is all that is known", &KnownRule{Rule: *value("ingress tcp/22 from 0.0.0.0/0")}, nil, "what it was before it was modified is not known"},
		{"it was of another family", &KnownRule{Rule: *value("ingress tcp/443 from ::/0")}, nil, "its old value is of another kind, which a rule cannot become in place"},
		{"it was a reference", &KnownRule{Rule: *value("ingress tcp/443 from sg-0b")}, nil, "its old value is of another kind, which a rule cannot become in place"},
		{"it was a list", &KnownRule{Rule: *value("ingress tcp/443 from pl-c3")}, nil, "its old value is of another kind, which a rule cannot become in place"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := swept(s, group(t, "sgr-a ingress tcp/22 from 0.0.0.0/0"))
			in.Changes = []secgroup.Change{modified(dev, now, in.Live.Rules[0])}
			if tc.known != nil {
				in.Known = Known{Exists: true, Rules: map[string]KnownRule{"sgr-a": *tc.known}}
			}
			v := s.Evaluate(in).Rules[0]
			require.Equal(t, Revert, v.Decision)
			require.ElementsMatch(t, tc.left, ruleTexts(v.Remaining))
			require.Equal(t, tc.fallback, v.Fallback)
			if tc.left != nil {
				require.Equal(t, "sgr-a", v.Remaining[0].ID)
				require.Equal(t, "office", v.Remaining[0].Description)
			}
		})
	}
}

func TestRestoredRuleMustNotPushOutAnother(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 internet")), tolerate(31, 32)))
	in := swept(s, group(t, "sgr-a ingress tcp/22 from 0.0.0.0/0", "sgr-b ingress tcp/22 from 8.8.8.2/31"))
	in.Known = Known{Exists: true, Rules: map[string]KnownRule{
		"sgr-a": {Rule: ruleOf(t, "sgr-a ingress tcp/22 from 8.8.8.0/31"), Order: 1},
		"sgr-b": {Rule: in.Live.Rules[1], Order: 2},
	}}
	v := s.Evaluate(in)
	require.Equal(t, []State{Acting, Fine}, states(v))
	require.Equal(t, Revert, v.Rules[0].Decision)
	require.Empty(t, v.Rules[0].Remaining)
	require.Equal(t, "policy p refuses another rule beside what would remain", v.Rules[0].Fallback)
	require.Equal(t, Keep, v.Rules[1].Decision)
}

func TestDefaultEgressIsReplacedByWhatIsAllowed(t *testing.T) {
	conscious := document("conscious", allowOnly(box("egress all addresses"), box("egress all 127.0.0.1/32")))
	s := enforcing(t, conscious)
	in := swept(s, group(t, "sgr-a egress all to 0.0.0.0/0", "sgr-b egress all to ::/0"))
	for _, r := range in.Live.Rules {
		remembered(&in, r, func(k *KnownRule) { k.Since = now.Add(-time.Minute) })
	}
	v := s.Evaluate(in)
	require.Equal(t, Narrow, v.Rules[0].Decision)
	require.Equal(t, []string{"egress all to 127.0.0.1/32"}, ruleTexts(v.Rules[0].Remaining))
	require.Equal(t, Revert, v.Rules[1].Decision, "of ::/0 nothing is allowed: exactly one rule is left")
	in.Changes = []secgroup.Change{authorized(dev, now, in.Live.Rules[0])}
	require.Equal(t, Revert, s.Evaluate(in).Rules[0].Decision, "what somebody chose is reverted")
	s = enforcing(t, document("closed", forbid(box("egress all internet"))))
	in.Changes, in.Facts.Acts = nil, s.ActsDone(now.Add(-time.Hour))
	require.Equal(t, Revert, s.Evaluate(in).Rules[0].Decision)
}

// TestWhatWouldBePutBackIsNamedByItsRecord: before the act an earlier violation
// stands, and goes back; not where the record that made it is at hand.
func TestWhatWouldBePutBackIsNamedByItsRecord(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 internet"))))
	g := group(t, "ingress tcp/20-25 from 0.0.0.0/0")
	wide := g.Rules[0]
	old := wide
	old.Ports = secgroup.Ports{From: 22, To: 22}
	for _, tc := range []struct {
		name     string
		seen     time.Duration // the old value, before now
		earlier  []secgroup.Change
		left     []string
		fallback string
	}{
		{"not at hand", time.Minute, nil, []string{"ingress tcp/22 from 0.0.0.0/0"}, ""},
		{"at hand", time.Minute, []secgroup.Change{modified(dev, now.Add(-2*time.Minute), old)}, nil, "policy p refuses what would remain"},
		{"an Authorize at hand", time.Minute, []secgroup.Change{authorized(dev, now.Add(-time.Hour), old)}, nil, "policy p refuses what would remain"},
		{"at hand, and it opened nothing more", time.Hour, []secgroup.Change{modified(dev, now.Add(-time.Minute), old)}, []string{"ingress tcp/22 from 0.0.0.0/0"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := swept(s, g)
			in.Facts.Acts = nil
			remembered(&in, old, func(k *KnownRule) { k.Since = now.Add(-tc.seen) })
			in.Changes = append(tc.earlier, modified(dev, now, wide))
			v := s.Evaluate(in).Rules[0]
			require.Equal(t, Revert, v.Decision)
			require.ElementsMatch(t, tc.left, ruleTexts(v.Remaining))
			require.Equal(t, tc.fallback, v.Fallback)
		})
	}
}
