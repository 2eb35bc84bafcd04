package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// exemptionDays is what the exemption that a message proposes lasts.
const exemptionDays = 30

// writeNext says what can be done: the better way, the template to mend, the
// way to keep the rule, and the way back. Only what works today is said.
func writeNext(l *letter, i incident.Incident) {
	c := command{region: i.Region, groupID: i.GroupID}
	if i.Outcome == incident.Exempt {
		writeOfExempt(l, c, i)
		return
	}
	looks := looking(c, i)
	if len(i.Rules) == 0 && !isCall(i) && len(looks) == 0 || i.Outcome < incident.Exempt {
		return
	}
	l.title("What you can do")
	if len(looks) > 0 {
		l.item("To see how it is now, and what the event says:")
		writeCommands(l, looks)
	}
	if lines := releasing(i); len(lines) > 0 {
		l.item("To let sgwarden act again, after a pause or where the fuse holds the policy:")
		writeCommands(l, lines)
	}
	if lacksRight(i) {
		l.item("To see what the role of the deployment lacks:")
		writeCommands(l, []string{"sgwarden doctor"})
	}
	for _, p := range i.Policies[:min(len(i.Policies), maxPerRule)] {
		if fix := oneLine(p.Fix); fix != "" {
			l.item("%s", fix)
		}
	}
	writeSetting(l, c, i)
	writeByHand(l, c, i)
	writeTemplates(l, i)
	writeUndo(l, c, i)
	writeKeep(l, c, i)
}

// writeUndo gives the command that puts back what was taken, with an exemption
// that ends by itself.
func writeUndo(l *letter, c command, i incident.Incident) {
	line := undoing(c, i)
	if line == "" {
		return
	}
	l.item("If it was right, put it back as it was for some days, description and tags included (without --yes this only shows what it would do):")
	writeCommands(l, []string{line})
}

// undoing is the command that undoes an incident; "" = there is nothing to undo.
func undoing(c command, i incident.Incident) string {
	if !fitIncident(i.ID) || !fitGroup(i.GroupID) || !slices.ContainsFunc(i.Rules, func(r incident.Rule) bool { return len(c.restore(r)) > 0 }) {
		return ""
	}
	return fmt.Sprintf("sgwarden undo %s --group %s --for 7d --owner OWNER --reason REASON --yes", i.ID, i.GroupID)
}

// writeEndOfUndoing gives the commands that end the exemptions of an undoing.
func writeEndOfUndoing(l *letter, i incident.Incident) {
	lines := endingUndoing(i)
	if len(lines) == 0 {
		return
	}
	l.title("What you can do")
	l.item("If it is not to stay so long, end its exemption, and it is taken back again:")
	writeCommands(l, lines[:min(len(lines), maxRules)])
}

// endingUndoing are these commands; none for other messages.
func endingUndoing(i incident.Incident) (lines []string) {
	if !isUndone(i) {
		return nil
	}
	add := func(groupID, policyID string) {
		if fitIncident(i.ID) && fitGroup(groupID) && fitPolicy(policyID) {
			lines = appendLine(lines, fmt.Sprintf("sgwarden exempt remove %s %s", groupID, incident.UndoExemption(i.ID, policyID)))
		}
	}
	for _, p := range i.Policies {
		add(i.GroupID, p.ID)
	}
	if i.List != nil { // one for each group and policy
		for _, r := range i.Rules {
			for _, id := range r.Policies {
				add(r.GroupID, id)
			}
		}
	}
	return lines
}

// writeByHand gives the commands that close what is open.
func writeByHand(l *letter, c command, i incident.Incident) {
	lines := closing(c, i)
	if len(lines) == 0 {
		return
	}
	if anyPartial(i.Rules) {
		l.item("To close it by hand, change the rule so that it no longer covers what is too much of it, or remove it as a whole:")
	} else {
		l.item("To close it by hand:")
	}
	writeCommands(l, lines)
}

// closing are the commands that remove what is open.
func closing(c command, i incident.Incident) (lines []string) {
	if i.Outcome.Changed() && i.Outcome != incident.Tagged {
		return nil
	}
	for _, r := range i.Rules {
		if r.Outcome == incident.Reverted || r.Outcome == incident.Narrowed || r.Outcome <= incident.Exempt {
			continue
		}
		lines = appendLine(lines, c.revoke(r.Direction, r.ID))
	}
	return lines
}

// anyPartial reports whether of some rule only a part is too much.
func anyPartial(rules []incident.Rule) bool {
	return slices.ContainsFunc(rules, func(r incident.Rule) bool {
		return r.Before != nil && slices.ContainsFunc(openings(r), func(o opening) bool { return !o.isWhole(*r.Before) })
	})
}

// writeTemplates says what to look for where a template makes the rule.
func writeTemplates(l *letter, i incident.Incident) {
	var lines []string
	for n, r := range i.Rules {
		if n == maxPerRule {
			lines = append(lines, fmt.Sprintf("and so on for %d more", len(i.Rules)-maxPerRule))
			break
		}
		if r.Before == nil {
			continue
		}
		tf, cf := terraform(*r.Before), cloudFormation(*r.Before)
		if tf == nil || cf == "" {
			continue
		}
		lines = append(append(lines, underneath("Terraform       ", tf)...), "CloudFormation  "+cf)
		if r.Outcome != incident.Narrowed {
			continue
		}
		for _, a := range r.After[:min(len(r.After), maxPerRule)] {
			if tf, cf := terraform(a), cloudFormation(a); tf != nil && cf != "" {
				lines = append(append(lines, underneath("  write instead ", tf)...), "  write instead "+cf)
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	l.item("If a template makes the rule, change it there too, or it comes back. Look for:")
	for _, line := range lines {
		l.verbatim(line)
	}
}

// underneath writes lines one below the other, behind what the first is.
func underneath(label string, lines []string) []string {
	out := make([]string, 0, len(lines))
	for _, line := range lines {
		out = append(out, label+line)
		label = strings.Repeat(" ", len(label))
	}
	return out
}

// writeKeep says how a rule can stay: an exemption in the settings, and the
// way back once that is deployed.
func writeKeep(l *letter, c command, i incident.Incident) {
	lines := exemptions(i)
	if len(lines) == 0 {
		return
	}
	l.item("If it has to stay, agree on an exemption: add to exemptions in sgwarden.yaml, with your owner and reason, and deploy.")
	writeCommands(l, lines)
	var back []string
	for _, r := range i.Rules {
		for _, line := range c.restore(r) {
			back = appendLine(back, line)
		}
	}
	if len(back) == 0 {
		return
	}
	l.item("Then put it back by hand, unless undo did (a description has to be given anew):")
	writeCommands(l, back)
}

// exemptions are lines of settings, one per violated policy.
func exemptions(i incident.Incident) []string {
	if !fitGroup(i.GroupID) {
		return nil
	}
	at := i.LearntAt
	if at.IsZero() {
		at = i.OpenedAt
	}
	until := "YYYY-MM-DD"
	if !at.IsZero() {
		until = at.UTC().Add(exemptionDays * 24 * time.Hour).Format(time.DateOnly)
	}
	var lines []string
	for n, p := range i.Policies {
		rules := exemptRules(i.Rules, p.ID)
		which := "rules: [" + strings.Join(rules, ", ") + "], "
		if exemptsGroup(i.Rules, p.ID) {
			which = ""
		}
		if len(rules) == 0 && which != "" || n == maxCommands {
			continue
		}
		lines = append(lines, fmt.Sprintf("- {id: EX-%s-%d, policy: %s, group: %s, %sowner: OWNER, reason: REASON, until: %s}",
			strings.TrimPrefix(shortID(i.ID), "inc-"), n+1, oneLine(p.ID), i.GroupID, which, until))
	}
	return lines
}

// exemptsGroup reports whether the group itself is to be exempt from a policy:
// no flows are named then.
func exemptsGroup(rules []incident.Rule, policyID string) bool {
	return slices.ContainsFunc(rules, func(r incident.Rule) bool { return isOfGroup(r) && slices.Contains(r.Policies, policyID) })
}

// exemptRules are the flows that the rules open against a policy, quoted. One
// flow with all addresses of its rule stands for the hundred blocks of them
// that are too much.
func exemptRules(rules []incident.Rule, policyID string) []string {
	var quoted []string
	for _, r := range rules {
		if !slices.Contains(r.Policies, policyID) {
			continue
		}
		for _, o := range openings(r) {
			peers := o.peers
			if whole, ok := beforePeer(r).(secgroup.CIDR); ok {
				peers = []secgroup.Peer{whole}
			}
			for _, p := range peers {
				if len(quoted) > 2*maxRules { // nobody reads or wants that
					return nil
				}
				e := o.flow
				e.Peer = p
				if line := fmt.Sprintf("%q", e.String()); terraform(e) != nil && e.Validate() == nil && !slices.Contains(quoted, line) {
					quoted = append(quoted, line)
				}
			}
		}
	}
	return quoted
}

func beforePeer(r incident.Rule) secgroup.Peer {
	if r.Before == nil {
		return nil
	}
	return r.Before.Peer
}

func shortID(id string) string {
	id = value(id)
	return id[:min(len(id), 12)]
}

func appendLine(lines []string, line string) []string {
	if line == "" || slices.Contains(lines, line) {
		return lines
	}
	return append(lines, line)
}

func writeCommands(l *letter, lines []string) {
	for _, line := range lines[:min(len(lines), maxLines)] {
		l.verbatim(line)
	}
	if more := len(lines) - maxLines; more > 0 {
		l.detail("and so on for %d more", more)
	}
}

// visible drops controls and invisible characters.
func visible(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case !unicode.IsGraphic(r):
		return -1
	}
	return r
}

// lacksRight reports whether AWS does not permit what is to be done.
func lacksRight(i incident.Incident) bool {
	return i.Outcome == incident.CannotRemediate && i.Reason == "not-permitted"
}

// looking are the commands that show what could not be judged or verified.
func looking(c command, i incident.Incident) (lines []string) {
	if i.Outcome != incident.Unresolved {
		return nil
	}
	if c.fit() {
		lines = append(lines, fmt.Sprintf("aws ec2 describe-security-group-rules --region %s --filters Name=group-id,Values=%s", c.region, c.groupID))
	}
	if fitRegion(i.Region) && fitEvent(i.EventID) {
		lines = append(lines, fmt.Sprintf("aws cloudtrail lookup-events --region %s --lookup-attributes AttributeKey=EventId,AttributeValue=%s", i.Region, i.EventID))
	}
	return lines
}

// releasing are the commands that end what holds changes back.
func releasing(i incident.Incident) (lines []string) {
	if i.Outcome != incident.Pending || i.Reason != "held" {
		return nil
	}
	lines = []string{"sgwarden resume"}
	if fitGroup(i.GroupID) {
		lines = append(lines, "sgwarden resume --group "+i.GroupID)
	}
	for _, p := range i.Policies[:min(len(i.Policies), maxPerRule)] {
		if fitPolicy(p.ID) {
			lines = append(lines, "sgwarden resume --policy "+p.ID)
		}
	}
	return lines
}

// writeOfExempt says how what an exemption covers can be closed all the same, and,
// where the exemption ends, how it can stay.
func writeOfExempt(l *letter, c command, i incident.Incident) {
	lines, again := open(c, i), exemptions(i)
	if i.EventType == incident.Resolved || len(lines) == 0 && !isExpiring(i) {
		return
	}
	l.title("What you can do")
	if isExpiring(i) {
		l.item("To close it before:")
	} else {
		l.item("If it is not what the exemption was agreed for, close it by hand, and end the exemption:")
	}
	writeCommands(l, lines)
	if isExpiring(i) && len(again) > 0 {
		l.item("If it has to stay, agree on a new exemption: in sgwarden.yaml in place of the old one, with your owner and reason, and deploy.")
		writeCommands(l, again)
	}
}

// open are the commands that remove the rules of an incident that stand.
func open(c command, i incident.Incident) (lines []string) {
	for _, r := range i.Rules {
		if r.Before != nil {
			lines = appendLine(lines, c.revoke(r.Direction, r.ID))
		}
	}
	return lines
}
