// Package patient is an account behind one HTTP endpoint, in which a deployment
// of sgwarden is well unless somebody says otherwise: for tests of what
// examines one, with the real clients of the SDK.
package patient

import (
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

// Object is a request or an answer, in the words of the API.
type Object = map[string]any

// Refusal is an answer that is an error.
type Refusal struct{ Code, Message string }

// Account is one. Change Answers before anybody asks.
type Account struct {
	// Cloud answers for EC2, for the items of the ledger and for Publish.
	Cloud *localaws.AWS
	// Answers are by "service.Operation", the service as signatures name it,
	// with the request; Refusal = an error.
	Answers map[string]func(in Object) any

	digest         string
	resources      []any          // of the stack
	rules, targets map[string]any // of EventBridge, by the rule's name
	mu             sync.Mutex
	asked          map[string]bool
}

// What the account has.
const (
	ID      = localec2.DefaultAccount
	Region  = localec2.DefaultRegion
	Caller  = "arn:aws:sts::" + ID + ":assumed-role/operator/ida"
	Guard   = "Sgwarden-Guard-1"
	Changes = "https://sqs." + Region + ".amazonaws.com/" + ID + "/changes"
	failed  = "https://sqs." + Region + ".amazonaws.com/" + ID + "/failed"
	undelvd = "https://sqs." + Region + ".amazonaws.com/" + ID + "/undelivered"
	Alerts  = "arn:aws:sns:" + Region + ":" + ID + ":sgwarden" // the topic of localaws
	Alarms  = "arn:aws:sns:" + Region + ":" + ID + ":alarms"
	// ChatTopic is that of a deployment with chats.
	ChatTopic = "arn:aws:sns:" + Region + ":" + ID + ":chat"
	trail     = "arn:aws:cloudtrail:" + Region + ":" + ID + ":trail/org"
)

// New makes one, with sweep and canary, in observe mode, that judges by the
// policies of a digest. now is its clock.
func New(now func() time.Time, digest string) *Account {
	a := &Account{Cloud: localaws.New(localaws.Options{Clock: now}), digest: digest, asked: map[string]bool{}}
	a.deploy()
	a.Answers = a.healthy()
	return a
}

// Says replaces the answer to one operation.
func (a *Account) Says(operation string, answer any) {
	a.Answers[operation] = func(Object) any { return answer }
}

// Asked are the operations that were asked for since the last Forget, sorted.
func (a *Account) Asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.asked))
}

// Forget empties the list of what was asked.
func (a *Account) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.asked)
}

var credential = regexp.MustCompile(`Credential=[^/,\s]+/[0-9]{8}/[^/,\s]+/([^/,\s]+)/aws4_request`)

// ServeHTTP is the endpoint of all services.
func (a *Account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		http.Error(w, "not signed", http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	operation, in := read(m[1], r, body)
	name := m[1] + "." + operation
	a.mu.Lock()
	a.asked[name] = true
	answer := a.Answers[name]
	a.mu.Unlock()
	if answer == nil { // what localaws has: EC2, the ledger's items, Publish
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		a.Cloud.Handler().ServeHTTP(w, r)
		return
	}
	write(w, m[1], operation, answer(in))
}
