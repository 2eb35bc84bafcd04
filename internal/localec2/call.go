package localec2

import (
	"net/url"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// Call is one request that reached the cloud, in the order of arrival.
type Call struct {
	AccountID, Region string
	Action            string // "" = the request named none
	Changes           bool   // the action is one that changes something
	AccessKeyID       string // "" = not signed
	Params            url.Values
	RequestID         string
	// Status and ErrorCode are those of the answer: 200 and "" for a success,
	// 0 while it is under way or where no answer was sent.
	Status    int
	ErrorCode string
}

// Calls are all calls since the last Forget, refused ones too.
func (c *Cloud) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// Count is the number of calls of these actions; of all calls if none is given.
func (c *Cloud) Count(actions ...string) int {
	n := 0
	for _, call := range c.Calls() {
		if len(actions) == 0 || slices.Contains(actions, call.Action) {
			n++
		}
	}
	return n
}

// Mutations is the number of calls that were to change something.
func (c *Cloud) Mutations() int {
	n := 0
	for _, call := range c.Calls() {
		if call.Changes {
			n++
		}
	}
	return n
}

// Forget empties the list of calls.
func (c *Cloud) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = nil
}

// begin notes a call and gives its place in the list, to be handed to end.
func (c *Cloud) begin(call Call) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
	return len(c.calls) - 1
}

func (c *Cloud) end(at int, call Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at < len(c.calls) && c.calls[at].RequestID == call.RequestID {
		c.calls[at] = call
	}
}

// session is one call at work.
type session struct {
	cloud   *Cloud
	account *Account
	state   *state // of account: to read, and to change where the action changes
	call    Call
	params  *query.Params
	who     Caller
	now     time.Time
}

// checkNames holds a request against the parameters that its action takes.
func (s *session) checkNames(known action) *query.Fault {
	if s.params.Text("Version") != "2016-11-15" && s.call.Action != callerIdentity {
		return query.Refuse("NoSuchVersion", "The requested version (%s) of service AmazonEC2 does not exist", s.params.Text("Version"))
	}
	for name := range s.call.Params {
		if !slices.Contains(known.params, query.Pattern(name)) {
			return query.Refuse("UnknownParameter", "The parameter %s is not recognized", name)
		}
	}
	return nil
}

// dryRun refuses a request that only asks whether it would be permitted. It
// looks at nothing else: a dry run says nothing of whether a rule exists.
func (s *session) dryRun() *query.Fault {
	dry, fault := boolean(s.params, "DryRun")
	if fault == nil && dry {
		fault = &query.Fault{Status: 412, Code: "DryRunOperation", Message: "Request would have succeeded, but DryRun flag is set."}
	}
	return fault
}

// perform runs an action, with the lock held. A change works on a copy of the
// state, which takes the state's place only if the call succeeds: so a call
// has its whole effect or none.
func (s *session) perform(known action, d Disturbance) (query.Object, *query.Fault) {
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	s.account = c.at(s.call.AccountID, s.call.Region)
	s.state = s.account.state
	if !known.changes {
		s.state = s.account.seen(s.now)
		if d.kind == StaleRead {
			s.state = d.from.of(s.account)
		}
		return known.run(s)
	}
	s.state = s.account.state.clone()
	answer, fault := known.run(s)
	if fault == nil && d.kind != Swallowed {
		s.account.commit(s.state, s.now)
	}
	return answer, fault
}
