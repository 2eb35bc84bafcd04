package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// canned is a fake AWS that answers a recorded sequence of calls, over and
// over: the n-th call of an operation in a round gets the n-th recorded answer
// of it. It costs next to nothing, so that what is left is the caller's time.
type canned struct {
	answers map[string][]exchange

	mu      sync.Mutex
	asked   map[string]int
	strange []string
	// changed is when the first answer of the round to a call that changes a
	// group was written.
	changed time.Time
}

func newCanned(calls []exchange) *canned {
	c := &canned{answers: map[string][]exchange{}, asked: map[string]int{}}
	for _, e := range calls {
		c.answers[e.name()] = append(c.answers[e.name()], e)
	}
	return c
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, err := readCall(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, ok := c.next(call.name())
	if !ok {
		http.Error(w, "not recorded: "+call.name(), http.StatusBadRequest)
		return
	}
	answer.write(w)
	if isMutation(call) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.changed.IsZero() {
			c.changed = time.Now()
		}
	}
}

func (c *canned) next(name string) (exchange, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.asked[name]
	c.asked[name]++
	if n >= len(c.answers[name]) {
		c.strange = append(c.strange, name)
		return exchange{}, false
	}
	return c.answers[name][n], true
}

// end begins a new round. It returns an error where the last one was not the
// recorded one: its time would be that of something else.
func (c *canned) end() (changed time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []string
	for name, answers := range c.answers {
		if c.asked[name] < len(answers) {
			missing = append(missing, fmt.Sprintf("%d of %d %s", c.asked[name], len(answers), name))
		}
	}
	if len(missing)+len(c.strange) > 0 {
		slices.Sort(missing)
		err = fmt.Errorf("the calls are not those that were recorded: too few [%s], too many [%s]", strings.Join(missing, ", "), strings.Join(c.strange, ", "))
	}
	changed = c.changed
	c.changed, c.strange = time.Time{}, nil
	clear(c.asked)
	return changed, err
}

// isMutation reports whether a call changes EC2.
func isMutation(e exchange) bool {
	return e.Service == "ec2" && !strings.HasPrefix(e.Operation, "Describe") && !strings.HasPrefix(e.Operation, "Get")
}
