package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDigestsStay holds digests of an earlier version. Baseline acts and holds
// are recorded under them: a digest that changes makes every deployment wait
// for its acts again.
func TestDigestsStay(t *testing.T) {
	isDefault := false
	full := document("full", forbid(
		box("ingress tcp/22,udp/53,icmp/8 internet,vpc,self,10.0.0.0/8,8.8.8.0/29", box("ingress tcp/22 8.8.8.0/29"), box("both all aws:*,pl-0123456789abcdef0")),
		box("egress all any whole"),
	), tolerate(16, -1), except(time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC), "arn:b", "arn:a"), except(time.Time{}, `arn:"quoted"`))
	full.Scope = Scope{
		Names: []string{"web-*", "é\n"}, IDs: []string{"sg-0b", "sg-0a"}, Tags: map[string][]string{"tier": {"public", "edge"}, "a b": {"*"}},
		VPCs: []string{"vpc-1"}, Accounts: []string{"123456789012"}, Regions: []string{"eu-west-1"}, Default: &isDefault,
	}
	full.Not = &Scope{Tags: map[string][]string{"tier": {"x"}}}
	full.Forbid[0].Peers = append(full.Forbid[0].Peers, PeerSpec{Kind: PeerGroups, Groups: []string{"sg-0b*", "sg-0a"}, Account: "self"})
	full.Remedy = Remedy{Do: DoNarrow, To: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Parts: 2, After: time.Minute}
	list := document("list", forbid())
	list.AllowOnly = &AllowOnly{Within: box("ingress tcp/80,tcp/443 addresses"), These: []Clause{box("ingress tcp/443 10.0.0.0/8,fc00::/7")}}
	list.Tolerate.PerRule = true
	internal := []netip.Prefix{netip.MustParsePrefix("8.8.4.0/24"), netip.MustParsePrefix("2606:4700::/32")}
	for _, tc := range []struct {
		doc      Document
		settings Settings
		want     string
	}{
		{full, Settings{Mode: Enforce, TrustedTags: []string{"tier"}, TrustedNames: []string{"*"}, Internal: internal}, "df31d113b7ee5bbe33daa655b1f8686882fd28a9bdf9894503c66b544824bc40"},
		{full, Settings{Mode: Observe}, "4633d68a0fd4b80162e4940de46dadc744994220fd76b2d20f8cc56d9c7e8bdd"},
		{list, Settings{Mode: Observe}, "1c3d0999bf2bd5ab6bbeaba59b79d8b3b90bb42a4b1dbd1bed38c8ff0c11fd58"},
		{document("plain", forbid(box("ingress tcp/22 internet"))), Settings{Mode: Enforce}, "1190e8ead4463bfdb32960748415c06715a610a21f5481623c2c76e74b2f20fd"},
	} {
		require.Equal(t, tc.want, compiledWith(t, tc.settings, tc.doc).Policies[0].Digest())
	}
}
