package corpus

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// TestCorpus plays every entry: what an evasion opens is closed again and all
// that stood before stands, and nobody touches what only looks like one.
func TestCorpus(t *testing.T) {
	for _, tech := range readTechniques(t) {
		t.Run(tech.ID, func(t *testing.T) {
			for _, e := range tech.Entries {
				t.Run(e.ID, func(t *testing.T) {
					s := play(t, e)
					before := s.look()
					for _, st := range e.Change {
						s.do(st)
					}
					s.deliver(nil)
					require.NotEmpty(t, s.heard, "nobody was told")
					left := s.look()
					s.wait(time.Hour)
					if e.Kind == "evasion" {
						s.closed(before)
					} else {
						s.untouched(left)
					}
				})
			}
		})
	}
}

// closed holds that the witness got in and was forbidden, that nothing
// forbidden is open at the end, and that what stood before still does.
func (s *scene) closed(before state) {
	t, witness := s.t, s.e.Witness.read(s)
	on := "web"
	if s.e.Witness.On != "" {
		on = s.e.Witness.On
	}
	opened := slices.ContainsFunc(s.heard, func(st state) bool {
		return admits(st, s.id(on), witness) && s.isForbidden(st, s.id(on), witness)
	})
	require.True(t, opened, "the witness never got in, or nobody forbids it: %v\n%v\n%s", witness, s.look().rules, s.told())
	after := s.look()
	require.False(t, admits(after, s.id(on), witness), "the witness still gets in\n%v\n%s", after.rules, s.told())
	require.Empty(t, search(s.profile, after), "%v\n%s", after.rules, s.told())
	s.stillStands(before, after)
	for _, p := range s.e.Stands {
		on := "web"
		if p.On != "" {
			on = p.On
		}
		assert.True(t, admits(after, s.id(on), p.read(s)), "%v does not stand any more\n%v\n%s", p, after.rules, s.told())
	}
}

// isForbidden reports whether the packet is among what the entry's policies
// have against the state.
func (s *scene) isForbidden(st state, group string, p oracle.Packet) bool {
	var by []string
	for _, v := range search(s.profile, st, p) {
		if v.group == group && slices.Contains(v.packets, p) {
			by = append(by, v.policy)
		}
	}
	if len(by) == 0 {
		return false
	}
	slices.Sort(by)
	assert.Equal(s.t, s.e.Policies, by, "the policies that the witness violates")
	require.NotEmpty(s.t, search(s.profile, st), "the search that clears look-alikes must find what is none")
	return true
}

// stillStands holds that what was open before is open at the end, as far as
// the rules that opened it are left by whoever made the change: but for rules
// that the change made violations without touching them (their list grew,
// their network went), which go as a whole.
func (s *scene) stillStands(before, after state) {
	for _, g := range before.groups {
		standing := g.group.Rules
		for _, st := range s.heard {
			standing = s.without(standing, st.of(g.group.ID))
		}
		cut := site{groupState: g}
		cut.group.Rules = slices.Concat(standing, after.of(g.group.ID).group.Rules)
		p := piecesOf(cut, nil)
		for _, r := range standing {
			then := []secgroup.Rule{r} // what it was, each time
			for _, st := range s.heard {
				then = append(then, ruleOf(st.of(g.group.ID), r.ID))
			}
			for _, flow := range p.flows {
				if len(admitting([]secgroup.Rule{r}, flow)) == 0 {
					continue
				}
				for _, e := range p.ends {
					at := e.of(flow)
					if !slices.ContainsFunc(then, func(r secgroup.Rule) bool { return !oracle.Admits(r, at) }) {
						require.True(s.t, admits(after, g.group.ID, at), "%v stood before\n%v\n%s", at, after.rules, s.told())
					}
				}
			}
		}
	}
}

// without leaves out the rules that are violations by themselves where they
// stand now.
func (s *scene) without(rules []secgroup.Rule, now groupState) (left []secgroup.Rule) {
	var live []secgroup.Rule
	for _, r := range rules {
		if i := slices.IndexFunc(now.group.Rules, func(n secgroup.Rule) bool { return n.ID == r.ID }); i >= 0 {
			if _, isList := r.Peer.(secgroup.PrefixList); isList && r.Peer.Key() == now.group.Rules[i].Peer.Key() {
				r.Peer = now.group.Rules[i].Peer // with today's entries
			}
			live = append(live, r)
		}
	}
	now.group.Rules = live
	found := search(s.profile, state{groups: []groupState{now}})
	return slices.DeleteFunc(live, func(r secgroup.Rule) bool {
		return slices.ContainsFunc(found, func(v violation) bool {
			return slices.ContainsFunc(v.packets, func(p oracle.Packet) bool { return oracle.Admits(r, p) })
		})
	})
}

// ruleOf is a rule of a group; one that admits nothing where there is none.
func ruleOf(g groupState, id string) secgroup.Rule {
	for _, r := range g.group.Rules {
		if r.ID == id {
			return r
		}
	}
	return secgroup.Rule{}
}

func admits(st state, group string, p oracle.Packet) bool {
	return oracle.AdmitsAny(st.of(group).group.Rules, p)
}

// untouched holds that no packet was open that a policy forbids, and that
// guard left everything as it was.
func (s *scene) untouched(left state) {
	for _, st := range s.heard {
		require.Empty(s.t, search(s.profile, st), "it is not harmless")
	}
	require.Zero(s.t, s.mutations, "%v\n%s", left.rules, s.told())
	require.Equal(s.t, left.rules, s.look().rules)
}

// TestEntriesAreCounted holds what the corpus promises of its size and shape.
func TestEntriesAreCounted(t *testing.T) {
	ids, kinds, profiles, policies := map[string]bool{}, map[string]int{}, map[string]int{}, map[string]int{}
	all := readTechniques(t)
	for _, tech := range all {
		require.NotEmpty(t, tech.Title, tech.ID)
		require.NotEmpty(t, tech.Mistake, tech.ID)
		require.LessOrEqual(t, len(tech.Entries), 12, tech.ID)
		for _, e := range tech.Entries {
			require.False(t, ids[e.ID], "%s stands twice", e.ID)
			ids[e.ID] = true
			require.Contains(t, []string{"evasion", "harmless"}, e.Kind, e.ID)
			require.Equal(t, e.Kind == "evasion", e.Witness != nil, "%s: an evasion has a witness, what is harmless has none", e.ID)
			require.NotEmpty(t, e.What, e.ID)
			require.NotEmpty(t, e.Change, e.ID)
			require.NotEmpty(t, e.Policies, e.ID)
			require.True(t, slices.IsSorted(e.Policies), e.ID)
			kinds[e.Kind]++
			profiles[e.Profile]++
			for _, p := range e.Policies {
				policies[p]++
			}
		}
	}
	require.GreaterOrEqual(t, len(all), 40)
	require.GreaterOrEqual(t, kinds["evasion"], 300)
	require.GreaterOrEqual(t, kinds["harmless"], 300)
	fmt.Printf("SHOW corpus: %d techniques, %d evasions, %d look-alikes, under %d policies in %d profiles\n",
		len(all), kinds["evasion"], kinds["harmless"], len(policies), len(profiles))
}
