package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/policydiff"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func (t diffTeller) table() string {
	var b strings.Builder
	allowed, forbidden := 0, 0
	for _, d := range asRows(t.diff.Differences) {
		if d.Loosens {
			allowed++
		} else {
			forbidden++
		}
		t.paragraph(&b, d)
	}
	t.changes(&b)
	if b.Len() == 0 {
		return "no difference in meaning\n"
	}
	fmt.Fprintf(&b, "%d newly allowed, %d newly forbidden, %s\n", allowed, forbidden, count(len(t.diff.Changes), "other change"))
	return b.String()
}

// changes tells what is no flow: once what is the same of several policies.
func (t diffTeller) changes(b *strings.Builder) {
	who := func(c policydiff.Change) string {
		if c.Policy == "" {
			return "settings"
		}
		return printable(fmt.Sprintf("%s at %s:%d", c.Policy, c.File, c.Line))
	}
	rest := slices.Clone(t.diff.Changes)
	for len(rest) > 0 {
		c := rest[0]
		var of []string
		rest = slices.DeleteFunc(rest, func(o policydiff.Change) bool {
			same := o.What == c.What && o.Was == c.Was && o.Is == c.Is && o.Loosens == c.Loosens
			if same {
				of = append(of, who(o))
			}
			return same
		})
		text := printable(c.What) + ": " + c.Was + " -> " + c.Is
		if c.Was == "" || c.What == "policy" {
			text = plural(len(of), "this policy is ", "these policies are ") + c.Is
		}
		if c.Loosens {
			text += " (may allow more)"
		}
		fmt.Fprintln(b, "changed")
		lines(b, "of", of)
		line(b, "what", text)
		b.WriteByte('\n')
	}
}

// row is a difference as people read it.
type row struct {
	policydiff.Difference
	ofService string // how what an AWS service makes ends, where only that is otherwise
}

// asRows leaves out what follows from a change that is told, and tells two
// differences as one that are the same but for what AWS services make.
func asRows(all []policydiff.Difference) []row {
	var out []row
	for _, d := range all {
		if !d.OfServices && !d.ByService {
			out = append(out, row{Difference: d})
		}
	}
	for _, d := range all {
		if d.OfServices || !d.ByService {
			continue
		}
		i := slices.IndexFunc(out, func(o row) bool { return o.ofService == "" && isTwin(o.Difference, d) })
		if i < 0 {
			out = append(out, row{Difference: d})
			continue
		}
		out[i].Actor, out[i].ofService = "", "was "+d.Was.String()+", is "+d.Is.String()
	}
	slices.SortStableFunc(out, func(a, b row) int {
		switch {
		case a.Loosens == b.Loosens:
			return 0
		case a.Loosens:
			return -1
		}
		return 1
	})
	return out
}

// isTwin reports whether d says of AWS services what o says of everybody else.
func isTwin(o, d policydiff.Difference) bool {
	return o.ButByService && o.Loosens == d.Loosens && o.Scope == d.Scope && o.From == d.From && o.Until == d.Until &&
		o.Direction == d.Direction && o.Manner == d.Manner && o.Bounds == d.Bounds && o.UpTo == d.UpTo &&
		o.Peers == d.Peers && o.Where == d.Where && o.Flows.Equal(d.Flows)
}

// paragraph tells one difference to people.
func (t diffTeller) paragraph(b *strings.Builder, d row) {
	fmt.Fprintln(b, strings.ReplaceAll(changeOf(d.Difference), "-", " "))
	lines(b, "flows", t.flows(d.Difference))
	line(b, "was", d.Was.String()+placesText(d.OldPolicies))
	line(b, "is", d.Is.String()+upTo(d.Difference)+placesText(d.NewPolicies))
	line(b, "groups", printable(d.Scope))
	if d.Actor != "" {
		line(b, "made", printable(d.Actor))
	}
	if d.ofService != "" {
		line(b, "besides", "what an AWS service makes "+d.ofService)
	}
	switch {
	case d.From != "" && d.Until != "":
		line(b, "when", "from "+d.From+" until "+d.Until)
	case d.From != "":
		line(b, "when", "from "+d.From+" on")
	case d.Until != "":
		line(b, "when", "until "+d.Until)
	}
	if len(d.Rules) == 0 {
		line(b, "example", "none was found, and none was excluded: take it for a difference")
		b.WriteByte('\n')
		return
	}
	rules := texts(d.Rules)
	if len(rules) > mostFlows {
		rules = append(rules[:mostFlows], fmt.Sprintf("and %d more rules", len(d.Rules)-mostFlows))
	}
	line(b, "example", packetOf(d.Packet)+", opened by "+strings.Join(rules, ", "))
	b.WriteByte('\n')
}

// upTo says how much of the flows passes where it is not all.
func upTo(d policydiff.Difference) string {
	if bounds := boundWords(d.UpTo); len(bounds) > 0 && d.Loosens {
		return " up to " + strings.Join(bounds, " and ")
	}
	return ""
}

// boundWords is numbers of addresses in words. What is said of IPv4 is meant of
// what is translated to it.
func boundWords(bounds policydiff.Bounds) []string {
	if !bounds[policy.IPv4].IsZero() {
		bounds[policy.NAT64] = secgroup.Count{}
	}
	var out []string
	for _, text := range boundTexts(bounds) {
		if family, bits, isBlock := strings.Cut(text, "/"); isBlock {
			text = "a /" + bits + " of " + map[string]string{"ipv4": "IPv4", "ipv6": "IPv6", "nat64": "NAT64"}[family]
		}
		out = append(out, text)
	}
	return out
}

func placesText(places []policydiff.Place) string {
	var all []string
	for _, p := range places {
		all = append(all, fmt.Sprintf("%s at %s:%d", p.Policy.ID, p.File, p.Line))
	}
	if len(all) == 0 {
		return ""
	}
	return " by " + printable(strings.Join(all, ", "))
}

// flows says a region in a few lines: which protocols and ports, of whom.
func (t diffTeller) flows(d policydiff.Difference) []string {
	var out []string
	rest := d.Flows.Slices()
	for len(rest) > 0 {
		var alike, others []secgroup.Slice
		for _, s := range rest {
			if s.IPv4.Equal(rest[0].IPv4) && s.IPv6.Equal(rest[0].IPv6) && slices.Equal(s.Atoms, rest[0].Atoms) {
				alike = append(alike, s)
			} else {
				others = append(others, s)
			}
		}
		out, rest = append(out, t.sameFlows(d, alike)), others
	}
	if len(out) > mostFlows {
		out = append(out[:mostFlows], fmt.Sprintf("and %d more (-o json has all)", len(out)-mostFlows))
	}
	return out
}

// sameFlows says in a line what is open to the same peers.
func (t diffTeller) sameFlows(d policydiff.Difference, alike []secgroup.Slice) string {
	var anybody []secgroup.Slice
	for _, s := range alike {
		anybody = append(anybody, secgroup.Slice{Protocols: s.Protocols, Span: s.Span, IPv4: secgroup.AllIPv4()})
	}
	var flows []string
	for _, r := range secgroup.NewRegion(anybody...).Rules(d.Direction, nil) {
		flows = append(flows, strings.Fields(r.String())[1])
	}
	if len(flows) > mostFlows {
		flows = append(flows[:mostFlows], fmt.Sprintf("%d more", len(flows)-mostFlows))
	}
	preposition := map[secgroup.Direction]string{secgroup.Ingress: "from", secgroup.Egress: "to"}[d.Direction]
	text := fmt.Sprintf("%s %s %s %s", d.Direction, strings.Join(flows, ", "), preposition, t.peers(d, alike[0]))
	bounds := strings.Join(boundWords(d.Bounds), " or ")
	switch {
	case d.Manner == policydiff.InSum:
		text += ", in sum more than " + bounds
	case d.Manner == policydiff.InARule:
		text += ", in one rule more than " + bounds
	case d.Manner == policydiff.Together && bounds != "":
		text += ", where every one of these flows is open to more than " + bounds
	case d.Manner == policydiff.Together:
		text += ", where every one of these flows is open"
	}
	return text
}

// peers says in words whom some flows are open to.
func (t diffTeller) peers(d policydiff.Difference, s secgroup.Slice) string {
	if len(s.Atoms) > 0 {
		return printable(d.Peers)
	}
	all := s.IPv4.Union(s.IPv6)
	text, where := t.addresses(all), whereOf(d)
	if d.Peers != "" {
		text += " in " + printable(d.Peers)
	}
	if where != "" && !(d.Where == policydiff.Outside && strings.HasPrefix(text, "the internet")) {
		text += " " + where
	}
	return text
}

// addresses names the internet, and else counts blocks where they are many.
func (t diffTeller) addresses(all secgroup.AddressSet) string {
	for _, internal := range t.internal {
		internet := policy.Internet(internal)
		switch {
		case all.Equal(internet):
			return "the internet"
		case all.Equal(internet.OnlyIPv4()):
			return "the internet (IPv4)"
		case all.Equal(internet.OnlyIPv4().Union(policy.NAT64.Of(internet))):
			return "the internet (IPv4 and NAT64)"
		case all.Equal(internet.OnlyIPv6()):
			return "the internet (IPv6)"
		}
	}
	blocks := all.Prefixes()
	var texts []string
	for _, b := range blocks {
		texts = append(texts, b.String())
	}
	if len(texts) > mostFlows {
		texts = append(texts[:mostFlows], fmt.Sprintf("%d more blocks", len(blocks)-mostFlows))
	}
	return strings.Join(texts, ", ")
}
