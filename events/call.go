package events

import "github.com/sgwarden/sgwarden/internal/secgroup"

// RuleName names one EventBridge rule of a deployment. The rules differ in
// how often they fire and in whether a deployment wants them, not in what
// happens to their events.
type RuleName string

const (
	RulesChanged RuleName = "rules-changed" // groups and their rules
	IndirectRule RuleName = "indirect"      // what widens rules without touching a group
	AttachRule   RuleName = "attach"        // groups put on interfaces: many events, opt-in
)

// Call is one watched API call: a row of the table from which the decoder
// dispatches and the EventBridge patterns are made.
type Call struct {
	EventSource string // ec2.amazonaws.com
	EventName   string
	Effect      secgroup.Effect
	Rule        RuleName // the EventBridge rule that delivers it

	// read takes from the record what the call names.
	read func(*record)
}

const ec2 = "ec2.amazonaws.com"

// calls is the table of watched calls. To watch another one, add a row here
// and samples of its record to events/samples.
//
// Not in it, on purpose: calls that make a rule reachable without changing
// what any group allows (routes, gateways, network ACLs), the options that let
// groups be referenced across a transit gateway, and calls of other services
// that make interfaces: the interface's own CreateNetworkInterface is recorded,
// and the pass over all groups sees the rest.
var calls = []Call{
	{ec2, "AuthorizeSecurityGroupIngress", secgroup.Names, RulesChanged, readIngress},
	{ec2, "AuthorizeSecurityGroupEgress", secgroup.Names, RulesChanged, readEgress},
	{ec2, "ModifySecurityGroupRules", secgroup.Names, RulesChanged, readModified},
	{ec2, "RevokeSecurityGroupIngress", secgroup.Narrows, RulesChanged, readIngress},
	{ec2, "RevokeSecurityGroupEgress", secgroup.Narrows, RulesChanged, readEgress},
	{ec2, "UpdateSecurityGroupRuleDescriptionsIngress", secgroup.Describe, RulesChanged, readGroup},
	{ec2, "UpdateSecurityGroupRuleDescriptionsEgress", secgroup.Describe, RulesChanged, readGroup},
	{ec2, "CreateSecurityGroup", secgroup.Creates, RulesChanged, readNewGroup},
	{ec2, "DeleteSecurityGroup", secgroup.Narrows, RulesChanged, readGroup},
	{ec2, "AssociateSecurityGroupVpc", secgroup.Indirect, RulesChanged, readGroupAndVPC},
	{ec2, "DisassociateSecurityGroupVpc", secgroup.Narrows, RulesChanged, readGroupAndVPC},
	{ec2, "CreateTags", secgroup.Retags, RulesChanged, readTagged},
	{ec2, "DeleteTags", secgroup.Retags, RulesChanged, readTagged},

	{ec2, "CreateVpc", secgroup.Indirect, IndirectRule, readVPC},
	{ec2, "CreateDefaultVpc", secgroup.Indirect, IndirectRule, readVPC},
	{ec2, "AssociateVpcCidrBlock", secgroup.Indirect, IndirectRule, readVPC},
	{ec2, "DisassociateVpcCidrBlock", secgroup.Indirect, IndirectRule, readVPC},
	{ec2, "CreateManagedPrefixList", secgroup.Indirect, IndirectRule, readList},
	{ec2, "ModifyManagedPrefixList", secgroup.Indirect, IndirectRule, readList},
	{ec2, "RestoreManagedPrefixListVersion", secgroup.Indirect, IndirectRule, readList},
	{ec2, "DeleteManagedPrefixList", secgroup.Indirect, IndirectRule, readList},
	{ec2, "AcceptVpcPeeringConnection", secgroup.Indirect, IndirectRule, readPeering},

	{ec2, "RunInstances", secgroup.Attaches, AttachRule, readRun},
	{ec2, "CreateNetworkInterface", secgroup.Attaches, AttachRule, readNewInterface},
	{ec2, "ModifyNetworkInterfaceAttribute", secgroup.Attaches, AttachRule, readAttached},
	{ec2, "ModifyInstanceAttribute", secgroup.Attaches, AttachRule, readAttached},
}

type callKey struct{ source, name string }

var callIndex = func() map[callKey]*Call {
	index := make(map[callKey]*Call, len(calls))
	for i := range calls {
		index[callKey{calls[i].EventSource, calls[i].EventName}] = &calls[i]
	}
	return index
}()

// Calls gives the table of watched calls, in its order. The slice is the
// caller's own.
func Calls() []Call { return append([]Call(nil), calls...) }
