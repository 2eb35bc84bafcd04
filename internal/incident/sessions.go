package incident

import (
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// What Sessions.Tracked can say.
const (
	TrackedAll     = "tracked"   // connections live on until they time out
	TrackedNone    = "untracked" // connections are cut as the rule goes
	TrackedMixed   = "mixed"     // some of the flows are the one, some the other
	TrackedUnknown = "unknown"   // what this group says does not decide it
)

// BasisGroup says that only the group's own rules were looked at: other groups
// of the same interface, and paths that EC2 always tracks (NAT gateway, NLB,
// transit gateway, ...), are not known.
const BasisGroup = "group"

// Idle timeouts of tracked connections in seconds, as EC2 sets them by default
// (EC2 user guide "security group connection tracking" and API reference
// ConnectionTrackingConfiguration, read 2026-11). An established TCP
// connection lives 350 s on Nitro v6 instances; the worst case is told.
const (
	TCPIdleSeconds       = 432000
	TCPIdleSecondsNitro6 = 350
	UDPStreamIdleSeconds = 180
	OtherIdleSeconds     = 600
)

// SessionsOf says whether connections that the rules let in may outlive them.
// A rule counts with its value before (which decides about tracking) and its
// excess (which decides how long); one without Before with its excess alone.
// group is all rules of the group as they stood before anything was removed.
// Without any rule the answer is the zero value: nothing was let in.
//
// EC2 does not track a TCP or UDP flow that a rule allows for all addresses
// while a rule of the other direction lets all responses pass, IPv4 and IPv6
// apart; ICMP and everything else is always tracked.
func SessionsOf(rules []Rule, group []secgroup.Rule) Sessions {
	var all flowSessions
	for _, r := range rules {
		opened := r.Excess
		if (len(opened) == 0 || r.OmittedExcess > 0) && r.Before != nil {
			opened = []secgroup.Rule{*r.Before}
		}
		for _, e := range opened {
			opener := e
			if r.Before != nil {
				opener = *r.Before
			}
			all.add(opener, e, group)
		}
	}
	return all.sessions()
}

// flowSessions collects what the kinds of flows of an incident are.
type flowSessions struct {
	tracked, untracked, unknown bool
	seconds                     int
}

// add looks at the flows of excess, which opener allowed.
func (f *flowSessions) add(opener, excess secgroup.Rule, group []secgroup.Rule) {
	for _, p := range kinds {
		if !concernsProtocol(excess.Protocol, p.protocol) {
			continue
		}
		switch trackingOf(opener, p.protocol, group) {
		case TrackedNone:
			f.untracked = true
			continue
		case TrackedUnknown:
			f.unknown = true
		default:
			f.tracked = true
		}
		f.seconds = max(f.seconds, p.seconds)
	}
}

func (f flowSessions) sessions() Sessions {
	s := Sessions{MaySurviveSeconds: f.seconds, Basis: BasisGroup}
	switch {
	case f.unknown:
		s.Tracked = TrackedUnknown
	case f.tracked && f.untracked:
		s.Tracked = TrackedMixed
	case f.tracked:
		s.Tracked = TrackedAll
	case f.untracked:
		s.Tracked = TrackedNone
	default:
		return Sessions{}
	}
	return s
}

// kinds are the protocols that EC2 tracks alike, with how long an idle
// connection of them lives at most.
var kinds = []struct {
	protocol secgroup.Protocol
	seconds  int
}{
	{secgroup.TCP, TCPIdleSeconds},
	{secgroup.UDP, UDPStreamIdleSeconds},
	{otherProtocol, OtherIdleSeconds},
}

// otherProtocol stands for every protocol but tcp and udp.
const otherProtocol secgroup.Protocol = -2

// concernsProtocol reports whether a rule of protocol has flows of one of the
// three kinds: tcp, udp, other.
func concernsProtocol(protocol, kind secgroup.Protocol) bool {
	switch {
	case protocol == secgroup.AllProtocols:
		return true
	case kind == otherProtocol:
		return protocol != secgroup.TCP && protocol != secgroup.UDP
	}
	return protocol == kind
}

// trackingOf says whether EC2 tracks the flows of one kind that opener allows.
func trackingOf(opener secgroup.Rule, kind secgroup.Protocol, group []secgroup.Rule) string {
	if kind == otherProtocol {
		return TrackedAll
	}
	switch p := opener.Peer.(type) {
	case secgroup.CIDR:
		switch {
		case p.Bits() > 0:
			return TrackedAll
		case answersAll(opener.Direction, kind, p.Addr().Is6(), group):
			return TrackedNone
		}
		// Another group of the interface may hold the rule for the responses.
		return TrackedUnknown
	case secgroup.GroupReference:
		return TrackedAll
	case secgroup.PrefixList:
		// EC2 names the literal 0.0.0.0/0 and ::/0 only: what a list that
		// holds one of them does is not documented.
		everything := slices.ContainsFunc(p.Entries, func(e netip.Prefix) bool { return e.Bits() == 0 })
		if p.Readable && !everything {
			return TrackedAll
		}
	}
	return TrackedUnknown
}

// answersAll reports whether one rule of the other direction lets every
// response of the protocol pass to every address of the family.
func answersAll(d secgroup.Direction, kind secgroup.Protocol, v6 bool, group []secgroup.Rule) bool {
	for _, r := range group {
		c, ok := r.Peer.(secgroup.CIDR)
		if !ok || r.Direction == d || c.Bits() != 0 || c.Addr().Is6() != v6 {
			continue
		}
		if r.Protocol == secgroup.AllProtocols || r.Protocol == kind && r.Ports.From <= 0 && r.Ports.To == 65535 {
			return true
		}
	}
	return false
}
