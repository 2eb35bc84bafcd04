package localec2

import (
	"crypto/sha256"
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// blocksPerVPC is the default quota, for each family apart (VPC guide).
const blocksPerVPC = 5

// associateBlock gives a VPC another block: of IPv4, or a /56 of Amazon's.
func (s *session) associateBlock() (query.Object, *query.Fault) {
	v, fault := s.vpc(s.params.Text("VpcId"))
	if fault != nil {
		return nil, fault
	}
	ofAmazon, fault := boolean(s.params, "AmazonProvidedIpv6CidrBlock")
	if fault != nil {
		return nil, fault
	}
	text, hasBlock := s.params.Get("CidrBlock").Value()
	if hasBlock == ofAmazon {
		return nil, query.Refuse("InvalidParameterCombination", "Give exactly one of CidrBlock and AmazonProvidedIpv6CidrBlock.")
	}
	var block netip.Prefix
	if hasBlock {
		if block, fault = vpcBlock(text); fault != nil {
			return nil, fault
		}
		if slices.ContainsFunc(v.blocks, block.Overlaps) {
			return nil, query.Refuse("InvalidVpc.Range", "The CIDR '%s' overlaps one of %s", text, v.id)
		}
	} else {
		block = nextAmazonBlock(v)
	}
	c := *v
	c.blocks = append(slices.Clone(v.blocks), block)
	same := slices.DeleteFunc(slices.Clone(c.blocks), func(p netip.Prefix) bool { return p.Addr().Is4() != block.Addr().Is4() })
	if len(same) > blocksPerVPC {
		return nil, query.Refuse("CidrLimitExceeded", "The maximum number of CIDR blocks of VPC '%s' has been reached.", v.id)
	}
	s.state.vpcs[v.id] = &c
	if block.Addr().Is6() {
		s.account.openIPv6Egress(s.state, v.id)
	}
	return associationAnswer(v, block, "associating"), nil
}

// openIPv6Egress adds the egress rule that EC2 adds, without a call, to the
// groups of a VPC that gets an IPv6 block; not to those "that have modified
// outbound rules" (VPC guide, migrate to IPv6).
func (a *Account) openIPv6Egress(s *state, vpcID string) {
	for _, id := range sortedKeys(s.groups) {
		g := s.groups[id]
		if g.vpcID == vpcID && g.opensIPv4Alone() {
			a.openTo(s, s.edit(g), anyIPv6)
		}
	}
}

// opensIPv4Alone reports whether a group's egress is what a group is made with
// in a VPC without IPv6.
func (g *group) opensIPv4Alone() bool {
	egress, opens := 0, false
	for _, r := range g.rules {
		if r.Direction != secgroup.Egress {
			continue
		}
		egress++
		opens = opens || r.Protocol == secgroup.AllProtocols && r.Peer.Key() == anyIPv4.String()
	}
	return egress == 1 && opens
}

// disassociateBlock takes a block away, but the first. Rules stay.
func (s *session) disassociateBlock() (query.Object, *query.Fault) {
	id, ok := s.params.Get("AssociationId").Value()
	if !ok {
		return nil, missing("AssociationId")
	}
	for _, vpcID := range sortedKeys(s.state.vpcs) {
		v := s.state.vpcs[vpcID]
		at := slices.IndexFunc(v.blocks, func(p netip.Prefix) bool { return blockID(v, p) == id })
		if at < 0 {
			continue
		}
		block := v.blocks[at]
		if block == v.first() {
			return nil, query.Refuse("OperationNotPermitted", "The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC", id)
		}
		c := *v
		c.blocks = slices.Delete(slices.Clone(v.blocks), at, at+1)
		s.state.vpcs[vpcID] = &c
		return associationAnswer(v, block, "disassociating"), nil
	}
	return nil, query.Refuse("InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID '%s' does not exist", id)
}

// vpcBlock reads an IPv4 block as a VPC may have it.
func vpcBlock(text string) (netip.Prefix, *query.Fault) {
	block, err := netip.ParsePrefix(text)
	if err != nil || !block.Addr().Is4() {
		return block, query.Refuse("InvalidParameterValue", "Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", text)
	}
	if block.Bits() < 16 || block.Bits() > 28 {
		return block, query.Refuse("InvalidVpc.Range", "The CIDR '%s' is invalid.", text)
	}
	return block.Masked(), nil
}

// nextAmazonBlock is one that the VPC has not.
func nextAmazonBlock(v *vpc) netip.Prefix {
	for n := byte(0); ; n++ {
		if p := amazonBlock(v.id, n); !slices.Contains(v.blocks, p) {
			return p
		}
	}
}

// amazonBlock derives the n-th /56 of Amazon's IPv6 space from the id of a VPC.
func amazonBlock(id string, n byte) netip.Prefix {
	sum := sha256.Sum256([]byte(id))
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x26, 0x00, 0x1f, 0x18, sum[0], sum[1], sum[2] + n}), 56)
}

// blockID names the association of a block with its VPC.
func blockID(v *vpc, block netip.Prefix) string {
	sum := sha256.Sum256([]byte(v.id + " " + block.String()))
	return "vpc-cidr-assoc-0" + hexText(sum[:8])
}

func associationAnswer(v *vpc, block netip.Prefix, state string) query.Object {
	name := "cidrBlockAssociation"
	if block.Addr().Is6() {
		name = "ipv6CidrBlockAssociation"
	}
	return query.Object{}.With("vpcId", v.id).With(name, blockObject(v, block, state))
}

func blockObject(v *vpc, block netip.Prefix, state string) query.Object {
	name := "cidrBlock"
	if block.Addr().Is6() {
		name = "ipv6CidrBlock"
	}
	return query.Object{}.With(name, block.String()).With("associationId", blockID(v, block)).
		With(name+"State", query.Object{}.With("state", state))
}
