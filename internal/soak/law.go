package soak

import (
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// remedy is what a policy asks for.
type remedy uint8

const (
	revert remedy = 1 + iota
	narrow
	tag
	alertOnly
	observe // whatever the remedy: the policy's mode is observe
)

// law is one policy once more: what its text means, said packet by packet.
type law struct {
	id     string
	remedy remedy
	// forbids is about one packet of one group, whatever the rule.
	forbids func(g place, p oracle.Packet) bool
	// concerns is the scope; nil = every group.
	concerns func(g place) bool
	// ipv4 and ipv6 are how many internet addresses of each port are
	// tolerated in sum, IPv6 in blocks of /64; both 0 = none. Only for laws that
	// forbid the internet.
	ipv4, ipv6 uint64
	// whole: only a peer that reaches every forbidden flow is too much.
	whole bool
	// to is what a narrowed rule keeps of addresses on a forbidden port.
	to []netip.Prefix
	// except is the actor whose rules are let be; "" = nobody's.
	except string
	// waits: the remedy follows after some time.
	waits bool
	// exempt are flows that the settings let be.
	exempt []exemption
	// compliant: what else is compliant stays on a forbidden port too.
	compliant bool
}

// acts reports whether the law leads to a mutation that takes flows away.
func (l law) acts() bool { return l.remedy == revert || l.remedy == narrow }

func (l law) tolerates() bool { return l.ipv4 > 0 || l.ipv6 > 0 }

// place is what a policy may ask of a group.
type place struct {
	id, name, vpc string
	blocks        []netip.Prefix // of its VPC
}

// fromInternet forbids `internet` on some tcp and udp ports, ingress.
func fromInternet(ports ...uint16) func(place, oracle.Packet) bool {
	return func(g place, p oracle.Packet) bool {
		return p.Direction == secgroup.Ingress && hasPort(p) && slices.Contains(ports, p.Port) && isInternet(p.Remote, g.blocks)
	}
}

func hasPort(p oracle.Packet) bool { return p.Protocol == 6 || p.Protocol == 17 }

// forbidden gives the witnesses that a law forbids in a group; none outside its
// scope.
func (u *universe) forbidden(l law, g place) packets {
	if l.concerns != nil && !l.concerns(g) {
		return packets{}
	}
	return u.where(func(p oracle.Packet) bool { return l.forbids(g, p) })
}

// docket is a set of policies with its laws.
type docket struct {
	name string
	yaml string
	laws []law
	// beforeAct: no baseline act is done, so only what a record names is due.
	beforeAct bool
	// calls are what the guard may have to call under it, for kills: what it
	// never calls cannot be met.
	calls []string
	// exempts: an operator makes exemptions in the ledger, for this law.
	exempts string
	// fuse is how many groups a policy may touch within an hour without an event
	// of their own; 0 = any.
	fuse int
}
