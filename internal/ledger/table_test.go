package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// recorder answers DynamoDB's calls from scripts, in order per operation, and
// "{}" where a script has ended. It keeps what was asked.
type recorder struct {
	mu      sync.Mutex
	answers map[string][]string // "CODE BODY" for errors, else the body
	calls   []call
}

type call struct {
	operation string
	body      string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call{operation, string(body)})
	status, answer := http.StatusOK, "{}"
	if script := r.answers[operation]; len(script) > 0 {
		answer, r.answers[operation] = script[0], script[1:]
	}
	if code, rest, found := strings.Cut(answer, " {"); found && !strings.HasPrefix(answer, "{") {
		status = http.StatusBadRequest
		answer = fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s",%s`, code, rest)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(bytes.NewBufferString(answer)), Request: req,
	}, nil
}

// operations lists the calls so far, those made side by side in the order of
// their names, and forgets them.
func (r *recorder) operations() string {
	count := map[string]int{}
	for _, c := range r.calls {
		count[c.operation]++
	}
	r.calls = nil
	var all []string
	for _, o := range []string{"BatchGetItem", "GetItem", "Query", "TransactWriteItems", "UpdateItem"} {
		if count[o] > 0 {
			all = append(all, fmt.Sprintf("%d %s", count[o], o))
			delete(count, o)
		}
	}
	for o := range count {
		all = append(all, "unexpected "+o)
	}
	return strings.Join(all, ", ")
}

// partitions lists the partition keys in the calls so far, each once, sorted.
func (r *recorder) partitions() []string {
	found := map[string]bool{}
	for _, c := range r.calls {
		for _, m := range regexp.MustCompile(`"pk":\{"S":"([^"]*)"`).FindAllStringSubmatch(c.body, -1) {
			found[m[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (r *recorder) body(t *testing.T, operation string) map[string]any {
	t.Helper()
	for _, c := range r.calls {
		if c.operation == operation {
			var m map[string]any
			require.NoError(t, json.Unmarshal([]byte(c.body), &m))
			return m
		}
	}
	t.Fatalf("no %s was called", operation)
	return nil
}

func record(answers map[string][]string) (shelf, *recorder) {
	r := &recorder{answers: answers}
	return newShelf(newClient("http://dynamodb.test", &http.Client{Transport: r}), "sgwarden"), r
}

func TestCallsPerChange(t *testing.T) {
	b, r := record(nil)
	observe(t, b)
	require.Equal(t, "1 BatchGetItem, 1 Query", r.operations())
	v := open(t, b, incident.Opening{Incidents: []incident.Incident{anIncident(t, "inc-1")}, Lease: lease("a", time.Minute)})
	require.Equal(t, "1 TransactWriteItems", r.operations())
	shut(t, b, incident.Closing{Version: v, Incidents: []incident.Incident{closed(anIncident(t, "inc-1"), noon)}, Holder: "a"})
	require.Equal(t, "1 TransactWriteItems", r.operations())
	_, err := b.Note(context.Background(), incident.Note{GroupID: group, Rules: map[string]policy.KnownRule{"sgr-1": knownRule(t, "sgr-1", "ingress all from 10.0.0.0/8")}})
	require.NoError(t, err)
	require.Equal(t, "1 UpdateItem", r.operations())
}

func TestObserveReadsConsistently(t *testing.T) {
	b, r := record(nil)
	observe(t, b)
	query, batch := r.body(t, "Query"), r.body(t, "BatchGetItem")
	require.Equal(t, true, query["ConsistentRead"])
	require.Equal(t, "pk = :pk AND sk BETWEEN :first AND :last", query["KeyConditionExpression"])
	require.Equal(t, map[string]any{":pk": s("group#" + group), ":first": s("item"), ":last": s("open$")}, query["ExpressionAttributeValues"])
	asked := batch["RequestItems"].(map[string]any)["sgwarden"].(map[string]any)
	require.Equal(t, true, asked["ConsistentRead"])
	require.ElementsMatch(t, []any{
		map[string]any{"pk": s("control#all"), "sk": s("controls")}, map[string]any{"pk": s("control#" + group), "sk": s("controls")},
		map[string]any{"pk": s("sweep"), "sk": s("state")}, map[string]any{"pk": s("fuse#all"), "sk": s("state")},
	}, asked["Keys"])
}

func s(text string) map[string]any { return map[string]any{"S": text} }

func TestObserveReadsAllPages(t *testing.T) {
	page := func(id string) string {
		stored, err := anIncident(t, id).MarshalStored()
		require.NoError(t, err)
		item, err := json.Marshal(map[string]any{"pk": s("group#" + group), "sk": s("open#" + id), "document": s(string(stored))})
		require.NoError(t, err)
		return `{"Items":[` + string(item) + `]`
	}
	b, r := record(map[string][]string{"Query": {page("inc-1") + `,"LastEvaluatedKey":{"pk":{"S":"group#x"},"sk":{"S":"open#inc-1"}}}`, page("inc-2") + `}`}})
	require.Equal(t, "inc-1 inc-2", ids(observe(t, b).Open))
	require.Equal(t, "1 BatchGetItem, 2 Query", r.operations())
}

func TestObserveAsksAgainForWhatWasLeftOut(t *testing.T) {
	const left = `{"UnprocessedKeys":{"sgwarden":{"Keys":[{"pk":{"S":"sweep"},"sk":{"S":"state"}}]}}}`
	stamped := `{"Responses":{"sgwarden":[{"pk":{"S":"sweep"},"sk":{"S":"state"},"stamp":{"S":"2026-11-23T12:00:00Z"}}]}}`
	b, r := record(map[string][]string{"BatchGetItem": {left, stamped}})
	require.Equal(t, noon, observe(t, b).Controls.Stamp)
	require.Equal(t, "2 BatchGetItem, 1 Query", r.operations())

	b, _ = record(map[string][]string{"BatchGetItem": {left, left, left, stamped}})
	_, err := b.Observe(context.Background(), group)
	require.ErrorIs(t, err, incident.ErrThrottled, "controls that were not read are not empty")
}

func TestOpenIsConditional(t *testing.T) {
	b, r := record(nil)
	open(t, b, incident.Opening{Incidents: []incident.Incident{anIncident(t, "inc-1")}, Lease: lease("a", time.Minute)})
	first := puts(t, r.body(t, "TransactWriteItems"))
	require.Len(t, first, 2)
	require.Equal(t, "attribute_not_exists(pk)", first[0]["ConditionExpression"])
	require.Equal(t, "ALL_OLD", first[0]["ReturnValuesOnConditionCheckFailure"])
	require.NotContains(t, first[1], "ConditionExpression")
	r.calls = nil

	open(t, b, incident.Opening{Version: 1, Lease: lease("a", time.Minute)})
	second := puts(t, r.body(t, "TransactWriteItems"))[0]
	require.Equal(t, "#version = :version AND (attribute_not_exists(#holder) OR #holder = :holder OR #until <= :now)", second["ConditionExpression"])
	require.Equal(t, map[string]any{"N": "1"}, second["ExpressionAttributeValues"].(map[string]any)[":version"])
	require.Equal(t, map[string]any{"N": "2"}, second["Item"].(map[string]any)["version"])
}

func puts(t *testing.T, body map[string]any) []map[string]any {
	t.Helper()
	var all []map[string]any
	for _, item := range body["TransactItems"].([]any) {
		if put, ok := item.(map[string]any)["Put"]; ok {
			all = append(all, put.(map[string]any))
		}
	}
	return all
}

func TestClosedEntriesExpireAndGroupsDoNot(t *testing.T) {
	b, r := record(nil)
	expiring := func() map[string]any {
		written := map[string]any{}
		for _, p := range puts(t, r.body(t, "TransactWriteItems")) {
			item := p["Item"].(map[string]any)
			written[item["sk"].(map[string]any)["S"].(string)] = item["expires"]
		}
		r.calls = nil
		return written
	}
	shut(t, b, incident.Closing{Incidents: []incident.Incident{closed(anIncident(t, "inc-1"), noon), anIncident(t, "inc-2")}})
	require.Equal(t, map[string]any{
		"item": nil, "open#inc-2": nil,
		"shut#2026-11-23T12:00:00.000000000Z#000000000001#inc-1": map[string]any{"N": fmt.Sprint(noon.AddDate(0, 0, 400).Unix())},
	}, expiring())
	for name, known := range map[string]policy.Known{"whole": {Whole: true}, "named": {Name: "web"}, "in a VPC": {VPCID: "vpc-1"}, "with rules": everything(t)} {
		require.NoError(t, b.Close(context.Background(), incident.Closing{GroupID: name, Known: known, Now: noon}))
		require.Equal(t, map[string]any{"item": nil}, expiring(), name)
	}
	require.NoError(t, b.Close(context.Background(), incident.Closing{GroupID: "event-inc-1", Now: noon}))
	require.NotEqual(t, map[string]any{"item": nil}, expiring(), "the item of an event that concerns no group")
}

func TestTokenIsTheContents(t *testing.T) {
	token := func(o incident.Opening) string {
		b, r := record(nil)
		open(t, b, o)
		return r.body(t, "TransactWriteItems")["ClientRequestToken"].(string)
	}
	o := incident.Opening{Incidents: []incident.Incident{anIncident(t, "inc-1")}, Lease: lease("a", time.Minute), Known: everything(t)}
	require.Len(t, token(o), 36)
	require.Equal(t, token(o), token(o), "a repeated request is the same transaction")
	for name, change := range map[string]func(o *incident.Opening){
		"another holder":   func(o *incident.Opening) { o.Lease.Holder = "b" },
		"another time":     func(o *incident.Opening) { o.Now = noon.Add(time.Second) },
		"another incident": func(o *incident.Opening) { o.Incidents = []incident.Incident{anIncident(t, "inc-2")} },
		"other rules":      func(o *incident.Opening) { o.Known = policy.Known{} },
	} {
		other := o
		change(&other)
		require.NotEqual(t, token(o), token(other), name)
	}
}

func TestNoteIsOneUnconditionalUpdate(t *testing.T) {
	rules := map[string]policy.KnownRule{}
	for n := range 80 {
		id := fmt.Sprintf("sgr-%017x", n)
		rules[id] = knownRule(t, id, "ingress tcp/443 from 10.0.0.0/8")
	}
	b, r := record(nil)
	_, err := b.Note(context.Background(), incident.Note{GroupID: group, Name: "web", VPCID: "vpc-1", Rules: rules, At: noon})
	require.NoError(t, err)
	body := r.body(t, "UpdateItem")
	require.NotContains(t, body, "ConditionExpression")
	require.Equal(t, "ALL_NEW", body["ReturnValues"])
	expression := body["UpdateExpression"].(string)
	require.LessOrEqual(t, len(expression), 4096, "DynamoDB's limit")
	require.Equal(t, 83, strings.Count(expression, "=if_not_exists("), "80 rules, name, VPC, schema")
	require.Equal(t, 83, strings.Count(expression, "="))
	require.Regexp(t, ` REMOVE #\d+ ADD #\d+ :\d+$`, expression)
}

func TestNoteRefusesWhatItCouldNotReadBack(t *testing.T) {
	bad := policy.KnownRule{Rule: secgroup.Rule{ID: "sgr-1", Direction: secgroup.Ingress, Protocol: 999}}
	for name, b := range map[string]book{"table": func() book { b, _ := record(nil); return b }(), "in memory": ledger.NewInMemory()} {
		_, err := b.Note(context.Background(), incident.Note{GroupID: group, Rules: map[string]policy.KnownRule{"sgr-1": bad}})
		require.ErrorIs(t, err, incident.ErrInvalid, name)
	}
}

func TestUnknownVersionIsReadOnce(t *testing.T) {
	b, r := record(map[string][]string{"GetItem": {`{"Item":{"pk":{"S":"group#x"},"sk":{"S":"item"},"version":{"N":"7"},"chain":{"S":"abc"}}}`}})
	require.Equal(t, int64(8), open(t, b, incident.Opening{Version: 7}))
	item := puts(t, r.body(t, "TransactWriteItems"))[0]["Item"].(map[string]any)
	require.Equal(t, s("abc"), item["chain"], "the books are carried on")
	require.Equal(t, "1 GetItem, 1 TransactWriteItems", r.operations())
	open(t, b, incident.Opening{Version: 8})
	require.Equal(t, "1 TransactWriteItems", r.operations())
}
