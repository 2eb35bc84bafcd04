package policy

import "slices"

// The keys of a requirement, by what they are about.
var (
	ruleKeys  = []string{"maxPorts", "maxPrefix", "references", "elastic"}
	groupKeys = []string{"tags", "notNamed", "maxRules", "attached", "distinct", "maxGroups", "grace"}
	bothKeys  = []string{"description", "notDescribed"}
)

// require gives one entry of `require`. Whether it is about rules or the group
// is said by `where`, so that a key of the other kind is a fault.
func (p *folderReader) require(r *requireSyntax) Requirement {
	out := Requirement{
		Line: r.line, NotDescribed: texts(r.NotDescribed), MaxPorts: r.MaxPorts.value,
		Alive: r.References.text == "alive", Elastic: r.Elastic.text == "own",
		Tags: texts(r.Tags), NotNamed: texts(r.NotNamed), MaxRules: r.MaxRules.value, Grace: r.Grace.duration,
		Attached: r.Attached.value, MaxGroups: r.MaxGroups.value,
	}
	switch r.Distinct.text {
	case "identical":
		out.Distinct = NotIdentical
	case "covered":
		out.Distinct = NotCovered
	}
	isRule := r.key("where").given()
	if r.Where != nil {
		where := p.outer(r.Where.box())
		out.Where = &where
	}
	for _, k := range ruleKeys {
		if r.key(k).given() && !isRule {
			p.fault(r.key(k), "say under where which rules it is about", "%s is about rules, and without where the group itself is meant", k)
		}
	}
	for _, k := range groupKeys {
		if r.key(k).given() && isRule {
			p.fault(r.key(k), "make an entry of its own of it, without where", "%s is about the group, and where says which rules are meant", k)
		}
	}
	if d := r.Description; d.value != nil {
		if out.Description = *d.value; !out.Description {
			p.fault(d.position, "remove it: what is not required need not be said", "description must be true")
		}
	}
	if r.MaxPrefix != nil {
		out.MaxIPv4, out.MaxIPv6 = r.MaxPrefix.IPv4.bits, r.MaxPrefix.IPv6.bits
		if !r.MaxPrefix.key("ipv4").given() && !r.MaxPrefix.key("ipv6").given() {
			p.fault(r.MaxPrefix.position, "add ipv4: /16, or ipv6: /32", "maxPrefix without a bound requires nothing")
		}
	}
	if !r.requiresSomething() {
		hint := "add description, notDescribed, tags, notNamed, maxRules, attached, distinct or maxGroups; or where, and what its rules must be"
		if isRule {
			hint = "add description, notDescribed, maxPorts, maxPrefix, references or elastic"
		}
		p.fault(r.position, hint, "nothing is required")
	}
	return out
}

// requiresSomething reports whether a key beside where and grace is there.
func (r *requireSyntax) requiresSomething() bool {
	for _, keys := range [][]string{bothKeys, ruleKeys, groupKeys} {
		for _, k := range keys {
			if k != "grace" && r.key(k).given() {
				return true
			}
		}
	}
	return false
}

// requireKeys is where the keys stand that must fit to what is required.
type requireKeys struct{ remedy, tolerate, except, require, groups position }

// groupKeyOf is where the first entry about the group stands.
func groupKeyOf(list []requireSyntax) position {
	for i := range list {
		if !list[i].key("where").given() {
			return list[i].position
		}
	}
	return position{}
}

// fitRequire refuses what has no meaning beside a requirement: it forbids no
// region, so that there is none to tolerate a part of or to narrow to, and a
// group cannot be taken back, and was made by nobody whom its records name.
func (p *folderReader) fitRequire(d *Document, at requireKeys) {
	if at.tolerate.given() {
		p.fault(at.tolerate, "remove it", "tolerate counts addresses that are forbidden, and require forbids none")
	}
	ofGroup := d.requiresOfGroup()
	if ofGroup && at.except.given() {
		p.fault(at.except, "name groups under scope.not, or exempt one in the settings", "except is about who made a rule, and nobody is known to have made the group be so")
	}
	place := at.remedy
	if !place.given() {
		place = at.groups
	}
	switch {
	case d.Remedy.Do == DoNarrow && at.remedy.given():
		p.fault(at.remedy, "write revert, tag or alert", "narrow has nothing to narrow to: require does not say which part of a rule may stay")
	case ofGroup && d.Remedy.Do == DoRevert && place.given():
		p.fault(place, "write remedy: tag, or remedy: alert; make two policies where rules shall be reverted", "what is required of the group itself cannot be reverted")
	}
}

// requiresOfGroup reports whether an entry is about the group itself.
func (d *Document) requiresOfGroup() bool {
	for _, r := range d.Require {
		if r.Where == nil {
			return true
		}
	}
	return false
}

// overrideRequire changes values of what a policy requires, and refuses what
// then does not fit together.
func (p *folderReader) overrideRequire(f *policyFile, o *overrideSyntax) {
	if r := o.Require; r != nil {
		p.overrideValues(f, r)
	}
	if len(f.doc.Require) > 0 {
		p.fitRequire(&f.doc, requireKeys{remedy: o.key("remedy"), tolerate: o.key("tolerate"), except: o.key("except")})
	}
}

// overrideBounds puts other bounds in place: a family that is not named keeps
// its own, as without one it would have none.
func (r *Requirement) overrideBounds(p *prefixesSyntax) {
	if p.key("ipv4").given() {
		r.MaxIPv4 = p.IPv4.bits
	}
	if p.key("ipv6").given() {
		r.MaxIPv6 = p.IPv6.bits
	}
}

func (p *folderReader) overrideValues(f *policyFile, r *requiredSyntax) {
	prefixes := r.MaxPrefix
	if prefixes == nil {
		prefixes = &prefixesSyntax{}
	}
	list := slices.Clone(f.doc.Require) // of the document as it was, for what has no effect
	f.doc.Require = list
	for _, v := range []struct {
		key string
		has func(*Requirement) bool
		set func(*Requirement)
	}{
		{"notDescribed", func(q *Requirement) bool { return len(q.NotDescribed) > 0 }, func(q *Requirement) { q.NotDescribed = texts(r.NotDescribed) }},
		{"maxPorts", func(q *Requirement) bool { return q.MaxPorts > 0 }, func(q *Requirement) { q.MaxPorts = r.MaxPorts.value }},
		{"maxPrefix", func(q *Requirement) bool { return q.MaxIPv4+q.MaxIPv6 > 0 }, func(q *Requirement) { q.overrideBounds(prefixes) }},
		{"tags", func(q *Requirement) bool { return len(q.Tags) > 0 }, func(q *Requirement) { q.Tags = texts(r.Tags) }},
		{"notNamed", func(q *Requirement) bool { return len(q.NotNamed) > 0 }, func(q *Requirement) { q.NotNamed = texts(r.NotNamed) }},
		{"maxRules", func(q *Requirement) bool { return q.MaxRules > 0 }, func(q *Requirement) { q.MaxRules = r.MaxRules.value }},
		{"maxGroups", func(q *Requirement) bool { return q.MaxGroups > 0 }, func(q *Requirement) { q.MaxGroups = r.MaxGroups.value }},
		{"grace", func(q *Requirement) bool { return q.Grace > 0 }, func(q *Requirement) { q.Grace = r.Grace.duration }},
	} {
		if !r.key(v.key).given() {
			continue
		}
		n, at := 0, 0
		for i := range list {
			if v.has(&list[i]) {
				n, at = n+1, i
			}
		}
		switch n {
		case 0:
			p.fault(r.key(v.key), "write a policy of your own", "policy %s requires no %s", f.doc.ID, v.key)
		case 1:
			v.set(&list[at])
		default:
			p.fault(r.key(v.key), "write a policy of your own", "policy %s has %s in %d entries: it is not clear which is meant", f.doc.ID, v.key, n)
		}
	}
	if r.MaxPrefix != nil && !prefixes.key("ipv4").given() && !prefixes.key("ipv6").given() {
		p.fault(r.MaxPrefix.position, "add ipv4: /16, or ipv6: /32", "maxPrefix without a bound requires nothing")
	}
	if len(r.pairs) == 0 {
		p.fault(r.position, "add a key, or remove it", "nothing of what is required is changed")
	}
}
