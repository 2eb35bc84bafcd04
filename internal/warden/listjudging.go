package warden

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// listEnd is what became of one version of a prefix list.
type listEnd struct {
	version int64  // that was judged
	digest  string // of its entries
	// outcome is that of the list's incident; 0 = no rule violates by what was
	// added, or each is dealt with in its group.
	outcome incident.Outcome
	reason  string
	doc     incident.Incident
	story   *Story
	// edited is true where the list holds something else by now: what was judged
	// on its entries is to be judged again.
	edited  bool
	unclear []string // groups that could not be read
	lacking bool     // what could not be read may be another time: it is asked for again
	owing   bool     // a sink is to be told with the next delivery
	retry   bool
}

// listAsk is what leads to the judging of a list.
type listAsk struct {
	base   *record  // of the call on the list; nil = a group's judging met it
	groups []string // that refer to it; nil = they are to be found
	// digest is that of the entries that a group was met with that violates by them;
	// "" = there is none.
	digest   string
	incident string // that an own message asks about; "" = none
	tries    int    // how often what asks was received
}

// listJudging is one prefix list being judged for all the groups that refer to
// it: what was added is the list's to answer for, in one incident, under the
// list's own key of the ledger. Its stages are those of a group's judging.
type listJudging struct {
	w  *Warden
	id string
	listAsk
	holder string
	shared *batchFacts

	mem     incident.Memory
	known   policy.Known
	version int64 // of the item
	now     time.Time
	list    secgroup.ManagedList
	uses    []*listUse
	unclear []string // groups that may refer to it, and could not be read
	// oldRefused is true where earlier entries of the list may not be read.
	oldRefused bool

	edit    plan.EditList
	why     string // why there is none, or not for all
	lacking bool   // the reason is that something could not be read now
	later   bool   // there will be one, once nothing waits or is held any more
	inc     incident.Incident
	stored  *incident.Incident  // the incident as it stands open in the ledger; nil = it is new
	earlier []incident.Incident // that are open beside it, of what was added before
	debts   []incident.Incident // that are over, and told: sinks lack the message
	owing   bool                // a sink is to be told with the next delivery
	last    bool                // it is not judged again at once
	journal []incident.Journal
}

// judgeList judges a list for all the groups that refer to it: once in a batch for
// all groups that were met with the same entries.
func (w *Warden) judgeList(ctx context.Context, shared *batchFacts, id string, ask listAsk) (listEnd, error) {
	court := courtOf(shared, id)
	if err := court.enter(ctx); err != nil {
		return listEnd{}, err
	}
	defer court.leave()
	if court.last != nil && ask.base == nil && court.last.digest == ask.digest {
		return *court.last, nil
	}
	end, err := w.listJudging(shared, id, ask).judge(ctx)
	if err == nil {
		court.last = &end
	}
	return end, err
}

func (w *Warden) listJudging(shared *batchFacts, id string, ask listAsk) *listJudging {
	return &listJudging{w: w, id: id, listAsk: ask, shared: shared, holder: fmt.Sprintf("%s/%d", w.cfg.HolderID, w.number.Add(1))}
}

// judge judges the list as it is now, again from the start if another changed
// it, or its item, meanwhile.
func (l *listJudging) judge(ctx context.Context) (end listEnd, err error) {
	for n := 0; ; n++ {
		l.last = n == len(sightings)
		end, err = l.judgeOnce(ctx)
		if !errors.Is(err, incident.ErrConflict) || n == len(sightings) {
			return end, err
		}
		if slept := l.pause(ctx, sightings[n]); slept != nil {
			return end, err
		}
	}
}

func (l *listJudging) pause(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(l.w.now()) < d+2*deadlineMargin {
		return context.DeadlineExceeded
	}
	return l.w.cfg.Sleep(ctx, d)
}

func (l *listJudging) judgeOnce(ctx context.Context) (listEnd, error) {
	if err := l.observe(ctx); err != nil {
		return listEnd{}, err
	}
	if err := l.attributeLate(ctx); err != nil {
		return listEnd{}, err
	}
	if err := l.decide(ctx); err != nil {
		return listEnd{}, err
	}
	if done, end, err := l.isOver(ctx); done || err != nil {
		if err != nil {
			return listEnd{}, err
		}
		if err := l.noteAsked(ctx); err != nil {
			return listEnd{}, err
		}
		return l.payOnly(ctx, end)
	}
	if err := l.askAgain(ctx); err != nil {
		return listEnd{}, err
	}
	if err := l.open(ctx, l.inc); err != nil {
		return listEnd{}, err
	}
	if err := l.act(ctx); err != nil {
		return listEnd{}, err
	}
	err := l.tell(ctx)
	return l.end(), err
}

// observe reads the ledger, then the list, then the groups.
func (l *listJudging) observe(ctx context.Context) (err error) {
	if err := l.recall(ctx); err != nil {
		return err
	}
	if err := l.read(ctx); err != nil {
		return err
	}
	if l.groups == nil {
		if l.groups, err = l.w.concernedGroups(ctx, secgroup.Change{ListIDs: []string{l.id}}); err != nil {
			return err
		}
	}
	return l.readUses(ctx)
}

// recall reads what the ledger has of the list, and waits for whoever is at it.
func (l *listJudging) recall(ctx context.Context) (err error) {
	for waited := time.Duration(0); ; waited += leasePoll {
		if l.mem, err = l.w.cfg.Ledger.Observe(ctx, l.id); err != nil {
			return unreadable(err)
		}
		l.known, l.version, l.now = l.mem.Known, l.mem.Known.Version, l.w.now()
		l.known.Exists, l.known.Removed = true, keepMarks(l.known.Removed, l.now)
		l.takeUp()
		lease := l.mem.Lease
		if lease.Holder == "" || lease.Holder == l.holder || !lease.Until.After(l.now) {
			return nil
		}
		if waited >= leaseWait {
			return fmt.Errorf("judge %s: %w", l.id, incident.ErrLeased)
		}
		if err := l.w.cfg.Sleep(ctx, leasePoll); err != nil {
			return fmt.Errorf("wait for the lease of %s: %w", l.id, err)
		}
	}
}

// read reads the list. While a change is under way it may still be shown as it
// was, and takes no other: that is waited for, for some seconds.
func (l *listJudging) read(ctx context.Context) (err error) {
	for n := 0; ; n++ {
		if l.list, err = l.w.cfg.Inventory.Managed(ctx, l.id); err != nil {
			return err
		}
		older := l.base != nil && l.list.Version < l.base.change.ListVersion && l.base.young(l.w.now())
		if l.list.Changing == "" && !older || n == len(sightings) || l.pause(ctx, sightings[n]) != nil {
			return nil
		}
	}
}

// decide says what is to become of the list.
func (l *listJudging) decide(ctx context.Context) error {
	l.edit, l.why, l.later, l.lacking = plan.EditList{}, "", false, false
	if l.violating() == 0 {
		return nil
	}
	edit, why := l.takeOut(l.w.cfg.Set, false)
	isLater := edit.IsEmpty() && l.willAct()
	if isLater {
		edit, why = l.takeOut(l.w.cfg.Set, true)
	}
	if edit.IsEmpty() {
		if l.why, l.lacking = why, l.oldRefused; l.lacking {
			l.why += "; earlier entries of it could not be read"
		}
		return nil
	}
	other, err := l.otherUsers(ctx)
	switch {
	case err != nil:
		return err
	case other != "":
		l.why = other
	case isLater:
		l.later = true
	default:
		l.edit, l.why = edit, why
	}
	return nil
}

// takeOut is the edit that takes out again what was added, and why there is none;
// or later, once nothing waits or is held.
func (l *listJudging) takeOut(set *policy.Set, later bool) (plan.EditList, string) {
	switch {
	case l.list.OwnerID == "AWS":
		return plan.EditList{}, "the list is AWS's own"
	case l.list.OwnerID != l.w.cfg.Account:
		return plan.EditList{}, "the list is of account " + l.list.OwnerID
	case l.list.Synced:
		return plan.EditList{}, "an IPAM resolver fills the list, so that its entries cannot be edited"
	case l.unread() > 0:
		return plan.EditList{}, fmt.Sprintf("%d groups refer to it, which are too many to be judged together: %d were not looked at", len(l.groups), l.unread())
	case set == l.w.cfg.Set && l.w.cfg.Mode == policy.Enforce && !l.w.cfg.Limits.MayEditLists:
		return plan.EditList{}, "the role may not edit lists"
	}
	task := plan.ListTask{Set: set, List: l.list, Old: map[int64][]secgroup.ListEntry{}, Later: later}
	for _, u := range l.uses {
		task.Uses = append(task.Uses, u.j.input())
		for version, entries := range u.old {
			task.Old[version] = entries
		}
	}
	return task.TakeOut()
}

// otherUsers says who else uses the list, beside the rules that were judged: an
// edit would reach them too. "" = nobody.
func (l *listJudging) otherUsers(ctx context.Context) (string, error) {
	users, err := l.w.cfg.Inventory.ListUsers(ctx, l.id)
	if err != nil {
		if passing(err, l.id) == nil {
			l.lacking = errors.Is(err, incident.ErrDenied)
			return "who else uses the list could not be read: " + refused(err), nil
		}
		return "", err
	}
	for _, u := range users {
		if slices.Contains(l.unclear, u.ID) {
			l.lacking = true
			return u.ID + " refers to it, and could not be read", nil
		}
		if !slices.Contains(l.groups, u.ID) {
			return fmt.Sprintf("%s of account %s uses the list too", shorten(u.ID), orOther(shorten(u.OwnerID), "unknown")), nil
		}
	}
	return "", nil
}

// open writes what is about to be done, before it is, and what of the open
// incidents is over. The others stay as they are.
func (l *listJudging) open(ctx context.Context, incidents ...incident.Incident) error {
	opening := incident.Opening{GroupID: l.id, Version: l.mem.Known.Version, Known: l.known, Incidents: incidents, Now: l.w.now()}
	opening.Lease = incident.Lease{Holder: l.holder, Until: opening.Now.Add(l.w.cfg.Lease)}
	version, err := l.w.cfg.Ledger.Open(ctx, opening)
	if err != nil {
		return outpaced(unwritable(err))
	}
	l.version = version
	return nil
}
