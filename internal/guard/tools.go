package guard

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/queue"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// New makes the handler of a function with these settings. It calls nothing.
// Lines of metrics go to out, which may be where the logger writes.
// The policies are read while the function asks for its first invocation; a
// fault of theirs is kept until there is a message to fail.
func New(s Settings, logger *slog.Logger, out io.Writer) *Handler {
	policies := sync.OnceValue(func() loaded { return load(s) })
	go policies()
	h := &Handler{logger: logger, meter: meter{out: out, clock: time.Now, logger: logger}}
	if s.hasSinks() {
		h.meter.missed = &atomic.Int64{}
	}
	h.make = func(own identity) (*tools, error) { return newTools(s, policies(), own.or(s), logger, h.meter.miss) }
	return h
}

// identity is what a function learns of itself at its first invocation.
type identity struct {
	accountID, region string
	timeout           time.Duration // of the function, as far as its first deadline tells
}

// or is the identity that the settings tell, which are the deployment's own
// word, where the platform tells none.
func (own identity) or(s Settings) identity {
	if own.accountID == "" {
		own.accountID, own.region = queueAccount(s.QueueURL), s.AWS.Region
	}
	return own
}

// loaded is the policies, or what is wrong with them.
type loaded struct {
	set    *policy.Set
	bundle bundle.Bundle
	fault  error
}

func load(s Settings) loaded {
	path := s.Policies
	if path == "" {
		bootstrap, err := os.Executable()
		if err != nil {
			return loaded{fault: fmt.Errorf("find the policies: %w", err)}
		}
		path = filepath.Join(filepath.Dir(bootstrap), bundle.FileName)
	}
	var l loaded
	l.set, l.bundle, l.fault = bundle.Load(path, bundle.Options{Mode: modes[s.Mode], Digest: s.Digest, More: canaryDocuments(s.Canary)})
	if l.fault == nil {
		boundCanary(l.set)
	}
	return l
}

// modes by their names; "" is not set.
var modes = map[string]policy.Mode{"observe": policy.Observe, "enforce": policy.Enforce}

// newTools makes them; missed counts a message that a sink did not get.
func newTools(s Settings, p loaded, own identity, logger *slog.Logger, missed func(sink string)) (*tools, error) {
	c := s.AWS.clients()
	messages := queue.New(c.sqs, s.QueueURL)
	if p.fault != nil {
		told := &complaint{
			ledger: ledger.NewTable(c.dynamodb, s.Table), publisher: alert.NewTopic(c.sns, s.TopicARN), clock: time.Now, holder: newHolder(), lease: own.timeout,
			document: newComplaint(p.fault, own.accountID, own.region, time.Now()), sinks: sinksOf(s, own, c), missed: missed, logger: logger,
		}
		return &tools{queue: messages, fault: p.fault, complain: told.tell}, nil
	}
	cfg := configOf(s, p, own, c, logger)
	cfg.Applier = newApplier(Needs(p.set), c.ec2)
	cfg.Connections, cfg.Missed = inventory.New(c.ec2), missed
	w, err := warden.New(cfg)
	if err != nil {
		return nil, err
	}
	return &tools{judge: w, queue: messages}, nil
}

// configOf is what guard and sweep judge with; the one who may change groups is
// left out.
func configOf(s Settings, p loaded, own identity, c clients, logger *slog.Logger) warden.Config {
	needs, table := Needs(p.set), ledger.NewTable(c.dynamodb, s.Table)
	return warden.Config{
		Set: p.set, Inventory: inventory.New(c.ec2), Ledger: table, Publisher: quiet{alert.NewTopic(c.sns, s.TopicARN), s.Canary}, Sinks: sinksOf(s, own, c), Queue: queue.New(c.sqs, s.QueueURL), Closed: table.Closed,
		Clock: time.Now, Sleep: sleep, Logger: logger,
		Account: own.accountID, Region: own.region, RoleARN: s.RoleARN,
		Mode: p.set.Mode, Limits: plan.Limits{MayModify: needs.Modify, MayAuthorize: needs.Authorize, MayEditLists: needs.Lists}, LedgerDown: p.bundle.Deployment.LedgerDown, Fuse: p.bundle.Deployment.Fuse, Lease: own.timeout, HolderID: newHolder(),
	}
}

// Needs are the calls that guard may have to make under these policies. The
// stack gives the role the rights for them, and guard plans with no others.
func Needs(set *policy.Set) apply.Needs { return needsOf(set.Policies) }

func needsOf(policies []*policy.Policy) apply.Needs {
	var n apply.Needs
	for _, p := range policies {
		if p.Mode != policy.Enforce {
			continue
		}
		switch p.Remedy.Do {
		case policy.DoRevert:
			n.Revert, n.Modify = true, true // an old value goes back in place
			n.Lists = n.Lists || p.JudgesRules()
			n.Authorize = n.Authorize || p.Remedy.OnList // the entries, before the reference goes
		case policy.DoNarrow:
			n.Revert, n.Modify = true, true // what does not fit is revoked
			n.Authorize = n.Authorize || p.Remedy.Parts > 1 || p.Remedy.OnList
			n.Lists = n.Lists || p.JudgesRules()
		case policy.DoTag:
			n.Tag = true
		case policy.DoAlert:
		}
	}
	return n
}

// Reads are the facts beyond groups that guard reads under these policies. The
// stack gives the role the rights for them.
func Reads(set *policy.Set) inventory.Needs {
	n := Asked(set)
	needs := Needs(set)
	n.Interfaces = n.Interfaces || needs.Revert // what is taken back is told with where its group is
	n.Lists = needs.Lists
	return n
}

// Asked are the facts beyond groups that the policies themselves ask for: all
// that is read by a function that takes nothing back.
func Asked(set *policy.Set) inventory.Needs {
	facts := set.Facts()
	return inventory.Needs{
		Interfaces: slices.Contains(facts, policy.NeedInterfaces) || slices.Contains(facts, policy.NeedUsers), Dead: slices.Contains(facts, policy.NeedDead),
		Elastic: slices.Contains(facts, policy.NeedElastic),
	}
}

// newApplier gives the one that can change nothing where nothing may be.
func newApplier(needs apply.Needs, client apply.Client) warden.Applier {
	if needs == (apply.Needs{}) {
		return &apply.Observer{}
	}
	return apply.New(client)
}

// newHolder names this process: no two containers may take each other's lease.
func newHolder() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return "guard-" + hex.EncodeToString(b[:])
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
