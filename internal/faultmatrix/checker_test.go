package faultmatrix

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// checker holds what guard says and does against the state itself.
type checker struct {
	w *world

	mu        sync.Mutex
	failures  []string
	untouched map[string]map[string]secgroup.Rule // group id -> rule id -> rule: what nobody may touch
	due       map[string]map[string]secgroup.Rule // likewise: what must not stand
	messages  []incident.Incident
	sent      map[string]int // by incident and event type
	read      int            // messages of the topic so far
	before    int            // messages of the topic before it began
}

func (c *checker) failf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, fmt.Sprintf(format, args...))
}

// changes reports whether an outcome is that of a rule that guard changed.
func changes(outcome string) bool {
	o, err := incident.ParseOutcome(outcome)
	return err == nil && o.Changed()
}

// begin remembers the state that the faulty delivery meets.
func (c *checker) begin() {
	c.untouched, c.due = map[string]map[string]secgroup.Rule{}, map[string]map[string]secgroup.Rule{}
	for name, id := range c.w.groups {
		c.untouched[id], c.due[id] = map[string]secgroup.Rule{}, map[string]secgroup.Rule{}
		for _, r := range c.w.group(name).Rules {
			if changes(c.w.sc.ends[name+" "+r.String()]) {
				c.due[id][r.ID] = r
			} else {
				c.untouched[id][r.ID] = r
			}
		}
	}
	c.read = len(c.w.cloud.Published())
	c.before = c.read
}

// live gives the rules of a group by id; false where there is no group.
func (c *checker) live(groupID string) (map[string]secgroup.Rule, bool) {
	g, ok := c.w.at.Group(groupID)
	rules := map[string]secgroup.Rule{}
	for _, r := range g.Rules {
		rules[r.ID] = r
	}
	return rules, ok
}

// afterMutation holds that no call touched what is nobody's to touch, or
// closed what is to be kept.
func (c *checker) afterMutation(call localaws.Call) {
	for id, rules := range c.untouched {
		live, ok := c.live(id)
		for ruleID, was := range rules {
			is, there := live[ruleID]
			if ok && (!there || !is.SameValue(was) || !maps.Equal(is.Tags, was.Tags)) {
				c.failf("%s touched %s of %s", call, was, c.w.nameOf(id))
			}
		}
	}
	for id, want := range c.w.sc.lists {
		for _, entry := range want {
			if got := c.w.entries(id); !slices.Contains(got, entry) {
				c.failf("%s took %s out of %s, which holds %v", call, entry, id, got)
			}
		}
	}
	if c.w.faults.refusesNarrowing() {
		return
	}
	for name, texts := range c.w.sc.keep {
		var open, kept secgroup.Region
		for _, r := range c.w.group(name).Rules {
			open = open.Union(r.Region())
		}
		for _, text := range texts {
			kept = kept.Union(c.w.parse(text).Region())
		}
		if !open.Covers(kept) {
			c.failf("%s closed a part of %s that is to be kept: open is %v", call, name, c.w.texts(name))
		}
	}
}

// refusesNarrowing reports whether a cell takes narrowing away, for a time: EC2
// refuses it or does nothing, or the ledger is down, when only revokes are
// safe. What needs it is then revoked as a whole, which is said.
func (f *faults) refusesNarrowing() bool {
	return slices.ContainsFunc(f.cells, func(c cell) bool {
		return c.at.service == localaws.DynamoDB && c.fault != "" ||
			c.at.service == localaws.EC2 && (c.fault == localaws.AccessDenied || c.fault == localaws.Swallowed)
	})
}

// afterPublish holds what was just said against the state.
func (c *checker) afterPublish() {
	all := c.w.cloud.Published()
	c.mu.Lock()
	fresh := all[c.read:]
	c.read = len(all)
	c.mu.Unlock()
	for _, m := range fresh {
		var i incident.Incident
		if err := json.Unmarshal([]byte(m.For("sqs")), &i); err != nil {
			c.failf("a message is no incident: %s", err)
			continue
		}
		c.checkClaims("the message "+string(i.EventType), i)
		c.mu.Lock()
		c.messages = append(c.messages, i)
		c.sent[i.ID+" "+string(i.EventType)]++
		c.mu.Unlock()
	}
}

// checkClaims holds every reverted, narrowed or tagged against the live rules.
func (c *checker) checkClaims(what string, i incident.Incident) {
	if i.List != nil {
		for _, e := range i.List.Removed {
			if i.Outcome.Changed() && slices.Contains(c.w.entries(i.List.ID), e.Block.String()) {
				c.failf("%s says %s, and %s is in the list", what, i.Outcome, e.Block)
			}
		}
		return
	}
	live, exists := c.live(i.GroupID)
	for _, r := range i.Rules {
		if !r.Outcome.Changed() || r.Before == nil {
			continue
		}
		is, there := live[r.ID]
		bad := ""
		switch {
		case r.Outcome == incident.Tagged:
			if !there || !c.tagged(is) {
				bad = "no tag is on it"
			}
		case there && is.SameValue(*r.Before):
			bad = "it stands"
		case exists:
			for _, after := range r.After {
				if !slices.ContainsFunc(slices.Collect(maps.Values(live)), after.SameValue) {
					bad = after.String() + " is not there"
				}
			}
		}
		if bad != "" {
			c.failf("%s says %s of %s: %s", what, r.Outcome, r.Before, bad)
		}
	}
}

// afterDelivery holds that what is acknowledged is done, and that what is
// written is true.
func (c *checker) afterDelivery() {
	if c.due == nil {
		return // the start of the scenario
	}
	for id, want := range c.w.sc.lists {
		for _, i := range c.written(id) {
			c.checkClaims("the incident of "+id, i)
		}
		if got := c.w.entries(id); !slices.Equal(got, want) && !c.anyComesAgain() && !c.w.mayNotRead() {
			c.failf("%s holds %v, not %v, and nothing comes again for it", id, got, want)
		}
	}
	for _, id := range c.w.groups {
		for _, i := range c.written(id) {
			c.checkClaims("the incident of "+c.w.nameOf(id), i)
		}
		live, _ := c.live(id)
		for ruleID, was := range c.due[id] {
			if is, ok := live[ruleID]; ok && is.SameValue(was) && !c.tagged(is) && !c.comesAgain(id) && !c.w.sweepNeeded() && !c.w.unreadable() {
				c.failf("%s of %s stands, and nothing comes again for it", was, c.w.nameOf(id))
			}
		}
	}
}

func (c *checker) tagged(r secgroup.Rule) bool { return r.Tags[plan.TagKey] != "" }

// comesAgain reports whether the queue holds a message about the group that is
// not only about guard's own calls.
func (c *checker) comesAgain(groupID string) bool {
	return slices.ContainsFunc(c.w.cloud.Queued(), func(m localaws.Queued) bool {
		return strings.Contains(m.Body, groupID) && !strings.Contains(m.Body, `"accessKeyId":"`+guardKey+`"`)
	})
}

// anyComesAgain reports whether the queue holds a message about a list, or about
// a group, which may be judged by a list.
func (c *checker) anyComesAgain() bool {
	return slices.ContainsFunc(slices.Concat(slices.Collect(maps.Values(c.w.groups)), slices.Collect(maps.Keys(c.w.sc.lists))), c.comesAgain)
}

// written are the closed and open incidents of a group.
func (c *checker) written(groupID string) []incident.Incident {
	var all []incident.Incident
	for _, e := range c.history(groupID) {
		all = append(all, e.Incident)
	}
	return append(all, c.memory(groupID).Open...)
}

func (c *checker) history(groupID string) []ledger.Entry {
	h, err := c.w.table.History(context.Background(), groupID)
	if err != nil {
		c.failf("read history: %s", err)
	}
	return h
}

func (c *checker) memory(groupID string) incident.Memory {
	m, err := c.w.table.Observe(context.Background(), groupID)
	if err != nil {
		c.failf("read item: %s", err)
	}
	return m
}

// end holds the state in the end against what the scenario wants.
func (c *checker) end() {
	ends := c.w.sc.ends
	if got := c.rulesOf(c.w.sc.want); !equalRules(got, c.w.sc.want) {
		i := slices.IndexFunc(c.w.sc.orElse, func(e ending) bool { return equalRules(got, e.want) })
		if i >= 0 && c.w.faults.refusesNarrowing() {
			ends = c.w.sc.orElse[i].ends
			if slices.Contains(slices.Collect(maps.Values(ends)), "reverted") {
				c.checkExcuse()
			}
		} else {
			c.failf("rules are %v, not %v", got, c.w.sc.want)
		}
	}
	c.checkDoubles()
	for id, want := range c.w.sc.lists {
		c.checkList(id, want)
	}
	for _, id := range slices.Concat(slices.Collect(maps.Values(c.w.groups)), slices.Collect(maps.Keys(c.w.sc.lists))) {
		m := c.memory(id)
		for _, i := range m.Open {
			c.failf("the incident of %s is still open: %s %s", c.w.nameOf(id), i.Outcome, i.Reason)
		}
		if err := ledger.VerifyChain(c.history(id), m.ChainHead); err != nil {
			c.failf("the chain of %s: %s", c.w.nameOf(id), err)
		}
	}
	for rule, outcome := range ends {
		c.checkEnd(rule, outcome)
	}
}

// checkList holds that a list has lost what was added, in one closed incident,
// or that it was told why not: EC2 refused to tell of it, or to edit it.
func (c *checker) checkList(id string, want []string) {
	outcome := incident.Reverted
	if got := c.w.entries(id); !slices.Equal(got, want) {
		if !c.w.mayNotRead() {
			c.failf("%s holds %v, not %v", id, got, want)
		}
		outcome = incident.Alerted
	}
	if !slices.ContainsFunc(c.messages, func(i incident.Incident) bool { return i.List != nil && i.Outcome == outcome }) {
		c.failf("%s is %s, and nobody was told: %v", id, outcome, c.told())
	}
	var ended []string
	last := ""
	for _, e := range c.history(id) {
		if e.Incident.ID == last { // a later record told who made it
			ended = ended[:len(ended)-1]
		}
		ended, last = append(ended, e.Incident.Outcome.String()), e.Incident.ID
	}
	if c.w.mayNotRead() { // alerted first, until it could be read
		ended = ended[max(0, len(ended)-1):]
	}
	if !slices.Equal(ended, []string{outcome.String()}) {
		c.failf("the incidents of %s ended %v, not %s", id, ended, outcome)
	}
}

// checkExcuse holds that it was told why a rule was revoked in place of being
// narrowed or put back.
func (c *checker) checkExcuse() {
	for _, i := range c.messages {
		if i.Outcome == incident.Reverted && i.Fallback != "" || strings.Contains(i.Reason, "ledger-down") {
			return
		}
	}
	c.failf("it was revoked as a whole, and nobody was told why: %v", c.told())
}

func (c *checker) rulesOf(want map[string][]string) map[string][]string {
	got := map[string][]string{}
	for name := range want {
		got[name] = c.w.texts(name)
	}
	return got
}

func equalRules(got, want map[string][]string) bool {
	return maps.EqualFunc(got, want, func(a, b []string) bool {
		return (a == nil) == (b == nil) && slices.Equal(a, slices.Sorted(slices.Values(b)))
	})
}

// checkDoubles allows no message twice but those whose sending, or the note of
// it, was lost.
func (c *checker) checkDoubles() {
	doubles := 0
	for _, n := range c.sent {
		doubles += n - 1
	}
	if doubles > c.w.faults.doubles {
		c.failf("%d messages were sent twice, and %d could have been: %v", doubles, c.w.faults.doubles, c.told())
	}
}

// checkEnd holds that a rule is in one closed incident, with its outcome, and
// that it was told.
func (c *checker) checkEnd(rule, outcome string) {
	name, text, _ := strings.Cut(rule, " ")
	byID := map[string]incident.Incident{}
	for _, e := range c.history(c.w.groups[name]) {
		if slices.ContainsFunc(e.Incident.Rules, func(r incident.Rule) bool {
			return r.Before != nil && r.Before.String() == text && !c.seenAgain(r)
		}) {
			byID[e.Incident.ID] = e.Incident
		}
	}
	if len(byID) != 1 {
		c.failf("%s is in %d closed incidents", rule, len(byID))
	}
	for _, i := range byID {
		for _, r := range i.Rules {
			if r.Before != nil && r.Before.String() == text && r.Outcome.String() != outcome && !c.seenAgain(r) {
				c.failf("%s ended %s (%s), not %s", rule, r.Outcome, r.Reason, outcome)
			}
		}
	}
	told := slices.ContainsFunc(c.messages, func(i incident.Incident) bool {
		return slices.ContainsFunc(i.Rules, func(r incident.Rule) bool {
			return r.Before != nil && r.Before.String() == text && r.Outcome.String() == outcome && i.GroupID == c.w.groups[name]
		})
	})
	if !told && outcome != "gone" {
		c.failf("%s ended %s, and nobody was told: %v", rule, outcome, c.told())
	}
}

// seenAgain reports whether a rule's end is only that a stale read showed it
// once more: a second look finds it gone.
func (c *checker) seenAgain(r incident.Rule) bool {
	return r.Outcome == incident.AlreadyCompliant &&
		slices.ContainsFunc(c.w.faults.cells, func(cell cell) bool { return cell.fault == localaws.StaleRead })
}

// placeOf names what an incident is about.
func (c *checker) placeOf(i incident.Incident) string {
	if i.List != nil {
		return i.List.ID
	}
	return c.w.nameOf(i.GroupID)
}

// told are the messages in words, sorted.
func (c *checker) told() []string {
	all := []string{}
	for _, i := range c.messages {
		var rules []string
		for _, r := range i.Rules {
			if r.Before != nil {
				rules = append(rules, r.Before.String())
			}
		}
		slices.Sort(rules)
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", i.EventType, i.Outcome, c.placeOf(i), strings.Join(rules, ", "))))
	}
	slices.Sort(all)
	return all
}
