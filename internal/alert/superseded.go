package alert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// between is one value that a rule had before what an incident is about, with the
// record that told of it late.
type between struct {
	incident.SupersededRule
	of incident.Superseded
}

// inBetween are the values of changes that were overwritten: what is new first.
func inBetween(i incident.Incident) (all []between) {
	sorted := slices.Clone(i.Superseded)
	slices.SortStableFunc(sorted, func(a, b incident.Superseded) int {
		switch {
		case a.New == b.New:
			return a.At.Compare(b.At)
		case a.New:
			return -1
		}
		return 1
	})
	for _, s := range sorted {
		for _, r := range s.Rules {
			all = append(all, between{r, s})
		}
	}
	return all
}

// omittedBetween counts what the records named beside that.
func omittedBetween(i incident.Incident) (n int) {
	for _, s := range i.Superseded {
		n += s.OmittedRules
	}
	return n
}

// overwrittenLead tells of what a message is the first to tell of; "" = nothing.
func overwrittenLead(i incident.Incident) string {
	if len(i.News()) == 0 {
		return ""
	}
	all := inBetween(i)
	if len(all) == 0 {
		return ""
	}
	b := all[0]
	by := "what this incident is about"
	if arn := foreign(i.Actor.ARN, 200); arn != "" && i.Actor.Attributed {
		by = "the change by" + string(glue) + arn
	}
	more, verdict := "", "That is within the policies."
	if n := countNews(i) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	if len(b.Policies) > 0 {
		verdict = "That breaks a policy as well."
	}
	// What others chose begins no line.
	return fmt.Sprintf("A record that came late tells of a change in between, by%c%s. It had set%c%s%s at %s, and %s overwrote it. %s sgwarden does not set it again: whether it should stand is for a person to decide.",
		glue, orElse(foreign(b.of.Actor.ARN, 200), "an actor without name"), glue, foreign(b.Value.String(), 200), more, clock(b.of.At), by, verdict)
}

// countNews counts the values that a message is the first to tell of.
func countNews(i incident.Incident) (n int) {
	for _, s := range i.News() {
		n += len(s.Rules) + s.OmittedRules
	}
	return n
}

// writeBetween tells of every value in between: who set it, when, and whether it
// is allowed.
func writeBetween(l *letter, i incident.Incident) {
	all := inBetween(i)
	if len(all) == 0 {
		return
	}
	l.title("What was set in between, and overwritten")
	for _, b := range all[:min(len(all), maxRules)] {
		l.item("%s", joinNonEmpty(" ", foreign(b.Value.String(), 200), parenthesised(foreign(b.Value.ID, 60))))
		if d := foreign(b.Value.Description, 255); d != "" {
			l.detail("described as \"%s\" by whoever made it", d)
		}
		l.detail("set %s by %s", clock(b.of.At), orElse(foreign(b.of.Actor.ARN, 200), "an actor without name"))
		l.detail("%s", strings.Join(traces(b.of), ", "))
		l.detail("%s", allowed(b))
	}
	if more := max(len(all)-maxRules, 0) + omittedBetween(i); more > 0 {
		l.item("and %d more: see the JSON form of this message", more)
	}
	if len(i.Superseded) >= incident.MostSuperseded {
		l.item("This incident tells of no more of them.")
	}
}

// traces are how a change that was overwritten can be found.
func traces(s incident.Superseded) (parts []string) {
	add := func(format, text string) {
		if text != "" {
			parts = append(parts, fmt.Sprintf(format, text))
		}
	}
	add("session \"%s\" (chosen by the caller)", foreign(s.Actor.Session, 100))
	add("through %s", foreign(s.Actor.InvokedBy, 80))
	add("from %s", foreign(s.Actor.SourceIP, 80))
	add("with \"%s\"", foreign(s.Actor.UserAgent, 160))
	add("call %s", foreign(s.APICall, 80))
	add("event %s", foreign(s.EventID, 60))
	return parts
}

// allowed says whether a value may be set.
func allowed(b between) string {
	if len(b.Policies) == 0 {
		return "within the policies"
	}
	var ids []string
	for _, id := range b.Policies[:min(len(b.Policies), maxPerRule)] {
		ids = append(ids, foreign(id, 100))
	}
	return "breaks " + strings.Join(ids, ", ") + " as well, and would be taken back"
}

// settings are the commands that set what may be set of that.
func settings(c command, i incident.Incident) (lines []string) {
	for _, b := range inBetween(i) {
		if len(b.Policies) > 0 {
			continue
		}
		line := c.authorize(b.Value)
		if isThere(i, b.Value.ID) {
			line = c.modify(b.Value.ID, b.Value)
		}
		lines = appendLine(lines, line)
	}
	return lines
}

// isThere reports whether the group has a rule of an incident, as far as it was
// read.
func isThere(i incident.Incident, id string) bool {
	return slices.ContainsFunc(rulesNow(i), func(r secgroup.Rule) bool { return r.ID == id })
}

// writeSetting gives these commands.
func writeSetting(l *letter, c command, i incident.Incident) {
	lines := settings(c, i)
	if len(lines) == 0 {
		return
	}
	l.item("If what was set in between is what should stand, set it again (a description has to be given anew):")
	writeCommands(l, lines)
}

// isOverwritten reports whether a message is about changes that were overwritten.
func isOverwritten(i incident.Incident) bool {
	return i.EventType == incident.Attributed && overwrittenLead(i) != ""
}
