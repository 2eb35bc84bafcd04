package policy

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// View is how one policy meets the rules of a group, taken apart for those who
// compare policies instead of judging rules. It is made of what Evaluate uses.
type View struct {
	Policy *Policy
	// State is what a violation comes to once Delay is over: Acting, Tagging,
	// Alerting or Observing.
	State State
	Delay time.Duration

	set *Set
	who Case
}

// Case is whose rules are looked at, and when: in a group, with its VPCs; made
// by somebody, nil = nobody knows by whom. Acts are done, nothing is marked as
// baseline, paused or held.
type Case struct {
	Group secgroup.Group
	By    *secgroup.Attribution
	Now   time.Time
	Users *Users // nil = what uses the group is not known
}

// Views is how the policies of the set, or some of them, meet the rules of a
// case: those that are meant for the group and do not except the actor.
func (s *Set) Views(policies []*Policy, c Case) []View {
	var out []View
	facts := factsOf(c.Group)
	facts.users = c.Users
	for _, p := range policies {
		if p.applies(&facts) == no {
			continue
		}
		v := View{Policy: p, set: s, who: c}
		j, sub := v.subject(secgroup.Ingress, anyBlock, everything(anyBlock))
		var e excuse
		if j.excuseByActor(p, sub, &e); len(e.by) > 0 {
			continue
		}
		r := ruling{Finding: Finding{Policy: p}, subject: sub}
		if until, _ := j.waits(&r, &e); !until.IsZero() {
			v.Delay = until.Sub(c.Now)
		}
		sub.since = c.Now.Add(-24 * time.Hour)
		j.dueState(&r, &e)
		v.State = r.State
		out = append(out, v)
	}
	return out
}

func (v View) subject(dir secgroup.Direction, peer secgroup.Peer, flows secgroup.Region) (*judgement, *subject) {
	c := v.who
	j := newJudgement(v.set, Input{Live: c.Group, Now: c.Now, Facts: Facts{Surroundings: Surroundings{Users: c.Users}}})
	s := &subject{
		rule:   ownReference(secgroup.Rule{Direction: dir, Protocol: secgroup.AllProtocols, Ports: secgroup.NoPorts, Peer: peer}, c.Group.AccountID),
		region: flows, acts: true, by: c.By, since: c.Now,
	}
	return j, s
}

// everything is all flows of peers of a kind: all addresses for blocks and
// readable lists, the one atom of other peers.
func everything(peer secgroup.Peer) secgroup.Region {
	s := secgroup.Slice{Protocols: secgroup.EveryProtocol, Span: secgroup.FullSpan}
	switch p := peer.(type) {
	case secgroup.CIDR:
		s.IPv4 = everyAddress()
	case secgroup.PrefixList:
		if p.Readable {
			s.IPv4 = everyAddress()
		} else {
			s.Atoms = []string{p.Key()}
		}
	default:
		s.Atoms = []string{p.Key()}
	}
	return secgroup.NewRegion(s)
}

// Box is what one clause forbids to peers of a kind, before exemptions.
type Box struct {
	Clause int // its place in the policy
	Line   int
	Whole  bool // when: whole
	Region secgroup.Region
}

// Boxes is what the policy forbids to peers of a kind, by clause: addresses
// for a block (whichever) and for a readable list, the one atom for others.
func (v View) Boxes(dir secgroup.Direction, peer secgroup.Peer) []Box {
	j, s := v.subject(dir, peer, secgroup.Region{})
	var out []Box
	for i, c := range v.Policy.clauses {
		if r := c.forbidden(dir, s.rule.Peer, j.at); !r.IsEmpty() {
			out = append(out, Box{i, c.line, c.whole, r})
		}
	}
	return out
}

// Possible is what the policy may forbid to a peer that could not be read: of
// a rule that has some of it, it says Unknown.
func (v View) Possible(dir secgroup.Direction, peer secgroup.Peer) secgroup.Region {
	j, s := v.subject(dir, peer, everything(peer))
	if !s.isOpaque() {
		return secgroup.Region{}
	}
	return j.possible(v.Policy, s)
}

// Exempt is what exemptions of the group take out of the policy for peers of a kind.
func (v View) Exempt(dir secgroup.Direction, peer secgroup.Peer) secgroup.Region {
	j, s := v.subject(dir, peer, everything(peer))
	var e excuse
	var out secgroup.Region
	for i := range v.set.Exemptions {
		if x := &v.set.Exemptions[i]; x.Group == v.who.Group.ID && x.Policy == v.Policy.ID {
			j.excuseByExemption(x, s, &e)
		}
	}
	for _, g := range e.by {
		out = out.Union(g.flows)
	}
	return out
}

// Exemptions are the ids of those that Exempt rests on.
func (v View) Exemptions() []string {
	var out []string
	for _, x := range v.set.Exemptions {
		if x.Group == v.who.Group.ID && x.Policy == v.Policy.ID && v.who.Now.Before(x.Until) {
			out = append(out, x.ID)
		}
	}
	return out
}

// PerRule reports whether each rule is looked at alone.
func (p *Policy) PerRule() bool { return p.perRule }

// ForbidsFlows reports whether all that the policy says is which flows are too
// much: it requires nothing, and judges no calls.
func (p *Policy) ForbidsFlows() bool {
	return len(p.clauses) > 0 && !p.isDemanding() && len(p.ofGroup) == 0 && !p.JudgesCalls()
}

// Reach is the protocols and ports of a direction that the policy says
// anything about, for every address.
func (p *Policy) Reach(dir secgroup.Direction) secgroup.Region {
	var out secgroup.Region
	for _, c := range p.clauses {
		if c.directions.has(dir) {
			out = out.Union(c.flowsTo(everyAddress()))
		}
	}
	return out
}

// Likeness is the same for policies that judge alike at every time, whatever
// their ids, titles and severities, and however they narrow.
func (s *Set) Likeness(p *Policy) string {
	var exemptions []string
	for _, x := range s.Exemptions {
		if x.Policy != p.ID {
			continue
		}
		var rules []string
		for _, r := range x.Rules {
			rules = append(rules, r.String())
		}
		exemptions = append(exemptions, x.Group+" "+instant(x.Until)+" "+quotedSet(rules))
	}
	return hashed(p.Digest(), p.Remedy.After.String(), strconv.FormatBool(p.shipped), strings.Join(asSet(slices.Clone(exemptions)), ";"))
}

// Settle is how long the default egress of a new group may stand.
func (s *Set) Settle() time.Duration { return s.settle }

// In is the same view of the policy in another group, for which its scope says
// the same: other blocks of its VPCs, or another id that no policy names.
func (v View) In(g secgroup.Group) View {
	v.who.Group = g
	return v
}

// Judge is what the policies of the view's set find of rules that stand
// together in a group, one finding for each policy and rule that it has
// something against. The actor of the case made all of them, in their order.
func (v View) Judge(g secgroup.Group, rules []secgroup.Rule) []Finding {
	g.Rules = rules
	in := Input{Live: g, Now: v.who.Now, Facts: Facts{Acts: v.set.ActsDone(v.who.Now), Surroundings: Surroundings{Users: v.who.Users}}}
	in.Known = Known{Exists: true, Whole: true, Rules: map[string]KnownRule{}}
	for i, r := range rules {
		k := KnownRule{Rule: r, Since: v.who.Now, Order: int64(i + 1), By: v.who.By}
		if list, ok := r.Peer.(secgroup.PrefixList); ok {
			k.ListDigest = ListDigest(list.Entries)
		}
		in.Known.Rules[r.ID] = k
	}
	var out []Finding
	for _, r := range v.set.Evaluate(in).Rules {
		for _, f := range r.Findings {
			if f.State != Fine {
				out = append(out, f)
			}
		}
	}
	return out
}

// Shipped reports whether the policy is of an embedded pack: it alerts about
// what AWS services made themselves, and does not revert it.
func (p *Policy) Shipped() bool { return p.shipped }
