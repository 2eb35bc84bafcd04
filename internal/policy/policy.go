package policy

import (
	"net/netip"
	"time"
)

// Severity of a policy; ordered. The zero value is invalid.
type Severity uint8

const (
	Info Severity = 1 + iota
	Low
	Medium
	High
	Critical
)

// Mode is observe or enforce; ordered, so that the lower of two is their
// minimum. The zero value is "not set".
type Mode uint8

const (
	Observe Mode = 1 + iota
	Enforce
)

// RemedyKind is what a policy wants done about its excess. The zero value is invalid.
type RemedyKind uint8

const (
	DoRevert RemedyKind = 1 + iota
	DoNarrow
	DoTag
	DoAlert
)

// Remedy is a policy's remedy.
type Remedy struct {
	Do     RemedyKind
	After  time.Duration  // 0 = at once; at most 30 days, with onChange 15 minutes
	To     []netip.Prefix // narrow only: what addresses may stay; nil = the compliant ones
	Parts  int            // narrow only: >= 1
	OnList bool           // `onList: rule`
}

// Policy is one compiled policy. It is immutable.
type Policy struct {
	ID       string
	Title    string
	Severity Severity
	Maturity string
	Why      string
	Fix      string
	Checks   []string
	Controls map[string][]string
	Mode     Mode // the effective mode of this policy in its set
	Remedy   Remedy
	File     string
	Line     int

	compiled
}
