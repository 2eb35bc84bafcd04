package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// lackOfFacts says what a group is not that only facts beyond it tell. What was
// not read is not asked for where nobody can have news: then the group is as it
// was known.
func (j *judgement) lackOfFacts(p *Policy, d *groupDemand) lacking {
	l := j.lackBeyond(d)
	if l.need != "" && !j.mayBeNews(p) {
		return lacking{}
	}
	return l
}

// mayBeNews reports whether the facts beyond the group may say something else
// of it than its item does. Calls about its rules alone are no cause to think
// so while the item has nothing about it: a pass over all groups reads these
// facts once for all of them, and a call on a group would read them for each.
func (j *judgement) mayBeNews(p *Policy) bool {
	if _, known := j.in.Known.Rules[secgroup.GroupEntry(j.in.Live.ID, p.ID)]; known || len(j.in.Changes) == 0 {
		return true
	}
	return slices.ContainsFunc(j.in.Changes, func(c secgroup.Change) bool {
		return c.Effect != secgroup.Names && c.Effect != secgroup.Narrows && c.Effect != secgroup.Describe
	})
}

func (j *judgement) lackBeyond(d *groupDemand) lacking {
	facts := &j.in.Facts.Surroundings
	if d.Attached != nil {
		if l := lackOfUse(*d.Attached, facts.Interfaces); l != (lacking{}) {
			return l
		}
	}
	if d.Distinct == 0 && d.MaxGroups == 0 {
		return lacking{}
	}
	switch {
	case facts.Groups == nil:
		return lacking{need: NeedGroups}
	case facts.Groups.Refused != "":
		return lacking{unread: "the other groups could not be read: " + facts.Groups.Refused}
	}
	if twins := facts.Groups.twins(j.in.Live.ID, d.Distinct); twins != nil {
		if d.Distinct == NotCovered {
			return lacking{text: "all that it opens is opened by " + some3(twins)}
		}
		return lacking{text: "it opens the same as " + some3(twins)}
	}
	if n := len(facts.Groups.Groups); d.MaxGroups > 0 && n > d.MaxGroups && j.standsForAll(facts.Groups.Groups) {
		return lacking{text: fmt.Sprintf("it is one of %d groups of the region, where %d may be", n, d.MaxGroups)}
	}
	return lacking{}
}

func lackOfUse(attached bool, use *Interfaces) lacking {
	switch {
	case use == nil:
		return lacking{need: NeedInterfaces}
	case use.Refused != "":
		return lacking{unread: "the network interfaces that it is on could not be read: " + use.Refused}
	case attached && len(use.IDs) == 0:
		return lacking{text: "no network interface uses it"}
	case !attached && len(use.IDs) > 0:
		text := "it is used by " + some3(use.IDs)
		if use.More && len(use.IDs) <= 3 {
			text += " and others"
		}
		return lacking{text: text}
	}
	return lacking{}
}

// some3 is a list of ids in words.
func some3(ids []string) string {
	switch more := len(ids) - 3; {
	case more == 1:
		return strings.Join(ids[:3], ", ") + " and another"
	case more > 0:
		return fmt.Sprintf("%s and %d others", strings.Join(ids[:3], ", "), more)
	}
	return strings.Join(ids, ", ")
}

// twins gives the other groups of the VPC that open the same as the group, or,
// for NotCovered, all of it, by id; nil = none. A group that opens nothing is a
// label that rules of others name: it has no twins.
func (a *AllGroups) twins(id string, distinct Distinct) []string {
	if distinct == 0 {
		return nil
	}
	a.once.Do(a.workOut)
	own, ok := a.places[id]
	if !ok || a.flows[own].ingress.IsEmpty() {
		return nil // not ok: younger than the list of groups
	}
	var twins []string
	for i, g := range a.Groups {
		if i == own || g.VPCID != a.Groups[own].VPCID {
			continue
		}
		if a.flows[i].equal(a.flows[own]) || distinct == NotCovered && a.flows[i].cover(a.flows[own]) {
			twins = append(twins, g.ID)
		}
	}
	slices.Sort(twins)
	return twins
}

func (a *AllGroups) workOut() {
	a.places, a.flows = make(map[string]int, len(a.Groups)), make([]groupFlows, len(a.Groups))
	for i, g := range a.Groups {
		a.places[g.ID], a.flows[i] = i, flowsOfGroup(g)
	}
}

// groupFlows is what the rules of a group open together. A reference to the
// group itself is the same for all that have one.
type groupFlows struct{ ingress, egress secgroup.Region }

func flowsOfGroup(g secgroup.Group) groupFlows {
	var f groupFlows
	for _, r := range g.Rules {
		if ref, ok := r.Peer.(secgroup.GroupReference); ok && ref.GroupID == g.ID {
			r.Peer = secgroup.GroupReference{GroupID: "self"}
		}
		switch r.Direction {
		case secgroup.Ingress:
			f.ingress = f.ingress.Union(regionOfRule(r))
		case secgroup.Egress:
			f.egress = f.egress.Union(regionOfRule(r))
		}
	}
	return f
}

func (f groupFlows) equal(o groupFlows) bool {
	return f.ingress.Equal(o.ingress) && f.egress.Equal(o.egress)
}

func (f groupFlows) cover(o groupFlows) bool {
	return f.ingress.Covers(o.ingress) && f.egress.Covers(o.egress)
}

// standsForAll reports whether what is said of all groups is said of this one:
// of a group that was made just now, else of the first by id, so that a pass over
// all groups says it once.
func (j *judgement) standsForAll(groups []secgroup.Group) bool {
	if !j.naming.created.IsZero() {
		return true
	}
	return !slices.ContainsFunc(groups, func(g secgroup.Group) bool { return g.ID < j.in.Live.ID })
}
