package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// explainLive runs explain against a running demo.
func explainLive(t *testing.T, l *listening, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": l.address, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "",
		"AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	var out, errs bytes.Buffer
	status = runContext(t.Context(), append([]string{"explain"}, args...), nil, &out, &errs)
	return status, out.String(), errs.String()
}

// end stops the demo and lets it say its last words.
func (l *listening) end() {
	l.Helper()
	l.stop()
	_, err := io.ReadAll(l.out)
	require.NoError(l, err)
	require.Equal(l, exitFine, <-l.ended)
}

func TestExplainReadsALiveGroup(t *testing.T) {
	l := listen(t, "--no-guard")
	id := l.openSSH()
	l.call("AuthorizeSecurityGroupIngress", url.Values{
		"GroupId": {id}, "IpPermissions.1.IpProtocol": {"tcp"}, "IpPermissions.1.FromPort": {"443"},
		"IpPermissions.1.ToPort": {"443"}, "IpPermissions.1.IpRanges.1.CidrIp": {"0.0.0.0/0"},
	})

	status, out, errs := explainLive(t, l, "--group", id, "--region", "us-east-1")
	require.Equal(t, exitViolation, status, errs)
	require.Contains(t, out, "reverted\n  group    "+id+` "web" in vpc-`)
	require.Regexp(t, `rule     sgr-\w+ ingress tcp/22 from 0.0.0.0/0\n  decided  reverted: admin-ports-from-internet takes the whole rule`, out)
	require.Regexp(t, `rule     sgr-\w+ ingress tcp/443 from 0.0.0.0/0\n  decided  compliant: no policy has anything against it`, out)
	require.Regexp(t, `out of scope  default-group-has-no-rules .* it is only for default groups`, out)

	status, out, _ = explainLive(t, l, "--group", id, "--region", "us-east-1", "-o", "json")
	require.Equal(t, exitViolation, status)
	var x explanation
	require.NoError(t, json.Unmarshal([]byte(out), &x))
	require.Len(t, x.Violations, 1)
	require.Len(t, x.Rules, 3, "the default egress too")
	require.Equal(t, id, x.Group.ID)
	for _, r := range x.Rules {
		require.Len(t, r.Policies, 4)
		require.True(t, strings.HasPrefix(r.ID, "sgr-"))
	}
	l.end()
}

// TestExplainReadsWhatIsRequiredAroundALiveGroup: nothing is called fine that
// was not looked at.
func TestExplainReadsWhatIsRequiredAroundALiveGroup(t *testing.T) {
	l := listen(t, "--no-guard")
	id := l.openSSH()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.yaml"), []byte(`apiVersion: sgwarden/v1
kind: Policy
metadata: {id: used, title: used, severity: low}
require: [{attached: true}]
remedy: alert
`), 0o600))
	status, out, errs := explainLive(t, l, "--group", id, "--region", "us-east-1", "--policies", dir)
	require.Equal(t, exitViolation, status, errs)
	require.Regexp(t, `(?s)for      the group itself\n.*alerts +used .*no network interface`, out)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.yaml"), []byte(`apiVersion: sgwarden/v1
kind: Policy
metadata: {id: used, title: used, severity: low}
require: [{attached: true, grace: 24h}]
remedy: alert
`), 0o600))
	status, out, errs = explainLive(t, l, "--group", id, "--region", "us-east-1", "--policies", dir)
	require.Equal(t, exitFine, status, "what has a grace is no violation yet: "+errs)
	require.Regexp(t, `(?s)^compliant\n.*decided  compliant: used says nothing before its grace is over\n.*graced +used .* stands for a grace of 24h0m0s: no network interface uses it`, out)
	l.end()
}

// TestExplainSaysOfEveryPolicyWhatItMakesOfTheGroup: also of those that find
// nothing, once, and not beside each rule.
func TestExplainSaysOfEveryPolicyWhatItMakesOfTheGroup(t *testing.T) {
	l := listen(t, "--no-guard")
	id := l.openSSH()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.yaml"), []byte(`apiVersion: sgwarden/v1
kind: Policy
metadata: {id: used, title: used, severity: low}
require: [{attached: true}]
remedy: alert
---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: few, title: few, severity: low}
require: [{maxRules: 9}]
remedy: tag
---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: owned, title: owned, severity: low}
require: [{tags: [owner]}]
remedy: tag
---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: defaults, title: defaults, severity: low}
scope: {groups: {default: true}}
require: [{attached: false}]
remedy: alert
---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: ssh, title: ssh, severity: high}
forbid: [{direction: ingress, ports: [22], peers: [internet]}]
`), 0o600))
	status, out, errs := explainLive(t, l, "--group", id, "--region", "us-east-1", "--policies", dir)
	require.Equal(t, exitViolation, status, errs)
	_, ofGroup, found := strings.Cut(out, "for      the group itself\n")
	require.True(t, found, out)
	require.Regexp(t, `(?s)^  decided  tagged: owned marks it with tags, and it stays\n  VERDICT .*\n`+
		`  tags +owned .* violates: it lacks the tags owner\S*.*\n  alerts +used .*no network interface uses it.*\n`+
		`  fine +few .* it has 2 rules, where 9 may be\n  out of scope +defaults .* it is only for default groups\n$`, ofGroup)
	require.NotContains(t, ofGroup, "ssh")
	require.Equal(t, 1, strings.Count(out, " few "), "it is told once: "+out)

	_, out, _ = explainLive(t, l, "--group", id, "--region", "us-east-1", "--policies", dir, "-o", "json")
	var x explanation
	require.NoError(t, json.Unmarshal([]byte(out), &x))
	last := x.Rules[len(x.Rules)-1]
	require.Equal(t, "the group itself", last.Rule)
	require.Empty(t, last.ID)
	require.Len(t, last.Policies, 4)
	require.Len(t, x.Violations, 3)
	l.end()
}

func TestExplainSaysWhyALiveGroupCannotBeRead(t *testing.T) {
	l := listen(t, "--no-guard")
	status, _, errs := explainLive(t, l, "--group", "sg-0123456789abcdef0", "--region", "us-east-1")
	require.Equal(t, exitOutside, status)
	require.Contains(t, errs, "sg-0123456789abcdef0: there is no such group in us-east-1")
	status, _, errs = explainLive(t, l, "--group", "sg-0123456789abcdef0")
	require.Equal(t, exitUsage, status)
	require.Contains(t, errs, "no AWS region: name it with --region")
	status, _, errs = explainLive(t, l, "--group", "web\x1b", "--region", "us-east-1")
	require.Equal(t, exitUsage, status)
	require.Contains(t, errs, `group "web\x1b": want the id of a security group`)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	var out, said bytes.Buffer
	require.Equal(t, exitOutside, runContext(t.Context(), []string{"explain", "--group", "sg-0123456789abcdef0", "--region", "us-east-1"}, nil, &out, &said))
	require.Contains(t, said.String(), "sgwarden: no AWS credentials: name a profile with --profile or AWS_PROFILE")
	l.end()
}

// TestExplainReadsWhatPoliciesRequireOfALiveGroup: what only facts beyond the
// group tell is read, not taken to be fine.
func TestExplainReadsWhatPoliciesRequireOfALiveGroup(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "used.yaml"), []byte(`apiVersion: sgwarden/v1
kind: Policy
metadata: {id: groups-are-used, title: Groups are used, severity: low}
require:
  - {attached: true}
  - {maxGroups: 1}
remedy: alert
`), 0o644))
	l := listen(t, "--no-guard")
	id := l.openSSH()
	l.call("CreateSecurityGroup", url.Values{"GroupName": {"zz"}, "GroupDescription": {"another"}})
	status, out, errs := explainLive(t, l, "--group", id, "--region", "us-east-1", "--policies", folder)
	require.Equal(t, exitViolation, status, out+errs)
	require.Contains(t, out, "no network interface uses it")
	l.end()
}
