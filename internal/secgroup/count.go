package secgroup

import (
	"encoding/binary"
	"math/big"
	"math/bits"
)

// Count is a number of addresses, exact from 0 to beyond 2^128 (the size of
// IPv6). The zero value is 0. Counts compare with == and Cmp.
type Count struct{ top, hi, lo uint64 }

// CountOf is the size of one block of the given prefix length: 2^(32-bits)
// IPv4 or 2^(128-bits) IPv6 addresses. It is 0 for a length that the family
// does not have: a negative one stands for "no bound given" and tolerates
// nothing.
func CountOf(bits int, v6 bool) Count {
	width := 32
	if v6 {
		width = 128
	}
	host := width - bits
	switch {
	case bits < 0 || host < 0:
		return Count{}
	case host == 128:
		return Count{top: 1}
	case host >= 64:
		return Count{hi: 1 << (host - 64)}
	}
	return Count{lo: 1 << host}
}

// Cmp is -1, 0 or 1 as c is less than, equal to or greater than o.
func (c Count) Cmp(o Count) int {
	for _, pair := range [3][2]uint64{{c.top, o.top}, {c.hi, o.hi}, {c.lo, o.lo}} {
		if pair[0] < pair[1] {
			return -1
		}
		if pair[0] > pair[1] {
			return 1
		}
	}
	return 0
}

// Add is c + o. It would wrap at 2^192, which no number of sets can reach.
func (c Count) Add(o Count) Count {
	lo, carry := bits.Add64(c.lo, o.lo, 0)
	hi, carry := bits.Add64(c.hi, o.hi, carry)
	return Count{c.top + o.top + carry, hi, lo}
}

// Times is c * n, n up to 2^32 or so: it wraps at 2^192 as Add does.
func (c Count) Times(n uint64) Count {
	carry1, lo := bits.Mul64(c.lo, n)
	carry2, hi := bits.Mul64(c.hi, n)
	hi, carry := bits.Add64(hi, carry1, 0)
	return Count{c.top*n + carry2 + carry, hi, lo}
}

// IsZero reports whether c is 0.
func (c Count) IsZero() bool { return c == Count{} }

// String is c in decimal.
func (c Count) String() string {
	var b [24]byte
	binary.BigEndian.PutUint64(b[:8], c.top)
	binary.BigEndian.PutUint64(b[8:16], c.hi)
	binary.BigEndian.PutUint64(b[16:], c.lo)
	return new(big.Int).SetBytes(b[:]).String()
}
