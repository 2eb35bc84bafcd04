package soak

import (
	"net/netip"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// history is what happened in an episode, as EC2 itself tells it.
type history struct {
	live    map[string][]secgroup.Rule // by group, as last seen
	rules   map[string]*pastRule       // by rule id, gone ones too
	places  map[string]place
	lists   map[string][]netip.Prefix
	listIDs []string                   // in the order of their birth
	offices string                     // the list that groups let in from the start, and that grows; "" = none yet
	touched map[string]bool            // rules that the guard changed or took away
	blindly map[string]int             // those of them that it took away without the ledger, with the process that did
	held    map[string]map[string]bool // by rule id: laws under which an open incident may hold it
	faults  int                        // effects that failed, and deaths
	sent    map[string]map[string]int  // messages by incident and event type
	excused map[string]exemption       // of the ledger, in force, by id
	lapsing map[string]exemption       // all that ever were in excused
	paused  bool
	off     bool                 // nothing feeds the guard: pause --hard
	undone  []undoing            // in the order in which they were made
	heard   map[string]bool      // rules of which some record was delivered, or may have told without their names
	vague   map[string]time.Time // groups of which a damaged record was delivered, the last time
	unasked map[string]time.Time // groups that the guard touched though nothing told of it, under the fuse
	said    []wronged            // of which an open incident said how to put it back
	news    map[string]int       // messages that were the first to tell of a change that was overwritten, by incident and event
	told    []incident.Incident  // the messages that say of some rule how to put it back
}

// pastRule is one rule id with all that it ever was.
type pastRule struct {
	group  string
	born   time.Time
	values []secgroup.Rule
	actors []string // who made the values; guardActor for the guard
	// looks are its values once more, with the entries that its list had: one
	// value may have had several.
	looks  []secgroup.Rule
	forged bool // a damaged copy of its record was delivered: it may name another actor
	heard  bool // a record that names its last value was finished, with entries of its list that opened no less
	// owed are the laws under which it must go, before the act, with how many
	// values it had by then; condemned are those values.
	owed      map[string]int
	condemned []secgroup.Rule
}

// exemption lets the flows of a rule be in one group.
type exemption struct {
	group string
	rule  secgroup.Rule
	law   string    // "" = that of the law whose it is
	until time.Time // zero = beyond the episode
	id    string    // in the ledger
}

// guardActor stands for the guard among actors.
const guardActor = "guard"

func newHistory() history {
	return history{
		live: map[string][]secgroup.Rule{}, rules: map[string]*pastRule{}, places: map[string]place{}, lists: map[string][]netip.Prefix{},
		held: map[string]map[string]bool{}, touched: map[string]bool{}, blindly: map[string]int{}, sent: map[string]map[string]int{}, news: map[string]int{}, heard: map[string]bool{}, vague: map[string]time.Time{}, unasked: map[string]time.Time{}, excused: map[string]exemption{}, lapsing: map[string]exemption{},
	}
}

func (h *history) entries(listID string) []netip.Prefix { return slices.Clone(h.lists[listID]) }

// ever reports whether the rule once was this.
func (p *pastRule) ever(r secgroup.Rule) bool {
	return slices.ContainsFunc(p.values, func(v secgroup.Rule) bool { return same(v, r) })
}

// madeOnlyBy reports whether nobody but that actor ever gave the rule a value.
func (p *pastRule) madeOnlyBy(actor string) bool {
	return !slices.ContainsFunc(p.actors, func(a string) bool { return a != actor })
}

// same compares what EC2 stores of two rules: it gives one form only.
func same(a, b secgroup.Rule) bool {
	return a.Direction == b.Direction && a.Protocol == b.Protocol && a.Ports == b.Ports && a.Peer.Key() == b.Peer.Key()
}

func byID(rules []secgroup.Rule, id string) (secgroup.Rule, bool) {
	for _, r := range rules {
		if r.ID == id {
			return r, true
		}
	}
	return secgroup.Rule{}, false
}

// step is what happens within one step.
type step struct {
	trace   map[string][][]secgroup.Rule // the states of each group, the one at the beginning first
	raced   map[string]bool              // groups that somebody else changed while the guard worked
	sets    []string                     // rules that the call at hand added or changed
	actor   string
	judging bool // the guard is at work
	wronged []wronged
	hand    atHand
	opened  map[string]bool // groups of which the guard wrote incidents
	blind   bool            // the ledger failed: what it holds could not be known
	holds   map[string]bool // laws that the fuse held before the judging
	looks   bool            // nothing but looks is at hand
	guarded int             // its mutations
	sent    int             // its messages
}

// begin forgets the step before.
func (w *world) begin() {
	w.step = step{trace: map[string][][]secgroup.Rule{}, raced: map[string]bool{}, opened: map[string]bool{}}
	for id, rules := range w.history.live {
		w.step.trace[id] = [][]secgroup.Rule{rules}
	}
}

// observe looks at every group after something took effect; by is who did it.
func (w *world) observe(by string) {
	h := &w.history
	for _, id := range w.order {
		before, now := h.live[id], w.rules(id)
		changed := len(before) != len(now)
		for _, r := range now {
			old, was := byID(before, r.ID)
			if was && same(old, r) {
				if w.universe.of(old) != w.universe.of(r) { // its list has other entries
					changed = true
					h.rules[r.ID].looks = append(h.rules[r.ID].looks, r)
					if !w.universe.of(r).without(w.universe.of(old)).empty() {
						h.rules[r.ID].heard = false // it grew: that is nobody's until a record names it
					} else {
						w.tally.Calls["a list opens no more than it did"]++
					}
				}
				continue
			}
			changed = true
			past := h.rules[r.ID]
			if past == nil {
				past = &pastRule{group: id, born: w.clock()}
				h.rules[r.ID] = past
			}
			past.values, past.actors, past.looks = append(past.values, r), append(past.actors, by), append(past.looks, r)
			past.heard = false
			w.step.sets = append(w.step.sets, r.ID)
		}
		if !changed {
			continue
		}
		if by == guardActor {
			w.checkEffect(id, before, now)
		} else if w.step.judging {
			w.step.raced[id] = true
		}
		h.live[id] = now
		if len(w.step.trace[id]) == 0 {
			w.step.trace[id] = [][]secgroup.Rule{before}
		}
		w.step.trace[id] = append(w.step.trace[id], now)
	}
}
