package secgroup

// Protocol is an IANA protocol number, 0-255, or AllProtocols.
type Protocol int16

const (
	AllProtocols Protocol = -1
	ICMP         Protocol = 1
	TCP          Protocol = 6
	UDP          Protocol = 17
	ICMPv6       Protocol = 58
)
