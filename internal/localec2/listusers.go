package localec2

import (
	"fmt"
	"maps"
)

// UseList makes a resource beside the account's groups refer to a list: a route
// table, or a group of another account that the list is shared with.
func (a *Account) UseList(listID, resourceID, ownerID string) error {
	return a.changeList(listID, func(l *list) {
		l.users = maps.Clone(l.users)
		if l.users == nil {
			l.users = map[string]string{}
		}
		l.users[resourceID] = ownerID
	})
}

// SyncList lets an IPAM resolver's target fill a list; "" = none does any more.
func (a *Account) SyncList(listID, target string) error {
	return a.changeList(listID, func(l *list) { l.target = target })
}

func (a *Account) changeList(listID string, change func(*list)) error {
	return a.change(func(s *state) error {
		old := s.lists[listID]
		if old == nil {
			return fmt.Errorf("change prefix list: there is no %s", listID)
		}
		l := *old
		change(&l)
		s.lists[listID] = &l
		return nil
	})
}
