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
	alive        bool
	elastic      bool
}

// newDemand compiles what an entry says of rules.
func newDemand(r *Requirement) *demand {
	return &demand{
		description: r.Description, notDescribed: lowered(r.NotDescribed),
		maxPorts: r.MaxPorts, max4: r.MaxIPv4, max6: r.MaxIPv6, alive: r.Alive, elastic: r.Elastic,
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
// itself tells, and the facts that were read. No allocation.
func (d *demand) mayLack(r *secgroup.Rule, facts *Surroundings) bool {
	switch p := r.Peer.(type) {
	case secgroup.GroupReference:
		if d.alive && !facts.Dead.isAlive(p.GroupID) {
			return true
		}
	case secgroup.CIDR:
		if d.elastic && !facts.Elastic.holds(p.Prefix) {
			return true
		}
	default:
		if d.elastic {
			return true
		}
	}
	return d.lacksByItself(r)
}

// lacksWhenAdded is mayLack for a rule that a call added just now: EC2 takes no
// reference to what is not there. No allocation.
func (d *demand) lacksWhenAdded(r *secgroup.Rule) bool {
	if _, isReference := r.Peer.(secgroup.GroupReference); !isReference && d.elastic {
		return true
	}
	return d.lacksByItself(r)
}

// lacksByItself is mayLack for what no fact beyond the group tells.
func (d *demand) lacksByItself(r *secgroup.Rule) bool {
	return d.description && r.Description == "" || d.badlyDescribed(r.Description) != "" ||
		d.maxPorts > 0 && portsOf(r) > d.maxPorts || d.mayBeWider(r.Peer)
}

// lacking is what a rule lacks, as far as it is known.
type lacking struct {
	text   string // "" = nothing that is known
	opaque bool   // its peer would tell
	unread string // a fact that would tell could not be read, and why
	need   Need   // a fact that would tell was not read yet; "" = none
}

// lack says what a rule lacks.
func (d *demand) lack(r *secgroup.Rule, s *Surroundings) lacking {
	if d.description && r.Description == "" {
		return lacking{text: "it has no description"}
	}
	if glob := d.badlyDescribed(r.Description); glob != "" {
		return lacking{text: fmt.Sprintf("its description is one of %q", glob)}
	}
	if n := portsOf(r); d.maxPorts > 0 && n > d.maxPorts {
		return lacking{text: fmt.Sprintf("it opens %d ports, where %d may be", n, d.maxPorts)}
	}
	switch p := r.Peer.(type) {
	case secgroup.GroupReference:
		if d.alive {
			return lackOfReference(p, s.Dead)
		}
	case secgroup.CIDR:
		if text := d.widthOf(p.Prefix); text != "" || !d.elastic {
			return lacking{text: text}
		}
		return lackOfAddresses(s.Elastic, p.Prefix)
	case secgroup.PrefixList:
		for _, e := range p.Entries {
			if text := d.widthOf(e); text != "" {
				return lacking{text: fmt.Sprintf("of prefix list %s, %s", p.ID, text)}
			}
		}
		if p.Readable && d.elastic {
			return lackOfAddresses(s.Elastic, p.Entries...)
		}
		return lacking{opaque: !p.Readable && d.dependsOnPeer()}
	case nil:
		return lacking{opaque: d.dependsOnPeer()}
	}
	return lacking{}
}

// dependsOnPeer reports whether the addresses of the peer count.
func (d *demand) dependsOnPeer() bool { return d.max4+d.max6 > 0 || d.elastic }

func lackOfReference(ref secgroup.GroupReference, dead *DeadReferences) lacking {
	switch {
	case dead == nil:
		return lacking{need: NeedDead}
	case dead.Refused != "":
		return lacking{unread: "whether the groups that it names are there could not be read: " + dead.Refused}
	case !dead.isAlive(ref.GroupID):
		return lacking{text: "it names " + ref.GroupID + ", which is gone or out of reach"}
	}
	return lacking{}
}

// lackOfAddresses is for blocks of which every address has to be elastic: those
// that are not one address each have others.
func lackOfAddresses(elastic *ElasticAddresses, blocks ...netip.Prefix) lacking {
	switch {
	case elastic == nil:
		return lacking{need: NeedElastic}
	case elastic.Refused != "":
		return lacking{unread: "the elastic addresses of the account could not be read: " + elastic.Refused}
	}
	for _, b := range blocks {
		if !elastic.holds(b) {
			return lacking{text: fmt.Sprintf("%s is no elastic address of this account", b)}
		}
	}
	return lacking{}
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
