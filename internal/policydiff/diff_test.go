package policydiff

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const head = "apiVersion: sgwarden/v1\nkind: Policy\n"

// deployed reads policies, and settings before them.
func deployed(t *testing.T, texts ...string) Deployed {
	t.Helper()
	var sources []policy.Source
	for i, text := range texts {
		sources = append(sources, policy.Source{File: string(rune('a'+i)) + ".yaml", Text: []byte(text)})
	}
	parsed, err := policy.Parse(sources, nil)
	require.NoError(t, err)
	set, err := policy.Compile(parsed.Documents, parsed.Deployment.Settings(policy.Enforce))
	require.NoError(t, err)
	return Deployed{set, parsed.Deployment}
}

// told is what is said of differences, without flows.
func told(d Diff) []string {
	out := []string{}
	for _, x := range d.Differences {
		text := x.Was.String() + " -> " + x.Is.String() + " in " + x.Scope
		if x.Actor != "" {
			text += " " + x.Actor
		}
		if x.Peers != "" {
			text += " of " + x.Peers
		}
		out = append(out, text+": "+x.Packet.String())
	}
	for _, c := range d.Changes {
		text := c.Policy + " " + c.What + " " + c.Was + " -> " + c.Is
		if c.Loosens {
			text += " (loosens)"
		}
		out = append(out, text)
	}
	return out
}

func TestDifferences(t *testing.T) {
	ssh := func(more string) string {
		return head + "metadata: {id: p, title: t, severity: high}\n" + more + "forbid:\n  - {direction: ingress, protocols: [tcp], ports: [22], peers: ["
	}
	settings := "apiVersion: sgwarden/v1\nkind: Settings\n"
	for _, tc := range []struct {
		name     string
		old, new []string
		want     []string
	}{
		{"nothing", []string{ssh("") + "internet]}\n"}, []string{ssh("") + "internet]}\n"}, []string{}},
		{"reverted, now narrowed", []string{ssh("") + "internet]}\n"}, []string{ssh("remedy: narrow\n") + "internet]}\n"},
			[]string{"p remedy revert -> narrow, at most 1 new"}},
		{"later", []string{ssh("") + "internet]}\n"}, []string{ssh("remedy: {do: revert, after: 10m}\n") + "internet]}\n"},
			[]string{"taken back -> taken back after 10m0s in every group: ingress tcp/22 from 8.8.8.8/32", "p remedy revert -> revert after 10m0s"}},
		{"a mode of the settings", []string{ssh("") + "internet]}\n"}, []string{settings + "mode: observe\n", ssh("") + "internet]}\n"},
			[]string{"taken back -> only observed in every group: ingress tcp/22 from 8.8.8.8/32", "p mode enforce -> observe"}},
		{"an actor, who is waited for", []string{ssh("") + "internet]}\n"}, []string{ssh("except:\n  - {actors: [\"arn:aws:iam::*:role/a\"], reason: r}\n") + "internet]}\n"}, []string{
			"taken back -> taken back after 2m0s in every group where no record tells by whom: ingress tcp/22 from 8.8.8.8/32",
			"taken back -> allowed in every group by arn:aws:iam::*:role/a: ingress tcp/22 from 8.8.8.8/32",
		}},
		{"the group itself", []string{ssh("") + "references]}\n"}, []string{ssh("") + "references], but: [{peers: [self]}]}\n"},
			[]string{"taken back -> allowed in every group of itself: ingress tcp/22 from sg-0aaaabbbbccccdddd"}},
		{"a set that is internal", []string{ssh("") + "internet]}\n"}, []string{settings + "sets: {internal: [8.8.0.0/16]}\n", ssh("") + "internet]}\n"},
			[]string{"taken back -> allowed in every group: ingress tcp/22 from 8.8.8.8/32"}},
		{"what uses the group", []string{ssh("") + "internet]}\n"}, []string{ssh("scope: {not: {usedBy: [amazon-elb, lambda]}}\n") + "internet]}\n"},
			[]string{"taken back -> allowed in on nothing but amazon-elb or lambda: ingress tcp/22 from 8.8.8.8/32"}},
		{"other kinds of use", []string{ssh("scope: {usedBy: [amazon-elb]}\n") + "internet]}\n"}, []string{ssh("scope: {usedBy: [lambda]}\n") + "internet]}\n"}, []string{
			"taken back -> allowed in on some amazon-elb and on no lambda: ingress tcp/22 from 8.8.8.8/32",
			"allowed -> taken back in on some lambda and on no amazon-elb: ingress tcp/22 from 8.8.8.8/32",
		}},
		{"the own VPC", []string{ssh("") + "10.0.0.0/8]}\n"}, []string{ssh("") + "10.0.0.0/8], but: [{peers: [vpc]}]}\n"},
			[]string{"taken back -> allowed in every group: ingress tcp/22 from 10.0.0.1/32"}},
		{"lists of AWS", []string{ssh("") + "8.8.8.0/24]}\n"}, []string{ssh("") + "8.8.8.0/24], but: [{peers: [\"aws:s3\"]}]}\n"}, []string{
			"taken back -> allowed in every group of a list of AWS named like com.amazonaws.eu-central-1.s3: ingress tcp/22 from 8.8.8.8/32",
			"reported as unreadable -> allowed in every group of a list of AWS named like com.amazonaws.eu-central-1.s3 that cannot be read: ingress tcp/22 from pl-0123456789abcdef0",
		}},
		{"a lower bound", []string{ssh("tolerate: {ipv4: /24}\n") + "10.0.0.0/8]}\n"}, []string{ssh("tolerate: {ipv4: /25}\n") + "10.0.0.0/8]}\n"},
			[]string{"allowed -> taken back in every group: ingress tcp/22 from 10.0.0.1/32"}},
		{"lists beside the own VPC, in sum", []string{head + "metadata: {id: p, title: t, severity: high}\ntolerate: {ipv4: /31}\nforbid:\n  - {direction: egress, protocols: [tcp], peers: [vpc]}\n  - {direction: egress, protocols: [tcp], ports: [22], peers: [\"aws:s3\"]}\n"},
			[]string{settings}, []string{
				"taken back -> allowed in every group: egress tcp/0 to 2606:4700:4700::1111/128",
				"taken back -> allowed in every group of a list of AWS named like com.amazonaws.eu-central-1.s3: egress tcp/22 to 2606:4700:4700::1111/128",
				"taken back -> allowed in every group: egress tcp/0 to 8.8.8.8/32",
				"taken back -> allowed in every group of a list of AWS named like com.amazonaws.eu-central-1.s3: egress tcp/22 to 8.8.8.8/32",
				"p policy there -> gone",
			}},
		{"a bound that nothing can break", []string{ssh("tolerate: {ipv4: /8}\n") + "10.0.0.0/8]}\n"}, []string{ssh("tolerate: {ipv4: /7}\n") + "10.0.0.0/8]}\n"}, []string{}},
		{"a lower bound on what is translated", []string{ssh("tolerate: {ipv4: /24, ipv6: /32}\n") + "'64:ff9b::/96']}\n"}, []string{ssh("tolerate: {ipv4: /25, ipv6: /32}\n") + "'64:ff9b::/96']}\n"},
			[]string{"allowed -> taken back in every group: ingress tcp/22 from 64:ff9b::/128"}},
		{"a box of what is translated", []string{ssh("tolerate: {ipv4: /24, ipv6: /32}\n") + "'64:ff9b::/96'], when: whole}\n"}, []string{ssh("tolerate: {ipv4: /23, ipv6: /32}\n") + "'64:ff9b::/96'], when: whole}\n"},
			[]string{"taken back -> allowed in every group: ingress tcp/22 from 64:ff9b::/128"}},
		{"a bound on IPv6 that nothing translated can break", []string{ssh("tolerate: {ipv4: /24, ipv6: /32}\n") + "'64:ff9b::/96']}\n"}, []string{ssh("tolerate: {ipv4: /24, ipv6: /16}\n") + "'64:ff9b::/96']}\n"}, []string{}},
		{"a bound on IPv6 that none of IPv4 keeps from what is translated", []string{ssh("tolerate: {ipv6: /128}\n") + "'64:ff9b::/96']}\n"}, []string{ssh("tolerate: {ipv6: /120}\n") + "'64:ff9b::/96']}\n"}, []string{}},
		{"each rule alone", []string{ssh("tolerate: {ipv4: /24}\n") + "10.0.0.0/8]}\n"}, []string{ssh("tolerate: {ipv4: /24, per: rule}\n") + "10.0.0.0/8]}\n"},
			[]string{"taken back -> allowed in every group: ingress tcp/22 from 10.0.1.0/32"}},
		{"a longer settle", []string{settings + "settle: 30s\n", ssh("") + "internet]}\n"}, []string{settings + "settle: 5m\n", ssh("") + "internet]}\n"},
			[]string{" settle 30s -> 5m0s (loosens)"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := Compare(deployed(t, tc.old...), deployed(t, tc.new...), epoch)
			require.NoError(t, err)
			require.Equal(t, tc.want, told(d))
		})
	}
}

// TestTimes: an exemption and an exception end, and what was allowed until
// then is told with its days.
func TestTimes(t *testing.T) {
	text := head + "metadata: {id: p, title: t, severity: high}\nforbid:\n  - {direction: ingress, protocols: [tcp], ports: [22], peers: [internet]}\n"
	exempt := "apiVersion: sgwarden/v1\nkind: Settings\nexemptions:\n  - {id: E, policy: p, group: sg-0123456789abcdef0, owner: o, reason: r, until: "
	d, err := Compare(deployed(t, exempt+"2026-05-31}\n", text), deployed(t, exempt+"2026-06-30}\n", text), epoch)
	require.NoError(t, err)
	require.Equal(t, []string{"taken back -> allowed in group sg-0123456789abcdef0: ingress tcp/22 from 8.8.8.8/32"}, told(d))
	require.Equal(t, "2026-06-01", d.Differences[0].From)
	require.Equal(t, "2026-06-30", d.Differences[0].Until)
}

// TestSeveralActors: what no single actor may open, several may together, where
// the policies that count leave out one each.
func TestSeveralActors(t *testing.T) {
	sum := func(id, actor, more string) string {
		except := ""
		if actor != "" {
			except = "except:\n  - {actors: [\"arn:aws:iam::*:role/" + actor + "\"], reason: r}\n"
		}
		return head + "metadata: {id: " + id + ", title: t, severity: high}\ntolerate: {ipv4: /16, ipv6: /32}\n" + except +
			"forbid:\n  - {direction: ingress, protocols: [tcp], ports: [22], peers: [internet]" + more + "}\n"
	}
	together := func(old, new []string) (texts []string) {
		d, err := Compare(deployed(t, old...), deployed(t, new...), epoch)
		require.NoError(t, err)
		for _, x := range d.Differences {
			if x.BySeveral {
				require.Empty(t, x.Rules, "it is not certain")
				require.False(t, x.Flows.IsEmpty())
				texts = append(texts, x.Was.String()+" -> "+x.Is.String())
				require.Equal(t, x.Loosens, d.Loosens())
			}
		}
		return texts
	}
	all, butA, butB := sum("p", "", ""), sum("q", "a", ""), sum("r", "b", "")
	require.Equal(t, []string{"taken back -> allowed"}, together([]string{all}, []string{butA, butB}))
	require.Equal(t, []string{"allowed -> taken back"}, together([]string{butA, butB}, []string{all}))
	require.Empty(t, together([]string{all}, []string{all, butA}), "the old one is still there")
	require.Empty(t, together([]string{butA}, []string{all}), "the new one counts more")
	require.Empty(t, together([]string{butA, butB}, []string{sum("x", "a", ""), sum("y", "b", "")}), "other names")
	require.Empty(t, together([]string{all}, []string{butA}), "it is told of a")
	require.Empty(t, together([]string{all, butA}, []string{sum("p", "", ", but: [{peers: [8.8.8.0/24]}]"), butA}), "it is told of everybody")
	each := strings.Replace(all, "/32}", "/32, per: rule}", 1)
	require.Empty(t, together([]string{each}, []string{strings.Replace(butA, "/32}", "/32, per: rule}", 1), strings.Replace(butB, "/32}", "/32, per: rule}", 1)}), "a rule has one actor")
}
