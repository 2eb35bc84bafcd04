package localaws

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/localaws/dynamodb"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

// Options say how an AWS behaves. The zero value has the wall clock and random
// ids.
type Options struct {
	Clock func() time.Time  // nil = time.Now
	IDs   localec2.IDSource // nil = localec2.RandomIDs()
	// AccountID and Region are where the table, the topic and the queue are,
	// and those of EC2 requests that name none; "" = localec2's defaults.
	AccountID, Region string
	// Name is that of the table, the topic and the queue; "" = "sgwarden".
	Name string
	// Visibility is how long the queue hides what was received; 0 = 30 s, as
	// SQS has it.
	Visibility time.Duration
}

// AWS is the services together. It is safe for concurrent use.
type AWS struct {
	clock         func() time.Time
	ids           localec2.IDSource
	account, home string
	name          string

	ec2   *localec2.Cloud
	db    *dynamodb.DB
	queue *Queue

	mu        sync.Mutex // guards all that follows
	calls     []Call
	intercept Interceptor
	published []Message
	chat      []Message
	put       []Event
	findings  findings
}

// New makes an AWS with an empty table (keys pk and sk), a topic and an empty
// queue.
func New(o Options) *AWS {
	a := &AWS{clock: o.Clock, ids: o.IDs, account: o.AccountID, home: o.Region, name: o.Name}
	if a.clock == nil {
		a.clock = time.Now
	}
	if a.ids == nil {
		a.ids = localec2.RandomIDs()
	}
	if a.account == "" {
		a.account = localec2.DefaultAccount
	}
	if a.home == "" {
		a.home = localec2.DefaultRegion
	}
	if a.name == "" {
		a.name = "sgwarden"
	}
	a.ec2 = localec2.New(localec2.Options{Clock: a.clock, IDs: a.ids, AccountID: a.account, Region: a.home})
	a.db = dynamodb.New(a.clock)
	a.db.MakeTable(a.name, "pk", "sk")
	a.queue = newQueue(a.clock, a.ids, o.Visibility)
	return a
}

// EC2 is the EC2 behind the endpoint. What Disturb of it was given disturbs
// calls to its own endpoint only.
func (a *AWS) EC2() *localec2.Cloud { return a.ec2 }

// DynamoDB is the database behind the endpoint.
func (a *AWS) DynamoDB() *dynamodb.DB { return a.db }

// Table is the name of the table.
func (a *AWS) Table() string { return a.name }

// TopicARN is the ARN of the topic.
func (a *AWS) TopicARN() string {
	return fmt.Sprintf("arn:aws:sns:%s:%s:%s", a.home, a.account, a.name)
}

// QueueURL is the URL of the queue.
func (a *AWS) QueueURL() string {
	return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", a.home, a.account, a.name)
}

// Queue is the queue itself, for whoever stands in for EventBridge and for
// Lambda's poller.
func (a *AWS) Queue() *Queue { return a.queue }

// Published is what the topic took, oldest first.
func (a *AWS) Published() []Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.published)
}

// ChatTopicARN is the ARN of a second topic, for chats.
func (a *AWS) ChatTopicARN() string { return a.TopicARN() + "-chat" }

// Chat is what the topic for chats took, oldest first.
func (a *AWS) Chat() []Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.chat)
}

// Queued is what the queue holds, received or not, oldest first.
func (a *AWS) Queued() []Queued { return a.queue.all() }

// Handler is the endpoint of all services, on every path.
func (a *AWS) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer, err := a.serve(r, true)
		answer.WriteTo(w, err)
	})
}

// Transport reaches the endpoint without a socket: the RoundTripper of an HTTP
// client for the SDK. The address of its requests does not matter.
func (a *AWS) Transport() http.RoundTripper {
	return localec2.Transport(func(r *http.Request) (localec2.Answer, error) { return a.serve(r, true) })
}

// Aside is a Transport whose calls are neither listed nor disturbed, for
// whoever looks at what the others did.
func (a *AWS) Aside() http.RoundTripper {
	return localec2.Transport(func(r *http.Request) (localec2.Answer, error) { return a.serve(r, false) })
}
