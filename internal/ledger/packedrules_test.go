package ledger

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/sgwarden/sgwarden/internal/fixedseed" // the same draws in every run
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func withID(r secgroup.Rule, id string) secgroup.Rule { r.ID = id; return r }

// anyRule is a rule as the ledger may meet it, canonical.
func anyRule(id string) *rapid.Generator[secgroup.Rule] {
	return rapid.Custom(func(t *rapid.T) secgroup.Rule {
		r := secgroup.Rule{
			ID: rapid.SampledFrom([]string{id, id, id, "", "sgr-other"}).Draw(t, "id"), Direction: rapid.SampledFrom([]secgroup.Direction{secgroup.Ingress, secgroup.Egress}).Draw(t, "direction"),
			Protocol: rapid.SampledFrom([]secgroup.Protocol{secgroup.TCP, secgroup.UDP, secgroup.ICMP, secgroup.ICMPv6, secgroup.AllProtocols, 50}).Draw(t, "protocol"),
			Ports:    secgroup.Ports{From: rapid.Int32Range(0, 255).Draw(t, "from"), To: 255},
			Peer: rapid.SampledFrom([]secgroup.Peer{
				secgroup.NewCIDR(netip.MustParsePrefix("10.8.0.1/32")), secgroup.NewCIDR(netip.MustParsePrefix("::ffff:0:0/96")), secgroup.NewCIDR(netip.MustParsePrefix("0.0.0.0/0")),
				secgroup.NewCIDR(netip.MustParsePrefix("2606:4700::/32")), secgroup.GroupReference{GroupID: "sg-0a", AccountID: "123456789012", PeeringID: "pcx-0a"},
				secgroup.PrefixList{ID: "pl-0a", Name: "n", OwnerID: "AWS", Version: 7, Refused: "denied"},
			}).Draw(t, "peer"),
			Description: rapid.SampledFrom([]string{"", "", "for now", "über <b>"}).Draw(t, "description"),
			Tags:        rapid.SampledFrom([]map[string]string{nil, nil, {"team": "net"}}).Draw(t, "tags"),
		}
		return r.Canonical()
	})
}

func anyAttribution() *rapid.Generator[*secgroup.Attribution] {
	return rapid.Custom(func(t *rapid.T) *secgroup.Attribution {
		if rapid.Bool().Draw(t, "nobody") {
			return nil
		}
		return &secgroup.Attribution{EventID: rapid.SampledFrom([]string{"", "e-1", "e-2"}).Draw(t, "event"), EventName: "Authorize", EventTime: anyTime().Draw(t, "event time"), Actor: secgroup.Actor{ARN: "arn", UserAgent: "agent"}}
	})
}

func anyTime() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		return rapid.SampledFrom([]time.Time{
			{}, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 9, 0, 0, 999999999, time.UTC), time.Date(1601, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
		}).Draw(t, "time")
	})
}

func anyKnownRule(id string) *rapid.Generator[policy.KnownRule] {
	return rapid.Custom(func(t *rapid.T) policy.KnownRule {
		word := func(label string) string { return rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, label) }
		k := policy.KnownRule{
			Rule: anyRule(id).Draw(t, "rule"), Since: anyTime().Draw(t, "since"), Order: rapid.Int64().Draw(t, "order"), By: anyAttribution().Draw(t, "by"),
			BeforeBy: anyAttribution().Draw(t, "before by"), BeforeTold: word("before told"), ListDigest: word("digest"), IncidentID: word("incident"), Reported: word("reported"), Exemption: word("exemption"),
			ExemptFrom: rapid.SampledFrom([][]string{nil, {"p"}, {"p", "q"}}).Draw(t, "exempt from"),
			Baseline:   rapid.SampledFrom([][]string{nil, {"p"}, {"p", "q"}}).Draw(t, "baseline"), Under: rapid.SampledFrom([][]string{nil, {}, {"p"}}).Draw(t, "under"),
		}
		if rapid.Bool().Draw(t, "grew") {
			before := anyRule(id).Draw(t, "before")
			k.Before = &before
		}
		if rapid.Bool().Draw(t, "left of another") {
			whole := anyRule(id).Draw(t, "whole")
			k.LeftOf = &whole
		}
		return k
	})
}

// TestPackedRulesSayTheSame holds the packed form against the rules, and
// against the attributes that a small group has of the same.
func TestPackedRulesSayTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := map[string]policy.KnownRule{}
		for range rapid.IntRange(0, 6).Draw(t, "rules") {
			id := rapid.SampledFrom([]string{"sgr-0123456789abcdef0", "sgr-0123456789abcdef1", "sgr-0123456789ABCDEF0", "sgr-1", "", "x", "sgr-0123456789abcdefg"}).Draw(t, "id")
			rules[id] = anyKnownRule(id).Draw(t, "known")
		}
		packed, err := packRules(rules)
		require.NoError(t, err)
		got, err := unpackRules(string(packed))
		require.NoError(t, err)
		require.Equal(t, rules, got)

		single := attributes{}
		for id, k := range rules {
			require.NoError(t, setRule(single, id, k))
		}
		known := policy.Known{Rules: map[string]policy.KnownRule{}}
		require.NoError(t, decodeRules(single, &known))
		require.Equal(t, known.Rules, got)

		for n := range packed {
			_, err := unpackRules(string(packed[:n]))
			require.Error(t, err, "cut at %d", n)
		}
		_, err = unpackRules(string(packed) + "\x00")
		require.ErrorIs(t, err, errPacked)
	})
}

func FuzzUnpackRules(f *testing.F) {
	for _, n := range []int{0, 1, 3} {
		rules := map[string]policy.KnownRule{}
		for i := range n {
			id := fmt.Sprintf("sgr-%017x", i)
			rules[id] = anyKnownRule(id).Example(i)
		}
		packed, err := packRules(rules)
		require.NoError(f, err)
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		rules, err := unpackRules(string(packed))
		if err != nil {
			return
		}
		again, err := packRules(rules)
		require.NoError(t, err, "what was read cannot be written")
		same, err := unpackRules(string(again))
		require.NoError(t, err)
		require.Equal(t, slices.Sorted(maps.Keys(rules)), slices.Sorted(maps.Keys(same)))
		twice, err := packRules(same)
		require.NoError(t, err)
		require.Equal(t, again, twice)
	})
}

func TestLargeGroupTakesLittleRoom(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	known := policy.Known{Whole: true, Rules: map[string]policy.KnownRule{}}
	for n := range 1000 {
		id := fmt.Sprintf("sgr-%017x", 7919*n)
		known.Rules[id] = policy.KnownRule{Rule: secgroup.Rule{
			ID: id, Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 443, To: 443}, Peer: secgroup.NewCIDR(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 8, byte(n >> 8), byte(n)}), 32)),
		}, Since: at, Order: int64(n), By: &secgroup.Attribution{EventID: "e", EventTime: at}}
	}
	a, err := encodeGroup("sg-0123456789abcdef0", groupItem{known: known, now: at})
	require.NoError(t, err)
	require.Less(t, a.size(), 40<<10)
	require.NotContains(t, a, prefixRule+"sgr-00000000000000000")
	version, err := a.number(attrSchema)
	require.NoError(t, err)
	require.EqualValues(t, schemaPacked, version, "a release that does not know the form must not read an empty group")
}
