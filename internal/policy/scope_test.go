package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func yesOrNo(b bool) *bool { return &b }

// appliesTo reports whether a policy with the scope looks at the group.
func appliesTo(t *testing.T, settings Settings, g secgroup.Group, options ...option) bool {
	t.Helper()
	s := compiledWith(t, settings, document("p", append(options, forbid(box("ingress tcp/22 internet")))...))
	g.Rules = liveRules(t, "ingress tcp/22 from 0.0.0.0/0")
	findings := s.Evaluate(swept(s, g)).Rules[0].Findings
	return len(findings) == 1 && findings[0].State != Fine
}

var trusting = Settings{Mode: Enforce, TrustedTags: []string{"tier", "team"}, TrustedNames: []string{"web-*"}}

func TestScope(t *testing.T) {
	web := secgroup.Group{ID: "sg-0a", Name: "web-1", AccountID: ownAccount, Region: "eu-west-1", VPCID: "vpc-1", VPCs: []secgroup.VPC{},
		Tags: map[string]string{"tier": "public", "team": "a"}}
	for _, tc := range []struct {
		name  string
		scope Scope
		want  bool
	}{
		{"empty", Scope{}, true},
		{"name", Scope{Names: []string{"web-*"}}, true},
		{"another name", Scope{Names: []string{"web-2*"}}, false},
		{"name in another case", Scope{Names: []string{"web-1"}}, true},
		{"one of the names", Scope{Names: []string{"web-2", "web-1"}}, true},
		{"id", Scope{IDs: []string{"sg-0b", "sg-0a"}}, true},
		{"another id", Scope{IDs: []string{"sg-0b"}}, false},
		{"tag", Scope{Tags: map[string][]string{"tier": {"public"}}}, true},
		{"tag by glob", Scope{Tags: map[string][]string{"tier": {"pub*"}}}, true},
		{"another value", Scope{Tags: map[string][]string{"tier": {"private"}}}, false},
		{"both tags", Scope{Tags: map[string][]string{"tier": {"public"}, "team": {"a", "b"}}}, true},
		{"one of both tags", Scope{Tags: map[string][]string{"tier": {"public"}, "team": {"b"}}}, false},
		{"VPC", Scope{VPCs: []string{"vpc-1"}}, true},
		{"another VPC", Scope{VPCs: []string{"vpc-2"}}, false},
		{"account", Scope{Accounts: []string{ownAccount}}, true},
		{"another account", Scope{Accounts: []string{"999999999999"}}, false},
		{"region", Scope{Regions: []string{"eu-west-1"}}, true},
		{"another region", Scope{Regions: []string{"eu-west-2"}}, false},
		{"default", Scope{Default: yesOrNo(true)}, false},
		{"not default", Scope{Default: yesOrNo(false)}, true},
		{"all conditions hold", Scope{Names: []string{"web-*"}, VPCs: []string{"vpc-1"}, Tags: map[string][]string{"tier": {"public"}}}, true},
		{"one condition does not", Scope{Names: []string{"web-*"}, VPCs: []string{"vpc-2"}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, appliesTo(t, trusting, web, scope(tc.scope)))
			empty := tc.name == "empty"
			require.Equal(t, !tc.want || empty, appliesTo(t, trusting, web, scopeNot(tc.scope)), "as scope.not")
		})
	}
	shouting := web
	shouting.Name = "WEB-1"
	require.True(t, appliesTo(t, trusting, shouting, scope(Scope{Names: []string{"web-*"}})), "a name in capitals does not escape")
	require.True(t, appliesTo(t, trusting, shouting, scopeNot(Scope{Names: []string{"web-*"}})), "and is not let off")
	defaults := web
	defaults.Name = "default"
	require.True(t, appliesTo(t, trusting, defaults, scope(Scope{Default: yesOrNo(true)})))
	require.False(t, appliesTo(t, trusting, defaults, scope(Scope{Default: yesOrNo(false)})))
}

// TestUntrustedScopeNeverSwitchesOff: a tag or name that is not trusted
// counts as held in a scope and as not held in scope.not.
func TestUntrustedScopeNeverSwitchesOff(t *testing.T) {
	g := secgroup.Group{ID: "sg-0a", Name: "web-1", AccountID: ownAccount, VPCID: "vpc-1", VPCs: []secgroup.VPC{}, Tags: map[string]string{"tier": "public", "free": "x"}}
	for _, tc := range []struct {
		name  string
		scope option
		want  bool
	}{
		{"untrusted tag that the group lacks", scope(Scope{Tags: map[string][]string{"cost": {"1"}}}), true},
		{"untrusted tag with another value", scope(Scope{Tags: map[string][]string{"free": {"y"}}}), true},
		{"untrusted tag beside a trusted condition that fails", scope(Scope{Tags: map[string][]string{"free": {"y"}}, VPCs: []string{"vpc-2"}}), false},
		{"untrusted name", scope(Scope{Names: []string{"db-*"}}), true},
		{"one of the names is untrusted", scope(Scope{Names: []string{"web-2", "db-*"}}), true},
		{"a wider name than is trusted", scope(Scope{Names: []string{"w*"}}), true},
		{"not: an untrusted tag excludes nothing", scopeNot(Scope{Tags: map[string][]string{"free": {"x"}}}), true},
		{"not: an untrusted name excludes nothing", scopeNot(Scope{Names: []string{"*"}}), true},
		{"not: an untrusted name beside a trusted one", scopeNot(Scope{Names: []string{"*", "web-*"}}), false},
		{"not: an untrusted tag beside a trusted one", scopeNot(Scope{Tags: map[string][]string{"free": {"x"}, "tier": {"public"}}}), true},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, appliesTo(t, trusting, g, tc.scope)) })
	}
}

func TestChosenPoliciesAreOffUntilScoped(t *testing.T) {
	boxes := forbid(box("ingress tcp/22 internet"))
	s := compiledWith(t, trusting, document("p", chosen, boxes))
	require.Empty(t, s.Policies)
	s = compiledWith(t, trusting, document("p", chosen, boxes, scope(Scope{VPCs: []string{"vpc-1"}})))
	require.Len(t, s.Policies, 1)
	_, err := Compile([]Document{document("p", chosen, boxes, scope(Scope{Tags: map[string][]string{"free": {"x"}}}))}, trusting)
	require.ErrorContains(t, err, "p.yaml:4: policy p: the scope of a chosen policy needs a condition that counts")
}

func TestCompileReportsAllContradictions(t *testing.T) {
	boxes := forbid(box("ingress tcp/22 internet"))
	other := document("p", boxes)
	other.File, other.Line = "q.yaml", 8
	settings := Settings{Exemptions: []Exemption{{ID: "EX-1", Policy: "gone", File: "sgwarden.yaml", Line: 12}, {ID: "EX-2", Policy: "p"}}}
	s, err := Compile([]Document{document("p", boxes), other, document("nothing")}, settings)
	require.Nil(t, s)
	require.EqualError(t, err, `q.yaml:8: policy p stands already at p.yaml:4
nothing.yaml:4: policy nothing: it judges nothing
sgwarden.yaml:12: exemption EX-1 is from policy gone, which is not there`)
}

func TestModeIsTheLowest(t *testing.T) {
	for _, tc := range []struct{ set, own, want Mode }{
		{0, 0, Observe}, {0, Enforce, Observe}, {Observe, Enforce, Observe}, {Enforce, 0, Enforce}, {Enforce, Observe, Observe}, {Enforce, Enforce, Enforce},
	} {
		s := compiledWith(t, Settings{Mode: tc.set}, document("p", forbid(box("ingress tcp/22 internet")), mode(tc.own)))
		require.Equal(t, tc.want, s.Policies[0].Mode, "set %d, own %d", tc.set, tc.own)
		twin := s.Enforcing()
		require.Equal(t, Enforce, twin.Policies[0].Mode)
		require.Equal(t, s.Policies[0].Digest(), twin.Policies[0].Digest())
	}
}

func TestZeroSetJudgesNothing(t *testing.T) {
	var s Set
	v := s.Evaluate(Input{Live: group(t, "ingress tcp/22 from 0.0.0.0/0"), Now: now})
	require.Len(t, v.Rules, 1)
	require.Equal(t, Keep, v.Rules[0].Decision)
	require.Equal(t, NotConcerned, s.Triage(authorized("arn:a", now, ruleOf(t, "ingress tcp/22 from 0.0.0.0/0")), nil))
}

func TestDigestIsOfTheMeaning(t *testing.T) {
	base := func() Document {
		return document("p", forbid(box("ingress tcp/22,udp/53 internet,10.0.0.0/8", box("ingress tcp/22 8.8.8.0/29")), box("egress all any")), tolerate(16, 32), except(now, "arn:a", "arn:b"))
	}
	digest := func(d Document, s Settings) string {
		s.Mode = max(s.Mode, Observe)
		return compiledWith(t, s, d).Policies[0].Digest()
	}
	want := digest(base(), Settings{})
	for name, edit := range map[string]func(*Document){
		"title":           func(d *Document) { d.Title, d.Why, d.Fix, d.Severity, d.Maturity = "x", "y", "z", Low, "preview" },
		"file":            func(d *Document) { d.File, d.Line, d.Forbid[0].Line = "elsewhere.yaml", 99, 98 },
		"order of boxes":  func(d *Document) { d.Forbid[0], d.Forbid[1] = d.Forbid[1], d.Forbid[0] },
		"order of peers":  func(d *Document) { p := d.Forbid[0].Peers; p[0], p[1] = p[1], p[0] },
		"order of flows":  func(d *Document) { f := d.Forbid[0].Flows; f[0], f[1] = f[1], f[0] },
		"order of actors": func(d *Document) { a := d.Except[0].Actors; a[0], a[1] = a[1], a[0] },
		"spelling of a set": func(d *Document) {
			d.Forbid[0].Peers[1] = PeerSpec{Kind: PeerCIDRs, CIDRs: append(peerSpec("10.0.0.0/9").CIDRs, peerSpec("10.128.0.0/9").CIDRs...)}
		},
		"parts": func(d *Document) { d.Remedy.Parts = 3 },
	} {
		d := base()
		edit(&d)
		require.Equal(t, want, digest(d, Settings{}), "%s does not change the meaning", name)
	}
	seen := map[string]string{want: "base"}
	for name, edit := range map[string]func(*Document){
		"port":       func(d *Document) { d.Forbid[0].Flows[0].Span.Last++ },
		"peer":       func(d *Document) { d.Forbid[0].Peers[0] = peerSpec("any") },
		"exception":  func(d *Document) { d.Forbid[0].But = nil },
		"whole":      func(d *Document) { d.Forbid[1].Whole = true },
		"direction":  func(d *Document) { d.Forbid[1].Directions = bothDirections[:] },
		"tolerance":  func(d *Document) { d.Tolerate.IPv4 = 17 },
		"per rule":   func(d *Document) { d.Tolerate.PerRule = true },
		"remedy":     func(d *Document) { d.Remedy.Do = DoAlert },
		"scope":      func(d *Document) { d.Scope.VPCs = []string{"vpc-1"} },
		"scope.not":  func(d *Document) { d.Not = &Scope{VPCs: []string{"vpc-1"}} },
		"exceptions": func(d *Document) { d.Except[0].Actors = []string{"arn:a"} },
		"until":      func(d *Document) { d.Except[0].Until = now.AddDate(0, 0, 1) },
	} {
		d := base()
		edit(&d)
		got := digest(d, Settings{})
		require.Empty(t, seen[got], "%s is like %s", name, seen[got])
		seen[got] = name
	}
	for name, s := range map[string]Settings{"mode": {Mode: Enforce}, "internal": {Internal: peerSpec("8.8.8.0/24").CIDRs}} {
		got := digest(base(), s)
		require.Empty(t, seen[got], "%s is like %s", name, seen[got])
		seen[got] = name
	}
}
