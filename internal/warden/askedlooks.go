package warden

import "sync"

// askedLooks remembers for which groups the looks were asked for that single
// events led to: the record of a call that concerns hundreds of groups may come
// again, and all of them would be asked for again.
type askedLooks struct {
	mu     sync.Mutex
	events []string // the oldest first
	groups map[string]map[string]bool
}

// mostAskedEvents bounds the events that are remembered. What is forgotten is
// asked for once more, which does no harm.
const mostAskedEvents = 64

// was reports whether a look was asked for before.
func (a *askedLooks) was(event, look string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.groups[event][look]
}

func (a *askedLooks) note(event, look string) {
	if event == "" {
		return // events without id are not to be told apart
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.groups == nil {
		a.groups = map[string]map[string]bool{}
	}
	if a.groups[event] == nil {
		a.groups[event] = map[string]bool{}
		a.events = append(a.events, event)
		if len(a.events) > mostAskedEvents {
			delete(a.groups, a.events[0])
			a.events = a.events[1:]
		}
	}
	a.groups[event][look] = true
}
