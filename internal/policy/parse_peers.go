package policy

import (
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// peerWords are the peers that one word names.
var peerWords = []struct {
	word string
	kind PeerKind
}{
	{"internet", PeerInternet}, {"private", PeerPrivate}, {"vpc", PeerVPC}, {"addresses", PeerAddresses},
	{"references", PeerReferences}, {"any", PeerAny}, {"self", PeerSelf},
}

// read takes a word, or a mapping of groups and account.
func (x *peerSyntax) read(s *syntaxReader, n *yamlNode, label string) {
	if n.kind == yamlMapping {
		x.Groups = &groupPeerSyntax{}
		s.into(x.Groups, n, "the peer")
		return
	}
	x.Text.read(s, n, label)
}

func (p *folderReader) peers(list []peerSyntax) []PeerSpec {
	var out []PeerSpec
	for i := range list {
		if spec := p.peer(&list[i]); spec.Kind != 0 {
			out = append(out, spec)
		}
	}
	return out
}

// peer gives one peer; Kind 0 after a fault.
func (p *folderReader) peer(x *peerSyntax) PeerSpec {
	if g := x.Groups; g != nil {
		return p.groupPeer(g)
	}
	w := x.Text
	spec := PeerSpec{Line: w.line, Text: w.text}
	if w.text == "" {
		return PeerSpec{}
	}
	for _, known := range peerWords {
		if w.text == known.word {
			spec.Kind = known.kind
			return spec
		}
	}
	if name, ok := strings.CutPrefix(w.text, "set:"); ok {
		spec.Kind, spec.CIDRs = PeerCIDRs, p.sets.resolve(name, w)
		return spec
	}
	if name, ok := strings.CutPrefix(w.text, "aws:"); ok {
		if name == "" || !only(name, lowerCase+digits+"-.*?") {
			p.fault(w.position, "aws:s3, aws:com.amazonaws.global.cloudfront.origin-facing, aws:*", "%q names no list of AWS", w.text)
		}
		spec.Kind, spec.Name = PeerAWSList, name
		return spec
	}
	switch {
	case strings.HasPrefix(w.text, "pl-"):
		if !isResourceID(w.text, "pl-") {
			p.fault(w.position, "pl- and hexadecimal digits", "%q is not the id of a prefix list", w.text)
		}
		spec.Kind, spec.Name = PeerList, w.text
	case strings.HasPrefix(w.text, "sg-"):
		p.fault(w.position, "write {groups: ["+w.text+"]}", "a group as a peer is a mapping")
		return PeerSpec{}
	case strings.ContainsAny(w.text, "/:") || only(w.text, digits+"."):
		prefix := readCIDR(p.reporter, w)
		if !prefix.IsValid() {
			return PeerSpec{}
		}
		spec.Kind = PeerCIDRs
		spec.CIDRs = append(spec.CIDRs, prefix)
	default:
		p.fault(w.position, p.peerHint(w.text), "unknown peer %q", w.text)
		return PeerSpec{}
	}
	return spec
}

func (p *folderReader) peerHint(text string) string {
	known := make([]string, 0, len(peerWords))
	for _, k := range peerWords {
		known = append(known, k.word)
	}
	if _, ok := p.sets.declared[text]; ok {
		return "did you mean \"set:" + text + "\"?"
	}
	if hint := didYouMean(text, known); strings.HasPrefix(hint, "did") {
		return hint
	}
	return strings.Join(known, ", ") + ", a CIDR, set:NAME, pl-..., aws:NAME, or {groups: [...], account: ...}"
}

func (p *folderReader) groupPeer(g *groupPeerSyntax) PeerSpec {
	spec := PeerSpec{Line: g.line, Kind: PeerGroups, Account: g.Account.text}
	for _, id := range g.Groups {
		spec.Groups = append(spec.Groups, id.text)
	}
	if !g.key("groups").given() && !g.key("account").given() {
		p.fault(g.position, "write references for every group", "a peer of groups names groups, an account, or both")
	}
	var parts []string
	if len(spec.Groups) > 0 {
		parts = append(parts, "groups: ["+strings.Join(spec.Groups, ", ")+"]")
	}
	if spec.Account != "" {
		parts = append(parts, "account: "+spec.Account)
	}
	spec.Text = "{" + strings.Join(parts, ", ") + "}"
	return spec
}

// mayShare reports whether some rule can have a peer that both specs match.
func mayShare(a, b PeerSpec) bool {
	if a.Kind == PeerAny || b.Kind == PeerAny {
		return true
	}
	if a.references() != b.references() {
		return false
	}
	if a.references() {
		return true
	}
	as, aKnown := a.addresses()
	bs, bKnown := b.addresses()
	return !aKnown || !bKnown || as.Overlaps(bs)
}

// references reports whether the peer is group references.
func (s PeerSpec) references() bool {
	return slices.Contains([]PeerKind{PeerReferences, PeerSelf, PeerGroups}, s.Kind)
}

// addresses gives the addresses of a peer, and whether they are known without
// a group and the lists that it names. An empty set is one to be filled.
func (s PeerSpec) addresses() (secgroup.AddressSet, bool) {
	switch s.Kind {
	case PeerCIDRs:
		return secgroup.NewAddressSet(s.CIDRs...), len(s.CIDRs) > 0
	case PeerPrivate:
		return privateAddresses(), true
	case PeerAddresses:
		return everyAddress(), true
	case PeerInternet:
		return internetAddresses(), true
	}
	return secgroup.AddressSet{}, false
}
