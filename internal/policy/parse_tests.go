package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Tests are the test cases of one policy.
type Tests struct {
	File    string
	Line    int
	Shipped bool                      // from an embedded pack
	Policy  string                    // id
	Sets    map[string][]netip.Prefix // what sets hold that the policy names; others are the deployment's
	Cases   []TestCase
}

// TestCase says of rules, calls and records what a policy must say of them.
// Each rule stands alone in a group of its own, or all stand in one (Together),
// in the order Pass, Exempt, Fail; of a record the rules that it names do.
type TestCase struct {
	Line         int
	Name         string
	Check        string         // the check of the policy that it stands for; "" = none in particular
	Group        secgroup.Group // without rules; VPCs nil = none
	Actor        string         // ARN of who made the rules or calls; "" = nobody known
	Agent        string         // user agent of the calls
	Together     bool
	Want         string           // pass, exempt or fail: of the group itself, with all rules of the case in it; "" = not asked
	Surroundings                  // what is known beyond the group; ids of the others are made up
	Rules        int              // harmless rules that the group has besides
	For          time.Duration    // how long the group has been as it is
	Exempted     *[]secgroup.Rule // what the group is exempt from; nil = nothing, none = every flow
	Pass         []TestRule
	Exempt       []TestRule
	Fail         []TestRule
	Excess       []TestRule  // of the rules of Fail, together; nil = not asked
	Rest         *[]TestRule // what the remedy leaves of the rules of Fail, together; nil = not asked
	Outcome      string      // of each entry of Fail; "" = not asked
	outcome      int         // its line
	rest         int         // likewise
}

// TestRule is a rule of a test case, a call or a record, and where it stands.
type TestRule struct {
	Line int
	secgroup.Rule
	Call  string // name of a call; "" = a rule or record
	Event string // file of a record, as the case names it; "" = a rule or call
}

// resolveTests makes tests of what was read, once all policies are known.
func (p *folderReader) resolveTests() {
	for _, t := range p.tests {
		out := Tests{File: t.source.file, Line: t.line, Shipped: t.pack != "", Policy: t.Policy.text}
		var checks []string
		var calls *OnChange
		known := false
		if f, ok := p.byID[out.Policy]; ok && out.Shipped && f.pack != t.pack {
			continue // they are of the other policy of that id, which is a fault already
		} else if ok {
			checks, calls, known = f.doc.Checks, f.doc.OnChange, true
		} else if out.Policy != "" {
			p.fault(t.Policy.position, p.policyHint(t.Policy.word), "unknown policy %q", out.Policy)
		}
		for _, s := range t.Sets {
			if out.Sets == nil {
				out.Sets = map[string][]netip.Prefix{}
			}
			for _, c := range s.value {
				out.Sets[s.key.text] = append(out.Sets[s.key.text], c.prefix)
			}
		}
		lists := p.testLists(t.Lists)
		for i := range t.Cases {
			c := &t.Cases[i]
			if c.Check.text != "" && !slices.Contains(checks, c.Check.text) {
				p.fault(c.Check.position, didYouMean(c.Check.text, checks), "policy %s has no check %q", out.Policy, c.Check.text)
			}
			if known {
				p.entriesOf(c, calls != nil, out.Policy)
			}
			out.Cases = append(out.Cases, p.testCase(c, lists))
		}
		p.out.Tests = append(p.out.Tests, out)
	}
}

// Fill is the policy with sets as its tests fill them.
func (t Tests) Fill(d Document) Document {
	if len(t.Sets) == 0 {
		return d
	}
	fill := func(list []Clause) []Clause {
		list = slices.Clone(list)
		for i := range list {
			t.fillBox(&list[i])
		}
		return list
	}
	d.Forbid = fill(d.Forbid)
	if d.AllowOnly != nil {
		a := *d.AllowOnly
		t.fillBox(&a.Within)
		a.These = fill(a.These)
		d.AllowOnly = &a
	}
	d.Require = slices.Clone(d.Require)
	for i := range d.Require {
		if where := d.Require[i].Where; where != nil {
			box := *where
			t.fillBox(&box)
			d.Require[i].Where = &box
		}
	}
	return d
}

func (t Tests) fillBox(c *Clause) {
	c.Peers, c.But = slices.Clone(c.Peers), slices.Clone(c.But)
	for i := range c.Peers {
		name, isSet := strings.CutPrefix(c.Peers[i].Text, "set:")
		if blocks, ok := t.Sets[name]; ok && isSet {
			c.Peers[i].CIDRs = blocks
		}
	}
	for i := range c.But {
		t.fillBox(&c.But[i])
	}
}

// testLists gives prefix lists as rules carry them, by id.
func (p *folderReader) testLists(all keyed[testListSyntax]) map[string]secgroup.PrefixList {
	lists := map[string]secgroup.PrefixList{}
	for _, l := range all {
		if !isResourceID(l.key.text, "pl-") {
			p.fault(l.key.position, "pl- and hexadecimal digits", "%q is not the id of a prefix list", l.key.text)
		}
		list := secgroup.PrefixList{ID: l.key.text, Name: l.value.Name.text, Readable: true}
		for _, e := range l.value.Entries {
			list.Entries = append(list.Entries, e.prefix)
		}
		lists[list.ID] = list
	}
	return lists
}

func (p *folderReader) testCase(c *caseSyntax, lists map[string]secgroup.PrefixList) TestCase {
	out := TestCase{
		Line: c.line, Name: c.Name.text, Check: c.Check.text, Actor: c.Actor.text, Agent: c.Agent.text,
		Together: c.Together.value != nil && *c.Together.value,
		Pass:     testEntries(c.Pass, lists), Exempt: testEntries(c.Exempt, lists), Fail: testEntries(c.Fail, lists),
		Excess: testRules(c.Excess, lists), Outcome: c.Outcome.text, outcome: c.Outcome.line,
	}
	if c.Remaining != nil {
		rest := testRules(c.Remaining.rules, lists)
		out.Rest, out.rest = &rest, c.Remaining.line
	}
	if c.Exemption != nil {
		exempted := []secgroup.Rule{}
		for _, r := range testRules(c.Exemption.rules, lists) {
			exempted = append(exempted, r.Rule)
		}
		out.Exempted = &exempted
	}
	if len(c.Pass)+len(c.Exempt)+len(c.Fail) == 0 && !c.Want.given() {
		p.fault(c.position, "add pass, exempt or fail; or want, for the group itself", "the case tests nothing")
	}
	for _, rules := range [][]TestRule{out.Pass, out.Exempt, out.Fail} {
		for i := range rules {
			rules[i].Description = c.Described.text
		}
	}
	out.Group, out.Want = testGroup(c.Group), c.Want.text
	if g := c.Group; g != nil {
		out.Rules, out.For = g.Rules.value, g.For.duration
	}
	out.Surroundings = testSurroundings(c, out.Group, lists)
	for _, asked := range []string{"remaining", "outcome"} {
		if c.key(asked).given() && len(c.Fail) == 0 {
			p.fault(c.key(asked), "add fail, or remove it", "%s is of what violates, and nothing does", asked)
		}
	}
	return out
}

// entriesOf refuses entries that the policy of the tests does not judge.
func (p *folderReader) entriesOf(c *caseSyntax, calls bool, id string) {
	for _, list := range [][]testEntry{c.Pass, c.Exempt, c.Fail} {
		for _, e := range list {
			switch {
			case e.call != "" && !calls:
				p.fault(e.position, "", "policy %s judges rules, not calls", id)
			case calls && e.call == "" && e.event == "" && e.text != "":
				p.fault(e.position, "the name of a call, or event:FILE", "policy %s judges calls, not rules", id)
			}
		}
	}
}

// testGroup is the group of a case; nil syntax is one that nothing is said of.
func testGroup(g *testGroupSyntax) secgroup.Group {
	out := secgroup.Group{ID: "sg-00000000", Name: "test", AccountID: "123456789012", Region: "us-east-1", VPCID: "vpc-00000000"}
	if g == nil {
		return out
	}
	for _, x := range []struct {
		given string
		field *string
	}{
		{g.ID.text, &out.ID}, {g.Name.text, &out.Name}, {g.Description.text, &out.Description}, {g.VPC.text, &out.VPCID},
		{g.Account.text, &out.AccountID}, {g.Region.text, &out.Region},
	} {
		if x.given != "" {
			*x.field = x.given
		}
	}
	for _, t := range g.Tags {
		if out.Tags == nil {
			out.Tags = map[string]string{}
		}
		out.Tags[t.key.text] = t.value.text
	}
	vpc := secgroup.VPC{ID: out.VPCID}
	for _, b := range g.Blocks {
		vpc.CIDRs = append(vpc.CIDRs, b.prefix)
	}
	if len(vpc.CIDRs) > 0 {
		out.VPCs = []secgroup.VPC{vpc}
	}
	return out
}

func testEntries(list []testEntry, lists map[string]secgroup.PrefixList) []TestRule {
	var out []TestRule
	for _, e := range list {
		t := testRules([]ruleText{e.ruleText}, lists)[0]
		t.Call, t.Event = e.call, e.event
		out = append(out, t)
	}
	return out
}

func testRules(list []ruleText, lists map[string]secgroup.PrefixList) []TestRule {
	var out []TestRule
	for _, r := range list {
		t := TestRule{Line: r.line, Rule: r.rule}
		if named, ok := t.Peer.(secgroup.PrefixList); ok {
			if l, ok := lists[named.ID]; ok {
				t.Peer = l
			}
		}
		out = append(out, t)
	}
	return out
}

// testSurroundings are the facts beyond the group of a case: all of them are
// known.
func testSurroundings(c *caseSyntax, group secgroup.Group, lists map[string]secgroup.PrefixList) Surroundings {
	out := Surroundings{
		Interfaces: &Interfaces{}, Users: &Users{}, Dead: &DeadReferences{}, Elastic: &ElasticAddresses{},
		Groups: &AllGroups{Groups: []secgroup.Group{group}},
	}
	for _, id := range c.Dead {
		out.Dead.GroupIDs = append(out.Dead.GroupIDs, id.text)
	}
	for _, e := range c.Elastic {
		out.Elastic.Addresses = append(out.Elastic.Addresses, e.prefix.Addr())
	}
	g := c.Group
	if g == nil {
		return out
	}
	if g.Attached.value != nil && *g.Attached.value {
		out.Interfaces.IDs = []string{"eni-00000000"}
		out.Users.Kinds = []secgroup.InterfaceKind{{Type: "interface", Owner: group.AccountID}}
	}
	for i, k := range g.UsedBy {
		out.Interfaces.IDs = append(out.Interfaces.IDs, fmt.Sprintf("eni-%08x", i+1))
		if isServiceAlias(k.text) {
			out.Users.Kinds = append(out.Users.Kinds, secgroup.InterfaceKind{Type: "interface", Owner: k.text, Requester: k.text})
		} else {
			out.Users.Kinds = append(out.Users.Kinds, secgroup.InterfaceKind{Type: k.text})
		}
	}
	another := func(rules []ruleText) {
		other := secgroup.Group{ID: fmt.Sprintf("sg-ffff%04x", len(out.Groups.Groups)), VPCID: group.VPCID}
		for _, r := range testRules(rules, lists) {
			other.Rules = append(other.Rules, r.Rule)
		}
		out.Groups.Groups = append(out.Groups.Groups, other)
	}
	for _, rules := range g.Others {
		another(rules)
	}
	for len(out.Groups.Groups) < g.OfRegion.value {
		another(nil)
	}
	return out
}
