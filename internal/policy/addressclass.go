package policy

import (
	"net/netip"
	"sync"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// notGloballyReachable is what the IANA special-purpose registries (IPv4 and
// IPv6, as of 2025-10-09) call not globally reachable. Blocks whose reach
// they call "N/A" (6to4 2002::/16, its relays 192.88.99.0/24) are not listed:
// they are internet.
var notGloballyReachable = []string{
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private use
	"100.64.0.0/10",   // shared address space
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link local
	"172.16.0.0/12",   // private use
	"192.0.0.0/24",    // IETF protocol assignments
	"192.0.2.0/24",    // documentation
	"192.168.0.0/16",  // private use
	"198.18.0.0/15",   // benchmarking
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // reserved, with limited broadcast

	"::/128",        // unspecified
	"::1/128",       // loopback
	"::ffff:0:0/96", // IPv4-mapped
	"64:ff9b:1::/48",
	"100::/64",       // discard only
	"100:0:0:1::/64", // dummy prefix
	"2001::/23",      // IETF protocol assignments
	"2001:db8::/32",  // documentation
	"3fff::/20",      // documentation
	"5f00::/16",      // segment routing
	"fc00::/7",       // unique local
	"fe80::/10",      // link local
}

// reachableWithin are the blocks inside the ones above that the registries
// call globally reachable, and Teredo, which tunnels the internet.
var reachableWithin = []string{
	"192.0.0.9/32",    // port control protocol anycast
	"192.0.0.10/32",   // TURN anycast
	"2001::/32",       // Teredo
	"2001:1::1/128",   // port control protocol anycast
	"2001:1::2/128",   // TURN anycast
	"2001:1::3/128",   // DNS-SD service registration anycast
	"2001:3::/32",     // AMT
	"2001:4:112::/48", // AS112
	"2001:20::/28",    // ORCHIDv2
	"2001:30::/28",    // drone remote ID
}

var multicast = []string{"224.0.0.0/4", "ff00::/8"}

// privateBlocks are what RFC 1918 and RFC 4193 set aside for private networks.
var privateBlocks = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}

// The address classes of the policy language, without what a deployment
// (`internal`) or a group (the blocks of its VPCs) takes out of internet.
var (
	everyAddress = sync.OnceValue(func() secgroup.AddressSet {
		return secgroup.AllIPv4().Union(secgroup.AllIPv6())
	})
	internetAddresses = sync.OnceValue(func() secgroup.AddressSet {
		closed := addressesOf(notGloballyReachable).Subtract(addressesOf(reachableWithin))
		return everyAddress().Subtract(closed).Subtract(addressesOf(multicast))
	})
	privateAddresses = sync.OnceValue(func() secgroup.AddressSet { return addressesOf(privateBlocks) })
)

func addressesOf(blocks []string) secgroup.AddressSet {
	prefixes := make([]netip.Prefix, 0, len(blocks))
	for _, b := range blocks {
		prefixes = append(prefixes, netip.MustParsePrefix(b))
	}
	return secgroup.NewAddressSet(prefixes...)
}

// Internet is the addresses of `internet` where the deployment's set
// `internal` holds these blocks, before those of a group's VPCs are taken out.
func Internet(internal []netip.Prefix) secgroup.AddressSet {
	return internetAddresses().Subtract(secgroup.NewAddressSet(internal...))
}
