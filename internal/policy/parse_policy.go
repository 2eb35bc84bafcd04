package policy

import (
	"strings"
)

// policy makes the document of a policy. After a fault it is incomplete, and
// never used.
func (p *folderReader) policy(f *policyFile) Document {
	d := Document{
		File: f.source.file, Line: f.line, Shipped: f.pack != "",
		Chosen: f.Intent.text == "chosen", Mode: modeOf(f.Mode),
	}
	f.scope = f.position
	if m := f.Metadata; m != nil {
		p.metadata(m, &d)
		f.scope = m.ID.position
	}
	if f.Scope != nil {
		f.scope = f.key("scope")
		d.Scope, d.Not = p.scope(f.Scope)
	}
	p.judged(f, &d)
	d.Tolerate = p.tolerate(f.Tolerate)
	d.Except = p.except(f.Except, "policy "+d.ID)
	d.Remedy = p.remedy(f.Remedy, d.ID)
	if len(d.Require) > 0 {
		p.fitRequire(&d, requireKeys{
			remedy: f.key("remedy"), tolerate: f.key("tolerate"), except: f.key("except"), require: f.key("require"), groups: groupKeyOf(f.Require),
		})
	}
	if d.OnChange != nil {
		p.remedyOfCalls(f.Remedy)
		p.tolerateOfCalls(f.Tolerate)
	}
	return d
}

func (p *folderReader) metadata(m *metadataSyntax, d *Document) {
	d.Line = m.ID.line
	d.ID, d.Title, d.Maturity, d.Why, d.Fix = m.ID.text, m.Title.text, m.Maturity.text, m.Why.text, m.Fix.text
	if d.Maturity == "" {
		d.Maturity = "stable"
	}
	if strings.Contains(d.Title, "\n") {
		p.fault(m.Title.position, "the rest belongs under why", "the title has more than one line")
	}
	d.Severity = severityOf(m.Severity)
	d.Checks = texts(m.Checks)
	if len(m.Controls) > 0 {
		d.Controls = make(map[string][]string, len(m.Controls))
	}
	for _, c := range m.Controls {
		d.Controls[c.key.text] = texts(c.value)
	}
}

// judged reads what the policy judges: exactly one of four keys.
func (p *folderReader) judged(f *policyFile, d *Document) {
	keys := []string{"forbid", "allowOnly", "require", "onChange"}
	var given []string
	for _, k := range keys {
		if f.key(k).given() {
			given = append(given, k)
		}
	}
	switch {
	case len(given) == 0:
		p.fault(f.position, "add one of "+strings.Join(keys, ", "), "the policy judges nothing")
	case len(given) > 1:
		for _, k := range given[1:] {
			p.fault(f.key(k), "make two policies of it", "a policy has one of forbid, allowOnly, require and onChange; this one has %s already", given[0])
		}
	}
	for i := range f.Forbid {
		d.Forbid = append(d.Forbid, p.forbid(&f.Forbid[i]))
	}
	if f.AllowOnly != nil {
		d.AllowOnly = p.allowOnly(f.AllowOnly)
	}
	for i := range f.Require {
		d.Require = append(d.Require, p.require(&f.Require[i]))
	}
	if f.OnChange != nil {
		d.OnChange = p.onChange(f.OnChange)
		if f.Scope != nil {
			p.noUseOfCalls(f.Scope)
		}
	}
}

// noUseOfCalls refuses scopes of policies that judge calls and ask what uses the
// group: a call is judged by its record, which does not tell.
func (p *folderReader) noUseOfCalls(s *scopeSyntax) {
	for _, c := range []*conditionsSyntax{&s.conditionsSyntax, s.Not} {
		if c != nil && c.key("usedBy").given() {
			p.fault(c.key("usedBy"), "remove it", "a policy with onChange judges calls by their records, which do not tell what uses the group")
		}
	}
}

func severityOf(w word) Severity {
	return Severity(severityNames.value(w.text))
}

func modeOf(w word) Mode {
	return Mode(modeNames.value(w.text))
}

func texts(words []word) []string {
	var out []string
	for _, w := range words {
		out = append(out, w.text)
	}
	return out
}

// scope gives the conditions of a scope, and those of scope.not, nil for none.
func (p *folderReader) scope(s *scopeSyntax) (Scope, *Scope) {
	in := p.conditions(&s.conditionsSyntax)
	if s.Not == nil {
		return in, nil
	}
	not := p.conditions(s.Not)
	if not.isEmpty() {
		p.fault(s.key("not"), "name what it leaves out", "scope.not without a condition leaves out every group")
	}
	return in, &not
}

// isNotAlone reports whether a scope says whom it leaves out, and nothing else.
func (s *scopeSyntax) isNotAlone() bool { return s.Not != nil && len(s.pairs) == 1 }

func (p *folderReader) conditions(c *conditionsSyntax) Scope {
	s := Scope{Line: c.line}
	for _, v := range c.VPCs {
		s.VPCs = append(s.VPCs, v.text)
	}
	for _, a := range c.Accounts {
		s.Accounts = append(s.Accounts, a.text)
	}
	for _, r := range c.Regions {
		s.Regions = append(s.Regions, r.text)
	}
	for _, k := range c.UsedBy {
		s.UsedBy = append(s.UsedBy, k.text)
	}
	if g := c.Groups; g != nil {
		s.Names = texts(g.Names)
		for _, id := range g.IDs {
			s.IDs = append(s.IDs, id.text)
		}
		for _, t := range g.Tags {
			if s.Tags == nil {
				s.Tags = map[string][]string{}
			}
			s.Tags[t.key.text] = texts(t.value)
		}
		s.Default = g.Default.value
	}
	return s
}

// isEmpty reports whether every group is in the scope.
func (s Scope) isEmpty() bool {
	return len(s.Names)+len(s.IDs)+len(s.Tags)+len(s.VPCs)+len(s.Accounts)+len(s.Regions)+len(s.UsedBy) == 0 && s.Default == nil
}

// tolerate gives the tolerance; nil syntax tolerates nothing.
func (p *folderReader) tolerate(t *tolerateSyntax) Tolerance {
	out := Tolerance{IPv4: -1, IPv6: -1}
	if t == nil {
		return out
	}
	out.Line, out.PerRule = t.line, t.Per.text == "rule"
	if t.IPv4.given() {
		out.IPv4 = t.IPv4.bits
	}
	if t.IPv6.given() {
		out.IPv6 = t.IPv6.bits
	}
	if !t.key("ipv4").given() && !t.key("ipv6").given() {
		p.fault(t.position, "add ipv4: /16, or ipv6: /32", "tolerate without a bound tolerates nothing")
	}
	return out
}

func (p *folderReader) except(list []exceptSyntax, owner string) []Except {
	var out []Except
	for i := range list {
		e := &list[i]
		x := Except{Line: e.line, Reason: e.Reason.text, Until: e.Until.until}
		for _, a := range e.Actors {
			x.Actors = append(x.Actors, a.text)
		}
		if e.Until.given() {
			p.out.forLint.deadlines = append(p.out.forLint.deadlines, deadline{e.Until.position, "the exception of " + owner, e.Until.until})
		}
		out = append(out, x)
	}
	return out
}
