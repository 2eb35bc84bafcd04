package alert_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

var _ alert.SNS = (*sns.Client)(nil)

// topic keeps what was published, or fails.
type topic struct {
	published []*sns.PublishInput
	err       error
}

func (t *topic) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	t.published = append(t.published, in)
	return &sns.PublishOutput{}, t.err
}

const topicARN = "arn:aws:sns:eu-central-1:123456789012:sgwarden"

func TestTopicPublishesOnce(t *testing.T) {
	for name, i := range situations(t) {
		t.Run(name, func(t *testing.T) {
			client := &topic{}
			require.NoError(t, alert.NewTopic(client, topicARN).Publish(context.Background(), i))
			require.Len(t, client.published, 1)
			in, m := client.published[0], render(t, i)
			require.Equal(t, topicARN, *in.TopicArn)
			require.Equal(t, "json", *in.MessageStructure)
			require.Equal(t, m.Subject, *in.Subject)
			whole, err := m.SNS()
			require.NoError(t, err)
			require.Equal(t, string(whole), *in.Message)
			require.Len(t, in.MessageAttributes, len(m.Attributes))
			for name, a := range in.MessageAttributes {
				require.Equal(t, m.Attributes[name], alert.Attribute{Type: *a.DataType, Value: *a.StringValue})
			}
		})
	}
}

func TestTopicErrors(t *testing.T) {
	for code, want := range map[string]error{
		"AuthorizationError": incident.ErrDenied, "KMSAccessDenied": incident.ErrDenied, "NotFound": incident.ErrGone,
		"Throttled": incident.ErrThrottled, "InvalidParameter": incident.ErrInvalid, "InternalError": incident.ErrUnavailable, "New": incident.ErrUnavailable,
	} {
		client := &topic{err: &smithy.GenericAPIError{Code: code, Message: "no"}}
		err := alert.NewTopic(client, topicARN).Publish(context.Background(), usual())
		for _, kind := range []error{incident.ErrDenied, incident.ErrGone, incident.ErrThrottled, incident.ErrInvalid, incident.ErrUnavailable} {
			require.Equal(t, errors.Is(want, kind), errors.Is(err, kind), "%s: %v", code, err)
		}
	}
	client := &topic{err: context.DeadlineExceeded}
	err := alert.NewTopic(client, topicARN).Publish(context.Background(), usual())
	require.ErrorIs(t, err, incident.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAttributesOfEveryMessage(t *testing.T) {
	for name, i := range situations(t) {
		attributes := render(t, i).Attributes
		require.LessOrEqual(t, len(attributes), 10, "SNS takes ten")
		for _, n := range alert.AttributeNames() {
			require.Contains(t, attributes, n, name)
		}
		require.Len(t, attributes, len(alert.AttributeNames()))
		for n, a := range attributes {
			require.Regexp(t, `^[a-z]+$`, n)
			switch a.Type {
			case "Number":
				_, err := strconv.Atoi(a.Value)
				require.NoError(t, err)
			case "String.Array":
				var values []string
				require.NoError(t, json.Unmarshal([]byte(a.Value), &values))
				require.NotEmpty(t, values)
			default:
				require.Equal(t, "String", a.Type)
				require.Regexp(t, `^[a-z0-9.:/=+_-]{1,100}$`, a.Value, "%s of %s", n, name)
			}
		}
	}
}

func TestAttributeValues(t *testing.T) {
	i := usual()
	i.Outcome, i.Severity = incident.NotReverted, policy.Critical
	i.Policies = append(i.Policies, incident.PolicyNote{ID: "a-policy"}, incident.PolicyNote{ID: "a-policy"})
	require.Equal(t, map[string]alert.Attribute{
		"severity": {"String", "critical"}, "severitylevel": {"Number", "5"}, "policy": {"String.Array", `["a-policy","admin-ports-from-internet"]`},
		"account": {"String", "123456789012"}, "region": {"String", "eu-central-1"}, "outcome": {"String", "not-reverted"},
		"mode": {"String", "enforce"}, "team": {"String", "shop"}, "eventtype": {"String", "acted"},
	}, render(t, i).Attributes)

	least := render(t, incident.Incident{Outcome: incident.Compliant}).Attributes
	require.Equal(t, alert.Attribute{Type: "String", Value: "none"}, least["severity"])
	require.Equal(t, alert.Attribute{Type: "Number", Value: "0"}, least["severitylevel"])
	require.Equal(t, alert.Attribute{Type: "String.Array", Value: `["none"]`}, least["policy"])
	require.Equal(t, alert.Attribute{Type: "String", Value: "none"}, least["team"])
	require.Equal(t, alert.Attribute{Type: "String", Value: "none"}, least["eventtype"])
}

// What could not be judged has no severity: a filter on it must not drop it.
func TestUnjudgedCountsAsHigh(t *testing.T) {
	for _, o := range incident.Outcomes() {
		a := render(t, incident.Incident{Outcome: o}).Attributes
		want := "0"
		if o.StaysOpen() {
			want = "4"
		}
		require.Equal(t, want, a["severitylevel"].Value, o)
	}
}

func TestCollectorKeepsMessages(t *testing.T) {
	var c alert.Collector
	all := situations(t)
	require.NoError(t, c.Publish(context.Background(), all["reverted"]))
	require.NoError(t, c.Publish(context.Background(), all["observed"]))
	require.Equal(t, []alert.Message{render(t, all["reverted"]), render(t, all["observed"])}, c.Messages())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, c.Publish(ctx, all["reverted"]), incident.ErrUnavailable)
	require.Len(t, c.Messages(), 2)
}

// TestReferenceListsTheAttributes holds the page for people and the code together.
func TestReferenceListsTheAttributes(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/incident.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "## Message attributes")
	require.True(t, found)
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| (String|Number|String.Array) \\|").FindAllStringSubmatch(table, -1) {
		listed = append(listed, m[1])
		require.Equal(t, m[2], render(t, usual()).Attributes[m[1]].Type, m[1])
	}
	require.ElementsMatch(t, alert.AttributeNames(), listed)
}
