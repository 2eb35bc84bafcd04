package policydiff

import (
	"cmp"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// Level is what becomes of flows that a policy forbids. A higher one is
// stricter. The zero value is "nothing": they are allowed.
type Level struct {
	kind  kind
	delay time.Duration // how long they stand before that
}

type kind uint8

const (
	allowed  kind = iota
	observed      // reported, as the mode is observe
	unread        // reported, as the addresses of the peer cannot be read
	alerted
	tagged
	taken // reverted or narrowed
)

func levelOf(v policy.View) Level {
	switch v.State {
	case policy.Acting:
		return Level{taken, v.Delay}
	case policy.Tagging:
		return Level{tagged, v.Delay}
	case policy.Alerting:
		return Level{alerted, v.Delay}
	}
	return Level{observed, v.Delay}
}

// compare is positive where l is stricter.
func (l Level) compare(o Level) int {
	return cmp.Or(cmp.Compare(l.kind, o.kind), cmp.Compare(o.delay, l.delay))
}

// String says it in words: allowed, observed, alerted, tagged, taken back.
func (l Level) String() string {
	text := [...]string{"allowed", "only observed", "reported as unreadable", "only alerted", "only tagged", "taken back"}[l.kind]
	if l.delay > 0 {
		text += " after " + l.delay.String()
	}
	return text
}
