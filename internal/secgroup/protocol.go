package secgroup

import (
	"fmt"
	"strconv"
	"strings"
)

// Protocol is an IANA protocol number, 0-255, or AllProtocols. The zero value
// is protocol 0 (HOPOPT); other values than -1 to 255 are invalid.
type Protocol int16

// The protocols that EC2 knows by name; all others are written as numbers.
const (
	AllProtocols Protocol = -1
	ICMP         Protocol = 1
	TCP          Protocol = 6
	UDP          Protocol = 17
	ICMPv6       Protocol = 58
)

// ParseProtocol reads a protocol as EC2 and rule text write it: "tcp", "udp",
// "icmp", "icmpv6" in any case, "-1" or "all", or a decimal number 0-255. A
// number and its name are the same protocol ("6" is tcp).
func ParseProtocol(text string) (Protocol, error) {
	switch strings.ToLower(text) {
	case "-1", "all":
		return AllProtocols, nil
	case "tcp":
		return TCP, nil
	case "udp":
		return UDP, nil
	case "icmp":
		return ICMP, nil
	case "icmpv6":
		return ICMPv6, nil
	}
	n, ok := parseNumber(text, 255)
	if !ok {
		return 0, fmt.Errorf("protocol %q: want tcp, udp, icmp, icmpv6, all or a number 0-255", text)
	}
	return Protocol(n), nil
}

// String is the protocol as rule text shows it: a name where EC2 has one,
// "all", else the number.
func (p Protocol) String() string {
	if p == AllProtocols {
		return "all"
	}
	return p.API()
}

// API is the protocol as EC2 calls take and give it: as String, but "-1" for
// all protocols.
func (p Protocol) API() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case ICMP:
		return "icmp"
	case ICMPv6:
		return "icmpv6"
	}
	return strconv.Itoa(int(p))
}

// HasPorts reports whether the second dimension of the protocol is a port
// range (tcp, udp).
func (p Protocol) HasPorts() bool { return p == TCP || p == UDP }

// IsICMP reports whether the second dimension of the protocol is an ICMP type
// and code (icmp, icmpv6).
func (p Protocol) IsICMP() bool { return p == ICMP || p == ICMPv6 }

// IsValid reports whether p is AllProtocols or 0-255.
func (p Protocol) IsValid() bool { return p >= AllProtocols && p <= 255 }

// parseNumber reads a decimal number 0 to limit without sign, blanks or
// leading zeros: "022" may be meant as octal, so it is nothing.
func parseNumber(text string, limit int) (int, bool) {
	if text == "" || len(text) > 5 || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	n := 0
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n <= limit
}
