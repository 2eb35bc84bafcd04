//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

// start runs a function of the stack from its asset with its environment; its
// calls go to an address.
func (f function) start(t *testing.T, address string, timeout time.Duration) *runtimeapi.Process {
	t.Helper()
	config := f.config
	config.Env = map[string]string{"AWS_ENDPOINT_URL": address}
	for name, value := range f.config.Env {
		config.Env[name] = value
	}
	if timeout > 0 {
		config.Timeout = timeout
	}
	p, err := runtimeapi.Start(f.bootstrap, config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	require.NoError(t, p.WaitReady(t.Context()))
	return p
}

// sweepAnswer is the part of sweep's answer that is looked at.
type sweepAnswer struct {
	Complete bool
	Counts   struct {
		Groups   int
		Marked   map[string]int
		Enqueued map[string]int
	}
}

// sweep lets the deployed sweep pass over the account. The two minutes that it
// gives the event of what it found are over at once.
func (l *life) sweep(t *testing.T) (a sweepAnswer) {
	t.Helper()
	p := newProxy(t, l.url)
	p.edit = func(c call) []byte {
		if !is(c, "sqs", "SendMessage") {
			return c.body
		}
		var in object
		require.NoError(t, json.Unmarshal(c.body, &in))
		require.EqualValues(t, 120, in["DelaySeconds"])
		in["DelaySeconds"] = 0
		body, err := json.Marshal(in)
		require.NoError(t, err)
		return body
	}
	sweep := l.functions["Sweep"].start(t, p.server.URL, 0)
	answer, err := sweep.Invoke(t.Context(), []byte(`{"source":"aws.events","detail-type":"Scheduled Event"}`))
	require.NoError(t, err)
	require.False(t, answer.Failed(), "%s\n%s", answer.Payload, sweep.Logs())
	say("sweep   %s", answer.Payload)
	require.NoError(t, json.Unmarshal(answer.Payload, &a))
	require.True(t, a.Complete)
	require.Empty(t, mutations(p.take()), "a sweep only reads EC2")
	return a
}

// lostEvent: after the first pass somebody opens a group, and no event tells.
// The next pass finds it, and guard takes it back.
func (l *life) lostEvent(t *testing.T) {
	w := enter(t, nil)
	first := l.sweep(t)
	require.Empty(t, first.Counts.Enqueued)
	w.told() // how much stood before, if anything did
	w.authorize("ingress", ssh)
	require.Empty(t, w.receive(0), "the event is lost")
	next := l.sweep(t)
	require.Empty(t, next.Counts.Marked, "it is no baseline")
	require.Len(t, next.Counts.Enqueued, 1)
	d := w.deliver(5)
	require.Empty(t, d.failed, "%s", w.guard.Logs())
	require.Len(t, mutations(w.done(d)), 1)
	require.Equal(t, onlyEgress, w.texts())
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "reverted", told[0].Outcome)
	require.Empty(t, told[0].Actor.ARN, "nobody is named")
}

// canaryRun is what came of one run of the canary.
type canaryRun struct {
	Passed  bool
	Reason  string
	logs    string
	records []object // of its calls
}

// canary runs the deployed canary. Its records go to the rules, and what comes
// to the queue goes to guard as long as the mapping is enabled; otherwise they
// are as old there as they get while somebody finds out that it is not.
func (l *life) canary(t *testing.T, w *world, timeout time.Duration) (run canaryRun) {
	t.Helper()
	f := l.functions["Canary"]
	calls := newTrail(t, guardIn(f.role))
	p := f.start(t, calls.url, timeout)
	type ended struct {
		answer runtimeapi.Answer
		err    error
	}
	done := make(chan ended, 1)
	go func() {
		a, err := p.Invoke(t.Context(), []byte(`{"source":"aws.events","detail-type":"Scheduled Event"}`))
		done <- ended{a, err}
	}()
	deliver := func() {
		feeds := l.feeds(t)
		if records := calls.take(); len(records) > 0 {
			run.records = append(run.records, records...)
			if !feeds {
				records = older(t, records)
			}
			w.put(records...)
		}
		if !feeds {
			return
		}
		if messages := w.receive(0); len(messages) > 0 {
			require.Empty(t, w.hand(messages).failed, "%s", w.guard.Logs())
		}
	}
	for {
		select {
		case e := <-done:
			deliver()
			require.NoError(t, e.err, "%s", p.Logs())
			require.False(t, e.answer.Failed(), "%s\n%s", e.answer.Payload, p.Logs())
			require.NoError(t, json.Unmarshal(e.answer.Payload, &run))
			say("canary  %s", e.answer.Payload)
			run.logs = p.Logs()
			return run
		case <-time.After(200 * time.Millisecond):
			deliver()
		}
	}
}

// older are records of calls of ten minutes ago: what they name is not there
// because it is gone, not because it is not visible yet.
func older(t *testing.T, records []object) (all []object) {
	t.Helper()
	for _, r := range records {
		at, err := time.Parse(time.RFC3339, r["eventTime"].(string))
		require.NoError(t, err)
		r = maps.Clone(r)
		r["eventTime"] = at.Add(-10 * time.Minute).Format(time.RFC3339)
		all = append(all, r)
	}
	return all
}

// feeds reports whether the mapping of the stack is enabled.
func (l *life) feeds(t *testing.T) bool {
	t.Helper()
	name := l.functions["Guard"].config.Name
	out, err := l.lambda().ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: &name})
	require.NoError(t, err)
	require.Len(t, out.EventSourceMappings, 1)
	return *out.EventSourceMappings[0].State == "Enabled"
}

func (l *life) canaryPasses(t *testing.T) {
	w := enter(t, nil)
	run := l.canary(t, w, 0)
	require.True(t, run.Passed, run.Reason)
	require.Contains(t, run.logs, `"CanaryPassed":1`)
	require.Contains(t, run.logs, `"CanaryFailed":0`)
	require.Equal(t, []string{"AuthorizeSecurityGroupIngress"}, callsOn(run.records, l.canaryEnv("SGWARDEN_CANARY_GROUP")), "it opened; guard closed")
	require.Empty(t, l.openInCanaryGroup(t))
	require.Equal(t, []string{"RevokeSecurityGroupEgress"}, callsOn(run.records, l.canaryEnv("SGWARDEN_CANARY_DEFAULT_GROUP")), "the emulator makes default groups open outward")
	require.Empty(t, l.rulesOf(t, l.canaryEnv("SGWARDEN_CANARY_DEFAULT_GROUP")))
	require.Empty(t, w.told(), "nobody is told of it")
}

// canaryAlarms: with the mapping off nobody judges, and the canary says so
// where the alarm looks (TestAlarms: the metric, the function, the bound).
// doctor says how the mapping comes on again; what waited is judged then.
func (l *life) canaryAlarms(t *testing.T) {
	w := enter(t, nil)
	out, err := l.sgwarden("pause", "--hard")
	require.NoError(t, err)
	require.Contains(t, out, "is disabled")
	out, err = l.sgwarden("doctor")
	require.Error(t, err)
	require.Equal(t, []string{"PROBLEM"}, findings(t, out)["triggers"])
	require.Contains(t, out, "-> sgwarden resume --hard, unless it was paused on purpose")

	patience := 45 * time.Second // of which the canary keeps 30 to close
	if os.Getenv("E2E_WHOLE") != "" {
		patience = 0 // that of the template
	}
	run := l.canary(t, w, patience)
	require.False(t, run.Passed)
	require.Contains(t, run.Reason, "wait for guard: after ")
	require.Contains(t, run.logs, `"CanaryFailed":1`)
	require.Contains(t, run.logs, `"CanaryPassed":0`)
	require.Empty(t, l.openInCanaryGroup(t), "it closed what guard did not")
	require.Empty(t, w.proxy.take(), "guard was not run")

	out, err = l.sgwarden("resume", "--hard")
	require.NoError(t, err)
	require.Contains(t, out, "is enabled")
	require.True(t, l.feeds(t))
	d := w.deliver(5)
	require.Empty(t, mutations(w.done(d)), "the rule is gone")
	require.Empty(t, d.failed, "what waited is judged")
	require.Empty(t, w.told())
}

func (l *life) canaryEnv(name string) string { return l.functions["Canary"].config.Env[name] }

// callsOn are the names of the calls on a group, in order.
func callsOn(records []map[string]any, group string) (names []string) {
	for _, r := range records {
		if r["requestParameters"].(map[string]any)["groupId"] == group {
			names = append(names, r["eventName"].(string))
		}
	}
	return names
}

// openInCanaryGroup are the ingress rules of the canary's group.
func (l *life) openInCanaryGroup(t *testing.T) (ids []string) {
	t.Helper()
	for _, r := range l.rulesOf(t, l.canaryEnv("SGWARDEN_CANARY_GROUP")) {
		if !*r.IsEgress {
			ids = append(ids, *r.SecurityGroupRuleId)
		}
	}
	return ids
}

func (l *life) rulesOf(t *testing.T, group string) []ec2types.SecurityGroupRule {
	t.Helper()
	name := "group-id"
	out, err := l.ec2().DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []ec2types.Filter{{Name: &name, Values: []string{group}}}})
	require.NoError(t, err)
	return out.SecurityGroupRules
}

// nextVersion: another version with other policies is deployed while one
// incident is open because EC2 denied the call, and another because guard died
// before it told. The new guard ends both, and repeats nothing.
func (l *life) nextVersion(t *testing.T) {
	denied := enter(t, nil)
	deniedRecord, _ := denied.authorize("ingress", ssh)
	denied.proxy.inject(deny)
	denied.put(deniedRecord)
	require.Len(t, denied.deliver(5).failed, 1)
	told := denied.told()
	require.Len(t, told, 1)
	require.Equal(t, "cannot-remediate", told[0].Outcome)

	killed := denied.beside()
	killedRecord, _ := killed.authorize("ingress", ssh)
	guard := killed.guard
	killed.proxy.inject(func(c call, _ http.ResponseWriter) bool {
		if is(c, "sns", "Publish") {
			_ = guard.Kill()
			return true
		}
		return false
	})
	killed.put(killedRecord)
	// The one that was denied may have come again: it waits for the new guard.
	var inFlight, waiting []sqstypes.Message
	for _, m := range killed.receive(5) {
		if strings.Contains(*m.Body, killed.group) {
			inFlight = append(inFlight, m)
		} else {
			waiting = append(waiting, m)
		}
	}
	require.Len(t, inFlight, 1)
	require.ErrorIs(t, killed.hand(inFlight).lost, runtimeapi.ErrExited)
	for _, w := range []*world{denied, killed} {
		require.Len(t, w.incidents("open#"), 1)
	}
	require.Empty(t, killed.told())

	old := stage.site
	l.deployNext(t)
	require.Equal(t, []string{old.queue, old.topic, old.table, old.role}, []string{stage.site.queue, stage.site.topic, stage.site.table, stage.site.role}, "what holds state is the same")
	require.NotEqual(t, old.env["SGWARDEN_POLICIES_DIGEST"], stage.site.env["SGWARDEN_POLICIES_DIGEST"])
	require.NotEqual(t, old.bootstrap, stage.site.bootstrap)

	w := denied
	w.proxy.inject(nil)
	w.site = stage.site
	for name, value := range stage.site.env {
		w.env[name] = value
	}
	w.start()
	killed.endLease()
	w.proxy.take()
	if len(waiting) == 0 {
		waiting = w.receive(20)
	}
	d := w.hand(append(inFlight, waiting...))
	require.NoError(t, d.lost, "%s", w.guard.Logs())
	require.Empty(t, d.failed, "%s", w.guard.Logs())
	require.Len(t, d.messages, 2)
	w.done(d)
	var outcomes []string
	for _, m := range w.told() {
		outcomes = append(outcomes, m.GroupID+" "+m.EventType+" "+m.Outcome)
	}
	require.ElementsMatch(t, []string{denied.group + " acted reverted", killed.group + " acted reverted"}, outcomes, "each is told once, and nothing again")
	for _, w := range []*world{denied, killed} {
		require.Equal(t, onlyEgress, w.texts())
		require.Empty(t, w.incidents("open#"))
		require.Len(t, w.incidents("shut#"), 1)
	}
	w.put(deniedRecord, killedRecord) // EventBridge delivers at least once
	require.Empty(t, w.deliver(5).failed)
	require.Empty(t, mutations(w.done(d)))
	require.Empty(t, w.told())
	// The default groups of networks since the last pass are younger than their
	// baseline; the two groups are in order.
	enqueued := l.sweep(t).Counts.Enqueued
	require.Equal(t, []string{"waiting"}, slices.Collect(maps.Keys(enqueued)))
	asked := w.receive(5)
	require.Len(t, asked, enqueued["waiting"])
	for _, m := range asked {
		require.NotContains(t, *m.Body, denied.group)
		require.NotContains(t, *m.Body, killed.group)
	}
}

// deny refuses guard's revokes as EC2 does.
func deny(c call, w http.ResponseWriter) bool {
	if !is(c, "ec2", "Revoke") {
		return false
	}
	ec2Error(w, http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation.", c.requestID)
	return true
}

// deployNext builds another version with one policy more, and deploys it.
func (l *life) deployNext(t *testing.T) {
	t.Helper()
	policies := filepath.Join(l.next, "policies")
	require.NoError(t, os.Mkdir(policies, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(policies, "sgwarden.yaml"), []byte("apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(policies, "mail.yaml"), []byte(egressPolicy), 0o600))
	l.dist, l.settings = filepath.Join(l.next, "dist"), []string{"POLICIES=" + policies, "VERSION=next"}
	out, err := l.make("deploy")
	require.NoError(t, err)
	require.NotContains(t, out, "(no changes)")
	require.NoError(t, l.reschedule())
	out, _ = l.sgwarden("doctor", "--policies", policies)
	states := findings(t, out)
	for _, check := range []string{"stack", "rules", "functions", "triggers", "policies", "dead letters", "sweep"} {
		require.Equal(t, []string{"ok"}, states[check], out)
	}
	require.Contains(t, out, "stack Sgwarden is UPDATE_COMPLETE, mode enforce")
	require.Contains(t, out, "the baseline is not set for 1 policy of 5: no-mail")
	alerts := stage.site.alerts
	stage.site, err = l.site()
	require.NoError(t, err)
	require.Equal(t, alerts, stage.site.alerts)
	for id := range l.functions {
		l.functions[id], err = l.function(id)
		require.NoError(t, err)
	}
}

// kept is what a destroyed deployment leaves: the ledger with its incidents,
// and the logs.
func (l *life) kept(t *testing.T) {
	t.Helper()
	var tables struct{ TableNames []string }
	require.NoError(t, l.aws(&tables, "dynamodb", "list-tables"))
	require.Equal(t, []string{stage.site.table}, tables.TableNames)
	var items struct{ Count int }
	require.NoError(t, l.aws(&items, "dynamodb", "scan", "--table-name", stage.site.table, "--select", "COUNT"))
	require.Positive(t, items.Count)
	var logs struct {
		LogGroups []struct{ LogGroupName string }
	}
	require.NoError(t, l.aws(&logs, "logs", "describe-log-groups"))
	var kinds []string
	for _, g := range logs.LogGroups {
		for _, kind := range []string{"GuardLogs", "SweepLogs", "CanaryLogs"} {
			if strings.HasPrefix(g.LogGroupName, stackName+"-"+kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	slices.Sort(kinds)
	require.Equal(t, []string{"CanaryLogs", "GuardLogs", "SweepLogs"}, kinds)
}
