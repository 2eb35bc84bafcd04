package incident

import "math"

// mostExcess is how many rules the excess of all rules of an incident lists.
// One rule can have several thousand (each forbidden port range times the 400
// blocks that are the internet), so that the 120 rules of one call would
// exceed what an item of the ledger holds: what cannot be recorded would not
// be taken back.
const mostExcess = 10_000

// BoundExcess shortens the longest excess lists of rules and standing ones
// until all together are at most 10,000 rules, and counts what it leaves out
// in OmittedExcess. Every list keeps at least one rule; shorter incidents stay
// as they are. It changes i alone, not the lists that it shares with others.
func (i *Incident) BoundExcess() {
	if i.excessUpTo(math.MaxInt) <= mostExcess {
		return
	}
	limit := mostExcess
	for limit > 1 && i.excessUpTo(limit) > mostExcess {
		limit /= 2
	}
	i.Rules, i.Standing = boundExcess(i.Rules, limit), boundExcess(i.Standing, limit)
}

// excessUpTo is how many rules the lists have together, cut to a length.
func (i *Incident) excessUpTo(length int) int {
	sum := 0
	for _, list := range [][]Rule{i.Rules, i.Standing} {
		for _, r := range list {
			sum += min(len(r.Excess), length)
		}
	}
	return sum
}

func boundExcess(rules []Rule, limit int) []Rule {
	out := make([]Rule, len(rules))
	for n, r := range rules {
		r.OmittedExcess += max(len(r.Excess)-limit, 0)
		r.Excess = r.Excess[:min(len(r.Excess), limit)]
		out[n] = r
	}
	return out
}
