package main

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/policydiff"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// diffTeller tells a comparison of policies.
type diffTeller struct {
	old, new string
	digests  [2]string
	internal [2][]netip.Prefix // sets `internal` of both sides
	diff     policydiff.Diff
}

// toldDiff is its JSON form, a contract.
type toldDiff struct {
	Old          toldSide         `json:"old"`
	New          toldSide         `json:"new"`
	NewlyAllowed bool             `json:"newlyAllowed"` // what the exit status says
	Differences  []toldDifference `json:"differences"`
	Changes      []toldChange     `json:"changes"`
}

type toldSide struct {
	Policies string `json:"policies"`
	Digest   string `json:"digest"`
}

type toldDifference struct {
	Change    string      `json:"change"` // newly-allowed or newly-forbidden
	Was       string      `json:"was"`
	Is        string      `json:"is"`
	Scope     string      `json:"scope"`
	Actor     string      `json:"actor,omitempty"`
	From      string      `json:"from,omitempty"`
	Until     string      `json:"until,omitempty"`
	Flows     []string    `json:"flows"` // rules that are exactly what ends otherwise
	Peers     string      `json:"peers,omitempty"`
	Where     string      `json:"where,omitempty"`
	Counted   string      `json:"counted"`             // each, in sum, in a rule, together
	Tolerated []string    `json:"tolerated,omitempty"` // the bounds on which it depends
	UpTo      []string    `json:"upTo,omitempty"`      // how much passes; absent = all
	Old       []toldPlace `json:"oldPolicies"`
	New       []toldPlace `json:"newPolicies"`
	Certain   bool        `json:"certain"` // false: no witness was found, and none was excluded
	Witness   *toldCase   `json:"witness"`
}

type toldPlace struct {
	Policy string `json:"policy"`
	File   string `json:"file"`
	Line   int    `json:"line"`
}

// toldCase is rules, in one group, that are judged otherwise, and one packet
// that is too much on one side only.
type toldCase struct {
	Packet string     `json:"packet"`
	Rules  []string   `json:"rules"`
	Lists  []toldList `json:"lists,omitempty"`
	Group  toldGroup  `json:"group"`
	Actor  string     `json:"actor,omitempty"`
	At     string     `json:"at"`
}

type toldList struct {
	ID      string   `json:"id"`
	Name    string   `json:"name,omitempty"`
	Entries []string `json:"entries"` // null where it cannot be read
}

type toldGroup struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Tags    map[string]string `json:"tags"`
	VPC     string            `json:"vpc"`
	Blocks  []string          `json:"blocks"`
	Account string            `json:"account"`
	Region  string            `json:"region"`
}

type toldChange struct {
	Policy  string `json:"policy,omitempty"` // absent: the settings
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	What    string `json:"what"`
	Was     string `json:"was"`
	Is      string `json:"is"`
	Loosens bool   `json:"mayAllow"`
}

func (t diffTeller) write(w io.Writer, format string) error {
	if format == "json" {
		return writeIndented(w, t.told())
	}
	_, err := io.WriteString(w, t.table())
	return err
}

func (t diffTeller) told() toldDiff {
	out := toldDiff{
		Old: toldSide{t.old, t.digests[0]}, New: toldSide{t.new, t.digests[1]}, NewlyAllowed: t.diff.Loosens(),
		Differences: []toldDifference{}, Changes: []toldChange{},
	}
	for _, d := range t.diff.Differences {
		out.Differences = append(out.Differences, toldDifferenceOf(d))
	}
	for _, c := range t.diff.Changes {
		out.Changes = append(out.Changes, toldChange{c.Policy, c.File, c.Line, c.What, c.Was, c.Is, c.Loosens})
	}
	return out
}

func toldDifferenceOf(d policydiff.Difference) toldDifference {
	out := toldDifference{
		Change: changeOf(d), Was: d.Was.String(), Is: d.Is.String(), Scope: d.Scope, Actor: d.Actor, From: d.From, Until: d.Until,
		Flows: texts(d.Flows.Rules(d.Direction, nil)), Peers: d.Peers, Where: whereOf(d), Counted: countedOf(d), Tolerated: boundTexts(d.Bounds), UpTo: boundTexts(d.UpTo),
		Old: toldPlaces(d.OldPolicies), New: toldPlaces(d.NewPolicies), Certain: len(d.Rules) > 0,
	}
	if !out.Certain {
		return out
	}
	g := d.Group
	c := &toldCase{Packet: packetOf(d.Packet), Rules: texts(d.Rules), Actor: d.By, At: d.At.UTC().Format(time.RFC3339)}
	c.Group = toldGroup{ID: g.ID, Name: g.Name, Tags: g.Tags, VPC: g.VPCID, Account: g.AccountID, Region: g.Region, Blocks: []string{}}
	for _, v := range g.VPCs {
		for _, b := range v.CIDRs {
			c.Group.Blocks = append(c.Group.Blocks, b.String())
		}
	}
	for _, r := range d.Rules {
		list, ok := r.Peer.(secgroup.PrefixList)
		if !ok || slices.ContainsFunc(c.Lists, func(l toldList) bool { return l.ID == list.ID }) {
			continue
		}
		l := toldList{ID: list.ID, Name: list.Name}
		for _, e := range list.Entries {
			l.Entries = append(l.Entries, e.String())
		}
		c.Lists = append(c.Lists, l)
	}
	out.Witness = c
	return out
}

func toldPlaces(places []policydiff.Place) []toldPlace {
	out := []toldPlace{}
	for _, p := range places {
		out = append(out, toldPlace{p.Policy.ID, p.File, p.Line})
	}
	return out
}

func changeOf(d policydiff.Difference) string {
	if d.Loosens {
		return "newly-allowed"
	}
	return "newly-forbidden"
}

func whereOf(d policydiff.Difference) string {
	switch d.Where {
	case policydiff.Outside:
		return "outside of the group's VPCs"
	case policydiff.Inside:
		return "within the group's VPCs"
	}
	return ""
}

func countedOf(d policydiff.Difference) string {
	return [...]string{"each", "in sum", "in a rule", "together"}[d.Manner]
}

// boundTexts is numbers of addresses as policies write them,
// where they are blocks.
func boundTexts(bounds policydiff.Bounds) []string {
	var out []string
	for _, c := range policy.EveryCounted {
		if bounds[c].IsZero() {
			continue
		}
		family := strings.ToLower(c.String())
		text := fmt.Sprintf("%s %s", bounds[c], family)
		for bits := 0; bits <= 128; bits++ {
			if secgroup.CountOf(bits, c != policy.IPv4) == bounds[c] {
				text = fmt.Sprintf("%s/%d", family, bits)
			}
		}
		out = append(out, text)
	}
	return out
}

// packetOf is one flow as a packet: a single address has no length.
func packetOf(r secgroup.Rule) string {
	text := r.String()
	for _, single := range []string{"/32", "/128"} {
		if c, ok := r.Peer.(secgroup.CIDR); ok && c.IsSingleIP() {
			text = strings.TrimSuffix(text, single)
		}
	}
	return text
}
