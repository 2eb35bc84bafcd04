package bundle

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// eachViolation calls for every rule that some shipped policy forbids on its
// own, according to its tests.
func eachViolation(t *testing.T, call func(d policy.Document, c policy.TestCase, rule secgroup.Rule)) {
	t.Helper()
	all, tests := everyPolicy(t)
	for _, d := range all {
		for _, c := range tests[d.ID].Cases {
			for _, r := range c.Fail {
				if !c.Together && r.Call == "" && r.Event == "" {
					call(d, c, r.Rule)
				}
			}
		}
	}
}

// TestNoSpellingOpensWhatAPolicyForbids: each rule that a policy forbids, said
// in other ways, is forbidden too.
func TestNoSpellingOpensWhatAPolicyForbids(t *testing.T) {
	spelt := map[string]int{}
	eachViolation(t, func(d policy.Document, c policy.TestCase, rule secgroup.Rule) {
		set := switchedOn(t, d)
		for name, rules := range spellings(d, rule) {
			spelt[name]++
			require.Equal(t, "fail", saidIn(set, c, c.Group, rules...), "%s: %s, %s", d.ID, rule, name)
		}
	})
	for name, n := range spelt {
		require.Greater(t, n, 200, name)
	}
	require.Len(t, spelt, 6)
}

// spellings gives sets of rules that open what a rule opens, or more.
func spellings(d policy.Document, rule secgroup.Rule) map[string][]secgroup.Rule {
	out := map[string][]secgroup.Rule{}
	with := func(change func(*secgroup.Rule)) secgroup.Rule {
		r := rule
		change(&r)
		return r
	}
	out["every protocol"] = []secgroup.Rule{with(func(r *secgroup.Rule) { r.Protocol, r.Ports = secgroup.AllProtocols, secgroup.NoPorts })}
	if rule.Protocol.HasPorts() {
		out["every port"] = []secgroup.Rule{with(func(r *secgroup.Rule) { r.Ports = secgroup.AllPorts })}
	}
	cidr, ok := rule.Peer.(secgroup.CIDR)
	if !ok {
		return out
	}
	out["host bits"] = []secgroup.Rule{with(func(r *secgroup.Rule) {
		r.Peer = secgroup.CIDR{Prefix: netip.PrefixFrom(lastOf(cidr.Prefix), cidr.Bits())}
	})}
	out["a prefix list"] = []secgroup.Rule{with(func(r *secgroup.Rule) { r.Peer = prefixList(cidr.Prefix) })}
	if cidr.Bits() == cidr.Addr().BitLen() {
		return out
	}
	low, high := halves(cidr.Prefix)
	out["a prefix list of halves"] = []secgroup.Rule{with(func(r *secgroup.Rule) { r.Peer = prefixList(low, high) })}
	if !d.Tolerate.PerRule {
		out["two rules"] = []secgroup.Rule{
			with(func(r *secgroup.Rule) { r.Peer = secgroup.NewCIDR(low) }), with(func(r *secgroup.Rule) { r.Peer = secgroup.NewCIDR(high) }),
		}
	}
	return out
}

func prefixList(entries ...netip.Prefix) secgroup.PrefixList {
	return secgroup.PrefixList{ID: "pl-0a1b2c3d", Name: "somebody's", OwnerID: "123456789012", Version: 1, Entries: entries, Readable: true}
}

// halves splits a block in two.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	return netip.PrefixFrom(p.Addr(), p.Bits()+1), netip.PrefixFrom(lastOf(p), p.Bits()+1).Masked()
}

// lastOf is the last address of a block.
func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// TestWhatAPolicyForbidsCanBeExempted, by exactly that policy.
func TestWhatAPolicyForbidsCanBeExempted(t *testing.T) {
	n := 0
	eachViolation(t, func(d policy.Document, c policy.TestCase, rule secgroup.Rule) {
		group := c.Group
		if list, ok := rule.Peer.(secgroup.PrefixList); ok && !list.Readable {
			return // nobody knows which flows to exempt
		}
		n++
		exemption := policy.Exemption{
			ID: "EX-1", Policy: d.ID, Group: group.ID, Rules: []secgroup.Rule{rule}, Owner: "o", Reason: "r", Until: packsDay.AddDate(0, 1, 0),
		}
		set := switchedOn(t, d, exemption)
		require.Equal(t, "exempt", saidIn(set, c, group, rule), "%s: %s", d.ID, rule)
		other := group
		other.ID = "sg-0a0b0c0d"
		if _, toGroup := rule.Peer.(secgroup.GroupReference); !toGroup {
			require.Equal(t, "fail", saidIn(set, c, other, rule), "%s: %s in another group", d.ID, rule)
		}
		exemption.Until = packsDay
		require.Equal(t, "fail", saidIn(switchedOn(t, d, exemption), c, group, rule), "%s: %s, exempt until now", d.ID, rule)
	})
	require.Greater(t, n, 400)
}
