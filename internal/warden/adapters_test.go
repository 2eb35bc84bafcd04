package warden_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// These tests run the path with the real adapters on the strict EC2: what the
// function runs, but for the network.

const text = `
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: ssh, title: Closed to the internet, severity: high, why: It is attacked., fix: Close it.}
forbid:
  - {direction: ingress, ports: [22], peers: [internet]}
tolerate: {ipv4: /16, ipv6: /32}
remedy: %s
`

type cloud struct {
	t *testing.T
	*localec2.Cloud
	account *localec2.Account
	user    *ec2.Client
	store   *ledger.InMemory
	guard   *warden.Warden
	acts    map[string]policy.Act // done, of every policy

	mu      sync.Mutex
	records [][]byte
	sent    []incident.Incident
	now     time.Time
	broken  func(incident.Incident) error
}

func newCloud(t *testing.T, remedy string) *cloud {
	t.Helper()
	return newCloudWith(t, remedy, func(*warden.Config) {})
}

func newCloudWith(t *testing.T, remedy string, change func(*warden.Config)) *cloud {
	t.Helper()
	c := &cloud{t: t, acts: map[string]policy.Act{}, store: ledger.NewInMemory(), now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	c.Cloud = localec2.New(localec2.Options{IDs: localec2.CountedIDs(t.Name()), Clock: c.clock, OnRecord: func(r []byte) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.records = append(c.records, slices.Clone(r))
	}})
	c.account = c.Account(localec2.DefaultAccount, localec2.DefaultRegion)
	client := func(key string) *ec2.Client {
		return ec2.New(ec2.Options{
			Region: localec2.DefaultRegion, Retryer: awserr.Retryer(3, time.Millisecond), HTTPClient: &http.Client{Transport: c.Transport()},
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret"}, nil
			}),
		})
	}
	c.user = client("AKIDUSER")
	parsed, err := policy.Parse([]policy.Source{{File: "test.yaml", Text: fmt.Appendf(nil, text, remedy)}}, nil)
	require.NoError(t, err)
	set, err := policy.Compile(parsed.Documents, parsed.Deployment.Settings(policy.Enforce))
	require.NoError(t, err)
	own := client("AKIDGUARD")
	for _, p := range set.Policies {
		c.acts[p.ID+"@"+p.Digest()] = policy.Act{Done: true}
	}
	cfg := warden.Config{
		Set: set, Inventory: inventory.New(own), Applier: counted{apply.New(own), c.Cloud}, Ledger: c.store, Publisher: c, Queue: nowhere{},
		Clock: c.clock, Sleep: c.sleep, Logger: slog.New(slog.DiscardHandler), Account: localec2.DefaultAccount, Region: localec2.DefaultRegion,
		Mode: policy.Enforce, Limits: plan.Limits{MayModify: true, MayAuthorize: true}, HolderID: "guard",
	}
	change(&cfg)
	c.guard, err = warden.New(cfg)
	require.NoError(t, err)
	return c
}

// counted tells how often a call was sent, as warden.Applier asks for.
type counted struct {
	*apply.Applier
	cloud *localec2.Cloud
}

type tried struct {
	error
	n int
}

func (e tried) Unwrap() error { return e.error }
func (e tried) Tries() int    { return e.n }

func (a counted) Apply(ctx context.Context, action plan.Action) incident.Result {
	before := a.cloud.Count()
	res := a.Applier.Apply(ctx, action)
	if res.Err != nil {
		res.Err = tried{res.Err, a.cloud.Count() - before}
	}
	return res
}

type nowhere struct{}

func (nowhere) JudgeAgain(context.Context, string, string, string, time.Duration) error { return nil }

func (c *cloud) Publish(_ context.Context, i incident.Incident) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken(i)
	}
	c.sent = append(c.sent, i)
	return nil
}

func (c *cloud) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *cloud) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// group makes a group and forgets the record of it.
func (c *cloud) group() string {
	c.t.Helper()
	vpc, err := c.user.CreateVpc(c.t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	require.NoError(c.t, err)
	out, err := c.user.CreateSecurityGroup(c.t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("web"), VpcId: vpc.Vpc.VpcId})
	require.NoError(c.t, err)
	c.records = nil
	return *out.GroupId
}

// open authorizes tcp ports from all of IPv4 and gives the record.
func (c *cloud) open(group string, from, to int32) []byte {
	c.t.Helper()
	_, err := c.user.AuthorizeSecurityGroupIngress(c.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: &from, ToPort: &to,
		IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}, {CidrIp: aws.String("10.1.0.0/16")}},
	}}})
	require.NoError(c.t, err)
	require.Len(c.t, c.records, 1)
	return c.records[0]
}

func (c *cloud) judge(record []byte, times int) warden.Decision {
	c.t.Helper()
	ds := c.guard.Judge(c.t.Context(), []warden.Delivery{{ID: "m", Body: record, ReceiveCount: times}})
	require.Len(c.t, ds, 1)
	return ds[0]
}

func (c *cloud) ingress(group string) []string {
	g, ok := c.account.Group(group)
	require.True(c.t, ok)
	out := []string{}
	for _, r := range g.Rules {
		if r.Direction == secgroup.Ingress {
			out = append(out, r.String())
		}
	}
	return out
}

// isOpen reports whether the hole of open is there.
func (c *cloud) isOpen(group string) bool {
	return slices.ContainsFunc(c.ingress(group), func(r string) bool { return r == "ingress tcp/20-25 from 0.0.0.0/0" })
}

func TestTheRealAdapters(t *testing.T) {
	for remedy, want := range map[string][]string{
		"revert":                         {"ingress tcp/20-25 from 10.1.0.0/16"},
		"{do: narrow, parts: 2}":         {"ingress tcp/20-25 from 10.1.0.0/16", "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"},
		"{do: narrow, to: [10.0.0.0/8]}": {"ingress tcp/20-25 from 10.1.0.0/16"},
	} {
		t.Run(remedy, func(t *testing.T) {
			c := newCloud(t, remedy)
			group := c.group()
			record := c.open(group, 20, 25)
			c.Forget()
			d := c.judge(record, 1)
			require.True(t, d.Outcome.Changed(), "%s %s", d.Outcome, d.Reason)
			require.False(t, d.Retry)
			require.ElementsMatch(t, want, c.ingress(group))
			require.Len(t, c.sent, 1)
			require.Equal(t, incident.AlreadyCompliant, c.judge(record, 2).Outcome)
			require.Len(t, c.sent, 1)
			if remedy == "revert" {
				require.Equal(t, 2, c.Count("DescribeSecurityGroups"))
				require.Equal(t, 1, c.Count("RevokeSecurityGroupIngress"))
				require.Equal(t, 1, c.Mutations())
			}
		})
	}
}

// TestSingleFaultMatrix disturbs each call of the guard once, in every way.
// Whatever happens: success is claimed only where the hole is closed, nobody
// but the bad rule is touched, and after redelivery the hole is closed, said
// and filed.
func TestSingleFaultMatrix(t *testing.T) {
	faults := map[string]localec2.Disturbance{
		"throttle": localec2.Throttle(), "fail": localec2.Fail(), "lose": localec2.Lose(), "swallow": localec2.Swallow(),
		"lose answer": localec2.LoseAnswer(), "fail after": localec2.FailAfter(), "deny": localec2.Deny(),
		"refuse": localec2.Refusal(400, "SomethingNew", "?"),
	}
	calls := map[string][]string{
		"revert":                 {"DescribeSecurityGroups", "DescribeSecurityGroupRules", "RevokeSecurityGroupIngress"},
		"{do: narrow, parts: 2}": {"AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules", "DescribeSecurityGroupRules"},
		"tag":                    {"CreateTags", "DescribeSecurityGroupRules"},
	}
	cases := 0
	for fault, disturbance := range faults {
		for remedy, actions := range calls {
			for _, action := range actions {
				for _, lasting := range []bool{false, true} {
					cases++
					t.Run(fmt.Sprintf("%s %s %s lasting=%t", fault, remedy, action, lasting), func(t *testing.T) {
						c := newCloud(t, remedy)
						group := c.group()
						record := c.open(group, 20, 25)
						done := false
						c.Disturb(func(call localec2.Call) localec2.Disturbance {
							if call.Action != action || done {
								return localec2.Disturbance{}
							}
							done = !lasting
							return disturbance
						})
						d := c.judge(record, 1)
						if d.Outcome == incident.Reverted || d.Outcome == incident.Narrowed {
							require.False(t, c.isOpen(group), "claimed though it is open")
						}
						require.Contains(t, c.ingress(group), "ingress tcp/20-25 from 10.1.0.0/16")
						if !d.Outcome.Changed() {
							require.True(t, d.Retry, "%s %s", d.Outcome, d.Reason)
						}
						c.Disturb(nil)
						c.now = c.now.Add(2 * time.Minute)
						for n := 2; d.Retry && n < 5; n++ {
							d = c.judge(record, n)
						}
						require.False(t, d.Retry, "%s %s", d.Outcome, d.Reason)
						require.Equal(t, remedy == "tag", c.isOpen(group))
						require.Contains(t, c.ingress(group), "ingress tcp/20-25 from 10.1.0.0/16")
						require.True(t, slices.ContainsFunc(c.sent, func(i incident.Incident) bool { return i.EventType == incident.Acted }), "the alert is lost")
						mem, err := c.store.Observe(t.Context(), group)
						require.NoError(t, err)
						require.Empty(t, mem.Open)
					})
				}
			}
		}
	}
	require.Equal(t, len(faults)*8*2, cases)
}

// TestRacesWithTheRealAdapters changes the group between the guard's calls.
func TestRacesWithTheRealAdapters(t *testing.T) {
	revoke := func(c *cloud, group string) {
		g, _ := c.account.Group(group)
		for _, r := range g.Rules {
			if r.String() == "ingress tcp/20-25 from 0.0.0.0/0" {
				_, err := c.user.RevokeSecurityGroupIngress(context.Background(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &group, SecurityGroupRuleIds: []string{r.ID}})
				require.NoError(c.t, err)
			}
		}
	}
	for name, race := range map[string]func(c *cloud, group string){
		"somebody revokes it": revoke,
		"somebody deletes the group": func(c *cloud, group string) {
			_, err := c.user.DeleteSecurityGroup(context.Background(), &ec2.DeleteSecurityGroupInput{GroupId: &group})
			require.NoError(c.t, err)
		},
	} {
		for _, remedy := range []string{"revert", "{do: narrow, parts: 2}"} {
			t.Run(name+" "+remedy, func(t *testing.T) {
				c := newCloud(t, remedy)
				group := c.group()
				record := c.open(group, 20, 25)
				raced := false
				c.Disturb(func(call localec2.Call) localec2.Disturbance {
					if call.Changes && call.AccessKeyID != "AKIDUSER" && !raced {
						raced = true
						race(c, group)
					}
					return localec2.Disturbance{}
				})
				d := c.judge(record, 1)
				require.True(t, raced)
				require.Contains(t, []incident.Outcome{incident.AlreadyCompliant, incident.Gone, incident.Reverted}, d.Outcome, d.Reason)
				require.False(t, d.Retry)
			})
		}
	}
}
