package cloudtrail

import "github.com/sgwarden/sgwarden/internal/localec2/query"

// runRequest writes RunInstances: what it launches is an item of its own, and
// some members are there in every real record, whatever was asked.
var runRequest = shape{
	func(p *query.Params, o object) object {
		what := shape{text("ImageId"), number("MinCount"), number("MaxCount")}.request(p)
		return o.with("instancesSet", itemsOf([]any{what}))
	},
	groupIDs("SecurityGroupId", false),
	text("InstanceType"), empty("blockDeviceMapping"),
	func(_ *query.Params, o object) object {
		return o.with("monitoring", object{}.with("enabled", false)).with("disableApiTermination", false).with("disableApiStop", false)
	},
	text("ClientToken"), text("SubnetId"),
	list("NetworkInterface", "networkInterfaceSet", false, shape{
		text("NetworkInterfaceId"), number("DeviceIndex"), text("SubnetId"), flag("DeleteOnTermination"), groupIDs("SecurityGroupId", false),
	}),
	tagSpecifications, flag("DryRun"),
}

// groupIDs writes groups that are put on something: {} where none is named,
// if they are always there.
func groupIDs(name string, always bool) func(*query.Params, object) object {
	some := leaves(name, "groupSet", "groupId")
	return func(p *query.Params, o object) object {
		if always && len(p.Texts(name)) == 0 {
			return o.with("groupSet", object{})
		}
		return some(p, o)
	}
}

func empty(name string) func(*query.Params, object) object {
	return func(_ *query.Params, o object) object { return o.with(name, object{}) }
}

// attribute writes a member that is a value in an object.
func attribute(name string) func(*query.Params, object) object {
	return func(p *query.Params, o object) object {
		if value, ok := p.Get(name).Get("Value").Value(); ok {
			return o.with(lower(name), object{}.with("value", value))
		}
		return o
	}
}
