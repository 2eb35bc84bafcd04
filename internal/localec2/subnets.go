package localec2

import (
	"crypto/sha256"
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// subnet is a part of a VPC. Addresses are not handed out twice: used counts
// those that were.
type subnet struct {
	id, vpcID, zone string
	block           netip.Prefix
	tags            map[string]string
	used            int
}

func (s *session) createSubnet() (query.Object, *query.Fault) {
	v, fault := s.vpc(s.params.Text("VpcId"))
	if fault != nil {
		return nil, fault
	}
	text := s.params.Text("CidrBlock")
	block, err := netip.ParsePrefix(text)
	if err != nil || !block.Addr().Is4() || block != block.Masked() {
		return nil, wrongValue("cidrBlock", text, "This is not a valid CIDR block.")
	}
	if block.Bits() > 28 || !slices.ContainsFunc(v.blocks, func(p netip.Prefix) bool { return p.Bits() <= block.Bits() && p.Contains(block.Addr()) }) {
		return nil, query.Refuse("InvalidSubnet.Range", "The CIDR '%s' is invalid.", text)
	}
	for _, other := range s.state.subnets {
		if other.vpcID == v.id && other.block.Overlaps(block) {
			return nil, query.Refuse("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", text)
		}
	}
	tags, fault := s.tagSpecification("subnet")
	if fault != nil {
		return nil, fault
	}
	zone := s.params.Text("AvailabilityZone")
	if zone == "" {
		zone = s.account.Region + "a"
	}
	n := &subnet{id: s.cloud.ids.Resource("subnet-"), vpcID: v.id, zone: zone, block: block, tags: tags}
	s.state.subnets[n.id] = n
	return query.Object{}.With("subnet", s.subnetObject(n)), nil
}

// deleteSubnet removes a subnet without interfaces.
func (s *session) deleteSubnet() (query.Object, *query.Fault) {
	n, fault := s.subnet(s.params.Text("SubnetId"))
	if fault != nil {
		return nil, fault
	}
	for _, i := range s.state.interfaces {
		if i.subnetID == n.id {
			return nil, query.Refuse("DependencyViolation", "The subnet '%s' has dependencies and cannot be deleted.", n.id)
		}
	}
	delete(s.state.subnets, n.id)
	return query.Object{}.With("return", true), nil
}

func (s *session) subnet(id string) (*subnet, *query.Fault) {
	if fault := wellFormed("subnet-", id); fault != nil {
		return nil, fault
	}
	if n := s.state.subnets[id]; n != nil {
		return n, nil
	}
	return nil, noSubnet(id)
}

// defaultSubnet is where a launch goes that names no subnet. It is made as it
// is needed, where EC2 has one in each zone from the start.
func (s *session) defaultSubnet() (*subnet, *query.Fault) {
	v := s.state.defaultVPC()
	if v == nil {
		return nil, query.Refuse("VPCIdNotSpecified", "No default VPC for this user")
	}
	sum := sha256.Sum256([]byte(v.id))
	id := "subnet-0" + hexText(sum[:8])
	if s.state.subnets[id] == nil {
		s.state.subnets[id] = &subnet{id: id, vpcID: v.id, zone: s.account.Region + "a", block: netip.PrefixFrom(defaultBlock.Addr(), 20)}
	}
	return s.state.subnets[id], nil
}

// free is how many addresses are left; EC2 keeps five.
func (n *subnet) free() int { return 1<<(32-n.block.Bits()) - 5 - n.used }

// nextAddress takes the next address of a subnet, after the four that EC2 keeps.
func (s *state) nextAddress(n *subnet) netip.Addr {
	c := *n
	c.used++
	s.subnets[n.id] = &c
	a := n.block.Addr()
	for range 3 + c.used {
		a = a.Next()
	}
	return a
}

var subnetFilters = []string{"subnet-id", "vpc-id", "availability-zone", "cidr-block", "owner-id"}

func (s *session) describeSubnets() (query.Object, *query.Fault) {
	chosen, fault := s.chosen("subnet-", s.params.Texts("SubnetId"), func(id string) bool { return s.state.subnets[id] != nil }, noSubnet)
	if fault != nil {
		return nil, fault
	}
	match, fault := s.filters(subnetFilters)
	if fault != nil {
		return nil, fault
	}
	var found []string
	for _, id := range sortedKeys(s.state.subnets) {
		n := s.state.subnets[id]
		of := map[string]string{"subnet-id": id, "vpc-id": n.vpcID, "availability-zone": n.zone, "cidr-block": n.block.String(), "owner-id": s.account.ID}
		if (len(chosen) == 0 || chosen[id]) && match(values{of: of, tags: n.tags}) {
			found = append(found, id)
		}
	}
	return s.page(mostReads, "subnetSet", found, func(id string) query.Object { return s.subnetObject(s.state.subnets[id]) })
}

func (s *session) subnetObject(n *subnet) query.Object {
	return query.Object{}.With("subnetId", n.id).With("subnetArn", s.account.arn("subnet", n.id)).With("state", "available").
		With("vpcId", n.vpcID).With("cidrBlock", n.block.String()).With("ipv6CidrBlockAssociationSet", query.List{}).
		With("availableIpAddressCount", n.free()).With("availabilityZone", n.zone).With("ownerId", s.account.ID).
		With("defaultForAz", false).With("mapPublicIpOnLaunch", false).With("assignIpv6AddressOnCreation", false).With("tagSet", tagSet(n.tags))
}
