package policy

import (
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// The item of a group has the version and a digest of a list, not its entries. Where
// the list has others by now, it takes the earlier ones to tell growth from a list
// that lost something, or is written otherwise.

// IsNarrowed reports whether a rule, whose list has other entries than it was last
// seen with, opens nothing by them that it did not then, or did not when it was last
// in order. Where earlier entries were not read nobody knows: false.
func (f *Facts) IsNarrowed(k *KnownRule, live secgroup.Rule) bool {
	return f.isWithin(f.seenEntries(k), live) || f.IsBack(k, live)
}

// IsBack reports whether the list of a rule, which grew, opens no more than it did
// when the rule was last in order.
func (f *Facts) IsBack(k *KnownRule, live secgroup.Rule) bool {
	if !k.ListGrew() || !k.Rule.SameValue(live) {
		return false
	}
	v, _, ok := k.InOrderAt()
	return ok && f.isWithin(f.OldLists[v], live)
}

func (f *Facts) isWithin(entries []netip.Prefix, live secgroup.Rule) bool {
	list, isList := live.Peer.(secgroup.PrefixList)
	return isList && list.Readable && entries != nil && secgroup.NewAddressSet(entries...).Covers(secgroup.NewAddressSet(list.Entries...))
}

// seenEntries are those with which a rule was last seen; nil = not known.
func (f *Facts) seenEntries(k *KnownRule) []netip.Prefix {
	v, ok := k.SeenAt()
	if old := f.OldLists[v]; ok && old != nil && ListDigest(old) == k.ListDigest {
		return old
	}
	return nil
}

// lacksOldEntries reports whether something of p may rest on earlier entries of the
// rule's list, which were not read yet: its actor, its mark, what is known of it.
func (j *judgement) lacksOldEntries(p *Policy, s *subject) bool {
	k := s.known
	list, isList := s.rule.Peer.(secgroup.PrefixList)
	if k == nil || !isList || !list.Readable || !ownReference(k.Rule, j.in.Live.AccountID).SameValue(s.rule) {
		return false
	}
	lacks := func(v ListVersion, known bool) bool {
		_, read := j.in.Facts.OldLists[v]
		return known && !read
	}
	marked := slices.Contains(k.Baseline, p.ID)
	if k.ListGrew() {
		v, _, known := k.InOrderAt()
		if (marked || len(p.except) > 0 && k.BeforeBy != nil) && lacks(v, known) {
			return true
		}
	}
	hinges := marked || len(p.except) > 0 && k.By != nil || slices.Contains(k.ExemptFrom, p.ID) || k.IncidentID != ""
	return hinges && k.ListDigest != ListDigest(list.Entries) && lacks(k.SeenAt())
}
