package ledger_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localaws"
)

// TestTableOnLocalAWS runs the suite on the strict DynamoDB of our own, which
// also holds every request of the suite against DynamoDB's limits.
func TestTableOnLocalAWS(t *testing.T) {
	for _, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			cloud := localaws.New(localaws.Options{})
			client := dynamodb.New(dynamodb.Options{
				Region: "us-east-1", HTTPClient: &http.Client{Transport: cloud.Transport()}, Retryer: aws.NopRetryer{},
				Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
				}),
			})
			c.run(t, newShelf(client, cloud.Table()), func() book { return newShelf(client, cloud.Table()) })
			for _, call := range cloud.Calls() {
				require.NotEqual(t, "ValidationException", call.ErrorCode, "%s %s", call, call.Body)
				require.NotEqual(t, "SerializationException", call.ErrorCode, "%s %s", call, call.Body)
			}
		})
	}
}
