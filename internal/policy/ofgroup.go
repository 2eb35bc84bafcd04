package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// groupDemand is one entry of `require` about the group itself.
type groupDemand struct {
	*Requirement
	notDescribed, notNamed []string // globs for matchFolded
}

func groupDemands(d Document) []groupDemand {
	var out []groupDemand
	for i := range d.Require {
		if r := &d.Require[i]; r.Where == nil {
			out = append(out, groupDemand{r, lowered(r.NotDescribed), lowered(r.NotNamed)})
		}
	}
	return out
}

// judgeGroup fills in what policies require of the group itself and do not
// find: one entry per policy, however much it is.
func (j *judgement) judgeGroup(v *Verdict) {
	for _, i := range j.set.groups {
		p := j.set.Policies[i]
		if p.applies(&j.facts) == no {
			continue
		}
		lack := j.lackOfGroup(p)
		v.need(lack.needs...)
		if lack.text != "" || lack.unread != "" {
			rv, needs := j.groupVerdict(p, lack)
			v.need(needs...)
			v.Group = append(v.Group, rv)
		}
	}
}

// groupLack is what a group is not that a policy requires.
type groupLack struct {
	text   string // "" = nothing that is known
	unread string // a fact that could not be read, and why; "" = none
	needs  []Need // facts that were not read yet
	grace  time.Duration
	line   int
}

// lackOfGroup goes through what p requires of the group. Several things that
// it lacks are one, with the shortest grace.
func (j *judgement) lackOfGroup(p *Policy) groupLack {
	var out groupLack
	for i := range p.ofGroup {
		d := &p.ofGroup[i]
		text := d.lack(&j.in.Live)
		if text == "" {
			l := j.lackOfFacts(p, d)
			text = l.text
			out.unread = cmp.Or(out.unread, l.unread)
			if l.need != "" {
				out.needs = append(out.needs, l.need)
			}
		}
		if text == "" {
			continue
		}
		if out.text == "" {
			out.text, out.line, out.grace = text, d.Line, d.Grace
		} else {
			out.text, out.grace = out.text+"; "+text, min(out.grace, d.Grace)
		}
	}
	return out
}

// lack says what the group is not; "" = it is as required.
func (d *groupDemand) lack(g *secgroup.Group) string {
	switch {
	case d.Description && g.Description == "":
		return "it has no description"
	case d.MaxRules > 0 && len(g.Rules) > d.MaxRules:
		return fmt.Sprintf("it has %d rules, where %d may be", len(g.Rules), d.MaxRules)
	}
	for _, glob := range d.notDescribed {
		if matchFolded(glob, g.Description) {
			return fmt.Sprintf("its description is one of %q", glob)
		}
	}
	for _, glob := range d.notNamed {
		if matchFolded(glob, g.Name) {
			return fmt.Sprintf("its name is one of %q", glob)
		}
	}
	var missing []string
	for _, key := range d.Tags {
		if g.Tags[key] == "" {
			missing = append(missing, key)
		}
	}
	if missing == nil {
		return ""
	}
	return "it lacks the tags " + strings.Join(missing, ", ")
}

// groupVerdict is what p says of a group that is not as it requires, and what
// it has yet to be told.
func (j *judgement) groupVerdict(p *Policy, lack groupLack) (RuleVerdict, []Need) {
	s := j.groupSubject(p)
	rv := RuleVerdict{Rule: s.rule, Known: s.known, Named: s.acts, By: s.by, Decision: Keep}
	r := ruling{subject: s, Finding: Finding{Policy: p, File: p.File, Line: lack.line, Lacks: lack.text}}
	if r.Line == 0 {
		r.Line = p.Line
	}
	e := j.excuse(p, s)
	rv.Void = j.voided[s.rule.ID]
	switch graced := s.since.Add(lack.grace); {
	case e.flows().Covers(s.region):
		excusedState(&r, &e)
	case lack.text == "":
		j.unreadState(&r, &e, lack.unread)
	case lack.grace > 0 && graced.After(j.in.Now) && j.beforeAct(p, s) == "": // what stood is marked, not graced
		j.askUse(&r)
		r.State, r.Until = Graced, graced
		r.Why = "stands for a grace of " + lack.grace.String() + ": " + lack.text
	default:
		j.dueState(&r, &e)
	}
	r.Why = withLack(r.Why, lack.text)
	if r.State == Tagging {
		rv.Decision = Tag
	}
	rv.Due, rv.Findings = r.State.isDue(), []Finding{r.Finding}
	return rv, r.needs
}

// unreadState is for a group of which a fact could not be read.
func (j *judgement) unreadState(r *ruling, e *excuse, unread string) {
	j.askUse(r)
	if reason := j.beforeAct(r.Policy, r.subject); reason != "" {
		r.State, r.Why = BeforeAct, reason
		return
	}
	r.State, r.Why = Unknown, withDenied(unread, e)
}

// groupSubject is the group itself as a subject: all flows of an atom of its
// own, so that exemptions and marks cover it or do not.
func (j *judgement) groupSubject(p *Policy) *subject {
	id := secgroup.GroupEntry(j.in.Live.ID, p.ID)
	s := &subject{rule: secgroup.Rule{ID: id}, since: j.in.Now}
	s.region = secgroup.NewRegion(secgroup.Slice{Protocols: secgroup.EveryProtocol, Span: secgroup.FullSpan, Atoms: []string{id}})
	s.marked = s.region
	if known, ok := j.in.Known.Rules[id]; ok {
		s.known = &known
		if !known.Since.IsZero() {
			s.since = known.Since
		}
	}
	for i := range j.in.Changes {
		c := &j.in.Changes[i]
		if c.ErrorCode != "" || c.Effect != secgroup.Creates && c.Effect != secgroup.Retags {
			continue
		}
		s.acts = true
		if s.by == nil || s.by.EventTime.Before(c.EventTime) {
			s.by = (&named{change: c}).attribution()
		}
	}
	return s
}

// All is Rules and Group.
func (v *Verdict) All() []RuleVerdict {
	if len(v.Group) == 0 {
		return v.Rules
	}
	return slices.Concat(v.Rules, v.Group)
}
