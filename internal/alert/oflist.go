package alert

import (
	"fmt"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// listName is the list in a sentence.
func listName(l *incident.List) string {
	if name := foreign(l.Name, 80); name != "" {
		return fmt.Sprintf("prefix list \"%s\" (%s)", name, foreign(l.ID, 60))
	}
	return "prefix list" + string(glue) + foreign(l.ID, 60)
}

// listText is the whole text of a message about a prefix list.
func listText(i incident.Incident) string {
	w := &letter{}
	w.paragraph(listLead(i))
	writeListed(w, "What was added", i.List.Added, i.List.OmittedAdded)
	writeWhatItOpens(w, i)
	writeUses(w, i)
	w.title("Where")
	w.field("list", strings.TrimPrefix(listName(i.List), "prefix list "))
	w.field("owner", foreign(i.List.OwnerID, 20))
	w.field("account", strings.TrimSuffix(foreign(i.AccountID, 20)+", "+foreign(i.Region, 30), ", "))
	writeWho(w, i)
	writeWhy(w, i)
	if !isUndone(i) {
		writeListDone(w, i)
	}
	writeWhen(w, i)
	writeNotes(w, i)
	if isUndone(i) {
		writeEndOfUndoing(w, i)
	} else {
		writeListNext(w, i)
	}
	w.b.WriteString("\n")
	w.paragraph(footer(i))
	return w.String()
}

// listLead is what happened, and what is so now: no more than the outcome claims.
func listLead(i incident.Incident) string {
	l := i.List
	grew := fmt.Sprintf("%s grew, and %s a policy by it", listName(l), violating(i))
	switch i.EventType {
	case incident.Undone:
		return fmt.Sprintf("What sgwarden had taken out of %s is in it again, as an operator decided (sgwarden undo): %s. It stays as long as the exemptions that came with it.", listName(l), blocksText(l.Removed))
	case incident.Resolved:
		if i.Outcome == incident.Gone {
			return fmt.Sprintf("What sgwarden told about is over: no rule of this account refers to %s any more. sgwarden did not change it.", listName(l))
		}
		return fmt.Sprintf("What sgwarden told about is over: %s is within the policies by now. sgwarden did not change it.", listName(l))
	case incident.Attributed:
		return fmt.Sprintf("It is known now that%c%s made this change of %s.", glue, orElse(foreign(i.Actor.ARN, 200), "an actor without name"), listName(l))
	case incident.Contested:
		return fmt.Sprintf("The same entries keep coming back into %s, and are taken out each time. No more messages are sent about it for an hour.", listName(l))
	}
	switch i.Outcome {
	case incident.Reverted:
		return fmt.Sprintf("sgwarden took %s out of %s again, by which %s a policy. The list was read again afterwards. The rules that refer to it were not touched: what they let in before, they let in still.",
			entryCount(len(l.Removed)), listName(l), violating(i))
	case incident.Observed:
		return fmt.Sprintf("sgwarden found that %s. This is observe mode: nothing was changed, and it is still open.", grew)
	case incident.Alerted:
		return fmt.Sprintf("sgwarden found that %s. Nothing was taken out of the list, and it is still open%s. What to do about it is for a person to decide.", grew, because(i.Reason))
	case incident.Pending:
		return fmt.Sprintf("sgwarden found that %s. Nothing was taken out of the list yet%s. It is looked at again.", grew, listBecause(i.Reason))
	case incident.NotReverted:
		return fmt.Sprintf("sgwarden could not take back that %s%s. Treat it as open. It is tried again.", grew, listBecause(i.Reason))
	case incident.CannotRemediate:
		return fmt.Sprintf("sgwarden cannot take back that %s%s. Treat it as open: somebody has to act.", grew, because(i.Reason))
	}
	return fmt.Sprintf("sgwarden does not know whether it took back that %s%s. Treat it as open. It is tried again.", grew, listBecause(i.Reason))
}

func listBecause(reason string) string {
	switch reason {
	case "still-there":
		return ": AWS answered success, and the entries are there all the same"
	case "not-verified":
		return ": the list could not be read again afterwards"
	case "not-complete":
		return ": AWS has not completed the change of the list"
	case "changed-by-another":
		return ": somebody else is changing the list at the same time"
	}
	return because(reason)
}

func violating(i incident.Incident) string {
	n := i.List.Violating
	if n == 1 {
		return "1 security group violates"
	}
	return fmt.Sprintf("%d security groups violate", n)
}

func entryCount(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func writeListed(w *letter, title string, entries []secgroup.ListEntry, omitted int) {
	if len(entries) == 0 {
		return
	}
	w.title(title)
	for _, e := range entries[:min(len(entries), maxRules)] {
		w.item("%s", e.Block)
		if d := foreign(e.Description, 255); d != "" {
			w.detail("described as \"%s\" by whoever added it", d)
		}
	}
	if more := max(len(entries)-maxRules, 0) + omitted; more > 0 {
		w.item("and %d more: see the JSON form of this message", more)
	}
}

// isOver reports whether what a list opened is closed.
func isOver(i incident.Incident) bool {
	return i.EventType == incident.Resolved || i.Outcome == incident.Reverted && !isUndone(i)
}

// writeWhatItOpens lists the rules that violate by the list.
func writeWhatItOpens(w *letter, i incident.Incident) {
	if len(i.Rules) == 0 {
		return
	}
	switch {
	case isUndone(i): // nobody read the rules again for this message
		w.title("What it opened before it was taken out")
	case isOver(i):
		w.title("What it opened")
	default:
		w.title("What it opens")
	}
	names := map[string]string{}
	for _, g := range i.List.Groups {
		names[g.ID] = foreign(g.Name, 60)
	}
	for _, r := range i.Rules[:min(len(i.Rules), maxRules)] {
		if r.Before == nil {
			continue
		}
		w.item("%s of %s", joinNonEmpty(" ", foreign(r.Before.String(), 200), parenthesised(foreign(r.ID, 60))),
			joinNonEmpty(" ", foreign(r.GroupID, 60), parenthesised(names[r.GroupID])))
		if opened := openings(r); len(opened) > 0 {
			w.detail("%s", opened[0].exposes())
			if more := len(opened) - 1; more > 0 {
				w.detail("and %d more", more)
			}
		}
	}
	if more := max(len(i.Rules)-maxRules, 0) + i.OmittedRules; more > 0 {
		w.item("and %d more: see the JSON form of this message", more)
	}
}

// writeUses lists the groups that refer to the list and are in order.
func writeUses(w *letter, i incident.Incident) {
	var fine []string
	for _, g := range i.List.Groups {
		if g.Outcome == incident.Compliant {
			fine = append(fine, joinNonEmpty(" ", foreign(g.ID, 60), parenthesised(foreign(g.Name, 60))))
		}
	}
	if len(fine) == 0 {
		return
	}
	w.title("Who else uses the list, rightly")
	for _, line := range fine[:min(len(fine), maxRules)] {
		w.item("%s", line)
	}
	if more := max(len(fine)-maxRules, 0) + i.List.OmittedGroups; more > 0 {
		w.item("and %d more: see the JSON form of this message", more)
	}
}

func writeListDone(w *letter, i incident.Incident) {
	switch {
	case i.Outcome == incident.Observed:
		w.title("What enforce mode would have done")
		writeLines(w, i.Would)
		w.item("Nothing of this was done.")
		return
	case i.Outcome == incident.Reverted:
		w.title("What was done")
		w.field("taken out", blocksText(i.List.Removed))
		w.field("put back", blocksText(i.List.PutBack))
		if i.List.After > 0 {
			w.field("version", fmt.Sprintf("%d was judged, %d was read back", i.List.Judged, i.List.After))
		}
	case len(i.Actions) > 0:
		w.title("What was tried")
	}
	if len(i.Actions) > 0 {
		w.item("Calls:")
		writeLines(w, i.Actions)
	}
}

func blocksText(entries []secgroup.ListEntry) string {
	var parts []string
	for _, e := range entries[:min(len(entries), maxRules)] {
		parts = append(parts, e.Block.String())
	}
	if more := len(entries) - maxRules; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// writeListNext says what can be done: only what works today.
func writeListNext(w *letter, i incident.Incident) {
	if i.Outcome <= incident.Exempt {
		return
	}
	w.title("What you can do")
	for _, p := range i.Policies[:min(len(i.Policies), maxPerRule)] {
		if fix := oneLine(p.Fix); fix != "" {
			w.item("%s", fix)
		}
	}
	if line := listByHand(i); line != "" {
		w.item("To take what was added out of the list by hand, for all that use it (leave what is right in it):")
		w.verbatim(line)
	}
	if i.Outcome == incident.Alerted {
		w.item("To have sgwarden close this in the groups that violate, give the policy remedy: {do: revert, onList: rule}: the entries that the list had become rules there, and the rule that refers to it goes.")
	}
	wrong := i.List.Removed
	if i.Outcome != incident.Reverted {
		wrong = i.List.Added
	}
	if len(wrong) > 0 {
		w.item("If a template makes the list, change it there too, or it comes back. Look for:")
	}
	for _, e := range wrong[:min(len(wrong), maxPerRule)] {
		w.verbatim(fmt.Sprintf("Terraform       entry { cidr = %q }", e.Block))
		w.verbatim(fmt.Sprintf("CloudFormation  Entries: [{Cidr: %q}]", e.Block))
	}
	if undo := listUndoing(i); undo != "" {
		w.item("If it was right, put it back as it was for some days, descriptions included (without --yes this only shows what it would do):")
		w.verbatim(undo)
	}
}

// listByHand is the command that takes what was added out of a list of the
// account; "" = there is none, or it is not needed.
func listByHand(i incident.Incident) string {
	l := i.List
	if i.Outcome == incident.Reverted || !fitList(l.ID) || !fitRegion(i.Region) || l.Judged <= 0 || l.OwnerID != i.AccountID || len(l.Added) == 0 {
		return ""
	}
	var cidrs []string
	for _, e := range l.Added[:min(len(l.Added), maxRules)] {
		cidrs = append(cidrs, "Cidr="+e.Block.String())
	}
	return fmt.Sprintf("aws ec2 modify-managed-prefix-list --region %s --prefix-list-id %s --current-version %d --remove-entries %s", i.Region, l.ID, l.Judged, strings.Join(cidrs, " "))
}

// listUndoing is the command that puts back what was taken out; "" = nothing was.
func listUndoing(i incident.Incident) string {
	if i.Outcome != incident.Reverted || isUndone(i) || !fitIncident(i.ID) || !fitList(i.List.ID) || !fitRegion(i.Region) {
		return ""
	}
	return fmt.Sprintf("sgwarden undo %s --group %s --for 7d --owner OWNER --reason REASON --yes", i.ID, i.List.ID)
}

// listSubject is the subject of a message about a list, behind the severity.
func listSubject(i incident.Incident) string {
	what := orElse(foreign(i.List.Name, 30), foreign(i.List.ID, 30))
	switch i.EventType {
	case incident.Resolved:
		return "resolved: prefix list " + what
	case incident.Undone:
		return "an operator put entries back into prefix list " + what
	case incident.Contested:
		return "sgwarden keeps taking entries out of prefix list " + what
	}
	switch i.Outcome {
	case incident.Reverted:
		return fmt.Sprintf("sgwarden took %s out of prefix list %s", entryCount(len(i.List.Removed)), what)
	case incident.Observed:
		return "sgwarden would edit prefix list " + what + ", which grew"
	case incident.Alerted:
		return "sgwarden found that prefix list " + what + " grew"
	case incident.Pending:
		return "sgwarden waits before taking back the growth of prefix list " + what
	case incident.CannotRemediate:
		return "sgwarden CANNOT take back the growth of prefix list " + what
	case incident.NotReverted:
		return "sgwarden could NOT take back the growth of prefix list " + what
	}
	return "sgwarden could not verify its edit of prefix list " + what
}
