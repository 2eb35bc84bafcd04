package localec2

import (
	"fmt"
	"net/netip"
	"slices"
)

// Interface is one that a test or a replay puts into an account.
type Interface struct {
	ID         string // eni-...
	VPCID      string // "" = the default VPC; an unknown one is made
	Groups     []string
	InstanceID string // i-...; "" = not attached; an unknown instance is made
	Type       string // as EC2 calls it, lambda; "" = interface
	Service    string // AWS service that made it and has it attached, as amazon-elb; "" = none
}

// EnsureInterface makes an interface with its groups, or gives one that exists
// these groups. Groups that do not exist are an error, groups beyond the quota
// are not; none means the VPC's default group.
func (a *Account) EnsureInterface(i Interface) error {
	return a.change(func(s *state) error {
		if fault := wellFormed("eni-", i.ID); fault != nil {
			return fmt.Errorf("ensure interface: %w", fault)
		}
		v, err := a.ensureVPC(s, i.VPCID)
		if err != nil {
			return fmt.Errorf("ensure interface %s: %w", i.ID, err)
		}
		c := networkInterface{
			id: i.ID, vpcID: v.id, subnetID: "subnet-" + i.ID[len("eni-"):], address: netip.AddrFrom4([4]byte{10, 0, 0, 4}), groups: slices.Clone(i.Groups),
		}
		if old := s.interfaces[i.ID]; old != nil {
			c = *old
			c.groups = slices.Clone(i.Groups)
		}
		c.kind, c.service = i.Type, i.Service
		for _, id := range c.groups {
			if s.groups[id] == nil {
				return fmt.Errorf("ensure interface %s: %s: %w", i.ID, id, ErrNoGroup)
			}
		}
		if len(c.groups) == 0 {
			c.groups = s.defaultGroups(c.vpcID)
		}
		if s.subnets[c.subnetID] == nil {
			s.subnets[c.subnetID] = &subnet{id: c.subnetID, vpcID: v.id, zone: a.Region + "a", block: netip.PrefixFrom(netip.AddrFrom4([4]byte{10}), 28), used: 1}
		}
		if i.InstanceID != "" {
			if fault := wellFormed("i-", i.InstanceID); fault != nil {
				return fmt.Errorf("ensure interface %s: %w", i.ID, fault)
			}
			c.instanceID = i.InstanceID
			if s.instances[i.InstanceID] == nil {
				s.instances[i.InstanceID] = &instance{id: i.InstanceID, reservationID: "r-" + i.InstanceID[len("i-"):], vpcID: c.vpcID, subnetID: c.subnetID}
			}
		}
		s.interfaces[c.id] = &c
		return nil
	})
}

// DropInterface takes an interface away, and reports whether there was one.
func (a *Account) DropInterface(id string) (dropped bool) {
	_ = a.change(func(s *state) error {
		_, dropped = s.interfaces[id]
		delete(s.interfaces, id)
		return nil
	})
	return dropped
}
