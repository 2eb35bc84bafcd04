package faultmatrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	account = localec2.DefaultAccount
	region  = localec2.DefaultRegion
	role    = "arn:aws:iam::" + account + ":role/guard"

	guardKey = "AKIDGUARD"
	userKey  = "AKIDUSER"
	adminKey = "AKIDADMIN"

	// timeout of the function and visibility of its queue, as in the stack.
	timeout    = time.Minute
	visibility = 6 * time.Minute
	// onTheWay is how long a record takes.
	onTheWay = 2 * time.Second
)

// world is one account with guard in it.
type world struct {
	t     testing.TB
	sc    *scenario
	cloud *localaws.AWS
	at    *localec2.Account
	user  *ec2.Client
	table *ledger.Table // looks at the table aside

	guard    lambdaGuard
	program  *program // guard is a program; nil = a handler in this process
	hitEnded string   // how the delivery ended that the first fault fell into
	refused  bool     // the program's endpoint went away

	deliveries int    // batches that guard got
	digest     string // that guard must have; "" = any

	mu       sync.Mutex
	groups   map[string]string // id by name
	lastBody string            // of the last record
	lost     string            // the last record that was not queued
	before   *localec2.Snapshot
	records  bool // records of calls are queued
	checker  *checker
	faults   *faults
}

// lambdaGuard is guard as the platform runs it: in process, or as a program.
type lambdaGuard interface {
	// invoke gives the answer; false where the function ended without one.
	invoke(payload []byte) (answer []byte, ok bool)
	// kill ends it: nothing that it still tries has an effect.
	kill()
}

func newWorld(t testing.TB, sc *scenario) *world {
	w := &world{t: t, sc: sc, groups: map[string]string{}, records: true}
	w.cloud = localaws.New(localaws.Options{IDs: localec2.CountedIDs(sc.name), Visibility: visibility})
	w.at = w.cloud.EC2().Account(account, region)
	w.cloud.EC2().Register(guardKey, localec2.Caller{AccountID: account, Identity: cloudtrail.Session(account, "/", "guard", "guard", guardKey)})
	w.cloud.EC2().Register(userKey, localec2.Caller{AccountID: account, Identity: cloudtrail.User(account, "ann", userKey)})
	w.cloud.EC2().Register(adminKey, localec2.Caller{AccountID: account, Identity: cloudtrail.Session(account, "/", "network-admin", "kim", adminKey)})
	w.cloud.EC2().OnRecord(func(record []byte) {
		if w.records {
			w.send(envelope(record))
			return
		}
		w.lost = envelope(record)
	})
	w.user = ec2.NewFromConfig(w.config(userKey, w.cloud.EC2().Transport()))
	w.table = ledger.NewTable(dynamodb.NewFromConfig(w.config(userKey, w.cloud.Aside())), w.cloud.Table())
	if !sc.unacted {
		acts := map[string]policy.Act{}
		for _, p := range sc.set(t).Policies {
			acts[p.ID+"@"+p.Digest()] = policy.Act{Done: true}
		}
		w.must(w.table.Operator().PutActs(context.Background(), acts))
	}
	w.cloud.EnableSecurityHub()
	w.checker = &checker{w: w, sent: map[string]int{}}
	w.faults = &faults{w: w, unclosed: map[string]bool{}}
	w.cloud.Disturb(w.faults.intercept)
	return w
}

func (w *world) config(key string, transport http.RoundTripper) aws.Config {
	return aws.Config{
		Region: region, HTTPClient: &http.Client{Transport: transport}, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret"}, nil
		}),
	}
}

// as is the client of another user.
func (w *world) as(key string) *ec2.Client {
	return ec2.NewFromConfig(w.config(key, w.cloud.EC2().Transport()))
}

// send puts an event on its way to guard.
func (w *world) send(body string) {
	w.mu.Lock()
	w.lastBody = body
	w.mu.Unlock()
	w.cloud.Queue().Send(body, onTheWay)
}

// envelope is what EventBridge makes of a record.
func envelope(record []byte) string {
	return fmt.Sprintf(`{"version":"0","id":"e","detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","account":"%s","time":"%s","region":"%s","resources":[],"detail":%s}`,
		account, time.Now().UTC().Format(time.RFC3339), region, record)
}

// environment is that of a function, as a process has it.
func (w *world) environment() (env []string) {
	for name, value := range w.environ() { // FromEnviron sorts
		env = append(env, name+"="+value)
	}
	return env
}

// environ is guard's environment.
func (w *world) environ() map[string]string {
	env := map[string]string{
		"SGWARDEN_MODE": w.sc.mode(), "SGWARDEN_TABLE": w.cloud.Table(), "SGWARDEN_TOPIC_ARN": w.cloud.TopicARN(), "SGWARDEN_QUEUE_URL": w.cloud.QueueURL(),
		"SGWARDEN_POLICIES": w.sc.folder(w.t), "SGWARDEN_ROLE_ARN": role,
		"AWS_REGION": region, "AWS_ACCESS_KEY_ID": guardKey, "AWS_SECRET_ACCESS_KEY": "secret",
	}
	if w.digest != "" {
		env["SGWARDEN_POLICIES_DIGEST"] = w.digest
	}
	if w.sc.sinks {
		env["SGWARDEN_CHAT_TOPIC_ARN"], env["SGWARDEN_SECURITY_HUB"] = w.cloud.ChatTopicARN(), "yes"
		env["SGWARDEN_EVENT_BUS_ARN"], env["SGWARDEN_HUB_BUS_ARN"] = w.cloud.BusARN(), w.cloud.HubBusARN()
	}
	if w.sc.canary != "" {
		env["SGWARDEN_CANARY_GROUP"] = w.groups[w.sc.canary]
	}
	return env
}

// inProcess is guard's handler in this process.
type inProcess struct {
	handler *guard.Handler

	mu   sync.Mutex
	dead bool
}

var errDead = errors.New("the process is dead")

// start makes a new process, in the place of a dead one.
func (w *world) start() {
	if w.program != nil {
		w.guard = w.program.start(w)
		return
	}
	p := &inProcess{}
	settings, err := guard.FromEnviron(w.environment())
	if err != nil {
		w.t.Fatal(err)
	}
	settings.AWS.Transport = lifeline{p, w.cloud.Transport()}
	p.handler = guard.New(settings, slog.New(slog.DiscardHandler), io.Discard)
	w.guard = p
}

// lifeline carries the calls of a process while it lives.
type lifeline struct {
	process *inProcess
	next    http.RoundTripper
}

func (l lifeline) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.process.isDead() {
		return nil, errDead
	}
	return l.next.RoundTrip(r)
}

func (p *inProcess) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
}

func (p *inProcess) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// invoke runs the handler under the function's deadline, at which the platform
// would kill it. A panic ends the process, as the runtime client has it.
func (p *inProcess) invoke(payload []byte) (answer []byte, ok bool) {
	defer func() {
		if recover() != nil {
			p.kill()
			answer, ok = nil, false
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{InvokedFunctionArn: "arn:aws:lambda:" + region + ":" + account + ":function:guard"})
	end := time.AfterFunc(timeout, p.kill)
	defer end.Stop()
	answer, err := p.handler.Invoke(ctx, payload)
	return answer, err == nil && !p.isDead()
}

// sqsEvent is what Lambda's poller makes of messages.
func sqsEvent(batch []localaws.Queued) []byte {
	type record struct {
		MessageID     string            `json:"messageId"`
		ReceiptHandle string            `json:"receiptHandle"`
		Body          string            `json:"body"`
		Attributes    map[string]string `json:"attributes"`
	}
	event := struct{ Records []record }{}
	for _, m := range batch {
		event.Records = append(event.Records, record{m.ID, m.Receipt, m.Body, map[string]string{"ApproximateReceiveCount": fmt.Sprint(m.Receives)}})
	}
	b, err := json.Marshal(event)
	if err != nil {
		panic(err) // texts only
	}
	return b
}

// deliver gives guard one batch of what is visible, as Lambda's poller does.
func (w *world) deliver() {
	batch := w.cloud.Queue().Receive(10)
	if len(batch) == 0 {
		return
	}
	if w.guard == nil {
		w.start()
	}
	w.deliveries++
	hits := w.faults.hits
	answer, ok := w.guard.invoke(sqsEvent(batch))
	if !ok && w.program != nil {
		w.must(w.program.reopen()) // what the dead process sent is over
	}
	if w.faults.endOfDelivery() {
		w.refused = true
		w.must(w.program.reopen())
	}
	hit := w.faults.hits > hits && w.hitEnded == ""
	if hit {
		w.hitEnded = "done"
	}
	var failures struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if ok {
		if err := json.Unmarshal(answer, &failures); err != nil {
			w.checker.failf("the answer is no batch answer: %s", answer)
		}
	} else {
		w.guard = nil
	}
	for _, m := range batch {
		again := !ok
		for _, f := range failures.BatchItemFailures {
			again = again || f.ItemIdentifier == m.ID
		}
		if !again {
			w.cloud.Queue().Delete(m.Receipt)
		} else if hit {
			w.hitEnded = "again"
		}
	}
	w.checker.afterDelivery()
}

// mostDeliveries until a scenario must have come to its end.
const mostDeliveries = 40

// drain delivers until the queue is empty.
func (w *world) drain() {
	for range mostDeliveries {
		next, ok := w.cloud.Queue().Next()
		if !ok {
			return
		}
		w.wait(next)
		w.deliver()
	}
	var left []string
	for _, m := range w.cloud.Queued() {
		left = append(left, shorten(m.Body))
	}
	w.checker.failf("%d deliveries did not end it; left: %s", mostDeliveries, strings.Join(left, " | "))
}

// wait waits until a message can be received, as far as time is free.
func (w *world) wait(next time.Time) {
	if w.program == nil {
		time.Sleep(time.Until(next))
		return
	}
	w.passVisibility()
}

// run plays the scenario.
func (w *world) run() {
	if w.program == nil {
		time.Sleep(time.Until(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)))
	}
	if w.sc.start != nil {
		w.sc.start(w)
		if !w.sc.waiting {
			w.drain()
		}
	}
	w.before = w.cloud.EC2().Snapshot()
	w.sc.change(w)
	w.cloud.Forget()
	w.checker.begin()
	w.faults.armed = true
	if w.sc.badBundle {
		w.digest = strings.Repeat("0", 64)
		w.start()
		time.Sleep(onTheWay)
		w.deliver()
		w.digest = ""
		w.guard = nil
	}
	w.drain()
	if w.sweepNeeded() {
		w.sweep()
		w.drain()
	}
	w.checker.end()
}

// group gives a group by the name that the scenario has for it.
func (w *world) group(name string) secgroup.Group {
	g, _ := w.at.Group(w.groups[name])
	return g
}

// texts are the rules of a group, sorted; nil = there is no group.
func (w *world) texts(name string) []string {
	g, ok := w.at.Group(w.groups[name])
	if !ok {
		return nil
	}
	texts := []string{}
	for _, r := range g.Rules {
		texts = append(texts, r.String())
	}
	slices.Sort(texts)
	return texts
}

// nameOf is the scenario's name of a group.
func (w *world) nameOf(id string) string {
	for name, known := range w.groups {
		if known == id {
			return name
		}
	}
	return id
}

var groupID = regexp.MustCompile(`sg-[0-9a-f]{17}`)

// groupsIn are the ids that a text names.
func groupsIn(text string) []string {
	ids := groupID.FindAllString(text, -1)
	slices.Sort(ids)
	return slices.Compact(ids)
}

func shorten(text string) string {
	if len(text) > 300 {
		return text[:300] + "..."
	}
	return text
}
