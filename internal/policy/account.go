package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Account is why one policy says of one rule what it says, also where it has
// nothing against it, or is not meant for the group. For people: Evaluate
// does without.
type Account struct {
	Policy *Policy
	// OutOfScope is why the policy is not meant for the group; "" = it is, or
	// may be. The other fields are empty then.
	OutOfScope string
	// Assumes is what the scope asks of the group and nobody knows of it; "" =
	// it is certainly meant.
	Assumes string
	Finding Finding
	// Fine is why there is nothing against the rule; "" = there is something.
	Fine string
}

// Accounts is what every policy of the set that judges rules says of one rule of
// a verdict, which is Evaluate's on the same input, in policy order.
func (s *Set) Accounts(in Input, r RuleVerdict) []Account {
	j := newJudgement(s, in)
	sub := j.newSubject(0, r.Rule, r.Known)
	var out []Account
	for _, p := range s.Policies {
		if !p.JudgesRules() {
			continue
		}
		a := p.account(j.facts, r.Findings)
		if a.isFine() {
			a.Fine, a.Finding.Line = j.whyFine(p, sub)
		}
		out = append(out, a)
	}
	return out
}

// account is what a policy says of what findings are about, but for why there
// is nothing.
func (p *Policy) account(facts groupFacts, findings []Finding) Account {
	a := Account{Policy: p}
	if a.OutOfScope, a.Assumes = p.meantFor(facts); a.OutOfScope != "" {
		return a
	}
	a.Finding = Finding{Policy: p, File: p.File, Line: p.Line, State: Fine}
	if i := slices.IndexFunc(findings, func(f Finding) bool { return f.Policy == p }); i >= 0 {
		a.Finding = findings[i]
	}
	return a
}

func (a Account) isFine() bool { return a.OutOfScope == "" && a.Finding.State == Fine }

// JudgesRules reports whether the policy has something to say of rules, and not
// only of calls or of groups themselves.
func (p *Policy) JudgesRules() bool { return len(p.clauses) > 0 }

// meantFor says why the policy is not meant for a group, or what is not known.
func (p *Policy) meantFor(f groupFacts) (outOfScope, assumes string) {
	if p.applies(&f) == no {
		if p.scope.hold(&f) == no {
			return "only for " + p.scope.failing(f, no), ""
		}
		return "not for " + p.not.words(), ""
	}
	var open []string
	if p.scope.hold(&f) == unknown {
		open = append(open, "for "+p.scope.failing(f, unknown))
	}
	if p.not != nil && p.not.hold(&f) == unknown {
		open = append(open, "not for "+p.not.words())
	}
	return "", strings.Join(open, ", ")
}

// condition is one part of a scope, in words, with its answer.
type condition struct {
	words  string
	answer answer
}

func (m *scopeMatcher) conditions(f groupFacts) []condition {
	var out []condition
	add := func(words string, list []string, a answer) {
		if len(list) > 0 {
			out = append(out, condition{words + strings.Join(list, " or "), a})
		}
	}
	add("groups named like ", m.names, m.holdName(f.name, f.anyCase))
	for _, key := range slices.Sorted(maps.Keys(m.tags)) {
		one := &scopeMatcher{tags: map[string][]string{key: m.tags[key]}}
		add("groups with tag "+key+" like ", m.tags[key], one.holdTags(f.tags))
	}
	add("group ", m.ids, oneOf(m.ids, f.id))
	add("groups of ", m.vpcs, oneOf(m.vpcs, f.vpc))
	add("groups of account ", m.accounts, oneOf(m.accounts, f.account))
	add("groups in ", m.regions, oneOf(m.regions, f.region))
	use := "groups that are on some "
	if m.every {
		use = "groups that are on nothing but "
	}
	if len(m.usedBy) > 0 { // else not asked: it costs
		add(use, m.usedBy, m.holdUse(f.users))
	}
	if m.isDefault != nil {
		words := "groups that are no default group"
		if *m.isDefault {
			words = "default groups"
		}
		a := unknown
		if f.isDefault != nil {
			a = answerOf(*m.isDefault == *f.isDefault)
		}
		out = append(out, condition{words, a})
	}
	return out
}

// failing is the conditions with an answer, in words.
func (m *scopeMatcher) failing(f groupFacts, a answer) string {
	var words []string
	for _, c := range m.conditions(f) {
		if c.answer == a {
			words = append(words, c.words)
		}
	}
	return strings.Join(words, " and ")
}

func (m *scopeMatcher) words() string {
	var words []string
	for _, c := range m.conditions(groupFacts{}) {
		words = append(words, c.words)
	}
	return strings.Join(words, " and ")
}

// How near a clause is to a rule that it has nothing against.
const (
	otherDirection = 1 + iota
	otherFlows
	otherPeers
	leftOut
	notTooMuch
)

// whyFine says why the clause that is nearest to a rule has nothing against it.
// The policy judges rules.
func (j *judgement) whyFine(p *Policy, s *subject) (why string, line int) {
	nearest := 0
	for _, c := range p.clauses {
		if near, text := j.whyNotIn(c, p, s); near > nearest {
			nearest, why, line = near, text, c.line
		}
	}
	return why, line
}

func (j *judgement) whyNotIn(c *clause, p *Policy, s *subject) (int, string) {
	dir, peer := s.rule.Direction, s.rule.Peer
	if !c.directions.has(dir) {
		return otherDirection, "it is not about " + dir.String()
	}
	if !c.flowsTo(everyAddress()).Overlaps(flowsOf(s.region)) {
		return otherFlows, "it is about other protocols or ports"
	}
	inBox := s.region.Intersect(c.match(peer, j.at, assumed))
	if inBox.IsEmpty() {
		return otherPeers, "it is about other peers"
	}
	if left := s.region.Intersect(c.forbidden(dir, peer, j.at)); !left.IsEmpty() {
		if c.demand != nil {
			return notTooMuch, "it has what is required"
		}
		if c.whole {
			return notTooMuch, "only a part is open of what it forbids as a whole"
		}
		return notTooMuch, "it tolerates as much: " + toleranceText(p)
	}
	for _, b := range c.but {
		if inBox.Overlaps(b.region(dir, peer, j.at, assumed)) {
			return leftOut, fmt.Sprintf("line %d leaves it out", b.line)
		}
	}
	return otherPeers, "it is about other peers"
}

// flowsOf is the protocols and ports of a region, for every address.
func flowsOf(r secgroup.Region) secgroup.Region {
	var out []secgroup.Slice
	for _, s := range r.Slices() {
		out = append(out, secgroup.Slice{Protocols: s.Protocols, Span: s.Span, IPv4: everyAddress()})
	}
	return secgroup.NewRegion(out...)
}

// toleranceText is what a policy tolerates, in words.
func toleranceText(p *Policy) string {
	var parts []string
	for i, bound := range []secgroup.Count{p.bound4, p.bound6} {
		for bits := 0; bits <= 128; bits++ {
			if secgroup.CountOf(bits, i == 1) == bound && !bound.IsZero() {
				parts = append(parts, fmt.Sprintf("a /%d of %s", bits, [...]string{"IPv4", "IPv6"}[i]))
			}
		}
	}
	text := strings.Join(parts, " and ")
	if p.perRule {
		return text + " in each rule"
	}
	return text + " in all rules of the group together"
}
