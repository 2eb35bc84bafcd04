package conformance

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

const (
	heldGroup = "internal/warden: a group that is on something is not gone, and is judged like any other"
	attachOne = "internal/sentinel: the call puts groups on interfaces"
	noGroups  = "internal/sentinel: the call puts the default group on interfaces that name none"
)

// interfaces are what groups are on.
func interfaces() []Case {
	return []Case{
		doc("interfaces/have-the-default-group-if-none-is-named", noGroups, findDefault, plug("@eni"), carries("@eni", "@default"), unplug("@eni")),
		model("interfaces/have-the-groups-that-are-named", attachOne, plug("@eni", "@self", "@other"), carries("@eni", "@self", "@other"), unplug("@eni")),
		model("interfaces/get-other-groups", attachOne, makes("@other"), plug("@eni", "@self"), replug("@eni", "@other"), carries("@eni", "@other"), unplug("@eni")),
		model("interfaces/are-found-by-group", heldGroup, plug("@eni", "@self"), found("@self", 1), unplug("@eni"), found("@self", 0)),
		doc("interfaces/hold-the-group", heldGroup, plug("@eni", "@self"), refusedAs("DependencyViolation", drop("@self")), unplug("@eni"), drop("@self")),
		doc("interfaces/let-go-of-a-group", heldGroup, makes("@other"), plug("@eni", "@self"), replug("@eni", "@other"), drop("@self"), unplug("@eni")),
		doc("interfaces/have-5-groups", attachOne, groupsOnOne(5)),
		doc("interfaces/6th-group", attachOne, refused(groupsOnOne(6))),
		doc("interfaces/no-group-of-another-vpc", attachOne, makes("@far"), refused(plug("@eni", "@far"))),
		inferred("interfaces/unknown-group", attachOne, refusedAs("InvalidGroup.NotFound", plug("@eni", noSuchGroup))),
		model("interfaces/a-group-of-an-associated-vpc", attachOne, makes("@far"), borrow, plug("@eni", "@far"), carries("@eni", "@far"), unplug("@eni"), giveBack),
		model("interfaces/ids-and-a-page-size-not-at-once", "internal/inventory: pages are read by filter", plug("@eni", "@self"), refused(func(b *Bench) error {
			_, err := b.EC2.DescribeNetworkInterfaces(b.ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{b.ids["@eni"]}, MaxResults: aws.Int32(5)})
			return err
		}), unplug("@eni")),
	}
}

// instances are launched with groups.
func instances() []Case {
	return costly(
		doc("instances/have-the-default-group-if-none-is-named", noGroups, findDefault, launch("@i"), runsWith("@i", "@default"), end("@i")),
		model("instances/have-the-groups-that-are-named", attachOne, launch("@i", "@self", "@other"), runsWith("@i", "@self", "@other"), end("@i")),
		model("instances/get-other-groups", attachOne, makes("@other"), launch("@i", "@self"), rearm("@i", "@other"), runsWith("@i", "@other"), end("@i")),
		doc("instances/hold-the-group", heldGroup, launch("@i", "@self"), refusedAs("DependencyViolation", drop("@self")), end("@i"), drop("@self")),
		model("instances/are-found-by-group", heldGroup, launch("@i", "@self"), runs("@self", 1), end("@i")),
		model("instances/take-an-interface-with-its-groups", attachOne, plug("@eni", "@self"), launchOn("@i", "@eni"), runsWith("@i", "@self"), end("@i"), unplug("@eni")),
		inferred("instances/hold-their-interface", attachOne, plug("@eni", "@self"), launchOn("@i", "@eni"), refused(unplug("@eni")), end("@i"), unplug("@eni")),
		doc("instances/no-group-of-another-vpc", attachOne, makes("@far"), refused(launch("@i", "@far"))),
	)
}

// plug makes an interface in the site's subnet.
func plug(name string, groups ...string) step {
	return func(b *Bench) error {
		ids, err := b.all(groups)
		if err != nil {
			return err
		}
		subnet, err := b.site.subnet(b.ctx)
		if err != nil {
			return err
		}
		out, err := b.EC2.CreateNetworkInterface(b.ctx, &ec2.CreateNetworkInterfaceInput{
			SubnetId: &subnet, Groups: ids, TagSpecifications: b.site.tagged(types.ResourceTypeNetworkInterface),
		})
		if err != nil {
			return err
		}
		b.ids[name] = aws.ToString(out.NetworkInterface.NetworkInterfaceId)
		return b.site.eventually(b.ctx, func() error { _, err := b.readInterface(name); return err })
	}
}

func (b *Bench) all(names []string) ([]string, error) {
	var ids []string
	for _, name := range names {
		id, err := b.id(name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (b *Bench) readInterface(name string) (types.NetworkInterface, error) {
	out, err := b.EC2.DescribeNetworkInterfaces(b.ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{b.ids[name]}})
	if err != nil {
		return types.NetworkInterface{}, err
	}
	if len(out.NetworkInterfaces) != 1 {
		return types.NetworkInterface{}, errors.New("not one interface with the id")
	}
	return out.NetworkInterfaces[0], nil
}

func unplug(name string) step {
	return func(b *Bench) error {
		_, err := b.EC2.DeleteNetworkInterface(b.ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: aws.String(b.ids[name])})
		return err
	}
}

// replug puts other groups on an interface.
func replug(name string, groups ...string) step {
	return func(b *Bench) error {
		ids, err := b.all(groups)
		if err != nil {
			return err
		}
		_, err = b.EC2.ModifyNetworkInterfaceAttribute(b.ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: aws.String(b.ids[name]), Groups: ids})
		return err
	}
}

// carries holds the groups of an interface.
func carries(name string, groups ...string) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			i, err := b.readInterface(name)
			if err != nil {
				return err
			}
			return b.sameGroups(i.Groups, groups)
		})
	}
}

func (b *Bench) sameGroups(got []types.GroupIdentifier, want []string) error {
	var names []string
	for _, g := range got {
		names = append(names, b.named(aws.ToString(g.GroupId)))
	}
	return same("groups", names, want)
}

// found holds how many interfaces a group is on.
func found(group string, want int) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			out, err := b.EC2.DescribeNetworkInterfaces(b.ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{where("group-id", b.ids[group])}})
			if err != nil {
				return err
			}
			return equal("number of interfaces", len(out.NetworkInterfaces), want)
		})
	}
}

// groupsOnOne puts so many groups on an interface, and takes it away.
func groupsOnOne(count int) step {
	return func(b *Bench) error {
		var ids []string
		for range count {
			id, err := b.newGroup(b.vpc)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if err := plug("@eni", ids...)(b); err != nil {
			return err
		}
		return unplug("@eni")(b)
	}
}

// borrow lets the group of the second VPC work in the first.
func borrow(b *Bench) error {
	if _, err := b.EC2.AssociateSecurityGroupVpc(b.ctx, &ec2.AssociateSecurityGroupVpcInput{GroupId: aws.String(b.ids["@far"]), VpcId: &b.vpc}); err != nil {
		return err
	}
	return b.site.eventually(b.ctx, func() error {
		out, err := b.EC2.DescribeSecurityGroupVpcAssociations(b.ctx, &ec2.DescribeSecurityGroupVpcAssociationsInput{
			Filters: []types.Filter{where("group-id", b.ids["@far"]), where("state", "associated")},
		})
		if err != nil {
			return err
		}
		return equal("associations", len(out.SecurityGroupVpcAssociations), 1)
	})
}

func giveBack(b *Bench) error {
	_, err := b.EC2.DisassociateSecurityGroupVpc(b.ctx, &ec2.DisassociateSecurityGroupVpcInput{GroupId: aws.String(b.ids["@far"]), VpcId: &b.vpc})
	return err
}

// image is one that emulators take; nothing is launched elsewhere.
const image = "ami-0c55b159cbfafe1f0"

func launch(name string, groups ...string) step {
	return func(b *Bench) error {
		ids, err := b.all(groups)
		if err != nil {
			return err
		}
		subnet, err := b.site.subnet(b.ctx)
		if err != nil {
			return err
		}
		return b.launch(name, &ec2.RunInstancesInput{SubnetId: &subnet, SecurityGroupIds: ids})
	}
}

func launchOn(name, networkInterface string) step {
	return func(b *Bench) error {
		return b.launch(name, &ec2.RunInstancesInput{NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{
			{DeviceIndex: aws.Int32(0), NetworkInterfaceId: aws.String(b.ids[networkInterface])},
		}})
	}
}

func (b *Bench) launch(name string, in *ec2.RunInstancesInput) error {
	in.ImageId, in.InstanceType, in.MinCount, in.MaxCount = aws.String(image), types.InstanceTypeT3Micro, aws.Int32(1), aws.Int32(1)
	in.TagSpecifications = b.site.tagged(types.ResourceTypeInstance)
	out, err := b.EC2.RunInstances(b.ctx, in)
	if err != nil {
		return err
	}
	b.ids[name] = aws.ToString(out.Instances[0].InstanceId)
	return nil
}

func end(name string) step {
	return func(b *Bench) error {
		_, err := b.EC2.TerminateInstances(b.ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{b.ids[name]}})
		return err
	}
}

// rearm puts other groups on an instance.
func rearm(name string, groups ...string) step {
	return func(b *Bench) error {
		ids, err := b.all(groups)
		if err != nil {
			return err
		}
		_, err = b.EC2.ModifyInstanceAttribute(b.ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: aws.String(b.ids[name]), Groups: ids})
		return err
	}
}

// runsWith holds the groups of an instance.
func runsWith(name string, groups ...string) step {
	return func(b *Bench) error {
		out, err := b.EC2.DescribeInstances(b.ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{b.ids[name]}})
		if err != nil {
			return err
		}
		return b.sameGroups(out.Reservations[0].Instances[0].SecurityGroups, groups)
	}
}

// runs holds how many instances have a group.
func runs(group string, want int) step {
	return func(b *Bench) error {
		out, err := b.EC2.DescribeInstances(b.ctx, &ec2.DescribeInstancesInput{Filters: []types.Filter{where("instance.group-id", b.ids[group])}})
		if err != nil {
			return err
		}
		return equal("number of reservations", len(out.Reservations), want)
	}
}
