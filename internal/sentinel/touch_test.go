package sentinel

import (
	"slices"
	"strings"
)

// tellingWords stand in the name of a member, or of its type, that has to do
// with security groups, their rules, prefix lists, the blocks of VPCs, peered
// VPCs (whose groups can be referenced) or tags of resources of any type.
var tellingWords = []string{
	"SecurityGroup", "GroupIdentifier", "IpPermission", "UserIdGroupPair", "PrefixList", "VpcCidrBlockAssociation",
	"VpcIpv6CidrBlockAssociation", "VpcPeeringConnection", "TagDescription",
}

// groupNames are members that mean security groups unless their structure is a
// namesake. EC2 calls other things groups too.
var groupNames = []string{"Group", "Groups", "GroupId", "GroupIds", "GroupName", "GroupNames"}

// namesakes are the structures whose groups are something else, each with what
// that is. One that the SDK no longer has, or that has no such member, fails.
var namesakes = map[string]string{
	"AuthorizationRule":                "groups of a directory, admitted to a Client VPN",
	"AvailabilityZone":                 "groups of zones",
	"CapacityReservationTopology":      "capacity blocks",
	"CreatePlacementGroupInput":        "placement groups",
	"CreateVolumePermission":           `who may use a snapshot ("all")`,
	"DeletePlacementGroupInput":        "placement groups",
	"DescribeInstanceTopologyInput":    "placement groups",
	"DescribePlacementGroupsInput":     "placement groups",
	"InstanceTopology":                 "placement groups",
	"LaunchPermission":                 `who may use an image ("all")`,
	"LaunchTemplatePlacement":          "placement groups",
	"LaunchTemplatePlacementRequest":   "placement groups",
	"LoadPermission":                   `who may use an FPGA image ("all")`,
	"LoadPermissionRequest":            `who may use an FPGA image ("all")`,
	"ModifyAvailabilityZoneGroupInput": "groups of zones",
	"ModifyInstancePlacementInput":     "placement groups",
	"ModifySnapshotAttributeInput":     `who may use a snapshot ("all")`,
	"Placement":                        "placement groups",
	"PlacementGroup":                   "placement groups",
	"PlacementResponse":                "placement groups",
	"ScheduledInstancesPlacement":      "placement groups",
	"SpotPlacement":                    "placement groups",
}

// touches says whether a member of a structure has to do with groups.
func (s *sdk) touches(structure string, m member) bool {
	for _, w := range tellingWords {
		if strings.Contains(m.name, w) || strings.Contains(m.typ, w) {
			return true
		}
	}
	if slices.Contains(groupNames, m.name) {
		return namesakes[structure] == ""
	}
	return strings.HasPrefix(m.name, "Resource") && s.tagsResources(structure)
}

// tagsResources says whether a structure is the input of an operation that
// tags resources named by id, of whatever type.
func (s *sdk) tagsResources(structure string) bool {
	return strings.HasSuffix(structure, "Input") && slices.ContainsFunc(s.structures[structure], func(m member) bool { return m.name == "Tags" && m.typ == "Tag" })
}

// touching gives the paths (RequestData.NetworkInterfaces.Groups) of all
// members below a structure that have to do with groups, in the order of the
// SDK. Below a member that touches it does not look further.
func (s *sdk) touching(structure string) []string {
	return s.walk(structure, "", nil)
}

func (s *sdk) walk(structure, path string, above []string) []string {
	if slices.Contains(above, structure) {
		return nil
	}
	above = append(slices.Clone(above), structure)
	var paths []string
	for _, m := range s.structures[structure] {
		if s.touches(structure, m) {
			paths = append(paths, path+m.name)
		} else {
			paths = append(paths, s.walk(m.typ, path+m.name+".", above)...)
		}
	}
	return paths
}
