package policy

import (
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// naming answers which rules the changes at hand name. Only Authorize and
// Modify records do: by id with the live value, or, where a complete record
// has no ids, by direction and value.
type naming struct {
	account string // of the group
	byID    map[string][]named
	byValue map[string][]named
	created time.Time // of a CreateSecurityGroup at hand; zero = none
}

type named struct {
	rule   secgroup.NamedRule
	change *secgroup.Change
}

func newNaming(g *secgroup.Group, changes []secgroup.Change) naming {
	n := naming{account: g.AccountID}
	for i := range changes {
		c := &changes[i]
		if c.ErrorCode != "" {
			continue
		}
		switch c.Effect {
		case secgroup.Creates:
			if c.EventTime.After(n.created) {
				n.created = c.EventTime
			}
		case secgroup.Names:
			for _, r := range c.Rules {
				if r.HasValue && r.Rule.Peer != nil && (r.GroupID == "" || r.GroupID == g.ID) {
					n.add(named{r, c})
				}
			}
		}
	}
	return n
}

func (n *naming) add(entry named) {
	if n.byID == nil {
		n.byID, n.byValue = map[string][]named{}, map[string][]named{}
	}
	r := entry.rule
	r.Rule = ownReference(r.Rule, n.account)
	entry.rule = r
	if r.Rule.ID != "" {
		n.byID[r.Rule.ID] = append(n.byID[r.Rule.ID], entry)
		return
	}
	if !r.AnyDirection {
		n.byValue[r.Rule.Value()] = append(n.byValue[r.Rule.Value()], entry)
	}
}

// of gives the latest change that names a live rule with its value, nil =
// none. The rule's reference, if any, is as ownReference leaves it.
func (n *naming) of(rule secgroup.Rule) *named {
	if n.byID == nil {
		return nil
	}
	var last *named
	consider := func(entries []named) {
		for i := range entries {
			e := &entries[i]
			value := e.rule.Rule
			if e.rule.AnyDirection {
				value.Direction = rule.Direction
			}
			if value.SameValue(rule) && (last == nil || !e.change.EventTime.Before(last.change.EventTime)) {
				last = e
			}
		}
	}
	if rule.ID != "" {
		consider(n.byID[rule.ID])
	}
	if len(n.byValue) > 0 {
		consider(n.byValue[rule.Value()])
	}
	return last
}

func (n *named) attribution() *secgroup.Attribution {
	c := n.change
	return &secgroup.Attribution{EventID: c.EventID, EventName: c.EventName, EventTime: c.EventTime, Actor: c.Actor}
}

func (n *named) modifies() bool { return n.rule.AnyDirection || isModify(n.change) }

func isModify(c *secgroup.Change) bool { return c.EventName == "ModifySecurityGroupRules" }

// ownReference writes a reference to a group of the same account without the
// account, as records and EC2 write it both ways.
func ownReference(r secgroup.Rule, account string) secgroup.Rule {
	if ref, ok := r.Peer.(secgroup.GroupReference); ok && ref.AccountID != "" && ref.AccountID == account {
		ref.AccountID = ""
		r.Peer = ref
	}
	return r
}

// isServiceMade reports whether an AWS service made a rule on its own: by its
// principal, or with its service-linked role, whose path nobody else can use.
// A service that acts with a user's identity (CloudFormation) is the user.
func isServiceMade(by *secgroup.Attribution) bool {
	if by == nil {
		return false
	}
	return by.Actor.Type == "AWSService" ||
		by.Actor.InvokedBy != "" && strings.Contains(by.Actor.ARN, ":role/aws-service-role/")
}
