package conformance

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func dryRun() []Case {
	const asks = "internal/awserr: DryRunOperation is no success"
	try := func(name string, call func(b *Bench, dry *bool, self *string) error, then ...step) Case {
		dry := func(b *Bench) error { return call(b, aws.Bool(true), aws.String(b.ids["@self"])) }
		return model("dryrun/"+name, asks, append([]step{refusedAs("DryRunOperation", dry)}, then...)...)
	}
	return []Case{
		model("dryrun/authorize", asks, refusedAs("DryRunOperation", allowDry(ssh)), holds()),
		try("revoke", func(b *Bench, dry *bool, self *string) error {
			p, err := b.permission(opens)
			if err != nil {
				return err
			}
			_, err = b.EC2.RevokeSecurityGroupEgress(b.ctx, &ec2.RevokeSecurityGroupEgressInput{DryRun: dry, GroupId: self, IpPermissions: []types.IpPermission{p}})
			return err
		}, holdsOut(opens)),
		inferred("dryrun/proves-no-rule", "internal/doctor: a dry run asks for the right alone", refusedAs("DryRunOperation", func(b *Bench) error {
			_, err := b.EC2.RevokeSecurityGroupIngress(b.ctx, &ec2.RevokeSecurityGroupIngressInput{
				DryRun: aws.Bool(true), GroupId: aws.String(b.ids["@self"]), SecurityGroupRuleIds: []string{noSuchRule},
			})
			return err
		})),
		model("dryrun/modify", asks, allow(ssh), refusedAs("DryRunOperation", func(b *Bench) error {
			r, err := b.rule(false, ssh)
			if err != nil {
				return err
			}
			_, err = b.EC2.ModifySecurityGroupRules(b.ctx, &ec2.ModifySecurityGroupRulesInput{
				DryRun: aws.Bool(true), GroupId: aws.String(b.ids["@self"]),
				SecurityGroupRules: []types.SecurityGroupRuleUpdate{{SecurityGroupRuleId: r.SecurityGroupRuleId, SecurityGroupRule: &types.SecurityGroupRuleRequest{
					IpProtocol: r.IpProtocol, FromPort: r.FromPort, ToPort: r.ToPort, CidrIpv4: aws.String("8.8.8.0/30"),
				}}},
			})
			return err
		}), holds(ssh)),
		model("dryrun/edit-of-a-list", asks, makes("@list"), refusedAs("DryRunOperation", func(b *Bench) error {
			_, err := b.EC2.ModifyManagedPrefixList(b.ctx, &ec2.ModifyManagedPrefixListInput{
				DryRun: aws.Bool(true), PrefixListId: aws.String(b.ids["@list"]), CurrentVersion: aws.Int64(1), AddEntries: []types.AddPrefixListEntry{{Cidr: aws.String("9.9.9.0/29")}},
			})
			return err
		}), listIs("@list", 1, "8.8.8.0/29")),
		try("create-group", func(b *Bench, dry *bool, _ *string) error {
			_, err := b.EC2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
				DryRun: dry, GroupName: aws.String(b.site.name()), Description: aws.String("d"), VpcId: &b.vpc, TagSpecifications: b.site.tagged(types.ResourceTypeSecurityGroup),
			})
			return err
		}),
		try("delete-group", func(b *Bench, dry *bool, self *string) error {
			_, err := b.EC2.DeleteSecurityGroup(b.ctx, &ec2.DeleteSecurityGroupInput{DryRun: dry, GroupId: self})
			return err
		}, holdsOut(opens)),
		try("describe-groups", func(b *Bench, dry *bool, self *string) error {
			_, err := b.EC2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{DryRun: dry, GroupIds: []string{*self}})
			return err
		}),
		try("describe-rules", func(b *Bench, dry *bool, self *string) error {
			_, err := b.EC2.DescribeSecurityGroupRules(b.ctx, &ec2.DescribeSecurityGroupRulesInput{DryRun: dry, Filters: []types.Filter{where("group-id", *self)}})
			return err
		}),
		try("tags", func(b *Bench, dry *bool, self *string) error {
			_, err := b.EC2.CreateTags(b.ctx, &ec2.CreateTagsInput{DryRun: dry, Resources: []string{*self}, Tags: tagsOf([]string{"team", "a"})})
			return err
		}, groupTagged()),
	}
}

// associations let a group work in a second VPC.
func associations() []Case {
	const (
		blocks = "internal/inventory: VPCs reads the blocks of every VPC that a group works in"
		judge  = "internal/policy: \"vpc\" means all VPCs of a group"
	)
	return []Case{
		model("associations/of-a-group", blocks, associate("@self"), associated("@farvpc"), disassociate),
		model("associations/none-at-first", blocks, associated()),
		model("associations/end", blocks, associate("@self"), associated("@farvpc"), disassociate, associated()),
		model("associations/not-for-default-groups", judge, findDefault, refused(associate("@default"))),
		inferred("associations/not-twice", judge, associate("@self"), associated("@farvpc"), refused(associate("@self")), disassociate),
		model("associations/hold-the-group", "internal/warden: a group that works in a VPC is not gone", associate("@self"), associated("@farvpc"),
			refusedAs("DependencyViolation", drop("@self")), disassociate),
		model("associations/put-the-group-on-offer", judge, onOffer("@self", false), associate("@self"), associated("@farvpc"), onOffer("@self", true), disassociate),
		model("associations/change-no-rule", judge, associate("@self"), associated("@farvpc"), holdsOut(opens), disassociate),
	}
}

func associate(group string) step {
	return func(b *Bench) error {
		_, err := b.EC2.AssociateSecurityGroupVpc(b.ctx, &ec2.AssociateSecurityGroupVpcInput{GroupId: aws.String(b.ids[group]), VpcId: &b.site.far})
		return err
	}
}

func disassociate(b *Bench) error {
	_, err := b.EC2.DisassociateSecurityGroupVpc(b.ctx, &ec2.DisassociateSecurityGroupVpcInput{GroupId: aws.String(b.ids["@self"]), VpcId: &b.site.far})
	return err
}

// onOffer holds whether a group may be put on interfaces of the second VPC.
func onOffer(group string, want bool) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			out, err := b.EC2.GetSecurityGroupsForVpc(b.ctx, &ec2.GetSecurityGroupsForVpcInput{VpcId: &b.site.far, Filters: []types.Filter{where("group-id", b.ids[group])}})
			if err != nil {
				return err
			}
			return equal("the group is on offer", len(out.SecurityGroupForVpcs) == 1, want)
		})
	}
}

// associated holds in which further VPCs @self works.
func associated(want ...string) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			out, err := b.EC2.DescribeSecurityGroupVpcAssociations(b.ctx, &ec2.DescribeSecurityGroupVpcAssociationsInput{
				Filters: []types.Filter{where("group-id", b.ids["@self"])},
			})
			if err != nil {
				return err
			}
			var got []string
			for _, a := range out.SecurityGroupVpcAssociations {
				// A change is under way on EC2 for a while: wait for its end.
				if id := aws.ToString(a.VpcId); id != b.vpc && a.State != types.SecurityGroupVpcAssociationStateDisassociated {
					got = append(got, b.named(id))
					if a.State != types.SecurityGroupVpcAssociationStateAssociated {
						got = append(got, string(a.State))
					}
				}
			}
			return same("further VPCs", got, want)
		})
	}
}
