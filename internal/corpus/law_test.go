package corpus

import (
	"math/big"
	"net/netip"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// profile is a folder of corpus/profiles: settings, and policies of its own.
type profile struct {
	set  *policy.Set // what guard judges by
	laws []law       // the same policies, read once more
}

var profiles = map[string]*profile{}

func profileOf(t *testing.T, name string) *profile {
	t.Helper()
	if p := profiles[name]; p != nil {
		return p
	}
	set, b, err := bundle.Load(root+"/corpus/profiles/"+name, bundle.Options{Default: policy.Enforce})
	require.NoError(t, err, name)
	p := &profile{set: set}
	on := map[string]bool{}
	for _, active := range set.Policies {
		on[active.ID] = true
	}
	for _, d := range b.Documents {
		if on[d.ID] {
			p.laws = append(p.laws, law{doc: d, deployment: b.Deployment})
		}
	}
	require.NotEmpty(t, p.laws, name)
	profiles[name] = p
	return p
}

// law is one policy, read packet by packet from the document as it is written,
// with no region, address set, index or matcher of what is judged.
type law struct {
	doc        policy.Document
	deployment policy.Deployment
}

// applies reads the scope. A condition on what everybody may change never
// takes a group out of it.
func (l law) applies(g secgroup.Group) bool {
	if !l.holds(l.doc.Scope, g, true) {
		return false
	}
	return l.doc.Not == nil || !l.holds(*l.doc.Not, g, false)
}

func (l law) holds(s policy.Scope, g secgroup.Group, untrusted bool) bool {
	for key, values := range s.Tags {
		value, has := g.Tags[key]
		switch {
		case !slices.Contains(l.deployment.Trusted.Tags, key):
			if !untrusted {
				return false
			}
		case !has || len(values) > 0 && !slices.Contains(values, value):
			return false
		}
	}
	if len(s.Names) > 0 {
		if !slices.Equal(s.Names, l.deployment.Trusted.Names) {
			return untrusted
		}
		if !slices.ContainsFunc(s.Names, func(glob string) bool {
			ok, err := path.Match(strings.ToLower(glob), strings.ToLower(g.Name))
			return ok && err == nil
		}) {
			return false
		}
	}
	return (len(s.IDs) == 0 || slices.Contains(s.IDs, g.ID)) &&
		(len(s.VPCs) == 0 || slices.Contains(s.VPCs, g.VPCID)) &&
		(len(s.Accounts) == 0 || slices.Contains(s.Accounts, g.AccountID)) &&
		(s.Default == nil || *s.Default == (g.Name == "default"))
}

// boxes are what is forbidden; allowOnly forbids what is within it but these.
// Of require they are where it looks.
func (l law) boxes() []policy.Clause {
	if l.doc.AllowOnly == nil {
		boxes := slices.Clone(l.doc.Forbid)
		for _, r := range l.doc.Require {
			if r.Where != nil {
				boxes = append(boxes, *r.Where)
			}
		}
		return boxes
	}
	c := l.doc.AllowOnly.Within
	c.But = slices.Concat(c.But, l.doc.AllowOnly.These)
	return []policy.Clause{c}
}

// site is one group as laws see it.
type site struct {
	groupState
	law law
}

func (s site) forbids(whole bool, rule secgroup.Rule, p oracle.Packet) bool {
	if s.law.doc.OnChange != nil {
		return !whole && s.isCharged(rule)
	}
	if len(s.law.doc.Require) > 0 {
		return !whole && slices.ContainsFunc(s.law.doc.Require, func(r policy.Requirement) bool {
			return r.Where != nil && s.inBox(*r.Where, rule, p) && lacks(rule, r)
		})
	}
	for _, c := range s.law.boxes() {
		if c.Whole == whole && s.inBox(c, rule, p) {
			return true
		}
	}
	return false
}

// isCharged reports whether a call gave the rule its value that the law takes
// back: of any name, by somebody whom it does not leave out.
func (s site) isCharged(rule secgroup.Rule) bool {
	on, maker := s.law.doc.OnChange, s.makers[rule.ID]
	if on.Calls != nil || on.Unless == nil || len(on.Unless.UserAgents) > 0 {
		panic("a law on some calls, or by user agents")
	}
	return !slices.ContainsFunc(on.Unless.Actors, func(pattern string) bool { return isActor(pattern, maker) })
}

// lacks reports whether a rule is not as it is required to be. The groups that
// rules of an entry name are there.
func lacks(rule secgroup.Rule, r policy.Requirement) bool {
	if r.Description || r.NotDescribed != nil || r.Elastic {
		panic("a law on what no packet shows")
	}
	ports := 0
	switch {
	case rule.Protocol < 0:
		ports = 65536
	case (rule.Protocol == 6 || rule.Protocol == 17) && rule.Ports.From < 0:
		ports = 65536
	case rule.Protocol == 6 || rule.Protocol == 17:
		ports = int(rule.Ports.To) - int(rule.Ports.From) + 1
	}
	if r.MaxPorts > 0 && ports > r.MaxPorts {
		return true
	}
	var blocks []netip.Prefix
	switch p := rule.Peer.(type) {
	case secgroup.CIDR:
		blocks = []netip.Prefix{p.Prefix}
	case secgroup.PrefixList:
		blocks = p.Entries
	}
	return slices.ContainsFunc(blocks, func(b netip.Prefix) bool {
		most := r.MaxIPv6
		if b.Addr().Is4() {
			most = r.MaxIPv4
		}
		return most > 0 && b.Bits() < most
	})
}

func (s site) inBox(c policy.Clause, rule secgroup.Rule, p oracle.Packet) bool {
	if !slices.Contains(c.Directions, p.Direction) || !slices.ContainsFunc(c.Flows, func(f policy.FlowSpec) bool { return holdsFlow(f, p) }) ||
		!slices.ContainsFunc(c.Peers, func(spec policy.PeerSpec) bool { return s.holdsPeer(spec, rule, p) }) {
		return false
	}
	return !slices.ContainsFunc(c.But, func(b policy.Clause) bool { return s.inBox(b, rule, p) })
}

func holdsFlow(f policy.FlowSpec, p oracle.Packet) bool {
	if p.Protocol < f.Protocols.First || f.Protocols.Last < p.Protocol {
		return false
	}
	all := f.Span.First == 0 && f.Span.Last == 65535
	one := f.Protocols.First == f.Protocols.Last
	var place int
	switch p.Protocol {
	case 6, 17:
		place = int(p.Port)
	case 1, 58:
		if one && p.Remote.IsValid() && p.Remote.Is6() != (p.Protocol == 58) {
			return false // icmp is of IPv4, icmpv6 of IPv6
		}
		if !one && !all {
			return false // ports are of what has ports
		}
		place = int(p.Type)<<8 | int(p.Code)
	default:
		return one || all
	}
	return int(f.Span.First) <= place && place <= int(f.Span.Last)
}

func (s site) holdsPeer(spec policy.PeerSpec, rule secgroup.Rule, p oracle.Packet) bool {
	a := p.Remote
	list, isList := rule.Peer.(secgroup.PrefixList)
	switch spec.Kind {
	case policy.PeerInternet:
		return a.IsValid() && !isClosed(a) && !inSome(a, s.blocks) && !inSome(a, s.law.deployment.Internal)
	case policy.PeerPrivate:
		return a.IsValid() && a.IsPrivate()
	case policy.PeerVPC:
		return a.IsValid() && inSome(a, s.blocks)
	case policy.PeerAddresses:
		return a.IsValid()
	case policy.PeerReferences:
		return p.Group != ""
	case policy.PeerAny:
		return true
	case policy.PeerSelf:
		return p.Group == s.group.ID
	case policy.PeerGroups:
		owner := p.Account
		if owner == "" {
			owner = s.group.AccountID
		}
		return p.Group != "" && (len(spec.Groups) == 0 || slices.Contains(spec.Groups, p.Group)) &&
			(spec.Account == "" || spec.Account == "any" || spec.Account == owner || spec.Account == "self" && owner == s.group.AccountID)
	case policy.PeerCIDRs:
		return a.IsValid() && inSome(a, spec.CIDRs)
	case policy.PeerList:
		return isList && list.ID == spec.Name
	case policy.PeerAWSList:
		return isList && list.OwnerID == "AWS" && (spec.Name == "*" || spec.Name == list.Name || strings.HasSuffix(list.Name, "."+spec.Name))
	}
	panic("a peer of no kind")
}

func inSome(a netip.Addr, blocks []netip.Prefix) bool {
	return slices.ContainsFunc(blocks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// excuses reports whether an exception or exemption covers the packet of a rule.
func (s site) excuses(rule secgroup.Rule, p oracle.Packet) bool {
	for _, x := range s.law.doc.Except {
		if (x.Until.IsZero() || start.Before(x.Until)) && slices.ContainsFunc(x.Actors, func(pattern string) bool { return isActor(pattern, s.makers[rule.ID]) }) {
			return true
		}
	}
	for _, x := range s.law.deployment.Exemptions {
		if x.Policy == s.law.doc.ID && x.Group == s.group.ID && start.Before(x.Until) && (len(x.Rules) == 0 || oracle.AdmitsAny(x.Rules, p)) {
			return true
		}
	}
	return false
}

// isActor compares ARNs part by part: `*` is one part, or the rest of one.
func isActor(pattern, arn string) bool {
	cut := func(r rune) bool { return r == ':' || r == '/' }
	want, got := strings.FieldsFunc(pattern, cut), strings.FieldsFunc(arn, cut)
	if strings.Count(pattern, "::") != strings.Count(arn, "::") || len(want) != len(got) {
		return false
	}
	for i := range want {
		if ok, err := path.Match(want[i], got[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// bound is how many addresses of a family are tolerated.
func (l law) bound(ipv6 bool) *big.Int {
	bits, width := l.doc.Tolerate.IPv4, 32
	if ipv6 {
		bits, width = l.doc.Tolerate.IPv6, 128
	}
	if bits < 0 || l.doc.Tolerate == (policy.Tolerance{}) {
		return new(big.Int)
	}
	return new(big.Int).Lsh(big.NewInt(1), uint(width-bits))
}

// isTranslated reports whether an address stands for one of IPv4, by RFC 6052:
// its bound is that of IPv4.
func isTranslated(a netip.Addr) bool {
	return a.Is6() && strings.HasPrefix(a.StringExpanded(), "0064:ff9b:0000:0000:0000:0000:")
}

// closed are the first and last addresses of what the IANA registries call not
// globally reachable (as of 2025-10-09), and of multicast. Blocks within those
// that are reachable again are left out.
var closed = func() (all [][2]netip.Addr) {
	for _, r := range [][2]string{
		{"0.0.0.0", "0.255.255.255"}, {"10.0.0.0", "10.255.255.255"}, {"100.64.0.0", "100.127.255.255"},
		{"127.0.0.0", "127.255.255.255"}, {"169.254.0.0", "169.254.255.255"}, {"172.16.0.0", "172.31.255.255"},
		{"192.0.0.0", "192.0.0.8"}, {"192.0.0.11", "192.0.0.255"}, {"192.0.2.0", "192.0.2.255"},
		{"192.168.0.0", "192.168.255.255"}, {"198.18.0.0", "198.19.255.255"}, {"198.51.100.0", "198.51.100.255"},
		{"203.0.113.0", "203.0.113.255"}, {"224.0.0.0", "255.255.255.255"},
		{"::", "::1"}, {"::ffff:0:0", "::ffff:ffff:ffff"}, {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"},
		{"100::", "100:0:0:1:ffff:ffff:ffff:ffff"}, {"2001:1::", "2001:1::"}, {"2001:1::4", "2001:2:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:4::", "2001:4:111:ffff:ffff:ffff:ffff:ffff"}, {"2001:4:113::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:40::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	} {
		all = append(all, [2]netip.Addr{netip.MustParseAddr(r[0]), netip.MustParseAddr(r[1])})
	}
	return all
}()

func isClosed(a netip.Addr) bool {
	for _, r := range closed {
		if a.Is4() == r[0].Is4() && r[0].Compare(a) <= 0 && a.Compare(r[1]) <= 0 {
			return true
		}
	}
	return false
}
