package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// lackOfFacts says what a group is not that only facts beyond it tell.
func (j *judgement) lackOfFacts(d *groupDemand) lacking {
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
	if twins := j.twins(d.Distinct, facts.Groups.Groups); twins != nil {
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
	if more := len(ids) - 3; more > 0 {
		return fmt.Sprintf("%s and %d others", strings.Join(ids[:3], ", "), more)
	}
	return strings.Join(ids, ", ")
}

// twins gives the other groups of the VPC that open the same as the group, or,
// for NotCovered, all of it, by id; nil = none. A group that opens nothing is a
// label that rules of others name: it has no twins.
func (j *judgement) twins(distinct Distinct, groups []secgroup.Group) []string {
	own := slices.IndexFunc(groups, func(g secgroup.Group) bool { return g.ID == j.in.Live.ID })
	if distinct == 0 || own < 0 {
		return nil // not asked, or younger than the list of groups
	}
	flows := flowsOfGroup(groups[own])
	if flows[0].IsEmpty() {
		return nil
	}
	var twins []string
	for i, g := range groups {
		if i == own || g.VPCID != groups[own].VPCID {
			continue
		}
		other := flowsOfGroup(g)
		covers := other[0].Covers(flows[0]) && other[1].Covers(flows[1])
		if covers && (distinct == NotCovered || flows[0].Covers(other[0]) && flows[1].Covers(other[1])) {
			twins = append(twins, g.ID)
		}
	}
	slices.Sort(twins)
	return twins
}

// flowsOfGroup is what the rules of a group open together, by direction. A
// reference to the group itself is the same for all that have one.
func flowsOfGroup(g secgroup.Group) [2]secgroup.Region {
	var out [2]secgroup.Region
	for _, r := range g.Rules {
		if ref, ok := r.Peer.(secgroup.GroupReference); ok && ref.GroupID == g.ID {
			r.Peer = secgroup.GroupReference{GroupID: "self"}
		}
		if r.Direction == secgroup.Ingress || r.Direction == secgroup.Egress {
			at := r.Direction - secgroup.Ingress
			out[at] = out[at].Union(regionOfRule(r))
		}
	}
	return out
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
