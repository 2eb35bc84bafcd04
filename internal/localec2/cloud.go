package localec2

import (
	"net/http"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
)

// The account and region of requests that name none.
const (
	DefaultAccount = "123456789012"
	DefaultRegion  = "us-east-1"
)

// Options say how a Cloud behaves. The zero value is a cloud with the wall
// clock and random ids.
type Options struct {
	Clock func() time.Time // nil = time.Now
	IDs   IDSource         // nil = RandomIDs()
	// AccountID and Region are those of requests that name none; "" = DefaultAccount, DefaultRegion.
	AccountID, Region string
	// OnRecord is what OnRecord sets.
	OnRecord func(record []byte)
	// Limited is what LimitRequests sets.
	Limited bool
}

// Cloud is a set of accounts, each in any number of regions. It is safe for
// concurrent use.
type Cloud struct {
	clock   func() time.Time
	ids     IDSource
	account string
	region  string

	mu        sync.Mutex // guards all that follows, and the state of every account
	accounts  map[place]*Account
	callers   map[string]Caller
	intercept Interceptor
	onRecord  func([]byte)
	calls     []Call
	buckets   map[bucketName]bucket // nil = no limits
	lag       time.Duration
	quota     int // rules per group
	listDelay time.Duration
}

type place struct{ account, region string }

// Caller is who an access key belongs to.
type Caller struct {
	AccountID string // whose resources the calls see
	Identity  cloudtrail.Identity
}

// Account is one account in one region.
type Account struct {
	ID     string
	Region string

	cloud   *Cloud
	state   *state
	history []past // of what reads may still show, the oldest first
}

// New makes a cloud without accounts: they come into being as they are named.
func New(o Options) *Cloud {
	c := &Cloud{
		clock: o.Clock, ids: o.IDs, account: o.AccountID, region: o.Region, onRecord: o.OnRecord,
		accounts: map[place]*Account{}, callers: map[string]Caller{}, quota: rulesPerGroup,
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	if c.ids == nil {
		c.ids = RandomIDs()
	}
	if c.account == "" {
		c.account = DefaultAccount
	}
	if c.region == "" {
		c.region = DefaultRegion
	}
	c.LimitRequests(o.Limited)
	return c
}

// Account gives an account in a region. A new one has a default VPC
// 172.31.0.0/16 with its default group, as AWS makes it.
func (c *Cloud) Account(id, region string) *Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(id, region)
}

// at is Account with the lock held.
func (c *Cloud) at(id, region string) *Account {
	key := place{id, region}
	if a, ok := c.accounts[key]; ok {
		return a
	}
	a := &Account{ID: id, Region: region, cloud: c, state: newState()}
	a.makeVPC(a.state, c.ids.Resource("vpc-"), true, defaultBlock)
	c.accounts[key] = a
	return a
}

// Register tells whose an access key is. Calls with a key that is not
// registered are those of a user "demo" of their account.
func (c *Cloud) Register(accessKeyID string, who Caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.callers[accessKeyID] = who
}

// Disturb replaces the interceptor; nil = nothing is disturbed any more.
func (c *Cloud) Disturb(i Interceptor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.intercept = i
}

// OnRecord sets who gets the CloudTrail record of every call that changes
// something or was to: in the call's own goroutine, before the client has its
// answer, with no lock held, so that it may call the cloud itself. nil = nobody.
func (c *Cloud) OnRecord(f func(record []byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onRecord = f
}

// Handler is the HTTP endpoint: EC2 and sts:GetCallerIdentity on every path.
func (c *Cloud) Handler() http.Handler { return http.HandlerFunc(c.serveHTTP) }

// Transport reaches the cloud without a socket: the RoundTripper of an HTTP
// client for the SDK. The address of its requests does not matter.
func (c *Cloud) Transport() http.RoundTripper {
	return Transport(func(r *http.Request) (Answer, error) {
		_, a, err := c.Serve(r, nil)
		return a, err
	})
}
