package warden

import (
	"context"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// An incident of a list is about all that came since its rules were in order: it
// may be several edits, of several people, and their records come in any order.
// Who made it is who brought an entry of it, not who made the latest version.

// attribute writes into the incidents that have no actor who made them, if the
// record at hand is of a version that brought some of what was added. That of today
// is about the versions since those that the earlier ones tell of.
func (l *listJudging) attribute(ctx context.Context) error {
	if l.base == nil || l.inc.List == nil {
		return nil
	}
	list := *l.inc.List
	for i := range l.earlier {
		was := &l.earlier[i]
		if was.List == nil {
			continue
		}
		if _, err := l.attributeTo(ctx, was, was.List); err != nil {
			return err
		}
		list.Before = max(list.Before, was.List.Judged)
	}
	brought, err := l.attributeTo(ctx, &l.inc, &list)
	switch {
	case err != nil || l.stored != nil:
		return err
	case brought:
		l.inc.OpenedAt = l.w.baseIncident(l.base).OpenedAt
	default:
		l.inc.Notes = appendOnce(l.inc.Notes, indirectNote(l.base.change))
	}
	return nil
}

// attributeTo does so for one incident, which tells of a growth of the list, and
// reports whether the record is of who made it. One that has an actor keeps it.
func (l *listJudging) attributeTo(ctx context.Context, inc *incident.Incident, list *incident.List) (bool, error) {
	if inc.Actor.Attributed {
		return false, nil
	}
	brought, err := l.brought(ctx, l.base.change.ListVersion, list)
	if err != nil || !brought {
		return false, err
	}
	base := l.w.baseIncident(l.base)
	inc.Actor, inc.APICall, inc.EventID = base.Actor, base.APICall, base.EventID
	return true, nil
}

// brought reports whether a version of the list has an entry of what was added
// that the version before had not. Where versions cannot be read any more, it is
// the one that was judged.
func (l *listJudging) brought(ctx context.Context, version int64, list *incident.List) (bool, error) {
	added := list.Removed
	if len(added) == 0 {
		added = list.Added
	}
	switch {
	case version <= list.Before || version > list.Judged:
		return false, nil
	case version == list.Judged && version == list.Before+1, len(added) == 0:
		return version == list.Judged, nil
	}
	is, err := l.w.cfg.Inventory.EntriesAt(ctx, l.id, version)
	var was []secgroup.ListEntry
	if err == nil && version > 1 {
		was, err = l.w.cfg.Inventory.EntriesAt(ctx, l.id, version-1)
	}
	if err != nil {
		return version == list.Judged, passing(err, l.id)
	}
	return slices.ContainsFunc(added, func(e secgroup.ListEntry) bool {
		return secgroup.HasEntry(is, e.Block) && !secgroup.HasEntry(was, e.Block)
	}), nil
}

// attributeLate writes the actor into incidents that were closed, and told,
// without one, where the record at hand is of who made them. Each is said in one
// message.
func (l *listJudging) attributeLate(ctx context.Context) error {
	if l.base == nil || l.base.change.ListVersion == 0 || l.base.change.Actor.ARN == "" || l.w.cfg.Closed == nil {
		return nil
	}
	for _, key := range sortedKeys(l.known.Removed) {
		id, ok := strings.CutPrefix(key, unattributedMark)
		if !ok {
			continue
		}
		inc, found := l.openIncident(id)
		if !found {
			var err error
			if inc, found, err = l.w.cfg.Closed(ctx, l.id, id); err != nil {
				return unreadable(err)
			}
		}
		if l.isCarriedOn(id) {
			continue // its own message, which is owed still, names them
		}
		if !found || inc.List == nil || slices.Contains(inc.Published, string(incident.Attributed)) {
			continue
		}
		brought, err := l.brought(ctx, l.base.change.ListVersion, inc.List)
		if err != nil {
			return err
		}
		if !brought {
			continue
		}
		base := l.w.baseIncident(l.base)
		inc.Actor, inc.APICall, inc.EventID = base.Actor, base.APICall, base.EventID
		if err := l.tellAgain(ctx, inc, incident.Attributed, false); err != nil {
			return err
		}
		if err := l.recall(ctx); err != nil {
			return err
		}
	}
	return nil
}
