package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

const ownARN = "arn:aws:lambda:us-east-1:123456789012:function:guard"

// whole is the function as it is built, with its own EC2 client, on the strict
// EC2; only table, topic and queue are in memory.
type whole struct {
	*Handler
	t     *testing.T
	cloud *localec2.Cloud
	topic *fakeTopic
	queue *fakeQueue
	logs  *bytes.Buffer
	group string
}

// asksAgain takes what is put behind a delay.
type asksAgain struct{ *fakeQueue }

func (asksAgain) JudgeAgain(context.Context, string, string, string, time.Duration) error { return nil }

func newWhole(t *testing.T) *whole {
	t.Helper()
	g := &whole{t: t, topic: &fakeTopic{}, queue: &fakeQueue{}, logs: &bytes.Buffer{}, group: "sg-0123456789abcdef0"}
	g.cloud = localec2.New(localec2.Options{IDs: localec2.CountedIDs(t.Name())})
	_, err := g.cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion).EnsureGroup(secgroup.Group{ID: g.group, Name: "web", Rules: []secgroup.Rule{}})
	require.NoError(t, err)
	set, b, err := bundle.Load("", bundle.Options{Default: policy.Enforce})
	require.NoError(t, err)
	memory := ledger.NewInMemory()
	acts := map[string]policy.Act{}
	for _, p := range set.Policies {
		acts[p.ID+"@"+p.Digest()] = policy.Act{Done: true}
	}
	require.NoError(t, memory.Operator().PutActs(t.Context(), acts))
	client := Environment{Region: localec2.DefaultRegion, AccessKeyID: "AKIA", SecretKey: "secret", Transport: g.cloud.Transport()}.clients().ec2
	logger := NewLogger(g.logs, "INFO")
	g.Handler = &Handler{logger: logger, meter: meter{out: io.Discard, clock: time.Now, logger: logger}, make: func(own identity) (*tools, error) {
		w, err := warden.New(warden.Config{
			Set: set, Inventory: inventory.New(client), Applier: newApplier(Needs(set), client), Ledger: memory, Publisher: g.topic, Queue: asksAgain{g.queue},
			Clock: time.Now, Sleep: sleep, Logger: logger, Account: own.accountID, Region: own.region, Mode: set.Mode,
			Limits: plan.Limits{MayModify: true}, LedgerDown: b.Deployment.LedgerDown, Lease: own.timeout, HolderID: newHolder(),
		})
		return &tools{judge: w, queue: g.queue}, err
	}}
	return g
}

// open authorizes tcp/22 from everywhere and gives the record of it, as the
// body of a batch of one message.
func (g *whole) open() []byte {
	g.t.Helper()
	var record []byte
	g.cloud.OnRecord(func(r []byte) { record = slices.Clone(r) })
	client := ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, HTTPClient: &http.Client{Transport: g.cloud.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDUSER", SecretAccessKey: "secret"}, nil
		}),
	})
	_, err := client.AuthorizeSecurityGroupIngress(g.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &g.group, IpPermissions: []types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}},
	}}})
	require.NoError(g.t, err)
	require.NotEmpty(g.t, record)
	g.cloud.OnRecord(nil)
	g.cloud.Forget()
	event, err := json.Marshal(map[string]any{
		"source": "aws.ec2", "detail-type": "AWS API Call via CloudTrail", "account": localec2.DefaultAccount, "region": localec2.DefaultRegion, "detail": json.RawMessage(record),
	})
	require.NoError(g.t, err)
	return batch(string(event))
}

func (g *whole) rules() []secgroup.Rule {
	group, ok := g.cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion).Group(g.group)
	require.True(g.t, ok)
	return group.Rules
}

const (
	noFailures  = `{"batchItemFailures":[]}`
	oneFailure  = `{"batchItemFailures":[{"itemIdentifier":"a"}]}`
	hostileName = "HOSTILE_INPUT" // in the environment: this process is the child of TestFault11
)

// hostileBody is a text of which the middle is repeated until it is long.
type hostileBody struct{ before, again, after string }

// hostileBodies are the worst that the body of a message could be.
var hostileBodies = map[string]hostileBody{
	"text":       {`{"source":"aws.ec2","detail-type":"AWS API Call via CloudTrail","detail":{"x":"`, "x", `"}}`},
	"brackets":   {"", "[", ""},
	"arrays":     {"[", "[],", "[]]"},
	"objects":    {`{"detail":`, `{"a":`, "1"},
	"names":      {`{"source":"aws.ec2","detail-type":"AWS API Call via CloudTrail","detail":{"a":1`, `,"a":1`, "}}"},
	"log":        {`{"Records":[`, "1,", "1]}"},
	"groups":     {`{"eventSource":"ec2.amazonaws.com","eventName":"DeleteSecurityGroup","requestParameters":["`, `sg-0123456789abcdef0","`, `"]}`},
	"no UTF-8":   {"", "\xff\xfe", ""},
	"half UTF-8": {"", "\xffa", ""},
	"nothing":    {},
	"null":       {"null", "", ""},
}

// payload is an invocation with that body, of 6 MB: the most that Lambda takes.
func (h hostileBody) payload() []byte {
	const size = 6 << 20
	inText := strings.NewReplacer(`"`, `\"`) // as it is, but for what would end it
	var p bytes.Buffer
	p.Grow(size)
	p.WriteString(`{"Records":[{"messageId":"a","receiptHandle":"ha","attributes":{"ApproximateReceiveCount":"1"},"body":"`)
	p.WriteString(inText.Replace(h.before))
	end := inText.Replace(h.after) + `"}]}`
	for again := inText.Replace(h.again); again != "" && p.Len()+len(again)+len(end) <= size; {
		p.WriteString(again)
	}
	p.WriteString(end)
	return p.Bytes()
}

// TestFault11HostileInputKeepsMemorySmall lets a process of its own swallow
// each of them, and the event after it, and asks for its peak of memory.
func TestFault11HostileInputKeepsMemorySmall(t *testing.T) {
	if name := os.Getenv(hostileName); name != "" {
		swallow(t, hostileBodies[name].payload())
		return
	}
	t.Run("what is read is no longer than what came", func(t *testing.T) {
		payload := hostileBodies["no UTF-8"].payload()
		in, err := readInput(payload)
		require.NoError(t, err)
		require.Len(t, in.messages, 1)
		require.Less(t, len(in.messages[0].Body), len(payload))
	})
	const most = 128 << 10 // KiB
	var shown []string
	for name := range hostileBodies {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFault11HostileInputKeepsMemorySmall$", "-test.v")
			// What nothing refers to any more is collected before it counts: how
			// late Go does that otherwise is not ours, and no two runs agree.
			cmd.Env = append(os.Environ(), hostileName+"="+name, "GOMEMLIMIT=96MiB")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			peak := regexp.MustCompile(`PEAK (\d+) KiB`).FindSubmatch(out)
			require.NotNil(t, peak, string(out))
			used, err := strconv.Atoi(string(peak[1]))
			require.NoError(t, err)
			require.Positive(t, used)
			require.LessOrEqual(t, used, most)
			shown = append(shown, fmt.Sprintf("%s %d MiB", name, used>>10))
		})
	}
	slices.Sort(shown)
	fmt.Printf("SHOW guard: most memory on hostile input: %s\n", strings.Join(shown, ", "))
}

// swallow is what the child does.
func swallow(t *testing.T, payload []byte) {
	g := newWhole(t)
	told := 0
	for range 2 {
		out, err := g.Invoke(invocation(ownARN), payload)
		require.NoError(t, err)
		require.JSONEq(t, noFailures, string(out), "it is told of, and does not come again")
		if told == 0 {
			told = len(g.topic.sent)
		}
	}
	require.Positive(t, told)
	require.Equal(t, told, len(g.topic.sent), "once")
	require.LessOrEqual(t, told, 101, "of a log file, of each record up to a bound")
	for _, i := range g.topic.sent {
		require.Equal(t, incident.Unresolved, i.Outcome)
	}
	out, err := g.Invoke(invocation(ownARN), g.open())
	require.NoError(t, err)
	require.JSONEq(t, noFailures, string(out))
	require.Empty(t, g.rules(), "the next event works")
	fmt.Printf("PEAK %d KiB\n", peakMemory(t))
}

// peakMemory is the most memory that this process ever had, in KiB: resident,
// where the system tells it (proc(5), VmHWM), else what Go took from it.
func peakMemory(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.Sys >> 10)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, found)
	peak, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	return peak
}

// inNoTime runs f where waiting takes no time: what must be done before a
// deadline then does not depend on the machine. The timers of HTTP clients
// outlive their calls for a while.
func inNoTime(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t)
		time.Sleep(2 * callTimeout)
	})
}

func TestFault37ThrottledThreeTimes(t *testing.T) {
	for action, calls := range map[string]int{"DescribeSecurityGroups": 1, "DescribeSecurityGroupRules": 2, "RevokeSecurityGroupIngress": 1} {
		t.Run(action, func(t *testing.T) {
			inNoTime(t, func(t *testing.T) {
				g := newWhole(t)
				body := g.open()
				var mu sync.Mutex
				left := 3
				g.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
					mu.Lock()
					defer mu.Unlock()
					if c.Action != action || left == 0 {
						return localec2.Disturbance{}
					}
					left--
					return localec2.Throttle()
				})
				out, err := g.Invoke(invocation(ownARN), body)
				require.NoError(t, err)
				require.JSONEq(t, noFailures, string(out))
				require.Empty(t, g.rules())
				require.Len(t, g.topic.sent, 1)
				require.Equal(t, incident.Reverted, g.topic.sent[0].Outcome)
				require.Zero(t, left)
				require.Equal(t, calls+3, g.cloud.Count(action))
				require.Equal(t, 4+3, g.cloud.Count(), "no other call is made again for it")
			})
		})
	}
}

func TestFault37WaitsGrowAndVary(t *testing.T) {
	retryer := (Environment{Region: "us-east-1"}).config().Retryer()
	require.Equal(t, attempts, retryer.MaxAttempts())
	waits := func(attempt int) (all []time.Duration) {
		for range 200 {
			d, err := retryer.RetryDelay(attempt, context.DeadlineExceeded)
			require.NoError(t, err)
			require.LessOrEqual(t, d, maxBackoff)
			all = append(all, d)
		}
		slices.Sort(all)
		return all
	}
	first, third := waits(1), waits(3)
	require.Less(t, first[100], third[100], "the median wait grows")
	require.Greater(t, len(slices.Compact(first)), 100, "no two functions go on in step")
}

func TestFault38ThrottledForGood(t *testing.T) {
	for _, action := range []string{"DescribeSecurityGroups", "RevokeSecurityGroupIngress"} {
		t.Run(action, func(t *testing.T) {
			inNoTime(t, func(t *testing.T) {
				g := newWhole(t)
				body := g.open()
				g.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
					if c.Action != action {
						return localec2.Disturbance{}
					}
					return localec2.Throttle()
				})
				ctx, cancel := context.WithTimeout(invocation(ownARN), 4*time.Second)
				defer cancel()
				out, err := g.Invoke(ctx, body)
				require.NoError(t, err)
				require.NoError(t, ctx.Err(), "before the deadline")
				require.JSONEq(t, oneFailure, string(out))
				require.LessOrEqual(t, g.cloud.Count(action), attempts)
				require.Len(t, g.rules(), 1)
				require.Equal(t, map[string]int{"ha": 3}, g.queue.puts, "it comes again, later")
				require.Contains(t, g.logs.String(), "throttled")
				for _, i := range g.topic.sent {
					require.False(t, i.Outcome.Changed(), "nothing is claimed")
				}
			})
		})
	}
}

func TestFault44PoliciesThatCannotBeUsed(t *testing.T) {
	good := folder(t, "")
	unreadable := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(unreadable, "p.yaml"), 0o700))
	damaged := filepath.Join(t.TempDir(), bundle.FileName)
	_, b, err := bundle.Load(good, bundle.Options{})
	require.NoError(t, err)
	require.NoError(t, b.WriteFile(damaged))
	text, err := os.ReadFile(damaged)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(damaged, text[:len(text)-3], 0o600))
	for name, s := range map[string]Settings{
		"missing":               {Policies: filepath.Join(good, "none")},
		"no file in it":         {Policies: unreadable},
		"invalid":               {Policies: folder(t, "remedy: destroy")},
		"of another digest":     {Policies: good, Digest: strings.Repeat("0", 64)},
		"cut off":               {Policies: damaged},
		"an alias bomb":         {Policies: bombs(t)},
		"no policy in the file": {Policies: folder(t, "forbid: []")},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(s)
			require.Error(t, p.fault)
			require.Nil(t, p.set, "no other policies in their place")
			memory, topic := ledger.NewInMemory(), &fakeTopic{}
			for process := range 3 {
				told := &complaint{
					ledger: memory, publisher: topic, clock: func() time.Time { return noon }, holder: strconv.Itoa(process), lease: time.Minute,
					document: newComplaint(p.fault, "123456789012", "us-east-1", noon),
				}
				queue := &fakeQueue{}
				logger := NewLogger(&bytes.Buffer{}, "INFO")
				h := &Handler{logger: logger, meter: meter{out: io.Discard, clock: time.Now, logger: logger}, make: func(identity) (*tools, error) {
					return &tools{queue: queue, fault: p.fault, complain: told.tell}, nil
				}}
				for range 3 {
					out, err := h.Invoke(invocation(ownARN), batch("one", "two", "three"))
					require.NoError(t, err)
					require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}`, string(out), "nothing is acknowledged")
				}
				require.Len(t, queue.puts, 3)
			}
			require.Len(t, topic.sent, 1)
			require.Equal(t, incident.CannotRemediate, topic.sent[0].Outcome)
			require.Equal(t, policy.Critical, topic.sent[0].Severity)
		})
	}
}

// bombs is a policy folder with a kilobyte that would unfold to a billion texts.
func bombs(t *testing.T) string {
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("apiVersion: sgwarden/v1\nkind: Policy\na: &a [x, x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c <= 'j'; c++ {
		fmt.Fprintf(&text, "%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9), ", "))
	}
	require.Less(t, text.Len(), 1024)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bomb.yaml"), []byte(text.String()), 0o600))
	return dir
}
