package localec2_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func rule(id, block string) secgroup.Rule {
	return secgroup.Rule{
		ID: id, Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 22, To: 22},
		Peer: secgroup.CIDR{Prefix: netip.MustParsePrefix(block)},
	}
}

func (w world) entries(id string, version int64) []string {
	w.Helper()
	in := &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id}
	if version > 0 {
		in.TargetVersion = &version
	}
	blocks := []string{}
	for {
		out, err := w.ec2.GetManagedPrefixListEntries(w.Context(), in)
		require.NoError(w, err)
		for _, e := range out.Entries {
			blocks = append(blocks, *e.Cidr)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return blocks
		}
	}
}

func TestPrefixListVersions(t *testing.T) {
	w := newWorld(t)
	made, err := w.ec2.CreateManagedPrefixList(t.Context(), &ec2.CreateManagedPrefixListInput{
		PrefixListName: aws.String("offices"), AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(3),
		Entries: []types.AddPrefixListEntry{{Cidr: aws.String("8.8.8.1/29")}},
	})
	require.NoError(t, err)
	id := made.PrefixList.PrefixListId
	modify := func(version int64, add, remove string) error {
		in := &ec2.ModifyManagedPrefixListInput{PrefixListId: id}
		if version > 0 {
			in.CurrentVersion = &version
		}
		if add != "" {
			in.AddEntries = []types.AddPrefixListEntry{{Cidr: &add}}
		}
		if remove != "" {
			in.RemoveEntries = []types.RemovePrefixListEntry{{Cidr: &remove}}
		}
		_, err := w.ec2.ModifyManagedPrefixList(t.Context(), in)
		return err
	}
	require.NoError(t, modify(1, "0.0.0.0/0", ""))
	refused(t, modify(1, "10.0.0.0/8", ""), "PrefixListVersionMismatch")
	refused(t, modify(0, "10.0.0.0/8", ""), "MissingParameter")
	refused(t, modify(2, "::/0", ""), "InvalidParameterValue")
	refused(t, modify(2, "", "10.0.0.0/8"), "InvalidParameterValue")
	require.NoError(t, modify(2, "10.0.0.0/8", "8.8.8.0/29"))
	require.ElementsMatch(t, []string{"0.0.0.0/0", "10.0.0.0/8"}, w.entries(*id, 0))
	require.ElementsMatch(t, []string{"8.8.8.0/29"}, w.entries(*id, 1))
	_, err = w.ec2.RestoreManagedPrefixListVersion(t.Context(), &ec2.RestoreManagedPrefixListVersionInput{PrefixListId: id, CurrentVersion: aws.Int64(3), PreviousVersion: aws.Int64(1)})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"8.8.8.0/29"}, w.entries(*id, 0))
	out, err := w.ec2.DescribeManagedPrefixLists(t.Context(), &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{*id}})
	require.NoError(t, err)
	require.EqualValues(t, 4, *out.PrefixLists[0].Version)
	require.Equal(t, "offices", *out.PrefixLists[0].PrefixListName)
	_, err = w.ec2.ModifyManagedPrefixList(t.Context(), &ec2.ModifyManagedPrefixListInput{
		PrefixListId: id, CurrentVersion: aws.Int64(4), MaxEntries: aws.Int32(9), AddEntries: []types.AddPrefixListEntry{{Cidr: aws.String("10.0.0.0/8")}},
	})
	refused(t, err, "InvalidParameterCombination")
}

func TestPrefixListsOfAWSAndPages(t *testing.T) {
	w := newWorld(t)
	var blocks []netip.Prefix
	for i := range 250 {
		blocks = append(blocks, netip.MustParsePrefix(fmt.Sprintf("8.8.%d.0/24", i)))
	}
	require.NoError(t, w.account.PutList(secgroup.PrefixList{ID: "pl-63a5400a", Name: "com.amazonaws.us-east-1.s3", OwnerID: "AWS", Entries: blocks}, 5))
	require.Len(t, w.entries("pl-63a5400a", 0), 250)
	require.Equal(t, 3, w.cloud.Count("GetManagedPrefixListEntries"), "a page holds at most 100 entries")
	out, err := w.ec2.DescribeManagedPrefixLists(t.Context(), &ec2.DescribeManagedPrefixListsInput{Filters: []types.Filter{filter("owner-id", "AWS")}})
	require.NoError(t, err)
	require.Nil(t, out.PrefixLists[0].Version)
	_, err = w.ec2.ModifyManagedPrefixList(t.Context(), &ec2.ModifyManagedPrefixListInput{PrefixListId: aws.String("pl-63a5400a"), MaxEntries: aws.Int32(300)})
	refused(t, err, "UnauthorizedOperation")
	_, err = w.ec2.GetManagedPrefixListEntries(t.Context(), &ec2.GetManagedPrefixListEntriesInput{PrefixListId: aws.String("pl-0123456789abcdef0")})
	refused(t, err, "InvalidPrefixListID.NotFound")
}

func TestResizingAListNeedsRoomInEveryGroup(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	require.NoError(t, w.account.PutList(secgroup.PrefixList{ID: "pl-0000000000000000a"}, 50))
	p := perm("tcp", 1, 1, "10.0.0.0/8")
	p.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String("pl-0000000000000000a")}}
	w.ingress(g, p)
	_, err := w.ec2.ModifyManagedPrefixList(t.Context(), &ec2.ModifyManagedPrefixListInput{PrefixListId: aws.String("pl-0000000000000000a"), MaxEntries: aws.Int32(60)})
	refused(t, err, "RulesPerSecurityGroupLimitExceeded")
	_, err = w.ec2.ModifyManagedPrefixList(t.Context(), &ec2.ModifyManagedPrefixListInput{PrefixListId: aws.String("pl-0000000000000000a"), MaxEntries: aws.Int32(59)})
	require.NoError(t, err)
}

func TestAssociations(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	require.NoError(t, w.account.EnsureVPC("vpc-0000000000000000b"))
	associate := func(group, vpc string) error {
		_, err := w.ec2.AssociateSecurityGroupVpc(t.Context(), &ec2.AssociateSecurityGroupVpcInput{GroupId: &group, VpcId: &vpc})
		return err
	}
	require.NoError(t, associate(g, "vpc-0000000000000000b"))
	refused(t, associate(g, "vpc-0000000000000000b"), "InvalidParameterValue")
	refused(t, associate(g, w.account.DefaultVPC()), "InvalidParameterValue")
	own, _ := w.account.GroupNamed("vpc-0000000000000000a", "default")
	refused(t, associate(own, "vpc-0000000000000000b"), "InvalidParameterValue")
	out, err := w.ec2.DescribeSecurityGroupVpcAssociations(t.Context(), &ec2.DescribeSecurityGroupVpcAssociationsInput{Filters: []types.Filter{filter("group-id", g)}})
	require.NoError(t, err)
	require.Len(t, out.SecurityGroupVpcAssociations, 1)
	require.Equal(t, "vpc-0000000000000000b", *out.SecurityGroupVpcAssociations[0].VpcId)
	_, err = w.ec2.DisassociateSecurityGroupVpc(t.Context(), &ec2.DisassociateSecurityGroupVpcInput{GroupId: &g, VpcId: aws.String("vpc-0000000000000000b")})
	require.NoError(t, err)
	out, err = w.ec2.DescribeSecurityGroupVpcAssociations(t.Context(), &ec2.DescribeSecurityGroupVpcAssociationsInput{})
	require.NoError(t, err)
	require.Empty(t, out.SecurityGroupVpcAssociations)
	interfaces, err := w.ec2.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{filter("group-id", g)}, IncludeManagedResources: aws.Bool(true)})
	require.NoError(t, err)
	require.Empty(t, interfaces.NetworkInterfaces)
}
