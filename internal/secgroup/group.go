package secgroup

import (
	"net/netip"
	"strings"
)

// Group is a security group as it was read at one moment.
type Group struct {
	ID          string // sg-...
	Name        string
	Description string
	AccountID   string // OwnerId
	Region      string
	VPCID       string
	Tags        map[string]string
	Rules       []Rule // sorted by ID
	// VPCs are the VPC of the group and every VPC that is associated with it,
	// with all their CIDRs. nil = not read; policy.Verdict.Needs asks for it.
	VPCs []VPC
}

// VPC is a VPC with all its IPv4 and IPv6 blocks.
type VPC struct {
	ID    string
	CIDRs []netip.Prefix
}

// IsDefault reports whether this is the default group of its VPC. EC2 refuses
// other groups of that name (CreateSecurityGroup, regardless of case).
func (g Group) IsDefault() bool { return g.Name == "default" }

// GroupEntry is the id under which a group itself stands among rules, where
// something is said of it and not of one of them: GROUP/WHAT.
func GroupEntry(groupID, what string) string { return groupID + "/" + what }

// IsGroupEntry reports whether an id is of a group itself; ids of rules begin
// with sgr-.
func IsGroupEntry(id string) bool { return strings.HasPrefix(id, "sg-") }
