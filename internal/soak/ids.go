package soak

import (
	"fmt"
	"sync"
)

// idSource gives the same ids in the same order in every episode, as
// localec2.CountedIDs, at less cost. Ids do not come in ascending order.
type idSource struct {
	mu sync.Mutex
	n  map[string]uint64
}

func newIDSource() *idSource { return &idSource{n: map[string]uint64{}} }

func (s *idSource) next(kind string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n[kind]++
	return mixed(s.n[kind])
}

// Resource gives an id as EC2 writes it.
func (s *idSource) Resource(prefix string) string {
	return fmt.Sprintf("%s0%016x", prefix, s.next(prefix))
}

// UUID gives an id of a request or event. Calls that run side by side may
// share them out in any order: only reads do, and nothing rests on theirs.
func (s *idSource) UUID() string {
	n := s.next("uuid")
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", n>>32, n>>16&0xffff, n>>4&0xfff, n&0xfff, mixed(n)>>16)
}

// mixed spreads a number over 64 bits, one to one (splitmix64).
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
