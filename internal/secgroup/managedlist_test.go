package secgroup

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEntriesOfLists(t *testing.T) {
	a, b := netip.MustParsePrefix("8.8.8.0/24"), netip.MustParsePrefix("2606:4700::/32")
	entries := []ListEntry{{Block: a, Description: "one"}, {Block: b}}
	require.Equal(t, []netip.Prefix{a, b}, Blocks(entries))
	require.True(t, HasEntry(entries, a))
	require.True(t, HasEntry(entries, b))
	require.False(t, HasEntry(entries, netip.MustParsePrefix("8.8.8.0/25")), "a part of an entry is none")
	require.False(t, HasEntry(nil, a))

	unread := PrefixList{ID: "pl-1", Refused: "denied", Entries: []netip.Prefix{b}}
	require.Equal(t, PrefixList{ID: "pl-1", Readable: true, Entries: []netip.Prefix{a}}, unread.WithEntries([]netip.Prefix{a}))
	require.Equal(t, "denied", unread.Refused, "the list itself stays as it is")
}
