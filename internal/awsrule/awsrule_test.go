package awsrule_test

import (
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sgwarden/sgwarden/internal/awsrule"
	_ "github.com/sgwarden/sgwarden/internal/fixedseed" // the same draws in every run
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const owner = "123456789012"

func anyPeer() *rapid.Generator[secgroup.Peer] {
	return rapid.Custom(func(t *rapid.T) secgroup.Peer {
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			b := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")
			return secgroup.CIDR{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte(b)), rapid.IntRange(0, 32).Draw(t, "bits"))}
		case 1:
			b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6")
			return secgroup.CIDR{Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte(b)), rapid.IntRange(0, 128).Draw(t, "bits"))}
		case 2:
			return secgroup.PrefixList{ID: "pl-0123456789abcdef0"}
		case 3:
			return secgroup.GroupReference{GroupID: "sg-0123456789abcdef0"}
		}
		return secgroup.GroupReference{GroupID: "sg-0123456789abcdef0", AccountID: "210987654321", PeeringID: "pcx-0123456789abcdef0"}
	})
}

func anyRule() *rapid.Generator[secgroup.Rule] {
	return rapid.Custom(func(t *rapid.T) secgroup.Rule {
		r := secgroup.Rule{
			ID:          "sgr-0123456789abcdef0",
			Direction:   rapid.SampledFrom([]secgroup.Direction{secgroup.Ingress, secgroup.Egress}).Draw(t, "direction"),
			Protocol:    secgroup.Protocol(rapid.OneOf(rapid.SampledFrom([]int16{-1, 1, 6, 17, 58}), rapid.Int16Range(0, 255)).Draw(t, "protocol")),
			Peer:        anyPeer().Draw(t, "peer"),
			Description: rapid.SampledFrom([]string{"", "a text"}).Draw(t, "description"),
		}
		limit := int32(65535)
		if r.Protocol.IsICMP() {
			limit = 255
		}
		r.Ports.From = rapid.Int32Range(-1, limit).Draw(t, "from")
		r.Ports.To = rapid.Int32Range(-1, limit).Draw(t, "to")
		if r.Validate() != nil {
			r.Ports = secgroup.NoPorts
		}
		return r
	})
}

// described is what EC2 answers of a rule that was asked for with p.
func described(r secgroup.Rule, p types.IpPermission) types.SecurityGroupRule {
	d := types.SecurityGroupRule{
		SecurityGroupRuleId: &r.ID, GroupId: aws.String("sg-1"), GroupOwnerId: aws.String(owner), IsEgress: aws.Bool(r.Direction == secgroup.Egress),
		IpProtocol: p.IpProtocol, FromPort: p.FromPort, ToPort: p.ToPort,
	}
	for _, x := range p.IpRanges {
		d.CidrIpv4, d.Description = x.CidrIp, x.Description
	}
	for _, x := range p.Ipv6Ranges {
		d.CidrIpv6, d.Description = x.CidrIpv6, x.Description
	}
	for _, x := range p.PrefixListIds {
		d.PrefixListId, d.Description = x.PrefixListId, x.Description
	}
	for _, x := range p.UserIdGroupPairs {
		d.ReferencedGroupInfo, d.Description = &types.ReferencedSecurityGroup{GroupId: x.GroupId, UserId: x.UserId}, x.Description
		if x.UserId == nil {
			d.ReferencedGroupInfo.UserId = aws.String(owner)
		} else {
			d.ReferencedGroupInfo.VpcPeeringConnectionId = aws.String("pcx-0123456789abcdef0")
		}
	}
	return d
}

func TestWhatIsAskedForIsWhatIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRule().Draw(t, "rule")
		p, err := awsrule.Permission(r)
		require.NoError(t, err)
		got, err := awsrule.Described(described(r, p))
		require.NoError(t, err)
		require.Equal(t, r.Canonical(), got)

		q, err := awsrule.Request(r)
		require.NoError(t, err)
		revoked := types.RevokedSecurityGroupRule{
			SecurityGroupRuleId: &r.ID, IsEgress: aws.Bool(r.Direction == secgroup.Egress), IpProtocol: q.IpProtocol, FromPort: q.FromPort, ToPort: q.ToPort,
			CidrIpv4: q.CidrIpv4, CidrIpv6: q.CidrIpv6, PrefixListId: q.PrefixListId, ReferencedGroupId: q.ReferencedGroupId, Description: q.Description,
		}
		r.Tags = map[string]string{"k": "v"}
		got, err = awsrule.Revoked(revoked, r)
		require.NoError(t, err)
		require.Equal(t, r.Canonical(), got, "with the tags and the account that were read before")
	})
}

func TestRevokedKeepsNothingOfAnotherRule(t *testing.T) {
	planned := secgroup.Rule{
		ID: "sgr-0123456789abcdef0", Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.AllPorts,
		Peer: secgroup.GroupReference{GroupID: "sg-0123456789abcdef0", AccountID: "210987654321"}, Tags: map[string]string{"k": "v"},
	}
	answer := types.RevokedSecurityGroupRule{
		SecurityGroupRuleId: aws.String("sgr-0123456789abcdef1"), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(1), ToPort: aws.Int32(1),
		ReferencedGroupId: aws.String("sg-0123456789abcdef9"),
	}
	got, err := awsrule.Revoked(answer, planned)
	require.NoError(t, err)
	require.Equal(t, secgroup.GroupReference{GroupID: "sg-0123456789abcdef9"}, got.Peer)
	require.Nil(t, got.Tags)
	require.Equal(t, secgroup.Ports{From: 1, To: 1}, got.Ports, "what went, not what was planned")
}

func TestRulesThatEC2NeverStoresAreNotSent(t *testing.T) {
	for _, r := range []secgroup.Rule{
		{}, {Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.AllPorts},
		{Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 2, To: 1}, Peer: secgroup.PrefixList{ID: "pl-0123456789abcdef0"}},
		{Direction: secgroup.Ingress, Protocol: 300, Peer: secgroup.PrefixList{ID: "pl-0123456789abcdef0"}},
	} {
		_, err := awsrule.Permission(r)
		require.ErrorIs(t, err, incident.ErrInvalid)
		_, err = awsrule.Request(r)
		require.ErrorIs(t, err, incident.ErrInvalid)
	}
}
