package canary

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/metrics"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	account      = localec2.DefaultAccount
	region       = localec2.DefaultRegion
	group        = "sg-0123456789abcdef0"
	defaultGroup = "sg-0123456789abcdefd"
	role         = "arn:aws:iam::" + account + ":role/guard"
)

// world is an account with guard and the canary, each as it is built.
type world struct {
	t      *testing.T
	cloud  *localaws.AWS
	at     *localec2.Account
	canary *Handler
	guard  *guard.Handler
	meters bytes.Buffer
}

func newWorld(t *testing.T, mode string, expect Expect) *world {
	w := &world{t: t, cloud: localaws.New(localaws.Options{IDs: localec2.CountedIDs(t.Name())})}
	w.at = w.cloud.EC2().Account(account, region)
	for key, name := range map[string]string{"AKIDGUARD": "guard", "AKIDCANARY": "canary"} {
		w.cloud.EC2().Register(key, localec2.Caller{AccountID: account, Identity: cloudtrail.Session(account, "/", name, name, key)})
	}
	for id, name := range map[string]string{group: "canary", defaultGroup: "of the canary's VPC"} {
		_, err := w.at.EnsureGroup(secgroup.Group{ID: id, Name: name, Rules: []secgroup.Rule{}})
		require.NoError(t, err)
	}
	w.cloud.EC2().OnRecord(func(record []byte) {
		w.cloud.Queue().Send(fmt.Sprintf(`{"id":"e","detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","account":"%s","region":"%s","detail":%s}`, account, region, record), 10*time.Second)
	})
	s, err := guard.FromEnviron([]string{
		"SGWARDEN_MODE=" + mode, "SGWARDEN_TABLE=" + w.cloud.Table(), "SGWARDEN_TOPIC_ARN=" + w.cloud.TopicARN(), "SGWARDEN_QUEUE_URL=" + w.cloud.QueueURL(),
		"SGWARDEN_POLICIES=../../policies/packs/baseline", "SGWARDEN_ROLE_ARN=" + role, "SGWARDEN_CANARY_GROUP=" + group,
		"AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=AKIDGUARD", "AWS_SECRET_ACCESS_KEY=secret",
	})
	require.NoError(t, err)
	s.AWS.Transport = w.cloud.Transport()
	w.guard = guard.New(s, slog.New(slog.DiscardHandler), io.Discard)
	c, err := FromEnviron([]string{
		"SGWARDEN_TABLE=" + w.cloud.Table(), "SGWARDEN_CANARY_GROUP=" + group, "SGWARDEN_CANARY_DEFAULT_GROUP=" + defaultGroup, "SGWARDEN_CANARY_EXPECT=" + string(expect),
		"AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=AKIDCANARY", "AWS_SECRET_ACCESS_KEY=secret",
	})
	require.NoError(t, err)
	c.AWS.Transport = w.cloud.Transport()
	w.canary = New(c, slog.New(slog.DiscardHandler), &w.meters)
	return w
}

// mapping brings messages before guard until it is disabled, as Lambda's
// poller does.
func (w *world) mapping() (disable func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Second):
				w.deliver()
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

func (w *world) deliver() {
	batch := w.cloud.Queue().Receive(10)
	if len(batch) == 0 {
		return
	}
	var records []map[string]any
	for _, m := range batch {
		records = append(records, map[string]any{"messageId": m.ID, "receiptHandle": m.Receipt, "body": m.Body, "attributes": map[string]string{"ApproximateReceiveCount": fmt.Sprint(m.Receives)}})
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		panic(err) // texts only
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{InvokedFunctionArn: "arn:aws:lambda:" + region + ":" + account + ":function:guard"})
	text, err := w.guard.Invoke(ctx, payload)
	if err != nil {
		panic(err) // guard fails for nothing that a message says
	}
	for _, m := range batch {
		if !bytes.Contains(text, []byte(m.ID)) {
			w.cloud.Queue().Delete(m.Receipt)
		}
	}
}

func (w *world) invoke() answer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer cancel()
	text, err := w.canary.Invoke(ctx, nil)
	require.NoError(w.t, err)
	var a answer
	require.NoError(w.t, json.Unmarshal(text, &a))
	return a
}

func (w *world) rules(id string) []string {
	w.t.Helper()
	g, ok := w.at.Group(id)
	require.True(w.t, ok)
	var texts []string
	for _, r := range g.Rules {
		texts = append(texts, r.String())
	}
	return texts
}

// metered reads the last line of metrics, and forgets all.
func (w *world) metered() map[string]any {
	w.t.Helper()
	lines := bytes.Split(bytes.TrimSpace(w.meters.Bytes()), []byte("\n"))
	var line map[string]any
	require.NoError(w.t, json.Unmarshal(lines[len(lines)-1], &line))
	w.meters.Reset()
	return line
}

// revokers are the keys of those who revoked.
func (w *world) revokers() []string {
	var keys []string
	for _, c := range w.cloud.Calls() {
		if c.Operation == "RevokeSecurityGroupIngress" && c.ErrorCode == "" {
			keys = append(keys, c.AccessKeyID)
		}
	}
	return keys
}

// TestTheCanaryPasses many times in a row, and nobody is told of it.
func TestTheCanaryPasses(t *testing.T) {
	for _, c := range []struct {
		mode    string
		expect  Expect
		revoker string // in enforce guard takes the rule back, else the canary itself
	}{{"enforce", Reverted, "AKIDGUARD"}, {"observe", Observed, "AKIDCANARY"}} {
		t.Run(c.mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.mode, c.expect)
				disable := w.mapping()
				defer disable()
				for range 6 {
					w.cloud.Forget()
					a := w.invoke()
					require.Empty(t, a.Reason)
					require.True(t, a.Passed)
					require.Less(t, a.Seconds, 60.0)
					require.Empty(t, w.rules(group), "it cleans up after itself")
					require.Equal(t, []string{c.revoker}, w.revokers())
					line := w.metered()
					require.Subset(t, line, map[string]any{"CanaryPassed": 1.0, "CanaryFailed": 0.0})
					for _, m := range metrics.OfCanary() {
						require.Contains(t, line, m.Name)
					}
					time.Sleep(10 * time.Minute)
				}
				require.Empty(t, w.cloud.Published(), "only its failure is told, by an alarm")
				require.Empty(t, w.cloud.Queued())
			})
		})
	}
}

// TestTheCanaryHasTeeth: without the trigger of guard it fails within its
// bound, says so where the alarm looks, and leaves nothing open.
func TestTheCanaryHasTeeth(t *testing.T) {
	for _, mode := range []struct {
		name   string
		expect Expect
	}{{"enforce", Reverted}, {"observe", Observed}} {
		t.Run(mode.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, mode.name, mode.expect)
				disable := w.mapping()
				require.True(t, w.invoke().Passed)
				disable()
				w.cloud.Forget()
				a := w.invoke()
				require.False(t, a.Passed)
				require.Contains(t, a.Reason, "after 4m0s")
				require.LessOrEqual(t, a.Seconds, Bound.Seconds())
				require.Empty(t, w.rules(group))
				require.Equal(t, []string{"AKIDCANARY"}, w.revokers())
				require.Subset(t, w.metered(), map[string]any{"CanaryPassed": 0.0, "CanaryFailed": 1.0})

				disable = w.mapping()
				defer disable()
				require.True(t, w.invoke().Passed, "all is well again")
			})
		})
	}
}

// TestAShortRunClosesToo: whatever is left of the invocation, the last part of
// it is for closing.
func TestAShortRunClosesToo(t *testing.T) {
	for _, timeout := range []time.Duration{45 * time.Second, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "enforce", Reverted)
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			text, err := w.canary.Invoke(ctx, nil)
			require.NoError(t, err)
			require.Contains(t, string(text), fmt.Sprintf("after %s rule", max(0, timeout-closing)))
			require.Empty(t, w.rules(group))
			require.Equal(t, []string{"AKIDCANARY"}, w.revokers())
			require.Subset(t, w.metered(), map[string]any{"CanaryPassed": 0.0, "CanaryFailed": 1.0})
		})
	}
}

// TestWhatWasOpenedWithoutAnAnswerIsClosed, in the same run.
func TestWhatWasOpenedWithoutAnAnswerIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "observe", Observed)
		w.cloud.Disturb(func(c localaws.Call) localec2.Disturbance {
			if c.Operation == "AuthorizeSecurityGroupIngress" {
				return localec2.LoseAnswer()
			}
			return localec2.Disturbance{}
		})
		a := w.invoke()
		require.False(t, a.Passed)
		require.Contains(t, a.Reason, "open the rule")
		require.Equal(t, []string{"AKIDCANARY"}, w.revokers())
		require.Empty(t, w.rules(group))
	})
}

// TestAnotherWhoClosesItIsNotGuard.
func TestAnotherWhoClosesItIsNotGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "enforce", Reverted)
		opened := make(chan struct{}, 1)
		w.cloud.EC2().OnRecord(func([]byte) {
			select {
			case opened <- struct{}{}:
			default:
			}
		})
		done := make(chan error)
		go func() {
			<-opened
			done <- w.canary.closeAll(context.Background())
		}()
		a := w.invoke()
		require.NoError(t, <-done)
		require.False(t, a.Passed)
		require.Contains(t, a.Reason, "not guard who took it back")
	})
}

// TestWhatIsNotTheCanarysStays, and what an earlier run left does not.
func TestWhatIsNotTheCanarysStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "enforce", Reverted)
		others := []string{"ingress tcp/1-2 from 192.0.2.9/32", "ingress tcp/1 from 192.0.2.0/24", "ingress tcp/1 from 10.0.0.1/32", "ingress udp/1 from 192.0.2.9/32", "egress tcp/1 to 192.0.2.9/32"}
		var rules []secgroup.Rule
		for _, text := range append(slices.Clone(others), "ingress tcp/1 from 192.0.2.77/32") {
			r, err := secgroup.ParseRule(text)
			require.NoError(t, err)
			rules = append(rules, r)
		}
		const full = "sg-0123456789abcdef2"
		_, err := w.at.EnsureGroup(secgroup.Group{ID: full, Name: "full", Rules: rules})
		require.NoError(t, err)
		w.canary.settings.Group = full
		require.NoError(t, w.canary.closeAll(t.Context()))
		require.ElementsMatch(t, others, w.rules(full))
	})
}

// TestTheCanaryPolicyIsAboutItsGroupAlone: the same rule elsewhere is nobody's
// business.
func TestTheCanaryPolicyIsAboutItsGroupAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "enforce", Reverted)
		disable := w.mapping()
		const other = "sg-0123456789abcdef1"
		_, err := w.at.EnsureGroup(secgroup.Group{ID: other, Name: "other", Rules: []secgroup.Rule{}})
		require.NoError(t, err)
		w.canary.settings.Group = other
		require.False(t, w.invoke().Passed)
		disable()
		db := dynamodb.NewFromConfig(aws.Config{Region: region, HTTPClient: &http.Client{Transport: w.cloud.Aside()}, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDGUARD", SecretAccessKey: "secret"}, nil
		})})
		history, err := ledger.NewTable(db, w.cloud.Table()).History(t.Context(), other)
		require.NoError(t, err)
		require.Empty(t, history)
	})
}

// TestTheDefaultGroupBesideItIsEmptied: EC2 makes it open, and it is nobody
// else's to close. Where that is denied, guard has still done its work.
func TestTheDefaultGroupBesideItIsEmptied(t *testing.T) {
	for _, denied := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "enforce", Reverted)
			disable := w.mapping()
			defer disable()
			open := []string{"ingress all from " + defaultGroup, "egress all to 0.0.0.0/0", "egress all to ::/0"}
			for _, text := range open {
				r, err := secgroup.ParseRule(text)
				require.NoError(t, err)
				_, err = w.at.EnsureRule(defaultGroup, r)
				require.NoError(t, err)
			}
			var log bytes.Buffer
			w.canary.logger = slog.New(slog.NewTextHandler(&log, nil))
			w.cloud.Disturb(func(c localaws.Call) localec2.Disturbance {
				if denied && c.AccessKeyID == "AKIDCANARY" && c.Operation == "RevokeSecurityGroupEgress" {
					return localec2.Deny()
				}
				return localec2.Disturbance{}
			})
			require.True(t, w.invoke().Passed)
			if denied {
				require.ElementsMatch(t, open[1:], w.rules(defaultGroup))
				require.Contains(t, log.String(), "the default group has rules")
				require.Contains(t, log.String(), defaultGroup)
				return
			}
			require.Empty(t, w.rules(defaultGroup))
			require.NotContains(t, log.String(), "default group")
			w.cloud.Forget()
			require.True(t, w.invoke().Passed)
			for _, c := range w.cloud.Calls() {
				require.NotEqual(t, "RevokeSecurityGroupEgress", c.Operation, "nothing is left to take out")
			}
		})
	}
}
