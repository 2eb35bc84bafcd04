package events

import "github.com/sgwarden/sgwarden/internal/secgroup"

// This file reads which groups a call puts on network interfaces. A call that
// names none puts none on, or the default group: then only the answer tells.

// readAttached reads ModifyNetworkInterfaceAttribute and
// ModifyInstanceAttribute: the groups are the whole new set. Most of these
// calls are about something else, and name none.
func readAttached(r *record) {
	r.addGroupSet(r.request, "groupSet")
}

// readNewInterface reads CreateNetworkInterface.
func readNewInterface(r *record) {
	if answered := r.response.get("networkInterface"); answered.kind != absent {
		r.addGroupSet(answered, "responseElements.networkInterface.groupSet")
		return
	}
	r.addGroupSet(r.request, "groupSet")
}

// readRun reads RunInstances. The answer has the groups of every interface,
// those of a launch template and the default group included; the request only
// those that it names.
func readRun(r *record) {
	instances := r.response.get("instancesSet")
	for _, i := range instances.list() {
		r.addGroupSet(i, "responseElements.instancesSet.groupSet")
		r.addGroupsOfInterfaces(i, "responseElements.instancesSet.networkInterfaceSet.groupSet")
	}
	if len(instances.list()) > 0 {
		return
	}
	r.addGroupSet(r.request, "groupSet")
	r.addGroupsOfInterfaces(r.request, "networkInterfaceSet.groupSet")
}

func (r *record) addGroupsOfInterfaces(of value, place string) {
	for _, i := range of.get("networkInterfaceSet").list() {
		r.addGroupSet(i, place)
	}
}

// addGroupSet adds the groups of a groupSet, which names them by id, and in
// requests of old also by name.
func (r *record) addGroupSet(of value, place string) {
	for _, v := range of.get("groupSet").list() {
		id := r.id(groupPrefix, v.get("groupId"), place+".groupId")
		if id != "" {
			r.addGroup(secgroup.GroupName{ID: id})
			continue
		}
		if name := r.groupName(v.get("groupName")); name != "" {
			r.addGroup(secgroup.GroupName{Name: name})
		}
	}
}
