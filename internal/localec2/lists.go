package localec2

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// list is a managed prefix list. versions[i] are the entries of version i+1;
// a list of AWS has one, and shows no version.
type list struct {
	id, name, owner string
	ipv6            bool
	maxEntries      int // for a list of AWS its weight
	versions        [][]entry
	tags            map[string]string
	last            string    // what was done last: "create", "modify" or "restore"
	settles         time.Time // when that is complete

	users  map[string]string // owners of what refers to it beside the groups, by resource id
	target string            // of the IPAM resolver that fills it; "" = none
}

type entry struct {
	block       netip.Prefix
	description string
}

func (l *list) version() int     { return len(l.versions) }
func (l *list) current() []entry { return l.versions[len(l.versions)-1] }
func (l *list) byAWS() bool      { return l.owner == "AWS" }

func (s *session) createList() (query.Object, *query.Fault) {
	name := s.params.Text("PrefixListName")
	if fault := checkListName(name); fault != nil {
		return nil, fault
	}
	family := s.params.Text("AddressFamily")
	if family != "IPv4" && family != "IPv6" {
		return nil, wrongValue("AddressFamily", family, "Valid values are IPv4 and IPv6.")
	}
	size, fault := integer(s.params, "MaxEntries", 0)
	if fault != nil {
		return nil, fault
	}
	if size < 1 || size > 1000 {
		return nil, wrongValue("MaxEntries", s.params.Text("MaxEntries"), "It must be from 1 to 1000.")
	}
	tags, fault := s.tagSpecification("prefix-list")
	if fault != nil {
		return nil, fault
	}
	l := &list{id: s.cloud.ids.Resource("pl-"), name: name, owner: s.account.ID, ipv6: family == "IPv6", maxEntries: int(size), tags: tags}
	entries, fault := l.edited(nil, s.params.Items("Entry"), nil)
	if fault != nil {
		return nil, fault
	}
	l.versions = [][]entry{entries}
	s.begin(l, "create")
	s.state.lists[l.id] = l
	return query.Object{}.With("prefixList", s.listObject(l, "create-in-progress")), nil
}

func checkListName(name string) *query.Fault {
	switch {
	case name == "":
		return missing("PrefixListName")
	case utf8.RuneCountInString(name) > 255:
		return wrongValue("PrefixListName", name, "It may not be longer than 255 characters.")
	case strings.HasPrefix(name, "com.amazonaws"):
		return wrongValue("PrefixListName", name, "Names may not begin with com.amazonaws.")
	}
	return nil
}

// entriesPerCall is how many entries one call may add or remove (API model).
const entriesPerCall = 100

// edited applies additions and removals to entries, as one change.
func (l *list) edited(entries []entry, add, remove []*query.Params) ([]entry, *query.Fault) {
	if len(add) > entriesPerCall || len(remove) > entriesPerCall {
		return nil, query.Refuse("InvalidParameterValue", "At most %d entries can be added or removed in one call.", entriesPerCall)
	}
	entries = slices.Clone(entries)
	for _, item := range remove {
		block, fault := l.block(item.Text("Cidr"))
		if fault != nil {
			return nil, fault
		}
		at := slices.IndexFunc(entries, func(e entry) bool { return e.block == block })
		if at < 0 {
			return nil, query.Refuse("InvalidParameterValue", "The prefix list has no entry '%s'", block)
		}
		entries = slices.Delete(entries, at, at+1)
	}
	for _, item := range add {
		block, fault := l.block(item.Text("Cidr"))
		if fault != nil {
			return nil, fault
		}
		e := entry{block, item.Text("Description")}
		if fault := checkText("Description", e.description); fault != nil {
			return nil, fault
		}
		// An entry that exists gets the new description.
		if at := slices.IndexFunc(entries, func(e entry) bool { return e.block == block }); at >= 0 {
			entries[at] = e
			continue
		}
		entries = append(entries, e)
	}
	if len(entries) > l.maxEntries {
		return nil, query.Refuse("PrefixListMaxEntriesExceeded", "You've reached the maximum number of entries for the prefix list.")
	}
	return entries, nil
}

func (l *list) block(text string) (netip.Prefix, *query.Fault) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is6() != l.ipv6 {
		return netip.Prefix{}, query.Refuse("InvalidParameterValue", "CIDR block %s is malformed, or not of the family of the prefix list", text)
	}
	return p.Masked(), nil
}

func (s *session) modifyList() (query.Object, *query.Fault) {
	l, fault := s.ownList()
	if fault != nil {
		return nil, fault
	}
	edits := s.params.Has("AddEntry") || s.params.Has("RemoveEntry")
	if edits && s.params.Has("MaxEntries") {
		return nil, query.Refuse("InvalidParameterCombination", "You cannot modify the entries of a prefix list and its size at the same time.")
	}
	if edits && !s.params.Has("CurrentVersion") {
		return nil, missing("CurrentVersion")
	}
	if edits && l.target != "" {
		// "Direct CIDR modifications are restricted" (API model, ManagedPrefixList).
		return nil, query.Refuse("OperationNotPermitted", "The prefix list '%s' is managed by IPAM", l.id)
	}
	if fault := s.checkVersion(l); fault != nil {
		return nil, fault
	}
	c := *l
	s.state.lists[l.id] = &c
	s.begin(&c, "modify")
	if name, ok := s.params.Get("PrefixListName").Value(); ok {
		if fault := checkListName(name); fault != nil {
			return nil, fault
		}
		c.name = name
	}
	if s.params.Has("MaxEntries") {
		return s.resized(&c)
	}
	if edits {
		entries, fault := c.edited(c.current(), s.params.Items("AddEntry"), s.params.Items("RemoveEntry"))
		if fault != nil {
			return nil, fault
		}
		c.versions = append(slices.Clone(c.versions), entries)
	}
	return query.Object{}.With("prefixList", s.listObject(&c, "modify-in-progress")), nil
}

// resized changes how many entries a list may have: every group that refers to
// it must have room.
func (s *session) resized(l *list) (query.Object, *query.Fault) {
	size, fault := integer(s.params, "MaxEntries", 0)
	if fault != nil {
		return nil, fault
	}
	if int(size) < len(l.current()) || size < 1 || size > 1000 {
		return nil, wrongValue("MaxEntries", s.params.Text("MaxEntries"), "It must be from 1 to 1000, and not below the number of entries.")
	}
	l.maxEntries = int(size)
	for _, id := range sortedKeys(s.state.groups) {
		for _, d := range directions {
			if fault := s.checkQuota(s.state.groups[id], d); fault != nil {
				return nil, fault
			}
		}
	}
	return query.Object{}.With("prefixList", s.listObject(l, "modify-in-progress")), nil
}

func (s *session) restoreList() (query.Object, *query.Fault) {
	l, fault := s.ownList()
	if fault != nil {
		return nil, fault
	}
	for _, name := range []string{"CurrentVersion", "PreviousVersion"} {
		if !s.params.Has(name) {
			return nil, missing(name)
		}
	}
	if fault := s.checkVersion(l); fault != nil {
		return nil, fault
	}
	entries, fault := l.at(s.params, "PreviousVersion")
	if fault != nil {
		return nil, fault
	}
	if len(entries) > l.maxEntries {
		return nil, query.Refuse("PrefixListMaxEntriesExceeded", "You've reached the maximum number of entries for the prefix list.")
	}
	c := *l
	c.versions = append(slices.Clone(c.versions), entries)
	s.begin(&c, "restore")
	s.state.lists[l.id] = &c
	return query.Object{}.With("prefixList", s.listObject(&c, "restore-in-progress")), nil
}

// deleteList removes a list: "You must first remove all references to the
// prefix list" (API reference).
func (s *session) deleteList() (query.Object, *query.Fault) {
	l, fault := s.ownList()
	if fault != nil {
		return nil, fault
	}
	for _, g := range s.state.groups {
		for _, r := range g.rules {
			if r.Peer.Key() == l.id {
				return nil, query.Refuse("DependencyViolation", "The prefix list '%s' is referenced by security group '%s'", l.id, g.id)
			}
		}
	}
	delete(s.state.lists, l.id)
	return query.Object{}.With("prefixList", s.listObject(l, "delete-in-progress")), nil
}

// checkVersion compares CurrentVersion, where it is given.
func (s *session) checkVersion(l *list) *query.Fault {
	text, ok := s.params.Get("CurrentVersion").Value()
	if ok && text != strconv.Itoa(l.version()) {
		return query.Refuse("PrefixListVersionMismatch", "The prefix list has the version number %d, not %s", l.version(), text)
	}
	return nil
}

// at gives the entries of the version that a parameter names; absent = the
// current ones.
func (l *list) at(params *query.Params, name string) ([]entry, *query.Fault) {
	version, fault := integer(params, name, int32(l.version()))
	if fault != nil {
		return nil, fault
	}
	if version < 1 || int(version) > l.version() {
		return nil, wrongValue(name, params.Text(name), "The prefix list has no such version.")
	}
	return l.versions[version-1], nil
}

// readableList is the list that PrefixListId names.
func (s *session) readableList() (*list, *query.Fault) {
	id := s.params.Text("PrefixListId")
	if fault := wellFormed("pl-", id); fault != nil {
		return nil, fault
	}
	if l := s.state.lists[id]; l != nil {
		return l, nil
	}
	return nil, noList(id)
}

// ownList is the same, of the account's own, to be changed: not while a change
// is in progress.
func (s *session) ownList() (*list, *query.Fault) {
	l, fault := s.readableList()
	switch {
	case fault != nil:
		return nil, fault
	case l.owner != s.account.ID:
		return nil, &query.Fault{Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation on " + l.id}
	case s.now.Before(l.settles):
		return nil, query.Refuse("IncorrectState", "The prefix list '%s' is in the state %s", l.id, l.progress(s.now))
	}
	return l, nil
}
