package embedded

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// roleName is the role that the embedded guard works with.
const roleName = "sgwarden-guard"

// Account is one embedded account and its guard.
type Account struct {
	world  *World
	ec2    *localec2.Account
	client *ec2.Client // with the role of the guard
	guard  *warden.Warden
	ledger *ledger.InMemory
	later  delayed
	clock  time.Time // of the replay: never goes back

	judging sync.Mutex // one judging after the other, as the stories are told

	events  map[string]bool // eventIDs that were put
	rules   map[string]bool // every rule id that ever lived
	dropped map[string]bool // groups that were deleted
}

// Account gives the account in a region and makes it where it is new: with a
// default VPC, a guard, and the baseline act of every policy done.
func (w *World) Account(ctx context.Context, id, region string) (*Account, error) {
	w.mu.Lock()
	a, ok := w.accounts[place{id, region}]
	w.mu.Unlock()
	if ok {
		return a, nil
	}
	a = &Account{
		world: w, ec2: w.cloud.Account(id, region), ledger: ledger.NewInMemory(), later: delayed{now: w.clock},
		events: map[string]bool{}, rules: map[string]bool{}, dropped: map[string]bool{},
	}
	if err := a.ledger.Operator().PutActs(ctx, a.acts()); err != nil {
		return nil, fmt.Errorf("make account %s in %s: %w", id, region, err)
	}
	var err error
	if a.guard, err = a.newGuard(); err != nil {
		return nil, fmt.Errorf("make account %s in %s: %w", id, region, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if other, ok := w.accounts[place{id, region}]; ok {
		return other, nil
	}
	a.clock = w.now // a first record without a time is as late as the one before it
	w.accounts[place{id, region}] = a
	return a, nil
}

// acts is the baseline act of every policy, set before anything happened: no
// rule is marked.
func (a *Account) acts() map[string]policy.Act {
	acts := map[string]policy.Act{}
	for _, p := range a.world.opts.Set.Policies {
		acts[p.ID+"@"+p.Digest()] = policy.Act{Done: true}
	}
	return acts
}

// newGuard makes a guard of this account.
func (a *Account) newGuard() (*warden.Warden, error) { return warden.New(a.wiring()) }

// wiring puts the real path on this account.
func (a *Account) wiring() warden.Config {
	key := "AKIASGWARDEN" + a.ec2.ID
	role := cloudtrail.Session(a.ec2.ID, "/", roleName, "guard", key)
	a.world.cloud.Register(key, localec2.Caller{AccountID: a.ec2.ID, Identity: role})
	a.client = ec2.New(ec2.Options{
		Region:       a.ec2.Region,
		BaseEndpoint: aws.String("http://ec2.embedded"),
		Credentials:  credentials.NewStaticCredentialsProvider(key, "embedded", ""),
		HTTPClient:   &http.Client{Transport: a.world.cloud.Transport()},
	})
	return warden.Config{
		Set:       a.world.opts.Set,
		Inventory: inventory.New(a.client),
		Applier:   apply.New(a.client),
		Ledger:    a.ledger,
		Closed:    a.ledger.Closed,
		Publisher: discard{},
		Queue:     &a.later,
		Clock:     a.world.clock,
		Sleep:     a.world.sleep,
		Logger:    a.world.opts.Logger,
		Account:   a.ec2.ID,
		Region:    a.ec2.Region,
		RoleARN:   role.Issuer.ARN,
		Mode:      a.world.opts.Mode,
		Limits:    plan.Limits{MayModify: true, MayAuthorize: true, MayEditLists: true},
		HolderID:  "embedded-" + a.ec2.ID + "-" + a.ec2.Region,
	}
}

// Name is "ACCOUNT REGION".
func (a *Account) Name() string { return a.ec2.ID + " " + a.ec2.Region }
