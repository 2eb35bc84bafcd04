package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestTheListVersionInOrder(t *testing.T) {
	listRule := func(version int64) secgroup.Rule {
		return secgroup.Rule{Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 22, To: 22}, Peer: secgroup.PrefixList{ID: "pl-0a", Version: version}}
	}
	block := ruleOf(t, "ingress tcp/22 from 10.0.0.0/8")
	before := listRule(2)
	for name, tc := range map[string]struct {
		known  KnownRule
		want   ListVersion
		digest string
		ok     bool
	}{
		"as it was seen":       {KnownRule{Rule: listRule(3), ListDigest: "d"}, ListVersion{"pl-0a", 3}, "d", true},
		"the first version":    {KnownRule{Rule: listRule(1), ListDigest: "d"}, ListVersion{"pl-0a", 1}, "d", true},
		"before its list grew": {KnownRule{Rule: listRule(3), ListDigest: "d", Before: &before, IncidentID: "inc"}, ListVersion{"pl-0a", 2}, "", true},
		"not in order":         {KnownRule{Rule: listRule(3), ListDigest: "d", IncidentID: "inc"}, ListVersion{}, "", false},
		"no list":              {KnownRule{Rule: block}, ListVersion{}, "", false},
		"without a version":    {KnownRule{Rule: listRule(0), ListDigest: "d"}, ListVersion{}, "d", false},
	} {
		v, digest, ok := tc.known.InOrderAt()
		require.Equal(t, []any{tc.want, tc.ok}, []any{v, ok}, name)
		if ok {
			require.Equal(t, tc.digest, digest, name)
		}
	}
}
