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
	kind  Kind
	fault *query.Fault
	from  *Snapshot
	after func()
}

// Kind tells disturbances apart, for an endpoint that carries them out for
// other services too.
type Kind uint8

const (
	None         Kind = iota
	Refused           // an error is answered, nothing is done
	RefusedAfter      // it is done, then an error is answered
	Unreachable       // no connection is made
	Lost              // the connection breaks, nothing is done
	LostAfter         // it is done, then the connection breaks
	Swallowed         // success is answered, nothing is done
	StaleRead         // a read is answered from an older state
	Hanging           // nothing is answered
)

// Kind is what the disturbance does.
func (d Disturbance) Kind() Kind { return d.kind }

// Fault is the error that is answered; nil where none is.
func (d Disturbance) Fault() *query.Fault { return d.fault }

// Happen runs what Then was given, if anything.
func (d Disturbance) Happen() {
	if d.after != nil {
		d.after()
	}
}

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
	return Disturbance{kind: Refused, fault: &query.Fault{Status: status, Code: code, Message: message}}
}

// FailAfter does what is asked, then answers 500 InternalError.
func FailAfter() Disturbance {
	d := Fail()
	d.kind = RefusedAfter
	return d
}

// Refuse lets no connection come about; nothing is done. Over a socket the
// connection is there already, and breaks.
func Refuse() Disturbance { return Disturbance{kind: Unreachable} }

// Lose breaks the connection; nothing is done.
func Lose() Disturbance { return Disturbance{kind: Lost} }

// LoseAnswer does what is asked, then breaks the connection.
func LoseAnswer() Disturbance { return Disturbance{kind: LostAfter} }

// Swallow answers success and changes nothing. A record is made all the same.
func Swallow() Disturbance { return Disturbance{kind: Swallowed} }

// Stale answers a read from an older state, as eventual consistency may: one
// read, where Lag makes all late. Changes are not disturbed.
func Stale(from *Snapshot) Disturbance { return Disturbance{kind: StaleRead, from: from} }

// Hang answers nothing until the client gives up; nothing is done.
func Hang() Disturbance { return Disturbance{kind: Hanging} }

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
