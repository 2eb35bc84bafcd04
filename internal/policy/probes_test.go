package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestPeersThatAreProbedOnce(t *testing.T) {
	list := func(id, name string, readable bool) secgroup.Peer {
		return secgroup.PrefixList{ID: id, Name: name, Readable: readable, Entries: prefixes("8.8.8.0/24")}
	}
	group := secgroup.GroupReference{GroupID: "sg-0a"}
	for _, tc := range []struct {
		a, b secgroup.Peer
		same bool
	}{
		{list("pl-1", "mine", true), list("pl-1", "mine", true), true},
		{list("pl-1", "mine", true), list("pl-2", "mine", true), false},
		{list("pl-1", "mine", true), list("pl-1", "other", true), false},
		{list("pl-1", "mine", true), list("pl-1", "mine", false), false},
		{list("pl-1", "mine", true), group, false},
		{group, list("pl-1", "mine", true), false},
		{group, group, true},
		{group, secgroup.GroupReference{GroupID: "sg-0b"}, false},
	} {
		require.Equal(t, tc.same, samePeer(tc.a, tc.b), "%v %v", tc.a, tc.b)
	}
}
