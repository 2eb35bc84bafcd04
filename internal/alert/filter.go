package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// What SNS takes of a filter policy (developer guide, "Filter policy
// constraints"): keys, and the product of the numbers of values of all keys.
const (
	filterKeys         = 5
	filterCombinations = 150
)

// Want is one condition of a filter: of the attribute, one of the values.
// "team-*" is a prefix. "!low" is everything but: such values stand alone, and
// none of them may match. Letters become lower case, as they are in messages.
type Want struct {
	Attribute string
	Values    []string
}

// FilterPolicy writes an SNS filter policy (scope MessageAttributes) that lets
// those messages through which meet all wants, as JSON in one line with sorted
// keys. A want without values asks for nothing, and two of one attribute are
// one. All faults are told together: unknown values of closed lists, forms that
// cannot match a message, and what SNS would refuse.
func FilterPolicy(wants []Want) (string, error) {
	asked := map[string][]string{}
	for _, w := range wants {
		asked[w.Attribute] = append(asked[w.Attribute], w.Values...)
	}
	policy := map[string][]any{}
	var faults []error
	for _, name := range AttributeNames() {
		if len(asked[name]) == 0 {
			continue
		}
		values, err := filterValues(name, asked[name])
		policy[name], faults = values, append(faults, err)
	}
	if len(policy) == 0 {
		faults = append(faults, errors.New("nothing is asked for: such a filter would be no filter"))
	}
	if err := errors.Join(append(faults, withinLimits(policy))...); err != nil {
		return "", err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(policy); err != nil {
		return "", fmt.Errorf("write the filter policy: %w", err)
	}
	return strings.TrimSpace(text.String()), nil
}

// withinLimits refuses what SNS refuses.
func withinLimits(policy map[string][]any) error {
	combinations := 1
	for _, values := range policy {
		combinations *= max(1, alternatives(values))
	}
	switch {
	case len(policy) > filterKeys:
		return fmt.Errorf("%d attributes are asked for, and SNS takes %d: leave some out", len(policy), filterKeys)
	case combinations > filterCombinations:
		return fmt.Errorf("the values make %d combinations (the numbers of values of all attributes, multiplied), and SNS takes %d: leave some out, or use a prefix (team-*)", combinations, filterCombinations)
	}
	return nil
}

// alternatives counts the values of one attribute, those of an exclusion too.
func alternatives(values []any) int {
	n := 0
	for _, v := range values {
		not, ok := v.(map[string]any)
		list, many := not["anything-but"].([]string)
		if !ok || !many {
			n++
			continue
		}
		n += len(list)
	}
	return n
}

// filterValues reads the values of one attribute.
func filterValues(name string, asked []string) ([]any, error) {
	var values []any
	var not []string
	var faults []error
	seen := map[string]bool{}
	for _, text := range asked {
		text = strings.ToLower(strings.TrimSpace(text))
		if seen[text] {
			continue
		}
		seen[text] = true
		word, excluded := strings.CutPrefix(text, "!")
		if err := checkValue(name, word); err != nil {
			faults = append(faults, err)
			continue
		}
		prefix, isPrefix := strings.CutSuffix(word, "*")
		switch {
		case excluded && isPrefix:
			values = append(values, map[string]any{"anything-but": map[string]string{"prefix": prefix}})
		case excluded:
			not = append(not, word)
		case isPrefix:
			values = append(values, map[string]string{"prefix": prefix})
		case name == AttrSeverityLevel:
			values = append(values, map[string]any{"numeric": []any{">=", slices.Index(severities, word) + 1}})
		default:
			values = append(values, word)
		}
	}
	if len(not) > 0 {
		values = append(values, map[string]any{"anything-but": not})
	}
	return values, errors.Join(append(faults, notMixed(name, values))...)
}

// notMixed refuses exclusions beside other values: SNS lets a message through
// that meets one value of the list, so that an exclusion would swallow the rest.
func notMixed(name string, values []any) error {
	exclusions := 0
	for _, v := range values {
		if v, ok := v.(map[string]any); ok && v["anything-but"] != nil {
			exclusions++
		}
	}
	switch {
	case exclusions == 0:
		return nil
	case name == AttrPolicy:
		return fmt.Errorf("%s: a message names all its policies, and SNS cannot exclude one of several: name those that are wanted", name)
	case exclusions < len(values) || exclusions > 1:
		return fmt.Errorf("%s: values with ! stand alone, without other values and without a second prefix: SNS takes a message that meets one of them", name)
	}
	return nil
}

// severities are the closed list, from the least; their place plus one is
// AttrSeverityLevel.
var severities = []string{"info", "low", "medium", "high", "critical"}

// closed gives the values that an attribute can have, nil where any.
func closed(name string) []string {
	var known []string
	switch name {
	case AttrSeverity:
		return append([]string{none}, severities...)
	case AttrSeverityLevel:
		return severities
	case AttrMode:
		return []string{"observe", "enforce"}
	case AttrOutcome:
		for _, o := range incident.Outcomes() {
			known = append(known, o.String())
		}
	case AttrEventType:
		for _, e := range incident.EventTypes {
			known = append(known, string(e))
		}
	}
	return known
}

// checkValue refuses values that no message can have.
func checkValue(name, word string) error {
	stem, isPrefix := strings.CutSuffix(word, "*")
	known := closed(name)
	switch {
	case stem == "":
		return fmt.Errorf("%s: %q is no value", name, word)
	case len(known) > 0 && !slices.Contains(known, word):
		return fmt.Errorf("%s: %q is none of %s", name, word, strings.Join(known, ", "))
	case value(stem) != stem:
		return fmt.Errorf("%s: no message has %q: of what a group or policy is called, messages keep letters, digits and .:/=+-_, and write - for all else: ask for %q", name, word, value(stem))
	case name == AttrAccount && !isPrefix && (len(word) != 12 || strings.Trim(word, "0123456789") != ""):
		return fmt.Errorf("%s: %q is no account: 12 digits", name, word)
	}
	return nil
}
