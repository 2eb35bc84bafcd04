package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Parameters are the values within what a policy judges that an override may
// choose: ports, sets, and the values of require.

// overridePorts puts ports in place of those of the one box that names some.
func (p *folderReader) overridePorts(f *policyFile, o *overrideSyntax) {
	if len(o.Ports) == 0 {
		return
	}
	var boxes []*flowSyntax
	consider := func(b *flowSyntax) {
		if len(b.Ports) > 0 {
			boxes = append(boxes, b)
		}
	}
	for i := range f.Forbid {
		consider(&f.Forbid[i].flowSyntax)
	}
	if a := f.AllowOnly; a != nil {
		if a.Within != nil {
			consider(&a.Within.flowSyntax)
		}
		for i := range a.These {
			consider(&a.These[i].flowSyntax)
		}
	}
	switch len(boxes) {
	case 0:
		p.fault(o.key("ports"), "write a policy of your own", "policy %s names no ports", f.Metadata.ID.text)
	case 1:
		if samePorts(boxes[0].Ports, o.Ports) {
			p.unchanged(o.key("ports"), "ports")
		}
		boxes[0].Ports = o.Ports
	default:
		p.fault(o.key("ports"), "leave ports out with but: [{ports: [...]}]; add ports in a policy of your own",
			"policy %s names ports in %d boxes: it is not clear which are meant", f.Metadata.ID.text, len(boxes))
	}
}

func samePorts(a, b []portRange) bool {
	spans := func(list []portRange) []string {
		var out []string
		for _, r := range list {
			out = append(out, fmt.Sprint(r.span))
		}
		return asSet(out)
	}
	return slices.Equal(spans(a), spans(b))
}

// localSets resolves what sets hold for one policy: set:NAME within one is the
// settings' own, so that a set may be enlarged.
func (p *folderReader) localSets(o *overrideSyntax) {
	if len(o.Sets) == 0 {
		return
	}
	shipped := p.sets.shipped
	p.sets.shipped = false
	local := map[string][]netip.Prefix{}
	for _, s := range o.Sets {
		blocks := []netip.Prefix{}
		for _, e := range s.value {
			if name, isSet := strings.CutPrefix(e.text, "set:"); isSet {
				blocks = append(blocks, p.sets.resolve(name, e.word)...)
			} else if e.prefix.IsValid() {
				blocks = append(blocks, e.prefix)
			}
		}
		slices.SortFunc(blocks, netip.Prefix.Compare)
		local[s.key.text] = slices.Compact(blocks)
	}
	p.sets.local, p.sets.shipped = local, shipped
}

// unnamedSets refuses sets that the policy does not name.
func (p *folderReader) unnamedSets(f *policyFile, o *overrideSyntax) {
	var named []string
	for _, c := range allClauses(boxesOf(f.doc)) {
		for _, s := range c.Peers {
			if name, ok := strings.CutPrefix(s.Text, "set:"); ok {
				named = append(named, name)
			}
		}
	}
	for _, s := range o.Sets {
		if !slices.Contains(named, s.key.text) {
			p.fault(s.key.position, didYouMean(s.key.text, asSet(named)), "policy %s names no set %q", f.doc.ID, s.key.text)
		}
	}
}

// allClauses gives boxes with their exceptions, and theirs.
func allClauses(boxes []Clause) []Clause {
	out := slices.Clone(boxes)
	for _, b := range boxes {
		out = append(out, allClauses(b.But)...)
	}
	return out
}
