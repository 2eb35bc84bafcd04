package localec2

import (
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// instance is a running or terminated one. Its groups are those of its
// interfaces.
type instance struct {
	id, reservationID, imageID, kind, subnetID, vpcID string
	launched                                          time.Time
	terminated                                        bool
	tags                                              map[string]string
}

// maxLaunch is how many instances one call may launch here.
const maxLaunch = 20

func (s *session) runInstances() (query.Object, *query.Fault) {
	for _, name := range []string{"ImageId", "MinCount", "MaxCount"} {
		if !s.params.Has(name) {
			return nil, missing(name)
		}
	}
	least, fault := integer(s.params, "MinCount", 0)
	if fault != nil {
		return nil, fault
	}
	most, fault := integer(s.params, "MaxCount", 0)
	if fault != nil {
		return nil, fault
	}
	if least < 1 || most < least {
		return nil, wrongValue("MinCount", s.params.Text("MinCount"), "It must be at least 1, and not above MaxCount.")
	}
	if least > maxLaunch {
		return nil, query.Refuse("InstanceLimitExceeded", "You have requested more instances than your current instance limit allows.")
	}
	tags, fault := s.tagSpecification("instance")
	if fault != nil {
		return nil, fault
	}
	reservation := s.cloud.ids.Resource("r-")
	var launched query.List
	for range min(most, maxLaunch) {
		i := &instance{
			id: s.cloud.ids.Resource("i-"), reservationID: reservation, imageID: s.params.Text("ImageId"), kind: s.params.Text("InstanceType"),
			launched: s.now, tags: tags,
		}
		if i.kind == "" {
			i.kind = "m1.small" // the API's default
		}
		if fault := s.connect(i); fault != nil {
			return nil, fault
		}
		s.state.instances[i.id] = i
		launched = append(launched, s.instanceObject(i, "pending", 0))
	}
	return query.Object{}.With("reservationId", reservation).With("ownerId", s.account.ID).With("groupSet", query.List{}).With("instancesSet", launched), nil
}

// connect gives an instance its one interface: that which the request names or
// describes, else one in its subnet with its groups.
func (s *session) connect(i *instance) *query.Fault {
	described := s.params.Items("NetworkInterface")
	if len(described) > 1 {
		return wrongValue("NetworkInterface", "2", "Instances have one interface here.")
	}
	subnetID, groupIDs := s.params.Text("SubnetId"), s.params.Texts("SecurityGroupId")
	for _, name := range s.params.Texts("SecurityGroup") {
		g, fault := s.named(name)
		if fault != nil {
			return fault
		}
		groupIDs = append(groupIDs, g.id)
	}
	withInstance := true
	if len(described) == 1 {
		if subnetID != "" || len(groupIDs) > 0 {
			return query.Refuse("InvalidParameterCombination", "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request")
		}
		d := described[0]
		if id, ok := d.Get("NetworkInterfaceId").Value(); ok {
			return s.attach(i, id)
		}
		subnetID, groupIDs, withInstance = d.Text("SubnetId"), d.Texts("SecurityGroupId"), d.Text("DeleteOnTermination") != "false"
	}
	n, fault := s.defaultSubnet()
	if subnetID != "" {
		n, fault = s.subnet(subnetID)
	}
	if fault != nil {
		return fault
	}
	e, fault := s.newInterface(n, groupIDs)
	if fault != nil {
		return fault
	}
	e.instanceID, e.goesWithInstance = i.id, withInstance
	i.subnetID, i.vpcID = n.id, n.vpcID
	return nil
}

// attach puts an interface that exists on an instance. It stays when the
// instance goes.
func (s *session) attach(i *instance, interfaceID string) *query.Fault {
	e, fault := s.networkInterface(interfaceID)
	if fault != nil {
		return fault
	}
	if e.instanceID != "" {
		return query.Refuse("InvalidNetworkInterface.InUse", "The network interface '%s' is currently in use.", e.id)
	}
	c := *e
	c.instanceID = i.id
	s.state.interfaces[e.id] = &c
	i.subnetID, i.vpcID = e.subnetID, e.vpcID
	return nil
}

func (s *session) instance(id string) (*instance, *query.Fault) {
	if fault := wellFormed("i-", id); fault != nil {
		return nil, fault
	}
	if i := s.state.instances[id]; i != nil {
		return i, nil
	}
	return nil, noInstance(id)
}

// interfacesOf are the interfaces of an instance, by id.
func (s *session) interfacesOf(i *instance) []*networkInterface {
	var all []*networkInterface
	for _, id := range sortedKeys(s.state.interfaces) {
		if e := s.state.interfaces[id]; e.instanceID == i.id {
			all = append(all, e)
		}
	}
	return all
}

// modifyInstance puts other groups on an instance.
func (s *session) modifyInstance() (query.Object, *query.Fault) {
	i, fault := s.instance(s.params.Text("InstanceId"))
	if fault != nil {
		return nil, fault
	}
	ids := s.params.Texts("GroupId")
	if len(ids) == 0 {
		return nil, query.Refuse("InvalidParameterCombination", "No attributes specified.")
	}
	if i.terminated {
		return nil, query.Refuse("IncorrectInstanceState", "The instance '%s' is not in a valid state for this operation.", i.id)
	}
	for _, e := range s.interfacesOf(i) {
		if fault := s.regroup(e, ids); fault != nil {
			return nil, fault
		}
	}
	return query.Object{}.With("return", true), nil
}

// terminate ends instances: their interfaces go with them, or are free.
func (s *session) terminate() (query.Object, *query.Fault) {
	ids := s.params.Texts("InstanceId")
	if len(ids) == 0 {
		return nil, missing("InstanceId")
	}
	changes := query.List{}
	for _, id := range ids {
		i, fault := s.instance(id)
		if fault != nil {
			return nil, fault
		}
		before, code := i.condition()
		for _, e := range s.interfacesOf(i) {
			if e.goesWithInstance {
				delete(s.state.interfaces, e.id)
				continue
			}
			c := *e
			c.instanceID = ""
			s.state.interfaces[e.id] = &c
		}
		c := *i
		c.terminated = true
		s.state.instances[id] = &c
		changes = append(changes, query.Object{}.With("instanceId", id).With("currentState", condition("shutting-down", 32)).With("previousState", condition(before, code)))
	}
	return query.Object{}.With("instancesSet", changes), nil
}

func (i *instance) condition() (name string, code int) {
	if i.terminated {
		return "terminated", 48
	}
	return "running", 16
}

func condition(name string, code int) query.Object {
	return query.Object{}.With("code", code).With("name", name)
}

var instanceFilters = []string{
	"instance-id", "instance-state-name", "vpc-id", "subnet-id", "image-id", "instance.group-id", "instance.group-name", "network-interface.group-id", "reservation-id",
}

func (s *session) describeInstances() (query.Object, *query.Fault) {
	chosen, fault := s.chosen("i-", s.params.Texts("InstanceId"), func(id string) bool { return s.state.instances[id] != nil }, noInstance)
	if fault != nil {
		return nil, fault
	}
	match, fault := s.filters(instanceFilters)
	if fault != nil {
		return nil, fault
	}
	var found []string
	for _, id := range sortedKeys(s.state.instances) {
		i := s.state.instances[id]
		name, _ := i.condition()
		groups := s.groupsOf(i)
		v := values{tags: i.tags, of: map[string]string{
			"instance-id": id, "instance-state-name": name, "vpc-id": i.vpcID, "subnet-id": i.subnetID, "image-id": i.imageID, "reservation-id": i.reservationID,
		}, sets: map[string][]string{"instance.group-id": groups, "network-interface.group-id": groups, "instance.group-name": s.namesOf(groups)}}
		if (len(chosen) == 0 || chosen[id]) && match(v) {
			found = append(found, id)
		}
	}
	// One reservation for each instance: EC2, too, splits reservations over pages.
	return s.pageOrIDs("InstanceId", "reservationSet", found, func(id string) query.Object {
		i := s.state.instances[id]
		name, code := i.condition()
		return query.Object{}.With("reservationId", i.reservationID).With("ownerId", s.account.ID).With("groupSet", query.List{}).
			With("instancesSet", query.List{s.instanceObject(i, name, code)})
	})
}

// groupsOf are the groups on an instance's interfaces.
func (s *session) groupsOf(i *instance) []string {
	var groups []string
	for _, e := range s.interfacesOf(i) {
		groups = append(groups, e.groups...)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

func (s *session) instanceObject(i *instance, state string, code int) query.Object {
	o := query.Object{}.With("instanceId", i.id).With("imageId", i.imageID).With("instanceState", condition(state, code)).
		With("amiLaunchIndex", 0).With("instanceType", i.kind).With("launchTime", i.launched.UTC().Format(time.RFC3339)).
		With("subnetId", i.subnetID).With("vpcId", i.vpcID)
	interfaces := query.List{}
	for _, e := range s.interfacesOf(i) {
		interfaces = append(interfaces, s.interfaceObject(e, "in-use"))
		o = o.With("privateIpAddress", e.address.String()).
			With("privateDnsName", "ip-"+strings.ReplaceAll(e.address.String(), ".", "-")+"."+s.account.Region+".compute.internal")
	}
	return o.With("groupSet", s.groupSet(s.groupsOf(i))).With("sourceDestCheck", true).With("networkInterfaceSet", interfaces).With("tagSet", tagSet(i.tags))
}
