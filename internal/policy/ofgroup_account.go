package policy

import (
	"fmt"
	"strings"
)

// JudgesGroups reports whether the policy requires something of groups
// themselves.
func (p *Policy) JudgesGroups() bool { return len(p.ofGroup) > 0 }

// GroupAccounts is what every policy that requires something of groups
// themselves says of the group of a verdict, which is Evaluate's on the same
// input, in policy order.
func (s *Set) GroupAccounts(in Input, v Verdict) []Account {
	j := newJudgement(s, in)
	j.naming = newNaming(&in.Live, in.Changes)
	var findings []Finding
	for _, r := range v.Group {
		findings = append(findings, r.Findings...)
	}
	var out []Account
	for _, p := range s.Policies {
		if !p.JudgesGroups() {
			continue
		}
		a := p.account(j.facts, findings)
		if a.isFine() {
			a.Finding.Line = p.ofGroup[0].Line
			var texts []string
			for i := range p.ofGroup {
				texts = append(texts, j.inOrder(&p.ofGroup[i])...)
			}
			a.Fine = strings.Join(texts, "; ")
		}
		out = append(out, a)
	}
	return out
}

// inOrder says, one by one, in what the group is as it is required to be. Facts that
// were not read are told as such.
func (j *judgement) inOrder(d *groupDemand) []string {
	var out []string
	add := func(asked bool, format string, values ...any) {
		if asked {
			out = append(out, fmt.Sprintf(format, values...))
		}
	}
	live, facts := &j.in.Live, &j.in.Facts.Surroundings
	add(d.Description, "it has a description")
	add(d.NotDescribed != nil, "its description is none of %s", quotedList(d.NotDescribed))
	add(d.NotNamed != nil, "its name is none of %s", quotedList(d.NotNamed))
	add(d.Tags != nil, "it has the tags %s", strings.Join(d.Tags, ", "))
	add(d.MaxRules > 0, "it has %d rules, where %d may be", len(live.Rules), d.MaxRules)
	if d.Attached != nil {
		switch use := facts.Interfaces; {
		case use == nil:
			out = append(out, "what uses it was not read")
		case *d.Attached:
			out = append(out, "it is used by "+some3(use.IDs))
		default:
			out = append(out, "no network interface uses it")
		}
	}
	if d.Distinct == 0 && d.MaxGroups == 0 {
		return out
	}
	if facts.Groups == nil {
		return append(out, "the other groups were not read")
	}
	add(d.Distinct == NotIdentical, "no other group of its VPC opens the same")
	add(d.Distinct == NotCovered, "no other group of its VPC opens all that it opens")
	switch n := len(facts.Groups.Groups); {
	case d.MaxGroups == 0:
	case n > d.MaxGroups:
		add(true, "that the region has %d groups, where %d may be, is said of another group", n, d.MaxGroups)
	default:
		add(true, "the region has %d groups, where %d may be", n, d.MaxGroups)
	}
	return out
}

func quotedList(texts []string) string {
	var out []string
	for _, t := range texts {
		out = append(out, fmt.Sprintf("%q", t))
	}
	return strings.Join(out, ", ")
}
