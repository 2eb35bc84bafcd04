package secgroup

import (
	"net/netip"
	"slices"
)

// ListEntry is an entry of a prefix list. The description is whoever's may edit
// the list.
type ListEntry struct {
	Block       netip.Prefix // host bits masked
	Description string
}

// ManagedList is a prefix list with what an edit of it takes.
type ManagedList struct {
	PrefixList
	Described  []ListEntry // Entries with their descriptions
	MaxEntries int         // 0 = not known
	// Changing is the state of a change that is under way, as EC2 calls it; "" =
	// none is. A list takes one change at a time.
	Changing string
	// Synced is true where an IPAM resolver fills the list: its entries cannot be
	// edited (EC2 API model, ManagedPrefixList.IpamPrefixListResolverTargetId).
	Synced bool
}

// ListUser is a resource that refers to a prefix list: a security group, a route
// table, or another.
type ListUser struct{ ID, OwnerID string }

// Blocks are the addresses of entries.
func Blocks(entries []ListEntry) []netip.Prefix {
	blocks := make([]netip.Prefix, 0, len(entries))
	for _, e := range entries {
		blocks = append(blocks, e.Block)
	}
	return blocks
}

// WithEntries is the list as if it held these.
func (l PrefixList) WithEntries(blocks []netip.Prefix) PrefixList {
	l.Entries, l.Readable, l.Refused = blocks, true, ""
	return l
}

// HasEntry reports whether some entry is exactly the block.
func HasEntry(entries []ListEntry, block netip.Prefix) bool {
	return slices.ContainsFunc(entries, func(e ListEntry) bool { return e.Block == block })
}
