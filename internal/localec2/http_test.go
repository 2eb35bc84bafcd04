package localec2_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
)

// post sends a request as it stands, signed or not.
func post(t *testing.T, server *httptest.Server, body, authorization string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func signed(key, region, service string) string {
	return "AWS4-HMAC-SHA256 Credential=" + key + "/20260301/" + region + "/" + service + "/aws4_request, SignedHeaders=host, Signature=0"
}

func TestStrictRequests(t *testing.T) {
	cloud := localec2.New(localec2.Options{})
	server := httptest.NewServer(cloud.Handler())
	defer server.Close()
	for _, c := range []struct{ name, body, auth, code string }{
		{"no action", "Version=2016-11-15", "", "MissingAction"},
		{"an action that is not there", "Action=CreateVolume&Version=2016-11-15", "", "InvalidAction"},
		{"no version", "Action=DescribeVpcs", "", "NoSuchVersion"},
		{"an unknown parameter", "Action=DescribeVpcs&Version=2016-11-15&Nonsense=1", "", "UnknownParameter"},
		{"a parameter of another action", "Action=DescribeVpcs&Version=2016-11-15&GroupId.1=sg-1", "", "UnknownParameter"},
		{"a list from zero", "Action=DescribeVpcs&Version=2016-11-15&VpcId.0=vpc-1", "", "UnknownParameter"},
		{"a parameter twice", "Action=DescribeVpcs&Version=2016-11-15&VpcId.1=a&VpcId.1=b", "", "MalformedQueryString"},
		{"value and members", "Action=DescribeVpcs&Version=2016-11-15&VpcId=a&VpcId.1=b", "", "MalformedQueryString"},
		{"an empty name part", "Action=DescribeVpcs&Version=2016-11-15&VpcId..1=a", "", "MalformedQueryString"},
		{"bad escapes", "Action=%zz", "", "MalformedQueryString"},
		{"half a signature", "Action=DescribeVpcs&Version=2016-11-15", "AWS4-HMAC-SHA256 Credential=x", "IncompleteSignature"},
		{"a wrong truth value", "Action=DescribeVpcs&Version=2016-11-15&DryRun=yes", "", "InvalidParameterValue"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := post(t, server, c.body, c.auth)
			require.Equal(t, 400, status)
			require.Contains(t, body, "<Response><Errors><Error><Code>"+c.code+"</Code>")
			require.Contains(t, body, "<RequestID>")
		})
	}
}

func TestAccountsAndRegions(t *testing.T) {
	cloud := localec2.New(localec2.Options{IDs: localec2.CountedIDs("x")})
	cloud.Register("AKIAGUARD", localec2.Caller{AccountID: "123456789012", Identity: cloudtrail.Session("123456789012", "/sgwarden/", "guard", "run", "AKIAGUARD")})
	defaultVPC := func(key, region string) string {
		out, err := clientOf(cloud, key, region).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
		require.NoError(t, err)
		require.Len(t, out.Vpcs, 1)
		return *out.Vpcs[0].VpcId
	}
	here := defaultVPC("AKIDTEST", "us-east-1")
	require.Equal(t, here, defaultVPC("AKIAGUARD", "us-east-1"))
	require.Equal(t, here, defaultVPC("123456789012", "us-east-1"))
	require.NotEqual(t, here, defaultVPC("210987654321", "us-east-1"), "a key of twelve digits is an account")
	require.NotEqual(t, here, defaultVPC("AKIDTEST", "eu-west-1"))
	require.NotEqual(t, here, defaultVPC("AKIDTEST", "us-northeast-1r"), "a region is taken as written")
	require.Equal(t, here, cloud.Account("123456789012", "us-east-1").DefaultVPC())

	server := httptest.NewServer(cloud.Handler())
	defer server.Close()
	_, body := post(t, server, "Action=DescribeVpcs&Version=2016-11-15", "")
	require.Contains(t, body, here, "a request that is not signed is the default account's")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/?"+url.Values{"Action": {"DescribeVpcs"}, "Version": {"2016-11-15"}}.Encode(), nil)
	require.NoError(t, err)
	r.Host = "ec2.eu-west-1.amazonaws.com"
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, string(text), cloud.Account("123456789012", "eu-west-1").DefaultVPC(), "its region is the host's")
	require.NotEmpty(t, resp.Header.Get("X-Amzn-Requestid"))

	_, body = post(t, server, "Action=GetCallerIdentity&Version=2011-06-15", signed("AKIAGUARD", "us-east-1", "sts"))
	require.Contains(t, body, "<Arn>arn:aws:sts::123456789012:assumed-role/guard/run</Arn>")
	require.Contains(t, body, "<GetCallerIdentityResult>")
}

func TestAnswersAreLostOnTheSocketToo(t *testing.T) {
	cloud := localec2.New(localec2.Options{})
	server := httptest.NewServer(cloud.Handler())
	defer server.Close()
	cloud.Disturb(func(localec2.Call) localec2.Disturbance { return localec2.LoseAnswer() })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/?Action=DescribeVpcs&Version=2016-11-15", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(r)
	if err == nil {
		require.NoError(t, resp.Body.Close())
	}
	require.Error(t, err)
	require.Equal(t, 1, cloud.Count("DescribeVpcs"))
}

// TestTheCommandLine drives the endpoint with what a person has at hand: curl
// has its part above; the aws CLI is used where the machine has it.
func TestTheCommandLine(t *testing.T) {
	cloud := localec2.New(localec2.Options{})
	server := httptest.NewServer(cloud.Handler())
	defer server.Close()
	account := cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion)
	run := func(want string, params url.Values) {
		params.Set("Version", "2016-11-15")
		status, body := post(t, server, params.Encode(), "")
		require.Equal(t, 200, status, body)
		require.Contains(t, body, want)
	}
	if aws, err := exec.LookPath("aws"); err == nil {
		run = func(want string, params url.Values) {
			args := map[string][]string{
				"CreateSecurityGroup":           {"create-security-group", "--group-name", "web", "--description", "a test"},
				"AuthorizeSecurityGroupIngress": {"authorize-security-group-ingress", "--group-name", "web", "--protocol", "tcp", "--port", "22", "--cidr", "10.0.0.1/8"},
				"DescribeSecurityGroups":        {"describe-security-groups", "--group-names", "web"},
				"RevokeSecurityGroupIngress":    {"revoke-security-group-ingress", "--group-name", "web", "--protocol", "tcp", "--port", "22", "--cidr", "10.0.0.0/8"},
			}[params.Get("Action")]
			cmd := exec.CommandContext(t.Context(), aws, append([]string{"--no-sign-request", "--endpoint-url", server.URL, "--output", "json", "ec2"}, args...)...)
			cmd.Env = append(os.Environ(), "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			require.True(t, json.Valid(out), string(out))
		}
	}
	run("<groupId>", url.Values{"Action": {"CreateSecurityGroup"}, "GroupName": {"web"}, "GroupDescription": {"a test"}})
	id, ok := account.GroupNamed("", "web")
	require.True(t, ok)
	run("<cidrIpv4>10.0.0.0/8</cidrIpv4>", url.Values{"Action": {"AuthorizeSecurityGroupIngress"}, "GroupName": {"web"},
		"IpPermissions.1.IpProtocol": {"tcp"}, "IpPermissions.1.FromPort": {"22"}, "IpPermissions.1.ToPort": {"22"}, "IpPermissions.1.IpRanges.1.CidrIp": {"10.0.0.1/8"}})
	g, _ := account.Group(id)
	require.Len(t, g.Rules, 2)
	run("<groupName>web</groupName>", url.Values{"Action": {"DescribeSecurityGroups"}, "GroupName.1": {"web"}})
	run("<return>true</return>", url.Values{"Action": {"RevokeSecurityGroupIngress"}, "GroupName": {"web"},
		"IpPermissions.1.IpProtocol": {"tcp"}, "IpPermissions.1.FromPort": {"22"}, "IpPermissions.1.ToPort": {"22"}, "IpPermissions.1.IpRanges.1.CidrIp": {"10.0.0.0/8"}})
	g, _ = account.Group(id)
	require.Len(t, g.Rules, 1)
}
