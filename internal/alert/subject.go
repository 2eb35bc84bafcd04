package alert

import (
	"fmt"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// verbs are the first words of subjects.
var verbs = map[incident.Outcome]string{
	incident.Reverted: "sgwarden removed", incident.Narrowed: "sgwarden narrowed", incident.Tagged: "sgwarden tagged",
	incident.Alerted: "sgwarden found", incident.Observed: "sgwarden would act on", incident.Pending: "sgwarden waits before acting on",
	incident.NotReverted: "sgwarden could NOT take back", incident.CannotRemediate: "sgwarden CANNOT take back",
	incident.Unresolved: "sgwarden could not judge", incident.Exempt: "exempt:", incident.Gone: "gone:", incident.AlreadyCompliant: "over:",
}

// verbOf is how the subject begins behind the severity.
func verbOf(i incident.Incident) string {
	switch {
	case i.EventType == incident.Resolved:
		return "resolved:"
	case isOverwritten(i):
		return "an earlier change was overwritten:"
	case i.EventType == incident.Attributed:
		return "it is known who opened"
	case isExpiring(i):
		return "exemption ends soon:"
	case i.EventType == incident.Reminder:
		return "STILL OPEN: " + orElse(verbs[i.Outcome], "sgwarden judged")
	case i.EventType == incident.Undone:
		return "an operator put back"
	case i.EventType == incident.Contested:
		return "sgwarden keeps taking back"
	case i.Reason == "interrupted" && (i.Outcome == incident.Reverted || i.Outcome == incident.Narrowed):
		return "no longer open as it was:"
	case i.Outcome == incident.Reverted && allRestored(decisive(i)):
		return "sgwarden took back the change to"
	case isCall(i) && (i.Outcome == incident.Alerted || i.Outcome == incident.Observed):
		return "sgwarden tells of"
	case i.Outcome == incident.Unresolved && len(i.Actions) > 0:
		return "sgwarden could not verify"
	}
	return orElse(verbs[i.Outcome], "sgwarden judged")
}

// subjectLimit is SNS's: less than 100 characters.
const subjectLimit = 99

// subject is the line that is read first, in ASCII.
func subject(i incident.Incident) string {
	severity, _ := severityOf(i)
	if p, ok := pageOf(i); ok {
		return shorten(ascii(strings.ToUpper(severity)+": "+p.about(p.subject, i)), subjectLimit)
	}
	if i.List != nil {
		return shorten(ascii(unglue(strings.ToUpper(severity)+": "+listSubject(i))), subjectLimit)
	}
	rules, total, what := decisive(i), len(i.Rules)+i.OmittedRules, "a change"
	switch {
	case isOverwritten(i):
		what = foreign(inBetween(i)[0].Value.String(), 70)
		if more := countNews(i) - 1; more > 0 {
			what += fmt.Sprintf(" (and %d more)", more)
		}
	case len(rules) == 1 && rules[0].Before != nil:
		what = foreign(rules[0].Before.String(), 70)
		if total > 1 {
			what += fmt.Sprintf(" (1 of %d)", total)
		}
	case total > 1 && len(rules) < total:
		what = fmt.Sprintf("%d of %d rules", len(rules), total)
	case total > 1:
		what = count(total, "rule")
	case i.APICall != "":
		what = foreign(i.APICall, 40)
	}
	text := fmt.Sprintf("%s: %s %s", strings.ToUpper(severity), verbOf(i), what)
	if where := orElse(foreign(i.GroupName, 30), foreign(i.GroupID, 30)); where != "" {
		text += " on " + where
	}
	if onlyOfGroup(rules) {
		text = joinNonEmpty(": ", fmt.Sprintf("%s: %s %s", strings.ToUpper(severity), verbOf(i), orElse(foreign(i.GroupName, 30), foreign(i.GroupID, 30))), lacksOf(rules))
	}
	return shorten(ascii(unglue(text)), subjectLimit)
}
