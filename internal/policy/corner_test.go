package policy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestManyPolicies(t *testing.T) {
	var docs []Document
	for i := range 1100 { // more clauses than the buffers of the matcher hold
		docs = append(docs, document(fmt.Sprintf("p%d", i), forbid(box(fmt.Sprintf("ingress tcp/%d internet", 1000+i)))))
	}
	s := enforcing(t, docs...)
	v := s.Evaluate(swept(s, group(t, "ingress tcp/2099 from 0.0.0.0/0", "ingress tcp/2100 from 0.0.0.0/0")))
	require.Equal(t, Acting, v.Rules[0].Findings[1099].State)
	require.Equal(t, []Decision{Revert, Keep}, []Decision{v.Rules[0].Decision, v.Rules[1].Decision})
	c := authorized(dev, now, ruleOf(t, "ingress tcp/2099 from 0.0.0.0/0"))
	require.Equal(t, Concerned, s.Triage(c, nil))
}

func TestRemedyIsRevertUnlessSaid(t *testing.T) {
	doc := document("p", ssh)
	doc.Remedy = Remedy{}
	s := enforcing(t, doc)
	require.Equal(t, Remedy{Do: DoRevert, Parts: 1}, s.Policies[0].Remedy)
	doc.Tolerate = Tolerance{} // as built without a parser: nothing is tolerated, not everything
	s = enforcing(t, doc)
	require.Equal(t, Acting, s.Evaluate(swept(s, group(t, "ingress tcp/22 from 8.8.8.8/32"))).Rules[0].Findings[0].State)
}

func TestRuleWithoutDirectionMeetsNothing(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("both all any"))))
	g := group(t, "ingress tcp/22 from 0.0.0.0/0")
	g.Rules[0].Direction = 0
	require.Equal(t, Keep, s.Evaluate(swept(s, g)).Rules[0].Decision)
}

func TestSelfWhereTheGroupIsNotKnown(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress all self"))))
	c := authorized(dev, now, ruleOf(t, "ingress all from sg-0b"))
	require.Equal(t, NotConcerned, s.Triage(c, nil))
	c.Groups[0] = secgroup.GroupName{Name: "web-1"}
	require.Equal(t, Concerned, s.Triage(c, nil))
	whole := enforcing(t, document("p", forbid(box("ingress all self whole"))))
	c = authorized(dev, now, ruleOf(t, "ingress tcp/22 from sg-0b"))
	require.Equal(t, NotConcerned, whole.Triage(c, nil))
	c.Groups[0] = secgroup.GroupName{Name: "web-1"}
	require.Equal(t, Concerned, whole.Triage(c, nil), "whose box it is, is not known: any part may complete it")
}

func TestOpaqueRulesCanBeExcused(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	in := swept(s, group(t, "sgr-a ingress tcp/22 from pl-c3"))
	require.Equal(t, Unknown, s.Evaluate(in).Rules[0].Findings[0].State)
	remembered(&in, in.Live.Rules[0], func(k *KnownRule) { k.Baseline = []string{"p"} })
	require.Equal(t, Baseline, s.Evaluate(in).Rules[0].Findings[0].State)
	in.Known, in.Facts.Acts = Known{}, nil
	v := s.Evaluate(in)
	require.Equal(t, BeforeAct, v.Rules[0].Findings[0].State)
	require.Equal(t, []Need{NeedLists}, v.Needs)
	in.Exemptions = []Exemption{exemption(t, "EX-1")}
	f := s.Evaluate(in).Rules[0].Findings[0]
	require.Equal(t, Exempt, f.State)
	require.Equal(t, "EX-1", f.Exemption)
	require.True(t, f.Excess.IsEmpty(), "what it would be is not known")
}

func TestServiceMadeNeedsARecord(t *testing.T) {
	doc := document("p", ssh)
	doc.Shipped = true
	require.Equal(t, Acting, judgeSSH(t, enforcing(t, doc), nil).Findings[0].State)
}

func TestRestoreOfAListWhoseEntriesChanged(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	list := secgroup.PrefixList{ID: "pl-c3", OwnerID: ownAccount, Name: "x", Readable: true, Entries: peerSpec("8.8.8.0/24").CIDRs}
	in := swept(s, withList(group(t, "sgr-a ingress tcp/22 from pl-c3"), list))
	known := ruleOf(t, "sgr-a ingress tcp/443 from pl-c3")
	for digest, fallback := range map[string]string{
		"another":                "the entries of its old prefix list are not known",
		ListDigest(list.Entries): "",
	} {
		remembered(&in, known, func(k *KnownRule) { k.ListDigest = digest })
		v := s.Evaluate(in).Rules[0]
		require.Equal(t, Revert, v.Decision)
		require.Equal(t, fallback, v.Fallback)
		require.Equal(t, fallback == "", len(v.Remaining) == 1)
	}
}

func TestRestoreOfAnotherList(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	bad := secgroup.PrefixList{ID: "pl-bad", OwnerID: ownAccount, Readable: true, Entries: peerSpec("0.0.0.0/0").CIDRs}
	inside := peerSpec("10.0.0.0/8").CIDRs
	for name, tc := range map[string]struct {
		old    secgroup.PrefixList // as it was read; without id = it was not
		digest string
		want   string
	}{
		"nobody ever had to read it": {secgroup.PrefixList{ID: "pl-old", Readable: true, Entries: inside}, "", ""},
		"it is what it was":          {secgroup.PrefixList{ID: "pl-old", Readable: true, Entries: inside}, ListDigest(inside), ""},
		"it changed since":           {secgroup.PrefixList{ID: "pl-old", Readable: true, Entries: inside}, "another", "the entries of its old prefix list are not known"},
		"it is gone":                 {secgroup.PrefixList{ID: "pl-old", Refused: "InvalidPrefixListID.NotFound"}, "", "the entries of its old prefix list are not known"},
		"it was not read":            {secgroup.PrefixList{}, "", "the entries of its old prefix list are not known"},
		"it is too much by now":      {secgroup.PrefixList{ID: "pl-old", Readable: true, Entries: peerSpec("8.0.0.0/8").CIDRs}, "", "policy p refuses what would remain"},
		"it was never narrower":      {secgroup.PrefixList{ID: "pl-old", Readable: true, Entries: peerSpec("0.0.0.0/0").CIDRs}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := swept(s, withList(group(t, "sgr-a ingress tcp/22 from pl-bad"), bad))
			remembered(&in, ruleOf(t, "sgr-a ingress tcp/22 from pl-old"), func(k *KnownRule) { k.ListDigest = tc.digest })
			if tc.old.ID != "" {
				in.Facts.Lists = map[string]secgroup.PrefixList{"pl-old": tc.old}
			}
			v := s.Evaluate(in).Rules[0]
			require.Equal(t, Revert, v.Decision)
			require.Equal(t, tc.want, v.Fallback)
			require.Equal(t, tc.want == "" && name != "it was never narrower", len(v.Remaining) == 1)
		})
	}
}

func TestRestoreOfThePortsOfAListThatNobodyRead(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	list := secgroup.PrefixList{ID: "pl-c3", OwnerID: ownAccount, Readable: true, Entries: peerSpec("0.0.0.0/0").CIDRs}
	in := swept(s, withList(group(t, "sgr-a ingress tcp/22 from pl-c3"), list))
	remembered(&in, ruleOf(t, "sgr-a ingress tcp/443 from pl-c3"), func(*KnownRule) {})
	v := s.Evaluate(in).Rules[0]
	require.Equal(t, []string{"ingress tcp/443 from pl-c3"}, ruleTexts(v.Remaining), v.Fallback)
}

func TestListDigestIsOfTheEntries(t *testing.T) {
	a, b := peerSpec("8.8.8.0/24").CIDRs[0], peerSpec("10.0.0.0/8").CIDRs[0]
	require.Equal(t, ListDigest(append(peerSpec("8.8.8.0/24").CIDRs, b)), ListDigest(append(peerSpec("10.0.0.0/8").CIDRs, a, a)))
	require.NotEqual(t, ListDigest(peerSpec("8.8.8.0/24").CIDRs), ListDigest(peerSpec("8.8.8.0/25").CIDRs))
	require.NotEmpty(t, ListDigest(nil))
}
