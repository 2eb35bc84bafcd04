package localec2_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// world is a cloud with the real client of one account on it.
type world struct {
	*testing.T
	cloud   *localec2.Cloud
	account *localec2.Account
	ec2     *ec2.Client
}

func newWorld(t *testing.T) world {
	t.Helper()
	clock := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	cloud := localec2.New(localec2.Options{Clock: clock, IDs: localec2.CountedIDs(t.Name())})
	return world{t, cloud, cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion), clientOf(cloud, "AKIDTEST", localec2.DefaultRegion)}
}

// clientOf is the real SDK client, without retries, in process.
func clientOf(cloud *localec2.Cloud, key, region string) *ec2.Client {
	return ec2.New(ec2.Options{
		Region:  region,
		Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret"}, nil
		}),
		HTTPClient: &http.Client{Transport: cloud.Transport()},
	})
}

// group makes a group in a VPC that is not the default one, without rules.
func (w world) group(name string) string {
	w.Helper()
	require.NoError(w, w.account.EnsureVPC("vpc-0000000000000000a"))
	id := w.newGroup("vpc-0000000000000000a", name)
	for _, r := range w.rules(id) {
		require.True(w, w.account.RemoveRule(r.ID))
	}
	return id
}

func (w world) newGroup(vpcID, name string) string {
	w.Helper()
	out, err := w.ec2.CreateSecurityGroup(w.Context(), &ec2.CreateSecurityGroupInput{
		GroupName: aws.String(name), Description: aws.String("for a test"), VpcId: aws.String(vpcID),
	})
	require.NoError(w, err)
	return *out.GroupId
}

// rules are the live rules of a group, by id.
func (w world) rules(groupID string) []secgroup.Rule {
	w.Helper()
	g, ok := w.account.Group(groupID)
	require.True(w, ok, groupID)
	return g.Rules
}

// texts are the live rules of a group without their ids.
func (w world) texts(groupID string) []string {
	w.Helper()
	texts := []string{}
	out, err := w.ec2.DescribeSecurityGroupRules(w.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", groupID)}})
	require.NoError(w, err)
	for _, r := range out.SecurityGroupRules {
		texts = append(texts, text(r))
	}
	return texts
}

func text(r types.SecurityGroupRule) string {
	direction := "in "
	if *r.IsEgress {
		direction = "out "
	}
	peer := aws.ToString(r.CidrIpv4) + aws.ToString(r.CidrIpv6) + aws.ToString(r.PrefixListId)
	if r.ReferencedGroupInfo != nil {
		peer = aws.ToString(r.ReferencedGroupInfo.UserId) + "/" + aws.ToString(r.ReferencedGroupInfo.GroupId)
	}
	return direction + *r.IpProtocol + " " + ports(*r.FromPort, *r.ToPort) + " " + peer
}

// ingress authorizes permissions and gives the ids of the new rules.
func (w world) ingress(groupID string, permissions ...types.IpPermission) []string {
	w.Helper()
	out, err := w.ec2.AuthorizeSecurityGroupIngress(w.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &groupID, IpPermissions: permissions})
	require.NoError(w, err)
	ids := []string{}
	for _, r := range out.SecurityGroupRules {
		ids = append(ids, *r.SecurityGroupRuleId)
	}
	return ids
}

func (w world) tryIngress(groupID string, permissions ...types.IpPermission) error {
	_, err := w.ec2.AuthorizeSecurityGroupIngress(w.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &groupID, IpPermissions: permissions})
	return err
}

// refused holds that a call ended in that error of the API.
func refused(t require.TestingT, err error, code string) {
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, code, api.ErrorCode(), api.ErrorMessage())
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// perm is an IpPermission with IPv4 blocks.
func perm(protocol string, from, to int32, blocks ...string) types.IpPermission {
	p := types.IpPermission{IpProtocol: &protocol, FromPort: &from, ToPort: &to}
	for _, b := range blocks {
		p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String(b)})
	}
	return p
}

// perm6 is an IpPermission with IPv6 blocks.
func perm6(protocol string, from, to int32, blocks ...string) types.IpPermission {
	p := perm(protocol, from, to)
	for _, b := range blocks {
		p.Ipv6Ranges = append(p.Ipv6Ranges, types.Ipv6Range{CidrIpv6: aws.String(b)})
	}
	return p
}

// from is an IpPermission with groups.
func permFrom(protocol string, from, to int32, pairs ...types.UserIdGroupPair) types.IpPermission {
	p := perm(protocol, from, to)
	p.UserIdGroupPairs = pairs
	return p
}

func pair(groupID string) types.UserIdGroupPair { return types.UserIdGroupPair{GroupId: &groupID} }

func sortedTexts(texts []string) []string { return slices.Sorted(slices.Values(texts)) }
