package ledger

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// packer writes values one behind the other. An unpacker reads them in the
// same order; nothing says where one ends but its kind.
type packer struct {
	bytes   []byte
	words   map[string]uint64 // those that were written, by number
	last    time.Time         // that was written
	counted int64             // likewise
}

func (p *packer) number(n uint64) { p.bytes = binary.AppendUvarint(p.bytes, n) }
func (p *packer) signed(n int64)  { p.bytes = binary.AppendVarint(p.bytes, n) }

func (p *packer) text(s string) {
	p.number(uint64(len(s)))
	p.bytes = append(p.bytes, s...)
}

// word writes a text that is likely to come again: then it is a number.
func (p *packer) word(s string) {
	if n, ok := p.words[s]; ok {
		p.number(n)
		return
	}
	if p.words == nil {
		p.words = map[string]uint64{}
	}
	p.words[s] = uint64(len(p.words) + 1)
	p.number(0)
	p.text(s)
}

// count and time write how far a value is from the one before.
func (p *packer) count(n int64) {
	p.signed(n - p.counted)
	p.counted = n
}

func (p *packer) time(t time.Time) {
	p.signed(t.Unix() - p.last.Unix())
	p.signed(int64(t.Nanosecond() - p.last.Nanosecond()))
	p.last = t
}

const (
	rulePrefix = "sgr-"
	ruleDigits = 17
)

// ruleID writes an id of EC2's form in 10 bytes.
func (p *packer) ruleID(id string) {
	if digits, ok := strings.CutPrefix(id, rulePrefix); ok && len(digits) == ruleDigits && isHex(digits) {
		var even [ruleDigits + 1]byte
		even[0] = '0'
		copy(even[1:], digits)
		p.bytes, _ = hex.AppendDecode(append(p.bytes, 0), even[:]) // it is
		return
	}
	p.number(uint64(len(id)) + 1)
	p.bytes = append(p.bytes, id...)
}

// isHex reports whether a text is digits as hex.EncodeToString writes them.
func isHex(digits string) bool {
	for i := range len(digits) {
		if c := digits[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

var errPacked = errors.New("packed rules are damaged")

// unpacker reads what a packer wrote. What it gives after bad means nothing.
type unpacker struct {
	text    string
	bad     bool
	words   []string
	last    time.Time
	counted int64
}

func (u *unpacker) number() uint64 {
	n, size := binary.Uvarint([]byte(u.text[:min(len(u.text), binary.MaxVarintLen64)]))
	return advanced(u, n, size)
}

func (u *unpacker) signed() int64 {
	n, size := binary.Varint([]byte(u.text[:min(len(u.text), binary.MaxVarintLen64)]))
	return advanced(u, n, size)
}

func advanced[N int64 | uint64](u *unpacker, n N, size int) N {
	if size <= 0 {
		u.bad, u.text = true, ""
		return 0
	}
	u.text = u.text[size:]
	return n
}

func (u *unpacker) take(length uint64) string {
	if length > uint64(len(u.text)) {
		u.bad, u.text = true, ""
		return ""
	}
	s := u.text[:length]
	u.text = u.text[length:]
	return s
}

func (u *unpacker) textValue() string { return u.take(u.number()) }

func (u *unpacker) word() string {
	n := u.number()
	switch {
	case n == 0:
		s := u.textValue()
		u.words = append(u.words, s)
		return s
	case n > uint64(len(u.words)):
		u.bad = true
		return ""
	}
	return u.words[n-1]
}

func (u *unpacker) count() int64 {
	u.counted += u.signed()
	return u.counted
}

func (u *unpacker) time() time.Time {
	seconds := u.last.Unix() + u.signed()
	nanoseconds := int64(u.last.Nanosecond()) + u.signed()
	t := time.Unix(seconds, nanoseconds).UTC()
	if nanoseconds < 0 || nanoseconds >= int64(time.Second) || t.Year() < 0 || t.Year() > 9999 {
		u.bad = true // no JSON can say it
	}
	u.last = t
	return t
}

func (u *unpacker) ruleID() string {
	n := u.number()
	if n > 0 {
		return u.take(n - 1)
	}
	var room [len(rulePrefix) + ruleDigits + 1]byte
	id := hex.AppendEncode(room[:len(rulePrefix)-1], []byte(u.take((ruleDigits+1)/2)))
	if u.bad || id[len(rulePrefix)-1] != '0' {
		u.bad = true
		return ""
	}
	copy(id, rulePrefix) // its last character in the place of the digit that evens the number
	return string(id)
}
