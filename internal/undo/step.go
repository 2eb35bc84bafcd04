package undo

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Step is what becomes of one rule of an incident.
type Step struct {
	Rule   incident.Rule
	Action plan.Action // Authorize or Modify; nil = nothing is done
	// Note says why nothing is done, or what is worth knowing of what is; ""
	// = nothing.
	Note string
	// There = the group has it already, perhaps by an earlier undoing.
	There bool
}

// Plan says how each rule of a closed incident gets the value back that
// sgwarden took from it. live are the group's rules as they are. What somebody
// changed since is left as it is; what is there already is not made twice. A rule
// that is narrower now is widened in place, so that no flow is closed at any time;
// only of one that got its earlier value back, what that alone opens closes.
func Plan(i incident.Incident, live []secgroup.Rule) []Step {
	steps := make([]Step, 0, len(i.Rules))
	for _, r := range i.Rules {
		s := Step{Rule: r}
		s.Action, s.Note = putBack(i.GroupID, r, live)
		s.There = s.Action == nil && wasTaken(r) && find(live, r.Before.SameValue) != nil
		if s.Action != nil && s.Note == "" && r.Reason == "interrupted" {
			s.Note = "sgwarden was interrupted, and found it gone afterwards: somebody else may have removed it"
		}
		steps = append(steps, s)
	}
	return steps
}

// wasTaken reports whether something is known that was taken from the rule.
func wasTaken(r incident.Rule) bool {
	return (r.Outcome == incident.Reverted || r.Outcome == incident.Narrowed) && r.Before != nil && !secgroup.IsGroupEntry(r.ID)
}

func putBack(groupID string, r incident.Rule, live []secgroup.Rule) (plan.Action, string) {
	switch {
	case secgroup.IsGroupEntry(r.ID):
		return nil, "it is about the group itself: nothing was taken"
	case r.Outcome != incident.Reverted && r.Outcome != incident.Narrowed:
		return nil, fmt.Sprintf("its outcome is %s: sgwarden does not know of anything that it took", r.Outcome)
	case r.Before == nil:
		return nil, "its value is not known"
	}
	before := *r.Before
	if twin := find(live, before.SameValue); twin != nil {
		return nil, fmt.Sprintf("it is there already, as %s", twin.ID)
	}
	var rest *secgroup.Rule
	if r.ID != "" {
		rest = find(live, func(l secgroup.Rule) bool { return l.ID == r.ID })
	}
	left := leftOf(r)
	switch {
	case rest == nil && left == nil:
		return authorize(groupID, before), ""
	case rest == nil:
		return nil, fmt.Sprintf("what was left of it, %s, was removed since", left)
	case left == nil || !rest.SameValue(*left):
		return nil, fmt.Sprintf("somebody changed it since, to %s", rest)
	case reflect.TypeOf(rest.Peer) != reflect.TypeOf(before.Peer) || isIPv4(rest.Peer) != isIPv4(before.Peer):
		return authorize(groupID, before), fmt.Sprintf("the rule cannot become one of another type: %s stays beside it", rest.ID)
	}
	before.ID = rest.ID
	if rest.Description != left.Description {
		before.Description = rest.Description // somebody wrote another one since
	}
	note := ""
	if !before.Region().Covers(rest.Region()) {
		note = fmt.Sprintf("sgwarden had given it its earlier value back: what %s opens beyond it is closed", rest)
	}
	if parts := len(r.After) - 1; parts > 0 {
		note = fmt.Sprintf("its other parts (%d) stay: what is put back covers them", parts)
	}
	return plan.Modify{GroupID: groupID, From: *rest, To: before}, note
}

// leftOf is what was left of the rule under its own id; nil = nothing.
func leftOf(r incident.Rule) *secgroup.Rule {
	return find(r.After, func(a secgroup.Rule) bool { return a.ID == r.ID && a.ID != "" })
}

func authorize(groupID string, r secgroup.Rule) plan.Action {
	r.ID = ""
	return plan.Authorize{GroupID: groupID, Direction: r.Direction, Rules: []secgroup.Rule{r}}
}

func find(rules []secgroup.Rule, is func(secgroup.Rule) bool) *secgroup.Rule {
	if n := slices.IndexFunc(rules, is); n >= 0 {
		return &rules[n]
	}
	return nil
}

func isIPv4(p secgroup.Peer) bool {
	c, ok := p.(secgroup.CIDR)
	return ok && c.Addr().Is4()
}
