package alert

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// Names of the message attributes. They are a public interface, made for SNS
// filter policies: none is ever renamed or dropped, values are lower case,
// every message has all of them, and what is not known is "none". SNS allows
// ten; nine are in use. docs/reference/incident.md lists them.
const (
	AttrSeverity      = "severity"      // info, low, medium, high, critical
	AttrSeverityLevel = "severitylevel" // the same as a number, 1 to 5: {"severitylevel": [{"numeric": [">=", 4]}]}
	AttrPolicy        = "policy"        // all violated policies, as String.Array
	AttrAccount       = "account"
	AttrRegion        = "region"
	AttrOutcome       = "outcome" // the closed list
	AttrMode          = "mode"    // observe, enforce
	AttrTeam          = "team"    // tag "team" of the group: set by whoever may tag it
	AttrEventType     = "eventtype"
)

// AttributeNames are all of them, sorted.
func AttributeNames() []string {
	return []string{AttrAccount, AttrEventType, AttrMode, AttrOutcome, AttrPolicy, AttrRegion, AttrSeverity, AttrSeverityLevel, AttrTeam}
}

// Attribute is a message attribute as SNS has it. Value is never empty.
type Attribute struct {
	Type  string // String, Number or String.Array
	Value string
}

const (
	none           = "none"
	attributeLimit = 100
	// attributePolicies bounds the array, as a filter looks at each value.
	attributePolicies = 20
)

// attributes gives all attributes of a message.
func attributes(i incident.Incident) map[string]Attribute {
	severity, level := severityOf(i)
	return map[string]Attribute{
		AttrSeverity:      {"String", severity},
		AttrSeverityLevel: {"Number", strconv.Itoa(level)},
		AttrPolicy:        {"String.Array", policies(i)},
		AttrAccount:       {"String", value(i.AccountID)},
		AttrRegion:        {"String", value(i.Region)},
		AttrOutcome:       {"String", value(i.Outcome.String())},
		AttrMode:          {"String", value(i.Mode.String())},
		AttrTeam:          {"String", value(team(i))},
		AttrEventType:     {"String", value(string(i.EventType))},
	}
}

// severityOf is the incident's severity. One that has none, because nothing
// could be judged, counts as high where something is open: a filter for what
// matters must not drop what nobody understood.
func severityOf(i incident.Incident) (name string, level int) {
	switch {
	case i.Severity.String() != "":
		return i.Severity.String(), int(i.Severity)
	case i.Outcome.StaysOpen():
		return "high", 4
	}
	return none, 0
}

func policies(i incident.Incident) string {
	var ids []string
	for _, p := range i.Policies {
		ids = append(ids, value(p.ID))
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > attributePolicies {
		ids = ids[:attributePolicies]
	}
	if len(ids) == 0 {
		ids = []string{none}
	}
	text, err := json.Marshal(ids)
	if err != nil { // strings always encode
		return `["` + none + `"]`
	}
	return string(text)
}

// team is the value of the group's tag "team", whatever its case.
func team(i incident.Incident) string {
	for _, key := range []string{"team", "Team", "TEAM"} {
		if i.GroupTags[key] != "" {
			return i.GroupTags[key]
		}
	}
	return ""
}

// value keeps letters, digits and .:/=+-_ of a text in lower case: attributes
// end up in queue metadata, logs and URLs of others.
func value(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune(".:/=+-_", r):
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, text)
	if len(text) > attributeLimit {
		text = text[:attributeLimit]
	}
	if text == "" {
		return none
	}
	return text
}
