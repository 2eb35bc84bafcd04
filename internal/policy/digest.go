package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// hashed is the SHA-256 of texts, in hex.
func hashed(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		h.Write([]byte(strconv.Itoa(len(t)) + ":" + t + ","))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Digest is of what the policy judges and of its effective mode, so that a
// policy that is raised to enforce waits for a baseline act of its own instead
// of reverting all that was only observed. It is made on first use: to be
// ready, a function needs none.
func (p *Policy) Digest() string { return p.digest() }

// meaning is what a document judges as text: the same for documents that
// judge alike, whatever their titles, files, order of boxes or spelling of
// sets. Of the remedy it holds only what is done, not how.
func meaning(d *Document, p *Policy, internal secgroup.AddressSet) string {
	w := meaningWriter{internal: internal.String()}
	text := "scope " + scopeText(p.scope) + "\n"
	if p.not != nil {
		text += "not " + scopeText(p.not) + "\n"
	}
	var boxes, excepts []string
	for _, c := range boxesOf(*d) {
		boxes = append(boxes, w.clause(c))
	}
	for i, r := range d.demands() {
		boxes[i] += " demands " + r.meaning()
	}
	for i := range d.Require {
		if r := &d.Require[i]; r.Where == nil {
			boxes = append(boxes, "group "+r.meaning())
		}
	}
	for _, e := range d.Except {
		actors := slices.Clone(e.Actors)
		slices.Sort(actors)
		excepts = append(excepts, quoted(actors)+" until "+instant(e.Until))
	}
	slices.Sort(excepts)
	slices.Sort(boxes)
	if o := d.OnChange; o != nil {
		text += "onChange " + quotedSet(o.Calls)
		if o.Unless != nil {
			text += " unless " + quotedSet(o.Unless.Actors) + " " + quotedSet(o.Unless.UserAgents)
		}
		text += "\n"
	}
	nat64 := ""
	if p.boundsNAT64() {
		nat64 = " nat64 apart"
	}
	return text + "forbid " + strings.Join(boxes, ";") +
		"\ntolerate " + p.bound4.String() + " " + p.bound6.String() + nat64 + " " + strconv.FormatBool(p.perRule) +
		"\ndo " + p.Remedy.Do.String() + "\nexcept " + strings.Join(excepts, ";") + "\n"
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

type meaningWriter struct{ internal string }

func (w meaningWriter) clause(c Clause) string {
	var directions, flows, peers, but []string
	for _, d := range c.Directions {
		directions = append(directions, d.String())
	}
	for _, f := range c.Flows {
		for _, g := range appendFlow(nil, f) {
			flows = append(flows, g.meaning())
		}
	}
	for _, p := range c.Peers {
		peers = append(peers, w.peer(p))
	}
	for _, b := range c.But {
		but = append(but, "("+w.clause(b)+")")
	}
	return quotedSet(directions) + " " + quotedSet(flows) + " " + quotedSet(peers) + " " + strconv.FormatBool(c.Whole) + " but " + quotedSet(but)
}

// meaning is what is required, without where.
func (r *Requirement) meaning() string {
	text := strconv.FormatBool(r.Description)
	for _, list := range [][]string{r.NotDescribed, r.NotNamed} {
		text += " " + quotedSet(lowered(list))
	}
	text += " " + quotedSet(r.Tags)
	for _, n := range []int{r.MaxPorts, r.MaxIPv4, r.MaxIPv6, r.MaxRules, r.MaxGroups, int(r.Distinct)} {
		text += " " + strconv.Itoa(n)
	}
	attached := "either"
	if r.Attached != nil {
		attached = strconv.FormatBool(*r.Attached)
	}
	text += " " + strconv.FormatBool(r.Alive) + " " + strconv.FormatBool(r.Elastic) + " " + attached
	return text + " " + r.Grace.String()
}

// meaning is {FIRST LAST} {FIRST LAST} NOIPV4 NOIPV6.
func (f flow) meaning() string {
	pair := func(first, last int) string { return "{" + strconv.Itoa(first) + " " + strconv.Itoa(last) + "} " }
	return pair(int(f.protocols.First), int(f.protocols.Last)) + pair(int(f.span.First), int(f.span.Last)) +
		strconv.FormatBool(f.noIPv4) + " " + strconv.FormatBool(f.noIPv6)
}

func (w meaningWriter) peer(p PeerSpec) string {
	text := strconv.Itoa(int(p.Kind)) + " " + quotedSet(p.Groups) + " " + strconv.Quote(p.Account) + " " + strconv.Quote(p.Name) + " " + sortedText(p.CIDRs)
	if p.Kind == PeerInternet {
		text += " but " + w.internal
	}
	return text
}

// quoted is a list as text: ["a" "b"].
func quoted(list []string) string {
	size := 2
	for _, text := range list {
		size += len(text) + 3
	}
	b := append(make([]byte, 0, size), '[')
	for i, text := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendQuote(b, text)
	}
	return string(append(b, ']'))
}

// quotedSet is quoted for a list whose order and doublets mean nothing.
func quotedSet(list []string) string { return quoted(asSet(slices.Clone(list))) }

// asSet sorts a list and drops what is there twice.
func asSet(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

func scopeText(m *scopeMatcher) string {
	var tags []string
	for key, values := range m.tags {
		tags = append(tags, strconv.Quote(key)+"="+quotedSet(values))
	}
	isDefault := "any"
	if m.isDefault != nil {
		isDefault = strconv.FormatBool(*m.isDefault)
	}
	text := strconv.FormatBool(m.never)
	for _, list := range [...][]string{m.names, m.ids, tags, m.vpcs, m.accounts, m.regions} {
		text += " " + quotedSet(list)
	}
	text += " " + isDefault
	if len(m.usedBy) > 0 {
		text += " used by " + quotedSet(m.usedBy)
	}
	return text
}

// ListDigest is the digest of a prefix list's entries for KnownRule.ListDigest:
// the same for the same entries in any order and form.
func ListDigest(entries []netip.Prefix) string {
	var texts []string
	for _, e := range entries {
		texts = append(texts, e.Masked().String())
	}
	return hashed(asSet(texts)...)
}
