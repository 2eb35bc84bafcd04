package policy

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	ownGroup   = "sg-0a11ce00000000001"
	ownAccount = "123456789012"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// box reads a clause: directions, flows and peers, each separated by commas:
// `ingress tcp/22,udp/53-54 internet,10.0.0.0/8`. Flows: all, ports/N-M (tcp
// and udp), PROTOCOL, PROTOCOL/N-M, icmp/TYPE, icmp/TYPE/CODE. Peers as in
// YAML, and group:GLOB, account:ID. A last word `whole` sets when: whole.
func box(text string, but ...Clause) Clause {
	words := strings.Fields(text)
	c := Clause{Line: 7, But: but, Whole: len(words) > 3 && words[3] == "whole"}
	switch words[0] {
	case "ingress":
		c.Directions = []secgroup.Direction{secgroup.Ingress}
	case "egress":
		c.Directions = []secgroup.Direction{secgroup.Egress}
	default:
		c.Directions = []secgroup.Direction{secgroup.Ingress, secgroup.Egress}
	}
	for _, f := range strings.Split(words[1], ",") {
		c.Flows = append(c.Flows, flowSpecs(f)...)
	}
	for _, p := range strings.Split(words[2], ",") {
		c.Peers = append(c.Peers, peerSpec(p))
	}
	return c
}

func at(line int, c Clause) Clause {
	c.Line = line
	return c
}

func flowSpecs(text string) []FlowSpec {
	name, rest, ranged := strings.Cut(text, "/")
	if name == "all" {
		return []FlowSpec{{secgroup.EveryProtocol, secgroup.FullSpan}}
	}
	span := secgroup.FullSpan
	if ranged {
		span = spanOf(rest, strings.HasPrefix(name, "icmp"))
	}
	if name == "ports" {
		return []FlowSpec{{secgroup.ProtocolRange{First: 6, Last: 6}, span}, {secgroup.ProtocolRange{First: 17, Last: 17}, span}}
	}
	protocol, err := secgroup.ParseProtocol(name)
	if err != nil {
		panic(err)
	}
	return []FlowSpec{{secgroup.ProtocolRange{First: uint8(protocol), Last: uint8(protocol)}, span}}
}

func spanOf(text string, icmp bool) secgroup.Span {
	if icmp {
		kind, code, coded := strings.Cut(text, "/")
		first := number(kind) << 8
		if coded {
			return secgroup.Span{First: first | number(code), Last: first | number(code)}
		}
		return secgroup.Span{First: first, Last: first | 255}
	}
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	return secgroup.Span{First: number(first), Last: number(last)}
}

func number(text string) uint16 {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		panic(err)
	}
	return uint16(n)
}

func peerSpec(text string) PeerSpec {
	kinds := map[string]PeerKind{
		"internet": PeerInternet, "private": PeerPrivate, "vpc": PeerVPC, "addresses": PeerAddresses,
		"references": PeerReferences, "any": PeerAny, "self": PeerSelf,
	}
	p := PeerSpec{Text: text, Kind: kinds[text]}
	kind, value, _ := strings.Cut(text, ":")
	switch {
	case p.Kind != 0:
	case kind == "group":
		p.Kind, p.Groups = PeerGroups, []string{value}
	case kind == "account":
		p.Kind, p.Account = PeerGroups, value
	case kind == "aws":
		p.Kind, p.Name = PeerAWSList, value
	case strings.HasPrefix(text, "pl-"):
		p.Kind, p.Name = PeerList, text
	default:
		p.Kind, p.CIDRs = PeerCIDRs, []netip.Prefix{netip.MustParsePrefix(text)}
	}
	return p
}

type option func(*Document)

// document is a policy in file ID.yaml that reverts, with nothing tolerated.
func document(id string, options ...option) Document {
	d := Document{File: id + ".yaml", Line: 4, ID: id, Title: id, Severity: High, Remedy: Remedy{Do: DoRevert, Parts: 1}}
	d.Tolerate = Tolerance{IPv4: -1, IPv6: -1}
	for _, o := range options {
		o(&d)
	}
	return d
}

func forbid(boxes ...Clause) option {
	return func(d *Document) { d.Forbid = append(d.Forbid, boxes...) }
}

func allowOnly(within Clause, these ...Clause) option {
	return func(d *Document) { d.AllowOnly = &AllowOnly{Line: 9, Within: within, These: these} }
}

func tolerate(v4, v6 int) option {
	return func(d *Document) { d.Tolerate.Line, d.Tolerate.IPv4, d.Tolerate.IPv6 = 11, v4, v6 }
}

func perRule(d *Document) { d.Tolerate.Line, d.Tolerate.PerRule = 11, true }

func narrow(parts int, to ...string) option {
	return func(d *Document) {
		d.Remedy = Remedy{Do: DoNarrow, Parts: parts}
		for _, p := range to {
			d.Remedy.To = append(d.Remedy.To, netip.MustParsePrefix(p))
		}
	}
}

func remedy(do RemedyKind) option { return func(d *Document) { d.Remedy.Do = do } }

func after(wait time.Duration) option { return func(d *Document) { d.Remedy.After = wait } }

func mode(m Mode) option { return func(d *Document) { d.Mode = m } }

func scope(s Scope) option { return func(d *Document) { d.Scope = s } }

func scopeNot(s Scope) option { return func(d *Document) { d.Not = &s } }

func chosen(d *Document) { d.Chosen = true }

func except(until time.Time, actors ...string) option {
	return func(d *Document) {
		d.Except = append(d.Except, Except{Line: 20 + len(d.Except), Actors: actors, Reason: "CHG-7", Until: until})
	}
}

// enforcing compiles documents in enforce.
func enforcing(t testing.TB, docs ...Document) *Set {
	t.Helper()
	return compiledWith(t, Settings{Mode: Enforce}, docs...)
}

func compiledWith(t testing.TB, settings Settings, docs ...Document) *Set {
	t.Helper()
	s, err := Compile(docs, settings)
	require.NoError(t, err)
	return s
}

// ruleOf reads a rule; an id may stand before it.
func ruleOf(t testing.TB, text string) secgroup.Rule {
	t.Helper()
	id, rest, _ := strings.Cut(text, " ")
	if !strings.HasPrefix(id, "sgr-") {
		id, rest = "", text
	}
	r, err := secgroup.ParseRule(rest)
	require.NoError(t, err, text)
	r.ID = id
	return r
}

// liveRules reads rules and numbers those without id: sgr-1, sgr-2, ...
func liveRules(t testing.TB, texts ...string) []secgroup.Rule {
	t.Helper()
	var out []secgroup.Rule
	for i, text := range texts {
		r := ruleOf(t, text)
		if r.ID == "" {
			r.ID = fmt.Sprintf("sgr-%d", i+1)
		}
		out = append(out, r)
	}
	return out
}

// group is a group with rules, in a VPC without blocks.
func group(t testing.TB, texts ...string) secgroup.Group {
	t.Helper()
	return secgroup.Group{
		ID: ownGroup, Name: "web-1", AccountID: ownAccount, Region: "eu-west-1", VPCID: "vpc-1",
		Rules: liveRules(t, texts...), VPCs: []secgroup.VPC{},
	}
}

// withList puts a prefix list in the place of a peer of the same id.
func withList(g secgroup.Group, list secgroup.PrefixList) secgroup.Group {
	for i, r := range g.Rules {
		if r.Peer.Key() == list.ID {
			g.Rules[i].Peer = list
		}
	}
	return g
}

// swept is the input of a sweep over a group without item, all acts done.
func swept(s *Set, g secgroup.Group) Input {
	return Input{Live: g, Facts: Facts{Acts: s.ActsDone(now.Add(-24 * time.Hour))}, Now: now}
}

// naming is a record of an Authorize call by an actor that names rules.
func authorized(actor string, when time.Time, rules ...secgroup.Rule) secgroup.Change {
	c := secgroup.Change{
		EventSource: "ec2.amazonaws.com", EventName: "AuthorizeSecurityGroupIngress", Effect: secgroup.Names,
		EventID: "event-" + actor + when.Format(time.TimeOnly), EventTime: when, AccountID: ownAccount, Region: "eu-west-1",
		Actor: secgroup.Actor{ARN: actor, Type: "AssumedRole"}, Complete: true, RulesFrom: "response", Cause: "event",
		Groups: []secgroup.GroupName{{ID: ownGroup}},
	}
	for _, r := range rules {
		c.Rules = append(c.Rules, secgroup.NamedRule{GroupID: ownGroup, Rule: r, HasValue: true})
	}
	return c
}

// modified is a record of a Modify call: it tells no direction.
func modified(actor string, when time.Time, rules ...secgroup.Rule) secgroup.Change {
	c := authorized(actor, when, rules...)
	c.EventName = "ModifySecurityGroupRules"
	for i := range c.Rules {
		c.Rules[i].AnyDirection = true
		c.Rules[i].Rule.Direction = 0
	}
	return c
}

// ruleTexts is rules as text.
func ruleTexts(rules []secgroup.Rule) []string {
	out := []string{}
	for _, r := range rules {
		out = append(out, r.String())
	}
	return out
}

// excessOf is an excess as the fewest rules.
func excessOf(f Finding, d secgroup.Direction) []string { return ruleTexts(f.Excess.Rules(d, nil)) }

// states is the state of each rule under the only policy of a set.
func states(v Verdict) []State {
	var out []State
	for _, r := range v.Rules {
		out = append(out, r.Findings[0].State)
	}
	return out
}

func vpcs(blocks ...string) []secgroup.VPC {
	v := secgroup.VPC{ID: "vpc-1"}
	for _, b := range blocks {
		v.CIDRs = append(v.CIDRs, netip.MustParsePrefix(b))
	}
	return []secgroup.VPC{v}
}
