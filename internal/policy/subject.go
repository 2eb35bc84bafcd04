package policy

import (
	"cmp"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// subject is one rule as it is judged: live, or what a remedy would leave.
type subject struct {
	rule   secgroup.Rule // references to the own account without it
	region secgroup.Region
	place  int // in Verdict.Rules

	known  *KnownRule // nil = not in the item
	grown  bool       // has flows beyond its known value
	acts   bool       // named, and not by a Modify that widened nothing
	by     *secgroup.Attribution
	since  time.Time       // when this value was first seen: now for a new one
	order  int64           // in the walk; 0 = none yet
	record *named          // the latest record at hand that names it; nil = none
	marked secgroup.Region // its value that marks belong to, if it has any
}

// newSubject gathers what is known of a live rule.
func (j *judgement) newSubject(place int, rule secgroup.Rule, known *KnownRule) *subject {
	s := &subject{rule: ownReference(rule, j.in.Live.AccountID), place: place, known: known, since: j.in.Now}
	s.region = regionOfRule(s.rule)
	var last secgroup.Region
	back := false
	if known != nil {
		last = j.regionOf(known.Rule, known, s.rule)
		back = j.in.Facts.IsBack(known, s.rule)
		s.grown = !back && !last.Covers(s.region)
		s.marked = last
		switch {
		case back:
			s.marked = s.region
		case known.Before == nil:
		case known.ListGrew():
			s.marked = secgroup.Region{} // the entries that the mark is about are not remembered
		default:
			if before := j.regionOf(*known.Before, known, s.rule); !before.Covers(last) {
				s.marked = before
			}
		}
	}
	if known != nil && !s.grown {
		s.order, s.by = known.Order, known.By
		if back {
			s.by = known.BeforeBy // it is that value again
		}
		if !known.Since.IsZero() {
			s.since = known.Since
		}
	}
	j.name(s)
	return s
}

// name looks for the record at hand that names the rule, and what follows of it.
func (j *judgement) name(s *subject) {
	n := j.recordOf(s.rule, s.known)
	if n == nil {
		return
	}
	// A Modify that opens nothing more leaves the rule to who opened it.
	if s.by == nil || !n.modifies() && s.by.EventTime.Before(n.change.EventTime) {
		s.by = n.attribution()
	}
	s.record = n
	s.acts = !n.modifies() || s.known == nil || s.grown || s.known.Since.IsZero() || !s.known.Since.Before(n.change.EventTime)
}

// recordOf gives the latest record at hand that names a rule, or that of which
// it is left; nil = none. The rule's reference is as ownReference leaves it.
func (j *judgement) recordOf(rule secgroup.Rule, known *KnownRule) *named {
	n := j.naming.of(rule)
	if n == nil && known != nil && known.LeftOf != nil && ownReference(known.Rule, j.in.Live.AccountID).SameValue(rule) {
		n = j.naming.of(ownReference(*known.LeftOf, j.in.Live.AccountID))
	}
	return n
}

// regionOfRule is Rule.Region, with an atom for a peer that is not known.
func regionOfRule(r secgroup.Rule) secgroup.Region {
	if r.Peer == nil {
		return secgroup.NewRegion(secgroup.Slice{Protocols: r.Protocols(), Span: r.Span(), Atoms: []string{noPeer}})
	}
	return r.Region()
}

// regionOf is the flows of a remembered value. Entries of lists are not
// remembered: they are the live ones if the digest says so, or those that were
// read of its version, else nothing is known of them.
func (j *judgement) regionOf(value secgroup.Rule, known *KnownRule, live secgroup.Rule) secgroup.Region {
	value = ownReference(value, j.in.Live.AccountID)
	if list, ok := value.Peer.(secgroup.PrefixList); ok {
		now, same := live.Peer.(secgroup.PrefixList)
		if !same || now.ID != list.ID {
			return secgroup.Region{}
		}
		if now.Readable && known.ListDigest != ListDigest(now.Entries) {
			seen := j.in.Facts.seenEntries(known)
			if v, _ := known.SeenAt(); seen == nil || list.Version != v.Version {
				return secgroup.Region{}
			}
			now = now.WithEntries(seen)
		}
		value.Peer = now
	}
	return value.Region()
}

// wasExempt reports whether an exemption of p covered the rule as it is.
func (s *subject) wasExempt(p *Policy) bool {
	return s.known != nil && !s.grown && slices.Contains(s.known.ExemptFrom, p.ID)
}

// isMarked reports whether the rule is marked as baseline for p, and nothing
// voids the mark. An operator may, for all marks up to then. A record
// takes the marks off the rule that it names if it is an Authorize from the
// time of the act, which may have marked what the record made, or if the
// marks come from a stale table that the record is newer than.
func (j *judgement) isMarked(s *subject, p *Policy) bool {
	if s.known == nil || !slices.Contains(s.known.Baseline, p.ID) {
		return false
	}
	if j.isAdopted(p) {
		return false
	}
	if s.record == nil {
		return true
	}
	when := s.record.change.EventTime
	if j.in.Facts.Stale && when.After(j.in.Facts.Stamp) {
		return false
	}
	act := j.in.Facts.Acts[p.ID]
	during := !act.Start.IsZero() && !when.Before(act.Start) && (act.At.IsZero() || !when.After(act.At))
	return s.record.modifies() || !during
}

// isAdopted reports whether the marks of p were given up since its act; one
// that is under way has set some of its marks already.
func (j *judgement) isAdopted(p *Policy) bool {
	act := j.in.Facts.Acts[p.ID]
	set := act.At
	if set.IsZero() {
		set = act.Start
	}
	return j.in.Facts.Adopted[p.ID].After(set)
}

// isOpen reports whether an open incident holds the rule under p.
func (j *judgement) isOpen(s *subject, p *Policy) bool {
	k := s.known
	return k != nil && k.IncidentID != "" && slices.Contains(j.in.Known.OpenIncidents, k.IncidentID) &&
		(k.Under == nil || slices.Contains(k.Under, p.ID))
}

func (s *subject) isNamed() bool { return s.record != nil }

// isDefaultEgress reports whether this may be the rule that EC2 gives a new
// group: nobody is known to have made it.
func (s *subject) isDefaultEgress() bool {
	c, ok := s.rule.Peer.(secgroup.CIDR)
	return ok && c.Bits() == 0 && s.rule.Direction == secgroup.Egress && s.rule.Protocol == secgroup.AllProtocols &&
		s.record == nil && s.by == nil
}

// isOpaque reports whether the addresses of the rule are not known.
func (s *subject) isOpaque() bool {
	list, ok := s.rule.Peer.(secgroup.PrefixList)
	return s.rule.Peer == nil || ok && !list.Readable
}

// isMarkedUnread reports whether the rule was marked for p when nobody could
// read its list. It stood then, so that it is not taken back for what its
// entries turn out to be; but nobody has been told of them.
func (j *judgement) isMarkedUnread(s *subject, p *Policy) bool {
	_, isList := s.rule.Peer.(secgroup.PrefixList)
	return isList && j.isMarked(s, p) && s.known.ListDigest == "" && s.known.Rule.SameValue(s.rule)
}

// compareSubjects is the order of the walk through the union: rules with a
// place first, then those that nobody names by id, then by the time of the
// record that names them.
func compareSubjects(a, b *subject) int {
	if (a.order == 0) != (b.order == 0) {
		if a.order == 0 {
			return 1
		}
		return -1
	}
	if a.order == 0 && a.isNamed() != b.isNamed() {
		if a.isNamed() {
			return 1
		}
		return -1
	}
	when := 0
	if a.order == 0 && a.isNamed() {
		when = a.by.EventTime.Compare(b.by.EventTime)
	}
	return cmp.Or(cmp.Compare(a.order, b.order), when, cmp.Compare(a.rule.ID, b.rule.ID), cmp.Compare(a.place, b.place))
}
