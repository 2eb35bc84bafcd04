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
	closed    map[string]int // by place: incidents that were closed before it began
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
	c.closed = map[string]int{}
	for _, id := range c.places() {
		c.closed[id] = len(c.history(id))
	}
	c.read = len(c.w.cloud.Published())
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
	if i.EventType == incident.Undone {
		return // what was done is over
	}
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
		if got := c.w.entries(id); !slices.Equal(got, want) && !c.anyComesAgain() && !c.w.sweepNeeded() {
			c.failf("%s holds %v, not %v, and nothing comes again for it", id, got, want)
		}
	}
	for _, id := range c.w.groups {
		for _, i := range c.written(id) {
			c.checkClaims("the incident of "+c.w.nameOf(id), i)
		}
		live, _ := c.live(id)
		for ruleID, was := range c.due[id] {
			if is, ok := live[ruleID]; ok && is.SameValue(was) && !c.tagged(is) && !c.comesAgain(id) && !c.w.sweepNeeded() {
				c.failf("%s of %s stands, and nothing comes again for it", was, c.w.nameOf(id))
			}
		}
	}
}

func (c *checker) tagged(r secgroup.Rule) bool { return r.Tags[plan.TagKey] != "" }

// comesAgain reports whether the queue holds a message about the group, or a list,
// that is not only about guard's own calls.
func (c *checker) comesAgain(id string) bool {
	return slices.ContainsFunc(c.w.cloud.Queued(), func(m localaws.Queued) bool {
		about := strings.Contains(m.Body, id)
		for list := range c.w.sc.given { // the record of a list has all its groups judged
			about = about || strings.Contains(m.Body, list)
		}
		return about && !strings.Contains(m.Body, `"accessKeyId":"`+guardKey+`"`)
	})
}

// anyComesAgain reports whether the queue holds a message about a list, or about
// a group, which may be judged by a list.
func (c *checker) anyComesAgain() bool {
	return slices.ContainsFunc(c.places(), c.comesAgain)
}

// places are the groups and lists that incidents are about.
func (c *checker) places() []string {
	return slices.Concat(slices.Collect(maps.Values(c.w.groups)), slices.Collect(maps.Keys(c.w.sc.lists)), slices.Collect(maps.Keys(c.w.sc.given)))
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
	for id, want := range c.w.sc.given {
		if got := c.w.entries(id); !slices.Equal(got, want) {
			c.failf("%s holds %v, not %v", id, got, want)
		}
	}
	c.checkUndone()
	c.checkSinks()
	for _, id := range c.places() {
		c.checkTold(id)
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

// silent are outcomes that are told to nobody.
var silent = []incident.Outcome{incident.Ignored, incident.Compliant, incident.Gone, incident.AlreadyCompliant}

// isQuiet reports whether nobody is told of a group: its failure rings an alarm.
func (c *checker) isQuiet(groupID string) bool {
	return c.w.sc.canary != "" && groupID == c.w.groups[c.w.sc.canary]
}

// checkTold holds that each closed incident was told with its outcome, under its
// id or, while the ledger was down, under one that its notes name.
func (c *checker) checkTold(id string) {
	for _, e := range c.history(id)[c.closed[id]:] {
		told := slices.ContainsFunc(c.messages, func(i incident.Incident) bool {
			named := i.ID == e.Incident.ID || slices.ContainsFunc(e.Incident.Notes, func(note string) bool { return strings.HasSuffix(note, " told as "+i.ID) })
			return named && i.Outcome == e.Incident.Outcome
		})
		if !told && !slices.Contains(silent, e.Incident.Outcome) && !c.isQuiet(e.Incident.GroupID) {
			c.failf("an incident of %s ended %s (%s), and nobody was told: %v", c.w.nameOf(id), e.Incident.Outcome, e.Incident.Reason, c.told())
		}
	}
}

// checkUndone holds that what an operator put back is told.
func (c *checker) checkUndone() {
	for _, want := range c.w.sc.told {
		if strings.HasPrefix(want, string(incident.Undone)) && !slices.Contains(c.told(), want) {
			c.failf("nobody was told: %s: %v", want, c.told())
		}
	}
}

// isMissed reports whether a sink refused a message for good, and the incident says
// so: it is not told again.
func (c *checker) isMissed(m incident.Incident) bool {
	return c.w.wasRefused("PutEvents", "BatchImportFindings", "Publish") && slices.ContainsFunc(c.history(m.GroupID), func(e ledger.Entry) bool {
		return e.Incident.ID == m.ID && slices.ContainsFunc(e.Incident.Notes, func(note string) bool {
			return strings.Contains(note, "did not get the message "+string(m.EventType))
		})
	})
}

// checkSinks holds that whoever is told beside the topic is told of each incident.
func (c *checker) checkSinks() {
	if !c.w.sc.sinks {
		return
	}
	tellers := map[string][]string{}
	for _, m := range c.w.cloud.Chat() {
		tellers["chat"] = append(tellers["chat"], fmt.Sprint(m))
	}
	for _, e := range c.w.cloud.Events() {
		tellers[e.Bus] = append(tellers[e.Bus], string(e.Detail))
	}
	for _, f := range c.w.cloud.Findings() {
		tellers["findings"] = append(tellers["findings"], fmt.Sprint(f))
	}
	for _, sink := range []string{"chat", "findings", c.w.cloud.BusARN(), c.w.cloud.HubBusARN()} {
		for _, m := range c.messages {
			told := slices.ContainsFunc(tellers[sink], func(text string) bool { return strings.Contains(text, m.ID) })
			if !told && !c.isMissed(m) {
				c.failf("%s was not told of %s %s: %v", sink, m.EventType, m.Outcome, tellers[sink])
			}
		}
	}
}

// checkList holds that a list has lost what was added, in one closed incident.
// Where EC2 refused what an edit takes to know it was told why not before that,
// once.
func (c *checker) checkList(id string, want []string) {
	if got := c.w.entries(id); !slices.Equal(got, want) {
		c.failf("%s holds %v, not %v", id, got, want)
	}
	first := 0
	for _, i := range c.messages {
		if i.List != nil && i.EventType == incident.Opened && i.Outcome == incident.Alerted && strings.Contains(i.Reason, "could not be read") {
			first++
		}
	}
	ends, last := []string{}, ""
	for _, e := range c.history(id) {
		outcome := e.Incident.Outcome.String()
		if e.Incident.ID == last && ends[len(ends)-1] == outcome {
			continue // a later record told who made it
		}
		ends, last = append(ends, outcome), e.Incident.ID
	}
	wanted := []string{incident.Reverted.String()}
	if len(ends) > 1 && c.w.lackedForList() {
		wanted = []string{incident.Alerted.String(), incident.Reverted.String()}
	}
	if !slices.Equal(ends, wanted) || first != len(wanted)-1 {
		c.failf("the incidents of %s ended %v, not %v: %v", id, ends, wanted, c.told())
	}
	if !slices.ContainsFunc(c.messages, func(i incident.Incident) bool { return i.List != nil && i.Outcome == incident.Reverted }) {
		c.failf("%s is reverted, and nobody was told: %v", id, c.told())
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
	for _, e := range c.history(c.w.groups[name])[c.closed[c.w.groups[name]]:] {
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
	if !told && outcome != "gone" && !c.isQuiet(c.w.groups[name]) {
		c.failf("%s ended %s, and nobody was told: %v", rule, outcome, c.told())
	}
}

// seenAgain reports whether a rule's end is only that a stale read showed it
// once more, when a second look finds it gone, or showed it gone, when the sweep
// finds it, or that its list could not be read at first.
func (c *checker) seenAgain(r incident.Rule) bool {
	if r.Outcome == incident.Alerted && r.Reason == "unreadable" {
		return c.w.wasRefused("DescribeManagedPrefixLists", "GetManagedPrefixListEntries") || c.w.showedLate("GetManagedPrefixListEntries")
	}
	return (r.Outcome == incident.AlreadyCompliant || r.Outcome == incident.Gone) &&
		slices.ContainsFunc(c.w.faults.cells, func(cell cell) bool { return cell.fault == localaws.StaleRead })
}

// showedLate reports whether a cell makes an operation answer with an earlier state.
func (w *world) showedLate(operation string) bool {
	return slices.ContainsFunc(w.faults.cells, func(c cell) bool {
		return c.fault == localaws.StaleRead && (c.at.operation == operation || c.span == service)
	})
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
