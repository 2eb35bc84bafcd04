package ec2answer

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Names in the answer of DescribeSecurityGroupRules (EC2 API reference, and
// the deserializer of the SDK).
var (
	namesOfAnswer    = []string{"nextToken", "securityGroupRuleSet"}
	namesOfReference = []string{"groupId", "peeringStatus", "userId", "vpcId", "vpcPeeringConnectionId"}
	namesOfRule      = []string{
		"cidrIpv4", "cidrIpv6", "description", "fromPort", "groupId", "groupOwnerId", "ipProtocol", "isEgress", "prefixListId",
		"referencedGroupInfo", "securityGroupRuleArn", "securityGroupRuleId", "tagSet", "toPort",
	}
)

// readRules reads an answer of DescribeSecurityGroupRules; false where it is
// not plain.
func readRules(answer string) (*ec2.DescribeSecurityGroupRulesOutput, bool) {
	s := &scanner{text: answer}
	out := &ec2.DescribeSecurityGroupRulesOutput{}
	root := s.root()
	for !s.bad {
		name, open, ok := s.child(root)
		if !ok {
			break
		}
		switch name {
		case "nextToken":
			out.NextToken = s.leafPointer(name, open)
		case "securityGroupRuleSet":
			if out.SecurityGroupRules == nil {
				// Tags are items too: it may be more room than is needed.
				out.SecurityGroupRules = make([]types.SecurityGroupRule, 0, strings.Count(answer, "<item>"))
			}
			s.items(name, open, func(item string) {
				out.SecurityGroupRules = append(out.SecurityGroupRules, types.SecurityGroupRule{})
				s.rule(item, &out.SecurityGroupRules[len(out.SecurityGroupRules)-1])
			})
		default:
			s.pass(name, open, namesOfAnswer...)
		}
	}
	return out, !s.bad
}

// items goes through the items of a list. An item without content is left to
// the SDK.
func (s *scanner) items(list string, open bool, read func(item string)) {
	for open && !s.bad {
		name, inner, ok := s.child(list)
		switch {
		case !ok:
			return
		case name == "item" && inner:
			read(name)
		default:
			s.pass(name, inner, "item")
		}
	}
}

func (s *scanner) rule(parent string, r *types.SecurityGroupRule) {
	for !s.bad {
		name, open, ok := s.child(parent)
		if !ok {
			return
		}
		switch name {
		case "cidrIpv4":
			r.CidrIpv4 = s.leafPointer(name, open)
		case "cidrIpv6":
			r.CidrIpv6 = s.leafPointer(name, open)
		case "description":
			r.Description = s.leafPointer(name, open)
		case "fromPort":
			r.FromPort = s.number(name, open)
		case "groupId":
			r.GroupId = s.leafPointer(name, open)
		case "groupOwnerId":
			r.GroupOwnerId = s.leafPointer(name, open)
		case "ipProtocol":
			r.IpProtocol = s.leafPointer(name, open)
		case "isEgress":
			r.IsEgress = s.boolean(name, open)
		case "prefixListId":
			r.PrefixListId = s.leafPointer(name, open)
		case "referencedGroupInfo":
			if r.ReferencedGroupInfo == nil {
				r.ReferencedGroupInfo = &types.ReferencedSecurityGroup{}
			}
			s.reference(name, open, r.ReferencedGroupInfo)
		case "securityGroupRuleArn":
			r.SecurityGroupRuleArn = s.leafPointer(name, open)
		case "securityGroupRuleId":
			r.SecurityGroupRuleId = s.leafPointer(name, open)
		case "tagSet":
			if r.Tags == nil {
				r.Tags = []types.Tag{}
			}
			s.items(name, open, func(item string) { r.Tags = append(r.Tags, s.tagOf(item)) })
		case "toPort":
			r.ToPort = s.number(name, open)
		default:
			s.pass(name, open, namesOfRule...)
		}
	}
}

func (s *scanner) reference(parent string, open bool, r *types.ReferencedSecurityGroup) {
	for open && !s.bad {
		name, inner, ok := s.child(parent)
		if !ok {
			return
		}
		switch name {
		case "groupId":
			r.GroupId = s.leafPointer(name, inner)
		case "peeringStatus":
			r.PeeringStatus = s.leafPointer(name, inner)
		case "userId":
			r.UserId = s.leafPointer(name, inner)
		case "vpcId":
			r.VpcId = s.leafPointer(name, inner)
		case "vpcPeeringConnectionId":
			r.VpcPeeringConnectionId = s.leafPointer(name, inner)
		default:
			s.pass(name, inner, namesOfReference...)
		}
	}
}

func (s *scanner) tagOf(parent string) (t types.Tag) {
	for !s.bad {
		name, open, ok := s.child(parent)
		if !ok {
			return t
		}
		switch name {
		case "key":
			t.Key = s.leafPointer(name, open)
		case "value":
			t.Value = s.leafPointer(name, open)
		default:
			s.pass(name, open, "key", "value")
		}
	}
	return t
}
