// Package engines judges the same rules under the same policies with sgwarden
// and with the expression engines that a Go program can embed, each in the
// language of its own and compiled once.
package engines

import (
	"fmt"
	"strings"
)

// kind is the shape of a policy; the set goes through them in turn.
type kind int

const (
	servicePorts      kind = iota // a port and a range of tcp and udp, from the internet
	adminPorts                    // 22, 3389 and one more of tcp, from the internet but the offices
	egressPort                    // a port of tcp and udp, to the internet
	privateNet                    // a port of tcp, from one private network
	fromGroups                    // ten ports of tcp, from any group
	icmpType                      // a type of icmp, from the internet
	kinds             = iota
	offices           = "8.8.8.0/29"
	firstPort, stride = 1000, 7
)

// spec is one policy, in no engine's language.
type spec struct {
	number int
	kind   kind
}

func specs(n int) []spec {
	all := make([]spec, n)
	for i := range all {
		all[i] = spec{i, kind(i % kinds)}
	}
	return all
}

func (s spec) id() string      { return fmt.Sprintf("policy-%03d", s.number) }
func (s spec) port() int       { return firstPort + stride*s.number }
func (s spec) network() string { return fmt.Sprintf("10.%d.0.0/16", s.number%256) }
func (s spec) icmpType() int   { return s.number / kinds % 43 }

// box is the policy's forbid in sgwarden's language.
func (s spec) box() string {
	switch s.kind {
	case servicePorts:
		return fmt.Sprintf("{direction: ingress, ports: [%d, %d-%d], peers: [internet]}", s.port(), s.port()+2, s.port()+4)
	case adminPorts:
		return fmt.Sprintf("{direction: ingress, protocols: [tcp], ports: [22, 3389, %d], peers: [internet], but: [{peers: [%s]}]}", s.port(), offices)
	case egressPort:
		return fmt.Sprintf("{direction: egress, ports: [%d], peers: [internet]}", s.port())
	case privateNet:
		return fmt.Sprintf("{direction: ingress, protocols: [tcp], ports: [%d], peers: [%s]}", s.port(), s.network())
	case fromGroups:
		return fmt.Sprintf("{direction: ingress, protocols: [tcp], ports: [%d-%d], peers: [references]}", s.port(), s.port()+9)
	case icmpType:
		return fmt.Sprintf(`{direction: ingress, icmp: ["%d"], peers: [internet]}`, s.icmpType())
	}
	panic("no such kind")
}

// YAML is n policies as files of a policy folder, by name, with all that a
// policy of a pack says. What they forbid does not depend on n.
func YAML(n int) map[string]string {
	files := map[string]string{}
	for _, s := range specs(n) {
		files[s.id()+".yaml"] = fmt.Sprintf(`apiVersion: sgwarden/v1
kind: Policy
metadata:
  id: %s
  title: Service %d is closed to those who have no business there
  severity: high
  maturity: stable
  checks: [I-CUST]
  controls: {aws-config: [restricted-common-ports], cis-aws-6.0: ["6.3"]}
  why: >
    Services of this kind are found and attacked within minutes; one weak
    password or one unpatched version is enough.
  fix: >
    Allow the addresses of those who use it, or reach it through the VPN.
forbid:
  - %s
remedy: revert
`, s.id(), s.number, s.box())
	}
	return files
}

// term is one comparison of a policy: its parts in the words of an engine.
type term struct {
	direction, protocols, spans, peer string
}

func (t term) all(and string) string {
	return strings.Join([]string{t.direction, t.protocols, t.spans, t.peer}, and)
}

// words are how an engine says what the policies need. The facts about a rule
// are the same for all engines; see Facts.
type words struct {
	field    func(name string) string
	not, and string
	or       string
	contains func(network string) string // the network holds the rule's block
	within   func(network string) string // the rule's block holds the network
	empty    string                      // "" as a literal
}

// condition is what a rule that violates the policy fulfils.
func (s spec) condition(w words) string {
	protocol, from, to := w.field("protocol"), w.field("from"), w.field("to")
	is := func(protocols ...int) string {
		var any []string
		for _, p := range append(protocols, -1) {
			any = append(any, fmt.Sprintf("%s == %d", protocol, p))
		}
		return "(" + strings.Join(any, w.or) + ")"
	}
	meets := func(spans ...[2]int) string {
		var any []string
		for _, p := range spans {
			any = append(any, fmt.Sprintf("(%s <= %d%s%s >= %d)", from, p[1], w.and, to, p[0]))
		}
		return "(" + strings.Join(any, w.or) + ")"
	}
	p := s.port()
	t := term{direction: w.field("ingress"), peer: w.field("internet")}
	switch s.kind {
	case servicePorts:
		t.protocols, t.spans = is(6, 17), meets([2]int{p, p}, [2]int{p + 2, p + 4})
	case adminPorts:
		t.protocols, t.spans = is(6), meets([2]int{22, 22}, [2]int{3389, 3389}, [2]int{p, p})
		t.peer += w.and + w.not + w.contains(offices)
	case egressPort:
		t.direction = w.not + w.field("ingress")
		t.protocols, t.spans = is(6, 17), meets([2]int{p, p})
	case privateNet:
		t.protocols, t.spans = is(6), meets([2]int{p, p})
		t.peer = w.field("ipv4") + w.and + "(" + w.contains(s.network()) + w.or + w.within(s.network()) + ")"
	case fromGroups:
		t.protocols, t.spans = is(6), meets([2]int{p, p + 9})
		t.peer = w.field("group") + " != " + w.empty
	case icmpType:
		t.protocols, t.spans = is(1), meets([2]int{s.icmpType(), s.icmpType()})
		t.peer += w.and + w.field("ipv4")
	}
	return t.all(w.and)
}
