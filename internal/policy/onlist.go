package policy

import "github.com/sgwarden/sgwarden/internal/secgroup"

// onList is `onList: rule`: what the list held while the rule was in order, and
// holds still, takes the place of the reference, as rules with addresses.
func (j *judgement) onList(r *RuleVerdict, s *subject) {
	list := s.rule.Peer.(secgroup.PrefixList) // growth is of lists
	v, digest, known := s.known.InOrderAt()
	old := j.in.Facts.OldLists[v]
	if !known || old == nil || digest != "" && ListDigest(old) != digest {
		r.revoke("the entries that its prefix list had are not known")
		return
	}
	kept := secgroup.NewAddressSet(old...).Intersect(secgroup.NewAddressSet(list.Entries...)).Prefixes()
	if len(kept) == 0 {
		r.revoke("nothing is left in its prefix list of what it held")
		return
	}
	r.Decision, r.Parts = Narrow, len(kept)
	for _, block := range kept {
		part := s.rule
		part.ID, part.Description, part.Tags, part.Peer = "", "", nil, secgroup.NewCIDR(block)
		r.Remaining = append(r.Remaining, part)
	}
}
