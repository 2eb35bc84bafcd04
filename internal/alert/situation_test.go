package alert_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func rule(t require.TestingT, id, text string) secgroup.Rule {
	r, err := secgroup.ParseRule(text)
	require.NoError(t, err)
	r.ID = id
	return r
}

// ended is a rule of an incident: excess "" is all of it, after are
// "ID TEXT" pairs.
func ended(t testing.TB, outcome incident.Outcome, before secgroup.Rule, excess string, after ...secgroup.Rule) incident.Rule {
	t.Helper()
	r := incident.Rule{ID: before.ID, Direction: before.Direction, Before: &before, After: after, Outcome: outcome, Policies: []string{"admin-ports-from-internet"}}
	if excess == "" {
		excess = before.String()
	}
	r.Excess = []secgroup.Rule{rule(t, "", excess)}
	return r
}

func at(d time.Duration) *time.Time {
	t := noon.Add(d)
	return &t
}

// usual is an incident that has everything but its rules and outcome.
func usual() incident.Incident {
	return incident.Incident{
		ID: "inc-3093e73df9bb894e8b8477cd", EventType: incident.Acted, Mode: policy.Enforce, Severity: policy.High,
		Policies: []incident.PolicyNote{{
			ID: "admin-ports-from-internet", Title: "Administration ports are closed to the internet",
			Why: "Administration services on the internet are scanned and attacked within minutes.",
			Fix: "Use Session Manager, or allow the office network only.", Severity: policy.High,
			File: "packs/baseline/admin-ports.yaml", Line: 4,
		}},
		AccountID: "123456789012", Region: "eu-central-1", Resource: "arn:aws:ec2:eu-central-1:123456789012:security-group/sg-0123456789abcdef0",
		GroupID: "sg-0123456789abcdef0", GroupName: "web-prod", VPCID: "vpc-0123456789abcdef0", GroupTags: map[string]string{"Team": "Shop"},
		Actor: incident.Actor{Actor: secgroup.Actor{
			ARN: "arn:aws:iam::123456789012:role/dev/builder", Type: "AssumedRole", AccountID: "123456789012", Session: "jane@corp.example",
			SourceIP: "8.8.8.1", UserAgent: "aws-cli/2.15.0 Python/3.11.6 Linux/6.1", AccessKeyID: "ASIAEXAMPLE",
		}, Attributed: true},
		APICall: "AuthorizeSecurityGroupIngress", EventID: "8b5a1a54-0000-4000-8000-000000000001", Cause: "event",
		OpenedAt: noon, LearntAt: noon.Add(3 * time.Second), ClosedAt: at(4 * time.Second),
	}
}

var pipeline = []incident.PolicyNote{{
	ID: "changes-come-from-the-pipeline", Title: "Changes come from the deployment pipeline", Severity: policy.Medium,
	Why: "What nobody reviewed is in no template, and the next deployment may take it away or keep it.", Fix: "Make the change in the template.",
	File: "packs/hygiene/changes-come-from-the-pipeline.yaml", Line: 17,
}}

// still makes an incident in which nothing was changed.
func still(i incident.Incident, outcome incident.Outcome) incident.Incident {
	i.EventType, i.Outcome, i.ClosedAt = incident.Opened, outcome, nil
	return i
}

const revoked = "RevokeSecurityGroupIngress: sgr-0123456789abcdef0 ingress tcp/22 from 0.0.0.0/0: answered success (7ab1c2d3-0000-4000-8000-000000000002)"

// situations are what people get messages about.
func situations(t testing.TB) map[string]incident.Incident {
	t.Helper()
	all := map[string]incident.Incident{}
	ssh := rule(t, "sgr-0123456789abcdef0", "ingress tcp/22 from 0.0.0.0/0")
	ssh.Description = "temporary, remove me"
	group := []secgroup.Rule{ssh, rule(t, "sgr-0123456789abcdef9", "egress all to 0.0.0.0/0")}

	i := usual()
	i.Outcome, i.Rules, i.Actions = incident.Reverted, []incident.Rule{ended(t, incident.Reverted, ssh, "")}, []string{revoked}
	i.Sessions = incident.SessionsOf(i.Rules, group)
	all["reverted"] = i

	tracked := i
	tracked.Sessions = incident.SessionsOf(i.Rules, nil)
	tracked.Actor, tracked.APICall, tracked.EventID, tracked.Cause = incident.Actor{}, "", "", "sweep"
	tracked.OpenedAt, tracked.LearntAt, tracked.ClosedAt = noon, noon.Add(13*time.Minute), at(13*time.Minute+2*time.Second)
	tracked.Standing = []incident.Rule{{ID: "sgr-0123456789abcdef4", Before: ptr(rule(t, "sgr-0123456789abcdef4", "ingress tcp/3389 from ::/0")), Reason: "baseline"}}
	all["reverted-by-sweep"] = tracked

	wide := rule(t, "sgr-0123456789abcdef0", "ingress tcp/20-25 from ::/0")
	i = usual()
	i.Outcome = incident.Narrowed
	i.Rules = []incident.Rule{ended(t, incident.Narrowed, wide, "ingress tcp/22 from ::/0",
		rule(t, "sgr-0123456789abcdef0", "ingress tcp/23-25 from ::/0"), rule(t, "sgr-0123456789abcdef1", "ingress tcp/20-21 from ::/0"))}
	i.Actions = []string{
		"AuthorizeSecurityGroupIngress: ingress tcp/20-21 from ::/0: answered success (7ab1c2d3-0000-4000-8000-000000000002)",
		"ModifySecurityGroupRules: sgr-0123456789abcdef0 ingress tcp/20-25 from ::/0 -> ingress tcp/23-25 from ::/0: answered success (7ab1c2d3-0000-4000-8000-000000000003)",
	}
	i.Sessions = incident.SessionsOf(i.Rules, nil)
	all["narrowed"] = i

	restored := rule(t, "sgr-0123456789abcdef0", "ingress tcp/5432 from 0.0.0.0/0")
	i = usual()
	i.Outcome, i.APICall = incident.Reverted, "ModifySecurityGroupRules"
	i.Rules = []incident.Rule{ended(t, incident.Reverted, restored, "", rule(t, "sgr-0123456789abcdef0", "ingress tcp/5432 from 10.1.0.0/16"))}
	i.Rules[0].Restored = true
	i.Actions = []string{"ModifySecurityGroupRules: sgr-0123456789abcdef0 ingress tcp/5432 from 0.0.0.0/0 -> ingress tcp/5432 from 10.1.0.0/16: answered success (7ab1c2d3-0000-4000-8000-000000000002)"}
	all["restored"] = i

	i = still(usual(), incident.Observed)
	i.Mode, i.ClosedAt = policy.Observe, at(4*time.Second)
	i.Rules = []incident.Rule{ended(t, incident.Observed, ssh, "", ssh)}
	i.Would = []string{"RevokeSecurityGroupIngress: sgr-0123456789abcdef0 ingress tcp/22 from 0.0.0.0/0"}
	all["observed"] = i

	i = still(usual(), incident.NotReverted)
	i.Reason, i.Rules, i.Actions = "still-there", []incident.Rule{ended(t, incident.NotReverted, ssh, "", ssh)}, []string{revoked}
	i.Rules[0].Reason = "still-there"
	all["not-reverted"] = i

	i = still(usual(), incident.CannotRemediate)
	i.Reason, i.Rules = "not-permitted", []incident.Rule{ended(t, incident.CannotRemediate, ssh, "", ssh)}
	i.Actions = []string{"RevokeSecurityGroupIngress: sgr-0123456789abcdef0 ingress tcp/22 from 0.0.0.0/0: not-permitted"}
	i.Rules[0].Reason = "not-permitted"
	all["cannot-remediate"] = i

	i = still(usual(), incident.Unresolved)
	i.Reason, i.Rules, i.Actions = "not-verified", []incident.Rule{ended(t, incident.Unresolved, ssh, "", ssh)}, []string{revoked}
	i.Rules[0].Reason = "not-verified"
	all["not-verified"] = i

	i = still(usual(), incident.Unresolved)
	i.Reason, i.APICall, i.Severity, i.Policies = "undecodable: names neither a prefix list nor a vpc", "ModifyManagedPrefixList", 0, nil
	i.GroupID, i.GroupName, i.VPCID, i.Resource, i.GroupTags = "", "", "", "", nil
	all["unresolved-call"] = i

	i = still(usual(), incident.Alerted)
	list := rule(t, "sgr-0123456789abcdef0", "ingress tcp/22 from pl-0123456789abcdef0")
	i.Rules = []incident.Rule{ended(t, incident.Alerted, list, "", list)}
	i.Notes = []string{"prefix list pl-0123456789abcdef0 may not be read: its addresses are not known"}
	all["alerted"] = i

	i = still(usual(), incident.Alerted)
	undescribed := rule(t, "sgr-0123456789abcdef0", "ingress tcp/22-23 from 10.0.0.0/8")
	i.Rules = []incident.Rule{ended(t, incident.Alerted, undescribed, "", undescribed)}
	i.Rules[0].Lacks = []string{"it has no description", "it opens 2 ports, where 1 may be"}
	all["rule-not-as-required"] = i

	i = still(usual(), incident.Alerted)
	i.Actor, i.APICall, i.EventID, i.Cause, i.Severity = incident.Actor{}, "", "", "sweep", policy.Info
	i.Policies = []incident.PolicyNote{{
		ID: "groups-are-tagged", Title: "Every group says by its tags whose it is", Severity: policy.Info,
		Why: "Whoever is told that a group is open has to ask somebody.", Fix: "Tag the group (CreateTags).", File: "packs/hygiene/groups-are-tagged.yaml", Line: 4,
	}}
	i.Rules = []incident.Rule{{
		ID: secgroup.GroupEntry(i.GroupID, "groups-are-tagged"), Outcome: incident.Alerted, Policies: []string{"groups-are-tagged"},
		Lacks: []string{"it lacks the tags owner, cost-centre"},
	}}
	all["group-not-as-required"] = i

	i.EventType, i.Outcome = incident.Acted, incident.Tagged
	i.Rules = slices.Clone(i.Rules)
	i.Rules[0].Outcome, i.ClosedAt = incident.Tagged, at(4*time.Second)
	i.Actions = []string{"CreateTags: the group itself with sgwarden:violates=groups-are-tagged: answered success (7ab1c2d3-0000-4000-8000-000000000003)"}
	all["group-tagged"] = i

	i = still(usual(), incident.Pending)
	i.Reason, i.Rules = "waiting", []incident.Rule{ended(t, incident.Pending, ssh, "", ssh)}
	all["pending"] = i

	i = usual()
	i.Outcome, i.Rules = incident.Tagged, []incident.Rule{ended(t, incident.Tagged, ssh, "", ssh)}
	i.Actions = []string{"CreateTags: sgr-0123456789abcdef0 ingress tcp/22 from 0.0.0.0/0 with sgwarden:violates=admin-ports-from-internet: answered success"}
	all["tagged"] = i

	i = usual()
	i.EventType, i.Outcome, i.Rules = incident.Resolved, incident.Gone, []incident.Rule{ended(t, incident.Gone, ssh, "")}
	all["resolved"] = i

	i = still(usual(), incident.Exempt)
	i.Reason, i.Rules = "EX-1", []incident.Rule{ended(t, incident.Exempt, ssh, "", ssh)}
	i.Notes = []string{"it was agreed by net-team: vendor access CHG-8", "EX-1 ends at 2027-01-31T00:00:00Z: what it covers is judged then"}
	all["exempt"] = i

	i = all["reverted"]
	i.EventType, i.Reason = incident.Contested, "contested"
	i.Notes = []string{"the same excess came back 3 times within an hour: arn:aws:iam::123456789012:role/dev/builder with APN/1.0 HashiCorp/1.0 Terraform/1.9.8 opens it, sgwarden takes it back",
		"the group belongs to AWS CloudFormation (shop-network): change its template", "the call came by Terraform: change its configuration"}
	all["contested"] = i

	i = all["reverted"]
	i.EventType = incident.Attributed
	all["attributed"] = i

	i = all["restored"]
	i.EventType = incident.Attributed
	meanwhile := rule(t, "sgr-0123456789abcdef0", "ingress tcp/5432 from 10.0.0.0/8")
	meanwhile.Description = "the whole office"
	i.Superseded = []incident.Superseded{{
		EventID: "8b5a1a54-0000-4000-8000-000000000007", APICall: "ModifySecurityGroupRules", At: noon.Add(-40 * time.Second),
		Actor: secgroup.Actor{ARN: "arn:aws:iam::123456789012:user/ann", Type: "IAMUser", AccountID: "123456789012", SourceIP: "8.8.8.9", UserAgent: "aws-cli/2.15.0"},
		Rules: []incident.SupersededRule{{Value: meanwhile}}, New: true,
	}}
	all["overwritten"] = i

	i = all["reverted"]
	i.EventType, i.APICall = incident.Acted, "ModifySecurityGroupRules"
	i.Rules = slices.Clone(i.Rules)
	i.Rules[0].Fallback = "the old value is not known"
	refused := rule(t, "sgr-0123456789abcdef0", "ingress tcp/22 from 8.0.0.0/7")
	refused.Description = "<b>fine</b> https://evil.example\r\nOutcome: compliant"
	fine := rule(t, "sgr-0123456789abcdef0", "ingress tcp/22 from 10.0.0.0/8")
	i.Superseded = []incident.Superseded{
		{
			EventID: "8b5a1a54-0000-4000-8000-000000000007", APICall: "ModifySecurityGroupRules", At: noon.Add(-40 * time.Second), New: true,
			Actor: secgroup.Actor{ARN: "arn:aws:iam::123456789012:role/www.evil.example", Session: "`rm -rf /`", UserAgent: "curl (+https://evil.example)\n<!channel>"},
			Rules: []incident.SupersededRule{{Value: refused, Policies: []string{"admin-ports-from-internet"}}}, OmittedRules: 2,
		},
		{
			EventID: "8b5a1a54-0000-4000-8000-000000000008", APICall: "ModifySecurityGroupRules", At: noon.Add(-30 * time.Second),
			Actor: secgroup.Actor{ARN: "arn:aws:iam::123456789012:user/ann"}, Rules: []incident.SupersededRule{{Value: fine}},
		},
	}
	all["overwritten-in-time"] = i

	i = all["reverted"]
	i.Reason = "ledger-down"
	all["ledger-down"] = i

	i = usual()
	i.Outcome = incident.NotReverted
	i.EventType, i.ClosedAt = incident.Opened, nil
	for n := range 12 {
		r := ended(t, incident.Reverted, rule(t, fmt.Sprintf("sgr-0123456789abcde%02d", n), fmt.Sprintf("ingress tcp/%d from 0.0.0.0/0", 22+n)), "")
		if n == 3 {
			r.Outcome, r.Reason, r.After = incident.NotReverted, "still-there", []secgroup.Rule{*r.Before}
		}
		i.Rules = append(i.Rules, r)
	}
	i.Reason, i.Actions = "still-there", []string{"RevokeSecurityGroupIngress: 12 rules: answered success (7ab1c2d3-0000-4000-8000-000000000002)"}
	all["several"] = i

	// What a rule from anywhere has too much is the internet: many blocks.
	i = all["reverted"]
	anywhere := rule(t, "sgr-0123456789abcdef0", "ingress tcp/20-25 from 0.0.0.0/0")
	i.Rules = []incident.Rule{ended(t, incident.Reverted, anywhere, "")}
	reserved := []string{"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"}
	internet := rule(t, "", "ingress tcp/22-23 from 0.0.0.0/0").Region()
	for _, r := range reserved {
		internet = internet.Subtract(rule(t, "", "ingress tcp/22-23 from "+r).Region())
	}
	i.Rules[0].Excess = internet.Rules(secgroup.Ingress, secgroup.AtomPeer)
	all["from-anywhere"] = i

	egress := rule(t, "sgr-0123456789abcdef0", "egress all to 0.0.0.0/0")
	i = usual()
	i.Outcome, i.APICall = incident.Reverted, "CreateSecurityGroup"
	i.Rules = []incident.Rule{ended(t, incident.Reverted, egress, "", rule(t, "sgr-0123456789abcdef5", "egress tcp/443 to 10.0.0.0/8"))}
	i.Rules[0].Fallback = "2 new rules are needed and 1 allowed"
	i.Sessions = incident.SessionsOf(i.Rules, nil)
	all["egress"] = i

	i = still(usual(), incident.Alerted)
	i.Reason, i.APICall, i.Severity, i.Policies = "call", "RevokeSecurityGroupIngress", policy.Medium, pipeline
	i.Actor.UserAgent = "[S3Console/0.4, https://console.aws.amazon.com <b>click</b>]\nReply-To: x@evil.example"
	i.Notes = []string{"under changes-come-from-the-pipeline, the actor of RevokeSecurityGroupIngress is none of those that are left out"}
	all["call"] = i
	i.Outcome, i.Mode = incident.Observed, policy.Observe
	all["call-observed"] = i
	i.Outcome, i.Reason, i.Mode, i.Actor = incident.Exempt, "EX-1", policy.Enforce, incident.Actor{}
	i.Notes = []string{"under changes-come-from-the-pipeline, exempt by EX-1 until 2026-12-01"}
	all["call-exempt"] = i

	i = still(usual(), incident.Unresolved)
	i.Reason, i.APICall, i.Severity, i.Policies = "undecodable: names neither a prefix list nor a vpc", "ModifyManagedPrefixList", policy.Medium, pipeline
	i.GroupID, i.GroupName, i.VPCID, i.Resource, i.GroupTags = "", "", "", "", nil
	all["unresolved-call-of-a-person"] = i

	i = all["reverted"]
	hostile := ssh
	hostile.Description = "[click](https://evil.example) <!channel> @here\nOutcome: compliant\x1b[31m\u202e"
	i.Rules = []incident.Rule{ended(t, incident.Reverted, hostile, "")}
	i.GroupName, i.GroupTags = "web\r\nprod https://evil.example", map[string]string{"team": "<script>"}
	i.Actor.ARN, i.Actor.Session, i.Actor.UserAgent = "arn:aws:iam::123456789012:role/www.evil.example", "`rm -rf /`; mailto:x@evil.example", "curl/8 (+https://evil.example)\n\nYours sincerely"
	i.Actor.SourceIP, i.Actor.InvokedBy = "evil.example", "AWS Internal\t"
	i.Notes = []string{"the stack is called *evil* <https://evil.example|fine>"}
	all["hostile"] = i
	ofTheGuard(all)
	ofLists(t, all)
	return all
}

func ptr[T any](v T) *T { return &v }
