package localec2_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestANewAccountHasADefaultVPCAndGroup(t *testing.T) {
	w := newWorld(t)
	vpcs, err := w.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("is-default", "true")}})
	require.NoError(t, err)
	require.Len(t, vpcs.Vpcs, 1)
	require.Equal(t, "172.31.0.0/16", *vpcs.Vpcs[0].CidrBlock)
	out, err := w.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{})
	require.NoError(t, err)
	require.Len(t, out.SecurityGroups, 1)
	g := out.SecurityGroups[0]
	require.Equal(t, "default", *g.GroupName)
	require.Equal(t, "123456789012", *g.OwnerId)
	require.Equal(t, "arn:aws:ec2:us-east-1:123456789012:security-group/"+*g.GroupId, *g.SecurityGroupArn)
	require.ElementsMatch(t, []string{"in -1 -1--1 123456789012/" + *g.GroupId, "out -1 -1--1 0.0.0.0/0"}, w.texts(*g.GroupId))
	require.Nil(t, g.IpPermissions[0].FromPort, "all protocols have no ports here")
	require.Equal(t, *g.GroupId, *g.IpPermissions[0].UserIdGroupPairs[0].GroupId)
	_, err = w.ec2.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: g.GroupId})
	refused(t, err, "CannotDelete")
}

func TestDefaultEgressFollowsTheFamiliesOfTheVPC(t *testing.T) {
	w := newWorld(t)
	vpc, err := w.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.3.4.5/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})
	require.NoError(t, err)
	require.Equal(t, "10.3.0.0/16", *vpc.Vpc.CidrBlock)
	require.Len(t, vpc.Vpc.Ipv6CidrBlockAssociationSet, 1)
	require.ElementsMatch(t, []string{"out -1 -1--1 0.0.0.0/0", "out -1 -1--1 ::/0"}, w.texts(w.newGroup(*vpc.Vpc.VpcId, "dual")))
	only4, err := w.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.4.0.0/16")})
	require.NoError(t, err)
	require.Equal(t, []string{"out -1 -1--1 0.0.0.0/0"}, w.texts(w.newGroup(*only4.Vpc.VpcId, "four")))
	for block, code := range map[string]string{"10.0.0.0/15": "InvalidVpc.Range", "10.0.0.0/29": "InvalidVpc.Range", "ten": "InvalidParameterValue"} {
		_, err := w.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: &block})
		refused(t, err, code)
	}
	_, err = w.ec2.CreateDefaultVpc(t.Context(), &ec2.CreateDefaultVpcInput{})
	refused(t, err, "DefaultVpcAlreadyExists")
	_, err = w.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-0123456789abcdef0"}})
	refused(t, err, "InvalidVpcID.NotFound")
}

func TestCreateSecurityGroup(t *testing.T) {
	w := newWorld(t)
	create := func(name, description, vpc string, tags ...string) error {
		in := &ec2.CreateSecurityGroupInput{GroupName: &name, Description: &description}
		if vpc != "" {
			in.VpcId = &vpc
		}
		spec := types.TagSpecification{ResourceType: types.ResourceTypeSecurityGroup}
		for _, key := range tags {
			spec.Tags = append(spec.Tags, types.Tag{Key: &key, Value: aws.String("v")})
		}
		if len(tags) > 0 {
			in.TagSpecifications = []types.TagSpecification{spec}
		}
		_, err := w.ec2.CreateSecurityGroup(t.Context(), in)
		return err
	}
	require.NoError(t, create("Web", "ok", "", "team"))
	for _, c := range []struct{ name, description, vpc, tag, code string }{
		{"web", "same name, other case", "", "", "InvalidGroup.Duplicate"},
		{"Default", "reserved", "", "", "InvalidGroup.Reserved"},
		{"sg-web", "looks like an id", "", "", "InvalidParameterValue"},
		{"we<b", "name", "", "", "InvalidParameterValue"},
		{"x", "d\u00e9scription", "", "", "InvalidParameterValue"},
		{"x", strings.Repeat("d", 256), "", "", "InvalidParameterValue"},
		{"x", "no such vpc", "vpc-0123456789abcdef0", "", "InvalidVpcID.NotFound"},
		{"x", "no vpc id", "vpc", "", "InvalidVpcID.Malformed"},
		{"x", "reserved tag", "", "aws:x", "InvalidParameterValue"},
	} {
		t.Run(c.description, func(t *testing.T) {
			var tags []string
			if c.tag != "" {
				tags = []string{c.tag}
			}
			refused(t, create(c.name, c.description, c.vpc, tags...), c.code)
		})
	}
	require.NoError(t, w.account.EnsureVPC("vpc-0000000000000000a"))
	require.NoError(t, create("web", "another vpc", "vpc-0000000000000000a"))

	_, err := w.ec2.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("dry"), Description: aws.String("d"), DryRun: aws.Bool(true)})
	refused(t, err, "DryRunOperation")
	_, made := w.account.GroupNamed("", "dry")
	require.False(t, made)
}

func TestDeleteSecurityGroup(t *testing.T) {
	w := newWorld(t)
	g, user := w.group("web"), w.group("user")
	w.ingress(user, permFrom("tcp", 1, 1, pair(g)), permFrom("tcp", 1, 1, pair(user)))
	del := func(id string) error {
		_, err := w.ec2.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &id})
		return err
	}
	refused(t, del(g), "DependencyViolation")
	require.NoError(t, del(user), "a reference to itself does not hold a group")
	require.NoError(t, del(g))
	refused(t, del(g), "InvalidGroup.NotFound")
	out, err := w.ec2.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", user)}})
	require.NoError(t, err)
	require.Empty(t, out.SecurityGroupRules)
}

func TestDescribeFiltersAndPages(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for _, name := range []string{"a-1", "a-2", "a-3", "b-1", "b-2", "b-3", "c"} {
		id := w.group(name)
		ids = append(ids, id)
		require.True(t, w.account.SetTags(id, map[string]string{"tier": name[:1], name: ""}))
	}
	find := func(filters ...types.Filter) []string {
		out, err := w.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: filters})
		require.NoError(t, err)
		found := []string{}
		for _, g := range out.SecurityGroups {
			found = append(found, *g.GroupId)
		}
		return found
	}
	require.ElementsMatch(t, ids[:3], find(filter("group-name", "a-*")))
	require.ElementsMatch(t, ids[:6], find(filter("group-name", "?-?")))
	require.ElementsMatch(t, []string{ids[0], ids[6]}, find(filter("group-name", "a-1", "c")))
	require.Empty(t, find(filter("group-name", "A-1")), "case counts in a filter")
	require.ElementsMatch(t, ids[3:5], find(filter("tag:tier", "b"), filter("group-name", "b-1", "b-2")))
	require.ElementsMatch(t, ids[:1], find(filter("tag-key", "a-1")))
	require.ElementsMatch(t, ids, find(filter("vpc-id", "vpc-0000000000000000a"), filter("description", "for a test")))
	_, err := w.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("ip-permission.cidr", "0.0.0.0/0")}})
	refused(t, err, "InvalidParameterValue")
	_, err = w.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{ids[0], "sg-0123456789abcdef0"}})
	refused(t, err, "InvalidGroup.NotFound")
	require.ErrorContains(t, err, "sg-0123456789abcdef0")
	require.NotContains(t, err.Error(), ids[0], "the error names the unknown one")
	byName, err := w.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupNames: []string{"DEFAULT"}})
	require.NoError(t, err)
	require.Len(t, byName.SecurityGroups, 1)

	// Pages hold each group once, though one goes in between.
	seen := map[string]int{}
	var token *string
	for page := 0; ; page++ {
		out, err := w.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(5), NextToken: token})
		require.NoError(t, err)
		for _, g := range out.SecurityGroups {
			seen[*g.GroupId]++
		}
		if page == 0 {
			require.Len(t, out.SecurityGroups, 5)
			require.True(t, w.account.DropGroup(*out.SecurityGroups[0].GroupId))
		}
		if token = out.NextToken; token == nil {
			break
		}
	}
	require.Len(t, seen, 9)
	for id, n := range seen {
		require.Equal(t, 1, n, id)
	}
	for _, n := range []int32{4, 1001} {
		_, err = w.ec2.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{MaxResults: aws.Int32(n)})
		refused(t, err, "InvalidParameterValue")
	}
	_, err = w.ec2.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{NextToken: aws.String("x")})
	refused(t, err, "InvalidNextToken")
	_, err = w.ec2.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{"sgr-0123456789abcdef0"}})
	refused(t, err, "InvalidSecurityGroupRuleId.NotFound")
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	tagged, err := w.ec2.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &g, IpPermissions: []types.IpPermission{perm("tcp", 22, 22, "10.0.0.0/8")},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}},
	})
	require.NoError(t, err)
	rule := *tagged.SecurityGroupRules[0].SecurityGroupRuleId
	_, err = w.ec2.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{g, rule}, Tags: []types.Tag{{Key: aws.String("sgwarden:state"), Value: aws.String("violates")}}})
	require.NoError(t, err)
	_, err = w.ec2.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{g, "sgr-0123456789abcdef0"}, Tags: []types.Tag{{Key: aws.String("x"), Value: aws.String("y")}}})
	refused(t, err, "InvalidSecurityGroupRuleId.NotFound")
	_, err = w.ec2.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{rule}, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("other")}, {Key: aws.String("sgwarden:state")}}})
	require.NoError(t, err)
	out, err := w.ec2.DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: []types.Filter{filter("resource-id", g, rule)}})
	require.NoError(t, err)
	var texts []string
	for _, tag := range out.Tags {
		texts = append(texts, string(tag.ResourceType)+" "+*tag.Key+"="+*tag.Value)
	}
	require.ElementsMatch(t, []string{"security-group sgwarden:state=violates", "security-group-rule k=v"}, texts,
		"a tag is deleted only with its value, a failed call tags nothing")
	found, err := w.ec2.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("tag:k", "v")}})
	require.NoError(t, err)
	require.Len(t, found.SecurityGroupRules, 1)
}

func TestSeeding(t *testing.T) {
	w := newWorld(t)
	made, err := w.account.EnsureGroup(secgroup.Group{ID: "sg-04cfb7a4712d75b00", Name: "web", VPCID: "vpc-0e568b18707c87afa"})
	require.NoError(t, err)
	require.True(t, made)
	again, err := w.account.EnsureGroup(secgroup.Group{ID: "sg-04cfb7a4712d75b00", Name: "other"})
	require.NoError(t, err)
	require.False(t, again)
	ssh := rule("sgr-0a11552a7d225f5c7", "10.1.2.3/8")
	added, err := w.account.EnsureRule("sg-04cfb7a4712d75b00", ssh)
	require.NoError(t, err)
	require.True(t, added)
	for _, r := range []secgroup.Rule{rule("sgr-0a11552a7d225f5c7", "8.8.8.0/29"), rule("sgr-0000000000000000a", "10.0.0.0/8"), rule("", "10.0.0.0/8")} {
		added, err := w.account.EnsureRule("sg-04cfb7a4712d75b00", r)
		require.NoError(t, err)
		require.False(t, added, "neither an id nor a value is there twice")
	}
	id, ok := w.account.RuleOf("sg-04cfb7a4712d75b00", rule("", "10.0.0.0/8"))
	require.True(t, ok)
	require.Equal(t, ssh.ID, id)
	_, err = w.account.EnsureRule("sg-0000000000000000a", ssh)
	require.ErrorContains(t, err, "no such group")
	changed, err := w.account.ChangeRule(ssh.ID, rule("", "0.0.0.0/0"))
	require.NoError(t, err)
	require.True(t, changed)
	require.ElementsMatch(t, []string{"in tcp 22-22 0.0.0.0/0", "out -1 -1--1 0.0.0.0/0"}, w.texts("sg-04cfb7a4712d75b00"))
	require.True(t, w.account.RemoveRule(ssh.ID))
	require.False(t, w.account.RemoveRule(ssh.ID))

	made, err = w.account.EnsureGroup(secgroup.Group{ID: "sg-0000000000000000d", Name: "default", VPCID: "vpc-0e568b18707c87afa", Rules: []secgroup.Rule{}})
	require.NoError(t, err)
	require.True(t, made)
	named, ok := w.account.GroupNamed("vpc-0e568b18707c87afa", "default")
	require.True(t, ok)
	require.Equal(t, "sg-0000000000000000d", named, "a given default group takes the place of the VPC's")
	_, err = w.account.EnsureGroup(secgroup.Group{ID: "sg-0000000000000000e", Name: "WEB", VPCID: "vpc-0e568b18707c87afa"})
	require.ErrorContains(t, err, "is taken")
	_, err = w.account.EnsureGroup(secgroup.Group{ID: "web"})
	require.ErrorContains(t, err, "InvalidGroupId.Malformed")
	require.Zero(t, w.cloud.Mutations(), "seeding makes no call")
}
