package soak

import (
	"net/netip"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// policyOf writes one policy of a docket.
// policyOf is a policy that closes what a list opened whoever else uses the list:
// the laws know of no list that is only alerted.
func policyOf(id, severity string, lines ...string) string {
	remedied := false
	for i, line := range lines {
		how, isRemedy := strings.CutPrefix(line, "remedy: ")
		remedied = remedied || isRemedy
		switch {
		case !isRemedy || how == "alert" || how == "tag":
		case strings.HasPrefix(how, "{"):
			lines[i] = "remedy: {onList: rule, " + strings.TrimPrefix(how, "{")
		default:
			lines[i] = "remedy: {do: " + how + ", onList: rule}"
		}
	}
	if !remedied {
		lines = append(lines, "remedy: {do: revert, onList: rule}")
	}
	return "---\napiVersion: sgwarden/v1\nkind: Policy\nmetadata: {id: " + id + ", title: About " + id + ", severity: " + severity +
		", why: It is attacked., fix: Close it.}\n" + strings.Join(lines, "\n") + "\n"
}

func onPorts(ports string) string {
	return "forbid: [{direction: ingress, ports: [" + ports + "], peers: [internet]}]"
}

var tenBlock = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}

// pipeline is the role whose rules one docket lets be.
const pipeline = "arn:aws:iam::123456789012:role/ci/pipeline"

// leftAlone are flows that the settings of one docket exempt.
const leftAlone = "ingress tcp/3389 from 8.8.0.0/16"

func ruleOf(text string) secgroup.Rule {
	r, err := secgroup.ParseRule(text)
	if err != nil {
		panic(err)
	}
	return r
}

// dockets are the policy sets that episodes are drawn from.
var dockets = []docket{
	{
		name:  "revert",
		calls: []string{"RevokeSecurityGroupIngress", "ModifySecurityGroupRules"},
		yaml: policyOf("admin", "high", onPorts("22, 3389")) +
			policyOf("redirect", "medium", `forbid: [{direction: ingress, icmp: ["5"], peers: [internet]}]`),
		laws: []law{
			{id: "admin", remedy: revert, forbids: fromInternet(22, 3389)},
			{id: "redirect", remedy: revert, forbids: func(g place, p oracle.Packet) bool {
				return p.Direction == secgroup.Ingress && p.Protocol == 1 && p.Type == 5 && p.Remote.Is4() && isInternet(p.Remote, g.blocks)
			}},
		},
	},
	{
		name:  "narrow",
		calls: []string{"RevokeSecurityGroupIngress", "ModifySecurityGroupRules"},
		yaml:  policyOf("ssh", "high", onPorts("22"), "remedy: narrow"),
		laws:  []law{{id: "ssh", remedy: narrow, forbids: fromInternet(22)}},
	},
	{
		name:  "narrow in parts",
		calls: []string{"AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules", "RevokeSecurityGroupIngress"},
		yaml: policyOf("ssh", "high", onPorts("22"), "remedy: {do: narrow, parts: 3}") +
			policyOf("rdp", "high", onPorts("3389"), "remedy: {do: narrow, parts: 3}"),
		laws: []law{
			{id: "ssh", remedy: narrow, forbids: fromInternet(22)},
			{id: "rdp", remedy: narrow, forbids: fromInternet(3389)},
		},
	},
	{
		name:  "narrow to",
		calls: []string{"AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules", "RevokeSecurityGroupIngress"},
		yaml:  policyOf("ssh", "high", onPorts("22"), "remedy: {do: narrow, to: [10.0.0.0/8], parts: 3}"),
		laws:  []law{{id: "ssh", remedy: narrow, to: tenBlock, forbids: fromInternet(22)}},
	},
	{
		name:  "union",
		calls: []string{"RevokeSecurityGroupIngress", "ModifySecurityGroupRules"},
		yaml: policyOf("ssh", "high", onPorts("22"), "tolerate: {ipv4: /16, ipv6: /32}") +
			policyOf("tcp", "critical", "forbid: [{direction: ingress, protocols: [tcp], ports: [1-65535], peers: [internet], when: whole}]"),
		laws: []law{
			{id: "ssh", remedy: revert, ipv4: 1 << 16, ipv6: 1 << 32, forbids: fromInternet(22)},
			{id: "tcp", remedy: revert, whole: true, forbids: func(g place, p oracle.Packet) bool {
				return p.Direction == secgroup.Ingress && p.Protocol == 6 && p.Port != 0 && isInternet(p.Remote, g.blocks)
			}},
		},
	},
	{
		name:  "watch",
		calls: []string{"CreateTags", "CreateTags"},
		yaml: policyOf("ssh", "high", onPorts("22"), "remedy: alert") + policyOf("rdp", "high", onPorts("3389"), "remedy: tag") +
			policyOf("web", "low", onPorts("443"), "mode: observe"),
		laws: []law{
			{id: "ssh", remedy: alertOnly, forbids: fromInternet(22)},
			{id: "rdp", remedy: tag, forbids: fromInternet(3389)},
			{id: "web", remedy: observe, forbids: fromInternet(443)},
		},
	},
	{
		name:  "allow only",
		calls: []string{"AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress", "RevokeSecurityGroupEgress", "ModifySecurityGroupRules", "RevokeSecurityGroupIngress", "JudgeAgain"},
		yaml: policyOf("egress", "high", "allowOnly:", "  within: {direction: egress, peers: [addresses]}",
			"  these: [{peers: [10.0.0.0/8]}, {protocols: [tcp], ports: [443], peers: [addresses]}]", "remedy: {do: narrow, parts: 3}") +
			policyOf("peers", "high", "forbid: [{direction: ingress, ports: [22], peers: [self, internet]}, {direction: ingress, ports: [3389], peers: [any]}]"),
		laws: []law{
			{id: "egress", remedy: narrow, compliant: true, forbids: func(_ place, p oracle.Packet) bool {
				return p.Direction == secgroup.Egress && p.Remote.IsValid() && !tenBlock[0].Contains(p.Remote) && (p.Protocol != 6 || p.Port != 443)
			}},
			{id: "peers", remedy: revert, forbids: func(g place, p oracle.Packet) bool {
				if p.Direction != secgroup.Ingress || !hasPort(p) {
					return false
				}
				return p.Port == 3389 || p.Port == 22 && (p.Group == g.id || isInternet(p.Remote, g.blocks))
			}},
		},
	},
	{
		name:  "excuses",
		calls: []string{"RevokeSecurityGroupIngress", "JudgeAgain"},
		yaml: policyOf("ssh", "high", onPorts("22"), `except: [{actors: ["`+pipeline+`"], reason: CHG-7}]`) +
			policyOf("rdp", "high", onPorts("3389"), `scope: {groups: {names: ["web*", "default"]}}`) +
			"---\napiVersion: sgwarden/v1\nkind: Settings\ntrusted: {names: [\"*\"]}\nexemptions:\n" +
			"  - {id: EX-1, policy: rdp, group: " + webGroup + ", rules: [" + leftAlone + "], owner: net, reason: vendor, until: 2027-01-31}\n",
		laws: []law{
			{id: "ssh", remedy: revert, except: pipeline, forbids: fromInternet(22)},
			{id: "rdp", remedy: revert, forbids: fromInternet(3389), exempt: []exemption{{group: webGroup, rule: ruleOf(leftAlone)}}, concerns: func(g place) bool {
				return strings.HasPrefix(g.name, "web") || g.name == "default"
			}},
		},
		exempts: "rdp",
	},
	{
		name:  "mixed",
		calls: []string{"AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules", "RevokeSecurityGroupIngress", "JudgeAgain", "JudgeAgain"},
		yaml: policyOf("ssh", "high", onPorts("22"), "remedy: {do: narrow, parts: 2}") + policyOf("rdp", "high", onPorts("3389")) +
			policyOf("web", "medium", onPorts("80"), "remedy: {do: revert, after: 10m}"),
		laws: []law{
			{id: "ssh", remedy: narrow, forbids: fromInternet(22)},
			{id: "rdp", remedy: revert, forbids: fromInternet(3389)},
			{id: "web", remedy: revert, waits: true, forbids: fromInternet(80)},
		},
	},
	{
		name:  "fuse",
		calls: []string{"RevokeSecurityGroupIngress", "RevokeSecurityGroupIngress", "ModifySecurityGroupRules"},
		yaml:  policyOf("ssh", "high", onPorts("22")),
		laws:  []law{{id: "ssh", remedy: revert, forbids: fromInternet(22)}},
		fuse:  1,
	},
	{
		name:      "before the act",
		calls:     []string{"RevokeSecurityGroupIngress", "ModifySecurityGroupRules"},
		yaml:      policyOf("ssh", "high", onPorts("22")) + policyOf("rdp", "high", onPorts("3389"), "remedy: narrow"),
		beforeAct: true,
		laws: []law{
			{id: "ssh", remedy: revert, forbids: fromInternet(22)},
			{id: "rdp", remedy: narrow, forbids: fromInternet(3389)},
		},
	},
}
