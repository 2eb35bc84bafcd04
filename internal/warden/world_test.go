package warden

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
)

const (
	account = "123456789012"
	region  = "us-east-1"
	groupA  = "sg-0aaaaaaaaaaaaaaaa"
	groupB  = "sg-0bbbbbbbbbbbbbbbb"
	vpcA    = "vpc-0aaaaaaaaaaaaaaaa"
	role    = "arn:aws:iam::123456789012:role/sgwarden/guard"

	ssh   = "ingress tcp/22 from 0.0.0.0/0"
	https = "ingress tcp/443 from 0.0.0.0/0"
)

// noon is when every test begins.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// world is one account with everything around a warden, in memory.
type world struct {
	t   testing.TB
	ec2 *ec2Double
	// store is the ledger itself; ledger counts and fails on the way to it.
	store     *ledger.InMemory
	ledger    *ledgerDouble
	publisher *publisherDouble
	queue     *queueDouble
	set       *policy.Set
	log       *bytes.Buffer

	mu     sync.Mutex
	now    time.Time
	events int
	slept  []time.Duration
	found  int // how often closed incidents were looked for

	*Warden
	cfg Config
}

type option func(*Config)

// newWorld makes an account in enforce mode whose baseline acts are done.
func newWorld(t testing.TB, policies string, options ...option) *world {
	t.Helper()
	w := &world{t: t, now: noon, store: ledger.NewInMemory(), log: &bytes.Buffer{}}
	w.ec2 = newEC2Double(w)
	w.ledger = &ledgerDouble{Ledger: w.store}
	w.publisher, w.queue = &publisherDouble{}, &queueDouble{}
	w.cfg = Config{
		Inventory: w.ec2, Applier: w.ec2, Ledger: w.ledger, Publisher: w.publisher, Queue: w.queue,
		Clock: w.clock, Sleep: w.sleep, Logger: slog.New(slog.NewJSONHandler(&lockedWriter{w: w.log}, nil)),
		Account: account, Region: region, RoleARN: role, Mode: policy.Enforce,
		Limits: plan.Limits{MayModify: true, MayAuthorize: true, MayEditLists: true}, HolderID: "test", Closed: w.find,
	}
	for _, o := range options {
		o(&w.cfg)
	}
	w.set = compile(t, policies, w.cfg.Mode)
	w.restart()
	w.actsDone()
	return w
}

func observing(c *Config) { c.Mode = policy.Observe }

// restart makes a new process: it knows nothing of what the last one did.
func (w *world) restart() {
	w.cfg.Set = w.set
	w.cfg.HolderID += "'"
	var err error
	w.Warden, err = New(w.cfg)
	require.NoError(w.t, err)
}

func (w *world) actsDone() {
	acts := map[string]policy.Act{}
	for _, p := range w.set.Policies {
		acts[p.ID+"@"+p.Digest()] = policy.Act{Done: true, Start: noon.Add(-48 * time.Hour), At: noon.Add(-47 * time.Hour)}
	}
	require.NoError(w.t, w.store.Operator().PutActs(context.Background(), acts))
}

// noActs forgets that the baseline acts were done.
func (w *world) noActs() { w.store = ledger.NewInMemory(); w.ledger.Ledger = w.store }

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) sleep(ctx context.Context, d time.Duration) error {
	w.wait(d)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slept = append(w.slept, d)
	w.ec2.reveal(w.now)
	return ctx.Err()
}

func compile(t testing.TB, text string, mode policy.Mode) *policy.Set {
	t.Helper()
	parsed, err := policy.Parse([]policy.Source{{File: "test.yaml", Text: []byte(text)}}, nil)
	require.NoError(t, err)
	set, err := policy.Compile(parsed.Documents, parsed.Deployment.Settings(mode))
	require.NoError(t, err)
	return set
}

// policyText writes a policy on tcp/22 from the internet; more is put below it.
func policyText(id, remedy, more string) string {
	return fmt.Sprintf(`---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: %s, title: Closed to the internet, severity: high, why: It is attacked., fix: Close it.}
forbid:
  - {direction: ingress, ports: [22], peers: [internet]}
tolerate: {ipv4: /16, ipv6: /32}
remedy: %s
%s
`, id, remedy, more)
}

var revertSSH = policyText("ssh", "revert", "")

// delivery of a record, as the queue hands it over.
func deliver(body []byte, times int) Delivery {
	return Delivery{ID: fmt.Sprintf("m-%x", len(body)) + fmt.Sprint(times), Body: body, ReceiveCount: times}
}

// judge1 delivers one record and gives its one decision.
func (w *world) judge1(body []byte) Decision { return w.judgeTimes(body, 1) }

func (w *world) judgeTimes(body []byte, times int) Decision {
	w.t.Helper()
	ds := w.Judge(context.Background(), []Delivery{deliver(body, times)})
	require.Len(w.t, ds, 1)
	return ds[0]
}

// rules are the live rules of a group as text, with "#" and their ids.
func (w *world) rules(group string) []string {
	var out []string
	for _, r := range w.ec2.group(group) {
		out = append(out, r.String()+"#"+r.ID)
	}
	return out
}

// texts are the same without ids.
func (w *world) texts(group string) []string {
	out := []string{}
	for _, r := range w.ec2.group(group) {
		out = append(out, r.String())
	}
	return out
}

// memory is what the ledger has of a group.
func (w *world) memory(group string) incident.Memory {
	w.t.Helper()
	mem, err := w.store.Observe(context.Background(), group)
	require.NoError(w.t, err)
	return mem
}

// closed are the closed incidents of a group, oldest first.
func (w *world) closed(group string) []incident.Incident {
	w.t.Helper()
	entries, err := w.store.History(context.Background(), group)
	require.NoError(w.t, err)
	require.NoError(w.t, ledger.VerifyChain(entries, w.memory(group).ChainHead))
	var out []incident.Incident
	for _, e := range entries {
		out = append(out, e.Incident)
	}
	return out
}

// find gives the last word on a closed incident.
func (w *world) find(_ context.Context, group, id string) (found incident.Incident, ok bool, err error) {
	w.found++
	for _, i := range w.closed(group) {
		if i.ID == id {
			found, ok = i, true
		}
	}
	return found, ok, nil
}

// reset forgets what was counted, not what was done.
func (w *world) reset() {
	w.ec2.calls, w.ledger.calls, w.publisher.sent, w.queue.asked = nil, nil, nil, nil
}

// sent are the messages as "eventType outcome".
func (w *world) sent() []string {
	var out []string
	for _, i := range w.publisher.messages() {
		out = append(out, string(i.EventType)+" "+i.Outcome.String())
	}
	return out
}
