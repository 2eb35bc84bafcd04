package dynamodb

import (
	"encoding/json"
	"fmt"
)

// Fault is an error of the API: what the client is told.
type Fault struct {
	Status  int    // of HTTP
	Type    string // with its namespace, as it stands in __type
	Message string
	// Reasons are those of a cancelled transaction, Item is what a failed
	// condition met and was asked to show.
	Reasons []Reason
	Item    Item
}

// Reason is why a transaction did not do one of its actions; Code "None" = it
// was not the one to blame.
type Reason struct {
	Code    string `json:"Code"`
	Message string `json:"Message,omitempty"`
	Item    Item   `json:"Item,omitempty"`
}

const (
	own        = "com.amazonaws.dynamodb.v20120810#"
	validation = "com.amazon.coral.validate#ValidationException"
)

// Error gives "TYPE: MESSAGE".
func (f *Fault) Error() string { return f.Type + ": " + f.Message }

func invalid(format string, args ...any) *Fault {
	return &Fault{Status: 400, Type: validation, Message: fmt.Sprintf(format, args...)}
}

func refuse(name, format string, args ...any) *Fault {
	return &Fault{Status: 400, Type: own + name, Message: fmt.Sprintf(format, args...)}
}

func failedCondition(old Item) *Fault {
	f := refuse("ConditionalCheckFailedException", "The conditional request failed")
	f.Item = old
	return f
}

// cancelled names the reasons in its message too, as DynamoDB does.
func cancelled(reasons []Reason) *Fault {
	codes := ""
	for i, r := range reasons {
		if i > 0 {
			codes += ", "
		}
		codes += r.Code
	}
	f := refuse("TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", codes)
	f.Reasons = reasons
	return f
}

// Body is the fault as the API writes it. The spelling of "message" is that of
// each of its namespaces.
func (f *Fault) Body() []byte {
	body := map[string]any{"__type": f.Type}
	if f.Reasons != nil {
		body["Message"], body["CancellationReasons"] = f.Message, f.Reasons
	} else {
		body["message"] = f.Message
	}
	if f.Item != nil {
		body["Item"] = f.Item
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // texts and items have no other form
	}
	return b
}
