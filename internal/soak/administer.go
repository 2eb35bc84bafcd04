package soak

import (
	"bytes"
	"context"
	"net/url"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// administer is what is done to the deployment as a whole.
func (w *world) administer(n int) {
	switch {
	case w.docket.fuse > 0 && w.random.IntN(2) == 0:
		w.stealth()
	case n < 47:
		w.undo()
	case n < 48:
		w.sweep()
	case n < 49 && !w.history.off:
		w.history.off = true
		w.tally.Calls["operator: pause --hard"]++
		w.say("operator turns the guard's trigger off")
	case w.history.off:
		w.turnOn()
	case len(w.queue.dead) == 0:
		w.growth()
	default:
		w.redrive()
	}
}

// stealth opens the same in several groups, of which no record ever comes, and a
// pass finds it: that presses the fuse.
func (w *world) stealth() {
	for _, group := range []string{defaultGroup, webGroup, dbGroup} {
		a, block := pickOf(w, actors), pickOf(w, wideBlocks)
		p := url.Values{"GroupId": {group}, "IpPermissions.1.IpRanges.1.CidrIp": {block}}
		flowSpec{"tcp", "22", "22"}.put(p, "IpPermissions.1.")
		_, ok := w.call(a, "AuthorizeSecurityGroupIngress", p)
		w.say("%s opens 22 from %s in %s, and the record is lost -> %v", who(a), block, group, ok)
		if ok {
			w.queue.drop(w.queue.made)
		}
	}
	w.effects.plan = faultPlan{seen: newSeen()}
	w.judgeLooks("sweep", defaultGroup, webGroup, dbGroup)
}

func (w *world) turnOn() {
	w.history.off = false
	w.tally.Calls["operator: resume --hard"]++
	w.say("operator turns the guard's trigger on")
}

// redrive moves the messages that failed too often back.
func (w *world) redrive() {
	if len(w.queue.dead) == 0 {
		return // at rest too
	}
	w.say("operator moves %d dead letters back", len(w.queue.dead))
	w.tally.Calls["operator: redrive"] += len(w.queue.dead)
	for _, m := range w.queue.dead {
		m.received, m.from = 0, w.clock()
		w.queue.waiting = append(w.queue.waiting, m)
	}
	w.queue.dead = nil
}

// sweep is a pass over all groups: it only reads, and asks the guard to look. It
// is not played where it would set the acts.
func (w *world) sweep() {
	if w.docket.beforeAct {
		return
	}
	w.effects.plan = faultPlan{seen: newSeen()}
	w.lapse()
	inv := inventory.New(w.client(guardKey))
	pass, err := warden.NewSweeper(w.guard, inv, w.store).Sweep(context.Background(), warden.Cursor{})
	if err != nil || !pass.Complete && pass.Counts.Vanished == 0 {
		w.say("a pass was not complete: %v %s", err, pass.Held)
		return
	}
	w.tally.Ways["pass"]++
	w.say("a pass over all groups asks for %v", pass.Counts.Enqueued)
	if len(pass.Counts.Marked) > 0 {
		w.blame("P1", "a pass marks %v though all acts are done", pass.Counts.Marked)
	}
}

// release ends what the fuse holds, as an operator does who has looked.
func (w *world) release() (released bool) {
	for key := range w.controls().Held {
		if err := w.store.Operator().Release(context.Background(), key, w.clock()); err != nil {
			w.blame("harness", "release: %v", err)
		}
		w.tally.Calls["operator: resume a policy"]++
		w.say("operator releases %s", key)
		w.history.unasked = map[string]time.Time{}
		released = true
	}
	return released
}

func (w *world) controls() incident.Controls {
	c, err := w.store.Controls(context.Background())
	if err != nil {
		w.blame("harness", "controls: %v", err)
	}
	return c
}

// holds are the laws that the fuse holds.
func (w *world) holds() map[string]bool {
	if w.docket.fuse == 0 {
		return nil
	}
	held := map[string]bool{}
	for _, p := range w.set.Policies {
		if _, ok := w.controls().Held[keyOf(p)]; ok {
			held[p.ID] = true
		}
	}
	return held
}

func keyOf(p *policy.Policy) string { return p.ID + "@" + p.Digest() }

// vagueFor is how long a damaged record excuses what is seen of its group: an
// hour by the fuse, and what a judging may take.
const vagueFor = time.Hour + 5*time.Minute

// tell notes the rules that messages about to be judged tell of: those that their
// calls set, what was made within the hour in a group that a fresh record speaks of,
// as its own record may be under way (0030), and all that stand in a group while a
// damaged record of it is fresh: that may have opened more than it can name.
func (w *world) tell(messages []*message) {
	now := w.clock()
	for _, m := range messages {
		for _, id := range m.sets {
			w.history.heard[id] = true
		}
		for _, group := range w.spokenOf(m) {
			if now.Sub(m.sent) >= time.Hour {
				break
			}
			for _, r := range w.history.live[group] {
				if now.Sub(w.history.rules[r.ID].born) < time.Hour {
					w.history.heard[r.ID] = true
				}
			}
		}
		for _, group := range m.vague {
			w.history.vague[group] = now
		}
	}
	for group, at := range w.history.vague {
		if now.Sub(at) >= vagueFor {
			continue
		}
		for _, r := range w.history.live[group] {
			w.history.heard[r.ID] = true
		}
	}
}

// spokenOf are the groups that a record names anywhere; none of a look.
func (w *world) spokenOf(m *message) (groups []string) {
	if m.isFile {
		return m.speaks
	}
	if isLook(m) {
		return nil
	}
	for _, group := range w.order {
		if bytes.Contains(m.body, []byte(group)) {
			groups = append(groups, group)
		}
	}
	return groups
}

// checkFuse holds a mutation against the fuse: within an hour no more groups are
// touched of which nothing at all told. A rule of a list may be its list's doing,
// and what is seen in a new group that of its maker.
func (w *world) checkFuse(ids []string) {
	if w.docket.fuse == 0 || !w.step.looks || w.step.blind {
		return
	}
	for _, id := range ids {
		past := w.history.rules[id]
		if past == nil || w.history.heard[id] || !isFirst(past.group) {
			return
		}
		if _, isList := past.values[len(past.values)-1].Peer.(secgroup.PrefixList); isList {
			return
		}
	}
	if len(ids) == 0 {
		return
	}
	now := w.clock()
	if now.Sub(w.released()) < time.Hour {
		return // who released it wants it so: nothing is counted
	}
	for group, at := range w.history.unasked {
		if now.Sub(at) >= time.Hour-time.Minute {
			delete(w.history.unasked, group)
		}
	}
	w.history.unasked[w.history.rules[ids[0]].group] = now
	w.tally.check("the fuse bounds what nobody asked for")
	if len(w.history.unasked) > w.docket.fuse {
		w.blame("fuse", "%d groups were touched within an hour though nothing told of it", len(w.history.unasked))
	}
}

// released is when a hold was ended last; zero = never.
func (w *world) released() (last time.Time) {
	for _, c := range w.controls().Fuse.Counts {
		if c.Released.After(last) {
			last = c.Released
		}
	}
	return last
}

// isFirst reports whether a group is as old as the episode.
func isFirst(group string) bool {
	return group == defaultGroup || group == webGroup || group == dbGroup
}
