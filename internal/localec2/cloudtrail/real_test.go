package cloudtrail_test

import (
	"context"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/conformance"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// recorded are the calls whose records are held against real ones.
var recorded = []string{
	"AcceptVpcPeeringConnection", "AllocateAddress", "AssociateSecurityGroupVpc", "AssociateVpcCidrBlock", "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress",
	"CreateDefaultVpc", "CreateManagedPrefixList", "CreateNetworkInterface", "CreateSecurityGroup", "CreateSubnet", "CreateTags", "CreateVpc", "CreateVpcPeeringConnection",
	"DeleteManagedPrefixList", "DeleteNetworkInterface", "DeleteSecurityGroup", "DeleteSubnet", "DeleteTags", "DeleteVpc", "DeleteVpcPeeringConnection",
	"DisassociateSecurityGroupVpc", "DisassociateVpcCidrBlock",
	"ModifyInstanceAttribute", "ModifyManagedPrefixList", "ModifyNetworkInterfaceAttribute", "ModifySecurityGroupRules", "ReleaseAddress", "RestoreManagedPrefixListVersion",
	"RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress", "RunInstances", "TerminateInstances",
	"UpdateSecurityGroupRuleDescriptionsIngress",
}

// ownShapes are those of the records of every call that the conformance cases
// make on the embedded EC2, and of every kind of caller.
func ownShapes(t *testing.T) shapes {
	t.Helper()
	own := shapes{}
	note := func(text []byte) {
		r, err := readRecord(text)
		require.NoError(t, err)
		own.note(r)
	}
	cloud := localec2.New(localec2.Options{IDs: localec2.CountedIDs(t.Name()), OnRecord: note})
	require.NoError(t, cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion).PutListOfS3())
	site := &conformance.Site{Run: "shapes", EC2: ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: cloud.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil
		}),
	})}
	_, err := site.Open(t.Context())
	require.NoError(t, err)
	for _, c := range conformance.Cases() {
		if !c.Staged {
			require.NoError(t, site.Try(t.Context(), c), c.Name)
		}
	}
	require.NoError(t, site.Remove(t.Context()))
	params, err := query.Parse(map[string][]string{"GroupId": {"sg-0123456789abcdef0"}})
	require.NoError(t, err)
	for _, who := range []cloudtrail.Identity{
		cloudtrail.Session("123456789012", "/", "guard", "run", "ASIAEXAMPLE"),
		{Type: "AWSService", InvokedBy: "autoscaling.amazonaws.com"},
	} {
		note(cloudtrail.Event{
			Action: "DeleteSecurityGroup", Params: params, Answer: query.Object{}.With("return", true), Identity: who, AccountID: "123456789012", Region: "us-east-1",
			Time: time.Now(), RequestID: "r", EventID: "e", SourceIP: "192.0.2.1", UserAgent: "agent", Host: "ec2.us-east-1.amazonaws.com",
		}.Record())
	}
	return own
}

// TestShapesAreThoseOfRealRecords compares the paths and kinds of our records
// with those of real ones, both ways. What differs is a list with reasons
// (testdata/differences.txt), which is held both ways too.
func TestShapesAreThoseOfRealRecords(t *testing.T) {
	text, err := os.ReadFile(shapesFile)
	require.NoError(t, err)
	real, err := parseShapes(string(text))
	require.NoError(t, err)
	own := ownShapes(t)
	names := map[string]bool{}
	var found []string
	for section := range own {
		name, outcome, _ := strings.Cut(section, " ")
		if name != "record" && name != "identity" {
			names[name] = true
		}
		found = append(found, differences(section, own[section], real[section], real[name+" "+other(outcome)])...)
	}
	require.Equal(t, recorded, slices.Sorted(maps.Keys(names)))
	known := knownDifferences(t)
	found = slices.Compact(slices.Sorted(slices.Values(found)))
	for _, line := range found {
		assert.NotEmpty(t, known[line], "not on testdata/differences.txt: %s", line)
	}
	for line := range known {
		assert.Contains(t, found, line, "listed, and no difference")
	}
}

func other(outcome string) string {
	return map[string]string{"ok": "failed", "failed": "ok"}[outcome]
}

// differences are "CALL + PATH KIND" for what we write and no real record of
// the call has, the outermost paths alone; "SECTION - PATH KIND" for what every
// real record has and ours never; and "SECTION unseen" where there is no real
// record. A request may be as one that had the other outcome.
func differences(section string, own, real, realOther *shape) []string {
	name, _, _ := strings.Cut(section, " ")
	var all []string
	if real == nil {
		all = append(all, section+" unseen")
	}
	requests, rest := seenPaths(real, realOther)
	for line := range own.has {
		inRequest := strings.HasPrefix(line, "requestParameters")
		switch {
		case inRequest && requests != nil && isNew(requests, line):
			all = append(all, name+" + "+line)
		case !inRequest && rest != nil && isNew(rest, line):
			all = append(all, section+" + "+line)
		}
	}
	if real == nil {
		return all
	}
	for line, n := range real.has {
		if n == real.records && own.has[line] == 0 {
			all = append(all, section+" - "+line)
		}
	}
	return all
}

// seenPaths are those of requests, of either outcome, and all others, of this
// one; nil where there is no real record.
func seenPaths(real, realOther *shape) (requests, rest map[string]bool) {
	for _, s := range []*shape{real, realOther} {
		if s == nil {
			continue
		}
		for line := range s.has {
			if strings.HasPrefix(line, "requestParameters") {
				requests = with(requests, line)
			}
			if s == real {
				rest = with(rest, line)
			}
		}
	}
	return requests, rest
}

// with adds a path with its kind, and the path alone.
func with(seen map[string]bool, line string) map[string]bool {
	if seen == nil {
		seen = map[string]bool{}
	}
	path, _, _ := strings.Cut(line, " ")
	seen[line], seen[path] = true, true
	return seen
}

// isNew is true for what was not seen, in something that was.
func isNew(seen map[string]bool, line string) bool {
	path, _, _ := strings.Cut(line, " ")
	parent := strings.TrimSuffix(path, "[]")
	if parent == path {
		parent = ""
		if i := strings.LastIndex(path, "."); i >= 0 {
			parent = path[:i]
		}
	}
	return !seen[line] && (parent == "" || seen[parent])
}

// knownDifferences reads the list: reasons at the margin, differences below.
func knownDifferences(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/differences.txt")
	require.NoError(t, err)
	all, reason := map[string]string{}, ""
	for line := range strings.Lines(string(text)) {
		item := strings.TrimSpace(line)
		switch {
		case item == "" || strings.HasPrefix(item, "#"):
		case !strings.HasPrefix(line, " "):
			reason = item
		default:
			require.NotEmpty(t, reason, item)
			require.Empty(t, all[item], "%s is there twice", item)
			all[item] = reason
		}
	}
	return all
}
