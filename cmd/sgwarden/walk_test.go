package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/doctor/patient"
	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/sweep"
)

// walk is the deployment of the README's second section: an account with the
// functions as they are built, from the first change to the removal.
type walk struct {
	*testing.T
	account *patient.Account
	group   string
	records [][]byte
	stand   standIns
	guard   lambda.Handler
	sweep   lambda.Handler
}

const walkKey = "AKIAEXAMPLEJANE"

// newWalk is a deployment in observe mode, whose first sweep marked what stood.
func newWalk(t *testing.T) *walk {
	w := &walk{T: t, account: newAccount(t), group: "sg-0d0f0000000000001", stand: standIns{}}
	cloud := w.account.Cloud.EC2()
	cloud.Register(walkKey, localec2.Caller{AccountID: patient.ID, Identity: cloudtrail.Session(patient.ID, "/", "developer", "jane", walkKey)})
	cloud.OnRecord(func(record []byte) { w.records = append(w.records, record) })
	stood := ruleOf(t, "ingress tcp/22 from 8.0.0.0/8")
	_, err := cloud.Account(patient.ID, patient.Region).EnsureGroup(secgroup.Group{ID: w.group, Name: "shop-web", Tags: map[string]string{"team": "shop"}, Rules: []secgroup.Rule{stood}})
	require.NoError(t, err)
	w.deploy("observe", "")
	w.pass()
	return w
}

// deploy starts the functions in a mode, with the policies of a folder compiled
// beside them, as a build does; "" = those that ship.
func (w *walk) deploy(mode, policies string) {
	w.Helper()
	cloud, built := w.account.Cloud, w.TempDir()
	_, b, err := bundle.Load(policies, bundle.Options{})
	require.NoError(w, err)
	require.NoError(w, b.WriteFile(filepath.Join(built, bundle.FileName)))
	s, err := guard.FromEnviron([]string{
		"SGWARDEN_MODE=" + mode, "SGWARDEN_TABLE=" + cloud.Table(), "SGWARDEN_TOPIC_ARN=" + cloud.TopicARN(), "SGWARDEN_QUEUE_URL=" + cloud.QueueURL(),
		"SGWARDEN_POLICIES=" + built, "SGWARDEN_POLICIES_DIGEST=" + b.Digest, "AWS_REGION=" + patient.Region, "AWS_ACCESS_KEY_ID=AKIAEXAMPLEGUARD", "AWS_SECRET_ACCESS_KEY=secret",
	})
	require.NoError(w, err)
	s.AWS.Transport = cloud.Transport()
	logger := slog.New(slog.DiscardHandler)
	w.guard, w.sweep = guard.New(s, logger, io.Discard), sweep.New(s, logger, io.Discard)
}

func (w *walk) invoke(h lambda.Handler, payload []byte) {
	w.Helper()
	ctx := lambdacontext.NewContext(w.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: "arn:aws:lambda:" + patient.Region + ":" + patient.ID + ":function:f"})
	_, err := h.Invoke(ctx, payload)
	require.NoError(w, err)
}

func (w *walk) pass() { w.invoke(w.sweep, []byte(`{}`)) }

// open lets jane open a port to everybody, and guard hear of it.
func (w *walk) open(port int32) {
	w.Helper()
	client := ec2.New(ec2.Options{
		Region: patient.Region, BaseEndpoint: aws.String("http://ec2.local"), HTTPClient: &http.Client{Transport: asCLI{w.account.Cloud.Aside()}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: walkKey, SecretAccessKey: "secret"}, nil
		}),
	})
	w.records = nil
	_, err := client.AuthorizeSecurityGroupIngress(w.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &w.group, IpPermissions: []types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port, IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0"), Description: aws.String("from home")}},
	}}})
	require.NoError(w, err)
	require.Len(w, w.records, 1)
	event, err := json.Marshal(map[string]any{
		"id": "e", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "account": patient.ID, "region": patient.Region, "detail": json.RawMessage(w.records[0]),
	})
	require.NoError(w, err)
	w.invoke(w.guard, event)
}

// asCLI is a client that says that it is the AWS command line.
type asCLI struct{ next http.RoundTripper }

func (c asCLI) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "aws-cli/2.31.0")
	return c.next.RoundTrip(r)
}

// destroyed takes the stack out of the account; the ledger and the logs stay.
func (w *walk) destroyed() {
	a := w.account
	a.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", nil, patient.Refusal{Code: "ValidationError", Message: "Stack with id X does not exist"})
	a.Says("cloudformation.ListStacks", patient.Object{"StackSummaries": []any{patient.Object{"StackName": "Sgwarden", "StackId": "arn:old", "StackStatus": "DELETE_COMPLETE", "CreationTime": "2026-11-26T09:00:00Z"}}})
	var kept []any
	for _, r := range [][3]string{{"AWS::DynamoDB::Table", "Ledger", a.Cloud.Table()}, {"AWS::Logs::LogGroup", "GuardLogs", "Sgwarden-GuardLogs-1"}, {"AWS::Logs::LogGroup", "SweepLogs", "Sgwarden-SweepLogs-1"}, {"AWS::Logs::LogGroup", "CanaryLogs", "Sgwarden-CanaryLogs-1"}} {
		one := patient.Resource(r[0], r[1], r[2]).(patient.Object)
		one["ResourceStatus"] = "DELETE_SKIPPED"
		kept = append(kept, one)
	}
	a.Says("cloudformation.ListStackResources", patient.Object{"StackResourceSummaries": kept})
}

// walked are the commands of the walk, by how they begin, with what happened
// before each.
var walked = []struct {
	command string
	before  func(w *walk)
}{
	{"guard: the first alert", func(w *walk) { w.open(22) }},
	{"incidents --would", func(*walk) {}},
	{"incidents --since", func(w *walk) {
		w.deploy("enforce", "enforced")
		w.pass() // which marks what was observed: it stood before enforce
		w.open(3389)
	}},
	{"undo", func(*walk) {}},
	{"doctor --after-destroy", func(w *walk) { w.destroyed() }},
}

// stepOf is what happened before a command; nil = it is not of the walk.
func stepOf(command string) func(w *walk) {
	for _, s := range walked {
		if strings.HasPrefix(command, s.command) {
			return s.before
		}
	}
	return nil
}

// standIns are for ids that differ from run to run: one for each, in the order
// of their first appearance.
type standIns map[string]string

var differs = []struct {
	form *regexp.Regexp
	as   string // %d = the how-manieth of its kind
}{
	{regexp.MustCompile(`inc-[0-9a-f]{24}`), "inc-4f1d3c0a9b8e7d6c5a4b3c%02d"},
	{regexp.MustCompile(`sgr-[0-9a-f]{17}`), "sgr-0d0f0000000000a%02d"},
	{regexp.MustCompile(`vpc-[0-9a-f]{17}`), "vpc-0d0f0000000000b%02d"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "5c0f3e1a-7b2d-4e8f-9a6c-1d3b5f7a9c%02d"},
	{regexp.MustCompile(`EX-[0-9a-f]{8}`), "EX-7d31c0%02d"},
}

// times are what depends on when the test runs, and how fast.
var times = []struct {
	form *regexp.Regexp
	as   string
}{
	{minutes, "7 min ago"},
	{regexp.MustCompile(`(noticed .*), .* later`), "$1, less than a second later"},
}

// shownNow is when the README's walk happens: dates of the output keep their
// distance from it in days, of which "until" is one to be read.
var shownNow = time.Date(2026, 11, 26, 9, 12, 44, 0, time.UTC)

var dates = []struct {
	form   *regexp.Regexp // with the date as its last group
	layout string
}{
	{regexp.MustCompile(`()(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)`), time.RFC3339},
	{regexp.MustCompile(`()(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)`), time.DateTime},
	{regexp.MustCompile(`(until: )(\d{4}-\d\d-\d\d)\b`), time.DateOnly},
}

// shown is a date of the output as the README has it.
func shown(date, layout string, now time.Time) string {
	at, err := time.Parse(layout, date)
	if err != nil {
		return date
	}
	if layout == time.DateOnly {
		now = now.UTC().Truncate(24 * time.Hour)
	}
	return shownNow.AddDate(0, 0, int(math.Round(at.Sub(now).Hours()/24))).Format(layout)
}

// out puts the ids in the place of their stand-ins.
func (s standIns) out(text string) string {
	for id, as := range s {
		text = strings.ReplaceAll(text, as, id)
	}
	return text
}

// in puts the stand-ins into a text that was printed.
func (s standIns) in(text string) string {
	for _, d := range differs {
		text = d.form.ReplaceAllStringFunc(text, func(id string) string {
			if s[id] == "" {
				n := 1
				for other := range s {
					if d.form.MatchString(other) {
						n++
					}
				}
				s[id] = fmt.Sprintf(d.as, n)
			}
			return s[id]
		})
	}
	for _, d := range times {
		text = d.form.ReplaceAllString(text, d.as)
	}
	for _, d := range dates {
		text = d.form.ReplaceAllStringFunc(text, func(found string) string {
			parts := d.form.FindStringSubmatch(found)
			return parts[1] + shown(parts[2], d.layout, time.Now())
		})
	}
	return text
}
