package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// demand is what a rule must be that touches the box of a clause.
type demand struct {
	description  bool
	notDescribed []string // globs in lower case
	maxPorts     int      // 0 = any
	max4, max6   int      // 0 = any
}

// newDemand compiles what an entry says of rules.
func newDemand(r *Requirement) *demand {
	return &demand{
		description: r.Description, notDescribed: lowered(r.NotDescribed),
		maxPorts: r.MaxPorts, max4: r.MaxIPv4, max6: r.MaxIPv6,
	}
}

// lowered gives globs for matchFolded.
func lowered(globs []string) []string {
	out := make([]string, 0, len(globs))
	for _, g := range globs {
		out = append(out, strings.Map(func(r rune) rune {
			if r < utf8.RuneSelf {
				return rune(lowerByte(byte(r)))
			}
			return r
		}, g))
	}
	return out
}

// mayLack reports whether a rule can lack something, for all that the rule
// itself tells. No allocation.
func (d *demand) mayLack(r *secgroup.Rule) bool {
	return d.description && r.Description == "" || d.badlyDescribed(r.Description) != "" ||
		d.maxPorts > 0 && portsOf(r) > d.maxPorts || d.mayBeWider(r.Peer)
}

// lack says what a rule lacks, "" = nothing, and whether its peer must be
// known to tell.
func (d *demand) lack(r *secgroup.Rule) (lacks string, opaque bool) {
	if d.description && r.Description == "" {
		return "it has no description", false
	}
	if glob := d.badlyDescribed(r.Description); glob != "" {
		return fmt.Sprintf("its description is one of %q", glob), false
	}
	if n := portsOf(r); d.maxPorts > 0 && n > d.maxPorts {
		return fmt.Sprintf("it opens %d ports, where %d may be", n, d.maxPorts), false
	}
	switch p := r.Peer.(type) {
	case secgroup.CIDR:
		return d.widthOf(p.Prefix), false
	case secgroup.PrefixList:
		for _, e := range p.Entries {
			if lacks = d.widthOf(e); lacks != "" {
				return fmt.Sprintf("of prefix list %s, %s", p.ID, lacks), false
			}
		}
		return "", !p.Readable && d.max4+d.max6 > 0
	}
	return "", r.Peer == nil && d.max4+d.max6 > 0
}

// badlyDescribed gives the glob that a description matches; "" = none.
func (d *demand) badlyDescribed(description string) string {
	for _, g := range d.notDescribed {
		if matchFolded(g, description) {
			return g
		}
	}
	return ""
}

// portsOf counts the ports that a rule opens, of tcp or of udp: none where its
// protocol has none, all where it is for all protocols.
func portsOf(r *secgroup.Rule) int {
	if r.Protocol != secgroup.AllProtocols && !r.Protocol.HasPorts() {
		return 0
	}
	span := r.Span()
	return int(span.Last) - int(span.First) + 1
}

// mayBeWider reports whether a peer names a block that is too wide, or may.
func (d *demand) mayBeWider(peer secgroup.Peer) bool {
	if d.max4+d.max6 == 0 {
		return false
	}
	switch p := peer.(type) {
	case secgroup.CIDR:
		return d.isWider(p.Prefix)
	case secgroup.GroupReference:
		return false
	}
	return true
}

func (d *demand) most(p netip.Prefix) int {
	if p.Addr().Is4() {
		return d.max4
	}
	return d.max6
}

func (d *demand) isWider(p netip.Prefix) bool { return p.Bits() < d.most(p) }

func (d *demand) widthOf(p netip.Prefix) string {
	if !d.isWider(p) {
		return ""
	}
	return fmt.Sprintf("%s is wider than /%d", p, d.most(p))
}
