package localec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"
)

func TestDeleteVPC(t *testing.T) {
	w := newWorld(t)
	made, err := w.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.5.0.0/16")})
	require.NoError(t, err)
	id := *made.Vpc.VpcId
	del := func(id string) error {
		_, err := w.ec2.DeleteVpc(t.Context(), &ec2.DeleteVpcInput{VpcId: &id})
		return err
	}
	g, guest := w.newGroup(id, "web"), w.group("guest")
	refused(t, del(id), "DependencyViolation")
	_, err = w.ec2.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &g})
	require.NoError(t, err)

	_, err = w.ec2.AssociateSecurityGroupVpc(t.Context(), &ec2.AssociateSecurityGroupVpcInput{GroupId: &guest, VpcId: &id})
	require.NoError(t, err)
	refused(t, del(id), "DependencyViolation")
	_, err = w.ec2.DisassociateSecurityGroupVpc(t.Context(), &ec2.DisassociateSecurityGroupVpcInput{GroupId: &guest, VpcId: &id})
	require.NoError(t, err)

	require.NoError(t, del(id))
	_, found := w.account.GroupNamed(id, "default")
	require.False(t, found, "the default group goes with its VPC")
	refused(t, del(id), "InvalidVpcID.NotFound")
	refused(t, del("vpc"), "InvalidVpcID.Malformed")
}

func TestDeletePrefixList(t *testing.T) {
	w := newWorld(t)
	made, err := w.ec2.CreateManagedPrefixList(t.Context(), &ec2.CreateManagedPrefixListInput{
		PrefixListName: aws.String("l"), AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(1), ClientToken: aws.String("t"),
	})
	require.NoError(t, err)
	id := *made.PrefixList.PrefixListId
	del := func() error {
		_, err := w.ec2.DeleteManagedPrefixList(t.Context(), &ec2.DeleteManagedPrefixListInput{PrefixListId: &id})
		return err
	}
	p := perm("tcp", 22, 22)
	p.PrefixListIds = append(p.PrefixListIds, types.PrefixListId{PrefixListId: &id})
	rules := w.ingress(w.group("web"), p)
	refused(t, del(), "DependencyViolation")
	require.True(t, w.account.RemoveRule(rules[0]))
	require.NoError(t, del())
	refused(t, del(), "InvalidPrefixListID.NotFound")
}
