package conformance

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// vpcs are the calls on VPCs that groups feel.
func vpcs() []Case {
	const (
		silent = "internal/warden: a VPC that gets an IPv6 block has its groups judged, since no record names the rule that EC2 adds"
		blocks = "internal/inventory: the blocks of a VPC are those of all its associations"
		lost   = "internal/warden: a VPC that loses a block has its groups judged, since rules that let the block in stay"
		named  = "events: the record of a block that goes names its VPC in the answer alone"
		born   = "internal/warden: a new VPC is looked at, since its default group is in no record"
	)
	return []Case{
		doc("vpcs/ipv6-opens-untouched-egress", silent, makes("@late"), giveIPv6, holdsIn("@late", true, []string{opens, "-1 - ::/0"})),
		doc("vpcs/ipv6-leaves-emptied-egress-alone", silent, makes("@late"), emptyEgress("@late"), giveIPv6, holdsIn("@late", true, nil)),
		doc("vpcs/ipv6-leaves-extended-egress-alone", silent, makes("@late"), allowOutOf("@late", "tcp 443:443 8.8.8.0/29"), giveIPv6,
			holdsIn("@late", true, []string{opens, "tcp 443:443 8.8.8.0/29"})),
		doc("vpcs/ipv6-opens-the-default-group-too", silent, makes("@latevpc"), findDefaultOf("@latevpc"), giveIPv6, holdsIn("@default", true, []string{opens, "-1 - ::/0"})),
		inferred("vpcs/ipv6-gone-leaves-the-rule", silent, makes("@late"), giveIPv6, loseIPv6, holdsIn("@late", true, []string{opens, "-1 - ::/0"})),
		doc("vpcs/ipv6-leaves-ingress-alone", silent, makes("@late"), giveIPv6, holdsIn("@late", false, nil)),
		doc("vpcs/a-second-block-is-shown", blocks, giveBlock("10.216.0.0/24"), blocksAre(LateBlock, "10.216.0.0/24"), loseBlock("10.216.0.0/24"), blocksAre(LateBlock)),
		doc("vpcs/overlapping-blocks", blocks, refused(giveBlock(LateBlock))),
		doc("vpcs/blocks-larger-than-16", blocks, refused(giveBlock("10.0.0.0/15"))),
		model("vpcs/the-first-block-stays", blocks, refused(loseBlock(LateBlock))),
		model("vpcs/block-gone-names-the-vpc", named, giveBlock("10.216.0.0/24"), goneNamesVPC("10.216.0.0/24"), blocksAre(LateBlock)),
		model("vpcs/ipv6-gone-names-the-vpc", named, giveIPv6, goneNamesVPC("")),
		inferred("vpcs/block-gone-leaves-the-rules", lost, makes("@late"), giveBlock("10.216.0.0/24"), allowIn("@late", "tcp 22:22 10.216.0.0/24"),
			loseBlock("10.216.0.0/24"), blocksAre(LateBlock), holdsIn("@late", false, []string{"tcp 22:22 10.216.0.0/24"})),
		doc("vpcs/groups-hold-the-vpc", born, makes("@late"), refusedAs("DependencyViolation", func(b *Bench) error {
			_, err := b.EC2.DeleteVpc(b.ctx, &ec2.DeleteVpcInput{VpcId: aws.String(b.ids["@latevpc"])})
			return err
		})),
	}
}

// defaultVPCs are claims about the VPC that an account has from the start.
func defaultVPCs() []Case {
	const is = "internal/warden: a default VPC's groups can be named without id"
	return inDefaultVPC(
		doc("default-vpc/one-for-a-region", is, refusedAs("DefaultVpcAlreadyExists", func(b *Bench) error {
			_, err := b.EC2.CreateDefaultVpc(b.ctx, &ec2.CreateDefaultVpcInput{})
			return err
		})),
		doc("default-vpc/has-a-known-block", is, func(b *Bench) error {
			out, err := b.EC2.DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{Filters: []types.Filter{where("is-default", "true")}})
			if err != nil {
				return err
			}
			if err := equal("number of default VPCs", len(out.Vpcs), 1); err != nil {
				return err
			}
			return equal("block", aws.ToString(out.Vpcs[0].CidrBlock), "172.31.0.0/16")
		}),
		doc("default-vpc/takes-groups-that-name-none", is, func(b *Bench) error {
			out, err := b.EC2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
				GroupName: aws.String(b.site.name()), Description: aws.String("d"), TagSpecifications: b.site.tagged(types.ResourceTypeSecurityGroup),
			})
			if err != nil {
				return err
			}
			b.ids["@self"] = aws.ToString(out.GroupId)
			g, err := b.group()
			if err != nil {
				return err
			}
			return equal("VPC", aws.ToString(g.VpcId), b.vpc)
		}),
	)
}

// giveIPv6 gives the case's own VPC an IPv6 block, and waits for it.
func giveIPv6(b *Bench) error {
	id, err := b.id("@latevpc")
	if err != nil {
		return err
	}
	if _, err := b.EC2.AssociateVpcCidrBlock(b.ctx, &ec2.AssociateVpcCidrBlockInput{VpcId: &id, AmazonProvidedIpv6CidrBlock: aws.Bool(true)}); err != nil {
		return err
	}
	return b.site.eventually(b.ctx, func() error { return b.site.vpcReady(b.ctx, id, true) })
}

// loseIPv6 takes all its IPv6 blocks away, and waits for the last to be gone.
func loseIPv6(b *Bench) error {
	v, err := b.lateVPC()
	if err != nil {
		return err
	}
	for _, a := range v.Ipv6CidrBlockAssociationSet {
		if a.Ipv6CidrBlockState.State != types.VpcCidrBlockStateCodeAssociated {
			continue
		}
		if _, err := b.EC2.DisassociateVpcCidrBlock(b.ctx, &ec2.DisassociateVpcCidrBlockInput{AssociationId: a.AssociationId}); err != nil {
			return err
		}
	}
	return b.site.eventually(b.ctx, func() error {
		if b.site.vpcReady(b.ctx, aws.ToString(v.VpcId), true) == nil {
			return errors.New("the VPC has an IPv6 block yet")
		}
		return nil
	})
}

func giveBlock(block string) step {
	return func(b *Bench) error {
		id, err := b.id("@latevpc")
		if err != nil {
			return err
		}
		_, err = b.EC2.AssociateVpcCidrBlock(b.ctx, &ec2.AssociateVpcCidrBlockInput{VpcId: &id, CidrBlock: &block})
		return err
	}
}

func loseBlock(block string) step {
	return func(b *Bench) error {
		v, err := b.lateVPC()
		if err != nil {
			return err
		}
		for _, a := range v.CidrBlockAssociationSet {
			if aws.ToString(a.CidrBlock) == block {
				_, err := b.EC2.DisassociateVpcCidrBlock(b.ctx, &ec2.DisassociateVpcCidrBlockInput{AssociationId: a.AssociationId})
				return err
			}
		}
		return fmt.Errorf("the VPC has no block %s", block)
	}
}

// goneNamesVPC takes a block away, or for "" one of IPv6, and holds that the answer
// tells of which VPC.
func goneNamesVPC(block string) step {
	return func(b *Bench) error {
		v, err := b.lateVPC()
		if err != nil {
			return err
		}
		association := ""
		for _, a := range v.CidrBlockAssociationSet {
			if block != "" && aws.ToString(a.CidrBlock) == block {
				association = aws.ToString(a.AssociationId)
			}
		}
		for _, a := range v.Ipv6CidrBlockAssociationSet {
			if block == "" && a.Ipv6CidrBlockState.State == types.VpcCidrBlockStateCodeAssociated {
				association = aws.ToString(a.AssociationId)
			}
		}
		out, err := b.EC2.DisassociateVpcCidrBlock(b.ctx, &ec2.DisassociateVpcCidrBlockInput{AssociationId: &association})
		if err != nil {
			return err
		}
		return equal("VPC", aws.ToString(out.VpcId), aws.ToString(v.VpcId))
	}
}

// blocksAre holds the IPv4 blocks of the case's own VPC.
func blocksAre(want ...string) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			v, err := b.lateVPC()
			if err != nil {
				return err
			}
			var got []string
			for _, a := range v.CidrBlockAssociationSet {
				if a.CidrBlockState.State == types.VpcCidrBlockStateCodeAssociated {
					got = append(got, aws.ToString(a.CidrBlock))
				}
			}
			return same("blocks", got, want)
		})
	}
}

// lateVPC reads the case's own VPC.
func (b *Bench) lateVPC() (types.Vpc, error) {
	id, err := b.id("@latevpc")
	if err != nil {
		return types.Vpc{}, err
	}
	out, err := b.EC2.DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{VpcIds: []string{id}})
	if err != nil {
		return types.Vpc{}, err
	}
	if len(out.Vpcs) != 1 {
		return types.Vpc{}, fmt.Errorf("%d VPCs with one id", len(out.Vpcs))
	}
	return out.Vpcs[0], nil
}

func allowOutOf(group, text string) step {
	return func(b *Bench) error {
		p, err := b.permission(text)
		if err != nil {
			return err
		}
		_, err = b.EC2.AuthorizeSecurityGroupEgress(b.ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: aws.String(b.ids[group]), IpPermissions: []types.IpPermission{p}})
		return err
	}
}

func revokeOutIn(group, text string) step {
	return func(b *Bench) error {
		p, err := b.permission(text)
		if err != nil {
			return err
		}
		_, err = b.EC2.RevokeSecurityGroupEgress(b.ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: aws.String(b.ids[group]), IpPermissions: []types.IpPermission{p}})
		return err
	}
}

// emptyEgress takes the first egress rule away.
func emptyEgress(group string) step { return revokeOutIn(group, opens) }
