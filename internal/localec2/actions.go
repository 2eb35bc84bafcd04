package localec2

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// action is one operation of the API.
type action struct {
	run func(*session) (query.Object, *query.Fault)
	// changes is true for calls that CloudTrail records as not read-only.
	changes bool
	// params are the patterns of all parameters that the operation takes.
	params []string
}

var (
	everyCall  = []string{"Action", "Version", "DryRun"}
	paged      = []string{"MaxResults", "NextToken"}
	filtered   = []string{"Filter.#.Name", "Filter.#.Value.#"}
	groupNamed = []string{"GroupId", "GroupName"}
	tagged     = []string{"TagSpecification.#.ResourceType", "TagSpecification.#.Tag.#.Key", "TagSpecification.#.Tag.#.Value"}
	flatRule   = []string{"CidrIp", "IpProtocol", "FromPort", "ToPort", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId"}
	permission = []string{
		"IpPermissions.#.IpProtocol", "IpPermissions.#.FromPort", "IpPermissions.#.ToPort",
		"IpPermissions.#.IpRanges.#.CidrIp", "IpPermissions.#.IpRanges.#.Description",
		"IpPermissions.#.Ipv6Ranges.#.CidrIpv6", "IpPermissions.#.Ipv6Ranges.#.Description",
		"IpPermissions.#.PrefixListIds.#.PrefixListId", "IpPermissions.#.PrefixListIds.#.Description",
		"IpPermissions.#.Groups.#.GroupId", "IpPermissions.#.Groups.#.GroupName", "IpPermissions.#.Groups.#.UserId",
		"IpPermissions.#.Groups.#.Description", "IpPermissions.#.Groups.#.VpcId",
		"IpPermissions.#.Groups.#.VpcPeeringConnectionId", "IpPermissions.#.Groups.#.PeeringStatus",
	}
	ruleRequest = []string{
		"SecurityGroupRule.#.SecurityGroupRuleId",
		"SecurityGroupRule.#.SecurityGroupRule.IpProtocol", "SecurityGroupRule.#.SecurityGroupRule.FromPort",
		"SecurityGroupRule.#.SecurityGroupRule.ToPort", "SecurityGroupRule.#.SecurityGroupRule.CidrIpv4",
		"SecurityGroupRule.#.SecurityGroupRule.CidrIpv6", "SecurityGroupRule.#.SecurityGroupRule.PrefixListId",
		"SecurityGroupRule.#.SecurityGroupRule.ReferencedGroupId", "SecurityGroupRule.#.SecurityGroupRule.Description",
	}
	descriptions = []string{"SecurityGroupRuleDescription.#.SecurityGroupRuleId", "SecurityGroupRuleDescription.#.Description"}
	tagCall      = []string{"ResourceId.#", "Tag.#.Key", "Tag.#.Value"}
)

func params(sets ...[]string) []string {
	return append(slices.Clone(everyCall), slices.Concat(sets...)...)
}

// actions are all operations that this EC2 has. Egress calls take no group
// name, and refuse the flat form (API reference: "Not supported. Use IP
// permissions instead.").
var actions = map[string]action{
	"AuthorizeSecurityGroupIngress":              {(*session).authorizeIngress, true, params(groupNamed, permission, flatRule, tagged)},
	"AuthorizeSecurityGroupEgress":               {(*session).authorizeEgress, true, params([]string{"GroupId"}, permission, tagged)},
	"RevokeSecurityGroupIngress":                 {(*session).revokeIngress, true, params(groupNamed, permission, flatRule, []string{"SecurityGroupRuleId.#"})},
	"RevokeSecurityGroupEgress":                  {(*session).revokeEgress, true, params([]string{"GroupId", "SecurityGroupRuleId.#"}, permission)},
	"ModifySecurityGroupRules":                   {(*session).modifyRules, true, params([]string{"GroupId"}, ruleRequest)},
	"UpdateSecurityGroupRuleDescriptionsIngress": {(*session).describeIngressAnew, true, params(groupNamed, permission, descriptions)},
	"UpdateSecurityGroupRuleDescriptionsEgress":  {(*session).describeEgressAnew, true, params(groupNamed, permission, descriptions)},

	"CreateSecurityGroup":        {(*session).createGroup, true, params([]string{"GroupName", "GroupDescription", "VpcId"}, tagged)},
	"DeleteSecurityGroup":        {(*session).deleteGroup, true, params(groupNamed)},
	"DescribeSecurityGroups":     {(*session).describeGroups, false, params([]string{"GroupId.#", "GroupName.#"}, filtered, paged)},
	"DescribeSecurityGroupRules": {(*session).describeRules, false, params([]string{"SecurityGroupRuleId.#"}, filtered, paged)},

	"CreateTags":   {(*session).createTags, true, params(tagCall)},
	"DeleteTags":   {(*session).deleteTags, true, params(tagCall)},
	"DescribeTags": {(*session).describeTags, false, params(filtered, paged)},

	"CreateVpc":        {(*session).createVPC, true, params([]string{"CidrBlock", "AmazonProvidedIpv6CidrBlock", "InstanceTenancy"}, tagged)},
	"DeleteVpc":        {(*session).deleteVPC, true, params([]string{"VpcId"})},
	"CreateDefaultVpc": {(*session).createDefaultVPC, true, params()},
	"DescribeVpcs":     {(*session).describeVPCs, false, params([]string{"VpcId.#"}, filtered, paged)},

	"AssociateVpcCidrBlock": {(*session).associateBlock, true,
		[]string{"Action", "Version", "VpcId", "CidrBlock", "AmazonProvidedIpv6CidrBlock"}},
	"DisassociateVpcCidrBlock": {(*session).disassociateBlock, true, []string{"Action", "Version", "AssociationId"}},

	"AssociateSecurityGroupVpc":            {(*session).associate, true, params([]string{"GroupId", "VpcId"})},
	"DisassociateSecurityGroupVpc":         {(*session).disassociate, true, params([]string{"GroupId", "VpcId"})},
	"DescribeSecurityGroupVpcAssociations": {(*session).describeAssociations, false, params(filtered, paged)},

	"DescribeSecurityGroupReferences": {(*session).describeReferences, false, params([]string{"GroupId.#"})},
	"DescribeStaleSecurityGroups":     {(*session).describeStale, false, params([]string{"VpcId"}, paged)},
	"GetSecurityGroupsForVpc":         {(*session).groupsForVPC, false, params([]string{"VpcId"}, filtered, paged)},

	"CreateVpcPeeringConnection":    {(*session).createPeering, true, params([]string{"VpcId", "PeerVpcId", "PeerOwnerId", "PeerRegion"}, tagged)},
	"AcceptVpcPeeringConnection":    {(*session).acceptPeering, true, params([]string{"VpcPeeringConnectionId"})},
	"DeleteVpcPeeringConnection":    {(*session).deletePeering, true, params([]string{"VpcPeeringConnectionId"})},
	"DescribeVpcPeeringConnections": {(*session).describePeerings, false, params([]string{"VpcPeeringConnectionId.#"}, filtered, paged)},

	"AllocateAddress":   {(*session).allocateAddress, true, params([]string{"Domain"}, tagged)},
	"ReleaseAddress":    {(*session).releaseAddress, true, params([]string{"AllocationId"})},
	"DescribeAddresses": {(*session).describeAddresses, false, params([]string{"AllocationId.#", "PublicIp.#"}, filtered)},

	"CreateSubnet":    {(*session).createSubnet, true, params([]string{"VpcId", "CidrBlock", "AvailabilityZone"}, tagged)},
	"DeleteSubnet":    {(*session).deleteSubnet, true, params([]string{"SubnetId"})},
	"DescribeSubnets": {(*session).describeSubnets, false, params([]string{"SubnetId.#"}, filtered, paged)},

	"CreateNetworkInterface": {(*session).createInterface, true,
		params([]string{"SubnetId", "Description", "ClientToken", "SecurityGroupId.#"}, tagged)},
	"ModifyNetworkInterfaceAttribute": {(*session).modifyInterface, true, params([]string{"NetworkInterfaceId", "Description.Value", "SecurityGroupId.#"})},
	"DeleteNetworkInterface":          {(*session).deleteInterface, true, params([]string{"NetworkInterfaceId"})},
	"DescribeNetworkInterfaces": {(*session).describeInterfaces, false,
		params([]string{"NetworkInterfaceId.#", "IncludeManagedResources"}, filtered, paged)},

	"RunInstances": {(*session).runInstances, true, params([]string{
		"ImageId", "InstanceType", "MinCount", "MaxCount", "ClientToken", "SubnetId", "SecurityGroupId.#", "SecurityGroup.#",
		"NetworkInterface.#.DeviceIndex", "NetworkInterface.#.SubnetId", "NetworkInterface.#.SecurityGroupId.#", "NetworkInterface.#.NetworkInterfaceId",
		"NetworkInterface.#.DeleteOnTermination",
	}, tagged)},
	"ModifyInstanceAttribute": {(*session).modifyInstance, true, params([]string{"InstanceId", "GroupId.#"})},
	"TerminateInstances":      {(*session).terminate, true, params([]string{"InstanceId.#"})},
	"DescribeInstances":       {(*session).describeInstances, false, params([]string{"InstanceId.#", "IncludeManagedResources"}, filtered, paged)},

	"CreateManagedPrefixList": {(*session).createList, true,
		params([]string{"PrefixListName", "AddressFamily", "MaxEntries", "ClientToken", "Entry.#.Cidr", "Entry.#.Description"}, tagged)},
	"ModifyManagedPrefixList": {(*session).modifyList, true,
		params([]string{"PrefixListId", "CurrentVersion", "PrefixListName", "MaxEntries", "AddEntry.#.Cidr", "AddEntry.#.Description", "RemoveEntry.#.Cidr"})},
	"DeleteManagedPrefixList":          {(*session).deleteList, true, params([]string{"PrefixListId"})},
	"RestoreManagedPrefixListVersion":  {(*session).restoreList, true, params([]string{"PrefixListId", "PreviousVersion", "CurrentVersion"})},
	"DescribeManagedPrefixLists":       {(*session).describeLists, false, params([]string{"PrefixListId.#"}, filtered, paged)},
	"GetManagedPrefixListAssociations": {(*session).listUsers, false, params([]string{"PrefixListId"}, paged)},
	"GetManagedPrefixListEntries":      {(*session).listEntries, false, params([]string{"PrefixListId", "TargetVersion"}, paged)},

	// Of STS, whose answers have another envelope.
	callerIdentity: {(*session).whoAmI, false, []string{"Action", "Version"}},
}

const callerIdentity = "GetCallerIdentity"
