package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestOnListTheEntriesThatWereThereBecomeRules where a policy asks for it, and
// nothing else becomes one.
func TestOnListTheEntriesThatWereThereBecomeRules(t *testing.T) {
	blocks := func(texts ...string) (out []netip.Prefix) {
		out = []netip.Prefix{}
		for _, text := range texts {
			out = append(out, netip.MustParsePrefix(text))
		}
		return out
	}
	version := ListVersion{"pl-c3", 3}
	for _, c := range []struct {
		name     string
		had, has []netip.Prefix
		read     func(*Facts)
		want     []string
		decision Decision
		fallback string
		needs    []Need
	}{
		{name: "what it held", had: blocks("10.0.0.0/8", "11.0.0.0/30"), has: blocks("10.0.0.0/8", "11.0.0.0/30", "0.0.0.0/0"), want: []string{"ingress tcp/22 from 10.0.0.0/8"}, decision: Revert, fallback: "policy p refuses what would remain"},
		{name: "as few rules as can be", had: blocks("10.0.0.0/9", "10.128.0.0/9"), has: blocks("0.0.0.0/0"), want: []string{"ingress tcp/22 from 10.0.0.0/8"}, decision: Narrow},
		{name: "what it has lost since stays lost", had: blocks("10.0.0.0/8", "172.16.0.0/12"), has: blocks("10.0.0.0/8", "11.0.0.0/8"), want: []string{"ingress tcp/22 from 10.0.0.0/8"}, decision: Narrow},
		{name: "IPv6", had: blocks("fd00::/8"), has: blocks("fd00::/8", "::/0"), want: []string{"ingress tcp/22 from fd00::/8"}, decision: Narrow},
		{name: "it held nothing", had: blocks(), has: blocks("11.0.0.0/8"), decision: Revert, fallback: "nothing is left in its prefix list of what it held"},
		{name: "it is lost", had: blocks("10.0.0.0/8"), has: blocks("11.0.0.0/8"), read: func(f *Facts) { f.OldLists[version] = nil }, decision: Revert, fallback: "the entries that its prefix list had are not known"},
		{name: "it is another", had: blocks("10.0.0.0/8"), has: blocks("11.0.0.0/8"), read: func(f *Facts) { f.OldLists[version] = blocks("12.0.0.0/8") }, decision: Revert, fallback: "the entries that its prefix list had are not known"},
		{name: "it was not read yet", had: blocks("10.0.0.0/8"), has: blocks("11.0.0.0/8"), read: func(f *Facts) { f.OldLists = nil }, decision: Revert, fallback: "the entries that its prefix list had are not known", needs: []Need{NeedOldLists}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := enforcing(t, document("p", ssh, func(d *Document) { d.Remedy.OnList = true }))
			list := secgroup.PrefixList{ID: "pl-c3", OwnerID: ownAccount, Version: 4, Readable: true, Entries: c.has}
			in := swept(s, withList(group(t, "sgr-a ingress tcp/22 from pl-c3"), list))
			known := ruleOf(t, "sgr-a ingress tcp/22 from pl-c3")
			known.Peer = secgroup.PrefixList{ID: "pl-c3", OwnerID: ownAccount, Version: 3}
			remembered(&in, known, func(k *KnownRule) { k.ListDigest, k.Since = ListDigest(c.had), now.Add(-time.Hour) })
			in.Facts.OldLists = map[ListVersion][]netip.Prefix{version: c.had}
			if c.read != nil {
				c.read(&in.Facts)
			}
			v := s.Evaluate(in)
			require.Equal(t, c.needs, v.Needs)
			r := v.Rules[0]
			require.True(t, r.Findings[0].Growth)
			require.Equal(t, Acting, r.Findings[0].State, r.Findings[0].Why)
			require.Equal(t, c.decision, r.Decision, r.Fallback)
			require.Equal(t, c.fallback, r.Fallback)
			if c.decision == Narrow {
				require.Equal(t, c.want, ruleTexts(r.Remaining))
				require.Equal(t, len(c.want), r.Parts)
			}
		})
	}
}
