package secgroup

// Region is a set of flows of one direction: protocols x 16-bit space x
// peers. The zero value is the empty set. Regions are immutable and kept in a
// canonical form: equal sets have equal forms.
//
// The 16-bit space is the port for tcp and udp, type*256+code for icmp and
// icmpv6; other protocols have no second dimension and always span all of it.
// Peers are IPv4 addresses, IPv6 addresses (the families apart), and atoms:
// group references and unreadable prefix lists, by Peer.Key.
type Region struct {
	slices []Slice
}

// Span is an inclusive interval of the 16-bit space.
type Span struct{ First, Last uint16 }

// FullSpan is the whole 16-bit space.
var FullSpan = Span{0, 65535}

// ProtocolRange is an inclusive interval of protocol numbers.
type ProtocolRange struct{ First, Last uint8 }

// EveryProtocol is 0-255.
var EveryProtocol = ProtocolRange{0, 255}

// Slice is the part of a region on some protocols and ports where the peers
// are the same everywhere.
type Slice struct {
	Protocols ProtocolRange
	Span      Span
	IPv4      AddressSet
	IPv6      AddressSet
	Atoms     []string // sorted, each once
}
