package alert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// A message is read on a telephone: what is long is counted, and stands in the
// JSON form.
const (
	maxRules    = 10
	maxPerRule  = 5
	maxLines    = 10
	maxCommands = 5
)

// text is the message for a person.
func text(i incident.Incident) string {
	if p, ok := pageOf(i); ok {
		return pageText(p, i)
	}
	if i.List != nil {
		return listText(i)
	}
	// What went wrong is read first.
	i.Rules = slices.Clone(i.Rules)
	slices.SortStableFunc(i.Rules, func(a, b incident.Rule) int { return int(b.Outcome) - int(a.Outcome) })
	l := &letter{}
	l.paragraph(lead(i))
	if mixed := mixedOutcomes(i); mixed != "" {
		l.paragraph(mixed)
	}
	writeOpened(l, i)
	writeBetween(l, i)
	writeWhere(l, i)
	if !isExpiring(i) {
		writeWho(l, i)
	}
	writeWhy(l, i)
	if i.EventType != incident.Undone {
		writeDone(l, i)
	}
	if !isExpiring(i) {
		writeWhen(l, i)
	}
	if i.EventType != incident.Undone {
		writeConnections(l, i)
	}
	writeNotes(l, i)
	if i.EventType == incident.Undone {
		writeEndOfUndoing(l, i)
	} else {
		writeNext(l, i)
	}
	l.b.WriteString("\n")
	l.paragraph(footer(i))
	return l.String()
}

// inBrief is the first paragraph of a message where it has only one.
func inBrief(i incident.Incident) string {
	if p, ok := pageOf(i); ok {
		return p.about(p.lead, i)
	}
	if i.List != nil {
		return listLead(i)
	}
	return joinNonEmpty(" ", lead(i), mixedOutcomes(i))
}

// mixedOutcomes counts the outcomes where rules ended differently.
func mixedOutcomes(i incident.Incident) string {
	counts := map[incident.Outcome]int{}
	for _, r := range i.Rules {
		counts[r.Outcome]++
	}
	if len(counts) < 2 {
		return ""
	}
	var parts []string
	for _, o := range slices.Backward(incident.Outcomes()) {
		if counts[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[o], o))
		}
	}
	return "By rule: " + strings.Join(parts, ", ") + "."
}

func writeOpened(l *letter, i incident.Incident) {
	if len(i.Rules) == 0 {
		return
	}
	title := "What was opened"
	if onlyOfGroup(i.Rules) {
		title = "What is not as required"
	}
	l.title(title)
	for _, r := range i.Rules[:min(len(i.Rules), maxRules)] {
		writeRule(l, r)
	}
	if more := max(len(i.Rules)-maxRules, 0) + i.OmittedRules; more > 0 {
		l.item("and %d more: see the JSON form of this message", more)
	}
}

func writeRule(l *letter, r incident.Rule) {
	id := foreign(r.ID, 60)
	if isOfGroup(r) {
		l.item("the group itself: %s", orElse(lacksOf([]incident.Rule{r}), orElse(foreign(r.Reason, 60), "not known")))
		return
	}
	if r.Before == nil {
		l.item("rule %s, whose value is not known", orElse(id, "without id"))
		return
	}
	before := foreign(r.Before.String(), 200)
	if id != "" {
		before += " (" + id + ")"
	}
	l.item("%s", before)
	if d := foreign(r.Before.Description, 255); d != "" {
		l.detail("described as \"%s\" by whoever made it", d)
	}
	for _, lack := range r.Lacks {
		l.detail("not as required: %s", foreign(lack, 300))
	}
	opened := openings(r)
	for n, o := range opened {
		if n == maxPerRule {
			l.detail("and %d more", len(opened)-maxPerRule)
			break
		}
		if !o.isWhole(*r.Before) {
			l.detail("too much of it: %s", o.part(*r.Before))
		}
		l.detail("%s", o.exposes())
	}
}

func writeWhere(l *letter, i incident.Incident) {
	if i.GroupID == "" && i.AccountID == "" {
		return
	}
	l.title("Where")
	l.field("group", strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(groupName(i), "a "), "security group"), " "+string(glue)))
	l.field("VPC", foreign(i.VPCID, 60))
	l.field("account", strings.TrimSuffix(foreign(i.AccountID, 20)+", "+foreign(i.Region, 30), ", "))
}

func writeWho(l *letter, i incident.Incident) {
	l.title(map[bool]string{false: "Who", true: "Who had opened it"}[i.EventType == incident.Undone])
	a := i.Actor
	if !a.Attributed {
		l.item("%s", unknownActor(i))
	} else {
		l.field("actor", joinNonEmpty(" ", orElse(foreign(a.ARN, 200), foreign(a.AccountID, 20)), parenthesised(foreign(a.Type, 40))))
		if a.Session != "" {
			l.field("session", fmt.Sprintf("\"%s\" (chosen by the caller)", foreign(a.Session, 100)))
		}
		l.field("through", foreign(a.InvokedBy, 80))
		l.field("from", foreign(a.SourceIP, 80))
		if a.UserAgent != "" {
			l.field("with", fmt.Sprintf("\"%s\"", foreign(a.UserAgent, 160)))
		}
	}
	l.field("call", foreign(i.APICall, 80))
	l.field("event", foreign(i.EventID, 60))
}

func unknownActor(i incident.Incident) string {
	if i.List != nil {
		return "Not known: no event has told of this version of the list so far."
	}
	if isCall(i) {
		return "Not known: the record of the call does not tell."
	}
	if onlyOfGroup(i.Rules) {
		return "Not known: no event has told of it so far."
	}
	return fmt.Sprintf("Not known: no event has named %s so far.", map[bool]string{true: "this rule", false: "these rules"}[len(i.Rules) == 1])
}

func writeWhy(l *letter, i incident.Incident) {
	if len(i.Policies) == 0 {
		return
	}
	switch {
	case i.EventType == incident.Undone:
		l.title("What it is exempt from")
	case i.Outcome == incident.Exempt:
		l.title(map[bool]string{false: "What it is exempt from", true: "What it is exempt from until then"}[isExpiring(i)])
	case isCall(i):
		l.title("Why you are told")
	default:
		l.title("Why it is not allowed")
	}
	writePolicies(l, i)
}

func writePolicies(l *letter, i incident.Incident) {
	for _, p := range i.Policies[:min(len(i.Policies), maxPerRule)] {
		l.item("%s: %s", joinNonEmpty(" ", oneLine(p.ID), parenthesised(p.Severity.String())), joinNonEmpty(". ", strings.TrimSuffix(oneLine(p.Title), "."), oneLine(p.Why)))
		if p.File != "" {
			l.detail("%s, line %d", oneLine(p.File), p.Line)
		}
	}
	if more := len(i.Policies) - maxPerRule; more > 0 {
		l.item("and %d more", more)
	}
}

func writeWhen(l *letter, i incident.Incident) {
	if i.OpenedAt.IsZero() && i.LearntAt.IsZero() {
		return
	}
	l.title("When")
	if !i.OpenedAt.IsZero() {
		l.field(map[bool]string{true: "called", false: "opened"}[isCall(i)], clock(i.OpenedAt))
	}
	if !i.LearntAt.IsZero() {
		late := clock(i.LearntAt)
		if !i.OpenedAt.IsZero() {
			late += ", " + span(i.LearntAt.Sub(i.OpenedAt)) + " later"
		}
		late += bySweep(i)
		l.field("noticed", late)
	}
	if i.ClosedAt == nil {
		return
	}
	over := i.Outcome == incident.Reverted || i.Outcome == incident.Narrowed
	switch {
	case over && i.Reason == "interrupted" && !i.OpenedAt.IsZero(): // when it was read, not when it went
		l.field("closed", "at the latest "+clock(*i.ClosedAt)+", open for at most "+span(i.ClosedAt.Sub(i.OpenedAt))+putBackSince(i))
	case over && !i.OpenedAt.IsZero():
		l.field("closed", clock(*i.ClosedAt)+", open for "+span(i.ClosedAt.Sub(i.OpenedAt))+putBackSince(i))
	case over:
		l.field("closed", clock(*i.ClosedAt))
	case i.EventType == incident.Resolved:
		l.field("over", "at the latest "+clock(*i.ClosedAt))
	}
}

// bySweep says that no event led to a look.
func bySweep(i incident.Incident) string {
	_, isPage := pageOf(i)
	switch {
	case i.Cause != "sweep" || isPage:
		return ""
	case i.Actor.Attributed, i.EventID != "": // its event came before or after
		return ", by the sweep"
	}
	return ", by the sweep: no event had told of it"
}

// putBackSince ends the line about what was closed, and is open again.
func putBackSince(i incident.Incident) string {
	if isUndone(i) {
		return "; it was put back since, and is open"
	}
	return ""
}

func writeNotes(l *letter, i incident.Incident) {
	var standing []string
	for _, r := range i.Standing {
		if r.Before != nil {
			standing = append(standing, joinNonEmpty(" ", foreign(r.Before.String(), 200), parenthesised(foreign(r.ID, 60))))
		}
	}
	if len(i.Notes) == 0 && len(standing) == 0 {
		return
	}
	l.title("Also")
	for _, n := range i.Notes[:min(len(i.Notes), maxLines)] {
		l.item("%s.", strings.TrimSuffix(sentence(orElse(foreign(n, 500), "-")), "."))
	}
	if len(standing) > 0 {
		l.item("%s of this group violates a policy too, but stood before the policy did, and is left alone:", count(len(standing), "rule"))
		writeLines(l, standing)
	}
}

// sentence begins a note with a capital letter, but for ids: those are copied.
func sentence(text string) string {
	if strings.HasPrefix(text, "sgr-") || strings.HasPrefix(text, "sg-") {
		return text
	}
	return upperFirst(text)
}

func footer(i incident.Incident) string {
	text := "This message was written by sgwarden."
	switch id := foreign(i.ID, 60); {
	case id != "" && i.EventType == "":
		text = fmt.Sprintf("sgwarden, incident%c%s: no message was sent under this id.", glue, id)
	case id != "":
		text = fmt.Sprintf("sgwarden, incident%c%s, message \"%s\".", glue, id, foreign(string(i.EventType), 20))
	}
	return text
}

func joinNonEmpty(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), separator)
}

func parenthesised(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

// oneLine is for what the operators of the deployment wrote themselves:
// policies may hold links.
func oneLine(text string) string {
	return shorten(strings.Join(strings.Fields(strings.Map(visible, text)), " "), 500)
}
