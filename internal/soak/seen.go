package soak

import "sync"

// seen counts the calls and effects of a step by name. A pass makes several at once.
type seen struct {
	mu sync.Mutex
	n  map[string]int
}

func newSeen() *seen { return &seen{n: map[string]int{}} }

func (s *seen) add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n[name]++
}

func (s *seen) times(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n[name]
}
