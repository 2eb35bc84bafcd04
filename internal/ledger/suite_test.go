package ledger_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// book is what both ledgers are.
type book interface {
	Observe(ctx context.Context, groupID string) (incident.Memory, error)
	Open(ctx context.Context, o incident.Opening) (int64, error)
	Close(ctx context.Context, c incident.Closing) error
	Note(ctx context.Context, n incident.Note) (policy.Known, error)
	History(ctx context.Context, groupID string) ([]ledger.Entry, error)
	Operator() ledger.Operator
	Cursor(ctx context.Context) (string, error)
	PutCursor(ctx context.Context, cursor string) error
	Incidents(ctx context.Context, s ledger.Search, see func(incident.Incident) error) error
	warden.SweepLedger
	Exempted(ctx context.Context) ([]string, error)
}

// shelf is a table with its archive.
type shelf struct {
	*ledger.Table
	*ledger.Archive
}

func newShelf(client *dynamodb.Client, table string) shelf {
	return shelf{ledger.NewTable(client, table), ledger.NewArchive(client, table)}
}

var (
	_ book            = shelf{}
	_ book            = (*ledger.InMemory)(nil)
	_ ledger.DynamoDB = (*dynamodb.Client)(nil)
)

const group = "sg-0123456789abcdef0"

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// suite is every case that both ledgers must pass; each gets an empty one, and
// reopen gives the same ledger as another process would see it.
var suite = []struct {
	name string
	run  func(t *testing.T, b book, reopen func() book)
}{
	{"an unknown group", testUnknownGroup},
	{"a note sets what is absent", testNoteSetsAbsent},
	{"a note of very many rules", testNoteOfManyRules},
	{"a note without rules", testNoteWithoutRules},
	{"an incident opens and closes", testOpenAndClose},
	{"open items keep everything known", testKnownIsKept},
	{"another version is a conflict", testConflict},
	{"a lease keeps others out", testLease},
	{"a lease that is over keeps nobody out", testLeaseOver},
	{"closing without opening", testCloseAlone},
	{"closing keeps what stays open", testCloseKeepsOpen},
	{"closing very many incidents", testCloseMany},
	{"closing refuses what it is not told", testCloseRefuses},
	{"the chain shows every change", testChain},
	{"what is learnt late is an entry of its own", testAmend},
	{"incidents are found", testSearch},
	{"the journal lasts an hour", testJournal},
	{"removed rules last a day", testRemoved},
	{"another process goes on", testReopen},
	{"a huge group", testHugeGroup},
	{"a huge group that grew", testHugeGroupThatGrew},
	{"a huge group of missed rules", testHugeGroupOfMissedRules},
	{"a large group is noted", testNoteOnLargeGroup},
	{"a long journal", testLongJournal},
	{"a huge incident", testHugeIncident},
	{"controls", testControls},
	{"the fuse counts with the incident", testFuse},
	{"the fuse counts once", testFuseIsExact},
	{"a pause of one group", testPause},
	{"many items at once", testRecall},
	{"what a sweep says of itself", testSweepRecord},
	{"where a sweep goes on", testCursor},
	{"adopted marks", testAdopt},
	{"an item that becomes a group's", testExpiry},
	{"exemptions are bounded", testExemptionBounds},
	{"one of many opens", testManyOpen},
	{"notes add up", testManyNotes},
	{"a context that is over", testContextOver},
	{"a group without id", testGroupWithoutID},
}

func TestInMemory(t *testing.T) {
	for _, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			b := ledger.NewInMemory()
			c.run(t, b, func() book { return b })
		})
	}
}

func newClient(endpoint string, client aws.HTTPClient) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: client, RetryMaxAttempts: 1,
		// Emulators send no checksum.
		DisableValidateResponseChecksum: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

// rule parses a rule and gives it an id.
func rule(t testing.TB, id, text string) secgroup.Rule {
	t.Helper()
	r, err := secgroup.ParseRule(text)
	require.NoError(t, err)
	r.ID = id
	return r
}

func knownRule(t testing.TB, id, text string) policy.KnownRule {
	t.Helper()
	return policy.KnownRule{Rule: rule(t, id, text), Since: noon}
}

// anIncident is the smallest one that is worth keeping.
func anIncident(t testing.TB, id string) incident.Incident {
	t.Helper()
	before := rule(t, "sgr-1", "ingress tcp/22 from 0.0.0.0/0")
	return incident.Incident{
		ID: id, GroupID: group, Outcome: incident.Pending, OpenedAt: noon, Status: "open",
		Rules: []incident.Rule{{ID: "sgr-1", Direction: secgroup.Ingress, Before: &before, Outcome: incident.Pending}},
	}
}

func closed(i incident.Incident, at time.Time) incident.Incident {
	i.Status, i.Outcome, i.ClosedAt = "closed", incident.Reverted, &at
	return i
}

func observe(t testing.TB, b book) incident.Memory {
	t.Helper()
	m, err := b.Observe(context.Background(), group)
	require.NoError(t, err)
	return m
}

func open(t testing.TB, b book, o incident.Opening) int64 {
	t.Helper()
	o.GroupID = group
	if o.Now.IsZero() {
		o.Now = noon
	}
	v, err := b.Open(context.Background(), o)
	require.NoError(t, err)
	return v
}

func shut(t testing.TB, b book, c incident.Closing) {
	t.Helper()
	c.GroupID = group
	if c.Now.IsZero() {
		c.Now = noon
	}
	require.NoError(t, b.Close(context.Background(), c))
}

func lease(holder string, d time.Duration) incident.Lease {
	return incident.Lease{Holder: holder, Until: noon.Add(d)}
}

func ids(incidents []incident.Incident) string {
	var all []string
	for _, i := range incidents {
		all = append(all, i.ID)
	}
	return strings.Join(all, " ")
}
