package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// What the proof of package policydiff, which imports this one, needs of the
// naive reading and of the random worlds.

// Now is the time of all tests.
var Now = now

// AWSList and OwnList are the lists that random rules name.
var AWSList, OwnList = awsList, ownList

// RandomWorld makes random policies, groups and rules.
type RandomWorld struct{ world }

// NewRandomWorld makes a world that follows from its seed.
func NewRandomWorld(seed uint64) RandomWorld { return RandomWorld{newWorld(seed)} }

// Document is a random policy, without scope.
func (w RandomWorld) Document(id string) Document { return w.document(id) }

// Rule is a random rule.
func (w RandomWorld) Rule(id string) secgroup.Rule { return w.rule(id) }

// Exemption is a random exemption of a group.
func (w RandomWorld) Exemption(id, policy, group string) Exemption {
	x := Exemption{ID: id, Policy: policy, Group: group, Until: Now.AddDate(0, 0, 1+w.IntN(2))}
	for range w.IntN(3) {
		x.Rules = append(x.Rules, w.rule(""))
	}
	return x
}

// Universe is every packet that the properties look at.
func Universe() []oracle.Packet { return universe() }

// NaiveJudgement is what the naive reading of one document finds too much of
// rules that stand together, made in their order by an actor ("" = nobody
// knows): whether there is something, among the packets of a universe.
func NaiveJudgement(doc Document, internal []netip.Prefix, exemptions []Exemption, g secgroup.Group, rules []secgroup.Rule, actor string, all []oracle.Packet) bool {
	live := func(until time.Time) bool { return until.IsZero() || now.Before(until) }
	excepted := actor == NaiveAdmin && slices.ContainsFunc(doc.Except, func(e Except) bool { return live(e.Until) })
	var judging []judged
	for i, r := range rules {
		r.ID = fmt.Sprintf("sgr-%d", i)
		judging = append(judging, judged{r, func(p oracle.Packet) bool {
			return excepted || slices.ContainsFunc(exemptions, func(x Exemption) bool {
				return x.Group == g.ID && x.Policy == doc.ID && live(x.Until) &&
					(len(x.Rules) == 0 || slices.ContainsFunc(x.Rules, func(e secgroup.Rule) bool {
						if ref, ok := e.Peer.(secgroup.GroupReference); ok && ref.AccountID == g.AccountID {
							e.Peer = secgroup.GroupReference{GroupID: ref.GroupID} // as rules write their own account
						}
						return naiveExempt(e, r, p)
					}))
			})
		}})
	}
	n := naive{doc: doc, group: g, internal: internal}
	for i, excess := range n.excesses(judging, all) {
		for p := range excess {
			if p.Direction == rules[i].Direction {
				return true
			}
		}
	}
	return false
}

// NaiveAdmin is the actor whom the exceptions of random policies are for.
const NaiveAdmin = "arn:aws:iam::1:role/admin"

// Cases is how many seeds a property runs.
func Cases(n int) uint64 { return cases(n) }
