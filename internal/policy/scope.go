package policy

import (
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// answer is yes, no, or what the facts at hand do not tell.
type answer uint8

const (
	no answer = iota
	unknown
	yes
)

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

// both is the answer of a condition of two parts.
func both(a, b answer) answer { return min(a, b) }

// groupFacts is what is known of a group for scopes; "" and nil = not known.
type groupFacts struct {
	id, name, vpc, account, region string
	anyCase                        bool // name is as a caller wrote it
	tags                           map[string]string
	isDefault                      *bool
	users                          *Users
}

// factsOf is for a group that was read: its tags are all there are.
func factsOf(g secgroup.Group) groupFacts {
	f := groupFacts{id: g.ID, name: g.Name, vpc: g.VPCID, account: g.AccountID, region: g.Region, tags: g.Tags}
	if f.tags == nil {
		f.tags = map[string]string{}
	}
	if g.Name != "" {
		isDefault := g.IsDefault()
		f.isDefault = &isDefault
	}
	return f
}

// trust is whose tags and names may decide where a policy applies.
type trust struct {
	tags  []string
	names []string
}

func (t trust) name(glob string) bool {
	return slices.ContainsFunc(t.names, func(outer string) bool { return globWithin(glob, outer) })
}

// scopeMatcher is a compiled scope, or scope.not.
//
// A condition on a tag or name that is not trusted never switches a policy
// off, as whoever may tag or name groups could use it: in a scope it counts
// as held, in scope.not as not held. What counts so is said by lint.
type scopeMatcher struct {
	never                   bool // scope.not that can exclude nothing
	foldNames               bool
	names, ids              []string
	tags                    map[string][]string
	vpcs, accounts, regions []string
	isDefault               *bool
	usedBy                  []string
	every                   bool // usedBy is of all interfaces that there are, not of one at least
	given                   bool // some condition is written
}

func compileScope(s Scope, t trust) *scopeMatcher {
	m := newScopeMatcher(s)
	// Names differ regardless of case in EC2, so that WEB-1 must not escape
	// from web-*; one alternative that anybody may name opens the condition.
	m.foldNames = true
	if !slices.ContainsFunc(s.Names, func(glob string) bool { return !t.name(glob) }) {
		for _, glob := range s.Names {
			m.names = append(m.names, strings.ToLower(glob))
		}
	}
	for key, values := range s.Tags {
		if slices.Contains(t.tags, key) {
			m.tags[key] = values
		}
	}
	return m
}

// compileNot compiles scope.not; nil = none.
func compileNot(s *Scope, t trust) *scopeMatcher {
	if s == nil {
		return nil
	}
	m := newScopeMatcher(*s)
	m.never, m.every = !m.given, true
	for _, glob := range s.Names {
		if t.name(glob) {
			m.names = append(m.names, glob)
		}
	}
	m.never = m.never || len(s.Names) > 0 && len(m.names) == 0
	for key, values := range s.Tags {
		if slices.Contains(t.tags, key) {
			m.tags[key] = values
		} else {
			m.never = true
		}
	}
	return m
}

func newScopeMatcher(s Scope) *scopeMatcher {
	return &scopeMatcher{
		ids: s.IDs, tags: map[string][]string{}, vpcs: s.VPCs, accounts: s.Accounts, regions: s.Regions, isDefault: s.Default,
		usedBy: s.UsedBy, given: !s.isEmpty(),
	}
}

// isEmpty reports whether no condition is left.
func (m *scopeMatcher) isEmpty() bool {
	return len(m.names)+len(m.ids)+len(m.tags)+len(m.vpcs)+len(m.accounts)+len(m.regions)+len(m.usedBy) == 0 && m.isDefault == nil
}

// hold answers whether all conditions hold.
func (m *scopeMatcher) hold(f *groupFacts) answer {
	if m.never {
		return no
	}
	a := both(oneOf(m.ids, f.id), both(oneOf(m.vpcs, f.vpc), both(oneOf(m.accounts, f.account), oneOf(m.regions, f.region))))
	if len(m.names) > 0 {
		a = both(a, m.holdName(f.name, f.anyCase))
	}
	if len(m.tags) > 0 {
		a = both(a, m.holdTags(f.tags))
	}
	if len(m.usedBy) > 0 {
		a = both(a, m.holdUse(f.users))
	}
	if m.isDefault != nil {
		if f.isDefault == nil {
			return both(a, unknown)
		}
		a = both(a, answerOf(*m.isDefault == *f.isDefault))
	}
	return a
}

func (m *scopeMatcher) holdUse(u *Users) answer {
	if u == nil || u.Refused != "" {
		return unknown
	}
	return answerOf(UseCondition{m.usedBy, m.every}.HoldsFor(u.Kinds))
}

func oneOf(list []string, value string) answer {
	switch {
	case len(list) == 0:
		return yes
	case value == "":
		return unknown
	}
	return answerOf(slices.Contains(list, value))
}

func (m *scopeMatcher) holdName(name string, anyCase bool) answer {
	if name == "" {
		return unknown
	}
	if m.foldNames {
		return answerOf(matchesAny(m.names, strings.ToLower(name)))
	}
	if !anyCase {
		return answerOf(matchesAny(m.names, name))
	}
	for _, glob := range m.names {
		if matchGlob(strings.ToLower(glob), strings.ToLower(name), "") {
			return unknown
		}
	}
	return no
}

func matchesAny(globs []string, text string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool { return matchGlob(glob, text, "") })
}

func (m *scopeMatcher) holdTags(tags map[string]string) answer {
	if tags == nil {
		return unknown
	}
	for key, globs := range m.tags {
		value, ok := tags[key]
		if !ok || !matchesAny(globs, value) {
			return no
		}
	}
	return yes
}

// applies answers whether a policy is meant for a group. What is not known
// counts as yes for the scope and as no for scope.not: unknown is "may".
func (p *Policy) applies(f *groupFacts) answer {
	a := p.scope.hold(f)
	if a == no || p.not == nil {
		return a
	}
	switch p.not.hold(f) {
	case yes:
		return no
	case unknown:
		return both(a, unknown)
	}
	return a
}

// awaitsUse reports whether it rests on what uses the group alone whether the
// policy is meant for it, and that is not known.
func (p *Policy) awaitsUse(f *groupFacts) bool {
	if !p.mayNeed(NeedUsers) || f.users != nil && f.users.Refused == "" {
		return false
	}
	return p.applies(f) == unknown
}
