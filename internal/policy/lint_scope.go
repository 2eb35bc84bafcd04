package policy

import (
	"slices"
	"strings"
)

// scopes points out scopes that select no group, and scope.not that leaves
// none out. Conditions that are not trusted count as they do in judging.
func (l *linter) scopes() {
	t := trust{l.Deployment.Trusted.Tags, l.Deployment.Trusted.Names}
	for _, p := range l.policies {
		in, not := compileScope(p.Scope, t), compileNot(p.Not, t)
		switch {
		case in.isDefault != nil && *in.isDefault && len(in.names) > 0 && !matchesAny(in.names, "default"):
			l.warn(p.places.scope, "default groups are called default", "policy %s is for no group: no default group has such a name", p.ID)
		case in.isDefault != nil && !*in.isDefault && slices.Equal(in.names, []string{"default"}):
			l.warn(p.places.scope, "", "policy %s is for no group: only default groups are called default", p.ID)
		case not == nil || not.never:
		case in.within(not):
			l.warn(p.places.scope, "", "policy %s is for no group: scope.not leaves out all of its scope", p.ID)
		case in.apart(not):
			l.warn(p.places.scope, "remove it", "scope.not of %s leaves no group out: none of them is in its scope", p.ID)
		}
	}
}

// within reports whether what m selects is certainly left out by not, but for
// names in another case.
func (m *scopeMatcher) within(not *scopeMatcher) bool {
	for _, l := range [][2][]string{{m.ids, not.ids}, {m.vpcs, not.vpcs}, {m.accounts, not.accounts}, {m.regions, not.regions}} {
		if !isCovered(l[0], l[1], func(in, out string) bool { return in == out }) {
			return false
		}
	}
	if !isCovered(m.names, not.names, func(in, out string) bool { return globWithin(in, strings.ToLower(out)) }) {
		return false
	}
	if len(not.usedBy) > 0 {
		return false // what uses a group changes
	}
	for key, values := range not.tags {
		if !isCovered(m.tags[key], values, globWithin) {
			return false
		}
	}
	return not.isDefault == nil || m.isDefault != nil && *m.isDefault == *not.isDefault
}

// isCovered reports whether all that a condition allows meets another. No
// values are no condition.
func isCovered(in, by []string, covers func(in, by string) bool) bool {
	if len(by) == 0 {
		return true
	}
	return len(in) > 0 && !slices.ContainsFunc(in, func(i string) bool {
		return !slices.ContainsFunc(by, func(b string) bool { return covers(i, b) })
	})
}

// apart reports whether no group can meet both. It looks at exact values.
func (m *scopeMatcher) apart(o *scopeMatcher) bool {
	for _, l := range [][2][]string{{m.ids, o.ids}, {m.vpcs, o.vpcs}, {m.accounts, o.accounts}, {m.regions, o.regions}} {
		if len(l[0]) > 0 && len(l[1]) > 0 && !slices.ContainsFunc(l[0], func(v string) bool { return slices.Contains(l[1], v) }) {
			return true
		}
	}
	return m.isDefault != nil && o.isDefault != nil && *m.isDefault != *o.isDefault
}
