package policy

import (
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// linter looks for policies that are odd as a whole, or beside others.
type linter struct {
	reporter
	Parsed
	policies []linted // those that are on, by id
	probes   []probe
}

// linted is a policy that is on, with its boxes compiled.
type linted struct {
	Document
	clauses []*clause
	places  policyPlaces
	regions []secgroup.Region // see linter.forbidden; nil = not made yet
}

// forbids reports whether the policy is about flows: forbid or allowOnly.
func (p *linted) forbids() bool { return len(p.Forbid) > 0 || p.AllowOnly != nil }

func newLinter(p Parsed) *linter {
	l := &linter{Parsed: p}
	internal := secgroup.NewAddressSet(p.Deployment.Internal...)
	var all []*clause
	for _, d := range p.Documents {
		c := compileClauses(boxesOf(d), internal)
		l.policies = append(l.policies, linted{d, c, p.forLint.places[d.ID], nil})
		all = append(all, c...)
	}
	l.probes = probesFor(all)
	return l
}

// probe is a kind of rule in a kind of group, of which all is known. Clauses
// tell no more kinds of rules apart than the probes made for them do, but for
// ids of groups that several globs match in part.
type probe struct {
	direction secgroup.Direction
	peer      secgroup.Peer
	at        site
}

// probesFor gives a probe for everything that some clause tells apart: blocks
// within and outside of the group's VPCs, references, and lists.
func probesFor(clauses []*clause) []probe {
	const own, other = "000000000000", "999999999999"
	reference := func(id, account string) secgroup.Peer {
		return secgroup.GroupReference{GroupID: id, AccountID: account}
	}
	list := func(id, name, owner string) secgroup.Peer {
		return secgroup.PrefixList{ID: id, Name: name, OwnerID: owner, Readable: true, Entries: everyAddress().Prefixes()}
	}
	site := site{groupID: "sg-00000000", accountID: own, vpcsKnown: true}
	peers := []secgroup.Peer{
		anyBlock, reference(site.groupID, own), reference("sg-11111111", own), reference("sg-11111111", other),
		list("pl-00000000", "mine", own), secgroup.PrefixList{ID: "pl-00000000", Name: "mine", OwnerID: own},
	}
	for _, c := range withExceptions(clauses) {
		for _, g := range c.peers.groups {
			ids := g.ids
			if len(ids) == 0 {
				ids = []string{"sg-22222222"}
			}
			for _, id := range ids {
				for _, account := range asSet([]string{own, other, strings.ReplaceAll(g.account, "self", own)}) {
					peers = append(peers, reference(instanceOf(id), account))
				}
			}
		}
		for _, id := range c.peers.lists {
			peers = append(peers, list(id, "mine", own))
		}
		for _, glob := range c.peers.awsLists {
			peers = append(peers, list("pl-11111111", awsListPrefix+"global."+instanceOf(glob), "AWS"), list("pl-11111111", awsListPrefix+instanceOf(glob), "AWS"))
		}
	}
	var out []probe
	for _, d := range bothDirections {
		for i, p := range peers {
			if slices.ContainsFunc(peers[:i], func(q secgroup.Peer) bool { return samePeer(p, q) }) {
				continue
			}
			inside := site
			inside.vpcs = everyAddress()
			out = append(out, probe{d, p, site}, probe{d, p, inside})
		}
	}
	return out
}

func samePeer(a, b secgroup.Peer) bool {
	x, ok := a.(secgroup.PrefixList)
	y, ok2 := b.(secgroup.PrefixList)
	if ok && ok2 {
		return x.ID == y.ID && x.Name == y.Name && x.Readable == y.Readable
	}
	return !ok && !ok2 && a == b
}

// instanceOf is a text that a glob matches.
func instanceOf(glob string) string {
	return strings.NewReplacer("*", "7e57", "?", "7").Replace(glob)
}

// withExceptions gives clauses with their exceptions.
func withExceptions(clauses []*clause) []*clause {
	out := slices.Clone(clauses)
	for _, c := range clauses {
		out = append(out, withExceptions(c.but)...)
	}
	return out
}

// forbids is what clauses forbid to a probe.
func (q probe) forbids(clauses []*clause) secgroup.Region {
	var out secgroup.Region
	for _, c := range clauses {
		out = out.Union(c.region(q.direction, q.peer, q.at, assumed))
	}
	return out
}

// boxes is what clauses would forbid to a probe without their exceptions.
func (q probe) boxes(clauses []*clause) secgroup.Region {
	var out secgroup.Region
	for _, c := range clauses {
		if c.directions.has(q.direction) {
			out = out.Union(c.match(q.peer, q.at, assumed))
		}
	}
	return out
}

// forbidden is what a policy forbids, by probe, but for boxes with when: whole.
func (l *linter) forbidden(p *linted) []secgroup.Region {
	if p.regions == nil {
		clauses := slices.DeleteFunc(slices.Clone(p.clauses), func(c *clause) bool { return c.whole })
		for _, q := range l.probes {
			p.regions = append(p.regions, q.forbids(clauses))
		}
	}
	return p.regions
}

// sets points out sets that nothing names, and those that a policy names and
// nobody filled.
func (l *linter) sets() {
	declared := map[string]bool{}
	for _, s := range l.forLint.sets {
		declared[s.text] = true
	}
	missing := map[string]bool{}
	for _, p := range l.policies {
		for _, c := range allClauses(boxesOf(p.Document)) {
			for _, s := range c.Peers {
				name, isSet := strings.CutPrefix(s.Text, "set:")
				if !isSet || declared[name] || len(s.CIDRs) > 0 || missing[name] {
					continue
				}
				missing[name] = true
				l.warn(p.places.id, "declare it under sets in the settings", "policy %s names the set %s, which is empty", p.ID, name)
			}
		}
	}
	for _, s := range l.forLint.sets {
		if s.text == "internal" || l.forLint.namedSets[s.text] {
			continue
		}
		hint := "remove it"
		if near := nearest(s.text, sortedKeys(missing)); near != "" {
			hint = `did you mean "` + near + `"?`
		}
		l.warn(s.position, hint, "no policy names the set %s", s.text)
	}
}
