package localec2

import "time"

// past is a state that an account had, and when it ceased to.
type past struct {
	state *state
	until time.Time
}

// Lag makes reads show what was d ago, by the cloud's clock: "the result of an
// API command you run that affects your Amazon EC2 resources might not be
// immediately visible to all subsequent commands" (developer guide, eventual
// consistency). What changed before is seen at once; 0 = reads are current.
// Changes work on what is, never on what reads show, and so do the methods of
// Account. Changes past the API are late too.
func (c *Cloud) Lag(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lag = d
	for _, a := range c.accounts {
		a.history = nil
	}
}

// commit makes s the account's state from now on, with the lock held.
func (a *Account) commit(s *state, now time.Time) {
	if lag := a.cloud.lag; lag > 0 {
		for len(a.history) > 0 && !a.history[0].until.After(now.Add(-lag)) {
			a.history = a.history[1:]
		}
		a.history = append(a.history, past{a.state, now})
	}
	a.state = s
}

// seen is the state that reads show, with the lock held.
func (a *Account) seen(now time.Time) *state {
	for _, p := range a.history {
		if p.until.After(now.Add(-a.cloud.lag)) {
			return p.state
		}
	}
	return a.state
}
