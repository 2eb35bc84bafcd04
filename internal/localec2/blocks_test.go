package localec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"
)

func (w world) associateBlock(vpcID, block string) (*ec2.AssociateVpcCidrBlockOutput, error) {
	in := &ec2.AssociateVpcCidrBlockInput{VpcId: &vpcID}
	if block == "" {
		in.AmazonProvidedIpv6CidrBlock = aws.Bool(true)
	} else {
		in.CidrBlock = &block
	}
	return w.ec2.AssociateVpcCidrBlock(w.Context(), in)
}

// TestAnIPv6BlockOpensEgress: EC2 adds the rule by itself, and no record tells.
func TestAnIPv6BlockOpensEgress(t *testing.T) {
	w, record := listener(t)
	const vpc = "vpc-0000000000000000a"
	require.NoError(t, w.account.EnsureVPC(vpc))
	untouched, narrowed, more := w.newGroup(vpc, "untouched"), w.newGroup(vpc, "narrowed"), w.newGroup(vpc, "more")
	elsewhere := w.newGroup(w.account.DefaultVPC(), "elsewhere")
	for _, r := range w.rules(narrowed) {
		require.True(t, w.account.RemoveRule(r.ID))
	}
	_, err := w.ec2.AuthorizeSecurityGroupEgress(t.Context(), &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &more, IpPermissions: []types.IpPermission{perm("tcp", 1, 1, "8.8.8.8/32")}})
	require.NoError(t, err)

	out, err := w.associateBlock(vpc, "")
	require.NoError(t, err)
	c := decoded(t, record())
	require.Equal(t, "AssociateVpcCidrBlock", c.EventName)
	require.Equal(t, []string{vpc}, c.VPCIDs)
	require.Empty(t, c.Groups)
	require.Equal(t, []string{"out -1 -1--1 0.0.0.0/0", "out -1 -1--1 ::/0"}, sortedTexts(w.texts(untouched)))
	require.Empty(t, w.texts(narrowed))
	require.Len(t, w.texts(more), 2)
	require.Len(t, w.texts(elsewhere), 1)

	_, err = w.ec2.DisassociateVpcCidrBlock(t.Context(), &ec2.DisassociateVpcCidrBlockInput{AssociationId: out.Ipv6CidrBlockAssociation.AssociationId})
	require.NoError(t, err)
	require.Len(t, w.texts(untouched), 2, "the rule stays")
}

func TestBlocksOfAVPC(t *testing.T) {
	w := newWorld(t)
	vpc, err := w.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	require.NoError(t, err)
	id := *vpc.Vpc.VpcId
	_, err = w.associateBlock(id, "10.0.1.0/24")
	refused(t, err, "InvalidVpc.Range")
	_, err = w.associateBlock(id, "10.0.0.0/8")
	refused(t, err, "InvalidVpc.Range")
	for _, block := range []string{"10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16", "", "", "", "", ""} {
		_, err = w.associateBlock(id, block)
		require.NoError(t, err, block)
	}
	for _, block := range []string{"10.5.0.0/16", ""} {
		_, err = w.associateBlock(id, block)
		refused(t, err, "CidrLimitExceeded")
	}
	out, err := w.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{id}})
	require.NoError(t, err)
	v := out.Vpcs[0]
	require.Len(t, v.CidrBlockAssociationSet, 5)
	require.Len(t, v.Ipv6CidrBlockAssociationSet, 5)
	seen := map[string]bool{}
	for _, a := range v.Ipv6CidrBlockAssociationSet {
		seen[*a.Ipv6CidrBlock] = true
	}
	require.Len(t, seen, 5)

	end := func(id string) error {
		_, err := w.ec2.DisassociateVpcCidrBlock(t.Context(), &ec2.DisassociateVpcCidrBlockInput{AssociationId: &id})
		return err
	}
	refused(t, end(*v.CidrBlockAssociationSet[0].AssociationId), "OperationNotPermitted")
	require.NoError(t, end(*v.CidrBlockAssociationSet[1].AssociationId))
	refused(t, end(*v.CidrBlockAssociationSet[1].AssociationId), "InvalidVpcCidrBlockAssociationID.NotFound")
	require.NoError(t, end(*v.CidrBlockAssociationSet[2].AssociationId), "an id outlives the others")

	_, err = w.ec2.AssociateVpcCidrBlock(t.Context(), &ec2.AssociateVpcCidrBlockInput{VpcId: &id})
	refused(t, err, "InvalidParameterCombination")
}
