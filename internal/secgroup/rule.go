package secgroup

import (
	"errors"
	"fmt"
	"strconv"
)

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
// and, for icmp and icmpv6, "all types and codes". On tcp and udp it is read
// as all ports.
var NoPorts = Ports{-1, -1}

// AllPorts is every port of tcp or udp.
var AllPorts = Ports{0, 65535}

// Canonical gives the rule in the one form that EC2 would store: host bits
// masked, ports dropped where the protocol has none ("allows traffic on all
// ports, regardless of any port range", API reference IpPermission), an ICMP
// code dropped where the type is -1, and all ports of tcp and udp as 0-65535.
// Id, description and tags stay as they are; so does what Validate refuses.
func (r Rule) Canonical() Rule {
	r.Ports = r.canonicalPorts()
	if c, ok := r.Peer.(CIDR); ok && c.IsValid() && c != NewCIDR(c.Prefix) { // each new Peer is an allocation
		r.Peer = NewCIDR(c.Prefix)
	}
	return r
}

func (r Rule) canonicalPorts() Ports {
	switch {
	case r.Protocol.HasPorts():
		if r.Ports == NoPorts {
			return AllPorts
		}
		return r.Ports
	case r.Protocol.IsICMP() && r.Ports.From != -1:
		return r.Ports
	}
	return NoPorts
}

// String is the rule as text, without id, description and tags: for instance
// "ingress tcp/20-25 from 0.0.0.0/0". ParseRule reads it back. Rules that
// differ only in form (host bits, ignored ports) have the same text.
func (r Rule) String() string {
	peer := "no peer"
	if r.Peer != nil {
		peer = r.Canonical().Peer.String()
	}
	var room [64]byte
	text := append(append(room[:0], r.Direction.String()...), ' ')
	text = append(append(r.appendFlow(text), ' '), r.Direction.preposition()...)
	return string(append(append(text, ' '), peer...))
}

// Value is what makes the rule this rule within its group, as canonical text:
// direction, protocol, ports and peer. EC2 has at most one rule of a value in
// a group, whatever the description (API reference SecurityGroupRuleRequest).
func (r Rule) Value() string { return r.String() }

// SameValue reports whether two rules are the same but for id, description
// and tags.
func (r Rule) SameValue(o Rule) bool {
	if r.Direction != o.Direction || r.Protocol != o.Protocol || r.canonicalPorts() != o.canonicalPorts() {
		return false
	}
	if r.Peer == nil || o.Peer == nil {
		return r.Peer == nil && o.Peer == nil
	}
	block, isBlock := r.Peer.(CIDR)
	other, alsoBlock := o.Peer.(CIDR)
	if isBlock && alsoBlock && block.IsValid() && other.IsValid() {
		return NewCIDR(block.Prefix) == NewCIDR(other.Prefix) // as their keys, without making them
	}
	return r.Canonical().Peer.Key() == o.Canonical().Peer.Key()
}

// appendFlow appends protocol and ports as the rule text shows them.
func (r Rule) appendFlow(text []byte) []byte {
	ports := r.canonicalPorts()
	text = append(text, r.Protocol.String()...)
	if ports == NoPorts {
		return text
	}
	text = strconv.AppendInt(append(text, '/'), int64(ports.From), 10)
	switch {
	case r.Protocol.HasPorts() && ports.From == ports.To, !r.Protocol.HasPorts() && ports.To == -1:
		return text
	case r.Protocol.HasPorts():
		text = append(text, '-')
	default:
		text = append(text, '/')
	}
	return strconv.AppendInt(text, int64(ports.To), 10)
}

// Validate says what about the rule EC2 would never store; nil = nothing.
// Form that Canonical repairs is no fault, and neither is an unknown id.
func (r Rule) Validate() error {
	var faults []error
	if r.Direction != Ingress && r.Direction != Egress {
		faults = append(faults, errors.New("no direction"))
	}
	if !r.Protocol.IsValid() {
		faults = append(faults, fmt.Errorf("protocol %d is none of -1 to 255", r.Protocol))
	}
	if err := r.validatePorts(); err != nil {
		faults = append(faults, err)
	}
	if err := validatePeer(r.Peer); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (r Rule) validatePorts() error {
	p := r.canonicalPorts()
	switch {
	case p == NoPorts:
		return nil
	case r.Protocol.IsICMP():
		if p.From < 0 || p.From > 255 || p.To < -1 || p.To > 255 {
			return fmt.Errorf("%s type %d code %d: want -1 or 0-255", r.Protocol, p.From, p.To)
		}
	case p.From < 0 || p.To < 0 || p.From > 65535 || p.To > 65535:
		return fmt.Errorf("%s ports %d-%d: want 0-65535", r.Protocol, p.From, p.To)
	case p.From > p.To:
		return fmt.Errorf("%s ports %d-%d are inverted", r.Protocol, p.From, p.To)
	}
	return nil
}

// Protocols is the range of protocols that the rule opens. A protocol that
// Validate refuses counts as all of them: what is not understood is never
// taken for less than it may be.
func (r Rule) Protocols() ProtocolRange {
	if r.Protocol < 0 || r.Protocol > 255 {
		return EveryProtocol
	}
	return ProtocolRange{uint8(r.Protocol), uint8(r.Protocol)}
}

// Span is what the rule opens of the 16-bit space of its protocol: see
// Region. Ports that Validate refuses count as all of it, as in Protocols.
func (r Rule) Span() Span {
	p := r.canonicalPorts()
	if p == NoPorts || r.validatePorts() != nil {
		return FullSpan
	}
	if !r.Protocol.IsICMP() {
		return Span{uint16(p.From), uint16(p.To)}
	}
	if p.To == -1 {
		return Span{uint16(p.From) << 8, uint16(p.From)<<8 | 255}
	}
	return Span{uint16(p.From)<<8 | uint16(p.To), uint16(p.From)<<8 | uint16(p.To)}
}

// Region is the flows that the rule opens. A readable prefix list is its
// entries; an unreadable one and a group reference are atoms. Without a peer
// it is empty.
func (r Rule) Region() Region {
	s := Slice{Protocols: r.Protocols(), Span: r.Span()}
	switch p := r.Peer.(type) {
	case nil:
		return Region{}
	case CIDR:
		s.IPv4 = NewAddressSet(p.Prefix)
	case PrefixList:
		if p.Readable {
			s.IPv4 = NewAddressSet(p.Entries...)
		} else {
			s.Atoms = []string{p.Key()}
		}
	default:
		s.Atoms = []string{p.Key()}
	}
	return NewRegion(s)
}
