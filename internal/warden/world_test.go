package warden

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
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
		Limits: plan.Limits{MayModify: true, MayAuthorize: true}, HolderID: "test", Closed: w.find,
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
		acts[p.ID+"@"+p.Digest] = policy.Act{Done: true, Start: noon.Add(-48 * time.Hour), At: noon.Add(-47 * time.Hour)}
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

// --- records ---

// call is one API call that is about to be recorded.
type call struct {
	name, group, groupName string
	actor                  string // ARN
	account, region        string
	errorCode              string
	requestID, eventID     string
	at                     time.Time
	bare                   bool // no ids in the response, as before 2021
	incomplete             bool
	rules                  []secgroup.Rule
}

// authorize adds rules to a group in EC2 and gives the record of it.
func (w *world) authorize(group string, texts ...string) []byte {
	w.t.Helper()
	return w.authorizeBy("arn:aws:iam::123456789012:user/ann", group, texts...)
}

func (w *world) authorizeBy(actor, group string, texts ...string) []byte {
	w.t.Helper()
	var rules []secgroup.Rule
	for _, text := range texts {
		rules = append(rules, w.ec2.add(group, parse(w.t, text)))
	}
	return w.record(call{name: "AuthorizeSecurityGroup" + direction(rules[0]), group: group, actor: actor, rules: rules})
}

// modify changes a rule in EC2 and gives the record of it.
func (w *world) modify(group, id, text string) []byte {
	w.t.Helper()
	r := parse(w.t, text)
	r.ID = id
	w.ec2.put(group, r)
	return w.record(call{name: "ModifySecurityGroupRules", group: group, rules: []secgroup.Rule{r}})
}

// revoke removes a rule in EC2 and gives the record of it.
func (w *world) revoke(group, id string) []byte {
	w.t.Helper()
	r := w.ec2.remove(group, id)
	return w.record(call{name: "RevokeSecurityGroup" + direction(r), group: group, rules: []secgroup.Rule{r}})
}

func direction(r secgroup.Rule) string {
	if r.Direction == secgroup.Egress {
		return "Egress"
	}
	return "Ingress"
}

func parse(t testing.TB, text string) secgroup.Rule {
	t.Helper()
	r, err := secgroup.ParseRule(text)
	require.NoError(t, err)
	return r
}

// record writes the CloudTrail record of a call in an EventBridge envelope.
func (w *world) record(c call) []byte {
	w.mu.Lock()
	w.events++
	n := w.events
	now := w.now
	w.mu.Unlock()
	c.actor = orOther(c.actor, "arn:aws:iam::123456789012:user/ann")
	c.eventID = orOther(c.eventID, fmt.Sprintf("event-%04d", n))
	c.requestID = orOther(c.requestID, fmt.Sprintf("request-%04d", n))
	c.account, c.region = orOther(c.account, account), orOther(c.region, region)
	if c.at.IsZero() {
		c.at = now
	}
	detail := map[string]any{
		"eventVersion": "1.09", "eventSource": "ec2.amazonaws.com", "eventName": c.name, "eventID": c.eventID,
		"eventTime": c.at.Format(time.RFC3339), "awsRegion": c.region, "recipientAccountId": c.account, "requestID": c.requestID,
		"sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2.0", "userIdentity": identity(c.actor),
	}
	if c.errorCode != "" {
		detail["errorCode"] = c.errorCode
	}
	request, response := parameters(c)
	detail["requestParameters"], detail["responseElements"] = request, response
	if c.errorCode != "" {
		detail["responseElements"] = nil
	}
	body, err := json.Marshal(map[string]any{
		"version": "0", "id": c.eventID + "-envelope", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2",
		"account": c.account, "time": c.at.Format(time.RFC3339), "region": c.region, "resources": []any{}, "detail": detail,
	})
	require.NoError(w.t, err)
	return body
}

func identity(arn string) map[string]any {
	if strings.Contains(arn, ":role/") {
		return map[string]any{
			"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/x/session", "accountId": account,
			"sessionContext": map[string]any{"sessionIssuer": map[string]any{"type": "Role", "arn": arn, "accountId": account}},
		}
	}
	return map[string]any{"type": "IAMUser", "arn": arn, "accountId": account, "userName": arn[strings.LastIndex(arn, "/")+1:]}
}

// parameters writes request and response in the dialect of the call.
func parameters(c call) (request, response map[string]any) {
	request = map[string]any{}
	if c.groupName != "" {
		request["groupName"] = c.groupName
	} else {
		request["groupId"] = c.group
	}
	response = map[string]any{"_return": true, "requestId": c.requestID}
	switch {
	case strings.HasPrefix(c.name, "Authorize"), strings.HasPrefix(c.name, "Revoke"):
		var permissions, set []any
		for _, r := range c.rules {
			permissions = append(permissions, permission(r))
			set = append(set, ruleItem(c.group, r))
		}
		request["ipPermissions"] = map[string]any{"items": permissions}
		if strings.HasPrefix(c.name, "Authorize") && !c.bare {
			response["securityGroupRuleSet"] = map[string]any{"items": set}
		}
		if c.incomplete {
			request["ipPermissions"], response["securityGroupRuleSet"] = map[string]any{"omitted": true}, nil
		}
	case c.name == "ModifySecurityGroupRules":
		r := c.rules[0]
		value := map[string]any{"IpProtocol": r.Protocol.API(), "FromPort": r.Ports.From, "ToPort": r.Ports.To}
		peerKey(value, r.Peer, "CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")
		request = map[string]any{"ModifySecurityGroupRulesRequest": map[string]any{
			"GroupId": c.group, "SecurityGroupRule": map[string]any{"SecurityGroupRuleId": r.ID, "SecurityGroupRule": value, "tag": 1},
		}}
		response = map[string]any{"ModifySecurityGroupRulesResponse": map[string]any{"requestId": c.requestID, "return": true}}
	case c.name == "CreateSecurityGroup":
		request = map[string]any{"groupName": c.groupName, "groupDescription": "x", "vpcId": vpcA}
		response["groupId"] = c.group
	}
	return request, response
}

func peerKey(m map[string]any, p secgroup.Peer, v4, v6, list, group string) {
	switch p := p.(type) {
	case secgroup.CIDR:
		if p.Addr().Is4() {
			m[v4] = p.Key()
		} else {
			m[v6] = p.Key()
		}
	case secgroup.PrefixList:
		m[list] = p.ID
	case secgroup.GroupReference:
		m[group] = p.GroupID
	}
}

func permission(r secgroup.Rule) map[string]any {
	m := map[string]any{"ipProtocol": r.Protocol.API(), "groups": map[string]any{}, "ipRanges": map[string]any{}, "ipv6Ranges": map[string]any{}, "prefixListIds": map[string]any{}}
	if r.Protocol != secgroup.AllProtocols {
		m["fromPort"], m["toPort"] = r.Ports.From, r.Ports.To
	}
	item := map[string]any{}
	peerKey(item, r.Peer, "cidrIp", "cidrIpv6", "prefixListId", "groupId")
	for key, list := range map[string]string{"cidrIp": "ipRanges", "cidrIpv6": "ipv6Ranges", "prefixListId": "prefixListIds", "groupId": "groups"} {
		if _, ok := item[key]; ok {
			m[list] = map[string]any{"items": []any{item}}
		}
	}
	return m
}

func ruleItem(group string, r secgroup.Rule) map[string]any {
	m := map[string]any{
		"groupOwnerId": account, "groupId": group, "securityGroupRuleId": r.ID, "isEgress": r.Direction == secgroup.Egress,
		"ipProtocol": r.Protocol.API(), "fromPort": r.Ports.From, "toPort": r.Ports.To,
	}
	if g, ok := r.Peer.(secgroup.GroupReference); ok {
		m["referencedGroupId"] = g.GroupID
		return m
	}
	peerKey(m, r.Peer, "cidrIpv4", "cidrIpv6", "prefixListId", "")
	return m
}

func judgeGroup(group, cause, incidentID string) []byte {
	return fmt.Appendf(nil, `{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":%q,"cause":%q,"incidentId":%q}}`, group, cause, incidentID)
}

// --- doubles ---

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// ledgerDouble counts the calls to a ledger and can refuse them.
type ledgerDouble struct {
	Ledger
	mu    sync.Mutex
	calls []string
	// on is asked before each call; an error is the call's answer.
	on func(name string) error
	// after is called when a call was carried out.
	after func(name string)
}

func (l *ledgerDouble) begin(name string) error {
	l.mu.Lock()
	l.calls = append(l.calls, name)
	l.mu.Unlock()
	if l.on != nil {
		return l.on(name)
	}
	return nil
}

func (l *ledgerDouble) end(name string) {
	if l.after != nil {
		l.after(name)
	}
}

func (l *ledgerDouble) Note(ctx context.Context, n incident.Note) (policy.Known, error) {
	if err := l.begin("Note"); err != nil {
		return policy.Known{}, err
	}
	defer l.end("Note")
	return l.Ledger.Note(ctx, n)
}

func (l *ledgerDouble) Observe(ctx context.Context, id string) (incident.Memory, error) {
	if err := l.begin("Observe"); err != nil {
		return incident.Memory{}, err
	}
	defer l.end("Observe")
	return l.Ledger.Observe(ctx, id)
}

func (l *ledgerDouble) Open(ctx context.Context, o incident.Opening) (int64, error) {
	if err := l.begin("Open"); err != nil {
		return 0, err
	}
	defer l.end("Open")
	return l.Ledger.Open(ctx, o)
}

func (l *ledgerDouble) Close(ctx context.Context, c incident.Closing) error {
	if err := l.begin("Close"); err != nil {
		return err
	}
	defer l.end("Close")
	return l.Ledger.Close(ctx, c)
}

type publisherDouble struct {
	mu   sync.Mutex
	sent []incident.Incident
	on   func(incident.Incident) error
}

func (p *publisherDouble) Publish(_ context.Context, i incident.Incident) error {
	if p.on != nil {
		if err := p.on(i); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, i)
	return nil
}

func (p *publisherDouble) messages() []incident.Incident {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

type askedAgain struct {
	group, cause, incident string
	delay                  time.Duration
}

type queueDouble struct {
	mu    sync.Mutex
	asked []askedAgain
	err   error
}

func (q *queueDouble) JudgeAgain(_ context.Context, group, cause, incidentID string, delay time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	q.asked = append(q.asked, askedAgain{group, cause, incidentID, delay})
	return nil
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}
