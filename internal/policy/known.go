package policy

import (
	"net/netip"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Known is what the ledger remembers of one group. The zero value is "no item".
type Known struct {
	Exists  bool  // the group has an item
	Version int64 // of the item; 0 without item
	// Whole is true once a complete read of the group was written: only then
	// is a live rule without entry certainly newer than the item.
	Whole bool

	Name    string            // group name; "" = not known
	VPCID   string            // "" = not known
	Default *bool             // nil = not known
	Tags    map[string]string // trusted tags only; nil = not known

	Rules         map[string]KnownRule   // by rule id
	Removed       map[string]RemovedRule // by rule id: what was seen to go, for late records
	OpenIncidents []string               // as the ledger answers; what is written does not change it
}

// KnownRule is what the ledger remembers of one rule.
type KnownRule struct {
	Rule       secgroup.Rule         // the value last seen; a list carries Version, its entries are not kept
	ListDigest string                // digest of a list's entries; "" for other peers
	Since      time.Time             // when this value, or a part beyond the earlier one, was first seen
	Order      int64                 // place in the walk of `tolerate`; 0 = none yet
	By         *secgroup.Attribution // nil = unattributed
	// Before is the last value that was compliant, exempt or baseline, or
	// stood before an act; nil = unknown, or Rule itself. It is what a revert
	// puts back, and where Rule has flows beyond it, what Baseline is about.
	Before   *secgroup.Rule
	BeforeBy *secgroup.Attribution // who made Before; nil = unattributed
	// BeforeTold is the incident that told of Before as exempt; "" = none did.
	BeforeTold string
	// BeforeExemption and BeforeExemptFrom are what Exemption and ExemptFrom were
	// of Before: it is put back as what it was.
	BeforeExemption  string
	BeforeExemptFrom []string
	// PriorAt is when the value that was known when this one was first seen was
	// made, or seen, the later: a change between the two was overwritten. Zero =
	// none was known, or the rule is in order.
	PriorAt    time.Time
	IncidentID string // the incident that it belongs to, open or closed; "" = none
	Reported   string // outcome of that incident for this rule (observed, alerted, tagged ...); "" = none
	Exemption  string // exemption id, also of one that has ended until that was told; "" = none
	// ExemptFrom are the ids of the policies of which an exemption covered what
	// they refuse of the value, also after its end; nil = none.
	ExemptFrom []string
	Baseline   []string // ids of policies for which the rule's value is marked
	// Under are the ids of the policies under which IncidentID holds the rule;
	// nil = not known, which counts as all. Without an incident: those under
	// which it is due, though nothing was told yet; nil = none.
	Under []string
	// WaitsSince is when the time that a remedy gives (`after`) began, by policy
	// id, where the rule has violated that policy without a gap since: its growth
	// gives no more. nil = no such policy is violated.
	WaitsSince map[string]time.Time
	// LeftOf is the rule, with its id, of which a remedy left this one, where a
	// policy that refused some of it has no baseline act yet: a record that names
	// that rule names this one. nil = none.
	LeftOf *secgroup.Rule
}

// reportedExempt is Reported of a rule that an exemption or exception covered.
const reportedExempt = "exempt"

// InOrder reports whether the value last seen was compliant, exempt or
// baseline: such a value may be put back, a violation never is. Where there is an
// earlier value, the marks are that one's.
func (k KnownRule) InOrder() bool {
	return k.IncidentID == "" && k.Under == nil || k.Reported == reportedExempt || len(k.Baseline) > 0 && k.Before == nil
}

// ListGrew reports whether the value last seen is that of Before, a prefix
// list, with other entries, or with entries that could not be read since.
func (k KnownRule) ListGrew() bool {
	if k.Before == nil {
		return false
	}
	_, isList := k.Rule.Peer.(secgroup.PrefixList)
	return isList && k.Before.SameValue(k.Rule)
}

// ListVersion names the entries that a prefix list had.
type ListVersion struct {
	ID      string
	Version int64
}

// InOrderAt is the version of its list with which a rule was last in order, as
// far as the item tells: the one last seen, or that before it grew. digest is
// that of its entries; "" = not known.
func (k KnownRule) InOrderAt() (v ListVersion, digest string, ok bool) {
	value, digest := k.Rule, k.ListDigest
	switch {
	case k.ListGrew():
		value, digest = *k.Before, ""
	case !k.InOrder():
		return v, "", false
	}
	list, isList := value.Peer.(secgroup.PrefixList)
	if !isList || list.Version < 1 {
		return v, "", false
	}
	return ListVersion{list.ID, list.Version}, digest, true
}

// SeenAt is the version of its list with which a rule was last seen.
func (k KnownRule) SeenAt() (v ListVersion, ok bool) {
	list, isList := k.Rule.Peer.(secgroup.PrefixList)
	return ListVersion{list.ID, list.Version}, isList && list.Version > 0 && k.ListDigest != ""
}

// rules counts the rules that the item holds: it also has what is remembered of
// the group itself.
func (k *Known) rules() int {
	n := 0
	for id := range k.Rules {
		if !secgroup.IsGroupEntry(id) {
			n++
		}
	}
	return n
}

// RemovedRule remembers why a rule id is no longer live.
type RemovedRule struct {
	At         time.Time // of the record or of our read-back
	IncidentID string    // our own removal; "" = somebody's
	Value      string    // rule text
	Unheard    bool      // we removed it before we heard of the record that names it
	// Of our own removals: when the value was made, or first seen where no record
	// told, and KnownRule.PriorAt of it.
	Opened, PriorAt time.Time
	// Was is what was known of a rule that a read did not show and no record or
	// act of ours explains: the read may be older than the rule. It belongs to no
	// incident. nil = explained, or too long ago.
	Was *KnownRule
}

// Act is a recorded baseline act (design: set once by the sweep).
type Act struct {
	Done  bool
	Start time.Time // records timed between Start and the group's read void the marks of what they name
	At    time.Time
}

// Facts are the things beyond group and item that a judgement may need.
type Facts struct {
	// Acts are by policy id, for the digest that is evaluated. A policy that
	// is not in it has no act yet.
	Acts map[string]Act
	// Stale is true where the ledger's stamp is older than a day: the same as
	// before the act, for every policy. A record newer than Stamp that names a
	// rule voids its marks then.
	Stale bool
	Stamp time.Time // last complete sweep; zero = none
	// Adopted is when an operator ended what baseline marks stand for, by policy
	// id. It voids the marks that are older: those of acts that were done by then.
	Adopted map[string]time.Time
	// Paused is why nothing may be changed; "" = it may. Held is the same for
	// single policies, by Policy.Digest (a fuse).
	Paused string
	Held   map[string]string
	// Lists holds what was read of prefix lists by id: those of live rules, which
	// carry them too, and those that changed rules had before.
	Lists map[string]secgroup.PrefixList
	// OldLists holds the entries that lists had in a version; nil = they cannot be
	// read any more.
	OldLists map[ListVersion][]netip.Prefix
	// TakeGrowth asks what policies would take back of rules whose list grew, were
	// it theirs to take: the list itself is judged.
	TakeGrowth bool
	Surroundings
}
