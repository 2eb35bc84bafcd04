// Command bare is a function that makes given calls of AWS and nothing else:
// the least that guard's work can take. It answers how long they took, without
// what the platform adds.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sgwarden/sgwarden/internal/awshttp"
)

// Call is one call, with the body that was recorded.
type Call struct {
	Service, Operation string
	Body               []byte
}

// Calls are waves: those of a wave are made side by side.
type Calls struct{ Waves [][]Call }

// Answer is how long all waves took.
type Answer struct{ Nanoseconds int64 }

func main() {
	c := newClients()
	lambda.Start(func(ctx context.Context, in Calls) (Answer, error) {
		began := time.Now()
		for _, wave := range in.Waves {
			if err := c.makeAll(ctx, wave); err != nil {
				return Answer{}, err
			}
		}
		return Answer{time.Since(began).Nanoseconds()}, nil
	})
}

type clients struct {
	ec2      *ec2.Client
	dynamodb *dynamodb.Client
	sns      *sns.Client
}

// newClients makes them as guard does.
func newClients() clients {
	keys := aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN")}
	cfg := aws.Config{
		Region: os.Getenv("AWS_REGION"), BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil }),
		HTTPClient:  awshttp.New(10 * time.Second),
	}
	return clients{ec2.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg), sns.NewFromConfig(cfg)}
}

func (c clients) makeAll(ctx context.Context, wave []Call) error {
	if len(wave) == 1 {
		return c.make(ctx, wave[0])
	}
	done := make(chan error, len(wave))
	for _, call := range wave {
		go func() { done <- c.make(ctx, call) }()
	}
	var first error
	for range wave {
		if err := <-done; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// make sends the recorded body through the client of its operation: signed,
// sent, and its answer read into the client's own types.
func (c clients) make(ctx context.Context, call Call) (err error) {
	body := withBody(call.Body)
	switch call.Service + "." + call.Operation {
	case "ec2.DescribeSecurityGroups":
		_, err = c.ec2.DescribeSecurityGroups(ctx, nil, onEC2(body))
	case "ec2.DescribeSecurityGroupRules":
		_, err = c.ec2.DescribeSecurityGroupRules(ctx, nil, onEC2(body))
	case "ec2.DescribeNetworkInterfaces":
		_, err = c.ec2.DescribeNetworkInterfaces(ctx, nil, onEC2(body))
	case "ec2.DescribeVpcs":
		_, err = c.ec2.DescribeVpcs(ctx, nil, onEC2(body))
	case "ec2.RevokeSecurityGroupIngress":
		_, err = c.ec2.RevokeSecurityGroupIngress(ctx, nil, onEC2(body))
	case "dynamodb.Query":
		_, err = c.dynamodb.Query(ctx, nil, onDynamoDB(body))
	case "dynamodb.BatchGetItem":
		_, err = c.dynamodb.BatchGetItem(ctx, nil, onDynamoDB(body))
	case "dynamodb.UpdateItem":
		_, err = c.dynamodb.UpdateItem(ctx, nil, onDynamoDB(body))
	case "dynamodb.TransactWriteItems":
		_, err = c.dynamodb.TransactWriteItems(ctx, nil, onDynamoDB(body))
	case "sns.Publish":
		_, err = c.sns.Publish(ctx, nil, func(o *sns.Options) { o.APIOptions = append(o.APIOptions, body) })
	default:
		err = fmt.Errorf("no client for %s.%s", call.Service, call.Operation)
	}
	return err
}

func onEC2(change func(*middleware.Stack) error) func(*ec2.Options) {
	return func(o *ec2.Options) { o.APIOptions = append(o.APIOptions, change) }
}

func onDynamoDB(change func(*middleware.Stack) error) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) { o.APIOptions = append(o.APIOptions, change) }
}

// withBody puts a body in the place of that which the client made of its
// (empty) input.
func withBody(body []byte) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		_, _ = stack.Initialize.Remove("OperationInputValidation") // some operations require nothing
		return stack.Serialize.Add(middleware.SerializeMiddlewareFunc("RecordedBody", func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
			request, ok := in.Request.(*smithyhttp.Request)
			if !ok {
				return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("request of type %T", in.Request)
			}
			replaced, err := request.SetStream(bytes.NewReader(body))
			if err != nil {
				return middleware.SerializeOutput{}, middleware.Metadata{}, err
			}
			in.Request = replaced
			return next.HandleSerialize(ctx, in)
		}), middleware.After)
	}
}
