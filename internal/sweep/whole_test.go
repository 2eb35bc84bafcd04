package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// timeout is that of the function, as the stack has it.
const timeout = 10 * time.Minute

const ownARN = "arn:aws:lambda:" + localec2.DefaultRegion + ":" + localec2.DefaultAccount + ":function:sweep"

// world is an AWS with groups, and the function as it is built.
type world struct {
	t     *testing.T
	cloud *localaws.AWS
	*Handler
}

// newWorld makes it, with these settings beside the usual ones.
func newWorld(t *testing.T, more ...string) *world {
	w := &world{t: t, cloud: localaws.New(localaws.Options{IDs: localec2.CountedIDs(t.Name())})}
	settings, err := guard.FromEnviron(append(more, []string{
		"SGWARDEN_MODE=enforce", "SGWARDEN_TABLE=" + w.cloud.Table(), "SGWARDEN_TOPIC_ARN=" + w.cloud.TopicARN(), "SGWARDEN_QUEUE_URL=" + w.cloud.QueueURL(),
		"SGWARDEN_POLICIES=../../policies/packs/baseline", "AWS_REGION=" + localec2.DefaultRegion, "AWS_ACCESS_KEY_ID=AKIDSWEEP", "AWS_SECRET_ACCESS_KEY=secret",
	}...))
	require.NoError(t, err)
	settings.AWS.Transport = w.cloud.Transport()
	w.Handler = New(settings, slog.New(slog.DiscardHandler), io.Discard)
	return w
}

func groupID(n int) string { return fmt.Sprintf("sg-%017x", n+1) }

func (w *world) group(n int, rules ...string) {
	w.t.Helper()
	g := secgroup.Group{ID: groupID(n), Name: fmt.Sprintf("group-%d", n), Rules: []secgroup.Rule{}}
	for _, text := range rules {
		r, err := secgroup.ParseRule(text)
		require.NoError(w.t, err)
		g.Rules = append(g.Rules, r)
	}
	_, err := w.cloud.EC2().Account(localec2.DefaultAccount, localec2.DefaultRegion).EnsureGroup(g)
	require.NoError(w.t, err)
}

// invoke is one run of the function, which the platform ends after timeout.
func (w *world) invoke(timeout time.Duration) answer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), timeout)
	defer cancel()
	text, err := w.Invoke(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{InvokedFunctionArn: ownARN}), []byte(`{"source":"aws.scheduler"}`))
	require.NoError(w.t, err)
	var a answer
	require.NoError(w.t, json.Unmarshal(text, &a))
	return a
}

// TestTheFirstPassMarksAndTheNextAsks: what stood before is left alone, what
// came since without an event is brought before guard.
func TestTheFirstPassMarksAndTheNextAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.group(0, "ingress tcp/22 from 0.0.0.0/0")
		w.group(1, "ingress tcp/443 from 10.0.0.0/8")
		first := w.invoke(timeout)
		require.True(t, first.Complete)
		require.Equal(t, 1, first.Counts.Marked["admin-ports-from-internet"])
		require.Empty(t, w.cloud.Queued())

		time.Sleep(15 * time.Minute)
		w.group(2, "ingress tcp/3389 from 0.0.0.0/0")
		next := w.invoke(timeout)
		require.True(t, next.Complete)
		require.Zero(t, sum(next.Counts.Marked))
		require.Len(t, w.cloud.Queued(), 1)
		require.Contains(t, w.cloud.Queued()[0].Body, groupID(2))
		for _, c := range w.cloud.Calls() {
			require.False(t, c.Service == localaws.EC2 && c.Changes, "a sweep only reads EC2: %s", c)
		}
	})
}

// TestTheNextInvocationGoesOn: where the time is up after a page the rest is
// left to the next invocation, which reads no page twice.
func TestTheNextInvocationGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for n := range 1001 { // EC2 gives a thousand a page
			w.group(n, "ingress tcp/443 from 10.0.0.0/8")
		}
		pages := 0
		w.cloud.Disturb(func(c localaws.Call) localec2.Disturbance {
			switch {
			case c.Operation == "DescribeSecurityGroups":
				pages++
			case c.Service == localaws.DynamoDB && c.Changes:
				time.Sleep(time.Second / 2) // eight at once: a minute for the page
			}
			return localec2.Disturbance{}
		})
		require.Equal(t, answer{More: true}, withoutCounts(w.invoke(75*time.Second)))
		require.Equal(t, answer{Complete: true}, withoutCounts(w.invoke(75*time.Second)))
		require.Equal(t, 2, pages)
		again := w.invoke(timeout)
		require.True(t, again.Complete)
		require.Equal(t, 1002, again.Counts.Groups, "a new pass over all, the default group too")
		require.Equal(t, 4, pages)
	})
}

func withoutCounts(a answer) answer {
	return answer{Complete: a.Complete, Held: a.Held, More: a.More}
}

// TestNoPolicies: a sweep by other policies would mark what nobody judged.
func TestNoPolicies(t *testing.T) {
	w := newWorld(t)
	settings, err := guard.FromEnviron([]string{
		"SGWARDEN_TABLE=" + w.cloud.Table(), "SGWARDEN_TOPIC_ARN=" + w.cloud.TopicARN(), "SGWARDEN_QUEUE_URL=" + w.cloud.QueueURL(),
		"SGWARDEN_POLICIES_DIGEST=" + strings.Repeat("0", 64), "SGWARDEN_POLICIES=../../policies/packs/baseline",
		"AWS_REGION=" + localec2.DefaultRegion, "AWS_ACCESS_KEY_ID=AKIDSWEEP", "AWS_SECRET_ACCESS_KEY=secret",
	})
	require.NoError(t, err)
	settings.AWS.Transport = w.cloud.Transport()
	_, err = New(settings, slog.New(slog.DiscardHandler), io.Discard).Invoke(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: ownARN}), nil)
	require.ErrorContains(t, err, "the policies have digest")
	require.Empty(t, w.cloud.Calls())
}

// TestReportsGoToTheBuses: what a pass counted is an event on each of them; one
// that does not take it fails nothing.
func TestReportsGoToTheBuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := localaws.New(localaws.Options{})
		w := newWorld(t, "SGWARDEN_EVENT_BUS_ARN="+own.BusARN(), "SGWARDEN_HUB_BUS_ARN="+own.HubBusARN())
		w.group(0, "ingress tcp/22 from 0.0.0.0/0")
		w.group(1, "ingress tcp/443 from 10.0.0.0/8")
		require.True(t, w.invoke(timeout).Complete)
		told := w.cloud.Events()
		require.Len(t, told, 4)
		for _, e := range told[:2] {
			require.Equal(t, "Incident Opened", e.DetailType, "what was marked is summed up, once")
		}
		events := told[2:]
		require.Equal(t, []string{own.BusARN(), own.HubBusARN()}, []string{events[0].Bus, events[1].Bus})
		require.Equal(t, []string{"sgwarden", "Sweep Complete"}, []string{events[0].Source, events[0].DetailType})
		require.JSONEq(t, fmt.Sprintf(`{"schemaVersion":"1","accountId":"123456789012","region":"us-east-1","mode":"enforce","policiesDigest":"","completedAt":"%s",
			"groups":3,"rules":4,"foreign":0,"left":0,"marked":{"admin-ports-from-internet":1,"default-group-has-no-rules":2},"asked":{}}`, time.Now().UTC().Format(time.RFC3339)), string(events[0].Detail))

		w.cloud.Disturb(func(c localaws.Call) (d localec2.Disturbance) {
			if c.Service == localaws.EventBridge {
				return localaws.Hanging.On(c, nil)
			}
			return d
		})
		began := time.Now()
		require.True(t, w.invoke(timeout).Complete)
		require.LessOrEqual(t, time.Since(began), 30*time.Second)
	})
}

// TestWithoutBusesNothingIsReported.
func TestWithoutBusesNothingIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		require.True(t, w.invoke(timeout).Complete)
		for _, c := range w.cloud.Calls() {
			require.NotEqual(t, localaws.EventBridge, c.Service)
		}
	})
}
