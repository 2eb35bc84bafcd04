package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// ListTask is a prefix list of the account to be judged for all the groups that
// refer to it.
type ListTask struct {
	Set  *policy.Set
	List secgroup.ManagedList
	// Old are the entries that the list had, by version; a version that cannot be
	// read is not in it.
	Old map[int64][]secgroup.ListEntry
	// Uses are the groups that refer to the list, with all that is to be known of
	// them: their rules carry the list as it is.
	Uses []policy.Input
	// Later counts what waits, and what is held, as if it acted: it asks what is to
	// be taken out once nothing keeps the policies from it.
	Later bool
}

// listRule is one rule that refers to the list.
type listRule struct {
	use     int // index of its group
	id      string
	before  secgroup.AddressSet // of the entries with which it was in order
	had     []secgroup.ListEntry
	version int64               // of these entries
	excess  secgroup.AddressSet // that an acting policy takes back
}

// TakeOut gives the edit that takes exactly those of the added entries out again
// that are the cause of a violation in every rule that refers to the list, and
// why there is none, or none for some. An entry is added for a rule if the list
// had it not, and did not cover it, when the rule was last in order.
//
// Entries that nobody refuses stay, also where they were added together with the
// others. What the list held before and lost by the same change, and what only an
// entry that goes keeps open, is put back: at every moment what was in order and
// is open stays open.
func (t ListTask) TakeOut() (edit EditList, why string) {
	edit = EditList{ListID: t.List.ID, Version: t.List.Version}
	rules, why := t.rules()
	if why != "" {
		return edit, why
	}
	cause := t.cause(rules)
	if len(cause) == 0 {
		return edit, "no entry was added that every rule with the list violates by"
	}
	if cause = t.fewest(rules, cause); len(cause) == 0 {
		return edit, "no entry was added that every rule with the list violates by"
	}
	full := t.editOf(rules, cause)
	if why = t.misfit(full); why != "" {
		return edit, why
	}
	full.Remove = full.Remove[:min(len(full.Remove), MostEntries)] // the others are seen again, and taken then
	return full, ""
}

// rules are those that refer to the list. why says that one of them must keep
// the list as it is.
func (t ListTask) rules() (all []listRule, why string) {
	for n, in := range t.Uses {
		excess := t.excess(in)
		for _, r := range in.Live.Rules {
			if l, ok := r.Peer.(secgroup.PrefixList); !ok || l.ID != t.List.ID {
				continue
			}
			name := r.ID + " of " + in.Live.ID
			if excess[r.ID].IsEmpty() {
				return nil, name + " refers to it, and nothing is to be taken back of that rule"
			}
			had, ok := t.had(in.Known.Rules[r.ID])
			if !ok {
				return nil, "what it held while " + name + " was in order is not known"
			}
			v, _, _ := in.Known.Rules[r.ID].InOrderAt()
			all = append(all, listRule{n, r.ID, secgroup.NewAddressSet(secgroup.Blocks(had)...), had, v.Version, excess[r.ID]})
		}
	}
	if len(all) == 0 {
		return nil, "no rule refers to it"
	}
	return all, ""
}

// had are the entries with which a rule was last in order.
func (t ListTask) had(known policy.KnownRule) ([]secgroup.ListEntry, bool) {
	v, digest, ok := known.InOrderAt()
	if !ok || v.ID != t.List.ID {
		return nil, false
	}
	had, ok := t.Old[v.Version]
	return had, ok && (digest == "" || policy.ListDigest(secgroup.Blocks(had)) == digest)
}

// excess is what acting policies take back of each rule with the list, by id.
func (t ListTask) excess(in policy.Input) map[string]secgroup.AddressSet {
	in.Facts.TakeGrowth = true
	out := map[string]secgroup.AddressSet{}
	for _, rv := range t.Set.Evaluate(in).Rules {
		for _, f := range rv.Findings {
			if f.State == policy.Acting || t.Later && f.WillAct() {
				out[rv.Rule.ID] = out[rv.Rule.ID].Union(f.Excess.Addresses())
			}
		}
	}
	return out
}

// cause are the entries that were added for every rule, and that every rule
// violates by.
func (t ListTask) cause(rules []listRule) (cause []netip.Prefix) {
	for _, block := range t.List.Entries {
		refused := !slices.ContainsFunc(rules, func(r listRule) bool {
			return secgroup.HasEntry(r.had, block) || r.before.CoversPrefix(block) || !r.excess.OverlapsPrefix(block)
		})
		if refused {
			cause = append(cause, block)
		}
	}
	return cause
}

// mostTries bounds how often groups are judged again to find an entry that may
// stay.
const mostTries = 4000

// fewest leaves those of the entries out of a cause that may stay, the smallest
// first: a bound that many addresses exceed together makes all of them guilty. An
// entry that only some rules violate by stays too: it is in order for the others.
func (t ListTask) fewest(rules []listRule, cause []netip.Prefix) []netip.Prefix {
	if len(cause)*len(t.Uses) > mostTries {
		return cause
	}
	smallest := slices.Clone(cause)
	slices.SortFunc(smallest, func(a, b netip.Prefix) int {
		return cmp.Or(cmp.Compare(b.Bits(), a.Bits()), a.Addr().Compare(b.Addr()))
	})
	without := t.guilt(rules, cause)
	for _, block := range smallest {
		fewer := slices.DeleteFunc(slices.Clone(cause), func(b netip.Prefix) bool { return b == block })
		with := t.guilt(rules, fewer)
		for n := range rules {
			if with[n].Equal(without[n]) {
				cause, without = fewer, with
				break
			}
		}
	}
	return cause
}

// guilt is what would be taken back of each rule without these entries.
func (t ListTask) guilt(of []listRule, cause []netip.Prefix) []secgroup.AddressSet {
	left := secgroup.Blocks(t.editOf(of, cause).After(t.List.Described))
	all, excess := make([]secgroup.AddressSet, len(of)), map[int]map[string]secgroup.AddressSet{}
	for n, in := range t.Uses {
		rules := slices.Clone(in.Live.Rules)
		for i, r := range rules {
			if l, ok := r.Peer.(secgroup.PrefixList); ok && l.ID == t.List.ID {
				rules[i].Peer = l.WithEntries(left)
			}
		}
		in.Live.Rules = rules
		excess[n] = t.excess(in)
	}
	for n, r := range of {
		all[n] = excess[r.use][r.id]
	}
	return all
}

// editOf is the edit that takes the entries out, however many they are. What the
// list held while the rules were in order, and only they keep open, goes back.
func (t ListTask) editOf(rules []listRule, cause []netip.Prefix) EditList {
	edit := EditList{ListID: t.List.ID, Version: t.List.Version, Remove: cause}
	open, stays := secgroup.NewAddressSet(cause...), secgroup.NewAddressSet(secgroup.Blocks(edit.After(t.List.Described))...)
	for _, e := range t.oldest(rules).had {
		lost := open.CoversPrefix(e.Block) && !stays.CoversPrefix(e.Block) && !slices.Contains(cause, e.Block)
		if lost && !slices.ContainsFunc(rules, func(r listRule) bool { return !r.before.CoversPrefix(e.Block) }) {
			edit.Add = append(edit.Add, e)
		}
	}
	return edit
}

// oldest is the rule that was in order with the oldest version of the list.
func (t ListTask) oldest(rules []listRule) listRule {
	return slices.MinFunc(rules, func(a, b listRule) int { return cmp.Compare(a.version, b.version) })
}

// misfit says why the list cannot take the edit; "" = it can.
func (t ListTask) misfit(edit EditList) string {
	size := len(t.List.Described) - min(len(edit.Remove), MostEntries) + len(edit.Add)
	switch {
	case len(edit.Add) > MostEntries:
		return fmt.Sprintf("more than %d of the entries that it had would have to go back", MostEntries)
	case t.List.MaxEntries > 0 && len(edit.Add) > 0 && size > t.List.MaxEntries:
		return "it has no room for the entries that it had"
	}
	return ""
}
