package policy

import "slices"

// names of enumerated values, by value; the zero value of each has none.
type names []string

// of is the name of a value, "" for what has none.
func (n names) of(value uint8) string {
	if int(value) < len(n) {
		return n[value]
	}
	return ""
}

// value is the value of a name, 0 for what is none.
func (n names) value(name string) uint8 {
	if name == "" {
		return 0
	}
	return uint8(max(0, slices.Index(n, name)))
}

var (
	severityNames = names{Info: "info", Low: "low", Medium: "medium", High: "high", Critical: "critical"}
	modeNames     = names{Observe: "observe", Enforce: "enforce"}
	remedyNames   = names{DoRevert: "revert", DoNarrow: "narrow", DoTag: "tag", DoAlert: "alert"}
	stateNames    = names{
		Fine: "fine", Acting: "acting", Tagging: "tagging", Alerting: "alerting", Observing: "observing", Waiting: "waiting",
		Exempt: "exempt", Baseline: "baseline", BeforeAct: "before-act", Unknown: "unknown", Held: "held", Graced: "graced",
	}
)

// String is the severity as policies write it; "" for the zero value.
func (s Severity) String() string { return severityNames.of(uint8(s)) }

// String is the mode as settings write it; "" for "not set".
func (m Mode) String() string { return modeNames.of(uint8(m)) }

// String is the remedy as policies write it; "" for the zero value.
func (k RemedyKind) String() string { return remedyNames.of(uint8(k)) }

// String names the state; "" for the zero value.
func (s State) String() string { return stateNames.of(uint8(s)) }
