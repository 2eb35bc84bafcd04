package incident

import (
	"fmt"
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// BasisInterfaces says that the rules of all groups of the interfaces that the
// group is on were looked at, as they were before and are now. Paths that EC2
// always tracks are known only where the interface itself is one.
const BasisInterfaces = "interfaces"

// Interface is a network interface with what decides about its connections.
type Interface struct {
	ID     string
	Groups []string // ids of all its groups
	Kind   string   // EC2's interfaceType: interface, nat_gateway, ...
	// TCPSeconds and UDPStreamSeconds are the idle timeouts that somebody set
	// for it; 0 = EC2's own.
	TCPSeconds, UDPStreamSeconds int
}

// alwaysTracked are kinds of interfaces whose connections EC2 tracks whatever
// the rules say (EC2 user guide "security group connection tracking",
// automatically tracked connections; the kinds by the API reference of
// NetworkInterface.interfaceType; read 2026-11).
var alwaysTracked = []string{
	"gateway_load_balancer", "gateway_load_balancer_endpoint", "global_accelerator_managed", "nat_gateway", "natGateway",
	"network_load_balancer", "transit_gateway", "vpc_endpoint",
}

// Attached is where a group is, and which rules are in force there.
type Attached struct {
	Interfaces []Interface
	// Rules are those of the other groups of the interfaces, by group id. A
	// group that is not in it could not be read.
	Rules map[string][]secgroup.Rule
}

// SessionsOn is SessionsOf for the interfaces that the group is on. before and
// after are the group's own rules. still are the groups, sorted, by which flows
// that were closed here are open all the same on some interface.
//
// Where no interface has the group, nothing was let in by it: untracked.
func SessionsOn(rules []Rule, groupID string, before, after []secgroup.Rule, at Attached) (s Sessions, still []string) {
	flows, closed := opened(rules)
	var all flowSessions
	seen := map[string]bool{}
	for _, n := range at.Interfaces {
		like := n
		like.ID = ""
		if key := fmt.Sprint(like); !seen[key] { // most of a group's are alike
			seen[key] = true
			inForce := at.of(n, groupID, before)
			for _, e := range flows {
				all.addOn(e, n, inForce)
			}
		}
		for _, id := range n.Groups {
			open := at.Rules[id]
			if id == groupID {
				open = after
			}
			if !seen[id] && allows(open, closed) {
				still = append(still, id)
			}
			seen[id] = true
		}
	}
	slices.Sort(still)
	s = all.sessions()
	if s.Tracked == "" && len(flows) > 0 {
		s.Tracked = TrackedNone
	}
	if s.Tracked != "" {
		s.Basis = BasisInterfaces
	}
	return s, still
}

// opened are the flows that the rules let in, as far as they are known: of
// those that differ only by addresses of one family the first, and all together.
func opened(rules []Rule) (flows []secgroup.Rule, all map[secgroup.Direction]secgroup.Region) {
	type kind struct {
		direction secgroup.Direction
		protocol  secgroup.Protocol
		ports     secgroup.Ports
		peer      string
	}
	seen, all := map[kind]bool{}, map[secgroup.Direction]secgroup.Region{}
	for _, r := range rules {
		let := r.Excess
		if (len(let) == 0 || r.OmittedExcess > 0) && r.Before != nil {
			let = []secgroup.Rule{*r.Before}
		}
		for _, e := range let {
			all[e.Direction] = all[e.Direction].Union(e.Region())
			k := kind{e.Direction, e.Protocol, e.Ports, fmt.Sprint(e.Peer)}
			if v6, isBlock := familyOf(e.Peer); isBlock {
				k.peer = fmt.Sprint(v6)
			}
			if !seen[k] {
				seen[k] = true
				flows = append(flows, e)
			}
		}
	}
	return flows, all
}

// of are the rules that were in force on an interface; nil = not all are known.
func (a Attached) of(n Interface, groupID string, own []secgroup.Rule) []secgroup.Rule {
	rules := slices.Clone(own)
	for _, id := range n.Groups {
		if id == groupID {
			continue
		}
		others, read := a.Rules[id]
		if !read {
			return nil
		}
		rules = append(rules, others...)
	}
	if rules == nil {
		rules = []secgroup.Rule{}
	}
	return rules
}

// addOn looks at the flows of e on one interface, on which these rules were in
// force.
func (f *flowSessions) addOn(e secgroup.Rule, n Interface, inForce []secgroup.Rule) {
	for _, p := range kinds {
		if !concernsProtocol(e.Protocol, p.protocol) {
			continue
		}
		seconds := p.seconds
		switch {
		case p.protocol == secgroup.TCP && n.TCPSeconds > 0:
			seconds = n.TCPSeconds
		case p.protocol == secgroup.UDP && n.UDPStreamSeconds > 0:
			seconds = n.UDPStreamSeconds
		}
		switch {
		case p.protocol == otherProtocol || slices.Contains(alwaysTracked, n.Kind):
			f.tracked = true
		case inForce == nil:
			f.unknown = true
		default:
			tracked := trackedBy(e, p.protocol, inForce)
			f.tracked, f.untracked, f.unknown = f.tracked || tracked == TrackedAll, f.untracked || tracked == TrackedNone, f.unknown || tracked == TrackedUnknown
			if tracked == TrackedNone {
				continue
			}
		}
		f.seconds = max(f.seconds, seconds)
	}
}

// trackedBy says whether EC2 tracks flows of one kind under all rules in force
// on an interface: not, where one of them allows all addresses of their family,
// and another lets all responses pass.
func trackedBy(e secgroup.Rule, kind secgroup.Protocol, inForce []secgroup.Rule) string {
	v6, isBlock := familyOf(e.Peer)
	if !isBlock {
		if l, ok := e.Peer.(secgroup.PrefixList); ok {
			return trackingOf(secgroup.Rule{Direction: e.Direction, Protocol: kind, Peer: l}, kind, nil)
		}
		return TrackedAll // group references
	}
	if !answersAll(e.Direction, kind, v6, inForce) {
		return TrackedAll
	}
	maybe := false
	for _, r := range inForce {
		if r.Direction != e.Direction || !concernsProtocol(r.Protocol, kind) || !overlapsPorts(r, e) {
			continue
		}
		switch p := r.Peer.(type) {
		case secgroup.CIDR:
			if p.Bits() == 0 && p.Addr().Is6() == v6 {
				return TrackedNone
			}
		case secgroup.PrefixList: // what a list with all addresses does is not documented
			maybe = maybe || trackingOf(r, kind, nil) == TrackedUnknown
		}
	}
	if maybe {
		return TrackedUnknown
	}
	return TrackedAll
}

func familyOf(p secgroup.Peer) (v6, ok bool) {
	c, ok := p.(secgroup.CIDR)
	return ok && c.Addr().Is6(), ok
}

// overlapsPorts reports whether two rules of protocols that concern one kind
// have a port in common.
func overlapsPorts(a, b secgroup.Rule) bool {
	if !a.Protocol.HasPorts() || !b.Protocol.HasPorts() {
		return true
	}
	return a.Ports.From <= b.Ports.To && b.Ports.From <= a.Ports.To
}

// allows reports whether one of the rules allows some of the flows.
func allows(rules []secgroup.Rule, flows map[secgroup.Direction]secgroup.Region) bool {
	return slices.ContainsFunc(rules, func(r secgroup.Rule) bool { return r.Region().Overlaps(flows[r.Direction]) })
}
