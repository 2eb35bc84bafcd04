package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// compiled is the matcher of a policy.
type compiled struct {
	scope, not *scopeMatcher
	clauses    []*clause
	ofGroup    []groupDemand  // what is required of the group itself
	bound4     secgroup.Count // how many addresses a port may be open to
	bound6     secgroup.Count
	perRule    bool
	except     []Except
	exemptions []Exemption         // of files, from this policy
	onChange   *OnChange           // nil = it judges rules
	to         secgroup.AddressSet // remedy.to
	shipped    bool
	digest     func() string
}

// newPolicy compiles one document; nil without error where the policy is off:
// it is `chosen`, and nobody gave it a scope. The policy keeps the document,
// which must not change.
func newPolicy(d *Document, s Settings) (*Policy, error) {
	p := &Policy{
		ID: d.ID, Title: d.Title, Severity: d.Severity, Maturity: d.Maturity, Why: d.Why, Fix: d.Fix,
		Checks: d.Checks, Controls: d.Controls, Remedy: d.Remedy, File: d.File, Line: d.Line,
		Mode: lowerMode(s.Mode, d.Mode),
	}
	if p.Remedy.Do == 0 {
		p.Remedy.Do = DoRevert
	}
	p.Remedy.Parts = max(p.Remedy.Parts, 1)
	t := trust{s.TrustedTags, s.TrustedNames}
	p.scope, p.not = compileScope(d.Scope, t), compileNot(d.Not, t)
	if d.Chosen && p.scope.isEmpty() {
		if !p.scope.given {
			return nil, nil
		}
		// On for every group is not what was chosen, and off is what whoever
		// wrote the scope does not expect.
		return nil, p.fault("the scope of a chosen policy needs a condition that counts: list its tags or names under trusted in the settings")
	}
	internal := secgroup.NewAddressSet(s.Internal...)
	p.clauses, p.ofGroup = compileClauses(boxesOf(*d), internal), groupDemands(*d)
	for i, r := range d.demands() {
		p.clauses[i].demand, p.clauses[i].line = newDemand(r), r.Line
	}
	p.onChange = d.OnChange
	if len(p.clauses)+len(p.ofGroup) == 0 && p.onChange == nil {
		return nil, p.fault("it judges nothing")
	}
	if t := d.Tolerate; t != (Tolerance{}) { // the zero value is "not written", not /0
		p.bound4, p.bound6 = secgroup.CountOf(t.IPv4, false), secgroup.CountOf(t.IPv6, true)
	}
	p.perRule, p.except, p.shipped = d.Tolerate.PerRule, d.Except, d.Shipped
	p.to = secgroup.NewAddressSet(d.Remedy.To...)
	for _, e := range s.Exemptions {
		if p.onChange != nil && e.Policy == p.ID {
			p.exemptions = append(p.exemptions, e)
		}
	}
	mode := p.Mode // a twin of the policy in another mode keeps the digest
	p.digest = sync.OnceValue(func() string { return hashed(meaning(d, p, internal), mode.String()) })
	return p, nil
}

// boxesOf gives what a document judges of rules as boxes: allowOnly is its
// `within` but `these`, require the boxes with what it demands there.
func boxesOf(d Document) []Clause {
	if d.AllowOnly == nil {
		boxes := d.Forbid
		for _, r := range d.demands() {
			boxes = append(boxes, *r.Where)
		}
		return boxes
	}
	c := d.AllowOnly.Within
	c.Line = d.AllowOnly.Line
	c.But = append(append([]Clause(nil), c.But...), d.AllowOnly.These...)
	return []Clause{c}
}

func (p *Policy) fault(text string) error {
	return fmt.Errorf("%s:%d: policy %s: %s", p.File, p.Line, p.ID, text)
}

// lowerMode is the mode of a policy: its own may lower the deployment's, and
// a deployment without one observes.
func lowerMode(deployment, own Mode) Mode {
	if deployment == 0 {
		return Observe
	}
	if own == 0 {
		return deployment
	}
	return min(deployment, own)
}

// isDemanding reports whether the policy requires something of rules: then all
// of its clauses do.
func (p *Policy) isDemanding() bool { return len(p.clauses) > 0 && p.clauses[0].demand != nil }

// tolerates reports whether some addresses are tolerated at all.
func (p *Policy) tolerates() bool { return !p.bound4.IsZero() || !p.bound6.IsZero() }

// dependsOnVPCs reports whether the blocks of a group's VPCs can change what
// the policy says.
func (p *Policy) dependsOnVPCs() bool {
	for _, c := range p.clauses {
		if c.dependsOnVPCs() {
			return true
		}
	}
	return false
}

// compileAll compiles the documents and what only shows when they stand
// together.
func compileAll(docs []Document, s Settings) ([]*Policy, error) {
	var policies []*Policy
	var faults []error
	first := make(map[string]*Document, len(docs))
	for i := range docs {
		d := &docs[i]
		if other, ok := first[d.ID]; ok {
			faults = append(faults, fmt.Errorf("%s:%d: policy %s stands already at %s:%d", d.File, d.Line, d.ID, other.File, other.Line))
			continue
		}
		first[d.ID] = d
		p, err := newPolicy(d, s)
		if err != nil {
			faults = append(faults, err)
		} else if p != nil {
			policies = append(policies, p)
		}
	}
	for _, e := range s.Exemptions {
		if _, ok := first[e.Policy]; !ok {
			faults = append(faults, fmt.Errorf("%s:%d: exemption %s is from policy %s, which is not there", e.File, e.Line, e.ID, e.Policy))
		}
	}
	return policies, errors.Join(faults...)
}

// sortedText is prefixes as one text, the same for equal sets.
func sortedText(prefixes []netip.Prefix) string { return secgroup.NewAddressSet(prefixes...).String() }
