package secgroup

// Rule is one security group rule: one direction, protocol, port range and
// peer, as DescribeSecurityGroupRules gives it.
type Rule struct {
	ID          string // sgr-...; empty for a rule that does not exist yet, or whose id is not known
	Direction   Direction
	Protocol    Protocol
	Ports       Ports
	Peer        Peer
	Description string
	Tags        map[string]string
}

// Ports is the second dimension of a rule as EC2 stores it, both ends
// inclusive. For tcp and udp a port range; for icmp and icmpv6 type and code,
// where -1 is "all". Other protocols, and all protocols together, have none:
// canonically {-1, -1}.
type Ports struct{ From, To int32 }

// NoPorts is the canonical value where a protocol has no second dimension,
// and, for icmp and icmpv6, "all types and codes".
var NoPorts = Ports{-1, -1}
