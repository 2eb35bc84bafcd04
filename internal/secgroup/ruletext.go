package secgroup

import (
	"fmt"
	"net/netip"
	"strings"
)

// SyntaxError says where a rule text is wrong. Column counts bytes from 1.
type SyntaxError struct {
	Text   string // the whole text
	Column int    // where what is wrong begins; one past the end if something is missing
	Got    string // what stands there; empty = nothing, or the end of the text
	Want   string // what was expected
}

// Error gives text, column, what was expected and what stands there.
func (e *SyntaxError) Error() string {
	got := fmt.Sprintf("%q", e.Got)
	switch {
	case e.Got == "" && e.Column > len(e.Text):
		got = "the end"
	case e.Got == "":
		got = "nothing"
	}
	return fmt.Sprintf("rule %q: column %d: want %s, got %s", e.Text, e.Column, e.Want, got)
}

// ParseRule reads a rule as text:
//
//	DIRECTION FLOW from|to PEER
//
//	ingress tcp/20-25 from 0.0.0.0/0      egress all to ::/0
//	ingress icmp from 10.0.0.0/8          all types and codes
//	ingress icmp/8 from sg-0a1b2c3d       one type, all its codes
//	ingress icmp/3/4 from sg-0a1b2c3d     one type and code
//	ingress 47 from 123456789012/sg-0a1b2c3d
//	egress udp/53 to pl-0a1b2c3d
//
// Numbers stand for named protocols too (6/22 is tcp/22). Host bits of the
// peer are masked, as EC2 does it. The rule has no id, description or tags; a
// prefix list has no entries and is not Readable. Errors are *SyntaxError.
func ParseRule(text string) (Rule, error) {
	words := splitWords(text)
	word := func(i int) token {
		if i < len(words) {
			return words[i]
		}
		return token{column: len(text) + 1}
	}
	var r Rule
	switch word(0).text {
	case "ingress":
		r.Direction = Ingress
	case "egress":
		r.Direction = Egress
	default:
		return Rule{}, word(0).fail(text, `"ingress" or "egress"`)
	}
	if bad := parseFlow(word(1), &r); bad != nil {
		bad.Text = text
		return Rule{}, bad
	}
	if word(2).text != r.Direction.preposition() {
		return Rule{}, word(2).fail(text, fmt.Sprintf("%q after an %s flow", r.Direction.preposition(), r.Direction))
	}
	if word(3).text == "" {
		return Rule{}, word(3).fail(text, "a peer: "+wantPeer)
	}
	peer, want := parsePeer(word(3).text)
	if peer == nil {
		return Rule{}, word(3).fail(text, want)
	}
	r.Peer = peer
	if len(words) > 4 {
		return Rule{}, word(4).fail(text, "nothing after the peer")
	}
	return r, nil
}

// token is a part of a rule text; column counts bytes from 1.
type token struct {
	text   string
	column int
}

func (t token) fail(whole, want string) *SyntaxError {
	return &SyntaxError{Text: whole, Column: t.column, Got: t.text, Want: want}
}

func splitWords(text string) []token {
	var words []token
	for i := 0; i < len(text); {
		if isBlank(text[i]) {
			i++
			continue
		}
		start := i
		for i < len(text) && !isBlank(text[i]) {
			i++
		}
		words = append(words, token{text[start:i], start + 1})
	}
	return words
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// split cuts a token at the first separator; after is the place behind it,
// found tells whether there was one.
func (t token) split(sep string) (before, after token, found bool) {
	b, a, found := strings.Cut(t.text, sep)
	return token{b, t.column}, token{a, t.column + len(b) + len(sep)}, found
}

// parseFlow reads the protocol with its ports, or type and code, into r.
func parseFlow(t token, r *Rule) *SyntaxError {
	name, rest, found := t.split("/")
	protocol, err := ParseProtocol(name.text)
	if err != nil {
		return name.fail("", "a protocol: tcp, udp, icmp, icmpv6, all or 0-255")
	}
	r.Protocol, r.Ports = protocol, NoPorts
	switch {
	case protocol.HasPorts() && !found:
		// "tcp" alone could be a forgotten port, and would open them all.
		end := token{"", t.column + len(t.text)}
		return end.fail("", fmt.Sprintf("ports after %s: /PORT or /FIRST-LAST (all ports are %s/0-65535)", name.text, protocol))
	case !found:
		return nil
	case protocol.HasPorts():
		return parsePorts(rest, &r.Ports)
	case protocol.IsICMP():
		return parseICMP(rest, &r.Ports)
	}
	return rest.fail("", fmt.Sprintf("no ports: %s has none", protocol))
}

func parsePorts(t token, p *Ports) *SyntaxError {
	first, last, found := t.split("-")
	from, ok := parseNumber(first.text, 65535)
	if !ok {
		return first.fail("", "a port 0-65535")
	}
	to := from
	if found {
		if to, ok = parseNumber(last.text, 65535); !ok {
			return last.fail("", "a port 0-65535")
		}
	}
	if to < from {
		return last.fail("", fmt.Sprintf("a last port that is not below the first, %d", from))
	}
	*p = Ports{int32(from), int32(to)}
	return nil
}

func parseICMP(t token, p *Ports) *SyntaxError {
	kind, code, found := t.split("/")
	n, ok := parseNumber(kind.text, 255)
	if !ok {
		return kind.fail("", "an ICMP type 0-255")
	}
	*p = Ports{int32(n), -1}
	if !found {
		return nil
	}
	if n, ok = parseNumber(code.text, 255); !ok {
		return code.fail("", "an ICMP code 0-255")
	}
	p.To = int32(n)
	return nil
}

const wantPeer = "a CIDR, sg-ID, ACCOUNT/sg-ID or pl-ID"

// parsePeer gives nil and what was expected if the text is no peer.
func parsePeer(text string) (Peer, string) {
	account, id, found := strings.Cut(text, "/")
	switch {
	case isID(text, "sg-"):
		return GroupReference{GroupID: text}, ""
	case isID(text, "pl-"):
		return PrefixList{ID: text}, ""
	case found && isID(id, "sg-"):
		if !isAccount(account) {
			return nil, "an account id of 12 digits before the group"
		}
		return GroupReference{AccountID: account, GroupID: id}, ""
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return NewCIDR(p), ""
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return nil, fmt.Sprintf("a CIDR, for one address %s/%d", a, a.BitLen())
	}
	return nil, wantPeer
}

// isID is lenient about what follows the prefix: ids are EC2's matter.
func isID(text, prefix string) bool {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || rest == "" {
		return false
	}
	for _, c := range []byte(rest) {
		letter := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func isAccount(text string) bool {
	if len(text) != 12 {
		return false
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
