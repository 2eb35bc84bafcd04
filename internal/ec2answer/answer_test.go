package ec2answer_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sgwarden/sgwarden/internal/ec2answer"
)

// endpoint answers every call with one text, and counts what was closed.
type endpoint struct {
	status int
	text   string
	fault  error // after the text
	closed int
}

func (e *endpoint) Do(*http.Request) (*http.Response, error) {
	var content io.Reader = strings.NewReader(e.text)
	if e.fault != nil {
		content = io.MultiReader(content, faulty{e.fault})
	}
	return &http.Response{StatusCode: e.status, Header: http.Header{}, Body: &counted{content, e}}, nil
}

type counted struct {
	io.Reader
	of *endpoint
}

func (c *counted) Close() error { c.of.closed++; return nil }

type faulty struct{ err error }

func (f faulty) Read([]byte) (int, error) { return 0, f.err }

func (e *endpoint) client() *ec2.Client {
	return ec2.New(ec2.Options{
		Region: "us-east-1", Retryer: aws.NopRetryer{}, HTTPClient: e,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil
		}),
	})
}

// rules reads an answer as the SDK does, or with the options.
func rules(t require.TestingT, e *endpoint, options ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	e.closed = 0
	out, err := e.client().DescribeSecurityGroupRules(context.Background(), nil, options...)
	require.Positive(t, e.closed, "the body was left open")
	return out, err
}

// requireSame compares what is read here with what the SDK reads.
func requireSame(t require.TestingT, e *endpoint) {
	want, wantErr := rules(t, e)
	got, err := rules(t, e, ec2answer.Rules)
	if wantErr != nil {
		require.EqualError(t, err, wantErr.Error())
		return
	}
	require.NoError(t, err)
	require.Equal(t, want.SecurityGroupRules, got.SecurityGroupRules, "%s", e.text)
	require.Equal(t, want.NextToken, got.NextToken, "%s", e.text)
}

const (
	head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<DescribeSecurityGroupRulesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">` + "\n"
	tail = `</DescribeSecurityGroupRulesResponse>`
)

func answer(content string) string { return head + content + tail }

const item = `<item><securityGroupRuleId>sgr-0a</securityGroupRuleId><groupId>sg-0a</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>-1</toPort>
  <cidrIpv4>10.0.0.0/8</cidrIpv4><description>ssh [all] &amp; more &lt;b&gt; über</description>
  <referencedGroupInfo><groupId>sg-0b</groupId><userId>1</userId><x><y/></x></referencedGroupInfo>
  <tagSet><item><key>k</key><value/></item><item><key>l</key><value>m</value></item></tagSet><unknown><item>1</item></unknown></item>`

// odd are answers of which some are plain and some are not.
var odd = []string{
	"", " ", head, tail, answer(""), answer(`<requestId>r</requestId><securityGroupRuleSet/>`), answer(`<nextToken/>`), answer(`<nextToken>a b</nextToken>`),
	answer(`<securityGroupRuleSet>` + item + item + `</securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet>` + item + `</securityGroupRuleSet><nextToken>n</nextToken><securityGroupRuleSet>` + item + `</securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item/><item></item><other>x</other></securityGroupRuleSet>`),
	answer(`<SECURITYGROUPRULESET><ITEM><CidrIpv4>10.0.0.0/8</CidrIpv4></ITEM></SECURITYGROUPRULESET>`),
	answer(`<securityGroupRuleSet><item><CIDRIPV4>10.0.0.0/8</CIDRIPV4></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><cidrIpv4><![CDATA[10.0.0.0/8]]></cidrIpv4></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><cidrIpv4>10.<!-- x -->0.0.0/8</cidrIpv4></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><cidrIpv4>1<b/></cidrIpv4></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><fromPort>x</fromPort></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><fromPort/></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><fromPort>4294967318</fromPort></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><isEgress>maybe</isEgress></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><description>a]]>b</description></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><description>a&#65;&nbsp;</description></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><description>a&#65;b</description></item></securityGroupRuleSet>`),
	answer("<securityGroupRuleSet><item><description>a\r\nb</description></item></securityGroupRuleSet>"),
	answer("<securityGroupRuleSet><item><description>a\x01b</description></item></securityGroupRuleSet>"),
	answer("<securityGroupRuleSet><item><description>a\xffb</description></item></securityGroupRuleSet>"),
	answer("<securityGroupRuleSet><item><description>a\uffffb</description></item></securityGroupRuleSet>"),
	answer(`<securityGroupRuleSet><item a="b"><groupId >sg</groupId></item></securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet><item><groupId>sg</groupid></item></securityGroupRuleSet>`),
	answer(`<n:securityGroupRuleSet xmlns:n="x"><item></item></n:securityGroupRuleSet>`),
	answer(`<securityGroupRuleSet>`), answer(`</securityGroupRuleSet>`), answer(`<securityGroupRuleSet><item>`) + "x", answer(item) + "<trailing",
	`<a>` + item + `</a>`, `<a b="c"/>`, `<a xmlns="x"y">` + `</a>`, `<?xml version="1.1"?><a></a>`, `<?xml version="1.0" encoding="latin1"?><a></a>`, `<!DOCTYPE a><a></a>`,
}

func TestOddAnswersAreReadAsTheSDKReadsThem(t *testing.T) {
	for n, text := range odd {
		t.Run(fmt.Sprint(n), func(t *testing.T) { requireSame(t, &endpoint{status: 200, text: text}) })
	}
}

func TestErrorsStayTheSDKs(t *testing.T) {
	refused := `<Response><Errors><Error><Code>InvalidGroup.NotFound</Code><Message>gone</Message></Error></Errors><RequestID>r</RequestID></Response>`
	requireSame(t, &endpoint{status: 400, text: refused})
	requireSame(t, &endpoint{status: 500, text: answer("")})
	requireSame(t, &endpoint{status: 200, text: answer(item)[:300], fault: io.ErrUnexpectedEOF})
	requireSame(t, &endpoint{status: 200, text: "", fault: io.ErrUnexpectedEOF})
}

func FuzzRules(f *testing.F) {
	for _, text := range odd {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { requireSame(t, &endpoint{status: 200, text: text}) })
}

// TestAlteredAnswersAreReadAsTheSDKReadsThem changes answers as a fuzzer would,
// in every run.
func TestAlteredAnswersAreReadAsTheSDKReadsThem(t *testing.T) {
	pieces := []string{"<", ">", "/", "&", ";", "]]>", "\x00", "é", "<item>", "</item>", "<tagSet>", "</tagSet>", "<groupId>", "</groupId>", "<cidrIpv4/>", " ", "1", "&lt;", "&#1;", "<!--", "-->"}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(odd).Draw(t, "answer")
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			at := rapid.IntRange(0, len(text)).Draw(t, "at")
			end := min(len(text), at+rapid.IntRange(0, 12).Draw(t, "length"))
			text = text[:at] + rapid.SampledFrom(pieces).Draw(t, "piece") + text[end:]
		}
		requireSame(t, &endpoint{status: 200, text: text})
	})
}

func TestGroupsComeWithoutTheirPermissions(t *testing.T) {
	const (
		open    = `<DescribeSecurityGroupsResponse xmlns="x"><securityGroupInfo>`
		one     = `<item><groupId>sg-0a</groupId><groupName>&lt;ipPermissions&gt;</groupName>`
		allowed = `<ipPermissions><item><ipProtocol>-1</ipProtocol></item></ipPermissions><ipPermissionsEgress><item><ipProtocol>6</ipProtocol></item></ipPermissionsEgress>`
		rest    = `<vpcId>vpc-0a</vpcId></item>`
		end     = `</securityGroupInfo></DescribeSecurityGroupsResponse>`
	)
	read := func(text string, options ...func(*ec2.Options)) *ec2.DescribeSecurityGroupsOutput {
		out, err := (&endpoint{status: 200, text: text}).client().DescribeSecurityGroups(t.Context(), nil, options...)
		require.NoError(t, err)
		return out
	}
	whole := open + one + allowed + rest + one + rest + one + allowed + rest + end
	without := open + one + rest + one + rest + one + rest + end
	require.Equal(t, read(without).SecurityGroups, read(whole, ec2answer.WithoutPermissions).SecurityGroups)
	require.NotEqual(t, read(without).SecurityGroups, read(whole).SecurityGroups)

	commented := open + one + `<!-- -->` + allowed + rest + end
	require.Equal(t, read(commented).SecurityGroups, read(commented, ec2answer.WithoutPermissions).SecurityGroups)
	_, err := (&endpoint{status: 200, text: open + one + `<ipPermissions>`}).client().DescribeSecurityGroups(t.Context(), nil, ec2answer.WithoutPermissions)
	require.ErrorContains(t, err, "EOF")
}

// TestPlainAnswersAreReadHere holds what the others cannot: that not all is
// left to the SDK.
func TestPlainAnswersAreReadHere(t *testing.T) {
	for _, text := range []string{
		answer(""), answer(`<requestId>r</requestId><securityGroupRuleSet/>`), answer(`<nextToken>a b</nextToken>`),
		answer(`<securityGroupRuleSet>` + item + item + `</securityGroupRuleSet>`), strings.TrimPrefix(answer(""), `<?xml version="1.0" encoding="UTF-8"?>`),
	} {
		_, plain := ec2answer.ReadRules(text)
		require.True(t, plain, text)
	}
	_, plain := ec2answer.ReadRules(answer(`<!-- -->`))
	require.False(t, plain)
}
