package localec2

import (
	"reflect"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// Interceptor looks at every call before it runs, and may disturb it. It runs
// in the call's goroutine with no lock held: it may change accounts, to play a
// race. The zero Disturbance is none.
type Interceptor func(Call) Disturbance

// Disturbance is what goes wrong with one call.
type Disturbance struct {
	kind  disturbance
	fault *query.Fault
	from  *Snapshot
	after func()
}

type disturbance uint8

const (
	none disturbance = iota
	refuse
	refuseAfter
	lose
	loseAfter
	swallow
	stale
	hang
)

// Throttle answers RequestLimitExceeded; nothing is done.
func Throttle() Disturbance {
	return Refusal(503, "RequestLimitExceeded", "Request limit exceeded.")
}

// Deny answers UnauthorizedOperation; nothing is done.
func Deny() Disturbance {
	return Refusal(403, "UnauthorizedOperation", "You are not authorized to perform this operation.")
}

// Fail answers 500 InternalError; nothing is done.
func Fail() Disturbance {
	return Refusal(500, "InternalError", "An internal error has occurred")
}

// Refusal answers with an error; nothing is done.
func Refusal(status int, code, message string) Disturbance {
	return Disturbance{kind: refuse, fault: &query.Fault{Status: status, Code: code, Message: message}}
}

// FailAfter does what is asked, then answers 500 InternalError.
func FailAfter() Disturbance {
	d := Fail()
	d.kind = refuseAfter
	return d
}

// Lose breaks the connection; nothing is done.
func Lose() Disturbance { return Disturbance{kind: lose} }

// LoseAnswer does what is asked, then breaks the connection.
func LoseAnswer() Disturbance { return Disturbance{kind: loseAfter} }

// Swallow answers success and changes nothing. A record is made all the same.
func Swallow() Disturbance { return Disturbance{kind: swallow} }

// Stale answers a read from an older state, as eventual consistency may: one
// read, where Lag makes all late. Changes are not disturbed.
func Stale(from *Snapshot) Disturbance { return Disturbance{kind: stale, from: from} }

// Hang answers nothing until the client gives up; nothing is done.
func Hang() Disturbance { return Disturbance{kind: hang} }

// Then gives the disturbance with something that happens after the call took
// effect and before it is answered.
func (d Disturbance) Then(after func()) Disturbance {
	d.after = after
	return d
}

// Snapshot is the state of all accounts at one moment.
type Snapshot struct{ states map[place]*state }

// Snapshot takes the state of all accounts as it is now.
func (c *Cloud) Snapshot() *Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &Snapshot{states: map[place]*state{}}
	for at, a := range c.accounts {
		s.states[at] = a.state.clone()
	}
	return s
}

// of is an account's state in the snapshot; an account that came later, and
// any in a nil snapshot, has its own.
func (s *Snapshot) of(a *Account) *state {
	if s == nil {
		return a.state
	}
	if st, ok := s.states[place{a.ID, a.Region}]; ok {
		return st
	}
	return a.state
}

// Equal reports whether two snapshots hold the same groups with the same rules
// and tags, the same VPCs and the same lists.
func (s *Snapshot) Equal(other *Snapshot) bool {
	return reflect.DeepEqual(s.states, other.states)
}
