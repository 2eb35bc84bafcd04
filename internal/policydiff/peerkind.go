package policydiff

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// peerKind is a class of peers that no policy tells apart in a group, with one
// of them. Addresses that a rule names as a block are judged one by one, and
// so are the entries of a list that can be read: such a kind is all addresses.
type peerKind struct {
	peer   secgroup.Peer
	group  secgroup.Group                           // that it is a peer of
	inside bool                                     // addresses within the group's own VPCs
	words  string                                   // "" for blocks
	is     func(secgroup.Peer, secgroup.Group) bool // nil for blocks: whether a peer of a group is of this kind
}

func (k peerKind) hasAddresses() bool {
	switch p := k.peer.(type) {
	case secgroup.CIDR:
		return true
	case secgroup.PrefixList:
		return p.Readable
	}
	return false
}

// isSelf reports whether the peer is the group itself.
func (k peerKind) isSelf() bool {
	ref, ok := k.peer.(secgroup.GroupReference)
	return ok && ref.GroupID == k.group.ID
}

var everyBlock = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// peerKinds gives the kinds of peers in a group: blocks outside of its VPCs
// first, then those within, lists, references.
func peerKinds(w policy.Words, g secgroup.Group) ([]peerKind, error) {
	groups := []secgroup.Group{g}
	groups[0].VPCs = []secgroup.VPC{}
	if w.OwnVPCs {
		groups = append(groups, g)
		groups[1].VPCs = []secgroup.VPC{{ID: g.VPCID, CIDRs: everyBlock}}
	}
	lists, err := listKinds(w, g)
	if err != nil {
		return nil, err
	}
	var out []peerKind
	for i, in := range groups {
		out = append(out, peerKind{peer: secgroup.CIDR{}, group: in, inside: i == 1})
	}
	for _, l := range lists {
		if !l.peer.(secgroup.PrefixList).Readable {
			l.group = groups[0]
			out = append(out, l)
			continue
		}
		for i, in := range groups {
			l.group, l.inside = in, i == 1
			out = append(out, l)
		}
	}
	references, err := referenceKinds(w, groups[0])
	return append(out, references...), err
}

// listKinds: lists that some policy names by id or as one of AWS, and any
// other that cannot be read. Any other that can be is its entries.
func listKinds(w policy.Words, g secgroup.Group) ([]peerKind, error) {
	names := []secgroup.PrefixList{{Name: "a-list", OwnerID: g.AccountID}}
	var patterns []pattern
	if len(w.AWSLists) > 0 {
		q := texts{longest: longestName, must: []pattern{globPattern("?*", "", false).after("com.amazonaws.")}, nice: []string{"com.amazonaws." + someRegion + ".any-service"}}
		for _, glob := range w.AWSLists {
			q.nice = append(q.nice, "com.amazonaws."+someRegion+"."+strings.NewReplacer("*", "any-service", "?", "x").Replace(glob))
			q.patterns = append(q.patterns, globPattern(glob, "", false), globPattern(glob, "", false).after("com.amazonaws."))
		}
		found, ok := q.classes()
		if !ok {
			return nil, &TooManyError{"lists of AWS"}
		}
		patterns = q.patterns
		for _, m := range found {
			names = append(names, secgroup.PrefixList{Name: m.text, OwnerID: "AWS"})
		}
	}
	var out []peerKind
	for _, id := range append(slices.Clone(w.Lists), "pl-0123456789abcdef0") {
		isNamed := slices.Contains(w.Lists, id)
		of := func(name string) []bool { return matchesOf(patterns, name) }
		like := func(l secgroup.PrefixList) func(secgroup.Peer, secgroup.Group) bool {
			return func(p secgroup.Peer, _ secgroup.Group) bool {
				o, ok := p.(secgroup.PrefixList)
				if !ok || o.Readable != l.Readable || slices.Contains(w.Lists, o.ID) != isNamed || isNamed && o.ID != l.ID {
					return false
				}
				return len(w.AWSLists) == 0 || (o.OwnerID == "AWS") == (l.OwnerID == "AWS") && (o.Name == "") == (l.Name == "") && (l.OwnerID != "AWS" || slices.Equal(of(o.Name), of(l.Name)))
			}
		}
		for _, l := range names {
			l.ID, l.Readable, l.Entries = id, true, everyBlock
			if isNamed || l.OwnerID == "AWS" {
				out = append(out, peerKind{peer: l, words: listWords(l, isNamed), is: like(l)})
			}
		}
		unknown := append([]secgroup.PrefixList{{}}, names...)
		if len(w.AWSLists) == 0 {
			unknown = unknown[:1]
		}
		for _, l := range unknown {
			l.ID, l.Refused = id, "AccessDenied"
			out = append(out, peerKind{peer: l, words: listWords(l, isNamed) + " that cannot be read", is: like(l)})
		}
	}
	return out, nil
}

func listWords(l secgroup.PrefixList, isNamed bool) string {
	var words []string
	if isNamed {
		words = append(words, "list "+l.ID)
	} else {
		words = append(words, "a list")
	}
	switch {
	case l.OwnerID == "AWS":
		words = append(words, "of AWS named like "+l.Name)
	case l.OwnerID != "" && isNamed:
	case l.OwnerID != "":
		words = append(words, "of an account")
	}
	return strings.Join(words, " ")
}

// referenceKinds: the group itself, and other groups by what policies say of
// their ids and accounts.
func referenceKinds(w policy.Words, g secgroup.Group) ([]peerKind, error) {
	if !w.References {
		return nil, nil
	}
	ids, err := groupIDs(w, []string{g.ID})
	if err != nil {
		return nil, err
	}
	accounts := []string{""}
	if w.OwnAccount {
		other := []string{otherAccount, someAccount, "444455556666"}
		other = slices.DeleteFunc(other, func(id string) bool { return id == g.AccountID || slices.Contains(w.PeerAccounts, id) })
		accounts = append(accounts, other[0])
		for _, id := range w.PeerAccounts {
			if id != g.AccountID {
				accounts = append(accounts, id)
			}
		}
	}
	var out []peerKind
	for _, m := range ids {
		for _, account := range accounts {
			words := "other groups"
			if likes := likesOf(m, w.PeerGroups); likes != "" {
				words = "groups like " + likes
			}
			switch {
			case account == "" && w.OwnAccount:
				words += " of the own account"
			case slices.Contains(w.PeerAccounts, account):
				words += " of account " + account
			case account != "":
				words += " of another account"
			}
			is := func(p secgroup.Peer, in secgroup.Group) bool {
				ref, ok := p.(secgroup.GroupReference)
				if !ok || tellsSelf(w) && ref.GroupID == in.ID || !slices.Equal(matchesOf(globsOf(w.PeerGroups), ref.GroupID), m.matches) {
					return false
				}
				if ref.AccountID == in.AccountID {
					ref.AccountID = ""
				}
				switch {
				case !w.OwnAccount:
					return true
				case account == "" || ref.AccountID == "" || slices.Contains(w.PeerAccounts, account):
					return ref.AccountID == account
				}
				return !slices.Contains(w.PeerAccounts, ref.AccountID)
			}
			out = append(out, peerKind{peer: secgroup.GroupReference{GroupID: m.text, AccountID: account}, group: g, words: words, is: is})
		}
	}
	self, err := selfKinds(w, g)
	return append(self, out...), err
}

// tellsSelf reports whether a group as its own peer may be judged in another
// way than others.
func tellsSelf(w policy.Words) bool { return w.Self || len(w.PeerGroups) > 0 }

// selfKinds: the id of a group that no scope names can be any that policies
// tell apart as a peer.
func selfKinds(w policy.Words, g secgroup.Group) ([]peerKind, error) {
	if !tellsSelf(w) {
		return nil, nil
	}
	if slices.Contains(w.IDs, g.ID) {
		return []peerKind{{peer: secgroup.GroupReference{GroupID: g.ID}, group: g, words: "itself", is: isItself}}, nil
	}
	ids, err := groupIDs(w, w.IDs)
	if err != nil {
		return nil, err
	}
	var out []peerKind
	for _, m := range ids {
		in := g
		in.ID = m.text
		words := "itself"
		if likes := likesOf(m, w.PeerGroups); likes != "" {
			words += ", where its id is like " + likes
		}
		is := func(p secgroup.Peer, in secgroup.Group) bool {
			return isItself(p, in) && slices.Equal(matchesOf(globsOf(w.PeerGroups), in.ID), m.matches)
		}
		out = append(out, peerKind{peer: secgroup.GroupReference{GroupID: m.text}, group: in, words: words, is: is})
	}
	return out, nil
}

func isItself(p secgroup.Peer, g secgroup.Group) bool {
	ref, ok := p.(secgroup.GroupReference)
	return ok && ref.GroupID == g.ID
}

func globsOf(globs []string) []pattern {
	var out []pattern
	for _, glob := range globs {
		out = append(out, globPattern(glob, "", false))
	}
	return out
}

// groupIDs gives the classes of ids of groups, each with one that is not of never.
func groupIDs(w policy.Words, never []string) ([]matching, error) {
	q := texts{
		longest: len(someGroup), must: []pattern{globPattern("sg-?*", "", false)}, alphabet: []rune("sg-0123456789abcdef"),
		nice: []string{"sg-0aaaabbbbccccdddd", "sg-0eeeeffff00001111"},
	}
	q.patterns = globsOf(w.PeerGroups)
	for _, id := range never {
		q.never = append(q.never, globPattern(id, "", false))
	}
	found, ok := q.classes()
	if !ok {
		return nil, &TooManyError{"groups as peers"}
	}
	return found, nil
}

func likesOf(m matching, globs []string) string {
	var likes []string
	for i, glob := range globs {
		if m.matches[i] {
			likes = append(likes, glob)
		}
	}
	return strings.Join(likes, " and ")
}
