package soak

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
)

// growth lets somebody open groups by the prefix list that they refer to. The first
// time the list is made, with what nobody minds, and groups let it in, and the guard
// sees that; then, and each time after, it gets a block that many mind. Now and then
// all is paused by then.
func (w *world) growth() {
	if w.docket.beforeAct || w.history.off {
		return // only what a record names is acted on, and no record names these rules
	}
	a := pickOf(w, actors)
	if w.history.offices == "" && !w.makeOffices(a) {
		return
	}
	if !w.history.paused && w.random.IntN(3) == 0 {
		if err := w.store.Operator().Pause(context.Background(), "", "a test"); err != nil {
			w.blame("harness", "pause: %v", err)
		}
		w.history.paused = true
		w.tally.Calls["operator: pause"]++
		w.say("operator pauses")
	}
	id := w.history.offices
	for range 1 + w.random.IntN(2) {
		block := netip.MustParsePrefix(pickOf(w, wideBlocks))
		next := w.history.entries(id)
		if !slices.Contains(next, block) { // else it only gets another description
			next = append(next, block)
		}
		w.modifyList(a, id, url.Values{"AddEntry.1.Cidr": {block.String()}}, next)
		if w.history.paused {
			w.hearAtOnce()
		}
	}
	if now := w.history.entries(id); w.history.paused && w.random.IntN(3) == 0 {
		left, last := now[:len(now)-1], now[len(now)-1]
		w.modifyList(a, id, url.Values{"RemoveEntry.1.Cidr": {last.String()}}, left)
		w.hearAtOnce()
	}
}

// hearAtOnce lets the guard judge the record of the last call, if it made one.
func (w *world) hearAtOnce() {
	if w.queue.made == nil {
		return
	}
	w.effects.plan = faultPlan{seen: newSeen()}
	w.tally.Ways["in order"]++
	w.judge("at once", []*message{w.queue.made})
}

// makeOffices makes a list of what nobody minds, and lets it into two groups, of which
// the guard hears.
func (w *world) makeOffices(a actor) bool {
	id, ok := w.createList(a, "offices", netip.MustParsePrefix("10.0.0.0/8"))
	if !ok {
		return false
	}
	w.history.offices = id
	flow := pickOf(w, []flowSpec{{"tcp", "22", "22"}, {"tcp", "22", "22"}, {"tcp", "80", "80"}})
	for _, group := range []string{webGroup, defaultGroup} {
		p := url.Values{"GroupId": {group}, "IpPermissions.1.PrefixListIds.1.PrefixListId": {id}}
		flow.put(p, "IpPermissions.1.")
		_, done := w.call(a, "AuthorizeSecurityGroupIngress", p)
		w.say("%s lets %s into %s on %s -> %v", who(a), id, group, flow.from, done)
	}
	w.effects.plan = faultPlan{seen: newSeen()}
	w.judgeLooks("sweep", webGroup, defaultGroup)
	return w.failure == nil
}

// modifyList makes one edit of a list; next is what it holds then.
func (w *world) modifyList(a actor, id string, p url.Values, next []netip.Prefix) {
	p.Set("PrefixListId", id)
	p.Set("CurrentVersion", strconv.Itoa(w.listVersion(id)))
	_, ok := w.call(a, "ModifyManagedPrefixList", p)
	if ok {
		w.history.lists[id] = next
		w.versions[id]++
		w.observe(a.arn)
	}
	w.say("%s ModifyManagedPrefixList %s to %v -> %v", who(a), id, next, ok)
}

// createList makes a list of one block; false = EC2 refused it.
func (w *world) createList(a actor, name string, block netip.Prefix) (id string, ok bool) {
	answer, ok := w.call(a, "CreateManagedPrefixList", url.Values{
		"PrefixListName": {name}, "AddressFamily": {"IPv4"}, "MaxEntries": {"4"}, "ClientToken": {"t"}, "Entry.1.Cidr": {block.String()},
	})
	w.say("%s CreateManagedPrefixList %s -> %v", who(a), block, ok)
	m := listIDs.FindStringSubmatch(answer)
	if !ok || m == nil {
		return "", false
	}
	w.history.listIDs = append(w.history.listIDs, m[1])
	w.history.lists[m[1]] = []netip.Prefix{block}
	return m[1], true
}
