package policy

import (
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// bound says how what is not known counts: the blocks of a group's VPCs, who
// owns a reference, the name of a list, what an unreadable list holds.
//
//	atLeast  what certainly matches
//	assumed  as atLeast, but without known VPCs `internet` is as if they had
//	         no blocks: what a first judgement rests on
//	atMost   what can match
type bound uint8

const (
	atLeast bound = 1 + iota
	assumed
	atMost
)

// opposite is how exceptions to a region under b count, so that the whole
// keeps its bound.
func (b bound) opposite() bound {
	switch b {
	case atLeast:
		return atMost
	case atMost:
		return atLeast
	}
	return b
}

// site is what peers of a policy depend on beside the rule: the group.
type site struct {
	groupID, accountID string // "" = not known
	vpcs               secgroup.AddressSet
	vpcsKnown          bool
}

func siteOf(g secgroup.Group) site {
	at := site{groupID: g.ID, accountID: g.AccountID, vpcsKnown: g.VPCs != nil}
	for _, v := range g.VPCs {
		at.vpcs = at.vpcs.Union(secgroup.NewAddressSet(v.CIDRs...))
	}
	return at
}

// peerSet is the compiled `peers` of a clause.
type peerSet struct {
	fixed      secgroup.AddressSet // CIDRs, private, addresses, any
	internet   secgroup.AddressSet // without `internal`; VPC blocks go off later; empty without `internet`
	vpc        bool
	references bool // every group reference
	unreadable bool // lists that cannot be read, whatever they hold
	self       bool
	groups     []groupPattern
	lists      []string // ids
	awsLists   []string // globs on names
}

type groupPattern struct {
	ids     []string // globs; nil = every group
	account string   // "self", 12 digits; "" = any
}

func compilePeers(specs []PeerSpec, internal secgroup.AddressSet) peerSet {
	var ps peerSet
	for _, s := range specs {
		switch s.Kind {
		case PeerInternet:
			ps.internet = internetAddresses().Subtract(internal)
		case PeerPrivate:
			ps.fixed = ps.fixed.Union(privateAddresses())
		case PeerVPC:
			ps.vpc = true
		case PeerAddresses:
			ps.fixed = everyAddress()
		case PeerReferences:
			ps.references = true
		case PeerAny:
			ps.fixed, ps.references, ps.unreadable = everyAddress(), true, true
		case PeerSelf:
			ps.self = true
		case PeerGroups:
			account := s.Account
			if account == "any" {
				account = ""
			}
			ps.groups = append(ps.groups, groupPattern{s.Groups, account})
		case PeerCIDRs:
			ps.fixed = ps.fixed.Union(secgroup.NewAddressSet(s.CIDRs...))
		case PeerList:
			ps.lists = append(ps.lists, s.Name)
		case PeerAWSList:
			ps.awsLists = append(ps.awsLists, s.Name)
		}
	}
	return ps
}

// hasAddresses reports whether some address can match by itself.
func (ps *peerSet) hasAddresses() bool {
	return ps.vpc || !ps.fixed.IsEmpty() || !ps.internet.IsEmpty()
}

func (ps *peerSet) hasReferences() bool { return ps.references || ps.self || len(ps.groups) > 0 }

func (ps *peerSet) hasLists() bool {
	return ps.hasAddresses() || ps.unreadable || len(ps.lists) > 0 || len(ps.awsLists) > 0
}

// dependsOnVPCs reports whether the blocks of the group's VPCs change what matches.
func (ps *peerSet) dependsOnVPCs() bool { return ps.vpc || !ps.internet.IsEmpty() }

// addresses is what matches of plain addresses.
func (ps *peerSet) addresses(at site, b bound) secgroup.AddressSet {
	s := ps.fixed
	if !ps.internet.IsEmpty() && (at.vpcsKnown || b != atLeast) {
		s = s.Union(ps.internet.Subtract(at.vpcs))
	}
	switch {
	case !ps.vpc:
	case at.vpcsKnown:
		s = s.Union(at.vpcs)
	case b == atMost:
		s = everyAddress()
	}
	return s
}

// match gives what of a peer of this kind matches: addresses, or the one atom
// that the peer is.
func (ps *peerSet) match(peer secgroup.Peer, at site, b bound) (addresses secgroup.AddressSet, atom string) {
	switch p := peer.(type) {
	case secgroup.CIDR:
		return ps.addresses(at, b), ""
	case secgroup.PrefixList:
		named := ps.namesList(p, b)
		switch {
		case p.Readable && named:
			return everyAddress(), ""
		case p.Readable:
			return ps.addresses(at, b), ""
		case named || ps.unreadable || b == atMost && ps.hasAddresses():
			return secgroup.AddressSet{}, p.Key()
		}
	case secgroup.GroupReference:
		if ps.matchReference(p, at, b) {
			return secgroup.AddressSet{}, p.Key()
		}
	case nil:
		if b == atMost {
			return secgroup.AddressSet{}, noPeer
		}
	}
	return secgroup.AddressSet{}, ""
}

// noPeer is the atom of a peer of a kind that nobody here knows.
const noPeer = "unknown"

// matchReference reports whether a group reference matches.
func (ps *peerSet) matchReference(ref secgroup.GroupReference, at site, b bound) bool {
	if ps.references {
		return true
	}
	if ps.self && isOwnGroup(ref, at, b) {
		return true
	}
	for _, g := range ps.groups {
		if g.match(ref, at, b) {
			return true
		}
	}
	return false
}

func isOwnGroup(ref secgroup.GroupReference, at site, b bound) bool {
	if at.groupID == "" {
		return b == atMost
	}
	return ref.GroupID == at.groupID
}

func (g groupPattern) match(ref secgroup.GroupReference, at site, b bound) bool {
	named := len(g.ids) == 0
	for _, id := range g.ids {
		named = named || matchGlob(id, ref.GroupID, "")
	}
	if !named || g.account == "" {
		return named
	}
	owner, want := ref.AccountID, g.account
	if owner == "" {
		owner = at.accountID // the account of the group, as EC2 leaves it out
	}
	if want == "self" {
		want = at.accountID
	}
	if owner == "" || want == "" {
		// Both left out: the same account, whichever it is.
		return b == atMost || ref.AccountID == "" && g.account == "self"
	}
	return owner == want
}

// namesList reports whether a list matches by what it is, not by its entries.
func (ps *peerSet) namesList(l secgroup.PrefixList, b bound) bool {
	for _, id := range ps.lists {
		if id == l.ID {
			return true
		}
	}
	if len(ps.awsLists) == 0 {
		return false
	}
	name, known := awsName(l)
	if !known {
		return b == atMost
	}
	for _, glob := range ps.awsLists {
		if name != "" && (matchGlob(glob, name, "") || matchGlob(glob, shortAWSName(name), "")) {
			return true
		}
	}
	return false
}

const awsListPrefix = "com.amazonaws."

// awsName gives the name of a list of AWS, "" for a list of anybody else, and
// whether that is known. Customers may not begin a name with com.amazonaws
// (EC2 API reference, CreateManagedPrefixList, read 2025-11).
func awsName(l secgroup.PrefixList) (name string, known bool) {
	switch {
	case l.OwnerID == "AWS" || l.OwnerID == "" && strings.HasPrefix(l.Name, awsListPrefix):
		return l.Name, l.Name != ""
	case l.OwnerID == "" && l.Name == "":
		return "", false
	}
	return "", true
}

// shortAWSName is the name without com.amazonaws. and the region (or
// "global"): cloudfront.origin-facing, s3.
func shortAWSName(name string) string {
	rest := strings.TrimPrefix(name, awsListPrefix)
	if _, short, ok := strings.Cut(rest, "."); ok {
		return short
	}
	return rest
}
