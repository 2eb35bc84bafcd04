package cloudtrail

import (
	"strconv"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// classic are the operations that are recorded in the classic dialect, with
// the shape of their requests. Seen in real records: Authorize, Revoke by
// value, Create and Delete, CreateTags, CreateVpc, DeleteVpc. Inferred from them: Revoke
// by id, the descriptions, DeleteTags, filled groups and prefixListIds.
var classic = map[string]shape{
	"AuthorizeSecurityGroupIngress":              rulesRequest,
	"AuthorizeSecurityGroupEgress":               rulesRequest,
	"RevokeSecurityGroupIngress":                 rulesRequest,
	"RevokeSecurityGroupEgress":                  rulesRequest,
	"UpdateSecurityGroupRuleDescriptionsIngress": rulesRequest,
	"UpdateSecurityGroupRuleDescriptionsEgress":  rulesRequest,
	"CreateSecurityGroup":                        {text("GroupName"), text("GroupDescription"), text("VpcId"), tagSpecifications, flag("DryRun")},
	"DeleteSecurityGroup":                        {text("GroupId"), text("GroupName"), flag("DryRun")},
	"CreateTags":                                 tagsRequest,
	"DeleteTags":                                 tagsRequest,
	"CreateSubnet":                               {text("VpcId"), text("CidrBlock"), text("AvailabilityZone"), tagSpecifications, flag("DryRun")},
	"DeleteSubnet":                               {text("SubnetId"), flag("DryRun")},
	"CreateNetworkInterface": {
		text("SubnetId"), text("Description"), groupIDs("SecurityGroupId", true), empty("privateIpAddressesSet"), tagSpecifications, text("ClientToken"), flag("DryRun"),
	},
	"ModifyNetworkInterfaceAttribute": {text("NetworkInterfaceId"), groupIDs("SecurityGroupId", false), attribute("Description"), flag("DryRun")},
	"DeleteNetworkInterface":          {text("NetworkInterfaceId"), flag("DryRun")},
	"RunInstances":                    runRequest,
	"ModifyInstanceAttribute":         {text("InstanceId"), groupIDs("GroupId", false), flag("DryRun")},
	"TerminateInstances":              {leaves("InstanceId", "instancesSet", "instanceId"), flag("DryRun")},
	"DeleteVpc":                       {text("VpcId"), flag("DryRun")},
	"AllocateAddress":                 {text("Domain"), tagSpecifications, flag("DryRun")},
	"ReleaseAddress":                  {text("AllocationId"), flag("DryRun")},
	"CreateVpc": {
		text("CidrBlock"), text("InstanceTenancy"), flag("AmazonProvidedIpv6CidrBlock"), tagSpecifications, flag("DryRun"),
	},
}

// shape is how a request, or a part of it, is written: member by member.
type shape []func(*query.Params, object) object

var rulesRequest = shape{
	text("GroupId"), text("GroupName"),
	list("IpPermissions", "ipPermissions", true, shape{
		text("IpProtocol"), number("FromPort"), number("ToPort"),
		list("Groups", "groups", true, shape{
			text("UserId"), text("GroupName"), text("GroupId"), text("Description"), text("VpcId"), text("VpcPeeringConnectionId"),
		}),
		list("IpRanges", "ipRanges", true, shape{text("CidrIp"), text("Description")}),
		list("Ipv6Ranges", "ipv6Ranges", true, shape{text("CidrIpv6"), text("Description")}),
		list("PrefixListIds", "prefixListIds", true, shape{text("PrefixListId"), text("Description")}),
	}),
	text("IpProtocol"), number("FromPort"), number("ToPort"), text("CidrIp"),
	text("SourceSecurityGroupName"), text("SourceSecurityGroupOwnerId"),
	leaves("SecurityGroupRuleId", "securityGroupRuleIds", "securityGroupRuleId"),
	list("SecurityGroupRuleDescription", "securityGroupRuleDescriptions", false, shape{text("SecurityGroupRuleId"), text("Description")}),
	tagSpecifications, flag("DryRun"),
}

var tagsRequest = shape{
	leaves("ResourceId", "resourcesSet", "resourceId"),
	list("Tag", "tagSet", false, shape{text("Key"), text("Value")}),
	flag("DryRun"),
}

func (s shape) request(p *query.Params) object {
	o := object{}
	for _, write := range s {
		o = write(p, o)
	}
	return o
}

// lower gives a parameter's name as the record has it: GroupId is groupId.
func lower(name string) string { return strings.ToLower(name[:1]) + name[1:] }

func text(name string) func(*query.Params, object) object {
	return func(p *query.Params, o object) object {
		if value, ok := p.Get(name).Value(); ok {
			return o.with(lower(name), value)
		}
		return o
	}
}

// number writes a JSON number, or the text if it is none.
func number(name string) func(*query.Params, object) object {
	return func(p *query.Params, o object) object {
		value, ok := p.Get(name).Value()
		if !ok {
			return o
		}
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return o.with(lower(name), n)
		}
		return o.with(lower(name), value)
	}
}

func flag(name string) func(*query.Params, object) object {
	return func(p *query.Params, o object) object {
		value, ok := p.Get(name).Value()
		if !ok {
			return o
		}
		if b, err := strconv.ParseBool(value); err == nil {
			return o.with(lower(name), b)
		}
		return o.with(lower(name), value)
	}
}

// list writes {"items": [...]}, or {} for an empty list that is always there.
func list(name, as string, always bool, of shape) func(*query.Params, object) object {
	return func(p *query.Params, o object) object {
		items := []any{}
		for _, item := range p.Items(name) {
			items = append(items, of.request(item))
		}
		if len(items) == 0 && !always {
			return o
		}
		return o.with(as, itemsOf(items))
	}
}

// leaves writes a list of plain values, each as an object of one member.
func leaves(name, as, each string) func(*query.Params, object) object {
	return func(p *query.Params, o object) object {
		items := []any{}
		for _, value := range p.Texts(name) {
			items = append(items, object{}.with(each, value))
		}
		if len(items) == 0 {
			return o
		}
		return o.with(as, itemsOf(items))
	}
}

func itemsOf(items []any) object {
	if len(items) == 0 {
		return object{}
	}
	return object{}.with("items", items)
}

// tagSpecifications writes the tags given on creation: their own list is a
// bare array.
func tagSpecifications(p *query.Params, o object) object {
	items := []any{}
	for _, spec := range p.Items("TagSpecification") {
		tags := []any{}
		for _, tag := range spec.Items("Tag") {
			tags = append(tags, shape{text("Key"), text("Value")}.request(tag))
		}
		items = append(items, object{}.with("resourceType", spec.Text("ResourceType")).with("tags", tags))
	}
	if len(items) == 0 {
		return o
	}
	return o.with("tagSpecificationSet", itemsOf(items))
}
