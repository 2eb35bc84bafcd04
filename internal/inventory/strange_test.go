package inventory_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// strange is an endpoint that answers what EC2 never should.
type strange struct {
	inventory.Client
	rules []types.SecurityGroupRule
	token *string
}

func (s strange) DescribeSecurityGroupRules(context.Context, *ec2.DescribeSecurityGroupRulesInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	return &ec2.DescribeSecurityGroupRulesOutput{SecurityGroupRules: s.rules, NextToken: s.token}, nil
}

func (s strange) DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	return &ec2.DescribeSecurityGroupsOutput{}, nil
}

func answered(set func(*types.SecurityGroupRule)) types.SecurityGroupRule {
	r := types.SecurityGroupRule{
		SecurityGroupRuleId: aws.String("sgr-0000000000000000a"), GroupId: aws.String(web), GroupOwnerId: aws.String("123456789012"),
		IsEgress: aws.Bool(false), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIpv4: aws.String("10.0.0.0/8"),
	}
	set(&r)
	return r
}

func TestAnswersOfTheEmulatorAreMadeCanonical(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*types.SecurityGroupRule)
		want string
	}{
		{"host bits", func(r *types.SecurityGroupRule) { r.CidrIpv4 = aws.String("100.68.0.18/18") }, "ingress tcp/22 from 100.68.0.0/18"},
		{"IPv6 spelling", func(r *types.SecurityGroupRule) { r.CidrIpv4, r.CidrIpv6 = nil, aws.String("0::0/0") }, "ingress tcp/22 from ::/0"},
		{"empty beside full", func(r *types.SecurityGroupRule) { r.CidrIpv6, r.PrefixListId = aws.String(""), aws.String("") }, "ingress tcp/22 from 10.0.0.0/8"},
		{"a number for a name", func(r *types.SecurityGroupRule) { r.IpProtocol = aws.String("58") }, "ingress icmpv6/22/22 from 10.0.0.0/8"},
		{"ports of all protocols", func(r *types.SecurityGroupRule) { r.IpProtocol = aws.String("-1") }, "ingress all from 10.0.0.0/8"},
		{"no ports", func(r *types.SecurityGroupRule) { r.IpProtocol, r.FromPort, r.ToPort = aws.String("50"), nil, nil }, "ingress 50 from 10.0.0.0/8"},
		{"own account", func(r *types.SecurityGroupRule) {
			r.CidrIpv4, r.ReferencedGroupInfo = nil, &types.ReferencedSecurityGroup{GroupId: aws.String(web), UserId: aws.String("123456789012")}
		}, "ingress tcp/22 from " + web},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, err := inventory.New(strange{rules: []types.SecurityGroupRule{answered(c.set)}}).Rules(t.Context(), web)
			require.NoError(t, err)
			require.Len(t, rules, 1)
			require.Equal(t, c.want, rules[0].String())
			require.Equal(t, rules[0], rules[0].Canonical())
			require.Equal(t, "sgr-0000000000000000a", rules[0].ID)
		})
	}
}

func TestRulesThatAreNotUnderstoodAreErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*types.SecurityGroupRule)
	}{
		{"no peer", func(r *types.SecurityGroupRule) { r.CidrIpv4 = nil }},
		{"a reference to nothing", func(r *types.SecurityGroupRule) {
			r.CidrIpv4, r.ReferencedGroupInfo = nil, &types.ReferencedSecurityGroup{}
		}},
		{"two peers", func(r *types.SecurityGroupRule) { r.CidrIpv6 = aws.String("::/0") }},
		{"no block", func(r *types.SecurityGroupRule) { r.CidrIpv4 = aws.String("everyone") }},
		{"an unknown protocol", func(r *types.SecurityGroupRule) { r.IpProtocol = aws.String("quic") }},
		{"no protocol", func(r *types.SecurityGroupRule) { r.IpProtocol = nil }},
		{"ports turned round", func(r *types.SecurityGroupRule) { r.FromPort = aws.Int32(23) }},
		{"of another group", func(r *types.SecurityGroupRule) { r.GroupId = aws.String("sg-0000000000000000b") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := inventory.New(strange{rules: []types.SecurityGroupRule{answered(c.set)}}).Rules(t.Context(), web)
			require.ErrorIs(t, err, incident.ErrInvalid)
		})
	}
}

func TestAnAnswerWithoutTheGroupDoesNotMeanThatItIsGone(t *testing.T) {
	g, err := inventory.New(strange{}).Group(t.Context(), web)
	require.ErrorIs(t, err, incident.ErrUnavailable)
	require.NotErrorIs(t, err, incident.ErrGone)
	require.Equal(t, secgroup.Group{}, g)
}

func TestPagesEnd(t *testing.T) {
	_, err := inventory.New(strange{token: aws.String("again")}).Rules(t.Context(), web)
	require.ErrorIs(t, err, incident.ErrUnavailable)
}
