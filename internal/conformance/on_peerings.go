package conformance

import (
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

const staleRead = "internal/inventory: DeadReferences are those that EC2 calls stale"

// peerings let groups of two VPCs refer to each other; what they refer to goes
// stale when a peering or a group goes (VPC peering guide, "Work with stale
// security group rules").
func peerings() []Case {
	const across = "internal/awsrule: a group across a peering is the peer of a rule by its id"
	return []Case{
		doc("peerings/let-groups-refer-to-each-other", across, makes("@far"), askPeer, acceptPeer, allow("tcp 22:22 @far"), ruleIs("tcp 22:22 @far", func(b *Bench, r types.SecurityGroupRule) bool {
			return aws.ToString(r.ReferencedGroupInfo.GroupId) == b.ids["@far"]
		}), endPeer),
		doc("peerings/rule-names-the-peering", across, makes("@far"), askPeer, acceptPeer, allow("tcp 22:22 @far"), ruleIs("tcp 22:22 @far", func(b *Bench, r types.SecurityGroupRule) bool {
			return aws.ToString(r.ReferencedGroupInfo.VpcPeeringConnectionId) == b.ids["@pcx"]
		}), endPeer),
		doc("peerings/that-are-only-asked-for-let-nobody", across, makes("@far"), askPeer, refused(allow("tcp 22:22 @far")), endPeer),
		doc("peerings/that-stand-leave-nothing-stale", staleRead, makes("@far"), askPeer, acceptPeer, allow("tcp 22:22 @far"), isStale(), endPeer),
		doc("peerings/that-go-leave-stale-rules", staleRead, makes("@far"), askPeer, acceptPeer, allow("tcp 22:22 @far", "tcp 23:23 8.8.8.0/29"), endPeer, isStale("@far")),
		doc("peerings/a-group-that-goes-leaves-stale-rules", staleRead, makes("@far"), askPeer, acceptPeer, allow("tcp 22:22 @far"), drop("@far"), isStale("@far"), endPeer),
		model("peerings/a-stale-rule-names-no-account", "internal/awsrule: a reference without an account is one all the same",
			makes("@far"), askPeer, acceptPeer, allow("tcp 22:22 @far"), namesAccount(true), drop("@far"), namesAccount(false), endPeer),
		inferred("peerings/a-stale-rule-can-be-revoked", "internal/plan: a rule goes by its id, whatever it names", makes("@far"), askPeer, acceptPeer, allow("tcp 22:22 @far"), endPeer,
			revokeAll, isStale(), holds()),
		inferred("peerings/of-a-vpc-that-is-not-there", across, refusedAs("InvalidVpcID.NotFound", func(b *Bench) error {
			_, err := b.EC2.CreateVpcPeeringConnection(b.ctx, &ec2.CreateVpcPeeringConnectionInput{VpcId: &b.vpc, PeerVpcId: aws.String("vpc-0fffffffffffffff0")})
			return err
		})),
	}
}

// askPeer asks for a peering of the site's first two VPCs.
func askPeer(b *Bench) error {
	out, err := b.EC2.CreateVpcPeeringConnection(b.ctx, &ec2.CreateVpcPeeringConnectionInput{
		VpcId: &b.vpc, PeerVpcId: &b.site.far, TagSpecifications: b.site.tagged(types.ResourceTypeVpcPeeringConnection),
	})
	if err != nil {
		return err
	}
	b.ids["@pcx"] = aws.ToString(out.VpcPeeringConnection.VpcPeeringConnectionId)
	return b.peeringIs(types.VpcPeeringConnectionStateReasonCodePendingAcceptance)
}

func acceptPeer(b *Bench) error {
	if _, err := b.EC2.AcceptVpcPeeringConnection(b.ctx, &ec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: aws.String(b.ids["@pcx"])}); err != nil {
		return err
	}
	return b.peeringIs(types.VpcPeeringConnectionStateReasonCodeActive)
}

func endPeer(b *Bench) error {
	out, err := b.EC2.DeleteVpcPeeringConnection(b.ctx, &ec2.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: aws.String(b.ids["@pcx"])})
	if err != nil {
		return err
	}
	return yes(out.Return, nil)
}

func (b *Bench) peeringIs(want types.VpcPeeringConnectionStateReasonCode) error {
	return b.site.eventually(b.ctx, func() error {
		out, err := b.EC2.DescribeVpcPeeringConnections(b.ctx, &ec2.DescribeVpcPeeringConnectionsInput{VpcPeeringConnectionIds: []string{b.ids["@pcx"]}})
		if err != nil {
			return err
		}
		return equal("state", out.VpcPeeringConnections[0].Status.Code, want)
	})
}

// isStale holds what rules of @self name that is stale.
func isStale(want ...string) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			var got []string
			pages := ec2.NewDescribeStaleSecurityGroupsPaginator(b.EC2, &ec2.DescribeStaleSecurityGroupsInput{VpcId: &b.vpc})
			for pages.HasMorePages() {
				out, err := pages.NextPage(b.ctx)
				if err != nil {
					return err
				}
				for _, g := range out.StaleSecurityGroupSet {
					if aws.ToString(g.GroupId) != b.ids["@self"] {
						continue
					}
					for _, p := range slices.Concat(g.StaleIpPermissions, g.StaleIpPermissionsEgress) {
						for _, pair := range p.UserIdGroupPairs {
							got = append(got, b.named(aws.ToString(pair.GroupId)))
						}
					}
				}
			}
			return same("stale references", got, want)
		})
	}
}

// namesAccount holds whether the one reference of @self tells whose group it names:
// of a deleted one it does not (API reference, UserIdGroupPair).
func namesAccount(want bool) step {
	return shows(func(_ *Bench, g types.SecurityGroup) error {
		if len(g.IpPermissions) != 1 || len(g.IpPermissions[0].UserIdGroupPairs) != 1 {
			return errors.New("the group has not one reference")
		}
		return equal("the account is named", g.IpPermissions[0].UserIdGroupPairs[0].UserId != nil, want)
	})
}

// revokeAll revokes all ingress of @self by ids.
func revokeAll(b *Bench) error {
	all, err := b.rules("@self")
	if err != nil {
		return err
	}
	var ids []string
	for _, r := range all {
		if !aws.ToBool(r.IsEgress) {
			ids = append(ids, aws.ToString(r.SecurityGroupRuleId))
		}
	}
	return b.revoke(&ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(b.ids["@self"]), SecurityGroupRuleIds: ids})
}
