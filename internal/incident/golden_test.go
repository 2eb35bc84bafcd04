package incident_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// examples are documents as other programs meet them, one file each.
func examples(t testing.TB) map[string]incident.Incident {
	t.Helper()
	policies := []incident.PolicyNote{{
		ID: "admin-ports-from-internet", Title: "Administration ports are closed to the internet",
		Why: "Administration services on the internet are scanned and attacked within minutes.",
		Fix: "Use Session Manager, or allow the office network only.", Severity: policy.High,
		File: "packs/baseline/admin-ports.yaml", Line: 4, Controls: map[string][]string{"aws-fsbp": {"EC2.13", "EC2.14"}},
	}}
	base := incident.Incident{
		ID: incident.ID("sg-0123456789abcdef0", "sgr-0123456789abcdef0", noon), Mode: policy.Enforce, Severity: policy.High, Policies: policies,
		AccountID: "123456789012", Region: "eu-central-1", Resource: "arn:aws:ec2:eu-central-1:123456789012:security-group/sg-0123456789abcdef0",
		GroupID: "sg-0123456789abcdef0", GroupName: "web-prod", VPCID: "vpc-0123456789abcdef0", GroupTags: map[string]string{"team": "shop"},
		Actor: incident.Actor{Actor: secgroup.Actor{
			ARN: "arn:aws:iam::123456789012:role/dev/builder", Type: "AssumedRole", AccountID: "123456789012", Session: "jane",
			SourceIP: "8.8.8.1", UserAgent: "aws-cli/2.15.0", AccessKeyID: "ASIAEXAMPLE",
		}, Attributed: true},
		APICall: "AuthorizeSecurityGroupIngress", EventID: "8b5a1a54-0000-4000-8000-000000000001", Cause: "event",
		OpenedAt: noon, LearntAt: noon.Add(3 * time.Second), ClosedAt: ptr(noon.Add(4 * time.Second)),
	}
	ssh := rule(t, "ingress tcp/22 from 0.0.0.0/0")
	ssh.ID, ssh.Description = "sgr-0123456789abcdef0", "temporary"

	reverted := base
	reverted.EventType, reverted.Outcome, reverted.Status = incident.Acted, incident.Reverted, "closed"
	reverted.Rules = []incident.Rule{{ID: ssh.ID, Direction: secgroup.Ingress, Before: &ssh, Excess: []secgroup.Rule{ssh}, Outcome: incident.Reverted, Policies: []string{"admin-ports-from-internet"}}}
	reverted.Sessions = incident.SessionsOf(reverted.Rules, []secgroup.Rule{ssh, rule(t, "egress all to 0.0.0.0/0")})
	reverted.Actions = []string{"RevokeSecurityGroupIngress sgr-0123456789abcdef0: done"}

	wide := rule(t, "ingress tcp/20-25 from ::/0")
	wide.ID, wide.Tags = "sgr-0123456789abcdef0", map[string]string{"for": "mail"}
	kept, added := rule(t, "ingress tcp/23-25 from ::/0"), rule(t, "ingress tcp/20-21 from ::/0")
	kept.ID, kept.Tags, added.ID = wide.ID, wide.Tags, "sgr-0123456789abcdef1"
	narrowed := base
	narrowed.EventType, narrowed.Outcome = incident.Acted, incident.Narrowed
	narrowed.Rules = []incident.Rule{{ID: wide.ID, Direction: secgroup.Ingress, Before: &wide, After: []secgroup.Rule{kept, added}, Excess: []secgroup.Rule{rule(t, "ingress tcp/22 from ::/0")}, Outcome: incident.Narrowed, Policies: []string{"admin-ports-from-internet"}}}

	observed := base
	observed.EventType, observed.Outcome, observed.Mode = incident.Opened, incident.Observed, policy.Observe
	observed.Rules = []incident.Rule{{ID: ssh.ID, Direction: secgroup.Ingress, Before: &ssh, After: []secgroup.Rule{ssh}, Excess: []secgroup.Rule{ssh}, Outcome: incident.Observed, Policies: []string{"admin-ports-from-internet"}}}
	observed.Would = []string{"RevokeSecurityGroupIngress sgr-0123456789abcdef0"}

	unresolved := base
	unresolved.EventType, unresolved.Outcome, unresolved.Reason = incident.Opened, incident.Unresolved, "ModifyManagedPrefixList is judged later"
	unresolved.APICall, unresolved.GroupID, unresolved.GroupName, unresolved.Resource, unresolved.VPCID = "ModifyManagedPrefixList", "", "", "", ""
	unresolved.Policies, unresolved.Severity, unresolved.GroupTags, unresolved.ClosedAt = nil, 0, nil, nil

	list, group := rule(t, "egress udp/53 to pl-0123456789abcdef0"), rule(t, "ingress icmp/8 from 210987654321/sg-0123456789abcdef1")
	list.Peer = secgroup.PrefixList{ID: "pl-0123456789abcdef0", Name: "com.amazonaws.eu-central-1.s3", OwnerID: "AWS"}
	peers := base
	peers.ID, peers.Outcome, peers.Policies, peers.Severity = "", incident.Compliant, nil, 0
	peers.Rules = []incident.Rule{
		{ID: "sgr-0123456789abcdef2", Direction: secgroup.Egress, Before: &list, After: []secgroup.Rule{list}, Outcome: incident.Compliant},
		{ID: "sgr-0123456789abcdef3", Direction: secgroup.Ingress, Before: &group, After: []secgroup.Rule{group}, Outcome: incident.Compliant},
	}
	peers.Standing = []incident.Rule{{ID: ssh.ID, Direction: secgroup.Ingress, Before: &ssh, After: []secgroup.Rule{ssh}, Excess: []secgroup.Rule{ssh}, Policies: []string{"admin-ports-from-internet"}, Reason: "baseline"}}

	return map[string]incident.Incident{"reverted": reverted, "narrowed": narrowed, "observed": observed, "unresolved": unresolved, "compliant": peers}
}

func TestGoldenDocuments(t *testing.T) {
	schema := compileSchema(t)
	for name, i := range examples(t) {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(i)
			require.NoError(t, err)
			requireValid(t, schema, text)
			var indented bytes.Buffer
			require.NoError(t, json.Indent(&indented, text, "", "  "))
			indented.WriteByte('\n')
			path := filepath.Join("testdata", name+".json")
			if *update && os.Getenv("CI") == "" {
				require.NoError(t, os.WriteFile(path, indented.Bytes(), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), indented.String(), "run go test ./internal/incident -update")
		})
	}
}

// TestGoldenDocumentsAreExactlyTheExamples fails on a file that nothing holds.
func TestGoldenDocumentsAreExactlyTheExamples(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(examples(t)))
}
