package localec2

import (
	"net/netip"
	"strconv"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// protocolNames are the names that the API takes and gives; every other
// protocol is its number.
var protocolNames = map[string]secgroup.Protocol{
	"tcp": secgroup.TCP, "udp": secgroup.UDP, "icmp": secgroup.ICMP, "icmpv6": secgroup.ICMPv6, "-1": secgroup.AllProtocols,
}

func parseProtocol(text string) (secgroup.Protocol, *query.Fault) {
	if p, ok := protocolNames[text]; ok {
		return p, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0, query.Refuse("InvalidParameterValue", "Invalid value '%s' for IP protocol. Unknown protocol.", text)
	}
	return secgroup.Protocol(n), nil
}

func protocolText(p secgroup.Protocol) string {
	for name, known := range protocolNames {
		if known == p {
			return name
		}
	}
	return strconv.Itoa(int(p))
}

// parsePorts reads FromPort and ToPort of params as the protocol wants them.
// Where a protocol has none, they are ignored, "regardless of any port range
// you specify" (API reference, IpPermission).
func parsePorts(protocol secgroup.Protocol, params *query.Params) (secgroup.Ports, *query.Fault) {
	var ports [2]int32
	for i, name := range []string{"FromPort", "ToPort"} {
		n, fault := integer(params, name, -1)
		if fault != nil {
			return secgroup.NoPorts, fault
		}
		ports[i] = n
	}
	from, to := ports[0], ports[1]
	bothGiven := params.Has("FromPort") && params.Has("ToPort")
	switch protocol {
	case secgroup.TCP, secgroup.UDP:
		if !bothGiven {
			return secgroup.NoPorts, query.Refuse("InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
		}
		if from < 0 || to > 65535 || from > to {
			return secgroup.NoPorts, query.Refuse("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", from, to)
		}
	case secgroup.ICMP, secgroup.ICMPv6:
		if !bothGiven && (protocol == secgroup.ICMP || params.Has("FromPort") || params.Has("ToPort")) {
			return secgroup.NoPorts, query.Refuse("InvalidParameterValue", "Must specify both ICMP type and code.")
		}
		if from < -1 || from > 255 || to < -1 || to > 255 || from == -1 && to != -1 {
			return secgroup.NoPorts, query.Refuse("InvalidParameterValue", "Invalid ICMP type and code (%d:%d)", from, to)
		}
	default:
		return secgroup.NoPorts, nil
	}
	return secgroup.Ports{From: from, To: to}, nil
}

// parseCIDR reads an address block of one family and masks its host bits.
func parseCIDR(text string, ipv6 bool) (secgroup.Peer, *query.Fault) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is6() != ipv6 {
		return nil, query.Refuse("InvalidParameterValue", "CIDR block %s is malformed", text)
	}
	return secgroup.NewCIDR(prefix), nil
}

// integer reads an optional number of 32 bits.
func integer(params *query.Params, name string, absent int32) (int32, *query.Fault) {
	text, ok := params.Get(name).Value()
	if !ok {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, wrongValue(name, text, "It must be an integer.")
	}
	return int32(n), nil
}

// permissions reads IpPermissions: the rules that they mean, in their order.
func (s *session) permissions(in *group, d secgroup.Direction) ([]secgroup.Rule, *query.Fault) {
	var rules []secgroup.Rule
	for _, item := range s.params.Items("IpPermissions") {
		some, fault := s.permission(in, d, item)
		if fault != nil {
			return nil, fault
		}
		rules = append(rules, some...)
	}
	seen := map[string]bool{}
	for _, r := range rules {
		if seen[identity(r)] {
			return nil, query.Refuse("InvalidParameterValue", "The same permission must not appear multiple times")
		}
		seen[identity(r)] = true
	}
	return rules, nil
}

// permission reads one IpPermission: a protocol, ports, and any number of peers.
func (s *session) permission(in *group, d secgroup.Direction, item *query.Params) ([]secgroup.Rule, *query.Fault) {
	text, ok := item.Get("IpProtocol").Value()
	if !ok {
		return nil, query.Refuse("InvalidParameterValue", "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
	}
	protocol, fault := parseProtocol(text)
	if fault != nil {
		return nil, fault
	}
	ports, fault := parsePorts(protocol, item)
	if fault != nil {
		return nil, fault
	}
	var rules []secgroup.Rule
	for _, source := range []struct {
		list string
		read func(*query.Params) (secgroup.Peer, *query.Fault)
	}{
		{"IpRanges", func(p *query.Params) (secgroup.Peer, *query.Fault) { return parseCIDR(p.Text("CidrIp"), false) }},
		{"Ipv6Ranges", func(p *query.Params) (secgroup.Peer, *query.Fault) { return parseCIDR(p.Text("CidrIpv6"), true) }},
		{"PrefixListIds", func(p *query.Params) (secgroup.Peer, *query.Fault) { return s.listPeer(p.Text("PrefixListId")) }},
		{"Groups", func(p *query.Params) (secgroup.Peer, *query.Fault) { return s.groupPeer(in, p) }},
	} {
		for _, p := range item.Items(source.list) {
			peer, fault := source.read(p)
			if fault != nil {
				return nil, fault
			}
			description := p.Text("Description")
			if fault := checkText("Description", description); fault != nil {
				return nil, fault
			}
			rules = append(rules, secgroup.Rule{Direction: d, Protocol: protocol, Ports: ports, Peer: peer, Description: description})
		}
	}
	if len(rules) == 0 {
		return nil, query.Refuse("InvalidParameterValue", "An IP permission must name at least one CIDR block, prefix list or security group.")
	}
	return rules, nil
}

// identity is what EC2 keeps unique in a group: all but description and tags.
func identity(r secgroup.Rule) string {
	return r.Direction.String() + " " + protocolText(r.Protocol) + " " +
		strconv.Itoa(int(r.Ports.From)) + "-" + strconv.Itoa(int(r.Ports.To)) + " " + r.Peer.Key()
}
