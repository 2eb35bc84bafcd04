package alert

import (
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// isOfGroup reports whether an entry of an incident is about the group itself.
func isOfGroup(r incident.Rule) bool { return secgroup.IsGroupEntry(r.ID) }

// onlyOfGroup reports whether all entries are about the group itself.
func onlyOfGroup(rules []incident.Rule) bool {
	return len(rules) > 0 && !slices.ContainsFunc(rules, func(r incident.Rule) bool { return !isOfGroup(r) })
}

// lacksOf is what policies require of rules, or of the group, and do not find.
func lacksOf(rules []incident.Rule) string {
	var parts []string
	for _, r := range rules {
		for _, l := range r.Lacks {
			if l = foreign(l, 300); l != "" && !slices.Contains(parts, l) {
				parts = append(parts, l)
			}
		}
	}
	return strings.Join(parts, "; ")
}

// stillSo ends the sentence that nothing was changed.
func stillSo(i incident.Incident) string {
	if onlyOfGroup(i.Rules) {
		return "it is still so"
	}
	return "it is still open"
}
