package localec2

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// networkInterface is what groups are on.
type networkInterface struct {
	id, subnetID, vpcID, description string
	address                          netip.Addr
	groups                           []string // ids, never empty
	tags                             map[string]string
	instanceID                       string // "" = not attached
	kind                             string // its type; "" = interface
	service                          string // AWS service that manages it, as amazon-elb; "" = none
	deviceIndex                      int
	goesWithInstance                 bool
}

// groupsPerInterface is the default quota (VPC guide; it can be raised to 16).
const groupsPerInterface = 5

// groupsFor checks the groups that shall be on an interface of a VPC; none
// means the VPC's default group.
func (s *session) groupsFor(vpcID string, ids []string) ([]string, *query.Fault) {
	if len(ids) == 0 {
		return s.state.defaultGroups(vpcID), nil
	}
	var groups []string
	for _, id := range ids {
		g, fault := s.group(id)
		if fault != nil {
			return nil, fault
		}
		if g.vpcID != vpcID && s.state.associations[association{id, vpcID}] == "" {
			return nil, query.Refuse("InvalidParameter", "Security group %s and VPC %s belong to different networks.", id, vpcID)
		}
		if !slices.Contains(groups, id) {
			groups = append(groups, id)
		}
	}
	if len(groups) > groupsPerInterface {
		return nil, query.Refuse("SecurityGroupsPerInterfaceLimitExceeded", "The maximum number of security groups per interface has been reached.")
	}
	return groups, nil
}

// defaultGroups is the default group of a VPC.
func (s *state) defaultGroups(vpcID string) []string {
	for _, id := range sortedKeys(s.groups) {
		if g := s.groups[id]; g.vpcID == vpcID && g.isDefault() {
			return []string{id}
		}
	}
	return nil
}

// isAttached reports whether a group is on any interface.
func (s *state) isAttached(groupID string) bool {
	for _, i := range s.interfaces {
		if slices.Contains(i.groups, groupID) {
			return true
		}
	}
	return false
}

func (s *session) createInterface() (query.Object, *query.Fault) {
	n, fault := s.subnet(s.params.Text("SubnetId"))
	if fault != nil {
		return nil, fault
	}
	tags, fault := s.tagSpecification("network-interface")
	if fault != nil {
		return nil, fault
	}
	i, fault := s.newInterface(n, s.params.Texts("SecurityGroupId"))
	if fault != nil {
		return nil, fault
	}
	i.description, i.tags = s.params.Text("Description"), tags
	return query.Object{}.With("networkInterface", s.interfaceObject(i, "pending")), nil
}

func (s *session) newInterface(n *subnet, groupIDs []string) (*networkInterface, *query.Fault) {
	groups, fault := s.groupsFor(n.vpcID, groupIDs)
	if fault != nil {
		return nil, fault
	}
	if s.state.subnets[n.id].free() <= 0 {
		return nil, query.Refuse("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
	}
	i := &networkInterface{id: s.cloud.ids.Resource("eni-"), subnetID: n.id, vpcID: n.vpcID, address: s.state.nextAddress(s.state.subnets[n.id]), groups: groups}
	s.state.interfaces[i.id] = i
	return i, nil
}

func (s *session) networkInterface(id string) (*networkInterface, *query.Fault) {
	if fault := wellFormed("eni-", id); fault != nil {
		return nil, fault
	}
	if i := s.state.interfaces[id]; i != nil {
		return i, nil
	}
	return nil, noInterface(id)
}

// regroup puts other groups on an interface.
func (s *session) regroup(i *networkInterface, ids []string) *query.Fault {
	groups, fault := s.groupsFor(i.vpcID, ids)
	if fault == nil {
		c := *i
		c.groups = groups
		s.state.interfaces[i.id] = &c
	}
	return fault
}

func (s *session) modifyInterface() (query.Object, *query.Fault) {
	i, fault := s.networkInterface(s.params.Text("NetworkInterfaceId"))
	if fault != nil {
		return nil, fault
	}
	description, describes := s.params.Get("Description").Get("Value").Value()
	ids := s.params.Texts("SecurityGroupId")
	switch {
	case describes == (len(ids) > 0):
		return nil, query.Refuse("InvalidParameterCombination", "You must specify exactly one attribute to modify")
	case describes:
		c := *i
		c.description = description
		s.state.interfaces[i.id] = &c
	default:
		if fault := s.regroup(i, ids); fault != nil {
			return nil, fault
		}
	}
	return query.Object{}.With("return", true), nil
}

func (s *session) deleteInterface() (query.Object, *query.Fault) {
	i, fault := s.networkInterface(s.params.Text("NetworkInterfaceId"))
	if fault != nil {
		return nil, fault
	}
	if i.instanceID != "" {
		return nil, query.Refuse("InvalidNetworkInterface.InUse", "The network interface '%s' is currently in use.", i.id)
	}
	delete(s.state.interfaces, i.id)
	return query.Object{}.With("return", true), nil
}

var interfaceFilters = []string{
	"network-interface-id", "group-id", "group-name", "vpc-id", "subnet-id", "description", "status", "owner-id", "attachment.instance-id", "interface-type",
}

func (s *session) describeInterfaces() (query.Object, *query.Fault) {
	chosen, fault := s.chosen("eni-", s.params.Texts("NetworkInterfaceId"), func(id string) bool { return s.state.interfaces[id] != nil }, noInterface)
	if fault != nil {
		return nil, fault
	}
	match, fault := s.filters(interfaceFilters)
	if fault != nil {
		return nil, fault
	}
	var found []string
	for _, id := range sortedKeys(s.state.interfaces) {
		if (len(chosen) == 0 || chosen[id]) && match(s.interfaceValues(s.state.interfaces[id])) {
			found = append(found, id)
		}
	}
	return s.pageOrIDs("NetworkInterfaceId", "networkInterfaceSet", found, func(id string) query.Object {
		return s.interfaceObject(s.state.interfaces[id], s.state.interfaces[id].status())
	})
}

func (i *networkInterface) status() string {
	if i.instanceID != "" || i.service != "" {
		return "in-use"
	}
	return "available"
}

func (s *session) interfaceValues(i *networkInterface) values {
	return values{tags: i.tags, of: map[string]string{
		"network-interface-id": i.id, "vpc-id": i.vpcID, "subnet-id": i.subnetID, "description": i.description, "status": i.status(),
		"owner-id": s.account.ID, "attachment.instance-id": i.instanceID, "interface-type": cmp.Or(i.kind, "interface"),
	}, sets: map[string][]string{"group-id": i.groups, "group-name": s.namesOf(i.groups)}}
}

func (s *session) namesOf(groupIDs []string) []string {
	var names []string
	for _, id := range groupIDs {
		if g := s.state.groups[id]; g != nil {
			names = append(names, g.name)
		}
	}
	return names
}

func (s *session) interfaceObject(i *networkInterface, status string) query.Object {
	o := query.Object{}.With("networkInterfaceId", i.id).With("subnetId", i.subnetID).With("vpcId", i.vpcID).
		With("availabilityZone", s.state.subnets[i.subnetID].zone).WithText("description", i.description).With("ownerId", s.account.ID).
		With("requesterManaged", i.service != "").WithText("requesterId", i.service).With("status", status).With("privateIpAddress", i.address.String()).With("sourceDestCheck", true).
		With("interfaceType", cmp.Or(i.kind, "interface")).With("groupSet", s.groupSet(i.groups))
	if i.instanceID != "" || i.service != "" {
		o = o.With("attachment", query.Object{}.With("attachmentId", "eni-attach-"+i.id[len("eni-"):]).WithText("instanceId", i.instanceID).
			With("instanceOwnerId", cmp.Or(i.service, s.account.ID)).With("deviceIndex", i.deviceIndex).With("status", "attached").With("deleteOnTermination", i.goesWithInstance))
	}
	address := query.Object{}.With("privateIpAddress", i.address.String()).With("primary", true)
	return o.With("privateIpAddressesSet", query.List{address}).With("ipv6AddressesSet", query.List{}).With("tagSet", tagSet(i.tags))
}

// groupSet shows groups by id and name.
func (s *session) groupSet(ids []string) query.List {
	list := query.List{}
	for _, id := range ids {
		o := query.Object{}.With("groupId", id)
		if g := s.state.groups[id]; g != nil {
			o = o.With("groupName", g.name)
		}
		list = append(list, o)
	}
	return list
}
