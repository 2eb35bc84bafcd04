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

// TestCase says of rules what a policy must say of them. Each rule stands
// alone in a group of its own, or all stand in one (Together), in the order
// Pass, Exempt, Fail.
type TestCase struct {
	Line         int
	Name         string
	Check        string         // the check of the policy that it stands for; "" = none in particular
	Group        secgroup.Group // without rules; VPCs nil = none
	Actor        string         // ARN of who made the rules; "" = nobody known
	Together     bool
	Want         string        // pass or fail: of the group itself, with all rules of the case in it; "" = not asked
	Surroundings               // what is known beyond the group; IDs of the others are made up
	Rules        int           // harmless rules that the group has besides
	For          time.Duration // how long the group has been as it is
	Pass         []TestRule
	Exempt       []TestRule
	Fail         []TestRule
	Excess       []TestRule // of the rules of Fail, together; nil = not asked
}

// TestRule is a rule of a test case, and where it stands.
type TestRule struct {
	Line int
	secgroup.Rule
}

// resolveTests makes tests of what was read, once all policies are known.
func (p *folderReader) resolveTests() {
	for _, t := range p.tests {
		out := Tests{File: t.source.file, Line: t.line, Shipped: t.pack != "", Policy: t.Policy.text}
		var checks []string
		if f, ok := p.byID[out.Policy]; ok {
			checks = f.doc.Checks
		} else if out.Policy != "" {
			p.fault(t.Policy.position, p.policyHint(out.Policy), "unknown policy %q", out.Policy)
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
		Line: c.line, Name: c.Name.text, Check: c.Check.text, Actor: c.Actor.text,
		Together: c.Together.value != nil && *c.Together.value,
		Pass:     testRules(c.Pass, lists), Exempt: testRules(c.Exempt, lists), Fail: testRules(c.Fail, lists),
		Excess: testRules(c.Excess, lists),
	}
	if len(c.Pass)+len(c.Exempt)+len(c.Fail) == 0 && !c.Want.given() {
		p.fault(c.position, "add pass, exempt or fail; or want, for the group itself", "the case tests no rule")
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
	return out
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

func testRules(list []ruleText, lists map[string]secgroup.PrefixList) []TestRule {
	var out []TestRule
	for _, r := range list {
		t := TestRule{r.line, r.rule}
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
		Interfaces: &Interfaces{}, Dead: &DeadReferences{}, Elastic: &ElasticAddresses{},
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
