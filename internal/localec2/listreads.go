package localec2

import (
	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

var listFilters = []string{"prefix-list-id", "prefix-list-name", "owner-id"}

func (s *session) describeLists() (query.Object, *query.Fault) {
	ids := s.params.Texts("PrefixListId")
	chosen, fault := s.chosen("pl-", ids, func(id string) bool { return s.state.lists[id] != nil }, noList)
	if fault != nil {
		return nil, fault
	}
	match, fault := s.filters(listFilters)
	if fault != nil {
		return nil, fault
	}
	var found []string
	for _, id := range sortedKeys(s.state.lists) {
		l := s.state.lists[id]
		of := map[string]string{"prefix-list-id": id, "prefix-list-name": l.name, "owner-id": l.owner}
		if (len(chosen) == 0 || chosen[id]) && match(values{of: of, tags: l.tags}) {
			found = append(found, id)
		}
	}
	return s.page(listReads, "prefixListSet", found, func(id string) query.Object {
		return s.listObject(s.state.lists[id], s.state.lists[id].progress(s.now))
	})
}

// listEntries answers GetManagedPrefixListEntries.
func (s *session) listEntries() (query.Object, *query.Fault) {
	l, fault := s.readableList()
	if fault != nil {
		return nil, fault
	}
	entries, fault := l.at(s.params, "TargetVersion")
	if fault != nil {
		return nil, fault
	}
	byBlock := map[string]entry{}
	for _, e := range entries {
		byBlock[e.block.String()] = e
	}
	return s.page(listReads, "entrySet", sortedKeys(byBlock), func(block string) query.Object {
		return query.Object{}.With("cidr", block).WithText("description", byBlock[block].description)
	})
}

// listUsers answers GetManagedPrefixListAssociations: the groups whose rules
// refer to the list, and what else was said to (UseList).
func (s *session) listUsers() (query.Object, *query.Fault) {
	l, fault := s.readableList()
	if fault != nil {
		return nil, fault
	}
	if l.owner != s.account.ID {
		return nil, &query.Fault{Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation on " + l.id}
	}
	owners := map[string]string{}
	for id, g := range s.state.groups {
		for _, r := range g.rules {
			if r.Peer.Key() == l.id {
				owners[id] = s.account.ID
			}
		}
	}
	for id, owner := range l.users {
		owners[id] = owner
	}
	return s.page(staleRead, "prefixListAssociationSet", sortedKeys(owners), func(id string) query.Object {
		return query.Object{}.With("resourceId", id).With("resourceOwner", owners[id])
	})
}

// listObject is a list; those of AWS have neither size nor version (API
// reference, ManagedPrefixList).
func (s *session) listObject(l *list, state string) query.Object {
	family := "IPv4"
	if l.ipv6 {
		family = "IPv6"
	}
	o := query.Object{}.With("prefixListId", l.id).With("prefixListName", l.name).With("addressFamily", family).
		With("ownerId", l.owner).With("state", state).With("prefixListArn", s.listARN(l)).With("tagSet", tagSet(l.tags))
	if l.byAWS() {
		return o
	}
	if l.target != "" {
		o = o.With("ipamPrefixListResolverTargetId", l.target).With("ipamPrefixListResolverSyncEnabled", true)
	}
	return o.With("maxEntries", l.maxEntries).With("version", l.version())
}

func (s *session) listARN(l *list) string {
	owner := l.owner
	if l.byAWS() {
		owner = "aws"
	}
	return "arn:aws:ec2:" + s.account.Region + ":" + owner + ":prefix-list/" + l.id
}
