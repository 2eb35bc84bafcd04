package faultmatrix

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

// spot is one call of a run: the n-th of its operation on its group, from 1.
// Calls that run side by side have no order of their own.
type spot struct {
	service   localaws.Service
	operation string
	group     string // name; "" = of none
	n         int
}

func (s spot) String() string {
	text := string(s.service) + "." + s.operation
	if s.group != "" {
		text += " " + s.group
	}
	return fmt.Sprintf("%s #%d", text, s.n)
}

// span is how long a fault lasts.
type span string

const (
	once      span = "once"
	operation span = "operation" // all calls of the operation, until the delivery ends
	service   span = "service"   // all calls of the service, until the delivery ends
)

// complete runs the matrix whole: faults that last for an operation too, and
// more of the random pairs.
var complete = flag.Bool("complete", false, "run every cell of the matrix, and 200 pairs")

func spans() []span {
	if *complete {
		return []span{once, operation, service}
	}
	return []span{once, service}
}

// death is how guard dies at a call.
type death string

const (
	killed   death = "killed"   // the process ends
	panicked death = "panicked" // the call panics, and the process goes on
)

// cell is one thing that goes wrong at one call.
type cell struct {
	at    spot
	fault localaws.Fault // "" = guard dies
	span  span
	death death
	after bool // it dies after the call took effect, before the answer
}

func (c cell) String() string {
	switch {
	case c.fault != "":
		return fmt.Sprintf("%s: %s (%s)", c.at, c.fault, c.span)
	case c.after:
		return fmt.Sprintf("%s: %s after", c.at, c.death)
	}
	return fmt.Sprintf("%s: %s before", c.at, c.death)
}

// faults disturbs the calls of guard as its cells say, and lists them.
type faults struct {
	w     *world
	armed bool
	cells []cell

	mu        sync.Mutex
	seen      map[spot]int // by spot without n
	calls     map[spot]localaws.Call
	active    []cell
	onEffect  func(spot) // is told of every call that was carried out
	hits      int
	refused   []spot // calls that were answered with access denied
	dying     bool   // what is under way may still have its effect
	refusing  bool   // likewise: the endpoint is away, until the delivery ends
	published int    // messages that went out in this delivery
	// doubles is how many messages may be sent twice: an answer of Publish was
	// lost, or what was sent could not be written down.
	doubles  int
	unclosed map[string]bool // groups counted for this delivery
}

// intercept looks at one call.
func (f *faults) intercept(c localaws.Call) localec2.Disturbance {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed {
		return localec2.Disturbance{}
	}
	at := f.spotOf(c)
	if f.calls == nil {
		f.calls = map[spot]localaws.Call{}
	}
	f.calls[at] = c
	before := f.w.before
	if c.Changes && c.Service == localaws.EC2 {
		f.w.before = f.w.cloud.EC2().Snapshot()
	}
	hit := f.pick(at, c)
	d := localec2.Disturbance{}
	lost := false
	if hit != nil && hit.fault != "" {
		d = hit.fault.On(c, before)
		lost = hit.fault == localaws.ResetAfter
		if hit.fault == localaws.AccessDenied {
			f.refused = append(f.refused, at)
		}
	}
	switch {
	case hit == nil:
	case hit.fault == "" && hit.death == killed: // none of what was sent can be written down
		f.doubles += f.published
		f.dying = true
	case (c.Service == localaws.DynamoDB || hit.fault == "") && f.published > 0 && !f.unclosed[at.group]:
		f.unclosed[at.group] = true
		f.doubles++
	}
	if hit != nil && hit.fault == "" {
		return f.die(*hit, c)
	}
	return d.Then(func() {
		f.effect(c, lost)
		if f.onEffect != nil {
			f.onEffect(at)
		}
	})
}

// effect is after a call took effect, before its answer.
func (f *faults) effect(c localaws.Call, lost bool) {
	switch {
	case c.Service == localaws.EC2 && c.Changes:
		f.w.checker.afterMutation(c)
	case c.Service == localaws.SNS && c.Params.Get("TopicArn") == f.w.cloud.TopicARN():
		f.w.checker.afterPublish()
		f.mu.Lock()
		f.published++
		if lost || f.dying || f.refusing {
			f.doubles++
		}
		f.mu.Unlock()
	}
}

// die ends the process, or panics, before or after the effect.
func (f *faults) die(c cell, call localaws.Call) localec2.Disturbance {
	end := f.w.guard.kill
	switch {
	case c.death == panicked && c.after:
		return localec2.Disturbance{}.Then(func() { f.effect(call, true); panic(c.String()) })
	case c.death == panicked:
		panic(c.String())
	case c.after: // a message that was sent counts as one whose answer was lost
		return localec2.LoseAnswer().Then(func() { f.effect(call, true); end() })
	}
	end()
	return localec2.Lose()
}

// pick is the cell that a call falls into.
func (f *faults) pick(at spot, c localaws.Call) *cell {
	for i := range f.cells {
		cell := &f.cells[i]
		if cell.at == at && (cell.fault == "" || cell.fault.NotOn(c) == "") {
			f.hits++
			if cell.fault != "" && cell.span != once {
				f.active = append(f.active, *cell)
			}
			return cell
		}
	}
	for i := range f.active {
		a := &f.active[i]
		if a.at.service == c.Service && (a.span == service || a.at.operation == c.Operation) && a.fault.NotOn(c) == "" {
			return a
		}
	}
	return nil
}

// refuse notes that the endpoint is away from after that call on: a message
// that was sent cannot be written down.
func (f *faults) refuse(after spot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusing = true
	if after.service == localaws.SNS {
		f.doubles++
	}
}

// timeOut notes that the platform ended the function at its timeout, as it
// kills: none of what was sent can be written down any more.
func (f *faults) timeOut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doubles += f.published
	f.dying = true
}

// endOfDelivery ends what lasts as long. It reports whether the endpoint was
// away.
func (f *faults) endOfDelivery() (refused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	refused = f.refusing
	f.active, f.published, f.dying, f.refusing, f.unclosed = nil, 0, false, false, map[string]bool{}
	return refused
}

// spotOf names a call and counts it.
func (f *faults) spotOf(c localaws.Call) spot {
	s := spot{service: c.Service, operation: c.Operation}
	if ids := groupsIn(c.Params.Encode() + string(c.Body)); len(ids) > 0 {
		s.group = f.w.nameOf(ids[0])
	}
	if f.seen == nil {
		f.seen = map[spot]int{}
	}
	f.seen[s]++
	s.n = f.seen[s]
	return s
}

// spots are the calls that were made, in a fixed order.
func (f *faults) spots() []spot {
	var all []spot
	for s := range f.calls {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b spot) int { return strings.Compare(a.String(), b.String()) })
	return all
}
