package guard

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/awshttp"
)

const (
	// attempts bounds the tries of one call, the first included. What is still
	// throttled then goes back to the queue, which waits longer than a
	// function should.
	attempts = 4
	// maxBackoff bounds the wait between two tries.
	maxBackoff = 2 * time.Second
	// callTimeout bounds one try: the function has a minute for everything.
	callTimeout = 10 * time.Second
)

// config is a literal, not config.LoadDefaultConfig: a function has its region
// and keys in its environment, and looking for profiles, containers and
// instance metadata takes longer than the rest of the start.
func (e Environment) config() aws.Config {
	keys := aws.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: e.SecretKey, SessionToken: e.SessionKey, Source: "environment"}
	return aws.Config{
		Region:      e.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil }),
		HTTPClient:  e.client(),
		Retryer:     func() aws.Retryer { return awserr.Retryer(attempts, maxBackoff) },
	}
}

func (e Environment) client() aws.HTTPClient {
	if e.Transport != nil {
		return &http.Client{Transport: e.Transport, Timeout: callTimeout}
	}
	return awshttp.New(callTimeout)
}

// clients are those of all services that guard calls.
type clients struct {
	ec2      *ec2.Client
	dynamodb *dynamodb.Client
	sns      *sns.Client
	sqs      *sqs.Client
}

// clients makes them. It calls nothing.
func (e Environment) clients() clients {
	cfg := e.config()
	return clients{
		ec2:      ec2.NewFromConfig(cfg, func(o *ec2.Options) { e.point("EC2", &o.BaseEndpoint) }),
		dynamodb: dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { e.point("DYNAMODB", &o.BaseEndpoint) }),
		sns:      sns.NewFromConfig(cfg, func(o *sns.Options) { e.point("SNS", &o.BaseEndpoint) }),
		sqs:      sqs.NewFromConfig(cfg, func(o *sqs.Options) { e.point("SQS", &o.BaseEndpoint) }),
	}
}

func (e Environment) point(service string, endpoint **string) {
	if url := e.Endpoint(service); url != "" {
		*endpoint = &url
	}
}

// EC2 makes a client for it. It calls nothing.
func (e Environment) EC2() *ec2.Client { return e.clients().ec2 }

// DynamoDB likewise.
func (e Environment) DynamoDB() *dynamodb.Client { return e.clients().dynamodb }
