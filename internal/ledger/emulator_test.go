//go:build emulator

package ledger_test

import (
	"context"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

// endpointEnv names the emulator of DynamoDB that the suite runs on.
const endpointEnv = "SGWARDEN_TEST_DYNAMODB_ENDPOINT"

// TestTable runs the suite on an emulator; package e2e starts one for it.
func TestTable(t *testing.T) {
	endpoint := os.Getenv(endpointEnv)
	require.NotEmpty(t, endpoint, "%s names no emulator", endpointEnv)
	client := newClient(endpoint, &http.Client{Transport: &oneAtATime{}})
	for n, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			name := "ledger-" + strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.Itoa(n)
			createTable(t, client, name)
			c.run(t, newShelf(client, name), func() book { return newShelf(client, name) })
		})
	}
}

// oneAtATime lets requests pass one by one: emulators do not isolate
// transactions, which DynamoDB does.
type oneAtATime struct{ mu sync.Mutex }

func (o *oneAtATime) RoundTrip(r *http.Request) (*http.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

func createTable(t *testing.T, client *dynamodb.Client, name string) {
	t.Helper()
	_, err := client.CreateTable(context.Background(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
		},
	})
	require.NoError(t, err)
}
