package dynamodb_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localaws/dynamodb"
)

// world is a table "t" with the item a/1.
type world struct {
	*dynamodb.DB
	t   *testing.T
	now time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	w.DB = dynamodb.New(func() time.Time { return w.now })
	w.MakeTable("t", "pk", "sk")
	w.ok("PutItem", `{"TableName":"t","Item":{"pk":{"S":"a"},"sk":{"S":"1"},"n":{"N":"5"},"s":{"S":"text"},"l":{"L":[{"S":"x"}]}}}`)
	return w
}

func (w *world) ok(operation, body string) string {
	w.t.Helper()
	b, fault := w.Do(operation, []byte(body), false)
	require.Nil(w.t, fault, "%s %s", operation, body)
	return string(b)
}

// refused checks that a request is refused with the error code, and that the
// table is as it was.
func (w *world) refused(operation, body, code string) {
	w.t.Helper()
	_ = w.fault(operation, body, code)
}

// fault is refused that gives the fault.
func (w *world) fault(operation, body, code string) *dynamodb.Fault {
	w.t.Helper()
	before, err := json.Marshal(w.Items("t"))
	require.NoError(w.t, err)
	_, fault := w.Do(operation, []byte(body), false)
	require.NotNil(w.t, fault, "%s %s", operation, body)
	_, name, _ := strings.Cut(fault.Type, "#")
	require.Equal(w.t, code, name, "%s", fault)
	after, err := json.Marshal(w.Items("t"))
	require.NoError(w.t, err)
	require.JSONEq(w.t, string(before), string(after))
	return fault
}

const keyA1 = `"TableName":"t","Key":{"pk":{"S":"a"},"sk":{"S":"1"}}`

var placeholder = regexp.MustCompile(`:\w+`)

func TestConditions(t *testing.T) {
	for expression, want := range map[string]bool{
		"attribute_exists(n)":              true,
		"attribute_exists(m)":              false,
		"attribute_not_exists(m)":          true,
		"NOT attribute_exists(m)":          true,
		"n = :5":                           true,
		"n = :five":                        true,
		"n = :text":                        false,
		"n <> :text":                       true,
		"m <> :5":                          true,
		"m = :5":                           false,
		"n < :10":                          true,
		"n < :text":                        false,
		"n BETWEEN :5 AND :10":             true,
		"n IN (:10, :5)":                   true,
		"m IN (:10, :5)":                   false,
		"s = :text":                        true,
		"begins_with(s, :te)":              true,
		"contains(s, :te)":                 true,
		"contains(l, :x)":                  true,
		"attribute_type(s, :S)":            true,
		"size(s) < :5":                     true,
		"m = :5 OR n = :5 AND s = :te":     false,
		"(m = :5 OR n = :5) AND s = :text": true,
		"#n=:5 and(attribute_not_exists(#m) or #m<=:5)":             true,
		"#n=:5 AND (attribute_exists(#m) OR #m = :5)":               false,
		"attribute_not_exists(pk)":                                  false,
		"NOT (n = :5 AND s = :text) OR NOT NOT begins_with(s, :te)": true,
	} {
		t.Run(expression, func(t *testing.T) {
			w := newWorld(t)
			values := map[string]string{
				":5": `{"N":"5"}`, ":five": `{"N":"0.50e1"}`, ":10": `{"N":"10"}`, ":text": `{"S":"text"}`, ":te": `{"S":"te"}`, ":x": `{"S":"x"}`, ":S": `{"S":"S"}`,
			}
			used := map[string]bool{}
			for _, name := range placeholder.FindAllString(expression, -1) {
				used[fmt.Sprintf(`%q:%s`, name, values[name])] = true
			}
			body := `{` + keyA1 + fmt.Sprintf(`,"UpdateExpression":"REMOVE l","ConditionExpression":%q`, expression)
			if len(used) > 0 {
				body += `,"ExpressionAttributeValues":{` + strings.Join(slices.Collect(maps.Keys(used)), ",") + `}`
			}
			if strings.Contains(expression, "#") {
				body += `,"ExpressionAttributeNames":{"#n":"n","#m":"m"}`
			}
			if want {
				w.ok("UpdateItem", body+`}`)
			} else {
				fault := w.fault("UpdateItem", body+`,"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`, "ConditionalCheckFailedException")
				require.Contains(t, string(fault.Body()), `"Item":{`)
			}
		})
	}
}

func TestUpdates(t *testing.T) {
	for _, c := range []struct{ expression, values, want string }{
		{"SET m = :v", `{":v":{"S":"new"}}`, `"m":{"S":"new"}`},
		{"SET n = if_not_exists(n, :v), m = if_not_exists(m, :v)", `{":v":{"N":"9"}}`, `"m":{"N":"9"},"n":{"N":"5"}`},
		{"SET n = n + :v", `{":v":{"N":"0.25"}}`, `"n":{"N":"5.25"}`},
		{"SET n = :v - n", `{":v":{"N":"1e2"}}`, `"n":{"N":"95"}`},
		{"SET m = n, n = :v", `{":v":{"N":"1"}}`, `"m":{"N":"5"},"n":{"N":"1"}`},
		{"ADD n :v, m :v", `{":v":{"N":"-7"}}`, `"m":{"N":"-7"},"n":{"N":"-2"}`},
		{"SET m = :v REMOVE l ADD n :w", `{":v":{"BOOL":true},":w":{"N":"1"}}`, `"m":{"BOOL":true},"n":{"N":"6"}`},
	} {
		t.Run(c.expression, func(t *testing.T) {
			w := newWorld(t)
			got := w.ok("UpdateItem", `{`+keyA1+`,"UpdateExpression":"`+c.expression+`","ExpressionAttributeValues":`+c.values+`,"ReturnValues":"ALL_NEW"}`)
			require.Contains(t, got, c.want)
			require.Equal(t, strings.Contains(c.expression, "REMOVE l"), !strings.Contains(got, `"l":`))
		})
	}
	w := newWorld(t)
	require.JSONEq(t, `{"Attributes":{"pk":{"S":"b"},"sk":{"S":"1"},"v":{"N":"1"}}}`,
		w.ok("UpdateItem", `{"TableName":"t","Key":{"pk":{"S":"b"},"sk":{"S":"1"}},"UpdateExpression":"ADD v :one","ExpressionAttributeValues":{":one":{"N":"1"}},"ReturnValues":"ALL_NEW"}`),
		"an update makes the item")
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	set := func(rest string) string { return `{` + keyA1 + `,` + rest + `}` }
	values := func(expression string) string {
		return set(`"UpdateExpression":"` + expression + `","ExpressionAttributeValues":{":v":{"N":"1"}}`)
	}
	item := func(attributes string) string { return `{"TableName":"t","Item":{` + attributes + `}}` }
	for _, c := range []struct{ operation, body, code string }{
		{"BatchWriteItem", `{"TableName":"t"}`, "UnknownOperationException"},
		{"Scan", `{"TableName":"other"}`, "ResourceNotFoundException"},
		{"Scan", `{"TableName":"t","Limit":0}`, "ValidationException"},
		{"Scan", `{"TableName":"t","Segment":0,"TotalSegments":2}`, "ValidationException"},
		{"Scan", `{"TableName":"t","FilterExpression":"n = :v"}`, "ValidationException"},
		{"Scan", `{"TableName":"t","ExpressionAttributeValues":{":v":{"N":"1"}}}`, "ValidationException"},
		{"GetItem", `{"TableName":"other","Key":{"pk":{"S":"a"},"sk":{"S":"1"}}}`, "ResourceNotFoundException"},
		{"GetItem", `{` + keyA1 + `,"ProjectionExpression":"n"}`, "ValidationException"},
		{"GetItem", `{` + keyA1 + `,"ReturnConsumedCapacity":"TOTAL"}`, "ValidationException"},
		{"GetItem", `{` + keyA1, "SerializationException"},
		{"GetItem", `{` + keyA1 + `} {}`, "SerializationException"},
		{"GetItem", `{"TableName":"t","Key":{"pk":{"S":"a"}}}`, "ValidationException"},
		{"GetItem", `{"TableName":"t","Key":{"pk":{"S":"a"},"sk":{"S":"1"},"n":{"N":"5"}}}`, "ValidationException"},
		{"GetItem", `{"TableName":"t","Key":{"pk":{"S":""},"sk":{"S":"1"}}}`, "ValidationException"},
		{"GetItem", `{"TableName":"t","Key":{"pk":{"N":"1"},"sk":{"S":"1"}}}`, "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"},"sk":{"S":""}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"` + strings.Repeat("k", 2049) + `"},"sk":{"S":"1"}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"},"sk":{"S":"` + strings.Repeat("k", 1025) + `"}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"},"sk":{"S":"2"},"x":{"S":"` + strings.Repeat("x", 400<<10) + `"}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"},"sk":{"S":"2"},"x":{}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"},"sk":{"S":"2"},"x":{"S":"1","N":"1"}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"},"sk":{"S":"2"},"x":{"N":"one"}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"},"sk":{"S":"2"},"x":{"N":"` + strings.Repeat("1", 39) + `"}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"},"sk":{"S":"2"},"x":{"N":"1e126"}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"},"sk":{"S":"2"},"x":{"SS":["a","a"]}`), "ValidationException"},
		{"PutItem", item(`"pk":{"S":"a"},"sk":{"S":"2"},"x":{"NS":[]}`), "ValidationException"},
		{"PutItem", set(`"UpdateExpression":"REMOVE n"`), "ValidationException"},
		{"UpdateItem", values("SET n = :v, n = :v"), "ValidationException"},
		{"UpdateItem", values("SET n = :v REMOVE n"), "ValidationException"},
		{"UpdateItem", values("SET m = :v SET o = :v"), "ValidationException"},
		{"UpdateItem", values("SET pk = :v"), "ValidationException"},
		{"UpdateItem", values("SET name = :v"), "ValidationException"},
		{"UpdateItem", values("SET m = :w"), "ValidationException"},
		{"UpdateItem", values("SET #m = :v"), "ValidationException"},
		{"UpdateItem", values("SET d.m = :v"), "ValidationException"},
		{"UpdateItem", values("SET l[0] = :v"), "ValidationException"},
		{"UpdateItem", values("SET m = list_append(l, :v)"), "ValidationException"},
		{"UpdateItem", values("SET m = o + :v"), "ValidationException"},
		{"UpdateItem", values("SET m = s + :v"), "ValidationException"},
		{"UpdateItem", values("DELETE m :v"), "ValidationException"},
		{"UpdateItem", values("SET m := :v"), "ValidationException"},
		{"UpdateItem", values("SET m = :v,"), "ValidationException"},
		{"UpdateItem", values("REMOVE m"), "ValidationException"}, // :v is not used
		{"UpdateItem", values(""), "ValidationException"},
		{"UpdateItem", values("SET " + strings.Repeat("m", 4093) + " = :v"), "ValidationException"},
		{"UpdateItem", values("SET m = :v" + strings.Repeat(" + :v", 300)), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"ADD s :v","ExpressionAttributeValues":{":v":{"N":"1"}}`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"ADD m :v","ExpressionAttributeValues":{":v":{"SS":["a"]}}`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"REMOVE m","ExpressionAttributeValues":{}`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"REMOVE m","ExpressionAttributeNames":{}`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"REMOVE m","ExpressionAttributeNames":{"m":"m"}`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"REMOVE m","ReturnValues":"UPDATED_NEW"`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"REMOVE m","ConditionExpression":"exists(n)"`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"REMOVE m","ConditionExpression":"attribute_exists(n) attribute_exists(s)"`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"REMOVE m","ConditionExpression":"attribute_exists(n, s)"`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"REMOVE m","ConditionExpression":"begins_with(s)"`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"REMOVE m","ConditionExpression":"(attribute_exists(n)"`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"REMOVE m","Expected":{}`), "ValidationException"},
		{"UpdateItem", set(`"UpdateExpression":"SET x = :v","ExpressionAttributeValues":{":v":{"S":"` + strings.Repeat("x", 400<<10-1) + `"}}`), "ValidationException"},
		{"Query", `{"TableName":"t","KeyConditionExpression":"sk = :v","ExpressionAttributeValues":{":v":{"S":"1"}}}`, "ValidationException"},
		{"Query", `{"TableName":"t","KeyConditionExpression":"pk > :v","ExpressionAttributeValues":{":v":{"S":"1"}}}`, "ValidationException"},
		{"Query", `{"TableName":"t","KeyConditionExpression":"pk = :v AND n = :v","ExpressionAttributeValues":{":v":{"S":"1"}}}`, "ValidationException"},
		{"Query", `{"TableName":"t","KeyConditionExpression":"pk = :v AND sk <> :v","ExpressionAttributeValues":{":v":{"S":"1"}}}`, "ValidationException"},
		{"Query", `{"TableName":"t","KeyConditionExpression":"pk = :v AND sk BETWEEN :b AND :v","ExpressionAttributeValues":{":v":{"S":"1"},":b":{"S":"2"}}}`, "ValidationException"},
		{"Query", `{"TableName":"t","KeyConditionExpression":"pk = :v","ExpressionAttributeValues":{":v":{"N":"1"}}}`, "ValidationException"},
		{"Query", `{"TableName":"t","KeyConditionExpression":"pk = :v","ExpressionAttributeValues":{":v":{"S":""}}}`, "ValidationException"},
		{"Query", `{"TableName":"t","KeyConditionExpression":"pk = :v","Limit":0,"ExpressionAttributeValues":{":v":{"S":"1"}}}`, "ValidationException"},
		{"Query", `{"TableName":"t","KeyConditionExpression":"pk = :v","FilterExpression":"n = :v","ExpressionAttributeValues":{":v":{"S":"1"}}}`, "ValidationException"},
		{"BatchGetItem", `{"RequestItems":{}}`, "ValidationException"},
		{"BatchGetItem", `{"RequestItems":{"t":{"Keys":[]}}}`, "ValidationException"},
		{"BatchGetItem", `{"RequestItems":{"t":{"Keys":[{"pk":{"S":"a"},"sk":{"S":"1"}},{"pk":{"S":"a"},"sk":{"S":"1"}}]}}}`, "ValidationException"},
		{"BatchGetItem", `{"RequestItems":{"t":{"Keys":[` + keys(101) + `]}}}`, "ValidationException"},
		{"TransactWriteItems", `{"TransactItems":[]}`, "ValidationException"},
		{"TransactWriteItems", `{"TransactItems":[{}]}`, "ValidationException"},
		{"TransactWriteItems", `{"TransactItems":[` + puts(101, "x") + `]}`, "ValidationException"},
		{"TransactWriteItems", `{"TransactItems":[` + puts(41, strings.Repeat("x", 100<<10)) + `]}`, "ValidationException"},
		{"TransactWriteItems", `{"TransactItems":[` + puts(1, "x") + `,` + puts(1, "y") + `]}`, "ValidationException"},
		{"TransactWriteItems", `{"ClientRequestToken":"` + strings.Repeat("t", 37) + `","TransactItems":[` + puts(1, "x") + `]}`, "ValidationException"},
		{"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"t","Item":{"pk":{"S":"a"},"sk":{"S":"9"}},"ReturnValues":"ALL_OLD"}}]}`, "ValidationException"},
	} {
		w.refused(c.operation, c.body, c.code)
	}
}

func keys(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"pk":{"S":"a"},"sk":{"S":"%03d"}}`, i))
	}
	return strings.Join(all, ",")
}

func puts(n int, x string) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"Put":{"TableName":"t","Item":{"pk":{"S":"p"},"sk":{"S":"%03d"},"x":{"S":"%s"}}}}`, i, x))
	}
	return strings.Join(all, ",")
}

func TestTransactions(t *testing.T) {
	w := newWorld(t)
	w.ok("TransactWriteItems", `{"TransactItems":[`+puts(100, "x")+`]}`)
	require.Len(t, w.Items("t"), 101)

	checked := func(condition string) string {
		return `{"Put":{"TableName":"t","Item":{"pk":{"S":"a"},"sk":{"S":"1"}},"ConditionExpression":"` + condition + `","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}}`
	}
	fault := w.fault("TransactWriteItems", `{"TransactItems":[`+puts(1, "y")+`,`+checked("attribute_not_exists(pk)")+
		`,{"ConditionCheck":{"TableName":"t","Key":{"pk":{"S":"z"},"sk":{"S":"z"}},"ConditionExpression":"attribute_exists(pk)"}}]}`, "TransactionCanceledException")
	require.JSONEq(t, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
		"Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, ConditionalCheckFailed]",
		"CancellationReasons":[{"Code":"None"},
			{"Code":"ConditionalCheckFailed","Message":"The conditional request failed","Item":{"pk":{"S":"a"},"sk":{"S":"1"},"n":{"N":"5"},"s":{"S":"text"},"l":{"L":[{"S":"x"}]}}},
			{"Code":"ConditionalCheckFailed","Message":"The conditional request failed"}]}`, string(fault.Body()))

	w.ok("TransactWriteItems", `{"TransactItems":[`+checked("attribute_exists(pk)")+`,{"Delete":{"TableName":"t","Key":{"pk":{"S":"p"},"sk":{"S":"000"}}}},
		{"Update":{"TableName":"t","Key":{"pk":{"S":"p"},"sk":{"S":"001"}},"UpdateExpression":"REMOVE x"}}]}`)
	require.Len(t, w.Items("t"), 100)
	require.JSONEq(t, `{"Item":{"pk":{"S":"p"},"sk":{"S":"001"}}}`, w.ok("GetItem", `{"TableName":"t","Key":{"pk":{"S":"p"},"sk":{"S":"001"}}}`))
}

func TestTokensMakeARepeatedTransactionOne(t *testing.T) {
	w := newWorld(t)
	add := func(n string) string {
		return `{"ClientRequestToken":"token","TransactItems":[{"Update":{` + keyA1 + `,"UpdateExpression":"ADD n :v","ExpressionAttributeValues":{":v":{"N":"` + n + `"}}}}]}`
	}
	w.ok("TransactWriteItems", add("1"))
	w.ok("TransactWriteItems", add("1"))
	require.Contains(t, w.ok("GetItem", `{`+keyA1+`}`), `"n":{"N":"6"}`)
	w.refused("TransactWriteItems", add("2"), "IdempotentParameterMismatchException")
	w.now = w.now.Add(10 * time.Minute)
	w.ok("TransactWriteItems", add("2"))
	require.Contains(t, w.ok("GetItem", `{`+keyA1+`}`), `"n":{"N":"8"}`)
}

func TestPages(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.ok("PutItem", fmt.Sprintf(`{"TableName":"t","Item":{"pk":{"S":"p"},"sk":{"S":"%02d"},"x":{"S":"%s"}}}`, i, strings.Repeat("x", 100<<10)))
	}
	walk := func(rest string) (sizes []int, all string) {
		from := ""
		for {
			var page struct {
				Items            []map[string]map[string]string
				LastEvaluatedKey json.RawMessage
			}
			body := `{"TableName":"t","ConsistentRead":true,"KeyConditionExpression":"pk = :p AND sk BETWEEN :a AND :b","ExpressionAttributeValues":{":p":{"S":"p"},":a":{"S":"05"},":b":{"S":"27"}}` + rest + from + `}`
			require.NoError(t, json.Unmarshal([]byte(w.ok("Query", body)), &page))
			sizes = append(sizes, len(page.Items))
			for _, i := range page.Items {
				all += i["sk"]["S"] + " "
			}
			if page.LastEvaluatedKey == nil {
				return sizes, all
			}
			from = `,"ExclusiveStartKey":` + string(page.LastEvaluatedKey)
		}
	}
	const forward = "05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 "
	sizes, all := walk("")
	require.Equal(t, []int{11, 11, 1}, sizes, "a page ends where 1 MB is passed")
	require.Equal(t, forward, all)
	_, all = walk(`,"Limit":2`)
	require.Equal(t, forward, all)
	_, all = walk(`,"ScanIndexForward":false`)
	require.Equal(t, "27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 09 08 07 06 05 ", all)
	require.Contains(t, w.ok("Query", `{"TableName":"t","KeyConditionExpression":"pk = :p AND begins_with(sk, :a)","ExpressionAttributeValues":{":p":{"S":"p"},":a":{"S":"29"}}}`), `"Count":1`)
	require.Contains(t, w.ok("Query", `{"TableName":"t","KeyConditionExpression":"pk = :p AND sk >= :a","ExpressionAttributeValues":{":p":{"S":"p"},":a":{"S":"28"}}}`), `"Count":2`)
}

// TestStaleReads: a read that is not strongly consistent may miss the last
// write; the others never do.
func TestStaleReads(t *testing.T) {
	w := newWorld(t)
	const deleted, made = keyA1, `"TableName":"t","Key":{"pk":{"S":"a"},"sk":{"S":"2"}}`
	w.ok("TransactWriteItems", `{"TransactItems":[{"Delete":{`+deleted+`}},{"Put":{"TableName":"t","Item":{"pk":{"S":"a"},"sk":{"S":"2"}}}}]}`)
	get := func(body string, stale bool) string {
		b, fault := w.Do("GetItem", []byte(body), stale)
		require.Nil(t, fault)
		return string(b)
	}
	const query = `{"TableName":"t","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"a"}}`
	for _, c := range []struct {
		stale, consistent bool
		was               bool
	}{{false, false, false}, {false, true, false}, {true, true, false}, {true, false, true}} {
		rest := fmt.Sprintf(`,"ConsistentRead":%t}`, c.consistent)
		require.Equal(t, c.was, get(`{`+deleted+rest, c.stale) != "{}")
		require.Equal(t, !c.was, get(`{`+made+rest, c.stale) != "{}")
		for operation, body := range map[string]string{"Query": query, "Scan": `{"TableName":"t"`} {
			b, fault := w.Do(operation, []byte(body+rest), c.stale)
			require.Nil(t, fault)
			require.Equal(t, c.was, strings.Contains(string(b), `"sk":{"S":"1"}`), "%s: %s", operation, b)
			require.Contains(t, string(b), `"Count":1`)
		}
		b, fault := w.Do("BatchGetItem", []byte(`{"RequestItems":{"t":{"Keys":[{"pk":{"S":"a"},"sk":{"S":"1"}}]`+rest+`}}`), c.stale)
		require.Nil(t, fault)
		require.Equal(t, c.was, strings.Contains(string(b), `"sk":{"S":"1"}`), "%s", b)
	}
}

func TestValuesComeBackAsTheyAre(t *testing.T) {
	w := newWorld(t)
	const item = `{"pk":{"S":"a"},"sk":{"S":"3"},"b":{"B":"AAEC"},"t":{"BOOL":true},"f":{"BOOL":false},"z":{"NULL":true},"l":{"L":[{"N":"1"},{"M":{"x":{"S":""}}}]},` +
		`"m":{"M":{}},"ss":{"SS":["a","b"]},"ns":{"NS":["1","2.5"]},"bs":{"BS":["AAEC"]},"n1":{"N":"-0.001"},"n2":{"N":"1000"},"n3":{"N":"0"}}`
	w.ok("PutItem", `{"TableName":"t","Item":`+strings.NewReplacer(`"-0.001"`, `"-1.0e-3"`, `"1000"`, `"+0010E2"`, `"N":"0"`, `"N":"-0.0"`).Replace(item)+`}`)
	require.JSONEq(t, `{"Item":`+item+`}`, w.ok("GetItem", `{"TableName":"t","Key":{"pk":{"S":"a"},"sk":{"S":"3"}}}`))
	require.JSONEq(t, `{"Attributes":`+item+`}`, w.ok("DeleteItem", `{"TableName":"t","Key":{"pk":{"S":"a"},"sk":{"S":"3"}},"ReturnValues":"ALL_OLD"}`))
	require.Equal(t, "{}", w.ok("GetItem", `{"TableName":"t","Key":{"pk":{"S":"a"},"sk":{"S":"3"}}}`))
	require.Equal(t, "5", w.Items("t")[0]["n"].Text())
}

func TestScanPages(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.ok("PutItem", fmt.Sprintf(`{"TableName":"t","Item":{"pk":{"S":"p%d"},"sk":{"S":"%02d"},"x":{"S":"%s"}}}`, i%3, i, strings.Repeat("x", 100<<10)))
	}
	var sizes []int
	all, from := "", ""
	for {
		var page struct {
			Items               []map[string]map[string]string
			Count, ScannedCount int
			LastEvaluatedKey    json.RawMessage
		}
		require.NoError(t, json.Unmarshal([]byte(w.ok("Scan", `{"TableName":"t","FilterExpression":"begins_with(pk, :p) AND (sk >= :a OR sk = :b)","ExpressionAttributeValues":{":p":{"S":"p1"},":a":{"S":"20"},":b":{"S":"01"}}`+from+`}`)), &page))
		sizes = append(sizes, page.ScannedCount)
		require.Equal(t, len(page.Items), page.Count)
		for _, i := range page.Items {
			all += i["sk"]["S"] + " "
		}
		if page.LastEvaluatedKey == nil {
			break
		}
		from = `,"ExclusiveStartKey":` + string(page.LastEvaluatedKey)
	}
	require.Equal(t, []int{12, 11, 8}, sizes, "a page ends where 1 MB was read, whatever passes")
	require.Equal(t, "01 22 25 28 ", all)
}
