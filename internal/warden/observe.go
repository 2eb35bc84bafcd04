package warden

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	statusOpen   = "open"
	statusClosed = "closed"

	// leaseWait is how long the holder of a group's lease is waited for.
	leaseWait = 2 * time.Second
	leasePoll = 250 * time.Millisecond

	// visibleAfter is the age from which EC2 is taken to show what a call did.
	visibleAfter = time.Minute
)

// sightings are the waits before a group is looked at again for what a young
// event did: three times in five seconds.
var sightings = []time.Duration{time.Second, 1500 * time.Millisecond, 2500 * time.Millisecond}

// maxSightings bounds the judgings of one task: each sighting may lead to one.
const maxSightings = 4

// observe reads the ledger and then the group. In this order: what is written
// later on condition of the item's version must rest on a newer group.
// settled is true where nothing is left to judge.
func (j *judging) observe(ctx context.Context) (settled bool, err error) {
	if err := j.recall(ctx); err != nil {
		return false, err
	}
	if j.ownCalls() && len(j.mem.Open) == 0 {
		return true, nil
	}
	if settled, err := j.awaitLease(ctx); err != nil || settled {
		return settled, err
	}
	if j.allRemoved() {
		return true, j.completeRemoved(ctx)
	}
	j.live, err = j.w.cfg.Inventory.Group(ctx, j.groupID)
	if errors.Is(err, incident.ErrGone) {
		j.exists, j.live = false, secgroup.Group{ID: j.groupID}
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", j.groupID, err)
	}
	j.live, j.exists, j.now = j.w.normal(j.live), true, j.w.now()
	j.bringBack()
	j.takeUpRestored()
	return false, nil
}

// awaitLease waits for whoever else is judging the group. settled is true where
// only own calls are left, seen before their judging ended.
func (j *judging) awaitLease(ctx context.Context) (settled bool, err error) {
	for waited := time.Duration(0); j.leased(); waited += leasePoll {
		if j.undecided() == 0 {
			return true, nil
		}
		if waited >= leaseWait {
			return false, fmt.Errorf("judge %s: %w", j.groupID, incident.ErrLeased)
		}
		if err := j.w.cfg.Sleep(ctx, leasePoll); err != nil {
			return false, fmt.Errorf("wait for the lease of %s: %w", j.groupID, err)
		}
		if err := j.recall(ctx); err != nil {
			return false, err
		}
		// The journal of the judging that ended may have the call: CreateTags
		// is in no plan by which it could be known before.
		if j.ownCalls() && len(j.mem.Open) == 0 {
			return true, nil
		}
	}
	return false, nil
}

// rules reads the rules of the group alone, or those of these ids.
func (j *judging) rules(ctx context.Context, ids ...string) ([]secgroup.Rule, error) {
	rules, err := j.w.cfg.Inventory.Rules(ctx, j.groupID, ids...)
	return j.w.normalRules(rules, j.live.AccountID), err
}

// normal writes references to groups of the own account as the ledger keeps
// them: EC2 and records name the account of some, and not of others.
func (w *Warden) normal(g secgroup.Group) secgroup.Group {
	g.Rules = w.normalRules(g.Rules, g.AccountID)
	return g
}

func (w *Warden) normalRules(rules []secgroup.Rule, account string) []secgroup.Rule {
	out := make([]secgroup.Rule, 0, len(rules))
	for _, r := range rules {
		out = append(out, ownReference(r, orOther(account, w.cfg.Account)))
	}
	return out
}

func ownReference(r secgroup.Rule, account string) secgroup.Rule {
	if ref, ok := r.Peer.(secgroup.GroupReference); ok && ref.AccountID != "" && ref.AccountID == account {
		ref.AccountID = ""
		r.Peer = ref
	}
	return r
}

// recall reads what the ledger knows of the group.
func (j *judging) recall(ctx context.Context) error {
	mem, err := j.w.cfg.Ledger.Observe(ctx, j.groupID)
	if err != nil {
		return unreadable(err)
	}
	j.mem, j.version, j.now, j.recalled = mem, mem.Known.Version, j.w.now(), true
	j.facts = j.factsOf(mem.Controls)
	j.w.pageStale(ctx, mem.Controls)
	j.w.pageFuse(ctx, mem.Controls.Held, mem.Controls.Fuse.Counts)
	// An incident of a stale ledger gives no right to act, nor one that is over.
	j.mem.Known.OpenIncidents = slices.DeleteFunc(slices.Clone(mem.Known.OpenIncidents), func(id string) bool {
		return slices.ContainsFunc(mem.Open, func(i incident.Incident) bool { return i.ID == id && (j.isStale(i) || owesOnly(i)) })
	})
	return nil
}

func (j *judging) leased() bool {
	l := j.mem.Lease
	return l.Holder != "" && l.Holder != j.holder && l.Until.After(j.now)
}

func (j *judging) undecided() int {
	n := 0
	for _, r := range j.records {
		if !r.decided {
			n++
		}
	}
	return n
}

// factsOf picks from the controls what holds for the policies of this set.
func (j *judging) factsOf(c incident.Controls) policy.Facts {
	f := policy.Facts{Acts: map[string]policy.Act{}, Stamp: c.Stamp, Paused: c.Paused, Held: map[string]string{}, Lists: map[string]secgroup.PrefixList{}}
	f.Stale = c.Stale(j.now)
	for _, p := range j.w.cfg.Set.Policies {
		if len(c.Acts) == 0 {
			break // before the first act no digest need be made
		}
		if act, ok := c.Act(actKey(p), j.groupID); ok {
			f.Acts[p.ID] = act
		}
	}
	if len(c.Adopted) > 0 {
		f.Adopted = j.w.adopted(c)
	}
	for _, p := range j.w.cfg.Set.Policies {
		if len(c.Held) == 0 {
			break
		}
		if hold, held := c.Held[actKey(p)]; held {
			f.Held[p.Digest()] = heldByFuse + hold.Reason
		}
	}
	return f
}

// actKey names the baseline act of a policy as it is now.
func actKey(p *policy.Policy) string { return p.ID + "@" + p.Digest() }

// adopted is when the marks of each policy were given up; policies whose marks
// never were are not in it.
func (w *Warden) adopted(c incident.Controls) map[string]time.Time {
	out := map[string]time.Time{}
	for _, p := range w.cfg.Set.Policies {
		when := c.Adopted[incident.EveryPolicy]
		if own := c.Adopted[p.ID]; own.After(when) {
			when = own
		}
		if !when.IsZero() {
			out[p.ID] = when
		}
	}
	return out
}

// awaitNamed waits until EC2 shows what a young event of this judging names,
// and is true where it does now: then the group is judged again. Records that
// stay unseen come again.
func (j *judging) awaitNamed(ctx context.Context) bool {
	for _, wait := range sightings {
		if len(j.unseen()) == 0 {
			return false
		}
		deadline, ok := ctx.Deadline()
		if ok && deadline.Sub(j.w.now()) < wait+2*deadlineMargin {
			return false
		}
		if j.w.cfg.Sleep(ctx, wait) != nil {
			return false
		}
		rules, err := j.rules(ctx)
		if err != nil {
			continue
		}
		for _, r := range j.unseen() {
			for _, n := range r.named() {
				if _, ok := findNamed(n, rules); ok && !j.hasSeen(n) {
					return true
				}
			}
		}
		if !j.exists && len(rules) > 0 {
			return true
		}
	}
	return false
}

// unseen are the young records that name a rule which EC2 does not show with
// that value, though nothing explains why it should not.
func (j *judging) unseen() []*record {
	var out []*record
	for _, r := range j.records {
		if r.decided || !r.young(j.w.now()) {
			continue
		}
		if !j.exists && r.change.Effect != secgroup.Asks && !j.deletedHere() && !j.allExplained(r) {
			out = append(out, r)
			continue
		}
		for _, n := range r.named() {
			if !j.hasSeen(n) && !j.explained(r, n) {
				out = append(out, r)
				break
			}
		}
	}
	return out
}

// hasSeen reports whether the named rule was live with its value when this
// judging looked, be it that we have changed it since.
func (j *judging) hasSeen(n secgroup.NamedRule) bool {
	if _, ok := findNamed(n, j.live.Rules); ok {
		return true
	}
	for _, e := range j.done {
		if isNamed(n, e.rule) {
			return true
		}
	}
	return false
}

// explained reports whether the ledger or another record of the batch says why
// a named rule is not there: a later event on it, our own removal, a Revoke.
func (j *judging) explained(r *record, n secgroup.NamedRule) bool {
	for key, gone := range j.mem.Known.Removed {
		if concernsNamed(key, gone, n) && (!gone.At.Before(r.change.EventTime) || gone.IncidentID != "" && key == n.Rule.ID) {
			return true
		}
	}
	if known, ok := j.mem.Known.Rules[n.Rule.ID]; ok && known.By != nil && known.By.EventTime.After(r.change.EventTime) {
		return true
	}
	for _, other := range j.records {
		if other == r || other.change.EventTime.Before(r.change.EventTime) {
			continue
		}
		if other.change.Effect == secgroup.Narrows && takes(other.change, n) || other.change.EventTime.After(r.change.EventTime) && renames(other, n) {
			return true
		}
	}
	return false
}

// allExplained reports whether a record names rules, and of each is known why
// it is not there: then it does not matter whether the group is visible yet,
// unless something is open about it that must not end too early.
func (j *judging) allExplained(r *record) bool {
	named := r.named()
	return len(named) > 0 && len(j.mem.Open) == 0 && !slices.ContainsFunc(named, func(n secgroup.NamedRule) bool { return !j.explained(r, n) })
}

// concernsNamed reports whether an entry of Known.Removed is about the named
// rule: under its id, under its id and a time (changed in place), or, for a
// rule without id, under any key with its value.
func concernsNamed(key string, gone policy.RemovedRule, n secgroup.NamedRule) bool {
	if n.Rule.ID == "" {
		return n.HasValue && gone.Value == n.Rule.Value()
	}
	return key == n.Rule.ID || strings.HasPrefix(key, n.Rule.ID+inPlaceMark) || n.HasValue && key == n.Rule.Value()
}

// takes reports whether a Revoke took the named rule, or does not say what it
// took.
func takes(c secgroup.Change, n secgroup.NamedRule) bool {
	if len(c.Rules) == 0 {
		return true
	}
	for _, gone := range c.Rules {
		if gone.Rule.ID != "" && gone.Rule.ID == n.Rule.ID || gone.HasValue && n.HasValue && gone.Rule.SameValue(n.Rule) {
			return true
		}
	}
	return false
}

// renames reports whether another record gives the rule another value.
func renames(r *record, n secgroup.NamedRule) bool {
	for _, other := range r.named() {
		if other.Rule.ID != "" && other.Rule.ID == n.Rule.ID {
			return true
		}
	}
	return false
}

// deletedHere reports whether a record of this batch deleted the group.
func (j *judging) deletedHere() bool {
	for _, r := range j.records {
		if r.change.EventName == "DeleteSecurityGroup" {
			return true
		}
	}
	return false
}
