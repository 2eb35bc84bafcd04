package incident

import (
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// nullableSeverity and nullableMode are the inverse of the names that package
// policy gives; nil is the zero value.
func nullableSeverity(text *string) (policy.Severity, error) {
	for s := policy.Info; s <= policy.Critical; s++ {
		if text != nil && s.String() == *text {
			return s, nil
		}
	}
	if text == nil {
		return 0, nil
	}
	return 0, fmt.Errorf("unknown severity %q", *text)
}

func nullableMode(text *string) (policy.Mode, error) {
	for m := policy.Observe; m <= policy.Enforce; m++ {
		if text != nil && m.String() == *text {
			return m, nil
		}
	}
	if text == nil {
		return 0, nil
	}
	return 0, fmt.Errorf("unknown mode %q", *text)
}

func nullableOutcome(o Outcome) *string {
	if o == 0 {
		return nil
	}
	return nullable(o.String())
}

func outcomeValue(text *string) (Outcome, error) {
	if text == nil {
		return 0, nil
	}
	return ParseOutcome(*text)
}

func nullableDirection(d secgroup.Direction) *string {
	if d == 0 {
		return nil
	}
	return nullable(d.String())
}

func directionValue(text *string) (secgroup.Direction, error) {
	switch value(text) {
	case "":
		return 0, nil
	case secgroup.Ingress.String():
		return secgroup.Ingress, nil
	case secgroup.Egress.String():
		return secgroup.Egress, nil
	}
	return 0, fmt.Errorf("unknown direction %q", *text)
}

func nullable(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func nullableTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

func timeValue(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// Lists and maps are never null in a document, and nil is their only empty
// form in an Incident.

func orEmpty[E any](list []E) []E {
	if list == nil {
		return []E{}
	}
	return list
}

func orNil[E any](list []E) []E {
	if len(list) == 0 {
		return nil
	}
	return list
}

func orEmptyMap[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

func orNilMap[V any](m map[string]V) map[string]V {
	if len(m) == 0 {
		return nil
	}
	return m
}
