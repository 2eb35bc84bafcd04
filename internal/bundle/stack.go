package bundle

import (
	"errors"
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// Stack is what the settings of a folder of policies say of the stack.
type Stack struct {
	policy.Stack
	Digest string // of the policies that lie in the folder; "" without one
}

// ReadStack reads the settings of a folder of policies as they are before a
// deployment, with what lies over them; "" is a deployment without a folder.
// What keeps the folder from being deployed is policy.Faults, all of them, in
// the order of places; other errors are those of reading files.
func ReadStack(folder string, now time.Time, o policy.ParseOptions) (Stack, error) {
	if folder == "" {
		return embeddedStack(o)
	}
	stack, found, err := lint(folder, now, o)
	if err != nil {
		return Stack{}, err
	}
	var faults policy.Faults
	for _, d := range found {
		if !d.Warning {
			faults = append(faults, d)
		}
	}
	if len(faults) > 0 {
		return Stack{}, faults
	}
	return stack, nil
}

func embeddedStack(o policy.ParseOptions) (Stack, error) {
	packs, err := readPacks()
	if err != nil {
		return Stack{}, err
	}
	parsed, err := policy.ParseWith([]policy.Source{embedded}, withoutTests(packs), o)
	if err != nil {
		return Stack{}, err
	}
	return Stack{Stack: parsed.Stack}, nil
}

// filterAttributes are the attributes of messages that the keys of a filter are
// about.
var filterAttributes = map[string]string{
	"severity": alert.AttrSeverity, "minSeverity": alert.AttrSeverityLevel, "policy": alert.AttrPolicy,
	"account": alert.AttrAccount, "region": alert.AttrRegion, "outcome": alert.AttrOutcome, "mode": alert.AttrMode,
	"team": alert.AttrTeam, "eventType": alert.AttrEventType,
}

// FilterPolicy is the SNS filter policy of a subscriber, as JSON; "" for one
// that gets everything.
func FilterPolicy(s policy.Subscriber) (string, error) {
	if len(s.Filter) == 0 {
		return "", nil
	}
	text, err := alert.FilterPolicy(wants(s.Filter))
	if err != nil {
		return "", fmt.Errorf("filter of %s: %w", s.Address, err)
	}
	return text, nil
}

func wants(conditions []policy.Condition) []alert.Want {
	var all []alert.Want
	for _, c := range conditions {
		all = append(all, alert.Want{Attribute: filterAttributes[c.Key], Values: c.Values})
	}
	return all
}

// checkFilter finds the values that no message has, or else what SNS would
// refuse of the filter as a whole.
func checkFilter(conditions []policy.Condition) []policy.FilterFault {
	var faults []policy.FilterFault
	for i, c := range conditions {
		for j, v := range c.Values {
			if _, err := alert.FilterPolicy([]alert.Want{{Attribute: filterAttributes[c.Key], Values: []string{v}}}); err != nil {
				faults = append(faults, policy.FilterFault{Condition: i, Value: j, Err: err})
			}
		}
	}
	if len(faults) > 0 {
		return faults
	}
	if _, err := alert.FilterPolicy(wants(conditions)); err != nil {
		for _, one := range each(err) {
			faults = append(faults, policy.FilterFault{Condition: -1, Err: one})
		}
	}
	return faults
}

// each are the errors that are joined in one.
func each(err error) []error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, each(one)...)
	}
	return all
}
