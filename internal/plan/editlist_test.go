package plan

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnEditIsDoneWhenAllOfItIs(t *testing.T) {
	edit := EditList{Remove: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}, Add: entries("8.8.8.0/29", "9.9.9.9/32")}
	require.True(t, edit.IsDone(entries("8.8.8.0/29", "9.9.9.9/32", "10.0.0.0/8")))
	require.False(t, edit.IsDone(entries("8.8.8.0/29", "9.9.9.9/32", "::/0")), "an entry did not go")
	require.False(t, edit.IsDone(entries("8.8.8.0/29")), "an entry did not come back")
	require.True(t, EditList{}.IsDone(nil))
}
