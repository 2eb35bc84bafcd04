package policy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// TestRemediesKeepTheirPromises: narrowing never grants a packet that was not
// granted (P3), keeps every packet that was to be kept (P4), and after all
// remedies no policy acts on the group any more (P1).
func TestRemediesKeepTheirPromises(t *testing.T) {
	decisions := map[Decision]int{}
	fallbacks, parts, kept := 0, 0, 0
	all := universe()
	for seed := range cases(4000) {
		w := newWorld(1<<32 + seed)
		var docs []Document
		for i := range 1 + w.IntN(3) {
			docs = append(docs, w.document(fmt.Sprintf("p%d", i)))
		}
		s := enforcing(t, docs...)
		in := w.input(s)
		v := s.Evaluate(in)
		for _, r := range v.Rules {
			decisions[r.Decision]++
			if r.Fallback != "" {
				fallbacks++
			}
			if r.Decision != Narrow {
				continue
			}
			parts += len(r.Remaining)
			require.NotEmpty(t, r.Remaining)
			for _, p := range all {
				granted := oracle.AdmitsAny(r.Remaining, p)
				if granted && !oracle.Admits(r.Rule, p) {
					require.Fail(t, "P3", "seed %d: %s becomes %v, which grants %+v", seed, r.Rule, ruleTexts(r.Remaining), p)
				}
				want := naiveKept(docs, in, r, p)
				if want {
					kept++
				}
				if granted != want && !isLost(r, p) {
					require.Fail(t, "P4", "seed %d: %s becomes %v; packet %+v is granted %v", seed, r.Rule, ruleTexts(r.Remaining), p, granted)
				}
			}
		}
		requireSettled(t, s, in, v, seed)
	}
	fmt.Printf("SHOW policy, narrow: decisions %v, %d fallbacks, %d parts, %d packets kept\n", decisions, fallbacks, parts, kept)
	require.Greater(t, decisions[Narrow], budget(200, 0))
	require.Greater(t, decisions[Revert], budget(200, 0))
	require.Positive(t, fallbacks)
}

// isLost tells what a rule for all protocols may give up when it is cut.
func isLost(r RuleVerdict, p oracle.Packet) bool {
	return r.Lost != "" && p.Protocol != 6 && p.Protocol != 17 && !(p.Protocol == 1 && !p.Remote.Is6()) && !(p.Protocol == 58 && !p.Remote.Is4())
}

// naiveKept answers whether a packet of a narrowed rule is to stay: for each
// acting policy it is on a port without excess, or compliant and named.
func naiveKept(docs []Document, in Input, r RuleVerdict, p oracle.Packet) bool {
	if !oracle.Admits(r.Rule, p) {
		return false
	}
	for _, f := range r.Findings {
		if f.State != Acting {
			continue
		}
		doc := docs[slices.IndexFunc(docs, func(d Document) bool { return d.ID == f.Policy.ID })]
		if naiveExcused(doc, in, r.Rule, p) {
			continue
		}
		if contains(f.Excess, p) || !naiveNamedOnPort(naive{doc: doc, group: in.Live}, r.Rule, f, p) {
			return false
		}
	}
	return true
}

// naiveNamedOnPort goes through the boxes that have some excess on the port.
func naiveNamedOnPort(n naive, rule secgroup.Rule, f Finding, p oracle.Packet) bool {
	for _, c := range n.boxes() {
		if !n.boxHasExcess(c, rule, f, p) {
			continue
		}
		switch {
		case len(n.doc.Remedy.To) > 0:
			if !p.Remote.IsValid() || !inSome(p.Remote, n.doc.Remedy.To) {
				return false
			}
		case slices.ContainsFunc(c.Peers, func(s PeerSpec) bool { return s.Kind == PeerInternet }):
			if !slices.ContainsFunc(c.But, func(b Clause) bool { return n.inBox(b, rule, p) }) {
				return false
			}
		}
	}
	return true
}

// boxHasExcess probes the port of p with the blocks of the excess, which
// another property holds against the oracle.
func (n naive) boxHasExcess(c Clause, rule secgroup.Rule, f Finding, p oracle.Packet) bool {
	place := placeIn(p)
	port := f.Excess.On(secgroup.ProtocolRange{First: p.Protocol, Last: p.Protocol}, secgroup.Span{First: place, Last: place})
	for _, block := range port.Addresses().Prefixes() {
		q := p
		q.Remote, q.Group, q.Account = block.Addr(), "", ""
		if n.inBox(c, rule, q) && contains(f.Excess, q) {
			return true
		}
	}
	return p.Group != "" && n.inBox(c, rule, p) && contains(f.Excess, p)
}

// requireSettled applies what was decided and judges again.
func requireSettled(t *testing.T, s *Set, in Input, v Verdict, seed uint64) {
	t.Helper()
	next := in
	next.Live.Rules = nil
	next.Known.Rules = map[string]KnownRule{}
	next.Changes = slices.Clone(in.Changes)
	for _, r := range v.Rules {
		left := []secgroup.Rule{r.Rule}
		if r.Decision == Revert || r.Decision == Narrow {
			left = r.Remaining
		}
		for i, rule := range left {
			rule.ID = fmt.Sprintf("%s-%d", r.Rule.ID, i)
			next.Live.Rules = append(next.Live.Rules, rule)
			if r.Known != nil {
				k := *r.Known
				if r.Decision == Revert {
					k.Rule = rule
				}
				next.Known.Rules[rule.ID] = k
			}
			if r.Named {
				for _, c := range in.Changes {
					if c.Rules[0].Rule.ID == r.Rule.ID {
						c.Rules = []secgroup.NamedRule{{GroupID: ownGroup, Rule: rule, HasValue: true}}
						next.Changes = append(next.Changes, c)
					}
				}
			}
		}
	}
	for _, r := range s.Evaluate(next).Rules {
		for _, f := range r.Findings {
			before := v.Rules[verdictOf(v, r.Rule.ID[:len("sgr-0")])]
			// What grew waits as a new rule; what is left of it is as old as
			// its known value, whose wait is over.
			waited := slices.ContainsFunc(before.Findings, func(b Finding) bool { return b.Policy == f.Policy && b.State == Waiting })
			if f.State == Acting && !waited {
				require.Fail(t, "P1", "seed %d: %s is refused by %s after the remedies: %v\nbefore: %s, decision %d, remaining %v, why %v",
					seed, r.Rule, f.Policy.ID, excessOf(f, r.Rule.Direction), before.Rule, before.Decision, ruleTexts(before.Remaining), before.Findings)
			}
		}
	}
}
