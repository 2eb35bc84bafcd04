package policy

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// exemptions points out exemptions that nobody can look up, and those that
// exempt nothing.
func (l *linter) exemptions() {
	for _, x := range l.forLint.exemptions {
		if x.Ticket == "" {
			l.warn(x.at, "add ticket: where it was decided", "exemption %s names no ticket", x.ID)
		}
		i := slices.IndexFunc(l.policies, func(p linted) bool { return p.ID == x.Policy })
		if i < 0 {
			continue // Parse says that its policy is off
		}
		p := l.policies[i]
		not := compileNot(p.Not, trust{})
		if len(p.Scope.IDs) > 0 && !slices.Contains(p.Scope.IDs, x.Group) || not != nil && not.hold(&groupFacts{id: x.Group}) == yes {
			l.warn(x.group, "remove it", "exemption %s exempts nothing: group %s is not in the scope of policy %s", x.ID, x.Group, x.Policy)
			continue
		}
		for k, r := range x.Rules {
			if _, isList := r.Peer.(secgroup.PrefixList); !isList && p.forbids() && !mayForbid(p.clauses, r, x.Group) {
				l.warn(x.rules[k], "remove it", "exemption %s exempts nothing here: policy %s forbids none of it", x.ID, x.Policy)
			}
		}
	}
}

// mayForbid reports whether clauses may forbid some of a rule of a group.
func mayForbid(clauses []*clause, r secgroup.Rule, group string) bool {
	outside := site{groupID: group, vpcsKnown: true}
	inside := outside
	inside.vpcs = everyAddress()
	for _, c := range clauses {
		for _, at := range []site{outside, inside} {
			if r.Region().Overlaps(c.region(r.Direction, r.Peer, at, atMost)) {
				return true
			}
		}
	}
	return false
}
