package alert_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// asff is the AWS Security Finding Format as its pages have it, written down
// apart from the code (API reference, AwsSecurityFinding and below; read
// 2026-11): a finding with a key that is not here is refused.
type asff struct {
	SchemaVersion, Id, ProductArn, ProductName, CompanyName, Region, GeneratorId, AwsAccountId string //nolint:revive // AWS's names
	Types                                                                                      []string
	FirstObservedAt, LastObservedAt, CreatedAt, UpdatedAt                                      string
	Severity                                                                                   asffSeverity
	FindingProviderFields                                                                      struct {
		Severity struct{ Label, Original string } // FindingProviderSeverity has no number
		Types    []string
	}
	Title, Description string
	Remediation        *struct{ Recommendation struct{ Text, Url string } } //nolint:revive // likewise
	ProductFields      map[string]string
	Resources          []asffResource
	Compliance         struct {
		Status              string
		RelatedRequirements []string
	}
	Workflow    struct{ Status string }
	RecordState string
	Note        struct{ Text, UpdatedBy, UpdatedAt string }
	Action      *struct {
		ActionType       string
		AwsApiCallAction struct { //nolint:revive // likewise
			Api, ServiceName, CallerType, FirstSeen, LastSeen string                        //nolint:revive // likewise
			RemoteIpDetails                                   *struct{ IpAddressV4 string } //nolint:revive // likewise
		}
	}
}

type asffSeverity struct {
	Label, Original string
	Normalized      *int
}

type asffResource struct {
	Type, Id, Partition, Region string //nolint:revive // likewise
	Tags                        map[string]string
	Details                     *struct{ AwsEc2SecurityGroup asffGroup }
}

type asffGroup struct {
	GroupName, GroupId, OwnerId, VpcId string           //nolint:revive // likewise
	IpPermissions, IpPermissionsEgress []asffPermission //nolint:revive // likewise
}

type asffPermission struct {
	IpProtocol       string //nolint:revive // likewise
	FromPort, ToPort *int32
	IpRanges         []struct{ CidrIp string }                                  //nolint:revive // likewise
	Ipv6Ranges       []struct{ CidrIpv6 string }                                //nolint:revive // likewise
	PrefixListIds    []struct{ PrefixListId string }                            //nolint:revive // likewise
	UserIdGroupPairs []struct{ GroupId, UserId, VpcPeeringConnectionId string } //nolint:revive // likewise
}

// labels are the least numbers of each label.
var labels = map[string]int{"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}

// requireASFF holds a finding to every constraint of the format that it may
// meet, and gives it back read.
func requireASFF(t require.TestingT, text []byte, home alert.Home) asff {
	var f asff
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&f))
	require.LessOrEqual(t, len(text), 240*1000, "a finding may have 240 KB")
	requireNotBlank(t, text)

	require.Equal(t, "2018-10-08", f.SchemaVersion)
	within(t, f.Id, 512)
	require.Equal(t, fmt.Sprintf("arn:%s:securityhub:%s:%s:product/%[3]s/default", home.Partition, home.Region, home.AccountID), f.ProductArn)
	within(t, f.ProductName, 128)
	within(t, f.CompanyName, 128)
	within(t, f.Region, 16)
	within(t, f.GeneratorId, 512)
	require.Equal(t, home.AccountID, f.AwsAccountId, "of the account that calls")
	require.Len(t, f.Types, 1)
	require.Regexp(t, `^(Software and Configuration Checks|TTPs|Effects|Unusual Behaviors|Sensitive Data Identifications)(/[A-Za-z ]+){1,2}$`, f.Types[0])
	for _, at := range []string{f.FirstObservedAt, f.LastObservedAt, f.CreatedAt, f.UpdatedAt, f.Note.UpdatedAt} {
		require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, at)
	}
	require.LessOrEqual(t, f.CreatedAt, f.UpdatedAt)
	require.LessOrEqual(t, f.FirstObservedAt, f.LastObservedAt)
	least, known := labels[f.Severity.Label]
	require.True(t, known, f.Severity.Label)
	require.Equal(t, least, *f.Severity.Normalized)
	within(t, f.Severity.Original, 64)
	require.Equal(t, f.Severity.Label, f.FindingProviderFields.Severity.Label)
	require.Equal(t, f.Types, f.FindingProviderFields.Types)
	within(t, f.Title, 256)
	within(t, f.Description, 1024)
	if f.Remediation != nil {
		within(t, f.Remediation.Recommendation.Text, 512)
	}
	require.LessOrEqual(t, len(f.ProductFields), 50)
	for name, v := range f.ProductFields {
		within(t, name, 128)
		within(t, v, 2048)
		require.NotRegexp(t, `(?i)^aws/`, name, "reserved")
	}
	require.Contains(t, []string{"PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"}, f.Compliance.Status)
	require.LessOrEqual(t, len(f.Compliance.RelatedRequirements), 32)
	for _, r := range f.Compliance.RelatedRequirements {
		within(t, r, 64)
	}
	require.Contains(t, []string{"NEW", "NOTIFIED", "RESOLVED"}, f.Workflow.Status, "SUPPRESSED is a person's word")
	require.Contains(t, []string{"ACTIVE", "ARCHIVED"}, f.RecordState)
	within(t, f.Note.Text, 512)
	within(t, f.Note.UpdatedBy, 512)
	require.Len(t, f.Resources, 1)
	requireResource(t, f.Resources[0], home)
	if f.Action != nil {
		require.Equal(t, "AWS_API_CALL", f.Action.ActionType)
		within(t, f.Action.AwsApiCallAction.Api, 128)
		if remote := f.Action.AwsApiCallAction.RemoteIpDetails; remote != nil {
			require.True(t, netip.MustParseAddr(remote.IpAddressV4).Is4())
			require.Equal(t, "remoteIp", f.Action.AwsApiCallAction.CallerType)
		}
	}
	return f
}

func requireResource(t require.TestingT, r asffResource, home alert.Home) {
	require.Equal(t, home.Partition, r.Partition)
	require.Equal(t, home.Region, r.Region)
	within(t, r.Id, 512)
	require.LessOrEqual(t, len(r.Tags), 50)
	for name, v := range r.Tags {
		within(t, name, 128)
		within(t, v, 256)
	}
	if r.Type == "AwsAccount" {
		require.Equal(t, "AWS::::Account:"+home.AccountID, r.Id)
		require.Nil(t, r.Details)
		return
	}
	if r.Type == "Other" {
		require.Regexp(t, `^arn:aws[a-z-]*:ec2:[a-z0-9-]+:(\d{12}|aws):prefix-list/pl-[0-9a-z]+$`, r.Id)
		require.Nil(t, r.Details)
		return
	}
	require.Equal(t, "AwsEc2SecurityGroup", r.Type)
	require.Regexp(t, `^arn:aws[a-z-]*:ec2:[a-z0-9-]+:\d{12}:security-group/sg-[0-9a-z]+$`, r.Id)
	group := r.Details.AwsEc2SecurityGroup
	require.True(t, strings.HasSuffix(r.Id, "/"+group.GroupId))
	require.Equal(t, home.AccountID, group.OwnerId)
	for _, p := range append(group.IpPermissions, group.IpPermissionsEgress...) {
		require.Equal(t, 1, len(p.IpRanges)+len(p.Ipv6Ranges)+len(p.PrefixListIds)+len(p.UserIdGroupPairs))
		for _, r := range p.IpRanges {
			require.True(t, netip.MustParsePrefix(r.CidrIp).Addr().Is4())
		}
		for _, r := range p.Ipv6Ranges {
			require.True(t, netip.MustParsePrefix(r.CidrIpv6).Addr().Is6())
		}
		require.Equal(t, p.FromPort == nil, p.ToPort == nil)
	}
}

// within holds a text to the length that Java counts, which is the greatest.
func within(t require.TestingT, text string, limit int) {
	require.NotEmpty(t, strings.TrimSpace(text))
	require.LessOrEqual(t, len(utf16.Encode([]rune(text))), limit, text)
}

// requireNotBlank fails on a text of spaces alone or none: the format's
// NonEmptyString is .*\S.*
func requireNotBlank(t require.TestingT, text []byte) {
	var all any
	require.NoError(t, json.Unmarshal(text, &all))
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			require.NotEmpty(t, strings.TrimSpace(v))
		case []any:
			require.NotEmpty(t, v)
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			for name, one := range v {
				require.NotEmpty(t, strings.TrimSpace(name))
				walk(one)
			}
		}
	}
	walk(all)
}

func TestFindingsAreASFF(t *testing.T) {
	for name, i := range situations(t) {
		t.Run(name, func(t *testing.T) {
			f := requireASFF(t, asJSON(t, alert.FindingOf(i, home, told)), home)
			require.Equal(t, "sgwarden/eu-central-1/123456789012/"+i.ID, f.Id)
		})
	}
}

func TestFindingsOfOtherPartitions(t *testing.T) {
	for _, h := range []alert.Home{{"aws-us-gov", "us-gov-west-1", "111122223333"}, {"aws-cn", "cn-north-1", "111122223333"}} {
		i := situations(t)["observed"]
		i.AccountID, i.Region = "999999999999", "us-east-1" // what an event says does not count
		f := requireASFF(t, asJSON(t, alert.FindingOf(i, h, told)), h)
		require.Equal(t, "arn:"+h.Partition+":ec2:"+h.Region+":111122223333:security-group/sg-0123456789abcdef0", f.Resources[0].Id)
	}
}

// TestFindingsSayWhetherAGroupBreaksAPolicy: every outcome is one of passed,
// failed or not known, what somebody accepted is archived, and nothing passes
// that is open.
func TestFindingsSayWhetherAGroupBreaksAPolicy(t *testing.T) {
	ssh := rule(t, "sgr-0123456789abcdef0", "ingress tcp/22 from 0.0.0.0/0")
	for outcome, want := range map[incident.Outcome][3]string{
		incident.Ignored: {"PASSED", "RESOLVED", "ACTIVE"}, incident.Compliant: {"PASSED", "RESOLVED", "ACTIVE"},
		incident.Gone: {"PASSED", "RESOLVED", "ACTIVE"}, incident.AlreadyCompliant: {"PASSED", "RESOLVED", "ACTIVE"},
		incident.Exempt: {"NOT_AVAILABLE", "NOTIFIED", "ARCHIVED"}, incident.Observed: {"FAILED", "NOTIFIED", "ACTIVE"},
		incident.Alerted: {"FAILED", "NOTIFIED", "ACTIVE"}, incident.Tagged: {"FAILED", "NOTIFIED", "ACTIVE"},
		incident.Narrowed: {"PASSED", "RESOLVED", "ACTIVE"}, incident.Reverted: {"PASSED", "RESOLVED", "ACTIVE"},
		incident.Pending: {"FAILED", "NOTIFIED", "ACTIVE"}, incident.NotReverted: {"FAILED", "NOTIFIED", "ACTIVE"},
		incident.Unresolved: {"WARNING", "NOTIFIED", "ACTIVE"}, incident.CannotRemediate: {"FAILED", "NOTIFIED", "ACTIVE"},
	} {
		i := usual()
		i.Outcome, i.Rules = outcome, []incident.Rule{ended(t, outcome, ssh, "", ssh)}
		f := requireASFF(t, asJSON(t, alert.FindingOf(i, home, told)), home)
		require.Equal(t, want, [3]string{f.Compliance.Status, f.Workflow.Status, f.RecordState}, outcome)
	}
	i := situations(t)["undone"]
	f := requireASFF(t, asJSON(t, alert.FindingOf(i, home, told)), home)
	require.Equal(t, [3]string{"NOT_AVAILABLE", "NOTIFIED", "ARCHIVED"}, [3]string{f.Compliance.Status, f.Workflow.Status, f.RecordState})
}

func TestSeverityOfFindings(t *testing.T) {
	for severity, want := range map[policy.Severity]string{
		0: "HIGH", policy.Info: "INFORMATIONAL", policy.Low: "LOW", policy.Medium: "MEDIUM", policy.High: "HIGH", policy.Critical: "CRITICAL",
	} {
		i := situations(t)["not-reverted"]
		i.Severity = severity
		require.Equal(t, want, requireASFF(t, asJSON(t, alert.FindingOf(i, home, told)), home).Severity.Label, "what nobody judged counts as high")
	}
	require.Equal(t, "INFORMATIONAL", alert.FindingOf(incident.Incident{Outcome: incident.Compliant}, home, told).Severity.Label)
}

// TestFindingIsBroughtUpToDate: the id stays, the first message has the time of
// the incident, a later one is newer; a duplicate of the first changes nothing.
func TestFindingIsBroughtUpToDate(t *testing.T) {
	i := situations(t)["observed"]
	i.Published = []string{"opened"}
	first := alert.FindingOf(i, home, told)
	require.Equal(t, first.CreatedAt, first.UpdatedAt, "as the format asks for")
	require.Equal(t, first, alert.FindingOf(i, home, told.Add(time.Hour)), "a duplicate is not newer")
	i.Outcome, i.EventType, i.Published = incident.Gone, incident.Resolved, []string{"opened", "resolved"}
	second := alert.FindingOf(i, home, told.Add(time.Hour))
	require.Equal(t, first.ID, second.ID)
	require.Equal(t, first.CreatedAt, second.CreatedAt)
	require.Greater(t, second.UpdatedAt, first.UpdatedAt)
	require.Equal(t, "PASSED", second.Compliance.Status)

	i.OpenedAt = told.Add(2 * time.Hour) // a clock that is ahead
	ahead := alert.FindingOf(i, home, told)
	require.Equal(t, ahead.CreatedAt, ahead.UpdatedAt)
}

// TestFindingListsTheRulesThatThereAre: of every kind of peer, what is left of
// a changed rule, and nothing of a removed one.
func TestFindingListsTheRulesThatThereAre(t *testing.T) {
	i := usual()
	i.Outcome = incident.NotReverted
	for n, text := range []string{
		"ingress tcp/22 from 0.0.0.0/0", "ingress udp/53 from 2606:4700::/32", "ingress icmp/8 from 8.8.8.0/29", "ingress all from pl-0123456789abcdef0",
		"egress tcp/5432 to sg-0123456789abcdef9", "egress 47 to ::/0",
	} {
		r := rule(t, fmt.Sprintf("sgr-0123456789abcde%02d", n), text)
		i.Rules = append(i.Rules, ended(t, incident.NotReverted, r, "", r))
	}
	i.Rules = append(i.Rules,
		ended(t, incident.Reverted, rule(t, "sgr-0123456789abcde20", "ingress tcp/3389 from 0.0.0.0/0"), ""),
		ended(t, incident.Narrowed, rule(t, "sgr-0123456789abcde21", "ingress tcp/20-25 from ::/0"), "ingress tcp/22 from ::/0", rule(t, "sgr-0123456789abcde21", "ingress tcp/23-25 from ::/0")))
	f := requireASFF(t, asJSON(t, alert.FindingOf(i, home, told)), home)
	group := f.Resources[0].Details.AwsEc2SecurityGroup
	require.JSONEq(t, `[
		{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"IpRanges":[{"CidrIp":"0.0.0.0/0"}]},
		{"IpProtocol":"udp","FromPort":53,"ToPort":53,"Ipv6Ranges":[{"CidrIpv6":"2606:4700::/32"}]},
		{"IpProtocol":"icmp","FromPort":8,"ToPort":-1,"IpRanges":[{"CidrIp":"8.8.8.0/29"}]},
		{"IpProtocol":"-1","PrefixListIds":[{"PrefixListId":"pl-0123456789abcdef0"}]},
		{"IpProtocol":"tcp","FromPort":23,"ToPort":25,"Ipv6Ranges":[{"CidrIpv6":"::/0"}]}
	]`, string(asJSON(t, alert.FindingOf(i, home, told).Resources[0].Details.Group.IPPermissions)))
	require.Len(t, group.IpPermissionsEgress, 2)
	require.Equal(t, "sg-0123456789abcdef9", group.IpPermissionsEgress[0].UserIdGroupPairs[0].GroupId)
	require.Equal(t, "47", group.IpPermissionsEgress[1].IpProtocol)
}

func TestFindingNamesControls(t *testing.T) {
	i := situations(t)["observed"]
	i.Policies[0].Controls = map[string][]string{"aws-fsbp": {"EC2.13", "EC2.14"}, "cis-aws-6.0": {"6.3"}}
	for n := range 60 {
		i.Policies = append(i.Policies, incident.PolicyNote{ID: "p", Controls: map[string][]string{"z": {fmt.Sprint(n), strings.Repeat("x", 100)}}})
	}
	f := requireASFF(t, asJSON(t, alert.FindingOf(i, home, told)), home)
	require.Equal(t, []string{"aws-fsbp/EC2.13", "aws-fsbp/EC2.14", "cis-aws-6.0/6.3"}, f.Compliance.RelatedRequirements[:3])
	require.Len(t, f.Compliance.RelatedRequirements, 32)
}

func TestHugeIncidentFitsIntoAFinding(t *testing.T) {
	long := strings.Repeat("\U0001f600", 5000)
	i := usual()
	i.Outcome = incident.NotReverted
	i.GroupName, i.Reason, i.Actor.UserAgent, i.Actor.ARN, i.GroupTags = long, long, long, long, map[string]string{}
	for n := range 2000 {
		r := rule(t, fmt.Sprintf("sgr-%04d", n), fmt.Sprintf("%s tcp/%d from 0.0.0.0/0", []string{"ingress", "ingress"}[n%2], n+1))
		r.Description = long
		i.Rules = append(i.Rules, ended(t, incident.NotReverted, r, "", r))
		i.Policies = append(i.Policies, incident.PolicyNote{ID: long, Title: long, Fix: long})
		i.GroupTags[fmt.Sprintf("%d %s", n, long)] = long
	}
	requireASFF(t, asJSON(t, alert.FindingOf(i, home, told)), home)
}

// TestHostileTextStaysTextInFindings: consoles and tickets show what findings
// say.
func TestHostileTextStaysTextInFindings(t *testing.T) {
	controls := regexp.MustCompile(`[\x00-\x1f\x7f]|\\u00[01]|\\[nrt]`)
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.OneOf(rapid.Custom(drawHostile), rapid.Custom(drawPage)).Draw(t, "incident")
		i.GroupTags[i.GroupName], i.Resource = i.Actor.UserAgent, i.GroupID
		if rapid.Bool().Draw(t, "a real group") {
			i.GroupID = "sg-0123456789abcdef0"
		}
		text := asJSON(t, alert.FindingOf(i, home, told))
		require.NotRegexp(t, controls, string(text))
		f := requireASFF(t, text, home)
		texts := []string{f.Title, f.Description, f.Note.Text}
		for name, v := range f.ProductFields {
			texts = append(texts, name, v)
		}
		for name, v := range f.Resources[0].Tags {
			texts = append(texts, name, v)
		}
		if d := f.Resources[0].Details; d != nil {
			texts = append(texts, d.AwsEc2SecurityGroup.GroupName)
		}
		for _, text := range texts {
			require.NotRegexp(t, linkish, strings.NewReplacer("[:]//", " ", "[.]", " ", "[:]", " ").Replace(text))
		}
	})
}

func TestFindingOfTheLeastIncident(t *testing.T) {
	f := requireASFF(t, asJSON(t, alert.FindingOf(incident.Incident{}, home, told)), home)
	require.Equal(t, "AwsAccount", f.Resources[0].Type)
	require.Equal(t, "sgwarden/no-policy/invalid-outcome", f.GeneratorId)
}
