package policy

import "github.com/sgwarden/sgwarden/internal/secgroup"

// Tests are the test cases of one policy.
type Tests struct {
	File   string
	Line   int
	Policy string // id
	Cases  []TestCase
}

// TestCase says of rules what a policy must say of them. Each rule stands
// alone in a group of its own, or all stand in one (Together), in the order
// Pass, Exempt, Fail.
type TestCase struct {
	Line     int
	Name     string
	Group    secgroup.Group // without rules; VPCs nil = none
	Actor    string         // ARN of who made the rules; "" = nobody known
	Together bool
	Pass     []secgroup.Rule
	Exempt   []secgroup.Rule
	Fail     []secgroup.Rule
}

// resolveTests makes tests of what was read, once all policies are known.
func (p *folderReader) resolveTests() {
	for _, t := range p.tests {
		out := Tests{File: t.source.file, Line: t.line, Policy: t.Policy.text}
		if _, ok := p.byID[out.Policy]; !ok && out.Policy != "" {
			p.fault(t.Policy.position, p.policyHint(out.Policy), "unknown policy %q", out.Policy)
		}
		for i := range t.Cases {
			out.Cases = append(out.Cases, p.testCase(&t.Cases[i]))
		}
		p.out.Tests = append(p.out.Tests, out)
	}
}

func (p *folderReader) testCase(c *caseSyntax) TestCase {
	out := TestCase{
		Line: c.line, Name: c.Name.text, Actor: c.Actor.text, Together: c.Together.value != nil && *c.Together.value,
		Pass: rulesOf(c.Pass), Exempt: rulesOf(c.Exempt), Fail: rulesOf(c.Fail),
	}
	if len(c.Pass)+len(c.Exempt)+len(c.Fail) == 0 {
		p.fault(c.position, "add pass, exempt or fail", "the case tests no rule")
	}
	out.Group = secgroup.Group{ID: "sg-00000000", Name: "test", AccountID: "123456789012", Region: "us-east-1", VPCID: "vpc-00000000"}
	g := c.Group
	if g == nil {
		return out
	}
	for _, x := range []struct {
		given string
		field *string
	}{
		{g.ID.text, &out.Group.ID}, {g.Name.text, &out.Group.Name}, {g.VPC.text, &out.Group.VPCID},
		{g.Account.text, &out.Group.AccountID}, {g.Region.text, &out.Group.Region},
	} {
		if x.given != "" {
			*x.field = x.given
		}
	}
	for _, t := range g.Tags {
		if out.Group.Tags == nil {
			out.Group.Tags = map[string]string{}
		}
		out.Group.Tags[t.key.text] = t.value.text
	}
	vpc := secgroup.VPC{ID: out.Group.VPCID}
	for _, b := range g.Blocks {
		vpc.CIDRs = append(vpc.CIDRs, b.prefix)
	}
	if len(vpc.CIDRs) > 0 {
		out.Group.VPCs = []secgroup.VPC{vpc}
	}
	return out
}

func rulesOf(list []ruleText) []secgroup.Rule {
	var out []secgroup.Rule
	for _, r := range list {
		out = append(out, r.rule)
	}
	return out
}
