package secgroup

import (
	"errors"
	"net/netip"
)

// Peer is the other end of a rule: a closed sum of CIDR, PrefixList and
// GroupReference. A nil Peer is invalid.
type Peer interface {
	// Key identifies the peer within EC2 (two rules of equal direction,
	// protocol, ports and Key are one rule): the canonical CIDR, the prefix
	// list id, or the referenced group with its account.
	Key() string
	// String is the peer as the rule text shows it.
	String() string
	peer()
}

// CIDR is an IPv4 or IPv6 address block. Host bits are always zero: make it
// with NewCIDR.
type CIDR struct{ netip.Prefix }

// NewCIDR masks the host bits, as EC2 does on write ("100.68.0.18/18 becomes
// 100.68.0.0/18", API reference SecurityGroupRuleRequest). An IPv4-mapped
// block such as ::ffff:0:0/96 is IPv6.
func NewCIDR(p netip.Prefix) CIDR { return CIDR{p.Masked()} }

// Key is the block in its shortest form.
func (c CIDR) Key() string { return c.Prefix.String() }
func (CIDR) peer()         {}

// PrefixList is a managed prefix list as a peer, with what was read of it.
type PrefixList struct {
	ID      string // pl-...
	Name    string // com.amazonaws.REGION.s3 for lists of AWS; empty = not known
	OwnerID string // 12 digits, or "AWS"; empty = not known
	Version int64  // 0 = not known, and always 0 for lists of AWS
	Entries []netip.Prefix
	// Readable is true where Entries are all entries of Version. Otherwise the
	// list stands for unknown addresses, never for none.
	Readable bool
	// Refused says why reading failed; empty with Readable false = not tried.
	Refused string
}

// Key is the id of the list.
func (l PrefixList) Key() string { return l.ID }

// String is the id of the list.
func (l PrefixList) String() string { return l.ID }
func (PrefixList) peer()            {}

// GroupReference is another security group (or the same) as a peer.
type GroupReference struct {
	GroupID   string
	AccountID string // empty: the account of the rule's group, or a stale reference
	PeeringID string // pcx-...; empty without peering
}

// Key leaves out PeeringID: EC2 derives it from the group.
func (g GroupReference) Key() string {
	if g.AccountID == "" {
		return g.GroupID
	}
	return g.AccountID + "/" + g.GroupID
}

// String is the same as Key.
func (g GroupReference) String() string { return g.Key() }
func (GroupReference) peer()            {}

// AtomPeer gives the peer whose Key an atom of a Region is: a prefix list
// that could not be read, or a group reference without peering. nil if the
// text is neither.
func AtomPeer(key string) Peer {
	peer, _ := parsePeer(key)
	if _, isCIDR := peer.(CIDR); isCIDR {
		return nil
	}
	return peer
}

func validatePeer(p Peer) error {
	switch p := p.(type) {
	case CIDR:
		if !p.IsValid() {
			return errors.New("CIDR without a value")
		}
	case PrefixList:
		if p.ID == "" {
			return errors.New("prefix list without an id")
		}
	case GroupReference:
		if p.GroupID == "" {
			return errors.New("group reference without a group id")
		}
	default:
		return errors.New("no peer")
	}
	return nil
}
