package events

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// One odd part among many: the others are read all the same.

const oneGroup = `"groupId":"sg-0a5e1f01"`

func TestPermissionsBehindAnOddOne(t *testing.T) {
	c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"requestParameters":{`+oneGroup+`,"ipPermissions":[5,{"ipProtocol":"-1","ipRanges":[{"cidrIp":"10.0.0.0/8","description":"office"}]}],
		"securityGroupRuleIds":["sgr-x","sgr-0b7c2d01"]}`)
	require.False(t, c.Complete)
	require.Equal(t, []string{"ingress all from 10.0.0.0/8", "sgr-0b7c2d01"}, texts(c))
	require.Equal(t, "office", c.Rules[0].Rule.Description)
}

func TestGroupsByNameAmongOthers(t *testing.T) {
	ask := func(groups string) secgroup.Change {
		return decodeFields(t, "AuthorizeSecurityGroupIngress", `"requestParameters":{`+oneGroup+`,"ipPermissions":[{"ipProtocol":"-1","groups":[`+groups+`]}]}`)
	}
	c := ask(`{"groupName":"web"},{"groupId":"sg-0a5e1f02"},{"groupId":"sg-0a5e1f03","groupName":"db"}`)
	require.Equal(t, []string{"ingress all from sg-0a5e1f02", "ingress all from sg-0a5e1f03"}, texts(c))
	require.Equal(t, "1 rules name their source by group name alone", c.Incomplete)

	c = ask(`{"groupName":"web"}`)
	require.Equal(t, "1 rules name their source by group name alone", c.Incomplete, "it is a peer")
	c = ask(`{"groupName":"web"},{"groupName":"db"}`)
	require.Equal(t, "2 rules name their source by group name alone", c.Incomplete)
	c = ask(`{}`)
	require.Contains(t, c.Incomplete, "is no group id")
}

// TestPeersAreCounted: a permission of one block and one name has peers.
func TestPeersAreCounted(t *testing.T) {
	c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"requestParameters":{`+oneGroup+`,"ipPermissions":[{"ipProtocol":"-1","ipRanges":["10.0.0.0/8"],"groups":[{"groupName":"web"}]}]}`)
	require.NotContains(t, c.Incomplete, "has no peer")
	require.Equal(t, []string{"ingress all from 10.0.0.0/8"}, texts(c))
}

func TestNamesBesideIds(t *testing.T) {
	c := decodeFields(t, "RevokeSecurityGroupIngress", `"requestParameters":{`+oneGroup+`,"securityGroupRuleIds":["sgr-0b7c2d01"],"ipPermissions":[{"ipProtocol":"-1","groups":[{"groupName":"web"},{"groupName":"db"}]}]}`)
	require.Equal(t, "2 rules name their source by group name alone", c.Incomplete)
}

func TestAnswersBehindAnOddOne(t *testing.T) {
	const good = `{"groupId":"sg-0a5e1f01","securityGroupRuleId":"sgr-0b7c2d01","isEgress":false,"ipProtocol":"-1","cidrIpv4":"10.0.0.0/8"}`
	c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"requestParameters":{`+oneGroup+`,"ipProtocol":"-1","cidrIp":"10.0.0.0/8"},"responseElements":{"securityGroupRuleSet":[5,`+good+`]}`)
	require.False(t, c.Complete)
	require.Equal(t, []string{"sgr-0b7c2d01 ingress all from 10.0.0.0/8"}, texts(c))
}

// TestIdsBeforeValuesInTheRequest: what the answer leaves out is named though
// an id stands before it.
func TestIdsBeforeValuesInTheRequest(t *testing.T) {
	r := record{call: callIndex[callKey{"ec2.amazonaws.com", "AuthorizeSecurityGroupIngress"}]}
	value, err := secgroup.ParseRule("ingress tcp/22 from 10.0.0.0/8")
	require.NoError(t, err)
	asked := reading{opaque: 1, rules: []secgroup.NamedRule{{Rule: secgroup.Rule{ID: "sgr-0b7c2d01"}}, {Rule: value, HasValue: true}}}
	r.compare(secgroup.GroupName{ID: "sg-0a5e1f01"}, asked, reading{rules: []secgroup.NamedRule{{}}})
	require.Len(t, r.change.Rules, 1)
	require.Equal(t, "sg-0a5e1f01", r.change.Rules[0].GroupID)
}

func TestABrokenPeerIsToldEvenBesideAGoodOne(t *testing.T) {
	c := decodeFields(t, "ModifySecurityGroupRules", `"requestParameters":{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-0a5e1f01","SecurityGroupRule":{"SecurityGroupRuleId":"sgr-0b7c2d01","SecurityGroupRule":{"IpProtocol":-1,"CidrIpv4":"10.0.0.0/8","CidrIpv6":"x"}}}}`)
	require.Contains(t, c.Incomplete, `"x" is no CIDR`)
	require.Equal(t, []string{"sgr-0b7c2d01"}, []string{c.Rules[0].Rule.ID})
	require.False(t, c.Rules[0].HasValue)
}

func TestGroupsAreNamedOnce(t *testing.T) {
	r := record{}
	for _, g := range []secgroup.GroupName{{Name: "web"}, {Name: "db"}, {Name: "web"}, {ID: "sg-0a5e1f01", Name: "web"}, {ID: "sg-0a5e1f01"}, {ID: "sg-0a5e1f02"}} {
		r.addGroup(g)
	}
	require.Equal(t, []secgroup.GroupName{{Name: "web"}, {Name: "db"}, {ID: "sg-0a5e1f01", Name: "web"}, {ID: "sg-0a5e1f02"}}, r.change.Groups)
}

// TestAnswersOfOtherGroups: the group that only the answer names is one of
// the change, and where the request named another that is said.
func TestAnswersOfOtherGroups(t *testing.T) {
	delete := func(request string) secgroup.Change {
		return decodeFields(t, "DeleteSecurityGroup", `"requestParameters":`+request+`,"responseElements":{"groupId":"sg-0a5e1f02"}`)
	}
	c := delete(`{"groupName":"web"}`)
	require.True(t, c.Complete)
	require.Equal(t, []secgroup.GroupName{{ID: "sg-0a5e1f02", Name: "web"}}, c.Groups)
	c = delete(`{}`)
	require.True(t, c.Complete, c.Incomplete)
	require.Equal(t, []secgroup.GroupName{{ID: "sg-0a5e1f02"}}, c.Groups)
	c = delete(`{"groupId":"sg-0a5e1f01"}`)
	require.Equal(t, "the response is about sg-0a5e1f02, which the request does not name", c.Incomplete)
	require.Len(t, c.Groups, 2)
}

func TestVPCsAndListsOfEitherSide(t *testing.T) {
	for name, row := range map[string]struct {
		call, fields, vpcs, lists string
	}{
		"VPC in the request":         {"AssociateVpcCidrBlock", `"requestParameters":{"vpcId":"vpc-0c3d4e01"}`, "vpc-0c3d4e01", ""},
		"VPC in the answer":          {"AssociateVpcCidrBlock", `"requestParameters":{},"responseElements":{"vpcId":"vpc-0c3d4e02"}`, "vpc-0c3d4e02", ""},
		"VPC within the answer":      {"CreateVpc", `"requestParameters":{},"responseElements":{"vpc":{"vpcId":"vpc-0c3d4e03"}}`, "vpc-0c3d4e03", ""},
		"both alike":                 {"AssociateVpcCidrBlock", `"requestParameters":{"vpcId":"vpc-0c3d4e01"},"responseElements":{"vpcId":"vpc-0c3d4e01"}`, "vpc-0c3d4e01", ""},
		"list in the request":        {"ModifyManagedPrefixList", `"requestParameters":{"prefixListId":"pl-0d5f6a01"}`, "", "pl-0d5f6a01"},
		"list in the answer":         {"CreateManagedPrefixList", `"requestParameters":{},"responseElements":{"prefixList":{"prefixListId":"pl-0d5f6a02"}}`, "", "pl-0d5f6a02"},
		"a group with another's":     {"AssociateSecurityGroupVpc", `"requestParameters":{` + oneGroup + `,"vpcId":"vpc-0c3d4e01"}`, "vpc-0c3d4e01", ""},
		"a call that failed":         {"AssociateSecurityGroupVpc", `"errorCode":"X","requestParameters":{` + oneGroup + `}`, "", ""},
		"a VPC call that failed":     {"CreateVpc", `"errorCode":"X","requestParameters":{}`, "", ""},
		"a list call that failed":    {"CreateManagedPrefixList", `"errorCode":"X","requestParameters":{}`, "", ""},
		"a peering call that failed": {"AcceptVpcPeeringConnection", `"errorCode":"X","requestParameters":{}`, "", ""},
	} {
		c := decodeFields(t, row.call, row.fields)
		require.True(t, c.Complete, "%s: %s", name, c.Incomplete)
		require.Equal(t, row.vpcs, strings.Join(c.VPCIDs, " "), name)
		require.Equal(t, row.lists, strings.Join(c.ListIDs, " "), name)
	}
	c := decodeFields(t, "AssociateSecurityGroupVpc", `"requestParameters":{`+oneGroup+`}`)
	require.Equal(t, "names no VPC", c.Incomplete)
}

// TestTheVersionAfterAnEditOfAList is one more than the version that was edited.
func TestTheVersionAfterAnEditOfAList(t *testing.T) {
	for current, want := range map[string]int64{`7`: 8, `"7"`: 8, `1`: 2, `0`: 0, `-1`: 0, `"x"`: 0, `{}`: 0} {
		c := decodeFields(t, "ModifyManagedPrefixList", `"requestParameters":{"prefixListId":"pl-0d5f6a01","currentVersion":`+current+`}`)
		require.Equal(t, want, c.ListVersion, current)
	}
}
