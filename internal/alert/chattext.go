package alert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

const (
	chatRules    = 5
	chatPolicies = 3
	chatNotes    = 3
	chatBetween  = 3
)

// chatDescription is what a person reads in the channel: the first sentences
// of the mail, and the facts below, a line each.
func chatDescription(i incident.Incident) string {
	var lines []string
	add := func(name string, parts ...string) {
		if text := joinNonEmpty(", ", parts...); text != "" {
			lines = append(lines, name+": "+text)
		}
	}
	lines = append(lines, prose(inBrief(i), chatText/2))
	if i.List != nil {
		add("Added", code(blocksText(i.List.Added)))
		add("Taken out", code(blocksText(i.List.Removed)))
		add("Put back", code(blocksText(i.List.PutBack)))
	}
	for _, r := range chatWorst(i) {
		parts := chatRule(r, !ownsOutcomes(i))
		if i.List != nil {
			parts = append(parts, said("of", r.GroupID))
		}
		add("Rule", parts...)
	}
	if more := len(i.Rules) + i.OmittedRules - chatRules; more > 0 {
		lines = append(lines, count(more, "more rule")+": see the alert itself")
	}
	for n, b := range inBetween(i) {
		if n == chatBetween {
			lines = append(lines, "and more that was set in between: see the alert itself")
			break
		}
		add("Set in between, and overwritten", code(b.Value.String()), code(b.Value.ID), said("described as", b.Value.Description), clock(b.of.At), said("by", b.of.Actor.ARN),
			said("session", b.of.Actor.Session), said("from", b.of.Actor.SourceIP), said("with", b.of.Actor.UserAgent), said("event", b.of.EventID), prose(allowed(b), chatField))
	}
	add("Group", code(i.GroupName), code(i.GroupID), code(i.VPCID))
	if i.List != nil {
		add("List", code(i.List.Name), code(i.List.ID), said("owner", i.List.OwnerID))
	}
	add("Account", code(i.AccountID), code(i.Region))
	if who := unknownInChat(i); who != "" {
		add("Who", who)
	}
	if i.Actor.Attributed {
		add(map[bool]string{false: "Who", true: "Who had opened it"}[isUndone(i)], code(i.Actor.ARN), said("session", i.Actor.Session), said("through", i.Actor.InvokedBy), said("from", i.Actor.SourceIP), said("with", i.Actor.UserAgent))
	}
	add("Call", code(i.APICall), said("event", i.EventID))
	for _, p := range i.Policies[:min(len(i.Policies), chatPolicies)] {
		add("Policy", joinNonEmpty(" ", code(p.ID), parenthesised(p.Severity.String()), prose(foreign(p.Title, chatField), chatField)))
	}
	add("When", chatWhen(i))
	add("Connections", prose(connections(i), chatField))
	for _, line := range i.Would[:min(len(i.Would), chatNotes)] {
		add("Enforce mode would call", code(line))
	}
	if n := len(i.Standing); n > 0 {
		add("Left alone", count(n, "rule")+" of this group that violates a policy too, but stood before the policy did")
	}
	for _, n := range i.Notes[:min(len(i.Notes), chatNotes)] {
		add("Also", code(n))
	}
	add("Incident", code(i.ID))
	return within(lines, chatText)
}

// chatWorst are the first rules to be told of, what went wrong first.
func chatWorst(i incident.Incident) []incident.Rule {
	rules := slices.Clone(i.Rules)
	slices.SortStableFunc(rules, func(a, b incident.Rule) int { return int(b.Outcome) - int(a.Outcome) })
	return rules[:min(len(rules), chatRules)]
}

// ownsOutcomes reports whether the outcomes of an incident's rules tell what
// became of these rules: not of what was put back since, nor where the list that
// they refer to was edited, and they were not.
func ownsOutcomes(i incident.Incident) bool { return !isUndone(i) && i.List == nil }

// isUndone reports whether a message is about what an operator put back: what
// became of its rules before is over.
func isUndone(i incident.Incident) bool { return i.EventType == incident.Undone }

// chatRule is a rule, and what became of it unless that is over.
func chatRule(r incident.Rule, over bool) []string {
	switch {
	case isOfGroup(r):
		return []string{"the group itself", code(lacksOf([]incident.Rule{r}))}
	case r.Before == nil:
		return []string{orElse(code(r.ID), "without id"), "its value is not known"}
	}
	parts := []string{code(r.Before.String()), code(r.ID), said("described as", r.Before.Description)}
	for _, o := range openings(r) {
		if !o.isWhole(*r.Before) && len(parts) < chatRules {
			parts = append(parts, "too much of it is "+prose(o.part(*r.Before), chatField))
		}
	}
	if lacks := lacksOf([]incident.Rule{r}); lacks != "" {
		parts = append(parts, "not as required "+code(lacks))
	}
	if over {
		return parts
	}
	if r.Fallback != "" {
		parts = append(parts, "less is left than the policies allow: "+code(r.Fallback))
	}
	if r.Outcome == incident.Reverted || r.Outcome == incident.Narrowed {
		parts = append(parts, "now "+chatLeft(r))
	}
	return append(parts, r.Outcome.String())
}

// chatLeft says what is left of a rule.
func chatLeft(r incident.Rule) string {
	left := leftOf(r)
	if len(r.After) == 0 || r.Reason == "not-verified" {
		return prose(left[0], chatField)
	}
	for n := range left {
		left[n] = code(left[n])
	}
	return strings.Join(left, " and ")
}

// said is a text of others behind a word of ours.
func said(word, text string) string {
	if text = code(text); text == "" {
		return ""
	}
	return word + " " + text
}

func chatWhen(i incident.Incident) string {
	var parts []string
	if !i.OpenedAt.IsZero() {
		parts = append(parts, clock(i.OpenedAt))
		if !i.LearntAt.IsZero() {
			parts = append(parts, "noticed "+span(i.LearntAt.Sub(i.OpenedAt))+" later"+bySweep(i))
		}
		if i.ClosedAt != nil && !isUndone(i) && (i.Outcome == incident.Reverted || i.Outcome == incident.Narrowed) {
			parts = append(parts, "closed "+clock(*i.ClosedAt)+", open for "+span(i.ClosedAt.Sub(i.OpenedAt)))
		}
	}
	return strings.Join(parts, ", ")
}

// chatNext are what can be done, commands as code.
func chatNext(i incident.Incident) []string {
	var steps []string
	add := func(step string) {
		if len(steps) < chatSteps {
			steps = appendLine(steps, step)
		}
	}
	if p, ok := pageOf(i); ok {
		for _, s := range p.next {
			if line := p.command(s, i); line != "" {
				add(fmt.Sprintf("%s `%s`", s.when, line))
			}
		}
		return steps
	}
	c := command{region: i.Region, groupID: i.GroupID}
	if i.List == nil && i.Outcome == incident.Exempt && i.EventType != incident.Resolved {
		for _, line := range open(c, i) {
			add(fmt.Sprintf("%s `%s`", map[bool]string{false: "If it is not what the exemption was agreed for, close it:", true: "To close it before:"}[isExpiring(i)], line))
		}
		return steps
	}
	for _, line := range endingUndoing(i) {
		add(fmt.Sprintf("If it is not to stay so long: `%s`", line))
	}
	if isUndone(i) {
		return steps
	}
	looks := looking(c, i)
	if len(i.Rules) == 0 && !isCall(i) && len(looks) == 0 || i.Outcome <= incident.Exempt {
		return nil
	}
	for _, line := range looks {
		add(fmt.Sprintf("To look: `%s`", line))
	}
	if lacksRight(i) {
		add("To see what the role lacks: `sgwarden doctor`")
	}
	for _, line := range releasing(i) {
		add(fmt.Sprintf("To let sgwarden act again: `%s`", line))
	}
	for _, p := range i.Policies[:min(len(i.Policies), chatPolicies)] {
		add(prose(foreign(p.Fix, chatStep), chatStep))
	}
	if i.List != nil {
		if line := listByHand(i); line != "" {
			add(fmt.Sprintf("To take out what was added, for all that use the list (leave what is right in it): `%s`", line))
		}
		if undo := listUndoing(i); undo != "" {
			add(fmt.Sprintf("If it was right: `%s`", undo))
		}
		return steps
	}
	for _, line := range settings(c, i) {
		add(fmt.Sprintf("If what was set in between should stand: `%s`", line))
	}
	for _, line := range closing(c, i) {
		add(fmt.Sprintf("To close it by hand: `%s`", line))
	}
	if undo := undoing(c, i); undo != "" {
		add(fmt.Sprintf("If it was right: `%s`", undo))
	}
	return steps
}

// within joins lines until a limit of runes, whole ones only.
func within(lines []string, limit int) string {
	var kept []string
	size := 0
	for n, line := range lines {
		if size += len([]rune(line)) + 1; size > limit-20 && n > 0 {
			return strings.Join(append(kept, "and more"), "\n")
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}

// unknownInChat says that nobody is known to have done it; "" = somebody is, or the
// message is about nobody's act.
func unknownInChat(i incident.Incident) string {
	isAbout := len(i.Rules) > 0 || isCall(i) || i.List != nil
	if _, ok := pageOf(i); ok || !isAbout || i.Actor.Attributed || isExpiring(i) || isUndone(i) {
		return ""
	}
	return strings.TrimSuffix(unknownActor(i), ".")
}
