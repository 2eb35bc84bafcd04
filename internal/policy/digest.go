package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// hashed is the SHA-256 of texts, in hex.
func hashed(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		h.Write(fmt.Appendf(nil, "%d:%s,", len(t), t))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// digestOf is Policy.Digest: of what the policy judges and of its effective
// mode, so that a policy that is raised to enforce waits for a baseline act
// of its own instead of reverting all that was only observed.
func digestOf(meaning string, m Mode) string { return hashed(meaning, fmt.Sprint(m)) }

// meaning is what a document judges as text: the same for documents that
// judge alike, whatever their titles, files, order of boxes or spelling of
// sets. Of the remedy it holds only what is done, not how.
func meaning(d Document, p *Policy, internal secgroup.AddressSet) string {
	w := &meaningWriter{internal: internal.String()}
	w.line("scope", scopeText(p.scope))
	if p.not != nil {
		w.line("not", scopeText(p.not))
	}
	var boxes []string
	for _, c := range boxesOf(d) {
		boxes = append(boxes, w.clause(c))
	}
	slices.Sort(boxes)
	w.line("forbid", strings.Join(boxes, ";"))
	w.line("tolerate", fmt.Sprint(p.bound4, p.bound6, p.perRule))
	w.line("do", fmt.Sprint(p.Remedy.Do))
	var excepts []string
	for _, e := range d.Except {
		actors := slices.Clone(e.Actors)
		slices.Sort(actors)
		excepts = append(excepts, fmt.Sprintf("%q until %s", actors, instant(e.Until)))
	}
	slices.Sort(excepts)
	w.line("except", strings.Join(excepts, ";"))
	return w.String()
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

type meaningWriter struct {
	strings.Builder
	internal string
}

func (w *meaningWriter) line(key, value string) { w.WriteString(key + " " + value + "\n") }

func (w *meaningWriter) clause(c Clause) string {
	var directions, flows, peers, but []string
	for _, d := range c.Directions {
		directions = append(directions, d.String())
	}
	for _, f := range c.Flows {
		for _, g := range compileFlow(f) {
			flows = append(flows, fmt.Sprint(g.protocols, g.span, g.noIPv4, g.noIPv6))
		}
	}
	for _, p := range c.Peers {
		peers = append(peers, w.peer(p))
	}
	for _, b := range c.But {
		but = append(but, "("+w.clause(b)+")")
	}
	return fmt.Sprintf("%q %q %q %v but %q", asSet(directions), asSet(flows), asSet(peers), c.Whole, asSet(but))
}

func (w *meaningWriter) peer(p PeerSpec) string {
	text := fmt.Sprintf("%d %q %q %q %s", p.Kind, asSet(slices.Clone(p.Groups)), p.Account, p.Name, sortedText(p.CIDRs))
	if p.Kind == PeerInternet {
		text += " but " + w.internal
	}
	return text
}

// asSet sorts a list and drops what is there twice.
func asSet(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

func scopeText(m *scopeMatcher) string {
	var tags []string
	for key, values := range m.tags {
		tags = append(tags, fmt.Sprintf("%q=%q", key, asSet(slices.Clone(values))))
	}
	isDefault := "any"
	if m.isDefault != nil {
		isDefault = fmt.Sprint(*m.isDefault)
	}
	list := func(l []string) []string { return asSet(slices.Clone(l)) }
	return fmt.Sprintf("%v %q %q %q %q %q %q %s", m.never, list(m.names), list(m.ids), asSet(tags),
		list(m.vpcs), list(m.accounts), list(m.regions), isDefault)
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
