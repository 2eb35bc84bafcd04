package policy

import (
	"slices"
)

// overridden makes the document of a policy, with what the settings change of
// it: docs/design/0020.
func (p *folderReader) overridden(f *policyFile, overrides keyed[overrideSyntax]) {
	p.sets.shipped = f.pack != ""
	var o *keyedEntry[overrideSyntax]
	if f.Metadata != nil {
		id := f.Metadata.ID.text
		if i := slices.IndexFunc(overrides, func(e keyedEntry[overrideSyntax]) bool { return e.key.text == id }); i >= 0 && id != "" {
			o = &overrides[i]
		}
	}
	if o == nil {
		f.doc = p.policy(f)
		return
	}
	p.localSets(&o.value)
	p.overridePorts(f, &o.value)
	f.doc = p.policy(f)
	p.sets.shipped = false
	p.applyOverride(f, &o.value, o.key)
	p.sets.local = nil
}

// applyOverride changes the document of a policy. What the policy itself may
// not say is a fault here too, at the place of the override.
func (p *folderReader) applyOverride(f *policyFile, o *overrideSyntax, id word) {
	p.overrideOff(f, o, id.text)
	was := f.doc
	if o.Severity.text != "" {
		f.doc.Severity = severityOf(o.Severity)
	}
	p.overrideMode(f, o)
	if o.Remedy != nil {
		p.dropNarrowTo(id.text)
		f.doc.Remedy = p.remedy(o.Remedy, id.text)
	}
	p.overrideScope(f, o)
	if o.Tolerate != nil {
		f.doc.Tolerate = p.tolerate(o.Tolerate)
		f.doc.Tolerate.File = o.source.file
	}
	for _, e := range p.except(o.Except, "policy "+id.text) {
		e.File = o.source.file
		f.doc.Except = append(f.doc.Except, e)
	}
	p.overrideRequire(f, o)
	p.overrideBut(f, o)
	p.overrideCalls(o, f)
	p.unnamedSets(f, o)
	if f.doc.Chosen && f.doc.Scope.isEmpty() && !f.off {
		at, hint := id.position, "give it a scope here, or take the override out"
		if o.Scope != nil {
			at, hint = o.key("scope"), "name the groups that it is for"
		}
		p.fault(at, hint, "policy %s stays off: it is chosen, and has no scope", id.text)
	}
	p.noEffect(o, was, f.doc, id)
	for _, pair := range o.pairs {
		if p.out.Overridden == nil {
			p.out.Overridden = map[string][]string{}
		}
		p.out.Overridden[id.text] = append(p.out.Overridden[id.text], pair.key.text)
	}
}

// overrideOff switches a policy off: whatever else is said of it then has no
// effect, and whoever wrote it expects one.
func (p *folderReader) overrideOff(f *policyFile, o *overrideSyntax, id string) {
	f.off = o.Off.value != nil && *o.Off.value
	if !f.off {
		return
	}
	f.offAt = o.key("off")
	for _, pair := range o.pairs {
		if pair.key.text != "off" {
			p.fault(pair.key.position, "remove it, or remove off", "policy %s is off: %s changes nothing", id, pair.key.text)
		}
	}
}

func (p *folderReader) overrideMode(f *policyFile, o *overrideSyntax) {
	mode := modeOf(o.Mode)
	switch {
	case mode == 0:
	case f.doc.Mode == Observe && mode == Enforce:
		p.fault(o.Mode.position, "change the mode of the policy itself", "the policy observes: an override may lower its mode, never raise it")
	default:
		f.doc.Mode = mode
	}
}

// overrideScope changes the part of a scope that is given: whom the policy is
// for, or whom it leaves out. Who narrows the first must not judge the second.
func (p *folderReader) overrideScope(f *policyFile, o *overrideSyntax) {
	if o.Scope == nil {
		return
	}
	f.scope = o.key("scope")
	if f.doc.OnChange != nil {
		p.noUseOfCalls(o.Scope)
	}
	if !o.Scope.isNotAlone() {
		f.doc.Scope = p.conditions(&o.Scope.conditionsSyntax)
		f.doc.Scope.File = o.source.file
	}
	if o.Scope.Not == nil {
		return
	}
	f.doc.Not = nil
	if not := p.conditions(o.Scope.Not); !not.isEmpty() {
		not.File = o.source.file
		f.doc.Not = &not
	}
}

// overrideBut leaves something out of every box of the policy.
func (p *folderReader) overrideBut(f *policyFile, o *overrideSyntax) {
	if len(o.But) > 0 && len(f.Forbid) == 0 && (f.AllowOnly == nil || f.AllowOnly.Within == nil) {
		p.fault(o.key("but"), "remove it", "policy %s has no box that something could be left out of", f.doc.ID)
		return
	}
	for i := range o.But {
		b := o.But[i].box()
		if p.isEverything(b) {
			continue
		}
		met := false
		leftOut := func(box Clause, flows flowSyntax) Clause {
			c := p.inner(b, box, flows)
			c.File = o.source.file
			met = met || !certainlyApart(box, c)
			return c
		}
		for k := range f.doc.Forbid {
			box := &f.doc.Forbid[k]
			box.But = append(box.But, leftOut(*box, f.Forbid[k].flowSyntax))
		}
		if a := f.doc.AllowOnly; a != nil {
			a.These = append(a.These, leftOut(a.Within, f.AllowOnly.Within.flowSyntax))
		}
		if !met {
			p.fault(b.at, "remove it", "this exception never applies: policy %s forbids none of it", f.doc.ID)
		}
	}
}

// isEverything refuses an exception that leaves out whole boxes.
func (p *folderReader) isEverything(b boxSyntax) bool {
	empty := !b.direction.given() && b.flows.isEmpty() && len(b.peers) == 0
	if empty {
		p.fault(b.at, "name what it leaves out", "an exception without any key leaves out the whole box")
	}
	return empty
}

// noEffect points out what an override says as the policy itself says it.
func (p *folderReader) noEffect(o *overrideSyntax, was, is Document, id word) {
	if len(o.pairs) == 0 {
		p.unchanged(id.position, "the override of "+id.text)
	}
	same := map[string]bool{
		"off":      o.Off.value != nil && !*o.Off.value,
		"severity": is.Severity == was.Severity,
		"mode":     is.Mode == was.Mode,
		"remedy":   is.Remedy.equal(was.Remedy),
		"scope":    is.Scope.equal(was.Scope) && (is.Not == nil) == (was.Not == nil) && (is.Not == nil || is.Not.equal(*was.Not)),
		"tolerate": is.Tolerate.equal(was.Tolerate),
		"require":  slices.EqualFunc(is.Require, was.Require, func(a, b Requirement) bool { return a.meaning() == b.meaning() }),
		"unless":   is.OnChange != nil && was.OnChange != nil && is.OnChange.Unless.equal(was.OnChange.Unless),
	}
	for _, pair := range o.pairs {
		if same[pair.key.text] {
			p.unchanged(pair.key.position, pair.key.text)
		}
	}
}

func (p *folderReader) unchanged(at position, what string) {
	p.warn(at, "remove it", "%s changes nothing: the policy says so itself", what)
}

// unknownOverrides refuses overrides of policies that are not there.
func (p *folderReader) unknownOverrides(overrides keyed[overrideSyntax]) {
	for _, o := range overrides {
		if p.byID[o.key.text] == nil {
			p.fault(o.key.position, p.policyHint(o.key), "unknown policy %q", o.key.text)
		}
	}
}

func (p *folderReader) dropNarrowTo(id string) {
	p.out.forLint.narrowTo = slices.DeleteFunc(p.out.forLint.narrowTo, func(n narrowTo) bool { return n.policy == id })
}
