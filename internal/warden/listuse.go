package warden

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// mostUses is how many groups are judged together for one list. Of a list that
// more refer to no entries are taken out: not every one of them is looked at.
const mostUses = 200

// listUse is one group that refers to a list.
type listUse struct {
	j    *judging // as far as it is evaluated; it never opens or applies anything
	old  map[int64][]secgroup.ListEntry
	gone bool // it does not exist, or refers to the list no more
}

// readUses reads the groups that refer to the list, and judges them as if what
// was added to it were theirs to answer for.
func (l *listJudging) readUses(ctx context.Context) error {
	l.uses, l.unclear, l.oldRefused = nil, nil, false
	var mu sync.Mutex
	old := map[int64][]secgroup.ListEntry{}
	err := l.forEach(l.groups[:min(len(l.groups), mostUses)], func(id string) error {
		u := &listUse{j: &judging{w: l.w, groupID: id, shared: l.shared, now: l.now}, old: map[int64][]secgroup.ListEntry{}}
		err := u.judge(ctx, l.list)
		if err != nil && mayPass(err) {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if err != nil { // its own judging tells; it must not hide the list from all others
			l.unclear = append(l.unclear, id)
			return nil
		}
		if !u.gone {
			l.uses = append(l.uses, u)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(l.uses, func(a, b *listUse) int { return compareIDs(a.j.groupID, b.j.groupID) })
	if l.list.OwnerID != l.w.cfg.Account || !l.list.Readable {
		return nil
	}
	for _, u := range l.uses {
		for _, v := range u.versions(l.id) {
			entries, read := old[v]
			if !read {
				entries, err = l.w.cfg.Inventory.EntriesAt(ctx, l.id, v)
				if passing(err, l.id) != nil {
					return err
				}
				if err != nil {
					entries, l.oldRefused = nil, l.oldRefused || errors.Is(err, incident.ErrDenied)
				}
				old[v] = entries
			}
			if entries != nil {
				u.old[v] = entries
			}
		}
	}
	return nil
}

// forEach does something for each group, as many side by side as are judged so.
func (l *listJudging) forEach(ids []string, do func(id string) error) error {
	if l.w.cfg.Judgings > 1 {
		return aside(ids, func(id string) (err error) {
			defer func() {
				if p := recover(); p != nil { // one group must not end the process
					l.w.panicked(context.Background(), id, p)
					err = fmt.Errorf("judge %s for %s: internal error", id, l.id)
				}
			}()
			return do(id)
		})
	}
	for _, id := range ids {
		if err := do(id); err != nil {
			return err
		}
	}
	return nil
}

// mayPass reports whether what could not be read of a group may be read later.
func mayPass(err error) bool {
	var down *ledgerError
	switch {
	case errors.As(err, &down), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.Is(err, incident.ErrThrottled), errors.Is(err, incident.ErrUnavailable), errors.Is(err, incident.ErrConflict), errors.Is(err, incident.ErrLeased):
		return true
	}
	return false
}

func compareIDs(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// unread are the groups that refer to the list and were not looked at.
func (l *listJudging) unread() int { return max(len(l.groups)-mostUses, 0) }

// judge evaluates the group with the list as it was read.
func (u *listUse) judge(ctx context.Context, list secgroup.ManagedList) error {
	j := u.j
	if err := j.recall(ctx); err != nil {
		return err
	}
	live, err := j.w.cfg.Inventory.Group(ctx, j.groupID)
	if errors.Is(err, incident.ErrGone) {
		u.gone = true
		return nil
	}
	if err != nil {
		return err
	}
	j.live, j.exists = j.w.normal(live), true
	j.bringBack()
	u.gone = true
	for i, r := range j.live.Rules {
		if p, ok := r.Peer.(secgroup.PrefixList); ok && p.ID == list.ID {
			j.live.Rules[i].Peer, u.gone = list.PrefixList, false
		}
	}
	if u.gone {
		return nil
	}
	if err := j.olderThanKnown(list.PrefixList); err != nil {
		return err
	}
	j.facts.Lists[list.ID] = list.PrefixList
	j.facts.TakeGrowth = true
	return j.evaluate(ctx)
}

// versions are those of the list with which its rules were in order.
func (u *listUse) versions(listID string) (all []int64) {
	for _, rv := range u.rules(listID) {
		if v, _, ok := u.j.mem.Known.Rules[rv.Rule.ID].InOrderAt(); ok && v.ID == listID && !slices.Contains(all, v.Version) {
			all = append(all, v.Version)
		}
	}
	return all
}

// rules are those that refer to the list.
func (u *listUse) rules(listID string) (all []policy.RuleVerdict) {
	for _, rv := range u.j.verdict.Rules {
		if p, ok := rv.Rule.Peer.(secgroup.PrefixList); ok && p.ID == listID {
			all = append(all, rv)
		}
	}
	return all
}
