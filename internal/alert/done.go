package alert

import (
	"fmt"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// writeDone says what was called and what was read back: nothing else counts
// as done.
func writeDone(l *letter, i incident.Incident) {
	switch {
	case isCall(i):
		return
	case i.Outcome == incident.Observed:
		l.title("What enforce mode would have done")
		writeLines(l, i.Would)
		if len(i.Would) == 0 {
			l.item("Nothing that changes a rule.")
		}
		l.item("Nothing of this was done.")
		return
	case len(i.Actions) > 0 && i.Outcome.Changed():
		l.title("What was done")
	case len(i.Actions) > 0:
		l.title("What was tried")
	case i.Outcome.Changed():
		l.title("What was done")
	default:
		return
	}
	writeOutcomes(l, i.Rules)
	if len(i.Actions) > 0 {
		l.item("Calls:")
		writeLines(l, i.Actions)
	}
}

// writeOutcomes says what was read back: in full of one rule, in a line of
// each of several.
func writeOutcomes(l *letter, rules []incident.Rule) {
	for _, r := range rules[:min(len(rules), maxRules)] {
		if isOfGroup(r) {
			l.item("the group itself: %s", r.Outcome)
		}
		if r.Before == nil {
			continue
		}
		before, left := foreign(r.Before.String(), 200), leftOf(r)
		switch {
		case len(rules) > 1 && r.Outcome == incident.Reverted && len(r.After) == 0:
			l.item("%s: reverted", before)
		case len(rules) > 1:
			l.item("%s: %s, left: %s", before, r.Outcome, strings.Join(left, "; "))
		default:
			l.field("before", before)
			for n, line := range left {
				l.field(map[bool]string{true: "after"}[n == 0], line)
			}
		}
		if r.Fallback != "" {
			l.detail("Less is left than the policies allow: %s.", foreign(r.Fallback, 200))
		}
		if why := because(r.Reason); why != "" && !r.Outcome.Changed() {
			l.detail("%s.", upperFirst(strings.TrimLeft(why, ": "+string(glue))))
		}
	}
	if more := len(rules) - maxRules; more > 0 {
		l.item("and %d more", more)
	}
}

// leftOf says what is left of a rule, as far as it was read.
func leftOf(r incident.Rule) []string {
	switch {
	case r.Reason == "not-verified" || len(r.After) == 0 && r.Outcome > incident.Reverted:
		return []string{"not known"}
	case len(r.After) == 0 && r.Outcome == incident.Reverted:
		return []string{"nothing: the rule was removed"}
	case len(r.After) == 0:
		return []string{"nothing: the rule is gone, and not by sgwarden"}
	}
	var lines []string
	for n, a := range r.After {
		if n == maxPerRule {
			return append(lines, fmt.Sprintf("and %d more", len(r.After)-maxPerRule))
		}
		lines = append(lines, joinNonEmpty(" ", foreign(a.String(), 200), parenthesised(foreign(a.ID, 60))))
	}
	return lines
}

func writeLines(l *letter, lines []string) {
	for _, line := range lines[:min(len(lines), maxLines)] {
		l.detail("%s", foreign(line, 400))
	}
	if more := len(lines) - maxLines; more > 0 {
		l.detail("and %d more", more)
	}
}
