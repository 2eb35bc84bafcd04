package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// put does to the account what a record says was done: groups and VPCs are
// made as they are missing, what exists already or is gone is left.
func (a *Account) put(c secgroup.Change) error {
	if c.ErrorCode != "" || c.EventID != "" && a.events[c.EventID] {
		return nil
	}
	if c.EventID != "" {
		a.events[c.EventID] = true
	}
	defer a.remember()
	for _, id := range c.VPCIDs {
		if err := a.ec2.EnsureVPC(id); err != nil {
			return fmt.Errorf("replay %s: %w", c.EventName, err)
		}
	}
	if c.EventName == "DeleteSecurityGroup" {
		return a.drop(c)
	}
	for _, g := range c.Groups {
		if err := a.ensureGroup(c, g); err != nil {
			return fmt.Errorf("replay %s: %w", c.EventName, err)
		}
	}
	switch c.Effect {
	case secgroup.Names:
		return a.name(c)
	case secgroup.Narrows:
		a.revoke(c)
	}
	return nil
}

func (a *Account) drop(c secgroup.Change) error {
	for _, g := range c.Groups {
		if id := a.groupID(g); id != "" {
			a.ec2.DropGroup(id)
			a.dropped[id] = true
		}
	}
	return nil
}

// ensureGroup makes a group that a record knows. A group that a later record
// still names after it was deleted stays deleted.
func (a *Account) ensureGroup(c secgroup.Change, g secgroup.GroupName) error {
	if a.groupID(g) != "" || a.dropped[g.ID] {
		return nil
	}
	made := secgroup.Group{ID: g.ID, Name: g.Name, VPCID: g.VPCID}
	if g.ID == "" {
		made.ID = inventedID("sg-", a.ec2.ID, a.ec2.Region, g.Name)
	}
	if _, taken := a.ec2.GroupNamed(g.VPCID, g.Name); taken && g.Name != "" {
		made.Name = "" // the name went to a later group: this record is the older one
	}
	_, err := a.ec2.EnsureGroup(made)
	return err
}

// groupID gives the id of the group where it exists, else "".
func (a *Account) groupID(g secgroup.GroupName) string {
	if g.ID != "" {
		if _, ok := a.ec2.Group(g.ID); ok {
			return g.ID
		}
		return ""
	}
	id, _ := a.ec2.GroupNamed(g.VPCID, g.Name)
	return id
}

// name adds or changes the rules that a record names.
func (a *Account) name(c secgroup.Change) error {
	for _, n := range c.Rules {
		group := n.GroupID
		if group == "" && len(c.Groups) == 1 {
			group = a.groupID(c.Groups[0])
		}
		if group == "" || a.dropped[group] || !n.HasValue {
			continue
		}
		if err := a.nameRule(group, n); err != nil {
			return fmt.Errorf("replay %s of %s: %w", c.EventName, group, err)
		}
	}
	return nil
}

func (a *Account) nameRule(group string, n secgroup.NamedRule) error {
	_, live := a.ec2.GroupOfRule(n.Rule.ID)
	switch {
	case n.Rule.ID != "" && live && n.AnyDirection:
		_, err := a.ec2.ChangeRule(n.Rule.ID, n.Rule)
		return err
	case n.Rule.ID != "" && !live && a.rules[n.Rule.ID]:
		return nil // it was here, and is gone
	case n.AnyDirection:
		// A modified rule that no record made: it existed, with a value and a
		// direction that nobody tells. Most rules are ingress.
		n.Rule.Direction = secgroup.Ingress
	}
	_, err := a.ec2.EnsureRule(group, n.Rule)
	return err
}

// revoke removes what a Revoke record lists, by id or by value.
func (a *Account) revoke(c secgroup.Change) {
	for _, n := range c.Rules {
		id := n.Rule.ID
		if id == "" && n.HasValue && len(c.Groups) == 1 {
			id, _ = a.ec2.RuleOf(a.groupID(c.Groups[0]), n.Rule)
		}
		if id != "" {
			a.ec2.RemoveRule(id)
		}
	}
}

// remember notes every rule id that lives, so that a record which names it
// after it went does not bring it back.
func (a *Account) remember() {
	for _, g := range a.ec2.Groups() {
		for _, r := range g.Rules {
			a.rules[r.ID] = true
		}
	}
}

// inventedID is an id for what a record names without one; equal names have
// equal ids.
func inventedID(prefix string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(fmt.Appendf(nil, "%d:%s", len(p), p))
	}
	return prefix + hex.EncodeToString(h.Sum(nil))[:17]
}
