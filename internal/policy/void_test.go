package policy

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestVoidMarks: who takes a mark off says so, so that it goes from the item.
func TestVoidMarks(t *testing.T) {
	s := enforcing(t, document("p", ssh), document("q", ssh))
	done := now.Add(-24 * time.Hour)
	for name, tc := range map[string]struct {
		edit func(in *Input, r secgroup.Rule)
		want []string
	}{
		"nothing":                         {func(*Input, secgroup.Rule) {}, nil},
		"adopted":                         {func(in *Input, _ secgroup.Rule) { in.Facts.Adopted = map[string]time.Time{"p": now.Add(-time.Hour)} }, []string{"p"}},
		"adopted before the act was done": {func(in *Input, _ secgroup.Rule) { in.Facts.Adopted = map[string]time.Time{"p": done} }, nil},
		"adopted before an act that is under way": {func(in *Input, _ secgroup.Rule) {
			in.Facts.Acts["p"] = Act{Start: now.Add(-time.Hour)}
			in.Facts.Adopted = map[string]time.Time{"p": now.Add(-2 * time.Hour)}
		}, nil},
		"both adopted": {func(in *Input, _ secgroup.Rule) {
			in.Facts.Adopted = map[string]time.Time{"p": now.Add(-time.Hour), "q": now}
		}, []string{"p", "q"}},
		"an Authorize under the act of one": {func(in *Input, r secgroup.Rule) {
			in.Facts.Acts["q"] = Act{Done: true, Start: now.Add(-time.Hour), At: now}
			in.Changes = []secgroup.Change{authorized(dev, now.Add(-time.Minute), r)}
		}, []string{"q"}},
		"an Authorize under an act that is not done": {func(in *Input, r secgroup.Rule) {
			in.Facts.Acts["q"] = Act{Start: now.Add(-time.Hour)}
			in.Changes = []secgroup.Change{authorized(dev, now.Add(-time.Minute), r)}
		}, []string{"q"}},
		"an Authorize before it": {func(in *Input, r secgroup.Rule) {
			in.Facts.Acts["q"] = Act{Done: true, Start: now.Add(-time.Hour), At: now}
			in.Changes = []secgroup.Change{authorized(dev, now.Add(-2*time.Hour), r)}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			v := judgeSSH(t, s, func(in *Input, r secgroup.Rule) {
				remembered(in, r, func(k *KnownRule) { k.Baseline = []string{"p", "q"} })
				tc.edit(in, r)
			})
			require.Equal(t, tc.want, v.Void)
			require.Equal(t, tc.want != nil, v.Due)
			if name == "both adopted" {
				require.Contains(t, v.Findings[0].Why, "its baseline mark was given up (adopted)")
			}
			for _, f := range v.Findings {
				require.Equal(t, slices.Contains(tc.want, f.Policy.ID), f.State == Acting, "%s: %s", f.Policy.ID, f.Why)
			}
		})
	}
}

// TestAMarkedListIsRead: its entries may be others than those of the mark.
func TestAMarkedListIsRead(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	in := swept(s, withList(group(t, "sgr-a ingress tcp/22 from pl-c3"), secgroup.PrefixList{ID: "pl-c3"}))
	remembered(&in, ruleOf(t, "sgr-a ingress tcp/22 from pl-c3"), func(k *KnownRule) {
		k.Baseline, k.ListDigest = []string{"p"}, ListDigest(peerSpec("8.8.8.0/29").CIDRs)
	})
	v := s.Evaluate(in)
	require.Equal(t, []Need{NeedLists}, v.Needs)
	in.Live.Rules[0].Peer = secgroup.PrefixList{ID: "pl-c3", Refused: "denied"}
	v = s.Evaluate(in)
	require.Empty(t, v.Needs, "once it was tried, it stands")
	require.Equal(t, Baseline, v.Rules[0].Findings[0].State)
}

// TestAMarkedListThatGrewAndWasWrittenDown: the item has the new entries'
// digest; the mark is about the earlier ones all the same.
func TestAMarkedListThatGrewAndWasWrittenDown(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	list := secgroup.PrefixList{ID: "pl-c3", OwnerID: ownAccount, Readable: true, Entries: peerSpec("8.8.8.0/24").CIDRs}
	in := swept(s, withList(group(t, "sgr-a ingress tcp/22 from pl-c3"), list))
	known := ruleOf(t, "sgr-a ingress tcp/22 from pl-c3")
	remembered(&in, known, func(k *KnownRule) {
		k.Baseline, k.ListDigest, k.Before = []string{"p"}, ListDigest(list.Entries), &known
	})
	require.Equal(t, Alerting, s.Evaluate(in).Rules[0].Findings[0].State)
	in.Facts.TakeGrowth = true
	require.Equal(t, Acting, s.Evaluate(in).Rules[0].Findings[0].State)
}
