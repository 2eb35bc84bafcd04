package engines

import (
	"net/netip"
	"sync"

	"go4.org/netipx"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Facts is a rule as a program would hand it to an expression engine. What is
// hard to say in an expression is worked out before, and not counted as the
// engine's time: whether the block reaches the internet, and what ports the
// forms of "all" stand for.
type Facts struct {
	Ingress  bool
	Protocol int // -1 = all
	From, To int // ports, or icmp types; all of them where the rule names none
	IPv4     bool
	Internet bool         // the block holds an address of the internet
	Block    netip.Prefix // of a group reference an address that is in no network
	Group    string       // "" = the peer is a block
}

// noBlock stands for the missing block of a group reference.
var noBlock = netip.MustParsePrefix("::/128")

// FactsOf reads a rule whose peer is a block or a group.
func FactsOf(r secgroup.Rule) Facts {
	r = r.Canonical()
	f := Facts{Ingress: r.Direction == secgroup.Ingress, Protocol: int(r.Protocol), From: int(r.Ports.From), To: int(r.Ports.To), Block: noBlock}
	switch {
	case r.Protocol.IsICMP() && r.Ports.From != -1:
		f.To = f.From
	case !r.Protocol.HasPorts():
		f.From, f.To = 0, 65535
	}
	switch p := r.Peer.(type) {
	case secgroup.CIDR:
		f.Block, f.IPv4, f.Internet = p.Prefix, p.Addr().Is4(), !closed().ContainsPrefix(p.Prefix)
	case secgroup.GroupReference:
		f.Group = p.Key()
	}
	return f
}

// closed is what is not the internet, by the IANA registries of special
// addresses; written down here once more, so that the comparison of results
// does not rest on the matcher that is compared.
var closed = sync.OnceValue(func() *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, block := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
		"::/127", "::ffff:0:0/96", "64:ff9b:1::/48", "100::/63", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "ff00::/8",
	} {
		b.AddPrefix(netip.MustParsePrefix(block))
	}
	for _, block := range []string{
		"192.0.0.9/32", "192.0.0.10/32", "2001::/32", "2001:1::1/128", "2001:1::2/127", "2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28",
	} {
		b.RemovePrefix(netip.MustParsePrefix(block))
	}
	set, err := b.IPSet()
	if err != nil {
		panic(err) // the blocks above are constants
	}
	return set
})
