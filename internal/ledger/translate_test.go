package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
)

// sentinels are what callers tell apart; an error is exactly one of them.
var sentinels = []error{
	incident.ErrGone, incident.ErrDenied, incident.ErrThrottled, incident.ErrDuplicate, incident.ErrQuota,
	incident.ErrInvalid, incident.ErrUnavailable, incident.ErrConflict, incident.ErrLeased,
}

func requireOnly(t *testing.T, err, want error, of string) {
	t.Helper()
	for _, s := range sentinels {
		require.Equal(t, errors.Is(want, s), errors.Is(err, s), "%s: %v is %v", of, err, s)
	}
}

func TestErrorsOfEveryCall(t *testing.T) {
	calls := map[string]func(b *ledger.Table) error{
		"Query":        func(b *ledger.Table) error { _, err := b.Observe(context.Background(), group); return err },
		"BatchGetItem": func(b *ledger.Table) error { _, err := b.Observe(context.Background(), group); return err },
		"UpdateItem": func(b *ledger.Table) error {
			_, err := b.Note(context.Background(), incident.Note{GroupID: group})
			return err
		},
		"GetItem": func(b *ledger.Table) error {
			_, err := b.Open(context.Background(), incident.Opening{GroupID: group, Version: 3, Now: noon})
			return err
		},
		"TransactWriteItems": func(b *ledger.Table) error {
			return b.Close(context.Background(), incident.Closing{GroupID: group, Now: noon})
		},
	}
	codes := map[string]error{
		"ProvisionedThroughputExceededException": incident.ErrThrottled,
		"ThrottlingException":                    incident.ErrThrottled,
		"RequestLimitExceeded":                   incident.ErrThrottled,
		"AccessDeniedException":                  incident.ErrDenied,
		"UnrecognizedClientException":            incident.ErrDenied,
		"ValidationException":                    incident.ErrInvalid,
		"TransactionConflictException":           incident.ErrConflict,
		"ResourceNotFoundException":              incident.ErrUnavailable, // no table is no empty table
		"InternalServerError":                    incident.ErrUnavailable,
		"SomethingNew":                           incident.ErrUnavailable,
	}
	for operation, run := range calls {
		for code, want := range codes {
			t.Run(operation+" "+code, func(t *testing.T) {
				b, _ := record(map[string][]string{operation: {code + ` {"message":"no"}`}})
				requireOnly(t, run(b.Table), want, operation)
			})
		}
	}
}

func TestCancelledTransactions(t *testing.T) {
	old := func(version int, holder string, until time.Time) string {
		return fmt.Sprintf(`,"Item":{"pk":{"S":"group#x"},"sk":{"S":"item"},"version":{"N":"%d"},"leaseHolder":{"S":"%s"},"leaseUntil":{"N":"%d"}}`, version, holder, until.UnixMilli())
	}
	tests := []struct {
		name, reasons string
		want          error
	}{
		{"another version", `{"Code":"ConditionalCheckFailed"` + old(9, "a", noon.Add(time.Minute)) + `},{"Code":"None"}`, incident.ErrConflict},
		{"another lease", `{"Code":"ConditionalCheckFailed"` + old(9, "b", noon.Add(time.Minute)) + `}`, incident.ErrLeased},
		{"a lease that is over", `{"Code":"ConditionalCheckFailed"` + old(9, "b", noon) + `}`, incident.ErrConflict},
		{"no item told", `{"Code":"ConditionalCheckFailed"}`, incident.ErrConflict},
		{"both at once", `{"Code":"None"},{"Code":"TransactionConflict"}`, incident.ErrConflict},
		{"throttled", `{"Code":"ThrottlingError"}`, incident.ErrThrottled},
		{"out of capacity", `{"Code":"ProvisionedThroughputExceeded"}`, incident.ErrThrottled},
		{"too large", `{"Code":"ValidationError"}`, incident.ErrInvalid},
		{"of an unknown cause", `{"Code":"Whim"}`, incident.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, _ := record(map[string][]string{"TransactWriteItems": {`TransactionCanceledException {"Message":"cancelled","CancellationReasons":[` + tt.reasons + `]}`}})
			_, err := b.Open(context.Background(), incident.Opening{GroupID: group, Lease: lease("a", time.Minute), Now: noon})
			requireOnly(t, err, tt.want, tt.name)
		})
	}
}

type cut struct{}

func (cut) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection reset")
}

func TestConnectionIsCut(t *testing.T) {
	b := ledger.NewTable(newClient("http://dynamodb.test", &http.Client{Transport: cut{}}), "sgwarden")
	_, err := b.Observe(context.Background(), group)
	requireOnly(t, err, incident.ErrUnavailable, "observe")
	_, err = b.Note(context.Background(), incident.Note{GroupID: group})
	requireOnly(t, err, incident.ErrUnavailable, "note")
}

// What cannot be read is an error: it must never look like "no item".
func TestBrokenItemsAreNotEmpty(t *testing.T) {
	query := func(attributes string) map[string][]string {
		return map[string][]string{"Query": {`{"Items":[{"pk":{"S":"group#x"},` + attributes + `}]}`}}
	}
	control := func(pk, attributes string) map[string][]string {
		return map[string][]string{"BatchGetItem": {`{"Responses":{"sgwarden":[{"pk":{"S":"` + pk + `"},"sk":{"S":"state"},` + attributes + `}]}}`}}
	}
	for name, answers := range map[string]map[string][]string{
		"an item of a newer release":     query(`"sk":{"S":"item"},"schema":{"N":"3"}`),
		"rules that are not packed":      query(`"sk":{"S":"item"},"schema":{"N":"2"},"rules":{"B":"AQI="}`),
		"a version that is no number":    query(`"sk":{"S":"item"},"version":{"S":"1"}`),
		"a rule that is no JSON":         query(`"sk":{"S":"item"},"rule#sgr-1":{"S":"{"}`),
		"a rule that is none":            query(`"sk":{"S":"item"},"rule#sgr-1":{"S":"{\"rule\":\"all\"}"}`),
		"an old value that is none":      query(`"sk":{"S":"item"},"rule#sgr-1":{"S":"{\"rule\":\"ingress all from ::/0\",\"before\":{}}"}`),
		"a removed rule that is no JSON": query(`"sk":{"S":"item"},"gone#sgr-1":{"S":"x"}`),
		"a journal that is none":         query(`"sk":{"S":"item"},"journal":{"S":"{}"}`),
		"an incident that is none":       query(`"sk":{"S":"open#inc-1"},"document":{"S":"{}"}`),
		"an incident without document":   query(`"sk":{"S":"open#inc-1"}`),
		"an incident that is not packed": query(`"sk":{"S":"open#inc-1"},"packed":{"B":"AAAA"}`),
		"controls of a newer release":    control("sweep", `"schema":{"N":"2"}`),
		"a stamp that is no time":        control("sweep", `"stamp":{"S":"yesterday"}`),
		"an act that is no JSON":         control("sweep", `"act#a@d":{"S":"done"}`),
		"an exemption of everything":     control("control#all", `"exemption#EX-1":{"S":"{\"policy\":\"*\",\"until\":\"2027-01-01T00:00:00Z\"}"}`),
		"an exemption without end":       control("control#all", `"exemption#EX-1":{"S":"{\"policy\":\"*\",\"rules\":[\"ingress all from ::/0\"]}"}`),
		"an exemption of no rule":        control("control#all", `"exemption#EX-1":{"S":"{\"policy\":\"*\",\"rules\":[\"all\"]}"}`),
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := record(answers)
			m, err := b.Observe(context.Background(), group)
			requireOnly(t, err, incident.ErrInvalid, name)
			require.Zero(t, m)
		})
	}
}

// The guard's role is bound to its keys, so that it cannot exempt itself.
func TestGuardWritesOnlyItsKeys(t *testing.T) {
	b, r := record(nil)
	v := open(t, b, incident.Opening{Incidents: []incident.Incident{anIncident(t, "inc-1")}, Lease: lease("a", time.Minute)})
	shut(t, b, incident.Closing{Version: v, Incidents: []incident.Incident{closed(anIncident(t, "inc-1"), noon)}, Holder: "a"})
	_, err := b.Note(context.Background(), incident.Note{GroupID: group})
	require.NoError(t, err)
	require.Equal(t, []string{"group#" + group}, r.partitions())

	r.calls = nil
	require.NoError(t, b.Operator().Hold(context.Background(), "p@d1", incident.Hold{Reason: "too many groups", At: noon}))
	require.Equal(t, []string{"fuse#all"}, r.partitions())
	require.Equal(t, []string{"group#*", "fuse#*"}, ledger.GuardKeys())

	r.calls = nil
	require.NoError(t, b.Operator().PutStamp(context.Background(), noon))
	require.NoError(t, b.Operator().Pause(context.Background(), "", "migration"))
	require.NoError(t, b.Operator().PutExemption(context.Background(), anExemption(t), noon))
	require.Equal(t, []string{"control#all", "control#exemptions", "control#" + group, "sweep"}, r.partitions())
}
