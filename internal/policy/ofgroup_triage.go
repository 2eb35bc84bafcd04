package policy

import "github.com/sgwarden/sgwarden/internal/secgroup"

// triageGroup answers for what policies require of the group itself: whether
// the call, one that makes a group or adds rules, can be why it is not so. What
// was so before is no news, and what changes by other calls (tags, use) is
// judged when those come, or when somebody looks at the group.
func (s *Set) triageGroup(c secgroup.Change, known *Known) Concern {
	if len(s.groups) == 0 {
		return NotConcerned
	}
	worst, facts := NotConcerned, factsOfRecord(c, groupNamed(&c, ""), known)
	for _, i := range s.groups {
		p := s.Policies[i]
		applies := p.applies(&facts)
		if applies == no {
			continue
		}
		for k := range p.ofGroup {
			concern := p.ofGroup[k].concern(&c, known)
			if applies == unknown && concern == Concerned && known == nil {
				concern = AskItem
			}
			if worst = max(worst, concern); worst == Concerned {
				return worst
			}
		}
	}
	return worst
}

// concern answers for one entry.
func (d *groupDemand) concern(c *secgroup.Change, known *Known) Concern {
	if c.Effect == secgroup.Names {
		return d.concernOfRules(c, known)
	}
	if d.Description || len(d.notDescribed) > 0 || len(d.Tags) > 0 || d.MaxRules > 0 && d.MaxRules < len(defaultEgress()) {
		return Concerned // the record tells neither description nor tags
	}
	if d.MaxGroups > 0 {
		return Concerned // there is one more
	}
	name := groupNamed(c, "").Name
	for _, glob := range d.notNamed {
		if name == "" || matchFolded(glob, name) {
			return Concerned
		}
	}
	return NotConcerned
}

// concernOfRules is concern for a call that adds rules. It counts those of the
// group, with those that the record adds. The item may count some that are
// gone: then there is one look too many. Whether the group is like another now
// neither record nor item tells: a pass over all groups does (mayBeNews).
func (d *groupDemand) concernOfRules(c *secgroup.Change, known *Known) Concern {
	switch {
	case d.MaxRules == 0:
		return NotConcerned
	case len(c.Rules) > d.MaxRules:
		return Concerned
	case known == nil:
		return AskItem
	case !known.Whole:
		return Concerned
	}
	n := known.rules()
	for _, r := range c.Rules {
		if _, held := known.Rules[r.Rule.ID]; !held {
			n++
		}
	}
	if n > d.MaxRules {
		return Concerned
	}
	return NotConcerned
}
