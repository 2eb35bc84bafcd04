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

// attribute writes into an incident that has no actor who made it, if the record
// at hand is of a version that brought some of what was added.
func (l *listJudging) attribute(ctx context.Context) error {
	if l.base == nil || l.inc.List == nil || l.inc.Actor.Attributed {
		return nil
	}
	base := l.w.baseIncident(l.base)
	brought, err := l.brought(ctx, l.base.change.ListVersion, l.inc.List)
	switch {
	case err != nil:
		return err
	case brought:
		l.inc.Actor, l.inc.APICall, l.inc.EventID = base.Actor, base.APICall, base.EventID
		if l.stored == nil {
			l.inc.OpenedAt = base.OpenedAt
		}
	case l.stored == nil:
		l.inc.Notes = appendOnce(l.inc.Notes, indirectNote(l.base.change))
	}
	return nil
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
