package secgroup

import (
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIDsAreLettersDigitsAndDashes(t *testing.T) {
	const allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	for c := range 256 {
		require.Equal(t, strings.IndexByte(allowed, byte(c)) >= 0, isID("sg-"+string([]byte{byte(c)}), "sg-"), "%q", c)
	}
}

func TestNumbersAreDigits(t *testing.T) {
	for c := range 256 {
		n, ok := parseNumber("1"+string([]byte{byte(c)}), 99)
		require.Equal(t, c >= '0' && c <= '9', ok, "%q", c)
		if ok {
			require.Equal(t, 10+c-'0', n)
		}
	}
	for _, text := range []string{"ingress tcp/2a from 0.0.0.0/0", "ingress 4x from 0.0.0.0/0", "ingress icmp/3/x from 0.0.0.0/0"} {
		_, err := ParseRule(text)
		require.Error(t, err, text)
	}
}

func TestAddressesCarryAndBorrow(t *testing.T) {
	ones := ^uint64(0)
	require.Equal(t, address{0, ones}, address{1, 0}.minus(address{0, 1}))
	require.Equal(t, address{2, 5}, address{5, 7}.minus(address{3, 2}))
	require.Equal(t, address{0, ones}, address{1, 0}.prev())
	require.Equal(t, address{1, 0}, address{0, ones}.next())
	require.Equal(t, address{0, ones}, lowBits(64))
	require.Equal(t, address{1, ones}, lowBits(65))
	require.Equal(t, address{ones, ones}, lowBits(128))
}

func TestCountsMultiplyExactly(t *testing.T) {
	ones := ^uint64(0)
	value := func(c Count) *big.Int {
		n, ok := new(big.Int).SetString(c.String(), 10)
		require.True(t, ok)
		return n
	}
	for _, c := range []Count{{}, {lo: 1}, {lo: ones}, {hi: ones, lo: ones}, {hi: 1 << 63, lo: 3}, {top: 1, hi: 1, lo: ones}, {hi: ones}, {hi: ones / 3, lo: ones}} {
		for _, n := range []uint64{0, 1, 2, 3, 1 << 32, 1<<32 - 1, 65535} {
			want := new(big.Int).Mul(value(c), new(big.Int).SetUint64(n))
			require.Equal(t, want.String(), c.Times(n).String(), "%s * %d", c, n)
		}
	}
}

func TestInvalidBlocksAmongOthers(t *testing.T) {
	eight := netip.MustParsePrefix("8.0.0.0/8")
	require.True(t, NewAddressSet(netip.Prefix{}, eight).Equal(NewAddressSet(eight)))
}

func TestAtomsAreTheCallersOwn(t *testing.T) {
	keys := []string{"sg-b", "sg-a", "sg-b"}
	require.Equal(t, []string{"sg-a", "sg-b"}, sortedAtoms(keys))
	require.Equal(t, []string{"sg-b", "sg-a", "sg-b"}, keys)
}

// TestOverlapsLooksAtEveryPiece: one piece of a lies over several of b, of
// which only one has common peers.
func TestOverlapsLooksAtEveryPiece(t *testing.T) {
	region := func(texts ...string) Region {
		var all Region
		for _, text := range texts {
			r, err := ParseRule(text)
			require.NoError(t, err)
			all = all.Union(r.Region())
		}
		return all
	}
	whole := region("ingress tcp/0-99 from 10.0.0.0/8")
	for _, at := range []int{0, 1, 2} {
		var texts []string
		for i := range 3 {
			block := "11.0.0.0/8"
			if i == at {
				block = "10.1.0.0/16"
			}
			texts = append(texts, fmt.Sprintf("ingress tcp/%d-%d from %s", i*20, i*20+9, block))
		}
		pieces := region(texts...)
		require.True(t, whole.Overlaps(pieces), "%d", at)
		require.True(t, pieces.Overlaps(whole), "%d", at)
	}
	apart := region("ingress tcp/0-9 from 11.0.0.0/8", "ingress tcp/20-29 from 12.0.0.0/8")
	require.False(t, whole.Overlaps(apart))
	require.False(t, apart.Overlaps(whole))
}

func TestPeersAreSorted(t *testing.T) {
	block := func(text string) Peer { return CIDR{netip.MustParsePrefix(text)} }
	sorted := []Peer{
		block("8.0.0.0/8"), block("8.0.0.0/9"), block("9.0.0.0/8"), block("2606:4700::/32"),
		PrefixList{ID: "pl-1"}, PrefixList{ID: "pl-2"}, GroupReference{GroupID: "sg-1"},
	}
	for i, a := range sorted {
		for j, b := range sorted {
			require.Equal(t, max(-1, min(1, i-j)), comparePeers(a, b), "%s, %s", a, b)
		}
		if i >= 4 {
			require.Zero(t, comparePeers(a, nil))
			require.Zero(t, comparePeers(nil, a))
		}
	}
	require.Zero(t, comparePeers(nil, nil))
}

func TestPeersThatEC2WouldNotStore(t *testing.T) {
	rule := Rule{Direction: Ingress, Protocol: TCP, Ports: Ports{22, 22}}
	for _, peer := range []Peer{nil, CIDR{}, CIDR{netip.PrefixFrom(netip.MustParseAddr("8.8.8.8"), 99)}, GroupReference{}, PrefixList{}} {
		rule.Peer = peer
		require.Error(t, rule.Validate(), "%v", peer)
		require.Equal(t, rule, rule.Canonical(), "what is refused stays as it is")
	}
	rule.Peer = CIDR{netip.MustParsePrefix("8.8.8.8/8")}
	require.NoError(t, rule.Validate())
	require.Equal(t, CIDR{netip.MustParsePrefix("8.0.0.0/8")}, rule.Canonical().Peer)
}

func TestWhatStandsAtTheEnd(t *testing.T) {
	require.EqualError(t, &SyntaxError{Text: "abc", Column: 4, Want: "x"}, `rule "abc": column 4: want x, got the end`)
	require.EqualError(t, &SyntaxError{Text: "abc", Column: 3, Want: "x"}, `rule "abc": column 3: want x, got nothing`)
}

func TestDefaultGroups(t *testing.T) {
	require.True(t, Group{Name: "default"}.IsDefault())
	require.False(t, Group{Name: "web"}.IsDefault())
	require.False(t, Group{}.IsDefault())
}

func TestGroupEntriesAreNoRules(t *testing.T) {
	require.True(t, IsGroupEntry(GroupEntry("sg-0123456789abcdef0", "owner")))
	require.False(t, IsGroupEntry("sgr-0123456789abcdef0"))
	require.False(t, IsGroupEntry(""))
}
