package policy

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// validFiles is a deployment that uses every key of the language, with a pack
// of one policy.
func validFiles(t *testing.T) ([]Source, map[string][]Source) {
	t.Helper()
	var own []Source
	for _, name := range []string{"every-key.yaml", "settings.yaml", "tests.yaml"} {
		text, err := os.ReadFile("testdata/valid/" + name)
		require.NoError(t, err)
		own = append(own, Source{File: name, Text: text})
	}
	pack := Source{File: "packs/baseline/admin.yaml", Text: []byte(policyText("admin-ports-from-internet",
		"forbid: [{direction: ingress, ports: [22], peers: [internet]}]"))}
	return own, map[string][]Source{"baseline": {pack}}
}

// policyText is a policy of one id with some more lines.
func policyText(id string, lines ...string) string {
	return "apiVersion: sgwarden/v1\nkind: Policy\nmetadata: {id: " + id + ", title: A policy, severity: high}\n" + strings.Join(lines, "\n") + "\n"
}

func settingsText(lines ...string) string {
	return "apiVersion: sgwarden/v1\nkind: Settings\n" + strings.Join(lines, "\n") + "\n"
}

func parsedFrom(t *testing.T, texts ...string) Parsed {
	t.Helper()
	p, err := Parse([]Source{{File: "all.yaml", Text: []byte(strings.Join(texts, "---\n"))}}, nil)
	require.NoError(t, err)
	return p
}

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

func TestParseEveryKey(t *testing.T) {
	p, err := Parse(validFiles(t))
	require.NoError(t, err)
	require.Len(t, p.Documents, 4)
	require.Len(t, p.Off, 1)
	require.Equal(t, "admin-ports-from-internet", p.Off[0].ID)
	require.True(t, p.Off[0].Shipped)

	d := p.Documents[0]
	require.Equal(t, "every-key.yaml", d.File)
	require.Equal(t, 5, d.Line, "of metadata.id")
	require.Equal(t, []any{"every-key", "Every key of the language", "stable", Critical, false, false},
		[]any{d.ID, d.Title, d.Maturity, d.Severity, d.Chosen, d.Shipped}, "severity is overridden")
	require.Equal(t, "Folded text, which is one line.", d.Why)
	require.Equal(t, "Literal text,\nwhich is two.", d.Fix)
	require.Equal(t, []string{"I-SSH", "I-RDP"}, d.Checks)
	require.Equal(t, map[string][]string{"aws-fsbp": {"EC2.13", "EC2.14"}, "cis-aws-6.0": {"6.3", "6.4"}}, d.Controls)
	no := false
	require.Equal(t, Scope{
		Line: 19, Names: []string{"web-*"}, IDs: []string{"sg-0123456789abcdef0"}, Tags: map[string][]string{"tier": {"public", "edge"}},
		Default: &no, VPCs: []string{"vpc-0123456789abcdef0"}, Accounts: []string{"123456789012"}, Regions: []string{"eu-west-1"},
	}, d.Scope)
	require.Equal(t, []string{"web-old-*"}, d.Not.Names)
	require.Len(t, d.Forbid, 5)
	require.True(t, d.Forbid[1].Whole)
	require.Equal(t, Tolerance{Line: 54, IPv4: 16, IPv6: 32}, d.Tolerate)
	require.Equal(t, []Except{{
		Line: 56, Actors: []string{"arn:aws:iam::*:role/network-admin", "arn:aws:iam::123456789012:user/ops/*"},
		Reason: "change process CHG-7", Until: time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC),
	}}, d.Except, "the last day is inclusive")
	require.Equal(t, Observe, d.Mode)
	require.Equal(t, Remedy{Do: DoRevert, Parts: 1}, d.Remedy, "the override replaces the whole remedy")

	other := p.Documents[1]
	require.Equal(t, Enforce, other.Mode)
	require.Equal(t, []string{"vpc-0a1b2c3d"}, other.Scope.VPCs)
	require.Empty(t, other.Scope.IDs, "an override replaces the whole scope")
	require.Equal(t, Tolerance{File: "settings.yaml", Line: 16, IPv4: 24, IPv6: -1}, other.Tolerate)
	require.Len(t, other.Except, 1)
	require.True(t, other.Except[0].Until.IsZero())
}

func TestParsePeersAndFlows(t *testing.T) {
	p, err := Parse(validFiles(t))
	require.NoError(t, err)
	boxes := p.Documents[0].Forbid
	tcp, udp := one(secgroup.TCP), one(secgroup.UDP)
	span := func(first, last uint16) secgroup.Span { return secgroup.Span{First: first, Last: last} }

	require.Equal(t, []FlowSpec{
		{tcp, span(22, 22)}, {udp, span(22, 22)}, {tcp, span(3389, 3389)}, {udp, span(3389, 3389)}, {tcp, span(5900, 5999)}, {udp, span(5900, 5999)},
	}, boxes[0].Flows, "ports without protocols are tcp and udp")
	require.Equal(t, boxes[0].Flows, boxes[0].But[0].Flows)
	require.Equal(t, prefixes("8.8.8.0/29", "2606:4700::/32"), boxes[0].But[0].Peers[0].CIDRs, "sets of sets")
	require.Equal(t, []FlowSpec{{secgroup.EveryProtocol, secgroup.FullSpan}}, boxes[1].Flows, "neither means everything")
	require.Equal(t, []FlowSpec{
		{one(secgroup.ICMP), span(5<<8, 5<<8|255)}, {one(secgroup.ICMP), span(13<<8, 13<<8)}, {one(secgroup.ICMPv6), span(128<<8, 128<<8|255)},
	}, boxes[2].Flows)
	require.Equal(t, []secgroup.Direction{secgroup.Ingress, secgroup.Egress}, boxes[3].Directions)
	require.Equal(t, []FlowSpec{{tcp, span(8000, 8999)}, {udp, span(8000, 8999)}}, boxes[3].Flows)
	require.Equal(t, []FlowSpec{
		{secgroup.EveryProtocol, secgroup.FullSpan}, {one(47), secgroup.FullSpan}, {one(secgroup.ICMP), secgroup.FullSpan}, {one(secgroup.ICMPv6), secgroup.FullSpan},
	}, boxes[4].Flows)

	want := []PeerSpec{
		{Kind: PeerPrivate, Text: "private"}, {Kind: PeerVPC, Text: "vpc"}, {Kind: PeerAddresses, Text: "addresses"},
		{Kind: PeerReferences, Text: "references"}, {Kind: PeerSelf, Text: "self"},
		{Kind: PeerGroups, Text: "{groups: [sg-0a1b2c3d, sg-0a*], account: 123456789012}", Groups: []string{"sg-0a1b2c3d", "sg-0a*"}, Account: "123456789012"},
		{Kind: PeerGroups, Text: "{account: any}", Account: "any"},
		{Kind: PeerCIDRs, Text: "10.0.0.0/8", CIDRs: prefixes("10.0.0.0/8")}, {Kind: PeerCIDRs, Text: "::/0", CIDRs: prefixes("::/0")},
		{Kind: PeerCIDRs, Text: "2606:4700::/32", CIDRs: prefixes("2606:4700::/32")},
		{Kind: PeerCIDRs, Text: "set:offices", CIDRs: prefixes("8.8.8.0/29", "2606:4700::/32")},
		{Kind: PeerList, Text: "pl-0a1b2c3d", Name: "pl-0a1b2c3d"}, {Kind: PeerAWSList, Text: "aws:s3", Name: "s3"}, {Kind: PeerAWSList, Text: "aws:*", Name: "*"},
	}
	for i := range want {
		want[i].Line = 36 + i
	}
	require.Equal(t, want, boxes[3].Peers)
}

func TestParseSettings(t *testing.T) {
	p, err := Parse(validFiles(t))
	require.NoError(t, err)
	d := p.Deployment
	require.Equal(t, Enforce, d.Mode)
	require.Equal(t, []string{"baseline"}, d.Packs)
	require.Equal(t, prefixes("100.64.0.0/10"), d.Internal)
	require.Equal(t, Trusted{Tags: []string{"tier"}, Names: []string{"web-*"}}, d.Trusted)
	require.Equal(t, 30*time.Second, d.Settle)
	require.Equal(t, HoldBack, d.LedgerDown)
	require.Equal(t, Fuse{Groups: 5, Actors: 50}, d.Fuse)
	require.Len(t, d.Exemptions, 2)
	rule, err := secgroup.ParseRule("ingress tcp/22 from 8.8.4.0/24")
	require.NoError(t, err)
	require.Equal(t, Exemption{
		ID: "EX-1", Policy: "every-key", Group: "sg-0123456789abcdef0", Rules: []secgroup.Rule{rule}, Owner: "net-team", Reason: "vendor access",
		Ticket: "CHG-8", Until: time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC), Source: "file", File: "settings.yaml", Line: 20,
	}, d.Exemptions[0])
	require.Empty(t, d.Exemptions[1].Rules)
	require.Empty(t, p.Warnings)

	empty := parsedFrom(t, policyText("p", "forbid: [{direction: ingress, peers: [any]}]")).Deployment
	require.Equal(t, Deployment{Settle: 30 * time.Second, LedgerDown: RevokeBlind, Fuse: Fuse{10, 25}}, empty, "defaults")
}

func TestParseTests(t *testing.T) {
	p, err := Parse(validFiles(t))
	require.NoError(t, err)
	require.Len(t, p.Tests, 2)
	require.Equal(t, "every-key", p.Tests[0].Policy)
	calls := p.Tests[1].Cases[0]
	require.Equal(t, []string{"AuthorizeSecurityGroupIngress", "console.json"}, []string{calls.Exempt[0].Call, calls.Fail[0].Event})
	require.Empty(t, *calls.Exempted)
	require.Empty(t, *calls.Rest)
	c := p.Tests[0].Cases[0]
	require.Equal(t, secgroup.Group{
		ID: "sg-0a1b2c3d", Name: "web-1", AccountID: "123456789012", Region: "eu-west-1", VPCID: "vpc-0a1b2c3d",
		Tags: map[string]string{"tier": "public"}, VPCs: []secgroup.VPC{{ID: "vpc-0a1b2c3d", CIDRs: prefixes("10.1.0.0/16")}},
	}, c.Group)
	require.True(t, c.Together)
	require.Len(t, c.Pass, 1)
	require.Len(t, c.Exempt, 1)
	require.Equal(t, "I-SSH", c.Check)
	require.Len(t, c.Fail, 2)
	require.Equal(t, 23, c.Fail[0].Line)
	require.Equal(t, []string{"aws-cli/2.0", "narrowed"}, []string{c.Agent, c.Outcome})
	require.Equal(t, "ingress tcp/444 from 10.0.0.0/8", (*c.Exempted)[0].String())
	require.Equal(t, "ingress tcp/22 from 8.8.9.0/24", (*c.Rest)[0].Rule.String())
	require.Equal(t, secgroup.PrefixList{
		ID: "pl-0a1b2c3d", Name: "com.amazonaws.eu-west-1.s3", Readable: true, Entries: prefixes("8.8.8.0/29", "2606:4700::/32"),
	}, c.Fail[1].Peer)
}

// TestSetsOfShippedPoliciesAreTheDeployments: what a policy of a pack calls a
// set is empty until the settings declare it; in an own policy that is a fault.
func TestSetsOfShippedPoliciesAreTheDeployments(t *testing.T) {
	pack := map[string][]Source{"extra": {{File: "packs/extra/p.yaml", Text: []byte(policyText("p",
		"allowOnly: {within: {direction: ingress, peers: [addresses]}, these: [{peers: ['set:partners']}]}"))}}}
	for settings, want := range map[string]int{"": 0, "sets: {partners: [8.8.8.0/29]}\n": 1} {
		p, err := Parse([]Source{{File: "s.yaml", Text: []byte("apiVersion: sgwarden/v1\nkind: Settings\npacks: [extra]\n" + settings)}}, pack)
		require.NoError(t, err)
		require.Empty(t, p.Warnings)
		require.Len(t, p.Documents[0].AllowOnly.These[0].Peers[0].CIDRs, want)
	}
	_, err := Parse(pack["extra"], nil)
	require.ErrorContains(t, err, `unknown set "partners"`)
}

// TestAFileOfTwoPacksIsReadOnce: packs may overlap.
func TestAFileOfTwoPacksIsReadOnce(t *testing.T) {
	file := []Source{{File: "packs/one/p.yaml", Text: []byte(policyText("p", "forbid: [{direction: ingress, peers: [any]}]"))}}
	p, err := Parse([]Source{{File: "s.yaml", Text: []byte("apiVersion: sgwarden/v1\nkind: Settings\npacks: [one, two]\n")}}, map[string][]Source{"one": file, "two": file})
	require.NoError(t, err)
	require.Len(t, p.Documents, 1)
}

// TestAPolicyThatIsOffIsNotWarnedAbout: its scope matters once it is on.
func TestAPolicyThatIsOffIsNotWarnedAbout(t *testing.T) {
	p := parsedFrom(t, policyText("p", "intent: chosen", "scope: {not: {groups: {tags: {zone: [dmz]}}}}", "forbid: [{direction: ingress, peers: [internet]}]"))
	require.Len(t, p.Off, 1)
	require.Empty(t, p.Warnings)
}

// TestInnerBoxesInherit: what a box within another omits is that of the other;
// what it says of flows is all it says.
func TestInnerBoxesInherit(t *testing.T) {
	const outer = "forbid: [{direction: both, protocols: [tcp], ports: [22, 80], icmp: [8], peers: [internet], but: [%]}]"
	tcp := one(secgroup.TCP)
	port := func(p uint16) FlowSpec { return FlowSpec{tcp, secgroup.Span{First: p, Last: p}} }
	udp := FlowSpec{one(secgroup.UDP), secgroup.Span{First: 22, Last: 22}}
	udp80 := FlowSpec{one(secgroup.UDP), secgroup.Span{First: 80, Last: 80}}
	ping := FlowSpec{one(secgroup.ICMP), secgroup.Span{First: 8 << 8, Last: 8<<8 | 255}}
	both := []secgroup.Direction{secgroup.Ingress, secgroup.Egress}
	for _, c := range []struct {
		name, but  string
		directions []secgroup.Direction
		flows      []FlowSpec
		peer       string
	}{
		{"peers alone", "{peers: [self]}", both, []FlowSpec{port(22), port(80), ping}, "self"},
		{"direction alone", "{direction: egress}", both[1:], []FlowSpec{port(22), port(80), ping}, "internet"},
		{"ports keep the protocol, and leave icmp out", "{ports: [22]}", both, []FlowSpec{port(22)}, "internet"},
		{"protocols keep the ports", "{protocols: [udp]}", both, []FlowSpec{udp, udp80}, "internet"},
		{"protocols without ports have all", "{protocols: [icmp]}", both, []FlowSpec{{one(secgroup.ICMP), secgroup.FullSpan}}, "internet"},
		{"icmp alone", "{icmp: [8]}", both, []FlowSpec{ping}, "internet"},
	} {
		p := parsedFrom(t, policyText("p", strings.Replace(outer, "%", c.but, 1)))
		got := p.Documents[0].Forbid[0].But[0]
		require.Equal(t, c.directions, got.Directions, c.name)
		require.Equal(t, c.flows, got.Flows, c.name)
		require.Equal(t, c.peer, got.Peers[0].Text, c.name)
	}
}

func TestFilesMayHoldNothing(t *testing.T) {
	for _, text := range []string{"", "\n\n", "# only a comment\n", "---\n---\n", "\ufeff"} {
		p, err := Parse([]Source{{File: "empty.yaml", Text: []byte(text)}}, nil)
		require.NoError(t, err, "%q", text)
		require.Empty(t, p.Documents)
	}
}

func TestFaultsOfAllFilesShowAtOnce(t *testing.T) {
	faults := faultsOf(t,
		Source{File: "b.yaml", Text: []byte(policyText("p", "mode: on", "forbid: [{direction: in, peers: [any]}]"))},
		Source{File: "a.yaml", Text: []byte("kind: [\n")},
		Source{File: "c.yaml", Text: []byte(policyText("p", "forbid: [{direction: ingress, peers: ['set:x']}]"))},
	)
	var places []string
	for _, f := range faults {
		places = append(places, f.Place())
	}
	require.Equal(t, []string{"a.yaml:1:7", "b.yaml:4:7", "b.yaml:5:22", "c.yaml:3:16", "c.yaml:4:39"}, places)
}

func TestTheOrderOfFilesMeansNothing(t *testing.T) {
	own, packs := validFiles(t)
	want, err := Parse(own, packs)
	require.NoError(t, err)
	got, err := Parse([]Source{own[2], own[1], own[0]}, packs)
	require.NoError(t, err)
	require.Equal(t, want.Documents, got.Documents)
	require.Equal(t, want.Deployment, got.Deployment)
}

// TestPacksAreReadWhereTheyAreListed: a policy folder stands alone.
func TestPacksAreReadWhereTheyAreListed(t *testing.T) {
	own := []Source{{File: "own.yaml", Text: []byte(policyText("own", "forbid: [{direction: ingress, peers: [any]}]"))}}
	_, packs := validFiles(t)
	packs["broken"] = []Source{{File: "broken.yaml", Text: []byte("[")}}
	p, err := Parse(own, packs)
	require.NoError(t, err)
	require.Len(t, p.Documents, 1)

	taken := append(own, Source{File: "s.yaml", Text: []byte(settingsText("packs: [baseline]") + "---\n" + policyText("admin-ports-from-internet", "forbid: [{direction: ingress, peers: [any]}]"))})
	_, err = Parse(taken, packs)
	require.ErrorContains(t, err, `policy id "admin-ports-from-internet" is taken`)
	require.ErrorContains(t, err, "under overrides in the settings")
}

// TestAnIDOfAPackIsTakenOnce: the fault stands where the user can mend it, and
// the tests of the pack are not held against the user's policy.
func TestAnIDOfAPackIsTakenOnce(t *testing.T) {
	boxes := "forbid: [{direction: ingress, peers: [any]}]"
	shipped := strings.Replace(policyText("p", boxes), "id: p,", "id: p, checks: [I-SSH],", 1)
	packs := map[string][]Source{"pack": {
		{File: "p.yaml", Text: []byte(shipped)},
		{File: "p.tests.yaml", Text: []byte("apiVersion: sgwarden/v1\nkind: Tests\npolicy: p\ncases: [{name: any, check: I-SSH, fail: [ingress all from 0.0.0.0/0]}]\n")},
	}}
	own := []Source{{File: "own.yaml", Text: []byte(policyText("p", boxes))}, {File: "s.yaml", Text: []byte(settingsText("packs: [pack]"))}}
	_, err := Parse(own, packs)
	var faults Faults
	require.ErrorAs(t, err, &faults)
	require.Len(t, faults, 1, "%v", err)
	require.Equal(t, "own.yaml:3:16", faults[0].Place())
	require.Contains(t, faults[0].Hint, "the other is at p.yaml:3:16; change a policy of a pack under overrides")
}

func TestModeIsTheLower(t *testing.T) {
	for _, c := range []struct{ file, environment, want Mode }{
		{0, 0, 0}, {Observe, 0, Observe}, {Enforce, 0, Enforce}, {0, Observe, Observe}, {0, Enforce, Enforce},
		{Observe, Enforce, Observe}, {Enforce, Observe, Observe}, {Enforce, Enforce, Enforce},
	} {
		require.Equal(t, c.want, Deployment{Mode: c.file}.Settings(c.environment).Mode, "%v", c)
	}
}
