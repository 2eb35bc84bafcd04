package alert

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// reasons puts the reasons that incidents carry into words. A reason that is
// not listed is shown as it is.
var reasons = map[string]string{
	"foreign":            "its event names another account or region than the one that sgwarden watches",
	"undecodable":        "its event could not be read",
	"no-such-group-name": "its event gives only a group name, and not exactly one group of the default VPC has it",
	"not-visible-yet":    "the rule that its event names cannot be seen in the group",
	"not-permitted":      "AWS does not permit it to the role of this deployment",
	"throttled":          "AWS throttled the calls",
	"leased":             "another run of sgwarden is at work on the group",
	"changed-by-another": "somebody else changed the group at the same time",
	"deadline":           "there was no time left for it",
	"unavailable":        "AWS did not answer",
	"refused-as-invalid": "AWS refused the call as invalid",
	"not-found":          "AWS does not find it",
	"not-verified":       "the group could not be read again afterwards",
	"still-there":        "AWS answered success, and the rule is there all the same",
	"changed-meanwhile":  "the rule was changed in the meantime",
	"overtaken":          "somebody changed the rule just before it was to be changed, and no call was made",
	"waiting":            "its policy gives it some time first",
	"held":               "changes are held at the moment",
}

// because is a reason as the end of a sentence; "" without one.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	if words, ok := reasons[reason]; ok {
		return ": " + words
	}
	if words := foreign(reason, 200); words != "" {
		return ":" + string(glue) + words
	}
	return ""
}

// groupName is the group in a sentence.
func groupName(i incident.Incident) string {
	name, id := foreign(i.GroupName, 80), foreign(i.GroupID, 60)
	switch {
	case name != "" && id != "":
		return fmt.Sprintf("security group \"%s\" (%s)", name, id)
	case id != "":
		return "security group" + string(glue) + id
	case name != "":
		return fmt.Sprintf("security group \"%s\"", name)
	}
	return "a security group"
}

// decisive are the rules that ended as the incident did: those that its first
// sentence is about.
func decisive(i incident.Incident) []incident.Rule {
	var rules []incident.Rule
	for _, r := range i.Rules {
		if r.Outcome == i.Outcome {
			rules = append(rules, r)
		}
	}
	if len(rules) == 0 {
		return i.Rules
	}
	return rules
}

// subjectOf says what the decisive rules do, as the object of a sentence: "a
// rule of security group sg-1 that lets the whole IPv4 internet reach tcp/22
// (SSH)". tense is "lets" or "let".
func subjectOf(i incident.Incident, tense string) string {
	rules, total := decisive(i), len(i.Rules)+i.OmittedRules
	if total == 0 {
		return groupName(i)
	}
	if onlyOfGroup(rules) {
		return groupName(i) + ", which is not as its policies require: " + orElse(lacksOf(rules), "it could not be judged")
	}
	text := "a rule of " + groupName(i)
	switch {
	case total > 1 && len(rules) < total:
		text = fmt.Sprintf("%d of %s of %s", len(rules), count(total, "rule"), groupName(i))
	case total > 1:
		text = count(total, "rule") + " of " + groupName(i)
	}
	if opened := openings(rules[0]); len(rules) == 1 && len(opened) > 0 {
		text += " that " + opened[0].lets(tense)
		if more := len(opened) - 1; more > 0 {
			text += fmt.Sprintf(", and %d more", more)
		}
	}
	return text
}

// lead is the first paragraph: what happened, and what is so now. It claims
// only what the outcome claims.
func lead(i incident.Incident) string {
	overwritten := overwrittenLead(i)
	if i.EventType == incident.Attributed && overwritten != "" {
		return overwritten + " " + told(i)
	}
	return joinNonEmpty(" ", leadOf(i), stillOpenBy(i), overwritten)
}

// stillOpenBy is what a reader must not miss who reads that a rule is gone; "" =
// nothing.
func stillOpenBy(i incident.Incident) string {
	groups := foreign(i.StillOpenBy(), 400)
	if groups == "" || i.Outcome != incident.Reverted && i.Outcome != incident.Narrowed || isUndone(i) {
		return ""
	}
	return fmt.Sprintf("SOME OF IT IS STILL OPEN: other groups on the same network interfaces allow it (%s).", groups)
}

func leadOf(i incident.Incident) string {
	switch i.EventType {
	case incident.Resolved:
		return resolved(i)
	case incident.Attributed:
		return fmt.Sprintf("It is known now that%c%s made this change. %s", glue, orElse(foreign(i.Actor.ARN, 200), "an actor without name"), told(i))
	case incident.Contested:
		return "The same change keeps coming back, and is taken back each time. " + told(i) + " No more messages are sent about it for an hour."
	case incident.Reminder:
		if isExpiring(i) {
			return expiring(i)
		}
		return "This is still open. " + told(i)
	case incident.Undone:
		return fmt.Sprintf("What sgwarden had taken back is open again, as an operator decided (sgwarden undo): %s. All of that is as it was before sgwarden acted, and stays as long as the exemption that came with it.", subjectOf(i, "lets"))
	}
	return told(i)
}

// isExpiring reports whether a message is about an exemption that ends soon.
func isExpiring(i incident.Incident) bool {
	return i.EventType == incident.Reminder && i.Outcome == incident.Exempt
}

// expiring is about an exemption that ends soon.
func expiring(i incident.Incident) string {
	return fmt.Sprintf("An exemption ends soon%s. It covers %s. When it has ended, that is judged like any other: change the rule before, or agree on a new exemption. Nothing was changed.",
		because(i.Reason), subjectOf(i, "lets"))
}

// orElse is text, or otherwise where there is none.
func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func resolved(i incident.Incident) string {
	switch i.Outcome {
	case incident.Gone:
		return fmt.Sprintf("What sgwarden told about is over: %s is gone. sgwarden did not remove it.", subjectOf(i, "let"))
	case incident.Exempt:
		return fmt.Sprintf("What sgwarden told about is accepted: %s is covered by an exemption%s. Nothing was changed.", subjectOf(i, "lets"), because(i.Reason))
	}
	return fmt.Sprintf("What sgwarden told about is over: %s is gone, or is within the policies by now. sgwarden did not change it.", subjectOf(i, "let"))
}

// told says how the incident stands, by its outcome.
func told(i incident.Incident) string {
	switch i.Outcome {
	case incident.Reverted:
		return reverted(i)
	case incident.Narrowed:
		if i.Reason == "interrupted" {
			return fmt.Sprintf("%s is narrower now: the group was read, and only what the policies allow is left. An earlier run of sgwarden was interrupted, so its call may not have been the one that did it.", upperFirst(subjectOf(i, "let")))
		}
		return fmt.Sprintf("sgwarden narrowed %s. The group was read again afterwards: only what the policies allow is left.", subjectOf(i, "let"))
	case incident.Tagged:
		return fmt.Sprintf("sgwarden tagged %s. That is all that the policy asks for: %s.", subjectOf(i, "lets"), stillSo(i))
	case incident.Alerted:
		if isCall(i) {
			return calledBy(i) + " Nothing was changed: what to do about it is for a person to decide."
		}
		if len(i.Rules) == 0 {
			return fmt.Sprintf("Something about %s needs a look%s. Nothing was changed.", groupName(i), because(i.Reason))
		}
		return fmt.Sprintf("sgwarden found %s. Nothing was changed, and %s: what to do about it is for a person to decide.", subjectOf(i, "lets"), stillSo(i))
	case incident.Observed:
		if isCall(i) {
			return calledBy(i) + " This is observe mode. Nothing was changed."
		}
		return fmt.Sprintf("sgwarden found %s. This is observe mode: nothing was changed, and %s.", subjectOf(i, "lets"), stillSo(i))
	case incident.Pending:
		return fmt.Sprintf("sgwarden found %s. Nothing was changed yet%s. It is looked at again.", subjectOf(i, "lets"), because(i.Reason))
	case incident.NotReverted:
		return fmt.Sprintf("sgwarden could not take back %s%s. Treat it as open. It is tried again.", subjectOf(i, "lets"), because(i.Reason))
	case incident.CannotRemediate:
		return fmt.Sprintf("sgwarden cannot take back %s%s. Treat it as open: somebody has to act.", subjectOf(i, "lets"), because(i.Reason))
	case incident.Unresolved:
		return unresolved(i)
	case incident.Exempt:
		if isCall(i) {
			return calledBy(i) + fmt.Sprintf(" An exemption covers it%s. Nothing was changed.", because(i.Reason))
		}
		return fmt.Sprintf("sgwarden found %s. An exemption covers it%s. Nothing was changed.", subjectOf(i, "lets"), because(i.Reason))
	case incident.Gone, incident.AlreadyCompliant:
		return fmt.Sprintf("Nothing is left to be done about %s. sgwarden changed nothing.", subjectOf(i, "let"))
	}
	return fmt.Sprintf("A change of %s is within the policies. Nothing was changed.", groupName(i))
}

// isCall reports whether an incident is about a call itself, whatever it
// opened: it has no rules, and policies that are against it.
func isCall(i incident.Incident) bool {
	return len(i.Rules)+i.OmittedRules == 0 && i.APICall != "" && len(i.Policies) > 0
}

// calledBy says which call an incident is about.
func calledBy(i incident.Incident) string {
	text := "sgwarden tells of a call: " + strings.TrimPrefix(foreign(i.APICall, 80)+" on "+groupName(i), " on ")
	if arn := foreign(i.Actor.ARN, 200); arn != "" {
		text += ", made by" + string(glue) + arn
	}
	return text + "."
}

func reverted(i incident.Incident) string {
	subject, now := subjectOf(i, "let"), "the rule is gone"
	if len(decisive(i)) > 1 {
		now = "the rules are gone"
	}
	did := "sgwarden removed " + subject
	if allRestored(decisive(i)) {
		did, now = "sgwarden gave its earlier value back to "+subjectOf(i, "had come to let"), "that value is in place"
	}
	switch i.Reason {
	case "interrupted":
		return fmt.Sprintf("%s is over: the group was read, and %s. An earlier run of sgwarden was interrupted, so its call may not have been the one that did it.", upperFirst(subject), now)
	case "ledger-down":
		now += ". The ledger could not be reached: what stood before, exemptions in it and repeated messages are not known"
	}
	return fmt.Sprintf("%s. The group was read again afterwards: %s.", did, now)
}

func allRestored(rules []incident.Rule) bool {
	for _, r := range rules {
		if !r.Restored {
			return false
		}
	}
	return len(rules) > 0
}

func unresolved(i incident.Incident) string {
	what := "a change of " + groupName(i)
	if i.GroupID == "" && i.GroupName == "" {
		what = "a change"
		if call := foreign(i.APICall, 80); call != "" {
			what = "the call" + string(glue) + call
		}
	}
	if len(i.Actions) > 0 {
		return fmt.Sprintf("sgwarden tried to take back %s, and does not know whether it did%s. Please look at the group.", subjectOf(i, "lets"), because(i.Reason))
	}
	return fmt.Sprintf("sgwarden could not judge %s%s. It may be fine or not: please look at it yourself.", what, because(i.Reason))
}

func upperFirst(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return strings.ToUpper(text[:size]) + text[size:]
}
