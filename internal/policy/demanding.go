package policy

import (
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// demanding judges subjects under a policy that requires something of rules.
// What lacks it is too much as a whole: a rule cannot be taken back in part
// for having no description. An exemption or a mark must cover all flows of the
// rule that the box holds.
func (j *judgement) demanding(p *Policy, subjects []*subject) []ruling {
	var out []ruling
	for _, s := range subjects {
		f := j.faultOf(p, s)
		if f.lacks == "" && !f.unknown && f.unread == "" {
			continue
		}
		e := j.excuse(p, s)
		r := ruling{subject: s, kept: e.flows(), Finding: Finding{Policy: p, File: p.File, Line: f.line, Lacks: f.lacks}}
		if f.lacks != "" {
			r.Excess = s.region
		}
		switch {
		case !e.flows().Covers(f.culprit):
			j.dueState(&r, &e)
			r.needs = append(r.needs, j.needsFor(&r)...)
		case e.flows().Covers(f.doubtful):
			excusedState(&r, &e)
			r.needs = j.needsBeyond(p, s, s.region.Subtract(r.kept))
		default: // what is certain, if anything is, is excused
			r.Excess, r.Lacks = secgroup.Region{}, ""
			if f.unknown {
				j.unknownState(&r, &e)
			} else {
				j.unreadState(&r, &e, f.unread)
			}
		}
		r.Why = withLack(r.Why, r.Lacks)
		out = append(out, r)
	}
	return out
}

// withLack says what is lacking where a reason only says that something is.
func withLack(why, lacks string) string {
	if lacks == "" {
		return why
	}
	if rest, ok := strings.CutPrefix(why, "violates"); ok {
		return "violates: " + lacks + rest
	}
	return why
}

// fault is what a policy has against a rule that lacks something.
type fault struct {
	lacks   string // "" = nothing that is certain
	unknown bool   // it may lack something: its peer is not known
	unread  string // it may lack something: a fact could not be read, and why
	line    int    // of the first box that it is about
	// culprit is the flows in boxes of which it certainly lacks something,
	// doubtful those in boxes of which it may.
	culprit, doubtful secgroup.Region
}

// faultOf goes through the boxes of a policy.
func (j *judgement) faultOf(p *Policy, s *subject) fault {
	var f fault
	for _, c := range p.clauses {
		part := s.region.Intersect(c.forbidden(s.rule.Direction, s.rule.Peer, j.at))
		certain := !part.IsEmpty()
		if !certain && s.isOpaque() {
			part = s.region.Intersect(c.region(s.rule.Direction, s.rule.Peer, j.at, atMost))
		}
		if part.IsEmpty() {
			continue
		}
		l := c.demand.lack(&s.rule, &j.in.Facts.Surroundings)
		lacks := l.text
		if lacks == "" && !l.opaque && l.unread == "" {
			continue
		}
		if f.line == 0 {
			f.line = c.line
		}
		if lacks != "" && certain {
			f.culprit = f.culprit.Union(part)
		} else {
			f.doubtful = f.doubtful.Union(part)
		}
		switch {
		case lacks == "" && !l.opaque:
			f.unread = l.unread
		case lacks == "" || !certain:
			f.unknown = true
		case f.lacks == "":
			f.lacks = lacks
		case !strings.Contains(f.lacks, lacks):
			f.lacks += "; " + lacks
		}
	}
	return f
}
