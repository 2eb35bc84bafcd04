package localec2

import (
	"net/netip"
	"strconv"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// defaultBlock is the block of every default VPC.
var defaultBlock = netip.MustParsePrefix("172.31.0.0/16")

// maxVPCs of a region. (EC2's default is 5; tests and demos need room.)
const maxVPCs = 100

// makeVPC adds a VPC with its default group: ingress from itself, all egress.
func (a *Account) makeVPC(s *state, id string, isDefault bool, blocks ...netip.Prefix) *vpc {
	v := &vpc{id: id, isDefault: isDefault, blocks: blocks}
	s.vpcs[id] = v
	g := &group{
		id: a.cloud.ids.Resource("sg-"), name: "default", description: "default VPC security group",
		vpcID: id, rules: map[string]secgroup.Rule{},
	}
	s.groups[g.id] = g
	s.put(g, secgroup.Rule{
		ID: a.cloud.ids.Resource("sgr-"), Direction: secgroup.Ingress,
		Protocol: secgroup.AllProtocols, Ports: secgroup.NoPorts, Peer: secgroup.GroupReference{GroupID: g.id},
	})
	a.openEgress(s, g, v)
	return v
}

func (s *session) createVPC() (query.Object, *query.Fault) {
	text, ok := s.params.Get("CidrBlock").Value()
	if !ok {
		return nil, missing("CidrBlock")
	}
	block, fault := vpcBlock(text)
	if fault != nil {
		return nil, fault
	}
	if tenancy := s.params.Text("InstanceTenancy"); tenancy != "" && tenancy != "default" && tenancy != "dedicated" {
		return nil, wrongValue("InstanceTenancy", tenancy, "Valid values are default and dedicated.")
	}
	withIPv6, fault := boolean(s.params, "AmazonProvidedIpv6CidrBlock")
	if fault != nil {
		return nil, fault
	}
	tags, fault := s.tagSpecification("vpc")
	if fault != nil {
		return nil, fault
	}
	if len(s.state.vpcs) >= maxVPCs {
		return nil, query.Refuse("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
	}
	id := s.cloud.ids.Resource("vpc-")
	blocks := []netip.Prefix{block}
	if withIPv6 {
		blocks = append(blocks, amazonBlock(id, 0))
	}
	v := s.account.makeVPC(s.state, id, false, blocks...)
	v.tags = tags
	return query.Object{}.With("vpc", s.vpcObject(v, "pending")), nil
}

// deleteVPC removes a VPC and its default group; other groups and associations
// hold it (API reference, DeleteVpc). References from elsewhere to the default
// group go stale.
func (s *session) deleteVPC() (query.Object, *query.Fault) {
	v, fault := s.vpc(s.params.Text("VpcId"))
	if fault != nil {
		return nil, fault
	}
	held := s.state.isAssociated("", v.id)
	for _, n := range s.state.subnets {
		held = held || n.vpcID == v.id
	}
	var own *group
	for _, g := range s.state.groups {
		switch {
		case g.vpcID != v.id:
		case g.isDefault():
			own = g
		default:
			held = true
		}
	}
	if held {
		return nil, query.Refuse("DependencyViolation", "The vpc '%s' has dependencies and cannot be deleted.", v.id)
	}
	if own != nil {
		s.state.drop(own)
	}
	for id, p := range s.state.peerings {
		if p.VPCID == v.id || p.PeerAccount == s.account.ID && p.PeerVPCID == v.id {
			delete(s.state.peerings, id)
		}
	}
	delete(s.state.vpcs, v.id)
	return query.Object{}.With("return", true), nil
}

func (s *session) createDefaultVPC() (query.Object, *query.Fault) {
	if v := s.state.defaultVPC(); v != nil {
		return nil, query.Refuse("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.")
	}
	v := s.account.makeVPC(s.state, s.cloud.ids.Resource("vpc-"), true, defaultBlock)
	return query.Object{}.With("vpc", s.vpcObject(v, "pending")), nil
}

// vpc finds a VPC by its id.
func (s *session) vpc(id string) (*vpc, *query.Fault) {
	if fault := wellFormed("vpc-", id); fault != nil {
		return nil, fault
	}
	if v := s.state.vpcs[id]; v != nil {
		return v, nil
	}
	return nil, noVPC(id)
}

var vpcFilters = []string{"vpc-id", "isDefault", "is-default", "owner-id", "cidr"}

func (s *session) describeVPCs() (query.Object, *query.Fault) {
	ids := s.params.Texts("VpcId")
	chosen, fault := s.chosen("vpc-", ids, func(id string) bool { return s.state.vpcs[id] != nil }, noVPC)
	if fault != nil {
		return nil, fault
	}
	match, fault := s.filters(vpcFilters)
	if fault != nil {
		return nil, fault
	}
	var found []string
	for _, id := range sortedKeys(s.state.vpcs) {
		v := s.state.vpcs[id]
		is := strconv.FormatBool(v.isDefault)
		of := map[string]string{"vpc-id": id, "isDefault": is, "is-default": is, "owner-id": s.account.ID, "cidr": v.first().String()}
		if (len(chosen) == 0 || chosen[id]) && match(values{of: of, tags: v.tags}) {
			found = append(found, id)
		}
	}
	return s.page(mostReads, "vpcSet", found, func(id string) query.Object { return s.vpcObject(s.state.vpcs[id], "available") })
}

// first is the IPv4 block that the VPC was made with.
func (v *vpc) first() netip.Prefix {
	for _, p := range v.blocks {
		if p.Addr().Is4() {
			return p
		}
	}
	return netip.Prefix{}
}

func (s *session) vpcObject(v *vpc, state string) query.Object {
	ipv4, ipv6 := query.List{}, query.List{}
	for _, p := range v.blocks {
		if p.Addr().Is4() {
			ipv4 = append(ipv4, blockObject(v, p, "associated"))
		} else {
			ipv6 = append(ipv6, blockObject(v, p, "associated"))
		}
	}
	return query.Object{}.With("vpcId", v.id).With("state", state).With("ownerId", s.account.ID).
		With("cidrBlock", v.first().String()).With("cidrBlockAssociationSet", ipv4).With("ipv6CidrBlockAssociationSet", ipv6).
		With("dhcpOptionsId", "default").With("instanceTenancy", "default").With("tagSet", tagSet(v.tags)).With("isDefault", v.isDefault)
}

// boolean reads an optional truth value; absent = false.
func boolean(params *query.Params, name string) (bool, *query.Fault) {
	switch text, ok := params.Get(name).Value(); {
	case !ok, text == "false":
		return false, nil
	case text == "true":
		return true, nil
	default:
		return false, wrongValue(name, text, "Valid values are true and false.")
	}
}
