package incident

import (
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Names of package policy's enums, as documents carry them.
var (
	severityNames = [...]string{policy.Info: "info", policy.Low: "low", policy.Medium: "medium", policy.High: "high", policy.Critical: "critical"}
	modeNames     = [...]string{policy.Observe: "observe", policy.Enforce: "enforce"}
)

// SeverityName is the severity's name in lower case, "" for none.
func (i Incident) SeverityName() string { return nameOf(severityNames[:], i.Severity) }

// SeverityName is the severity's name in lower case, "" for none.
func (p PolicyNote) SeverityName() string { return nameOf(severityNames[:], p.Severity) }

// ModeName is "observe", "enforce", or "" for none.
func (i Incident) ModeName() string { return nameOf(modeNames[:], i.Mode) }

func nameOf[E ~uint8](names []string, e E) string {
	if int(e) >= len(names) {
		return ""
	}
	return names[e]
}

// nullableName finds the value of a name; nil is the zero value.
func nullableName[E ~uint8](kind string, names []string, text *string) (E, error) {
	if text == nil {
		return 0, nil
	}
	for n, name := range names {
		if n > 0 && name == *text {
			return E(n), nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q", kind, *text)
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
