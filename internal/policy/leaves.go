package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// The leaves of the language: values of one scalar that check themselves.

// truth is true or false; nil = not given, or faulty.
type truth struct {
	position
	value *bool
}

func (b *truth) read(s *syntaxReader, n *yamlNode, label string) {
	b.position = n.position
	if n.kind != yamlBoolean {
		s.wrongType(n, label, "true or false", truthHints[strings.ToLower(n.text)])
		return
	}
	value := n.text == "true"
	b.value = &value
}

// truthHints are for what other readers of YAML take for a truth value.
var truthHints = map[string]string{
	"yes": "write true", "on": "write true", "true": "write true, without quotes",
	"no": "write false", "off": "write false", "false": "write false, without quotes",
}

// isTrue reports whether it is given, and true.
func (b truth) isTrue() bool { return b.value != nil && *b.value }

// wholeNumber is a number from 1 to 9999 in decimal digits.
type wholeNumber struct {
	position
	value int
}

func (w *wholeNumber) read(s *syntaxReader, n *yamlNode, label string) {
	w.position = n.position
	value, ok := decimal(n.text, 9999)
	if n.kind != yamlInteger || !ok || value == 0 {
		s.wrongType(n, label, "a number from 1 to 9999", "")
		return
	}
	w.value = value
}

// decimal reads digits without sign and leading zeros: 022 is 18 for some
// readers of YAML and 22 for others.
func decimal(text string, most int) (int, bool) {
	if text == "" || len(text) > 1 && text[0] == '0' || !only(text, digits) {
		return 0, false
	}
	v, err := strconv.Atoi(text)
	return v, err == nil && v <= most
}

const (
	digits     = "0123456789"
	hexDigits  = digits + "abcdef"
	lowerCase  = "abcdefghijklmnopqrstuvwxyz"
	idLetters  = lowerCase + digits + "-"
	setLetters = idLetters + "_."
)

// only reports whether text is made of the letters alone.
func only(text, letters string) bool {
	return strings.Trim(text, letters) == ""
}

// numeral is a word, or a number, as it is written.
type numeral struct{ word }

func (t *numeral) read(s *syntaxReader, n *yamlNode, label string) {
	if n.kind == yamlInteger {
		t.word = word{n.position, n.text}
		return
	}
	t.word.read(s, n, label)
}

// portRange is PORT or FIRST-LAST.
type portRange struct {
	numeral
	span secgroup.Span
	ok   bool
}

func (p *portRange) read(s *syntaxReader, n *yamlNode, label string) {
	p.numeral.read(s, n, label)
	if p.text == "" {
		return
	}
	first, last, isRange := strings.Cut(p.text, "-")
	if !isRange {
		last = first
	}
	from, ok1 := decimal(strings.TrimSpace(first), 65535)
	to, ok2 := decimal(strings.TrimSpace(last), 65535)
	switch {
	case !ok1 || !ok2:
		s.fault(p.position, "write 22, or 5900-5999", "%q is not a port or range of ports from 0 to 65535", p.text)
	case from > to:
		s.fault(p.position, fmt.Sprintf("write %d-%d", to, from), "the range of ports %s runs backwards", p.text)
	default:
		p.span, p.ok = secgroup.Span{First: uint16(from), Last: uint16(to)}, true
	}
}

// icmpType is TYPE or TYPE/CODE.
type icmpType struct {
	numeral
	span secgroup.Span
	ok   bool
}

func (i *icmpType) read(s *syntaxReader, n *yamlNode, label string) {
	i.numeral.read(s, n, label)
	if i.text == "" {
		return
	}
	kind, code, hasCode := strings.Cut(i.text, "/")
	t, ok := decimal(kind, 255)
	c, codeOK := 0, true
	if hasCode {
		c, codeOK = decimal(code, 255)
	}
	if !ok || !codeOK {
		s.fault(i.position, `write "8" for a type with all its codes, "3/4" for one code; nothing at all for every type`, "%q is not an ICMP type or type/code from 0 to 255", i.text)
		return
	}
	i.span, i.ok = secgroup.Span{First: uint16(t)<<8 | uint16(c), Last: uint16(t)<<8 | uint16(c)}, true
	if !hasCode {
		i.span.Last |= 255
	}
}

// protocolName is a name or number of a protocol.
type protocolName struct {
	numeral
	protocol secgroup.Protocol
	ok       bool
}

func (p *protocolName) read(s *syntaxReader, n *yamlNode, label string) {
	p.numeral.read(s, n, label)
	if p.text == "" {
		return
	}
	protocol, err := secgroup.ParseProtocol(p.text)
	if err != nil || n.kind == yamlInteger && p.text != strconv.Itoa(int(protocol)) {
		hint := didYouMean(p.text, []string{"tcp", "udp", "icmpv6", "icmp", "all"})
		if !strings.HasPrefix(hint, "did") {
			hint = "tcp, udp, icmp, icmpv6, all, or a number from 0 to 255"
		}
		s.fault(p.position, hint, "unknown protocol %q", p.text)
		return
	}
	p.protocol, p.ok = protocol, true
}

// cidrText is an IPv4 or IPv6 block without host bits.
type cidrText struct {
	word
	prefix netip.Prefix // invalid after a fault
}

func (c *cidrText) read(s *syntaxReader, n *yamlNode, label string) {
	c.word.read(s, n, label)
	if c.text != "" {
		c.prefix = readCIDR(s.reporter, c.word)
	}
}

// readCIDR gives the block that a word is; the invalid one after a fault.
func readCIDR(r *reporter, w word) netip.Prefix {
	if a, err := netip.ParseAddr(w.text); err == nil && a.Zone() == "" {
		r.fault(w.position, fmt.Sprintf("write %s", netip.PrefixFrom(a, a.BitLen())), "%q is an address, not a block", w.text)
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(w.text)
	switch {
	case err != nil:
		r.fault(w.position, "write 10.0.0.0/8, or 2001:db8::/32", "%q is not an IPv4 or IPv6 block", w.text)
	case p != p.Masked():
		r.fault(w.position, fmt.Sprintf("write %s, or %s/%d", p.Masked(), p.Addr(), p.Addr().BitLen()), "%s has host bits: it names an address within a block", w.text)
	default:
		return p
	}
	return netip.Prefix{}
}

// prefixLength4 and prefixLength6 are /N; not /0, which would be every address.
type (
	prefixLength4 struct{ prefixLength }
	prefixLength6 struct{ prefixLength }
	prefixLength  struct {
		word
		bits int
	}
)

func (p *prefixLength4) read(s *syntaxReader, n *yamlNode, label string) {
	p.prefixLength.readUpTo(s, n, label, 32)
}

func (p *prefixLength6) read(s *syntaxReader, n *yamlNode, label string) {
	p.prefixLength.readUpTo(s, n, label, 128)
}

func (p *prefixLength) readUpTo(s *syntaxReader, n *yamlNode, label string, most int) {
	if n.kind == yamlInteger {
		s.fault(n.position, fmt.Sprintf("write /%s", n.text), "%s must be a prefix length", label)
		return
	}
	p.word.read(s, n, label)
	if p.text == "" {
		return
	}
	length, slash := strings.CutPrefix(p.text, "/")
	bits, ok := decimal(length, most)
	if !slash || !ok || bits == 0 {
		s.fault(p.position, fmt.Sprintf("write /1 to /%d", most), "%q is not a prefix length", p.text)
		p.position = position{}
	}
	p.bits = bits
}

// dayText is a date; until is the first instant after it, UTC.
type dayText struct {
	word
	until time.Time
}

func (d *dayText) read(s *syntaxReader, n *yamlNode, label string) {
	if n.kind != yamlText {
		s.wrongType(n, label, "a date", "write 2027-06-30: the last day, UTC")
		return
	}
	d.word.read(s, n, label)
	if d.text == "" {
		return
	}
	day, err := time.Parse(time.DateOnly, d.text)
	if err != nil {
		s.fault(d.position, "write 2027-06-30: the last day, UTC", "%q is not a date", d.text)
		return
	}
	d.until = day.AddDate(0, 0, 1)
}

// timeSpan is a duration of at least a second, in whole seconds: 30s, 15m, 1h30m.
type timeSpan struct {
	word
	duration time.Duration
}

func (t *timeSpan) read(s *syntaxReader, n *yamlNode, label string) {
	if n.kind == yamlInteger {
		s.wrongType(n, label, "a time span", fmt.Sprintf("write %ss", n.text))
		return
	}
	t.word.read(s, n, label)
	if t.text == "" {
		return
	}
	d, err := time.ParseDuration(t.text)
	if err != nil || d < 0 || d%time.Second != 0 {
		s.fault(t.position, "write 30s, 15m or 1h", "%q is not a time span in whole seconds", t.text)
		return
	}
	t.duration = d
}

// ruleText is a rule as text, without host bits.
type ruleText struct {
	word
	rule secgroup.Rule
}

// RuleHint shows what rules look like as text.
const RuleHint = "ingress tcp/20-25 from 10.0.0.0/8, egress all to ::/0, ingress icmp/8 from sg-..."

func (t *ruleText) read(s *syntaxReader, n *yamlNode, label string) {
	if t.word.read(s, n, label); t.text == "" {
		return
	}
	rule, err := secgroup.ParseRule(t.text)
	var syntax *secgroup.SyntaxError
	switch {
	case errors.As(err, &syntax):
		s.fault(t.part(syntax.Column-1, syntax.Got), RuleHint, "not a rule: here it wants %s", syntax.Want)
		return
	case err != nil:
		s.fault(t.position, "", "%v", err)
		return
	}
	if _, isBlock := rule.Peer.(secgroup.CIDR); isBlock {
		// A rule text masks host bits, as EC2 does; a file must not have any.
		words := strings.Fields(t.text)
		peer := words[len(words)-1]
		if !readCIDR(s.reporter, word{t.part(strings.LastIndex(t.text, peer), peer), peer}).IsValid() {
			return
		}
	}
	t.rule = rule
}

// part is where a part of the text stands, at a byte offset of it. Where the
// text does not stand in the file as it is, the whole is meant.
func (w word) part(offset int, part string) position {
	at, length := w.position, utf8.RuneCountInString(w.text)
	switch at.width {
	case length:
	case length + 2: // in quotes
		at.column++
	default:
		return at
	}
	at.column += utf8.RuneCountInString(w.text[:min(offset, len(w.text))])
	at.width = max(1, utf8.RuneCountInString(part))
	return at
}
