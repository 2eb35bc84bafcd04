package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// input is what a case gives to judge.
func (c caseRun) input(set *Set, entries []TestRule) (Input, error) {
	var in Input
	switch e := entries[0]; {
	case e.Call != "":
		in = c.callInput(set, e)
	case e.Event != "":
		var err error
		if in, err = c.eventInput(set, e); err != nil {
			return Input{}, err
		}
	default:
		var rules []secgroup.Rule
		for _, t := range entries {
			rules = append(rules, t.Rule)
		}
		in = set.ExplainInput(c.Group, rules, c.now)
		in.Changes[0].Actor.ARN = c.Actor
	}
	c.exempt(&in)
	c.surround(&in)
	return in, nil
}

// surround gives the facts beyond the group.
func (c caseRun) surround(in *Input) {
	if c.Dead != nil { // a case of a file has them all
		in.Facts.Surroundings = c.Surroundings
	}
}

// exempt lets the group have what the case exempts it from.
func (c caseRun) exempt(in *Input) {
	if c.Exempted != nil {
		in.Exemptions = []Exemption{{ID: "of the case", Policy: "*", Group: in.Live.ID, Rules: *c.Exempted, Until: c.now.Add(time.Hour), Source: "file"}}
	}
}

// callInput is a call by name: one that adds a rule adds one that is harmless,
// and a Modify widens a rule.
func (c caseRun) callInput(set *Set, e TestRule) Input {
	rule := secgroup.Rule{
		ID: e.ID, Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 443, To: 443}, Peer: secgroup.NewCIDR(netip.MustParsePrefix(privateBlocks[0])),
	}
	if strings.HasSuffix(e.Call, "Egress") {
		rule.Direction = secgroup.Egress
	}
	effect := effectOf(e.Call)
	var rules []secgroup.Rule
	if effect == secgroup.Names {
		rules = append(rules, rule)
	}
	in := set.ExplainInput(c.Group, rules, c.now)
	change := &in.Changes[0]
	change.EventName, change.Effect, change.AccountID, change.Region = e.Call, effect, c.Group.AccountID, c.Group.Region
	change.Actor = secgroup.Actor{ARN: c.Actor, UserAgent: c.Agent}
	if effect == secgroup.Indirect && e.Call != "AssociateSecurityGroupVpc" {
		change.Groups = nil
	}
	if isModify(change) {
		change.Rules[0].AnyDirection = true
		before := rule
		before.Ports.From = 442
		before.Ports.To = 442
		in.Known.Rules = map[string]KnownRule{e.ID: {Rule: before, Since: c.now.Add(-time.Hour)}}
	}
	return in
}

// eventInput is a record as it came, in the group that it names.
func (c caseRun) eventInput(set *Set, e TestRule) (Input, error) {
	data, err := c.event(e.Event)
	if err != nil {
		return Input{}, fmt.Errorf("read %s: %w", e.Event, err)
	}
	changes, err := events.Decode(data)
	switch {
	case err != nil:
		return Input{}, fmt.Errorf("read %s: %w", e.Event, err)
	case len(changes) != 1:
		return Input{}, fmt.Errorf("read %s: it holds %d records, and one is wanted", e.Event, len(changes))
	case !changes[0].Complete:
		return Input{}, fmt.Errorf("read %s: the record is not complete: %s", e.Event, changes[0].Incomplete)
	}
	change := changes[0]
	group := c.Group
	if len(change.Groups) > 0 {
		group.ID, group.Name, group.VPCID = cmp.Or(change.Groups[0].ID, group.ID), cmp.Or(change.Groups[0].Name, group.Name), cmp.Or(change.Groups[0].VPCID, group.VPCID)
	}
	group.AccountID, group.Region = cmp.Or(change.AccountID, group.AccountID), cmp.Or(change.Region, group.Region)
	var rules []secgroup.Rule
	switch change.Effect {
	case secgroup.Names:
		for i, n := range change.Rules {
			if n.AnyDirection {
				n.Rule.Direction = secgroup.Ingress // most rules are
			}
			n.Rule.ID = cmp.Or(n.Rule.ID, fmt.Sprintf("sgr-%08d", i))
			rules = append(rules, n.Rule)
		}
	case secgroup.Creates:
		rules = defaultEgress()[:1]
		rules[0].ID = "sgr-00000000"
	}
	in := set.ExplainInput(group, rules, c.now)
	if change.Effect != secgroup.Creates {
		in.Changes = nil
	}
	in.Changes = append(in.Changes, change)
	return in, nil
}
