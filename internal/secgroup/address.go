package secgroup

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// address is an address of one family as a number; IPv4 fills the low 32 bits.
type address struct{ hi, lo uint64 }

func (a address) less(b address) bool {
	return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo
}

func (a address) next() address {
	lo, carry := bits.Add64(a.lo, 1, 0)
	return address{a.hi + carry, lo}
}

func (a address) prev() address {
	lo, borrow := bits.Sub64(a.lo, 1, 0)
	return address{a.hi - borrow, lo}
}

// or sets the low n bits, 0 <= n <= 128.
func (a address) or(n int) address {
	m := lowBits(n)
	return address{a.hi | m.hi, a.lo | m.lo}
}

// lowBits is 2^n - 1, 0 <= n <= 128.
func lowBits(n int) address {
	if n >= 64 {
		return address{1<<(n-64) - 1, ^uint64(0)}
	}
	return address{0, 1<<n - 1}
}

// trailingZeros is 128 for zero.
func (a address) trailingZeros() int {
	if a.lo == 0 {
		return 64 + bits.TrailingZeros64(a.hi)
	}
	return bits.TrailingZeros64(a.lo)
}

// bitLen is the number of bits needed for a; 0 for zero.
func (a address) bitLen() int {
	if a.hi != 0 {
		return 64 + bits.Len64(a.hi)
	}
	return bits.Len64(a.lo)
}

// minus is a - b for b <= a.
func (a address) minus(b address) address {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	return address{a.hi - b.hi - borrow, lo}
}

// numberOf drops zones. An IPv4-mapped address is IPv6.
func numberOf(a netip.Addr) (n address, v6 bool) {
	if a.Is4() {
		b := a.As4()
		return address{0, uint64(binary.BigEndian.Uint32(b[:]))}, false
	}
	b := a.As16()
	return address{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}, true
}

func (a address) addr(v6 bool) netip.Addr {
	if !v6 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(a.lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b)
}

// blockOf is the addresses of a valid prefix, host bits masked.
func blockOf(p netip.Prefix) (block interval[address], v6 bool) {
	n, v6 := numberOf(p.Addr())
	host := p.Addr().BitLen() - p.Bits()
	m := lowBits(host)
	first := address{n.hi &^ m.hi, n.lo &^ m.lo}
	return interval[address]{first, first.or(host)}, v6
}
