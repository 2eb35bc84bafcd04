package secgroup_test

import (
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go4.org/netipx"
	"pgregory.net/rapid"

	_ "github.com/sgwarden/sgwarden/internal/fixedseed" // the same draws in every run
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

func TestPrefixes(t *testing.T) {
	for _, tc := range []struct {
		name     string
		in, want []netip.Prefix
	}{
		{"nothing", nil, nil},
		{"an invalid prefix", []netip.Prefix{{}}, nil},
		{"two halves", prefixes("128.0.0.0/1", "0.0.0.0/1"), prefixes("0.0.0.0/0")},
		{"two halves of IPv6", prefixes("8000::/1", "::/1"), prefixes("::/0")},
		{"host bits", prefixes("203.0.113.9/0"), prefixes("0.0.0.0/0")},
		{"within another", prefixes("8.8.8.0/24", "8.8.8.0/29", "8.8.8.8/32"), prefixes("8.8.8.0/24")},
		{"neighbours that are no block", prefixes("8.8.9.0/24", "8.8.10.0/24"), prefixes("8.8.9.0/24", "8.8.10.0/24")},
		{"a mapped block is IPv6", prefixes("::ffff:0:0/96", "8.8.8.8/32"), prefixes("8.8.8.8/32", "::ffff:0:0/96")},
		{"the last addresses", prefixes("255.255.255.255/32", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"),
			prefixes("255.255.255.255/32", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, secgroup.NewAddressSet(tc.in...).Prefixes())
		})
	}
}

func TestPrefixesOfRemainders(t *testing.T) {
	rest := secgroup.AllIPv4().Subtract(secgroup.NewAddressSet(prefixes("8.8.8.8/32")...))
	require.Len(t, rest.Prefixes(), 32)
	require.Equal(t, "4294967295", rest.Count().String())
	rest = secgroup.AllIPv6().Subtract(secgroup.NewAddressSet(prefixes("2606:4700::1/128")...))
	require.Len(t, rest.Prefixes(), 128)
	require.Equal(t, "340282366920938463463374607431768211455", rest.Count().String())
	require.Equal(t, "8.8.8.0/29 2606:4700::/32", secgroup.NewAddressSet(prefixes("2606:4700::/32", "8.8.8.0/29")...).String())
	require.Equal(t, "none", secgroup.AddressSet{}.String())
}

// The same sets by go4.org/netipx, which shares no code with these.
func TestAddressSetsAgainstNetipx(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		var a, b, both, either, minus netipx.IPSetBuilder
		var pa, pb []netip.Prefix
		for range s(6) {
			pa = append(pa, unmapped(s))
			a.AddPrefix(pa[len(pa)-1].Masked())
		}
		for range s(6) {
			pb = append(pb, unmapped(s))
			b.AddPrefix(pb[len(pb)-1].Masked())
		}
		ia, _ := a.IPSet()
		ib, _ := b.IPSet()
		either.AddSet(ia)
		either.AddSet(ib)
		both.AddSet(ia)
		both.Intersect(ib)
		minus.AddSet(ia)
		minus.RemoveSet(ib)

		x, y := secgroup.NewAddressSet(pa...), secgroup.NewAddressSet(pb...)
		same := func(want *netipx.IPSetBuilder, got secgroup.AddressSet) {
			set, err := want.IPSet()
			require.NoError(t, err)
			require.True(t, slices.Equal(set.Prefixes(), got.Prefixes()), "%v, want %v", got, set.Prefixes())
			size := new(big.Int)
			for _, p := range set.Prefixes() {
				size.Add(size, new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits())))
			}
			require.Equal(t, size.String(), got.Count().String())
			for range 5 {
				p := unmapped(s)
				require.Equal(t, set.Contains(p.Addr()), got.Contains(p.Addr()))
				require.Equal(t, set.ContainsPrefix(p.Masked()), got.CoversPrefix(p), "%s covers %s", got, p)
				require.Equal(t, set.OverlapsPrefix(p.Masked()), got.OverlapsPrefix(p), "%s overlaps %s", got, p)
			}
		}
		same(&a, x)
		same(&either, x.Union(y))
		same(&both, x.Intersect(y))
		same(&minus, x.Subtract(y))
		require.Equal(t, ia.Overlaps(ib), x.Overlaps(y))
		require.Equal(t, ia.Equal(ib), x.Equal(y))
		require.Equal(t, y.Subtract(x).IsEmpty(), x.Covers(y))
		require.True(t, x.OnlyIPv4().Union(x.OnlyIPv6()).Equal(x))
	})
}

// unmapped leaves out IPv4-mapped addresses, which netipx treats as IPv4.
func unmapped(s source) netip.Prefix {
	p := s.prefix()
	if p.Addr().Is4In6() || p.Masked().Addr().Is4In6() {
		return netip.MustParsePrefix("2606:4700::/32")
	}
	return p
}

func TestQuestionsWithoutAnswer(t *testing.T) {
	all := secgroup.AllIPv4().Union(secgroup.AllIPv6())
	require.False(t, all.Contains(netip.Addr{}))
	require.False(t, all.OverlapsPrefix(netip.Prefix{}))
	require.False(t, all.CoversPrefix(netip.Prefix{}))
	require.True(t, all.Contains(netip.MustParseAddr("fe80::1%eth0")), "zones are ignored")
	require.False(t, secgroup.AllIPv4().Contains(netip.MustParseAddr("::ffff:8.8.8.8")), "mapped is IPv6")
}

func TestCount(t *testing.T) {
	for _, tc := range []struct {
		bits int
		v6   bool
		want string
	}{
		{32, false, "1"}, {16, false, "65536"}, {0, false, "4294967296"}, {33, false, "0"}, {-1, false, "0"},
		{128, true, "1"}, {64, true, "18446744073709551616"}, {65, true, "9223372036854775808"},
		{32, true, "79228162514264337593543950336"}, {0, true, "340282366920938463463374607431768211456"}, {-1, true, "0"},
	} {
		got := secgroup.CountOf(tc.bits, tc.v6)
		require.Equal(t, tc.want, got.String(), "/%d", tc.bits)
		require.Equal(t, tc.want == "0", got.IsZero())
	}
	all := secgroup.AllIPv6().Count()
	require.Equal(t, secgroup.CountOf(0, true), all)
	require.Equal(t, secgroup.CountOf(0, false), secgroup.AllIPv4().Count())
	require.Equal(t, 1, all.Add(secgroup.CountOf(128, true)).Cmp(all))
	require.Equal(t, "340282366920938463463374607431768211457", all.Add(secgroup.CountOf(128, true)).String())
	require.Equal(t, "17014118346046923173168730371588410572800", all.Times(50).String())
	require.Equal(t, "3276800", secgroup.CountOf(16, false).Times(50).String())
}

func TestCountIsArithmetic(t *testing.T) {
	number := func(c secgroup.Count) *big.Int {
		n, ok := new(big.Int).SetString(c.String(), 10)
		require.True(t, ok)
		return n
	}
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		a := secgroup.NewAddressSet(unmapped(s), unmapped(s)).Count()
		b := secgroup.NewAddressSet(unmapped(s), unmapped(s)).Count()
		n := uint64(s(1 << 32))
		require.Equal(t, number(a).Cmp(number(b)), a.Cmp(b))
		require.Equal(t, new(big.Int).Add(number(a), number(b)).String(), a.Add(b).String())
		require.Equal(t, new(big.Int).Mul(number(a), new(big.Int).SetUint64(n)).String(), a.Times(n).String())
	})
}
