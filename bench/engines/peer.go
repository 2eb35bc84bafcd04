package engines

import (
	"fmt"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Peer is another engine with n policies compiled.
type Peer interface {
	Name() string
	// Take converts facts into the engine's own form: what a program does
	// before it asks, and not counted as the engine's time.
	Take(facts []Facts)
	// Judge tells of the i-th facts taken which policies they violate, by their
	// numbers: violated has one place for each, all false.
	Judge(i int, violated []bool) error
}

// Peers are all engines that are compared, with n policies each.
func Peers(n int) ([]Peer, error) {
	var all []Peer
	for _, make := range []func(int) (Peer, error){newCEL, newExpr, newCedar} {
		p, err := make(n)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Compare counts the rules, and the violations in them, on which a peer and
// sgwarden agree. A rule on which they do not is an error.
func Compare(p Peer, rules []secgroup.Rule, want [][]bool) (violations int, err error) {
	facts := make([]Facts, len(rules))
	for i, r := range rules {
		facts[i] = FactsOf(r)
	}
	p.Take(facts)
	violated := make([]bool, len(want[0]))
	for i, r := range rules {
		clear(violated)
		if err := p.Judge(i, violated); err != nil {
			return 0, fmt.Errorf("%s: judge %s: %w", p.Name(), r, err)
		}
		for n, v := range violated {
			if v != want[i][n] {
				return 0, fmt.Errorf("%s and sgwarden differ on %s under policy %d: %t and %t", p.Name(), r, n, v, want[i][n])
			}
			if v {
				violations++
			}
		}
	}
	return violations, nil
}
