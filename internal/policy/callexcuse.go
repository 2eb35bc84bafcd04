package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// callExcuse names the exception or exemption that covers a call under the
// policy, "" = none, and why others do not.
func (p *Policy) callExcuse(c *secgroup.Change, in *Input) (label string, until time.Time, denied []string) {
	for _, x := range p.except {
		where := fmt.Sprintf("%s:%d", cmp.Or(x.File, p.File), x.Line)
		switch {
		case !x.Until.IsZero() && !in.Now.Before(x.Until):
			denied = append(denied, fmt.Sprintf("the exception at %s ended on %s", where, dayBefore(x.Until)))
		case matchActor(x.Actors, c.Actor.ARN):
			return "except " + where, x.Until, nil
		default:
			denied = append(denied, fmt.Sprintf("the exception at %s is for other actors", where))
		}
	}
	for _, list := range [][]Exemption{p.exemptions, in.Exemptions} {
		for i := range list {
			x := &list[i]
			switch {
			case x.Group != in.Live.ID || x.Policy != p.ID && x.Policy != "*":
			case !in.Now.Before(x.Until):
				denied = append(denied, fmt.Sprintf("exemption %s ended on %s", x.ID, dayBefore(x.Until)))
			case len(x.Rules) > 0 && !coversCall(x.Rules, c, in):
				denied = append(denied, fmt.Sprintf("exemption %s does not cover all that the call did", x.ID))
			default:
				return x.ID, x.Until, nil
			}
		}
	}
	return "", time.Time{}, denied
}

// coversCall reports whether all that a call did is rules within those of an
// exemption. A call that adds no rules, or of which not all is known, is not.
func coversCall(exempt []secgroup.Rule, c *secgroup.Change, in *Input) bool {
	if c.Effect != secgroup.Names || !c.Complete || len(c.Rules) == 0 {
		return false
	}
	for _, n := range c.Rules {
		r := ownReference(n.Rule, in.Live.AccountID)
		if n.AnyDirection {
			r.Direction = in.directionOf(n.Rule.ID)
		}
		if !n.HasValue || r.Peer == nil || r.Direction == 0 || !coversRule(exempt, r, in.Live.AccountID) {
			return false
		}
	}
	return true
}

func coversRule(exempt []secgroup.Rule, r secgroup.Rule, account string) bool {
	list, isList := r.Peer.(secgroup.PrefixList)
	var flows secgroup.Region
	for _, x := range exempt {
		if x.Direction != r.Direction {
			continue
		}
		x = ownReference(x, account)
		if named, ok := x.Peer.(secgroup.PrefixList); ok && isList && named.ID == list.ID {
			x.Peer = r.Peer // a list is meant as such, whatever its entries
		}
		flows = flows.Union(x.Region())
	}
	return flows.Covers(r.Region())
}

// directionOf is that of a rule of the group, 0 = not known: the record of a
// Modify does not tell it.
func (in *Input) directionOf(id string) secgroup.Direction {
	if i := slices.IndexFunc(in.Live.Rules, func(r secgroup.Rule) bool { return r.ID == id }); i >= 0 && id != "" {
		return in.Live.Rules[i].Direction
	}
	return in.Known.Rules[id].Rule.Direction
}
