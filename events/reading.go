package events

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// parts is one rule as a record writes it, before it has been made sense of.
type parts struct {
	protocol, from, to value
}

// reading is what one side of a record, request or response, says of rules.
type reading struct {
	rules []secgroup.NamedRule
	// opaque counts rules that are certainly meant but whose value cannot be
	// told from this side: sources named by group name, ids without value.
	opaque int
	gaps   []string
}

func (g *reading) gap(format string, args ...any) {
	g.gaps = append(g.gaps, fmt.Sprintf(format, args...))
}

// ruleOf makes the canonical value of a rule. The error says in words what
// keeps it from being one that EC2 can store.
func ruleOf(d secgroup.Direction, p parts, peer secgroup.Peer) (secgroup.Rule, error) {
	name, ok := p.protocol.scalar()
	if !ok {
		return secgroup.Rule{}, fmt.Errorf("no protocol")
	}
	protocol, err := secgroup.ParseProtocol(name)
	if err != nil {
		return secgroup.Rule{}, fmt.Errorf("protocol %s: unknown", quote(name))
	}
	ports, err := portsOf(protocol, p)
	if err != nil {
		return secgroup.Rule{}, err
	}
	return secgroup.Rule{Direction: d, Protocol: protocol, Ports: ports, Peer: peer}.Canonical(), nil
}

// portsOf reads the second dimension of a rule. Protocols without ports are
// written with none, with 0/0, 0/65535 or -1/-1: what stands there says
// nothing (EC2 API, IpPermission). ICMPv6 may leave type and code out, which
// means all.
func portsOf(protocol secgroup.Protocol, p parts) (secgroup.Ports, error) {
	low, high := int32(0), int32(65535)
	switch {
	case protocol.IsICMP():
		low, high = -1, 255
		if p.from.empty() {
			return secgroup.NoPorts, nil
		}
		if p.to.empty() {
			p.to = value{kind: number, raw: "-1"}
		}
	case !protocol.HasPorts():
		return secgroup.NoPorts, nil
	}
	from, err := portOf("from", p.from, low, high)
	if err != nil {
		return secgroup.Ports{}, err
	}
	to, err := portOf("to", p.to, low, high)
	if err != nil {
		return secgroup.Ports{}, err
	}
	if !protocol.IsICMP() && from > to {
		return secgroup.Ports{}, fmt.Errorf("ports %d to %d are upside down", from, to)
	}
	return secgroup.Ports{From: from, To: to}, nil
}

func portOf(end string, v value, low, high int32) (int32, error) {
	s, ok := v.scalar()
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	if !ok || err != nil || int32(n) < low || int32(n) > high {
		return 0, fmt.Errorf("%s port %s: not a number from %d to %d", end, quote(s), low, high)
	}
	return int32(n), nil
}

// cidrOf reads a CIDR of either family. Host bits are masked, as EC2 does it
// on write; the request keeps what was sent.
func cidrOf(v value) (secgroup.Peer, error) {
	s, ok := v.scalar()
	p, err := netip.ParsePrefix(strings.TrimSpace(s))
	if !ok || err != nil {
		return nil, fmt.Errorf("%s is no CIDR", quote(s))
	}
	return secgroup.NewCIDR(p), nil
}

// listPeerOf reads a prefix list id.
func listPeerOf(v value) (secgroup.Peer, error) {
	s, ok := v.scalar()
	if !ok || !isID(listPrefix, s) {
		return nil, fmt.Errorf("%s is no prefix list", quote(s))
	}
	return secgroup.PrefixList{ID: s}, nil
}

// groupPeerOf reads a reference to a group by id. The account stays empty
// where it is the group's own (the record's account, or owner), so that the
// same reference has one value whoever wrote it down.
func groupPeerOf(id, account, peering value, own ...string) (secgroup.Peer, error) {
	s, ok := id.scalar()
	if !ok || !isID(groupPrefix, s) {
		return nil, fmt.Errorf("%s is no group id", quote(s))
	}
	ref := secgroup.GroupReference{GroupID: s, PeeringID: textOf(peering)}
	user := accountID(textOf(account))
	for _, o := range own {
		if user == o {
			return ref, nil
		}
	}
	ref.AccountID = user
	return ref, nil
}

// ruleKey is the identity of a rule within a group. The account of a
// reference is left out: requests may omit it, and group ids are unique.
type ruleKey struct {
	direction secgroup.Direction
	protocol  secgroup.Protocol
	ports     secgroup.Ports
	peer      string
}

func keyOf(r secgroup.Rule) ruleKey {
	k := ruleKey{r.Direction, r.Protocol, r.Ports, ""}
	if ref, ok := r.Peer.(secgroup.GroupReference); ok {
		k.peer = ref.GroupID
	} else if r.Peer != nil {
		k.peer = r.Peer.Key()
	}
	return k
}
