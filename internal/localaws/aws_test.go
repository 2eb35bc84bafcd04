package localaws_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

// clients are real ones, that try once.
type clients struct {
	ec2      *ec2.Client
	dynamodb *dynamodb.Client
	sns      *sns.Client
	sqs      *sqs.Client
}

func newClients(client *http.Client, endpoint *string, key, region string) clients {
	cfg := aws.Config{
		Region: region, HTTPClient: client, BaseEndpoint: endpoint, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret"}, nil
		}),
	}
	return clients{ec2.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg), sns.NewFromConfig(cfg), sqs.NewFromConfig(cfg)}
}

func within(a *localaws.AWS) clients {
	return newClients(&http.Client{Transport: a.Transport()}, nil, "AKIDTEST", localec2.DefaultRegion)
}

// each is one call of every service that changes something, and one read of
// those that have any.
func each(a *localaws.AWS, c clients) []func(ctx context.Context) error {
	key := map[string]dynamotypes.AttributeValue{"pk": &dynamotypes.AttributeValueMemberS{Value: "a"}, "sk": &dynamotypes.AttributeValueMemberS{Value: "1"}}
	return []func(ctx context.Context) error{
		func(ctx context.Context) error {
			_, err := c.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("d")})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.dynamodb.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(a.Table()), Item: key})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.sns.Publish(ctx, &sns.PublishInput{TopicArn: aws.String(a.TopicARN()), Message: aws.String("text")})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(a.QueueURL()), MessageBody: aws.String("text")})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.dynamodb.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(a.Table()), Key: key})
			return err
		},
	}
}

// effects counts what the calls of each left behind.
func effects(a *localaws.AWS) int {
	groups := len(a.EC2().Account(localec2.DefaultAccount, localec2.DefaultRegion).Groups()) - 1
	return groups + len(a.DynamoDB().Items(a.Table())) + len(a.Published()) + len(a.Queued())
}

func TestEveryServiceIsBehindOneEndpoint(t *testing.T) {
	a := localaws.New(localaws.Options{})
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	for name, c := range map[string]clients{
		"in process": within(a), "over a socket": newClients(server.Client(), &server.URL, "AKIDTEST", localec2.DefaultRegion),
	} {
		a.Forget()
		for _, call := range each(a, c)[1:] {
			require.NoError(t, call(t.Context()), name)
		}
		var got []string
		for _, c := range a.Calls() {
			require.Equal(t, 200, c.Status)
			require.NotEmpty(t, c.RequestID)
			require.Equal(t, localec2.DefaultAccount, c.AccountID)
			require.Equal(t, localec2.DefaultRegion, c.Region)
			require.Equal(t, "AKIDTEST", c.AccessKeyID)
			require.Equal(t, c.Body == nil, c.Params != nil, "%s", c)
			if c.Changes {
				got = append(got, c.String()+"!")
			} else {
				got = append(got, c.String())
			}
		}
		require.Equal(t, []string{"dynamodb.PutItem!", "sns.Publish!", "sqs.SendMessage!", "ec2.DescribeVpcs", "dynamodb.GetItem"}, got, name)
	}
}

// TestFaults runs every fault on a call of every service.
func TestFaults(t *testing.T) {
	for _, f := range localaws.Faults() {
		for n := range each(nil, clients{}) {
			synctest.Test(t, func(t *testing.T) {
				a := localaws.New(localaws.Options{})
				call := each(a, within(a))[n]
				before := a.EC2().Snapshot()
				impossible := ""
				a.Disturb(func(c localaws.Call) localec2.Disturbance {
					if impossible = f.NotOn(c); impossible != "" {
						return localec2.Disturbance{}
					}
					return f.On(c, before)
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := call(ctx)
				calls := a.Calls()
				require.Len(t, calls, 1)
				changes := calls[0].Changes
				if impossible != "" {
					require.NoError(t, err)
					return
				}
				var api smithy.APIError
				switch f {
				case localaws.Throttled, localaws.Failed, localaws.AccessDenied:
					require.ErrorAs(t, err, &api)
					require.Equal(t, calls[0].ErrorCode, api.ErrorCode())
					require.NotZero(t, calls[0].Status)
				case localaws.Unreachable:
					require.ErrorIs(t, err, syscall.ECONNREFUSED)
				case localaws.Reset, localaws.ResetAfter:
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				case localaws.Hanging:
					require.ErrorIs(t, err, context.DeadlineExceeded)
				case localaws.Swallowed, localaws.StaleRead:
					require.NoError(t, err)
				}
				want := 0
				if changes && f == localaws.ResetAfter {
					want = 1
				}
				require.Equal(t, want, effects(a), "%s on %s", f, calls[0])
			})
		}
	}
}

func TestWhatCannotHappenIsNoDisturbance(t *testing.T) {
	a := localaws.New(localaws.Options{})
	a.Disturb(func(localaws.Call) localec2.Disturbance { return localec2.Swallow() })
	require.Panics(t, func() { _ = each(a, within(a))[1](t.Context()) })
}

func TestSomethingHappensBetweenEffectAndAnswer(t *testing.T) {
	a := localaws.New(localaws.Options{})
	for n, call := range each(a, within(a))[:4] {
		seen := 0
		a.Disturb(func(localaws.Call) localec2.Disturbance {
			return localec2.Disturbance{}.Then(func() { seen = effects(a) })
		})
		require.NoError(t, call(t.Context()))
		require.Equal(t, n+1, seen)
	}
}

func TestAsideIsNeitherListedNorDisturbed(t *testing.T) {
	a := localaws.New(localaws.Options{})
	a.Disturb(func(localaws.Call) localec2.Disturbance { return localec2.Lose() })
	c := newClients(&http.Client{Transport: a.Aside()}, nil, "AKIDTEST", localec2.DefaultRegion)
	for _, call := range each(a, c) {
		require.NoError(t, call(t.Context()))
	}
	require.Empty(t, a.Calls())
}

func TestOtherAccountsAndRegionsHaveNothing(t *testing.T) {
	a := localaws.New(localaws.Options{})
	for _, at := range [][2]string{{"999999999999", localec2.DefaultRegion}, {"AKIDTEST", "eu-west-1"}} {
		c := newClients(&http.Client{Transport: a.Transport()}, nil, at[0], at[1])
		for _, n := range []int{1, 2, 3, 5} {
			var api smithy.APIError
			require.ErrorAs(t, each(a, c)[n](t.Context()), &api)
			require.Contains(t, []string{"ResourceNotFoundException", "NotFound", "AWS.SimpleQueueService.NonExistentQueue"}, api.ErrorCode())
		}
	}
	require.Zero(t, effects(a))
}

func TestPublish(t *testing.T) {
	a := localaws.New(localaws.Options{})
	c := within(a)
	attribute := func(kind, value string) snstypes.MessageAttributeValue {
		return snstypes.MessageAttributeValue{DataType: &kind, StringValue: &value}
	}
	good := func() *sns.PublishInput {
		return &sns.PublishInput{
			TopicArn: aws.String(a.TopicARN()), Subject: aws.String("a subject"), MessageStructure: aws.String("json"), Message: aws.String(`{"default":"d","sqs":"q"}`),
			MessageAttributes: map[string]snstypes.MessageAttributeValue{"severity": attribute("String", "high"), "policy": attribute("String.Array", `["p"]`), "n": attribute("Number", "1")},
		}
	}
	out, err := c.sns.Publish(t.Context(), good())
	require.NoError(t, err)
	require.Len(t, a.Published(), 1)
	m := a.Published()[0]
	require.Equal(t, *out.MessageId, m.ID)
	require.Equal(t, "a subject", m.Subject)
	require.Equal(t, "q", m.For("sqs"))
	require.Equal(t, "d", m.For("email"))
	require.Equal(t, map[string]localaws.Attribute{"severity": {"String", "high"}, "policy": {"String.Array", `["p"]`}, "n": {"Number", "1"}}, m.Attributes)
	for name, spoil := range map[string]func(*sns.PublishInput){
		"another topic":     func(in *sns.PublishInput) { in.TopicArn = aws.String(a.TopicARN() + "x") },
		"long subject":      func(in *sns.PublishInput) { in.Subject = aws.String(strings.Repeat("s", 100)) },
		"empty subject":     func(in *sns.PublishInput) { in.Subject = aws.String("") },
		"line in subject":   func(in *sns.PublishInput) { in.Subject = aws.String("a\nb") },
		"subject of others": func(in *sns.PublishInput) { in.Subject = aws.String("é") },
		"empty message":     func(in *sns.PublishInput) { in.Message = aws.String("") },
		"no default":        func(in *sns.PublishInput) { in.Message = aws.String(`{"sqs":"q"}`) },
		"no JSON":           func(in *sns.PublishInput) { in.Message = aws.String(`text`) },
		"structure":         func(in *sns.PublishInput) { in.MessageStructure = aws.String(`xml`) },
		"too long": func(in *sns.PublishInput) {
			in.Message = aws.String(`{"default":"` + strings.Repeat("x", 262_144) + `"}`)
		},
		"group id":        func(in *sns.PublishInput) { in.MessageGroupId = aws.String("g") },
		"empty attribute": func(in *sns.PublishInput) { in.MessageAttributes["a"] = attribute("String", "") },
		"odd attribute":   func(in *sns.PublishInput) { in.MessageAttributes["a"] = attribute("Text", "a") },
		"no array":        func(in *sns.PublishInput) { in.MessageAttributes["a"] = attribute("String.Array", "a") },
		"eleven attributes": func(in *sns.PublishInput) {
			for _, n := range strings.Split("abcdefgh", "") {
				in.MessageAttributes[n] = attribute("String", "v")
			}
		},
	} {
		in := good()
		spoil(in)
		_, err := c.sns.Publish(t.Context(), in)
		var api smithy.APIError
		require.ErrorAs(t, err, &api, name)
	}
	require.Len(t, a.Published(), 1)
	_, err = c.sns.ListTopics(t.Context(), &sns.ListTopicsInput{})
	require.ErrorContains(t, err, "InvalidAction")
}

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := localaws.New(localaws.Options{Visibility: time.Minute})
		c, q := within(a), a.Queue()
		first := q.Send("one", 0)
		_, err := c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(a.QueueURL()), MessageBody: aws.String("two"), DelaySeconds: 30})
		require.NoError(t, err)
		got := q.Receive(10)
		require.Len(t, got, 1)
		require.Equal(t, first, got[0].ID)
		require.Empty(t, q.Receive(10))
		next, ok := q.Next()
		require.True(t, ok)
		require.Equal(t, 30*time.Second, time.Until(next))

		_, err = c.sqs.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: aws.String(a.QueueURL()), ReceiptHandle: &got[0].Receipt, VisibilityTimeout: 5})
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		again := q.Receive(10)
		require.Equal(t, 2, again[0].Receives)
		q.Delete(got[0].Receipt)
		require.Len(t, a.Queued(), 2, "an old receipt deletes nothing")
		q.Delete(again[0].Receipt)
		require.Len(t, a.Queued(), 1)
		time.Sleep(25 * time.Second)
		require.Equal(t, "two", q.Receive(1)[0].Body)
		time.Sleep(time.Minute)
		require.Equal(t, "two", q.Receive(1)[0].Body, "visible again")

		refused := func(err error, code string) {
			t.Helper()
			var api smithy.APIError
			require.ErrorAs(t, err, &api)
			require.Equal(t, code, api.ErrorCode())
		}
		_, err = c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(a.QueueURL()), MessageBody: aws.String("x"), DelaySeconds: 901})
		refused(err, "InvalidParameterValue")
		_, err = c.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(a.QueueURL()), MessageBody: aws.String("x"), MessageGroupId: aws.String("g")})
		refused(err, "InvalidParameterValue")
		_, err = c.sqs.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: aws.String(a.QueueURL()), ReceiptHandle: &got[0].Receipt, VisibilityTimeout: 43_201})
		refused(err, "InvalidParameterValue")
		_, err = c.sqs.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: aws.String(a.QueueURL()), ReceiptHandle: &got[0].Receipt, VisibilityTimeout: 1})
		refused(err, "ReceiptHandleIsInvalid")
		_, err = c.sqs.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: aws.String(a.QueueURL())})
		refused(err, "UnknownOperationException")
	})
}

// TestEC2IsWhole: the calls of EC2 stand in the same list, with who made them
// and how they were answered.
func TestEC2IsWhole(t *testing.T) {
	a := localaws.New(localaws.Options{})
	c := within(a)
	_, err := c.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String("sg-0123456789abcdef0"), IpPermissions: []ec2types.IpPermission{{IpProtocol: aws.String("-1")}}})
	require.Error(t, err)
	_, err = c.dynamodb.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("none"), Key: map[string]dynamotypes.AttributeValue{}})
	require.Error(t, err)
	calls := a.Calls()
	require.Len(t, calls, 2)
	require.Equal(t, "ec2.RevokeSecurityGroupIngress", calls[0].String())
	require.Equal(t, "sg-0123456789abcdef0", calls[0].Params.Get("GroupId"))
	require.Equal(t, "InvalidGroup.NotFound", calls[0].ErrorCode)
	require.Equal(t, "ResourceNotFoundException", calls[1].ErrorCode)
	require.True(t, json.Valid(calls[1].Body))
	r := httptest.NewRequest(http.MethodPost, "http://s3.test/", http.NoBody)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/s3/aws4_request")
	_, err = a.Transport().RoundTrip(r) //nolint:bodyclose // there is no answer
	require.ErrorContains(t, err, `no service "s3"`)
	require.False(t, errors.Is(err, localec2.ErrLost))
}
