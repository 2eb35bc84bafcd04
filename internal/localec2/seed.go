package localec2

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// The methods of this file change or read an account directly, past the API:
// they make no call, no record and no quota count, and take ids as given. They
// put back what a record or a test says is there.

// ErrNoGroup is wrapped where a group that is to be changed does not exist.
var ErrNoGroup = errors.New("no such group")

// change applies f to a copy of the state and keeps it if f succeeds.
func (a *Account) change(f func(*state) error) error {
	now := a.cloud.clock() // which may need the lock of its owner
	a.cloud.mu.Lock()
	defer a.cloud.mu.Unlock()
	s := a.state.clone()
	if err := f(s); err != nil {
		return err
	}
	a.commit(s, now)
	return nil
}

// EnsureVPC makes a VPC with its default group, unless it exists, and gives it
// the blocks that it lacks. Host bits are masked.
func (a *Account) EnsureVPC(id string, blocks ...netip.Prefix) error {
	return a.change(func(s *state) error {
		if fault := wellFormed("vpc-", id); fault != nil {
			return fmt.Errorf("ensure vpc: %w", fault)
		}
		if s.vpcs[id] == nil {
			a.makeVPC(s, id, false)
		}
		v := *s.vpcs[id]
		v.blocks = slices.Clone(v.blocks)
		for _, p := range blocks {
			if p = p.Masked(); !slices.Contains(v.blocks, p) {
				v.blocks = append(v.blocks, p)
			}
		}
		s.vpcs[id] = &v
		return nil
	})
}

// EnsureGroup makes a group with the given id, unless it exists, and reports
// whether it made one. An empty VPCID is the default VPC; an unknown VPC is
// made without blocks. An empty Name is the id. nil Rules = the default egress,
// empty ones = none. A group named "default" takes the place of its VPC's.
func (a *Account) EnsureGroup(g secgroup.Group) (made bool, err error) {
	err = a.change(func(s *state) error {
		made, err = a.ensureGroup(s, g)
		return err
	})
	return made && err == nil, err
}

// EnsureGroups does what EnsureGroup does for many groups: all, or none.
func (a *Account) EnsureGroups(groups []secgroup.Group) error {
	return a.change(func(s *state) error {
		for _, g := range groups {
			if _, err := a.ensureGroup(s, g); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *Account) ensureGroup(s *state, g secgroup.Group) (made bool, err error) {
	if fault := wellFormed("sg-", g.ID); fault != nil {
		return false, fmt.Errorf("ensure group: %w", fault)
	}
	if s.groups[g.ID] != nil {
		return false, nil
	}
	v, err := a.ensureVPC(s, g.VPCID)
	if err != nil {
		return false, fmt.Errorf("ensure group %s: %w", g.ID, err)
	}
	name := g.Name
	if name == "" {
		name = g.ID
	}
	for _, other := range s.groups {
		if other.vpcID != v.id || !strings.EqualFold(other.name, name) {
			continue
		}
		if !g.IsDefault() {
			return false, fmt.Errorf("ensure group %s: the name %q is taken by %s", g.ID, name, other.id)
		}
		s.drop(other)
	}
	s.groups[g.ID] = &group{id: g.ID, name: name, description: g.Description, vpcID: v.id, tags: maps.Clone(g.Tags), rules: map[string]secgroup.Rule{}}
	if g.Rules == nil {
		a.openEgress(s, s.groups[g.ID], v)
	}
	for _, r := range g.Rules {
		if _, err := a.ensureRule(s, g.ID, r); err != nil {
			return false, err
		}
	}
	return true, nil
}

// ensureVPC is a VPC by its id, made where it is unknown; "" is the default one.
func (a *Account) ensureVPC(s *state, id string) (*vpc, error) {
	if id == "" {
		if v := s.defaultVPC(); v != nil {
			return v, nil
		}
		return nil, errors.New("the account has no default VPC")
	}
	if fault := wellFormed("vpc-", id); fault != nil {
		return nil, fault
	}
	if s.vpcs[id] == nil {
		a.makeVPC(s, id, false)
	}
	return s.vpcs[id], nil
}

// EnsureRule adds a rule to a group, with the rule's id or a new one, and
// reports whether it did: not where the id is in use, or the group has a rule
// of that value. The error wraps ErrNoGroup where there is no group.
func (a *Account) EnsureRule(groupID string, r secgroup.Rule) (added bool, err error) {
	err = a.change(func(s *state) error {
		added, err = a.ensureRule(s, groupID, r)
		return err
	})
	return added, err
}

func (a *Account) ensureRule(s *state, groupID string, r secgroup.Rule) (bool, error) {
	g := s.groups[groupID]
	if g == nil {
		return false, fmt.Errorf("add rule to %s: %w", groupID, ErrNoGroup)
	}
	if r.ID == "" {
		r.ID = a.cloud.ids.Resource("sgr-")
	} else if fault := wellFormed("sgr-", r.ID); fault != nil {
		return false, fmt.Errorf("add rule to %s: %w", groupID, fault)
	}
	r, err := a.canonical(r)
	if err != nil {
		return false, fmt.Errorf("add rule to %s: %w", groupID, err)
	}
	if s.ruleGroups[r.ID] != "" || g.ruleOf(r) != "" {
		return false, nil
	}
	s.put(s.edit(g), r)
	return true, nil
}

// ruleOf is the id of the group's rule with that value, "" if it has none.
func (g *group) ruleOf(r secgroup.Rule) string {
	for id, other := range g.rules {
		if identity(other) == identity(r) {
			return id
		}
	}
	return ""
}

// canonical is a rule as EC2 would store it.
func (a *Account) canonical(r secgroup.Rule) (secgroup.Rule, error) {
	if r.Direction != secgroup.Ingress && r.Direction != secgroup.Egress || r.Peer == nil {
		return r, errors.New("a rule needs a direction and a peer")
	}
	r = r.Canonical()
	switch p := r.Peer.(type) {
	case secgroup.PrefixList:
		r.Peer = secgroup.PrefixList{ID: p.ID}
	case secgroup.GroupReference:
		if p.AccountID == a.ID {
			p.AccountID = ""
		}
		r.Peer = p
	}
	r.Tags = maps.Clone(r.Tags)
	return r, nil
}

// ChangeRule gives a rule another value, of any type, and another description;
// its id, direction and tags stay. It reports false where there is no such
// rule, or another rule of the group has that value.
func (a *Account) ChangeRule(ruleID string, to secgroup.Rule) (changed bool, err error) {
	err = a.change(func(s *state) error {
		g := s.groups[s.ruleGroups[ruleID]]
		if g == nil {
			return nil
		}
		old := g.rules[ruleID]
		to.ID, to.Direction, to.Tags = ruleID, old.Direction, old.Tags
		r, err := a.canonical(to)
		if err != nil {
			return fmt.Errorf("change rule %s: %w", ruleID, err)
		}
		if other := g.ruleOf(r); other != "" && other != ruleID {
			return nil
		}
		s.put(s.edit(g), r)
		changed = true
		return nil
	})
	return changed, err
}

// RemoveRule takes a rule away and reports whether there was one.
func (a *Account) RemoveRule(ruleID string) (removed bool) {
	_ = a.change(func(s *state) error {
		if g := s.groups[s.ruleGroups[ruleID]]; g != nil {
			s.remove(s.edit(g), ruleID)
			removed = true
		}
		return nil
	})
	return removed
}

// DropGroup takes a group away, whatever refers to it, and reports whether
// there was one.
func (a *Account) DropGroup(groupID string) (dropped bool) {
	_ = a.change(func(s *state) error {
		if g := s.groups[groupID]; g != nil {
			s.drop(g)
			dropped = true
		}
		return nil
	})
	return dropped
}

// SetTags replaces all tags of a group, rule, VPC or list, and reports whether
// there is such a resource.
func (a *Account) SetTags(id string, tags map[string]string) (set bool) {
	_ = a.change(func(s *state) error {
		set = s.groups[id] != nil || s.ruleGroups[id] != "" || s.vpcs[id] != nil || s.lists[id] != nil
		s.setTags(id, maps.Clone(tags))
		return nil
	})
	return set
}

// PutList makes a prefix list with the given entries, or gives one that exists
// these entries as its next version. OwnerID "" is the account, "AWS" makes a
// list of AWS, whose maxEntries is its weight, which its entries do not change.
// Of others, maxEntries below the number of entries is raised to it.
func (a *Account) PutList(l secgroup.PrefixList, maxEntries int) error {
	return a.change(func(s *state) error {
		if fault := wellFormed("pl-", l.ID); fault != nil {
			return fmt.Errorf("put prefix list: %w", fault)
		}
		entries := []entry{}
		for _, p := range l.Entries {
			entries = append(entries, entry{block: p.Masked()})
		}
		c := &list{id: l.ID, name: l.Name, owner: l.OwnerID, last: "create", ipv6: len(l.Entries) > 0 && l.Entries[0].Addr().Is6()}
		if old := s.lists[l.ID]; old != nil {
			*c = *old
			c.last = "modify"
		}
		if c.owner == "" {
			c.owner = a.ID
		}
		if c.byAWS() {
			c.versions = nil
		}
		c.versions = append(slices.Clone(c.versions), entries)
		if c.maxEntries = max(c.maxEntries, maxEntries); !c.byAWS() {
			c.maxEntries = max(c.maxEntries, len(entries))
		}
		s.lists[l.ID] = c
		return nil
	})
}

// PutListOfS3 makes the list that AWS has in every region for the gateway endpoint
// of S3, with its weight of 1 (VPC guide, "AWS-managed prefix list weights").
func (a *Account) PutListOfS3() error {
	list := secgroup.PrefixList{ID: "pl-63a5400a", Name: "com.amazonaws." + a.Region + ".s3", OwnerID: "AWS"}
	for _, block := range []string{"3.5.0.0/19", "18.34.0.0/19", "52.216.0.0/15"} {
		list.Entries = append(list.Entries, netip.MustParsePrefix(block))
	}
	return a.PutList(list, 1)
}

// PutAddress gives the account an elastic IP address.
func (a *Account) PutAddress(address netip.Addr) error {
	return a.change(func(s *state) error {
		if !address.Is4() {
			return fmt.Errorf("put address %s: elastic addresses are IPv4", address)
		}
		id := "eipalloc-" + fmt.Sprintf("%017x", len(s.addresses)+1)
		s.addresses[id] = address
		return nil
	})
}

// Unpeer ends a peering, and reports whether there was one: what its rules
// refer to is out of reach then.
func (a *Account) Unpeer(id string) (ended bool) {
	_ = a.change(func(s *state) error {
		p, ok := s.peerings[id]
		if ended = ok && !p.Deleted; ended {
			p.Deleted = true
			s.peerings[id] = p
		}
		return nil
	})
	return ended
}

// Peer joins a VPC with another, so that groups may refer to each other.
func (a *Account) Peer(p Peering) {
	_ = a.change(func(s *state) error {
		s.peerings[p.ID] = p
		return nil
	})
}
