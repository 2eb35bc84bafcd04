package policy

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// The last value on this side of each bound, and the first beyond it.

func TestIdentifiersAtTheBounds(t *testing.T) {
	hex := strings.Repeat("a", 33)
	for text, want := range map[string]bool{
		"*": true, "sg-0a*": true, "sg-?": true, "sg-" + hex[:32]: true, "sg-" + hex: false, "sg-": false, "": false,
		"0a*": false, "web-0a": false, "sg-xyz": false, "sg": false,
	} {
		require.Equal(t, want, isGroupGlob(text), text)
	}
	require.True(t, isPolicyID(strings.Repeat("a", 64)))
	require.False(t, isPolicyID(strings.Repeat("a", 65)))
}

func TestActorsAreARNs(t *testing.T) {
	actors := func(arn string) string {
		return policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [internet]}]", `except: [{actors: ["`+arn+`"], reason: x, until: 2030-01-01}]`)
	}
	for _, arn := range []string{"arn:aws:iam::123456789012:role/x", "arn:aws:sts::123456789012:federated-user/x", "arn:aws:iam::123456789012:assumed-role/x"} {
		require.Equal(t, []string{arn}, parsedFrom(t, actors(arn)).Documents[0].Except[0].Actors)
	}
	for arn, want := range map[string]string{
		"arn:aws:iam": "is not the ARN", "aws:arn:iam::123456789012:role/x": "is not the ARN", "arn": "is not the ARN",
		"arn:aws:sts::123456789012:assumed-role/x/y": "never its session",
	} {
		require.Contains(t, faultsOf(t, Source{File: "a.yaml", Text: []byte(actors(arn))})[0].Message, want, arn)
	}
}

func TestDeadlinesAtTheBounds(t *testing.T) {
	place := position{source: &sourceText{file: "a.yaml"}, line: 3, column: 1}
	for left, want := range map[time.Duration]string{
		-time.Hour: "x is over", 0: "x is over", time.Second: "x ends today", 24*time.Hour - 1: "x ends today",
		24 * time.Hour: "x ends in 1 day", soon: "x ends in 30 days", soon + 1: "",
	} {
		got := lintDeadline(deadline{place, "x", now.Add(left)}, now)
		if want == "" {
			require.Empty(t, got, "%s", left)
			continue
		}
		require.Equal(t, want, got[0].Message, "%s", left)
		require.True(t, got[0].Warning)
	}
}

func TestDayBeforeAnEnd(t *testing.T) {
	midnight := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	require.Equal(t, "2026-03-01", dayBefore(midnight))
	require.Equal(t, "2026-03-02", dayBefore(midnight.Add(time.Nanosecond)))
	require.Equal(t, "2026-03-02", dayBefore(midnight.Add(24*time.Hour)))
}

func TestUnscopedPoliciesAreAllTold(t *testing.T) {
	place := position{source: &sourceText{file: "own.yaml"}, line: 4, column: 1}
	var told []string
	for _, d := range Lint(Parsed{forLint: lintNotes{
		unscoped:  []unscoped{{at: place, id: "z", pack: "pack"}, {at: place, id: "own"}, {at: place, id: "a", pack: "pack"}},
		deadlines: []deadline{{position{source: &sourceText{file: "zz.yaml"}, line: 1}, "exemption X", now}},
	}}, now) {
		told = append(told, d.Place()+" "+d.Message)
	}
	require.Equal(t, []string{
		"own.yaml:4:1 policy own is chosen, and has no scope: it is off", "packs/pack off, as no scope is given: a, z", "zz.yaml:1:1 exemption X is over",
	}, told)
}

func TestProbeRules(t *testing.T) {
	from := cidrText{prefix: netip.MustParsePrefix("10.0.0.0/8")}
	flow := func(first, last uint8, span secgroup.Span) FlowSpec {
		return FlowSpec{secgroup.ProtocolRange{First: first, Last: last}, span}
	}
	for want, f := range map[string]FlowSpec{
		"ingress tcp/20-25 from 10.0.0.0/8": flow(6, 6, secgroup.Span{First: 20, Last: 25}),
		"ingress udp/53 from 10.0.0.0/8":    flow(17, 17, secgroup.Span{First: 53, Last: 53}),
		"ingress icmp/8 from 10.0.0.0/8":    flow(1, 1, secgroup.Span{First: 8 << 8, Last: 8<<8 | 255}),
		"ingress icmpv6/3 from 10.0.0.0/8":  flow(58, 58, secgroup.Span{First: 3<<8 | 1, Last: 3<<8 | 1}),
		"ingress icmp from 10.0.0.0/8":      flow(1, 1, secgroup.FullSpan),
		"ingress 47 from 10.0.0.0/8":        flow(47, 47, secgroup.FullSpan),
		"ingress 50 from 10.0.0.0/8":        flow(50, 50, secgroup.Span{First: 1, Last: 1}),
		"ingress all from 10.0.0.0/8":       flow(0, 255, secgroup.FullSpan),
	} {
		r := probeRule(f, from)
		r.Direction = secgroup.Ingress
		require.Equal(t, want, r.String())
		require.NoError(t, r.Validate())
	}
}

// TestToThatThePolicyRefuses: whatever keeps the policy from judging the probe
// is left out of it.
func TestToThatThePolicyRefuses(t *testing.T) {
	to := netip.MustParsePrefix("8.8.0.0/16")
	place := position{source: &sourceText{file: "p.yaml"}, line: 9, column: 1}
	yes := true
	exempt := Exemption{ID: "X", Policy: "p", Group: "sg-00000000", Until: now.Add(time.Hour)}
	for name, options := range map[string][]option{
		"plain":       {},
		"scoped":      {scope(Scope{Accounts: []string{"999999999999"}})},
		"scope.not":   {scopeNot(Scope{Default: new(bool)})},
		"chosen":      {chosen, scope(Scope{Default: &yes})},
		"tolerant":    {tolerate(0, 0)},
		"per rule":    {perRule},
		"excepted":    {except(now.Add(time.Hour), "*")},
		"IPv4 alone":  {tolerate(0, -1)},
		"with a wait": {after(time.Hour)},
		"narrowing":   {narrow(3, "8.8.0.0/16")},
	} {
		for _, words := range []string{"ingress tcp/22 internet", "ingress tcp/22 internet whole"} {
			d := document("p", append([]option{forbid(box(words))}, options...)...)
			before := d.Forbid[0].Whole
			p := Parsed{Documents: []Document{d}, forLint: lintNotes{narrowTo: []narrowTo{{place, "p", cidrText{word{text: "8.8.0.0/16"}, to}}, {place, "q", cidrText{word{text: "8.8.0.0/16"}, to}}}}}
			p.Deployment.Exemptions = []Exemption{exempt}
			got := lintTo(d, p)
			require.Len(t, got, 1, "%s, %s", name, words)
			require.Equal(t, "8.8.0.0/16 is not what policy p itself allows", got[0].Message)
			require.Equal(t, before, d.Forbid[0].Whole, "the document is the caller's own")
			p.forLint.narrowTo[0].cidr.prefix = netip.MustParsePrefix("10.0.0.0/8")
			require.Empty(t, lintTo(d, p), "%s, %s", name, words)
		}
	}
}

// TestNothingIsLeftOutOfEmptiness: two conditions of one length each are not
// none.
func TestNothingIsLeftOutOfEmptiness(t *testing.T) {
	one := []string{"x"}
	fields := []func(*Scope){
		func(s *Scope) { s.Names = one }, func(s *Scope) { s.IDs = one }, func(s *Scope) { s.Tags = map[string][]string{"k": nil} },
		func(s *Scope) { s.VPCs = one }, func(s *Scope) { s.Accounts = one }, func(s *Scope) { s.Regions = one }, func(s *Scope) { s.Default = new(bool) },
	}
	all := trust{tags: []string{"k"}, names: []string{"*"}}
	require.True(t, Scope{}.isEmpty())
	require.True(t, compileScope(Scope{}, all).isEmpty())
	for _, a := range fields {
		for _, b := range fields {
			var s Scope
			a(&s)
			b(&s)
			require.False(t, s.isEmpty(), "%+v", s)
			require.False(t, compileScope(s, all).isEmpty(), "%+v", s)
		}
	}
	flows := []func(*flowSyntax){
		func(f *flowSyntax) { f.Protocols = make([]protocolName, 1) }, func(f *flowSyntax) { f.Ports = make([]portRange, 1) },
		func(f *flowSyntax) { f.ICMP = make([]icmpType, 1) }, func(f *flowSyntax) { f.ICMP6 = make([]icmpType, 1) },
	}
	require.True(t, (&flowSyntax{}).isEmpty())
	for _, a := range flows {
		for _, b := range flows {
			var f flowSyntax
			a(&f)
			b(&f)
			require.False(t, f.isEmpty(), "%+v", f)
		}
	}
}

func TestNamesThatAreNotTrustedLeaveNothing(t *testing.T) {
	got := Trusted{Names: []string{"web-*"}}.untrusted(Scope{Names: []string{"web-1", "db-1"}})
	require.Equal(t, "name db-1", got.what)
	require.True(t, got.rest.isEmpty())
	got = Trusted{Names: []string{"web-*"}}.untrusted(Scope{Names: []string{"web-1"}})
	require.Empty(t, got.what)
	require.False(t, got.rest.isEmpty())
}

func TestBoxesThatAreApart(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"ingress tcp/22 internet", "ingress tcp/22 internet", false},
		{"ingress tcp/22 internet", "egress tcp/22 internet", true},
		{"ingress tcp/22 internet", "ingress udp/22 internet", true},
		{"ingress udp/22 internet", "ingress tcp/22 internet", true},
		{"ingress tcp/20-22 internet", "ingress tcp/22-25 internet", false},
		{"ingress tcp/20-22 internet", "ingress tcp/23-25 internet", true},
		{"ingress tcp/23-25 internet", "ingress tcp/20-22 internet", true},
		{"ingress udp/20-22 internet", "ingress tcp/23-25 internet", true},
		{"ingress tcp/22 10.0.0.0/8", "ingress tcp/22 private", false},
		{"ingress tcp/22 8.0.0.0/8", "ingress tcp/22 private", true},
		{"ingress tcp/22 8.0.0.0/8", "ingress tcp/22 internet", false},
		{"ingress tcp/22 10.0.0.0/8", "ingress tcp/22 internet", true},
		{"ingress tcp/22 10.0.0.0/8", "ingress tcp/22 addresses", false},
		{"ingress tcp/22 private", "ingress tcp/22 internet", true},
		{"ingress tcp/22 references", "ingress tcp/22 addresses", true},
		{"ingress tcp/22 references", "ingress tcp/22 self", false},
		{"ingress tcp/22 any", "ingress tcp/22 references", false},
		{"ingress tcp/22 10.0.0.0/8", "ingress tcp/22 any", false},
		{"ingress tcp/22 pl-0a1b2c3d", "ingress tcp/22 10.0.0.0/8", false},
		{"ingress tcp/22 vpc", "ingress tcp/22 8.0.0.0/8", false},
	} {
		require.Equal(t, tc.want, certainlyApart(box(tc.a), box(tc.b)), "%s, %s", tc.a, tc.b)
		require.Equal(t, tc.want, certainlyApart(box(tc.b), box(tc.a)), "%s, %s", tc.b, tc.a)
	}
	faulty := box("ingress tcp/22 internet")
	faulty.Peers = nil
	require.False(t, certainlyApart(faulty, box("ingress tcp/22 private")), "what is at fault already is not faulted again")
	require.False(t, certainlyApart(box("ingress tcp/22 private"), faulty))
	unfilled := box("ingress tcp/22 internet")
	unfilled.Peers = []PeerSpec{{Kind: PeerCIDRs}}
	require.False(t, certainlyApart(unfilled, box("ingress tcp/22 8.0.0.0/8")), "a set of a pack that is not declared may be anything")
}

func TestAWSNames(t *testing.T) {
	for _, tc := range []struct {
		owner, name string
		want        string
		known       bool
	}{
		{"AWS", "com.amazonaws.eu-west-1.s3", "com.amazonaws.eu-west-1.s3", true},
		{"AWS", "", "", false},
		{"", "com.amazonaws.eu-west-1.s3", "com.amazonaws.eu-west-1.s3", true},
		{"", "office", "", true},
		{"", "", "", false},
		{"123456789012", "com.amazonaws.eu-west-1.s3", "", true},
		{"123456789012", "", "", true},
	} {
		name, known := awsName(secgroup.PrefixList{OwnerID: tc.owner, Name: tc.name})
		require.Equal(t, tc.want, name, "%s %s", tc.owner, tc.name)
		require.Equal(t, tc.known, known, "%s %s", tc.owner, tc.name)
	}
}

func TestGroupPatternsOfAccounts(t *testing.T) {
	const other = "210987654321"
	for _, tc := range []struct {
		pattern, ref, own string
		least, most       bool
	}{
		{"", other, ownAccount, true, true},
		{"self", "", ownAccount, true, true},
		{"self", ownAccount, ownAccount, true, true},
		{"self", other, ownAccount, false, false},
		{other, other, ownAccount, true, true},
		{other, "", ownAccount, false, false},
		{ownAccount, "", ownAccount, true, true},
		// The account of the group is not known.
		{"self", "", "", true, true},
		{"self", other, "", false, true},
		{other, "", "", false, true},
		{other, other, "", true, true},
	} {
		g, ref, at := groupPattern{account: tc.pattern}, secgroup.GroupReference{GroupID: "sg-0b", AccountID: tc.ref}, site{accountID: tc.own}
		require.Equal(t, tc.least, g.match(ref, at, atLeast), "%+v", tc)
		require.Equal(t, tc.most, g.match(ref, at, atMost), "%+v", tc)
	}
}

func TestRulesOfTheSameBlock(t *testing.T) {
	const this = "ingress tcp/22 from 10.0.0.0/8"
	require.True(t, isSameBlockRule(ruleOf(t, this), ruleOf(t, this)))
	for _, other := range []string{
		"egress tcp/22 to 10.0.0.0/8", "ingress udp/22 from 10.0.0.0/8", "ingress tcp/22-23 from 10.0.0.0/8", "ingress tcp/22 from 10.0.0.0/9",
		"ingress tcp/22 from 11.0.0.0/8", "ingress tcp/22 from sg-0b", "ingress tcp/22 from pl-0b",
	} {
		require.False(t, isSameBlockRule(ruleOf(t, this), ruleOf(t, other)), other)
		require.False(t, isSameBlockRule(ruleOf(t, other), ruleOf(t, this)), other)
	}
	require.False(t, isSameBlockRule(ruleOf(t, "ingress tcp/22 from sg-0b"), ruleOf(t, "ingress tcp/22 from sg-0b")))
}

func TestKindsOfPeers(t *testing.T) {
	v4, v6 := ruleOf(t, "ingress all from 10.0.0.0/8").Peer, ruleOf(t, "ingress all from fd00::/8").Peer
	list, group := ruleOf(t, "ingress all from pl-0b").Peer, ruleOf(t, "ingress all from sg-0b").Peer
	all := []secgroup.Peer{v4, v6, list, group}
	for i, a := range all {
		for k, b := range all {
			require.Equal(t, i == k, isSameKind(a, b), "%s, %s", a, b)
		}
	}
}

func TestWindowsOfLongLines(t *testing.T) {
	line := strings.Repeat("a", 100) + strings.Repeat("b", 100)
	window := func(length, column, width int) (string, string) {
		return Diagnostic{Line: 1, Column: column, Width: width, Excerpt: line[:length]}.window()
	}
	shown, caret := window(excerptWidth, excerptWidth-1, 9)
	require.Equal(t, line[:excerptWidth], shown, "a line that fits is shown whole")
	require.Equal(t, strings.Repeat(" ", excerptWidth-2)+"^^", caret, "carets end with the line")
	shown, caret = window(excerptWidth+1, excerptWidth*3/4+1, 1)
	require.Equal(t, line[:excerptWidth]+"…", shown)
	require.Equal(t, strings.Repeat(" ", excerptWidth*3/4)+"^", caret)
	shown, caret = window(excerptWidth+1, excerptWidth*3/4+2, 1)
	require.Equal(t, "…"+line[excerptWidth*3/4+1-excerptWidth/2:excerptWidth+1], shown)
	require.Equal(t, " "+strings.Repeat(" ", excerptWidth/2)+"^", caret)
	require.Equal(t, "a.yaml: warning: odd", Diagnostic{File: "a.yaml", Message: "odd", Warning: true}.String())
}

func TestSuggestionsAtTheBounds(t *testing.T) {
	words := func(n int) []string {
		var out []string
		for i := range n {
			out = append(out, strings.Repeat("x", 20+i))
		}
		return out
	}
	require.Equal(t, "known: "+strings.Join(words(12), ", "), didYouMean("abc", words(12)))
	require.Empty(t, didYouMean("abc", words(13)))
	require.Empty(t, didYouMean("abc", nil))
	a, b := strings.Repeat("a", 64), strings.Repeat("a", 63)+"b"
	require.Equal(t, 1, editDistance(a, b))
	require.Equal(t, 65, editDistance(a, b+"b"), "longer words are far apart")
	require.Equal(t, 65, editDistance(b+"b", a))
	require.Equal(t, 3, editDistance("", "abc"))
	require.Equal(t, 3, editDistance("abc", ""))
	require.Equal(t, 1, editDistance("ab", "ba"))
	require.Equal(t, []string{"a", "b", "c", "d", "e"}, sortedKeys(map[string]int{"c": 1, "a": 1, "e": 1, "b": 1, "d": 1}))
}

// tooDeep reports whether a text is refused for its depth.
func tooDeep(text string) bool {
	r := &reporter{}
	new(yamlReader).read(&sourceText{file: "a.yaml", text: text, lines: strings.Split(text, "\n")}, r)
	return slices.ContainsFunc(r.faults, func(d Diagnostic) bool { return d.Message == "nested deeper than 40 levels" })
}

func TestYAMLAtTheBounds(t *testing.T) {
	nested := func(format func(int) string, n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(format(i))
		}
		return b.String()
	}
	steps := func(i int) string { return strings.Repeat(" ", i) + "a:\n" }
	for name, tc := range map[string]struct{ within, beyond string }{
		"steps":             {nested(steps, 40), nested(steps, 41)},
		"lists":             {strings.Repeat("- ", 40) + "a", strings.Repeat("- ", 41) + "a"},
		"brackets":          {strings.Repeat("[", 40), strings.Repeat("[", 41)},
		"braces":            {strings.Repeat("{a: ", 40), strings.Repeat("{a: ", 41)},
		"both":              {strings.Repeat("- ", 20) + strings.Repeat("[", 20), strings.Repeat("- ", 20) + strings.Repeat("[", 21)},
		"closed brackets":   {strings.Repeat("- [a, b]\n", 100), strings.Repeat("- ", 40) + "[a]"},
		"pairs in brackets": {strings.Repeat("- [a: b, c: d]\n", 100), strings.Repeat("- ", 40) + "[a: b]"},
		"keys in braces":    {strings.Repeat("- {a: b, c: d}\n", 100), strings.Repeat("- ", 40) + "{a: b}"},
		"steps and back":    {strings.Repeat(nested(steps, 30), 3), strings.Repeat(nested(steps, 30), 3) + nested(steps, 41)},
		"several documents": {strings.Repeat(nested(steps, 30)+"---\n", 3), nested(steps, 30) + "---\n" + nested(steps, 41)},
	} {
		require.False(t, tooDeep(tc.within), name)
		require.True(t, tooDeep(tc.beyond), name)
	}
}

func TestLinesThatMayNotBe(t *testing.T) {
	check := func(line string) string {
		r := &reporter{}
		if checkLine(line, position{source: &sourceText{file: "a"}, line: 1, width: 1}, r) {
			require.Empty(t, r.faults)
			return ""
		}
		return r.faults[0].Place() + " " + r.faults[0].Message
	}
	for line, want := range map[string]string{
		"a: b": "", "": "", "  a": "", "\t": "", " \t ": "", "a\tb": "", "a: \tb": "", "\ufffd": "",
		"\ta":      "a:1:1 tab in the indentation",
		"  \ta":    "a:1:3 tab in the indentation",
		"a\xff":    "a:1:2 byte 0xff is not UTF-8",
		"a\x00b":   "a:1:2 invisible character U+0000",
		"\u202e":   "a:1:1 invisible character U+202E",
		"ab\ufeff": "a:1:3 invisible character U+FEFF",
	} {
		require.Equal(t, want, check(line), "%q", line)
	}
	r := &reporter{}
	require.NotNil(t, newSourceText(Source{File: "a", Text: bytes.Repeat([]byte("a\n"), MaxSource/2)}, r))
	require.Nil(t, newSourceText(Source{File: "a", Text: append(bytes.Repeat([]byte("a\n"), MaxSource/2), 'a')}, r))
	require.Empty(t, check(strings.Repeat("ü", maxLine)))
	require.Equal(t, "a:1:4001 longer than the 4000 characters that a line may have", check(strings.Repeat("ü", maxLine+1)))
	last := position{source: &sourceText{file: "a", lines: []string{"x", "last"}}, line: 2, column: 1}
	require.Equal(t, "last", last.diagnostic("", "m").Excerpt)
	last.line = 3
	require.Empty(t, last.diagnostic("", "m").Excerpt)
	r.fault(position{}, "", "no place")
	require.Equal(t, "no place", r.faults[len(r.faults)-1].Message)
}

func TestNamesOfValues(t *testing.T) {
	require.Equal(t, "alert", DoAlert.String())
	require.Empty(t, RemedyKind(len(remedyNames)).String())
	require.Empty(t, RemedyKind(200).String())
}

// TestSetsOfSets: what stands twice counts once, and one odd entry does not
// hide the next.
func TestSetsOfSets(t *testing.T) {
	p := parsedFrom(t, settingsText("sets:", "  a: [10.0.0.0/8, 10.0.0.0/8, 9.0.0.0/8]", "  b: [set:a, set:a, 8.0.0.0/8, 9.0.0.0/8]", "  internal: [set:b, 7.0.0.0/8]"))
	require.Equal(t, prefixes("7.0.0.0/8", "8.0.0.0/8", "9.0.0.0/8", "10.0.0.0/8"), p.Deployment.Internal)

	var told []string
	for _, f := range faultsOf(t, Source{File: "a.yaml", Text: []byte(settingsText("sets:", "  a: [10.0.0.0/33, set:b, set:none, set:nothing]", "  b: [set:a, set:neither]"))}) {
		told = append(told, f.Message)
	}
	require.Len(t, told, 5, "%v", told)
	none := faultsOf(t, Source{File: "a.yaml", Text: []byte(policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [\"set:x\"]}]"))})
	require.Equal(t, "declare it under sets in the settings", none[0].Hint)
}

// TestOrderOfWhatIsParsed does not depend on the order of files.
func TestOrderOfWhatIsParsed(t *testing.T) {
	ssh := "forbid: [{direction: ingress, ports: [22], peers: [internet]}]"
	sources := []Source{
		{File: "z.yaml", Text: []byte(policyText("z", ssh) + "---\n" + policyText("y", "intent: chosen", ssh))},
		{File: "m.yaml", Text: []byte(policyText("m", ssh) + "---\n" + policyText("x", "intent: chosen", ssh))},
		{File: "a.yaml", Text: []byte(policyText("a", ssh) + "---\n" + policyText("b", "intent: chosen", ssh))},
		{File: "sgwarden.yaml", Text: []byte(settingsText("exemptions:",
			"  - {id: X-2, policy: a, group: sg-0a1b2c3d, owner: o, reason: r, ticket: T, until: 2030-01-01}",
			"  - {id: X-1, policy: z, group: sg-0a1b2c3d, owner: o, reason: r, ticket: T, until: 2030-01-01}",
			"  - {id: X-3, policy: x, group: sg-0a1b2c3d, owner: o, reason: r, ticket: T, until: 2030-01-01}", "fuse: {groups: 3, actors: 4}"))},
	}
	for range 4 {
		p, err := Parse(sources, nil)
		require.NoError(t, err)
		ids := func(docs []Document) (out []string) {
			for _, d := range docs {
				out = append(out, d.ID)
			}
			return out
		}
		require.Equal(t, []string{"a", "m", "z"}, ids(p.Documents))
		require.Equal(t, []string{"b", "x", "y"}, ids(p.Off))
		require.Equal(t, "X-1", p.Deployment.Exemptions[0].ID)
		require.Equal(t, "X-2", p.Deployment.Exemptions[1].ID)
		require.Equal(t, Fuse{Groups: 3, Actors: 4}, p.Deployment.Fuse)
		require.True(t, slices.IsSortedFunc(p.Warnings, ComparePlaces))
		require.NotEmpty(t, p.Warnings)
		sources = append(sources[1:], sources[0])
	}
}
