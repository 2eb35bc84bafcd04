package warden

import (
	"cmp"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// record is one change of one delivery for one group, and its decision.
type record struct {
	delivery Delivery
	change   secgroup.Change
	group    string // "" = decided without a group
	because  string // the call that led to a look, in words; "" = the record is of the group itself
	file     string // stands for the log file of which this and other records could not be read; "" = none
	decision Decision
	decided  bool
}

// decide ends the record.
func (r *record) decide(outcome incident.Outcome, reason string, retry bool) {
	r.decision.Outcome, r.decision.Reason, r.decision.Retry = outcome, reason, retry
	r.decided = true
}

// named are the rules of the record's group that it names: only Authorize and
// Modify name rules.
func (r *record) named() []secgroup.NamedRule {
	if r.change.Effect != secgroup.Names {
		return nil
	}
	var out []secgroup.NamedRule
	for _, n := range r.change.Rules {
		if n.GroupID == "" || n.GroupID == r.group {
			n.Rule = ownReference(n.Rule, r.change.AccountID)
			out = append(out, n)
		}
	}
	return out
}

// age is how long ago the call was made; young is true below a minute, when
// EC2 may not yet show what it did. A record without a time is young on its
// first delivery only, so that it cannot come again for ever.
func (r *record) young(now time.Time) bool {
	if r.change.EventTime.IsZero() {
		return r.delivery.ReceiveCount <= 1 && r.change.Effect != secgroup.Asks
	}
	return now.Sub(r.change.EventTime) < visibleAfter
}

// attribution is what the record says of who made the rules that it names.
func (r *record) attribution() *secgroup.Attribution {
	return &secgroup.Attribution{EventID: r.change.EventID, EventName: r.change.EventName, EventTime: r.change.EventTime, Actor: r.change.Actor}
}

// isNamed reports whether the record names the live rule: by its id with its
// value, or, without ids, by direction and value.
func isNamed(n secgroup.NamedRule, live secgroup.Rule) bool {
	if n.Rule.ID != "" && n.Rule.ID != live.ID {
		return false
	}
	if !n.HasValue {
		return n.Rule.ID != ""
	}
	want := n.Rule
	if n.AnyDirection {
		want.Direction = live.Direction
	}
	return want.SameValue(live)
}

// findNamed gives the live rule that is named; false = there is none.
func findNamed(n secgroup.NamedRule, live []secgroup.Rule) (secgroup.Rule, bool) {
	for _, r := range live {
		if isNamed(n, r) {
			return r, true
		}
	}
	return secgroup.Rule{}, false
}

// byTime orders records by the time of their calls, those without one first.
func byTime(records []*record) []*record {
	sorted := slices.Clone(records)
	slices.SortStableFunc(sorted, func(a, b *record) int {
		return cmp.Compare(a.change.EventTime.UnixNano(), b.change.EventTime.UnixNano())
	})
	return sorted
}
