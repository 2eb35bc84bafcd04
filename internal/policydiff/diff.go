package policydiff

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Deployed is one side of a comparison: compiled policies, and the settings
// that they were compiled with.
type Deployed struct {
	Set        *policy.Set
	Deployment policy.Deployment
}

// Diff is how two deployments differ in meaning.
type Diff struct {
	Differences []Difference
	Changes     []Change // that are told of policies and settings as such
}

// Loosens reports whether the new side allows something, or may, that the old
// one does not, or lets it stand longer, or with less said.
func (d Diff) Loosens() bool {
	return slices.ContainsFunc(d.Differences, func(x Difference) bool { return x.Loosens }) ||
		slices.ContainsFunc(d.Changes, func(c Change) bool { return c.Loosens })
}

// Difference is flows that end otherwise in some groups.
type Difference struct {
	Loosens bool // they are stopped less than before; else more
	Was, Is Level

	Scope string // the groups, in words
	Actor string // by whom, in words; "" = by anybody
	// ByService: it is about what AWS services make alone; ButByService: about
	// what everybody else makes.
	ByService, ButByService bool
	From, Until             string // days, UTC, both inclusive; "" = now, and for ever

	Direction secgroup.Direction
	Flows     secgroup.Region
	Peers     string // what kinds of peers, where they are no blocks; "" = blocks
	Where     Where
	Manner    Manner
	// Bounds are how many addresses the stricter side tolerates, where Manner is
	// not Alone.
	Bounds Bounds
	// UpTo is how many the looser side may let pass; 0 = all.
	UpTo Bounds

	OldPolicies, NewPolicies []Place
	// BySeveral: only rules of several actors together may be too many. There
	// are no Rules of it.
	BySeveral bool
	// OfServices: it is about what AWS services make, and only because a policy
	// is of an embedded pack on one side and a copy of it on the other, which is
	// told as a Change.
	OfServices bool

	// Group, By, At and Rules are a case of it: the rules, in this group, by
	// this actor at this time, are judged otherwise. Packet is one flow of
	// them that is. Without Rules no case was found: it may be no difference,
	// and was not shown to be none.
	Group  secgroup.Group
	By     string
	At     time.Time
	Rules  []secgroup.Rule
	Packet secgroup.Rule

	dimensions []dimension
	chosen     [][]bool // values, by dimension
	kinds      []peerKind
}

// mostCases bounds how many kinds of groups, actors and times are looked at.
const mostCases = 1 << 16

// Compare finds out in what two deployments differ, as of now. The only errors
// are *TooManyError.
func Compare(old, new Deployed, now time.Time) (Diff, error) {
	c := comparison{old: old.Set, new: new.Set}
	c.relevant()
	out := Diff{Changes: changes(old, new)}
	if len(c.changedOld)+len(c.changedNew) == 0 {
		return out, nil
	}
	c.words = c.old.WordsOf(c.oldPolicies).Join(c.new.WordsOf(c.newPolicies))
	var err error
	if c.dimensions, err = dimensionsOf(c.words, now); err != nil {
		return Diff{}, err
	}
	if err := c.look(); err != nil {
		return Diff{}, err
	}
	several, err := c.several()
	if err != nil {
		return Diff{}, err
	}
	out.Differences = c.tell(several)
	return out, nil
}

type comparison struct {
	old, new                 *policy.Set
	changedOld, changedNew   []*policy.Policy // that the other side has no policy like
	oldPolicies, newPolicies []*policy.Policy // these, and those that are about the same flows
	words                    policy.Words
	dimensions               []dimension

	known map[string][]found // by how the policies meet a case
	all   []seenCell
}

// seenCell is one case with what was found in it.
type seenCell struct {
	place []int // of its value in each dimension
	who   policy.Case
	key   string // how the policies meet it
	found []found
}

// likenesses is how the policies of a set judge.
func likenesses(s *policy.Set) map[string]bool {
	out := map[string]bool{}
	for _, p := range s.Policies {
		out[s.Likeness(p)] = true
	}
	return out
}

// relevant chooses the policies that can make a difference in flows: what
// neither side changed, and nothing that changed is about, is judged alike.
func (c *comparison) relevant() {
	old, now := likenesses(c.old), likenesses(c.new)
	var reach [2]secgroup.Region
	changed := func(s *policy.Set, other map[string]bool) (out []*policy.Policy) {
		for _, p := range s.Policies {
			if p.ForbidsFlows() && !other[s.Likeness(p)] {
				out = append(out, p)
				for i, d := range directions {
					reach[i] = reach[i].Union(p.Reach(d))
				}
			}
		}
		return out
	}
	c.changedOld, c.changedNew = changed(c.old, now), changed(c.new, old)
	near := func(s *policy.Set) (out []*policy.Policy) {
		for _, p := range s.Policies {
			for i, d := range directions {
				if p.ForbidsFlows() && p.Reach(d).Overlaps(reach[i]) {
					out = append(out, p)
					break
				}
			}
		}
		return out
	}
	c.oldPolicies, c.newPolicies = near(c.old), near(c.new)
}

var directions = []secgroup.Direction{secgroup.Ingress, secgroup.Egress}

// look goes through all cases.
func (c *comparison) look() error {
	total := 1
	for _, d := range c.dimensions {
		if total *= len(d.values); total > mostCases {
			return &TooManyError{"kinds of groups, actors and times"}
		}
	}
	c.known = map[string][]found{}
	for i := range total {
		s := seenCell{who: policy.Case{Group: secgroup.Group{Tags: map[string]string{}, VPCs: []secgroup.VPC{}}}}
		for _, d := range c.dimensions {
			s.place = append(s.place, i%len(d.values))
			d.values[i%len(d.values)].set(&s.who)
			i /= len(d.values)
		}
		if err := c.judge(&s); err != nil {
			return err
		}
		c.all = append(c.all, s)
	}
	return nil
}

// judge finds what differs in one case. Cases that all policies meet alike
// share it.
func (c *comparison) judge(s *seenCell) error {
	old, now := c.old.Views(c.oldPolicies, s.who), c.new.Views(c.newPolicies, s.who)
	s.key = c.key(s.who, old, now)
	if known, ok := c.known[s.key]; ok {
		s.found = known
		return nil
	}
	kinds, err := peerKinds(c.words, s.who.Group)
	if err != nil {
		return err
	}
	for _, dir := range directions {
		x := newSides(dir, kinds, c.terms(old, c.changedOld, dir, kinds), c.terms(now, c.changedNew, dir, kinds))
		s.found = append(s.found, x.fold(slices.Concat(x.flowDifferences(), x.sumDifferences(true), x.sumDifferences(false)))...)
	}
	c.known[s.key] = s.found
	return nil
}

func (c *comparison) terms(views []policy.View, changed []*policy.Policy, dir secgroup.Direction, kinds []peerKind) []terms {
	var out []terms
	for _, v := range views {
		t := termsOf(v, dir, kinds)
		t.changed = slices.Contains(changed, v.Policy)
		out = append(out, t)
	}
	return out
}

// key is the same for cases that all policies meet alike.
func (c *comparison) key(who policy.Case, old, new []policy.View) string {
	var b strings.Builder
	for i, side := range [][]policy.View{old, new} {
		b.WriteString(strconv.Itoa(i))
		for _, v := range side {
			l := levelOf(v)
			b.WriteString(" " + v.Policy.ID + " " + l.String() + " " + strings.Join(v.Exemptions(), ","))
		}
	}
	if c.words.OwnAccount {
		b.WriteString(" of " + who.Group.AccountID)
	}
	if slices.Contains(c.words.IDs, who.Group.ID) {
		b.WriteString(" in " + who.Group.ID)
	}
	return b.String()
}
