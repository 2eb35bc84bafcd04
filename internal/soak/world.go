package soak

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

const (
	account  = localec2.DefaultAccount
	region   = localec2.DefaultRegion
	guardKey = "AKIASGWARDENGUARD"

	ownVPC       = "vpc-0000000000000d009"
	defaultGroup = "sg-0de0000000000000a"
	webGroup     = "sg-0eb0000000000000b"
	dbGroup      = "sg-0db0000000000000c"
)

// began is when every episode begins.
var began = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// world is one account, its guard, and all that is known of both.
type world struct {
	docket   *docket
	set      *policy.Set
	universe *universe
	order    []string       // every group that ever was, in the order of their birth
	versions map[string]int // of prefix lists: changes
	random   *rand.Rand     // of the step at hand
	tally    *Tally

	cloud   *localec2.Cloud
	account *localec2.Account
	ids     *idSource
	store   *ledger.InMemory
	guard   *warden.Warden
	fuse    policy.Fuse // of the guard: that of the docket
	starts  int         // of the guard's process
	log     bytes.Buffer
	read    int // how much of log was checked

	clockMu sync.Mutex
	now     time.Time

	queue   queue
	effects *effects
	history history
	step    step
	story   []string // what was done, a line each
	digest  digest
	failure *Failure

	denied     int                // for how many deliveries the guard may change nothing
	snapshot   *localec2.Snapshot // an earlier state, for stale reads
	snapshotAt time.Time
	shownThen  map[string]bool // the rules, by id, that a stale read shows
}

func newWorld(d *docket, set *policy.Set, u *universe, t *Tally) (*world, error) {
	w := &world{docket: d, set: set, universe: u, tally: t, ids: newIDSource(), store: ledger.NewInMemory(), now: began, fuse: policy.Fuse{Groups: d.fuse},
		order: []string{defaultGroup, webGroup, dbGroup}, versions: map[string]int{}}
	w.history = newHistory()
	w.effects = &effects{w: w}
	w.digest = newDigest()
	w.cloud = localec2.New(localec2.Options{Clock: w.clock, IDs: w.ids, OnRecord: w.queue.record})
	w.account = w.cloud.Account(account, region)
	if err := w.furnish(); err != nil {
		return nil, err
	}
	for key, who := range callers() {
		w.cloud.Register(key, who)
	}
	if !d.beforeAct {
		if err := w.baseline(); err != nil {
			return nil, err
		}
	}
	w.cloud.Disturb(w.intercept)
	return w, w.restart()
}

// baseline records the baseline acts of all policies: nothing stood before them.
func (w *world) baseline() error {
	acts := map[string]policy.Act{}
	for _, p := range w.set.Policies {
		acts[p.ID+"@"+p.Digest()] = policy.Act{Done: true, Start: began.Add(-48 * time.Hour), At: began.Add(-47 * time.Hour)}
	}
	return w.store.Operator().PutActs(context.Background(), acts)
}

// furnish makes what every episode begins with: the default group of the
// default VPC, a group beside it and one in a VPC of its own. None has rules,
// so nothing stood before.
func (w *world) furnish() error {
	if err := w.account.EnsureVPC(ownVPC, netip.MustParsePrefix("10.9.0.0/16")); err != nil {
		return err
	}
	if id, ok := w.account.GroupNamed(ownVPC, "default"); ok {
		w.account.DropGroup(id) // a pass would meet it
	}
	for _, g := range []secgroup.Group{
		{ID: defaultGroup, Name: "default"}, {ID: webGroup, Name: "web"}, {ID: dbGroup, Name: "db", VPCID: ownVPC},
	} {
		g.Rules = []secgroup.Rule{}
		if _, err := w.account.EnsureGroup(g); err != nil {
			return err
		}
	}
	return nil
}

// restart ends the guard's process and begins another, which knows nothing.
func (w *world) restart() error {
	w.starts++
	w.effects.dead = false
	client := w.client(guardKey)
	var err error
	w.guard, err = warden.New(warden.Config{
		Set: w.set, Inventory: newOrderly(client), Applier: apply.New(client),
		Ledger: w.effects, Closed: w.store.Closed, Publisher: w.effects, Queue: w.effects,
		Clock: w.clock, Sleep: w.sleep, Logger: slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
		Account: account, Region: region, RoleARN: guardIdentity().Issuer.ARN, Mode: policy.Enforce,
		Fuse:   w.fuse,
		Limits: plan.Limits{MayModify: true, MayAuthorize: true, MayEditLists: true}, HolderID: fmt.Sprint("guard-", w.starts),
		Judgings: 1, // one group after the other: the order is part of the episode
	})
	return err
}

// client calls EC2 with a key.
func (w *world) client(key string) *ec2.Client {
	return ec2.New(ec2.Options{
		Region: region, BaseEndpoint: aws.String("http://ec2.soak"), Retryer: retryer(),
		Credentials: credentials.NewStaticCredentialsProvider(key, "secret", ""),
		HTTPClient:  &http.Client{Transport: w.cloud.Transport()},
	})
}

// withoutTime leaves out the log's own time: it is of the wall clock.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func guardIdentity() cloudtrail.Identity {
	return cloudtrail.Session(account, "/", "sgwarden-guard", "guard", guardKey)
}

func (w *world) clock() time.Time {
	w.clockMu.Lock()
	defer w.clockMu.Unlock()
	return w.now
}

func (w *world) wait(d time.Duration) {
	w.clockMu.Lock()
	defer w.clockMu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) sleep(ctx context.Context, d time.Duration) error {
	w.wait(d)
	return ctx.Err()
}

// say adds a line to the story.
func (w *world) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	w.story = append(w.story, line)
	w.digest.text(line)
}

// rules are the live rules of a group with the entries of their lists; none
// where the group is gone.
func (w *world) rules(groupID string) []secgroup.Rule {
	g, _ := w.account.Group(groupID)
	for i, r := range g.Rules {
		if l, ok := r.Peer.(secgroup.PrefixList); ok {
			l.Entries, l.Readable = w.history.entries(l.ID), true
			g.Rules[i].Peer = l
		}
	}
	return g.Rules
}

// place is what laws may ask of a group: none of it ever changes.
func (w *world) place(groupID string) place {
	p, ok := w.history.places[groupID]
	if ok {
		return p
	}
	if g, lives := w.account.Group(groupID); lives {
		p = place{id: g.ID, name: g.Name, vpc: g.VPCID, blocks: g.VPCs[0].CIDRs}
		w.history.places[groupID] = p
	}
	return p
}
