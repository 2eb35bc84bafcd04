package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	sinkGroup   = "sg-0123456789abcdef0"
	sinkCanary  = "sg-0123456789abcdefc"
	everySink   = "all of them"
	chatMessage = "chat"
)

// sinkWorld is the whole function on an AWS in this process, with sinks.
type sinkWorld struct {
	t      *testing.T
	cloud  *localaws.AWS
	guard  *Handler
	user   *ec2.Client
	meters *bytes.Buffer
	logs   *bytes.Buffer
}

// newSinkWorld makes it with these settings beside the usual ones.
func newSinkWorld(t *testing.T, more ...string) *sinkWorld {
	w := &sinkWorld{t: t, cloud: localaws.New(localaws.Options{IDs: localec2.CountedIDs(t.Name())}), meters: &bytes.Buffer{}, logs: &bytes.Buffer{}}
	w.cloud.EnableSecurityHub()
	for _, id := range []string{sinkGroup, sinkCanary} {
		_, err := w.cloud.EC2().Account(localec2.DefaultAccount, localec2.DefaultRegion).EnsureGroup(secgroup.Group{ID: id, Name: "group " + id[len(id)-1:], Rules: []secgroup.Rule{}})
		require.NoError(t, err)
	}
	w.cloud.EC2().OnRecord(func(record []byte) {
		w.cloud.Queue().Send(fmt.Sprintf(`{"id":"e","detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","account":"%s","region":"%s","detail":%s}`, localec2.DefaultAccount, localec2.DefaultRegion, record), 0)
	})
	environ := []string{
		"SGWARDEN_MODE=enforce", "SGWARDEN_TABLE=" + w.cloud.Table(), "SGWARDEN_TOPIC_ARN=" + w.cloud.TopicARN(), "SGWARDEN_QUEUE_URL=" + w.cloud.QueueURL(),
		"SGWARDEN_POLICIES=" + folder(t, ""), "SGWARDEN_CANARY_GROUP=" + sinkCanary, "AWS_REGION=" + localec2.DefaultRegion, "AWS_ACCESS_KEY_ID=AKIDGUARD", "AWS_SECRET_ACCESS_KEY=secret",
	}
	if len(more) == 1 && more[0] == everySink {
		more = []string{"SGWARDEN_CHAT_TOPIC_ARN=" + w.cloud.ChatTopicARN(), "SGWARDEN_SECURITY_HUB=yes", "SGWARDEN_EVENT_BUS_ARN=" + w.cloud.BusARN(), "SGWARDEN_HUB_BUS_ARN=" + w.cloud.HubBusARN()}
	}
	s, err := FromEnviron(append(environ, more...))
	require.NoError(t, err)
	s.AWS.Transport = w.cloud.Transport()
	w.guard = New(s, NewLogger(w.logs, "INFO"), w.meters)
	w.user = ec2.NewFromConfig(aws.Config{
		Region: localec2.DefaultRegion, HTTPClient: &http.Client{Transport: w.cloud.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDUSER", SecretAccessKey: "secret"}, nil
		}),
	})
	return w
}

// open opens a port of a group to a network.
func (w *sinkWorld) open(group string, port int32, cidr string) {
	w.t.Helper()
	_, err := w.user.AuthorizeSecurityGroupIngress(w.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port, IpRanges: []types.IpRange{{CidrIp: &cidr, Description: aws.String("[x](@here) :+1: *")}},
	}}})
	require.NoError(w.t, err)
	w.cloud.Forget()
}

// hear delivers what the queue holds, as often as it comes again, and gives how
// many deliveries failed.
func (w *sinkWorld) hear() (failures int) {
	w.t.Helper()
	for range 40 {
		for _, m := range w.cloud.Queue().Receive(10) {
			payload, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
				"messageId": m.ID, "receiptHandle": m.Receipt, "body": m.Body, "attributes": map[string]string{"ApproximateReceiveCount": fmt.Sprint(m.Receives)},
			}}})
			require.NoError(w.t, err)
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
			out, err := w.guard.Invoke(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{InvokedFunctionArn: ownARN}), payload)
			cancel()
			require.NoError(w.t, err)
			if string(out) == noFailures {
				w.cloud.Queue().Delete(m.Receipt)
			} else {
				failures++
			}
		}
		if len(w.cloud.Queued()) == 0 {
			break
		}
		time.Sleep(time.Minute)
	}
	require.Empty(w.t, w.cloud.Queued())
	return failures
}

// missed is the sum of the metric; -1 = no line has it.
func (w *sinkWorld) missed() int {
	sum := -1
	for _, line := range strings.Split(strings.TrimSpace(w.meters.String()), "\n") {
		var m struct{ SinkMissed *int }
		require.NoError(w.t, json.Unmarshal([]byte(line), &m))
		if m.SinkMissed != nil {
			sum = max(sum, 0) + *m.SinkMissed
		}
	}
	return sum
}

// operations are the calls of services that only sinks use, and messages.
func (w *sinkWorld) operations() map[string]int {
	all := map[string]int{}
	for _, c := range w.cloud.Calls() {
		switch {
		case c.Service == localaws.SNS && c.Params.Get("TopicArn") == w.cloud.ChatTopicARN():
			all[chatMessage]++
		case c.Service == localaws.SNS, c.Service == localaws.EventBridge, c.Service == localaws.SecurityHub:
			all[c.String()]++
		}
	}
	return all
}

func (w *sinkWorld) requireReverted() {
	group, ok := w.cloud.EC2().Account(localec2.DefaultAccount, localec2.DefaultRegion).Group(sinkGroup)
	require.True(w.t, ok)
	require.Empty(w.t, group.Rules, "the remedy stands")
	require.Len(w.t, w.cloud.Published(), 1, "the alert was sent once")
}

// TestEverySinkIsTold from the call to what each of them has.
func TestEverySinkIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSinkWorld(t, everySink)
		w.open(sinkGroup, 22, "0.0.0.0/0")
		require.Zero(t, w.hear())
		w.requireReverted()
		require.Equal(t, map[string]int{"sns.Publish": 1, chatMessage: 1, "securityhub.BatchImportFindings": 1, "events.PutEvents": 2}, w.operations())
		require.Zero(t, w.missed())

		var document incident.Incident
		require.NoError(t, json.Unmarshal([]byte(w.cloud.Published()[0].For("sqs")), &document))
		require.Equal(t, incident.Acted, document.EventType)
		var chat struct {
			Source   string
			Content  struct{ Description string }
			Metadata struct{ ThreadID string }
		}
		require.NoError(t, json.Unmarshal([]byte(w.cloud.Chat()[0].Body), &chat))
		require.Equal(t, "custom", chat.Source)
		require.Equal(t, document.ID, chat.Metadata.ThreadID)
		require.Contains(t, chat.Content.Description, "described as `(x)((at)here) :+1: '`")
		events := w.cloud.Events()
		require.ElementsMatch(t, []string{w.cloud.BusARN(), w.cloud.HubBusARN()}, []string{events[0].Bus, events[1].Bus})
		for _, e := range events {
			require.Equal(t, "sgwarden", e.Source)
			require.Equal(t, "Incident Acted", e.DetailType)
			require.Equal(t, []string{document.Resource}, e.Resources)
			require.JSONEq(t, w.cloud.Published()[0].For("sqs"), string(e.Detail))
		}
		findings := w.cloud.Findings()
		require.Len(t, findings, 1)
		require.Equal(t, "sgwarden/us-east-1/123456789012/"+document.ID, findings[0]["Id"])
		require.Equal(t, map[string]any{"Status": "RESOLVED"}, findings[0]["Workflow"])
		require.Equal(t, "ACTIVE", findings[0]["RecordState"])
	})
}

// TestWithoutSinksNothingIsAdded: not a call, not a key of the metrics.
func TestWithoutSinksNothingIsAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSinkWorld(t)
		w.open(sinkGroup, 22, "0.0.0.0/0")
		require.Zero(t, w.hear())
		w.requireReverted()
		require.Equal(t, map[string]int{"sns.Publish": 1}, w.operations())
		require.Equal(t, -1, w.missed())
		require.NotContains(t, w.meters.String(), "SinkMissed")
	})
}

// TestASinkOfItsOwn: each setting brings its own calls.
func TestASinkOfItsOwn(t *testing.T) {
	for setting, want := range map[string]string{
		"SGWARDEN_CHAT_TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:sgwarden-chat": chatMessage, "SGWARDEN_SECURITY_HUB=yes": "securityhub.BatchImportFindings",
		"SGWARDEN_EVENT_BUS_ARN=arn:aws:events:us-east-1:123456789012:event-bus/sgwarden": "events.PutEvents", "SGWARDEN_HUB_BUS_ARN=arn:aws:events:us-east-1:999988887777:event-bus/sgwarden-hub": "events.PutEvents",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newSinkWorld(t, setting)
			w.open(sinkGroup, 22, "0.0.0.0/0")
			require.Zero(t, w.hear())
			require.Equal(t, map[string]int{"sns.Publish": 1, want: 1}, w.operations())
			require.Zero(t, w.missed())
		})
	}
}

// TestFaultsOfSinks: whatever befalls a sink, the remedy stands, the alert is
// sent once, and the other sinks have it. What may pass comes again; what does
// not is counted.
func TestFaultsOfSinks(t *testing.T) {
	for _, service := range []localaws.Service{localaws.EventBridge, localaws.SecurityHub, chatMessage} {
		for _, fault := range localaws.Faults() {
			call := localaws.Call{Service: service, Changes: true}
			if service == chatMessage {
				call.Service = localaws.SNS
			}
			if fault.NotOn(call) != "" {
				continue
			}
			t.Run(string(service)+" "+string(fault), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newSinkWorld(t, everySink)
					left := 6 // tries that fail: more than one delivery has
					w.cloud.Disturb(func(c localaws.Call) localec2.Disturbance {
						hit := c.Service == service || service == chatMessage && c.Service == localaws.SNS && c.Params.Get("TopicArn") == w.cloud.ChatTopicARN()
						if !hit || left == 0 && fault != localaws.AccessDenied {
							return localec2.Disturbance{}
						}
						left = max(left-1, 0)
						return fault.On(c, nil)
					})
					w.open(sinkGroup, 22, "0.0.0.0/0")
					failures := w.hear()
					w.requireReverted()
					if fault == localaws.AccessDenied {
						require.Zero(t, failures, "it does not come again for that")
						require.Positive(t, w.missed())
						require.Contains(t, w.logs.String(), "given up")
						return
					}
					require.Positive(t, failures)
					require.Zero(t, w.missed())
					require.NotEmpty(t, w.cloud.Chat())
					require.Len(t, w.cloud.Findings(), 1, "one finding, however often it came")
					require.GreaterOrEqual(t, len(w.cloud.Events()), 2)
				})
			})
		}
	}
}

// TestSecurityHubThatIsOff answers success, and says in it that it took nothing.
func TestSecurityHubThatIsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSinkWorld(t, everySink)
		w.cloud.DisableSecurityHub()
		w.open(sinkGroup, 22, "0.0.0.0/0")
		require.Zero(t, w.hear())
		w.requireReverted()
		require.Equal(t, 1, w.missed())
		require.Contains(t, w.logs.String(), "not subscribed to AWS Security Hub")
		require.Len(t, w.cloud.Chat(), 1)
		require.Len(t, w.cloud.Events(), 2)
	})
}

// TestSinksHearNothingOfTheCanary.
func TestSinksHearNothingOfTheCanary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSinkWorld(t, everySink)
		w.open(sinkCanary, CanaryPort, CanaryNetwork().String())
		require.Zero(t, w.hear())
		require.Empty(t, w.operations())
		require.Zero(t, w.missed())
	})
}

// refusing is a sink that takes nothing.
type refusing struct{ told int }

func (*refusing) Name() string { return "refusing" }
func (r *refusing) Tell(context.Context, incident.Incident) error {
	r.told++
	return errors.New("no")
}

// TestComplaintsGoToSinks once: they are no reason to alert again.
func TestComplaintsGoToSinks(t *testing.T) {
	w := newSinkWorld(t, everySink)
	s, err := FromEnviron(append(pairs(complete()), "SGWARDEN_CHAT_TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:chat"))
	require.NoError(t, err)
	s.AWS.Transport = w.cloud.Transport()
	missed := 0
	tools, err := newTools(s, loaded{fault: errors.New("bundle is of another digest")}, identity{accountID: "123456789012", region: "us-east-1", timeout: time.Minute}, NewLogger(w.logs, "INFO"), func(string) { missed++ })
	require.NoError(t, err)
	require.Nil(t, tools.judge)
	require.Len(t, sinksOf(s, identity{}, s.AWS.clients()), 1)

	sink := &refusing{}
	topic := &fakeTopic{}
	told := &complaint{
		ledger: nil, publisher: topic, clock: time.Now, sinks: nil, logger: NewLogger(w.logs, "INFO"), missed: func(string) { missed++ },
		document: newComplaint(errors.New("x"), "123456789012", "us-east-1", time.Now()),
	}
	told.sinks = append(told.sinks, sink)
	require.NoError(t, told.publish(t.Context()))
	require.Equal(t, 1, sink.told)
	require.Equal(t, 1, missed)
}

func TestSettingsOfSinks(t *testing.T) {
	for variable, values := range map[string][]string{
		"SGWARDEN_CHAT_TOPIC_ARN": {"arn:aws:sns:us-east-1:123456789012:chat"}, "SGWARDEN_SECURITY_HUB": {"yes"},
		"SGWARDEN_EVENT_BUS_ARN": {"arn:aws:events:us-east-1:123456789012:event-bus/sgwarden", "arn:aws-us-gov:events:us-east-1:123456789012:event-bus/a/b_c.d-e"},
		"SGWARDEN_HUB_BUS_ARN":   {"arn:aws-cn:events:us-east-1:999999999999:event-bus/hub"},
	} {
		for _, v := range values {
			_, err := FromEnviron(append(pairs(complete()), variable+"="+v))
			require.NoError(t, err, v)
		}
	}
	for _, c := range []struct{ variable, value, want string }{
		{"SGWARDEN_CHAT_TOPIC_ARN", "chat", "want the ARN of the SNS topic for chats"},
		{"SGWARDEN_CHAT_TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:chat", "SNS answers for its own region only"},
		{"SGWARDEN_CHAT_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:alerts", "is SGWARDEN_TOPIC_ARN too"},
		{"SGWARDEN_SECURITY_HUB", "no", "want yes, or nothing"},
		{"SGWARDEN_EVENT_BUS_ARN", "default", "want the ARN of an event bus"},
		{"SGWARDEN_EVENT_BUS_ARN", "arn:aws:events:us-east-1:123456789012:rule/x", "want the ARN of an event bus"},
		{"SGWARDEN_EVENT_BUS_ARN", "arn:aws:events:eu-west-1:123456789012:event-bus/x", "for buses of its own region only"},
		{"SGWARDEN_HUB_BUS_ARN", "arn:aws:events:eu-west-1:123456789012:event-bus/x", "for buses of its own region only"},
		{"SGWARDEN_HUB_BUS_ARN", "arn:aws:events:us-east-1:123456789012:event-bus/", "want the ARN of an event bus"},
	} {
		_, err := FromEnviron(append(pairs(complete()), c.variable+"="+c.value))
		require.ErrorContains(t, err, c.want, c.value)
		require.Len(t, strings.Split(err.Error(), "\n"), 1, "one fault, one line")
	}
}

// TestHomeOfFindings is the function's own, in its partition.
func TestHomeOfFindings(t *testing.T) {
	require.Equal(t, "aws-cn", partitionOf("arn:aws-cn:sns:cn-north-1:123456789012:alerts"))
	require.Equal(t, "arn:aws-cn:securityhub:cn-north-1:123456789012:product/123456789012/default", alert.Home{Partition: "aws-cn", Region: "cn-north-1", AccountID: "123456789012"}.ProductARN())
}
