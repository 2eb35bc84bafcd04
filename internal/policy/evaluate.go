package policy

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Evaluate judges every rule of the group under every policy that is meant
// for it. It never stops early and never fails: what could not be known is
// part of the verdict. Rules without ids are judged like others; nothing of
// the input is changed.
//
// Findings of rules that no policy has anything against are shared between
// verdicts: they are only to be read.
func (s *Set) Evaluate(in Input) Verdict {
	v := Verdict{GroupID: in.Live.ID, Rules: make([]RuleVerdict, len(in.Live.Rules))}
	for i, r := range sortedRules(in.Live.Rules) {
		v.Rules[i].Rule, v.Rules[i].Decision = r, Keep
	}
	j := newJudgement(s, in)
	j.naming = newNaming(&in.Live, in.Changes)
	if len(in.Changes) > 0 || len(in.Known.Rules) > 0 {
		j.remember(v.Rules)
	}
	j.judgeGroup(&v)
	v.JudgeAgainAt = nextLook(&v, in.Now)
	if s.index == nil || len(s.index.clauses)+len(s.calls) == 0 {
		return v
	}
	j.selectFor()
	j.touch(v.Rules)
	for i := range v.Rules {
		v.Rules[i].Findings = j.fine.findings
	}
	opened := j.charge(v.Rules)
	v.Calls = j.judgeCalls(v.Rules, opened)
	if len(j.subjects) == 0 {
		return v
	}
	j.judge(&v)
	j.judgeCharged(&v, opened)
	if len(j.voided) > 0 {
		for i := range v.Rules {
			v.Rules[i].Void = j.voided[v.Rules[i].Rule.ID]
		}
	}
	j.compose(&v)
	v.JudgeAgainAt = nextLook(&v, in.Now)
	return v
}

// judgement is one run of Evaluate.
type judgement struct {
	set    *Set
	in     *Input
	at     site
	facts  groupFacts // of in.Live
	naming naming
	fine   *fineFinding

	subjects []*subject          // rules that some policy may have something against, in the order of the walk
	met      [][]*subject        // the same by policy
	rulings  [][]ruling          // by place in the verdict, in policy order
	voided   map[string][]string // policy ids by rule id: marks that count no more
}

// newJudgement keeps the input beside what is worked out of it: one allocation.
func newJudgement(s *Set, in Input) *judgement {
	all := &struct {
		judgement
		input Input
	}{input: in}
	j := &all.judgement
	j.set, j.in, j.at, j.facts = s, &all.input, siteOf(in.Live), factsOf(in.Live)
	j.facts.users = in.Facts.Surroundings.Users
	return j
}

// sortedRules gives the rules by id, without copying where they are sorted.
func sortedRules(rules []secgroup.Rule) []secgroup.Rule {
	byID := func(a, b secgroup.Rule) int { return cmp.Compare(a.ID, b.ID) }
	if slices.IsSortedFunc(rules, byID) {
		return rules
	}
	rules = slices.Clone(rules)
	slices.SortStableFunc(rules, byID)
	return rules
}

// remember fills in what item and changes say of each rule.
func (j *judgement) remember(rules []RuleVerdict) {
	if len(j.in.Known.Rules) > 0 {
		known := make([]KnownRule, 0, len(rules))
		for i := range rules {
			if k, ok := j.in.Known.Rules[rules[i].Rule.ID]; ok {
				known = append(known, k)
				rules[i].Known = &known[len(known)-1]
			}
		}
	}
	for i := range rules {
		v := &rules[i]
		n := j.recordOf(ownReference(v.Rule, j.in.Live.AccountID), v.Known)
		switch {
		case n == nil && v.Known == nil:
		case n == nil && isSameBlockRule(v.Known.Rule, v.Rule):
			v.By = v.Known.By // the usual case, without any algebra
		default:
			s := j.newSubject(i, v.Rule, v.Known)
			v.Named, v.By = n != nil, s.by
		}
	}
}

// isSameBlockRule reports whether two CIDR rules are written alike. It may
// miss some that are the same.
func isSameBlockRule(a, b secgroup.Rule) bool {
	x, ok := a.Peer.(secgroup.CIDR)
	y, ok2 := b.Peer.(secgroup.CIDR)
	return ok && ok2 && x.Prefix == y.Prefix && a.Direction == b.Direction && a.Protocol == b.Protocol && a.Ports == b.Ports
}

// fineFinding is the findings of a rule that nothing is wrong with, for the
// policies that apply.
type fineFinding struct {
	inScope  []uint64 // clauses
	slots    []int    // by policy: its place in findings, -1 where it does not apply
	findings []Finding
}

// selectFor finds the policies that are meant for the group. The last result is
// kept in the set: most groups have the same.
func (j *judgement) selectFor() {
	x := j.set.index
	var buffer [16]uint64
	inScope := words(buffer[:], x.words)
	copy(inScope, x.always)
	last := -1
	applies := false
	for _, i := range x.scoped {
		if p := x.clauses[i].policy; p != last {
			last = p
			applies = j.set.Policies[p].applies(&j.facts) != no
		}
		if applies {
			setBit(inScope, i)
		}
	}
	if known := j.set.fine.Load(); known != nil && slices.Equal(known.inScope, inScope) {
		j.fine = known
		return
	}
	fine := &fineFinding{inScope: slices.Clone(inScope)}
	for i, p := range j.set.Policies {
		fine.slots = append(fine.slots, -1)
		if len(p.clauses) > 0 && p.applies(&j.facts) != no {
			fine.slots[i] = len(fine.findings)
			fine.findings = append(fine.findings, Finding{Policy: p, File: p.File, Line: p.Line, State: Fine})
		}
	}
	fine.findings = slices.Clip(fine.findings)
	j.set.fine.Store(fine)
	j.fine = fine
}

// words gives n zero words, of the buffer if it has room.
func words(buffer []uint64, n int) []uint64 {
	if n > len(buffer) {
		return make([]uint64, n)
	}
	return buffer[:n]
}

// touch makes subjects of the rules that some clause may touch.
func (j *judgement) touch(rules []RuleVerdict) {
	x, facts := j.set.index, &j.in.Facts.Surroundings
	var buffer [16]uint64
	set := words(buffer[:], x.words)
	inScope := x.harmless(j.set.Policies, rules, facts, j.fine.inScope)
	if inScope == nil {
		return
	}
	var met [][]*subject
	for i := range rules {
		if !x.touch(&rules[i].Rule, facts, inScope, set) {
			continue
		}
		s := j.newSubject(i, rules[i].Rule, rules[i].Known)
		j.subjects = append(j.subjects, s)
		if met == nil {
			met = make([][]*subject, len(j.set.Policies))
		}
		last := -1
		for w, word := range set {
			for ; word != 0; word &= word - 1 {
				if p := x.clauses[w*64+bits.TrailingZeros64(word)].policy; p != last {
					last = p
					met[p] = append(met[p], s)
				}
			}
		}
	}
	slices.SortFunc(j.subjects, compareSubjects)
	for _, subjects := range met {
		slices.SortFunc(subjects, compareSubjects)
	}
	j.met = met
}

// judge fills in what the policies find.
func (j *judgement) judge(v *Verdict) {
	j.rulings = make([][]ruling, len(v.Rules))
	for i, p := range j.set.Policies {
		if i >= len(j.met) || len(j.met[i]) == 0 {
			continue
		}
		found := j.rule(p, j.met[i])
		for _, r := range found {
			at := r.subject.place
			if len(j.rulings[at]) == 0 {
				v.Rules[at].Findings = slices.Clone(j.fine.findings)
			}
			j.rulings[at] = append(j.rulings[at], r)
			v.Rules[at].Findings[j.fine.slots[i]] = r.Finding
			v.Rules[at].Due = v.Rules[at].Due || r.State.isDue()
			v.need(r.needs...)
		}
		for _, s := range j.met[i] { // found is in the same order
			if len(found) > 0 && found[0].subject == s {
				found = found[1:]
			} else {
				v.need(j.needsBeyond(p, s, s.region)...)
				if j.lacksOldEntries(p, s) { // it has an actor and marks, as what violates has
					v.need(NeedOldLists)
				}
			}
		}
	}
}

// isDue reports whether a state is a violation that does not stand.
func (s State) isDue() bool {
	switch s {
	case Acting, Tagging, Alerting, Observing, Waiting, Held, Unknown:
		return true
	}
	return false
}

func (v *Verdict) need(needs ...Need) {
	for _, n := range needs {
		if !slices.Contains(v.Needs, n) {
			v.Needs = append(v.Needs, n)
		}
	}
}

// nextLook is the earliest end of a wait or exemption after now.
func nextLook(v *Verdict, now time.Time) time.Time {
	var first time.Time
	for _, r := range v.All() {
		for _, f := range r.Findings {
			if f.Until.After(now) && (first.IsZero() || f.Until.Before(first)) {
				first = f.Until
			}
		}
	}
	return first
}
