package localec2_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func (w world) interfacesOn(groupID string) []types.NetworkInterface {
	w.Helper()
	out, err := w.ec2.DescribeNetworkInterfaces(w.Context(), &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{filter("group-id", groupID)}})
	require.NoError(w, err)
	return out.NetworkInterfaces
}

func (w world) dropGroup(id string) error {
	_, err := w.ec2.DeleteSecurityGroup(w.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &id})
	return err
}

func TestALaunchWithoutGroupOrSubnet(t *testing.T) {
	w := newWorld(t)
	id, ok := w.account.GroupNamed("", "default")
	require.True(t, ok)
	out, err := w.ec2.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), MinCount: aws.Int32(1), MaxCount: aws.Int32(2)})
	require.NoError(t, err)
	require.Len(t, out.Instances, 2)
	for _, i := range out.Instances {
		require.Equal(t, w.account.DefaultVPC(), *i.VpcId)
		require.Equal(t, id, *i.SecurityGroups[0].GroupId)
	}
	require.Len(t, w.interfacesOn(id), 2)
	require.NotEqual(t, *out.Instances[0].PrivateIpAddress, *out.Instances[1].PrivateIpAddress)
	_, err = w.ec2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{*out.Instances[0].InstanceId, *out.Instances[1].InstanceId}})
	require.NoError(t, err)
	require.Empty(t, w.interfacesOn(id))
	_, err = w.ec2.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: out.Instances[0].InstanceId, Groups: []string{id}})
	refused(t, err, "IncorrectInstanceState")
}

// TestARefusedLaunchLaunchesNothing: a call has its whole effect or none.
func TestARefusedLaunchLaunchesNothing(t *testing.T) {
	w := newWorld(t)
	before := w.cloud.Snapshot()
	for _, groups := range [][]string{{"sg-0fffffffffffffff0"}, {w.group("elsewhere")}} {
		_, err := w.ec2.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SecurityGroupIds: groups})
		require.Error(t, err)
	}
	out, err := w.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
	require.NoError(t, err)
	require.Empty(t, out.Reservations)
	require.False(t, w.cloud.Snapshot().Equal(before), "the second group was made, and nothing else")
}

func TestSubnetsAreFinite(t *testing.T) {
	w := newWorld(t)
	vpc, err := w.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/24")})
	require.NoError(t, err)
	make := func(block string) (string, error) {
		out, err := w.ec2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: &block})
		if err != nil {
			return "", err
		}
		return *out.Subnet.SubnetId, nil
	}
	id, err := make("10.0.0.0/28")
	require.NoError(t, err)
	for block, code := range map[string]string{"10.0.0.0/25": "InvalidSubnet.Conflict", "10.1.0.0/28": "InvalidSubnet.Range", "10.0.0.32/29": "InvalidSubnet.Range", "10.0.0.33/28": "InvalidParameterValue"} {
		_, err := make(block)
		refused(t, err, code)
	}
	plug := func() error {
		_, err := w.ec2.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{SubnetId: &id})
		return err
	}
	for range 11 {
		require.NoError(t, plug())
	}
	refused(t, plug(), "InsufficientFreeAddressesInSubnet")
	_, err = w.ec2.DeleteSubnet(t.Context(), &ec2.DeleteSubnetInput{SubnetId: &id})
	refused(t, err, "DependencyViolation")
	_, err = w.ec2.DeleteVpc(t.Context(), &ec2.DeleteVpcInput{VpcId: vpc.Vpc.VpcId})
	refused(t, err, "DependencyViolation")
}

func TestEnsureInterface(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	const eni, i = "eni-0000000000000000a", "i-0000000000000000a"
	require.NoError(t, w.account.EnsureInterface(localec2.Interface{ID: eni, VPCID: "vpc-0000000000000000a", Groups: []string{g}, InstanceID: i}))
	require.Len(t, w.interfacesOn(g), 1)
	refused(t, w.dropGroup(g), "DependencyViolation")
	out, err := w.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{filter("instance.group-name", "web")}})
	require.NoError(t, err)
	require.Equal(t, i, *out.Reservations[0].Instances[0].InstanceId)

	require.NoError(t, w.account.EnsureInterface(localec2.Interface{ID: eni, VPCID: "vpc-0000000000000000a"}))
	require.Empty(t, w.interfacesOn(g), "it has the default group now")
	require.NoError(t, w.dropGroup(g))
	require.ErrorIs(t, w.account.EnsureInterface(localec2.Interface{ID: eni, Groups: []string{g}}), localec2.ErrNoGroup)
	require.True(t, w.account.DropInterface(eni))
	require.False(t, w.account.DropInterface(eni))
}

func TestPagesOfInterfaces(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	for n := range 7 {
		require.NoError(t, w.account.EnsureInterface(localec2.Interface{ID: fmt.Sprintf("eni-0000000000000000%x", n), VPCID: "vpc-0000000000000000a", Groups: []string{g}}))
	}
	sizes := []int{}
	pages := ec2.NewDescribeNetworkInterfacesPaginator(w.ec2, &ec2.DescribeNetworkInterfacesInput{MaxResults: aws.Int32(5)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		sizes = append(sizes, len(page.NetworkInterfaces))
	}
	require.Equal(t, []int{5, 2}, sizes)
}

func TestGroupsHoldWhatTheyAreOn(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	require.NoError(t, w.account.EnsureInterface(localec2.Interface{ID: "eni-0000000000000000b", VPCID: "vpc-0000000000000000a", Groups: []string{g}}))
	_, err := w.account.EnsureGroup(secgroup.Group{ID: "sg-0000000000000000b", VPCID: "vpc-0000000000000000a"})
	require.NoError(t, err)
	_, err = w.ec2.ModifyNetworkInterfaceAttribute(t.Context(), &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: aws.String("eni-0000000000000000b"), Groups: []string{"sg-0000000000000000b"}})
	require.NoError(t, err)
	require.NoError(t, w.dropGroup(g))
	refused(t, w.dropGroup("sg-0000000000000000b"), "DependencyViolation")
}
