package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sgwarden/sgwarden/bench/figures"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

const (
	stormGroups  = 100
	stormChanges = 5 // of each group
	// The event source of the stack: infra/stacks/guard.go.
	environments = 5
	batchSize    = 10
	visibility   = 6 * time.Minute
	// The bucket of RevokeSecurityGroupIngress.
	bucketSize, bucketRefill = 50, 5.0
	stormTimeout             = 3 * time.Minute
)

// batchRun is one batch that an environment was given.
type batchRun struct {
	key          string // access key of the environment
	began, ended time.Time
}

// storm is goal 11: a script opens 100 groups five times each, and EC2 refuses
// what goes beyond its token buckets. Time is not scaled.
func storm(ctx context.Context, b *bench) (figures.Table, error) {
	ctx, cancel := context.WithTimeout(ctx, stormTimeout)
	defer cancel()
	a, stop, err := newAccount(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	s := &stormRun{account: a}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if err := s.doActs(ctx, filepath.Join(b.dist, "guard", bundle.FileName)); err != nil {
		return nil, err
	}
	var guards []*runtimeapi.Process
	defer func() {
		for _, g := range guards {
			_ = g.Close()
		}
	}()
	for i := range environments {
		r := recording{folder: filepath.Join(b.dist, "guard"), env: a.environment()}
		r.env["AWS_ACCESS_KEY_ID"] = environmentKey(i)
		g, err := r.start(ctx, a.url)
		if err != nil {
			return nil, err
		}
		guards = append(guards, g)
	}
	a.aws.EC2().LimitRequests(true)
	began := time.Now()
	if err := s.deliver(ctx, guards); err != nil {
		return nil, err
	}
	return s.rows(began)
}

func environmentKey(i int) string { return fmt.Sprintf("AKIAEXAMPLEGUARD%02d", i) }

type stormRun struct {
	*account
	groups []string

	mu      sync.Mutex
	batches []batchRun
	failed  error
}

// doActs writes that the baseline act of every policy was done before: a
// deployment that is older than a quarter of an hour.
func (s *stormRun) doActs(ctx context.Context, policies string) error {
	set, _, err := bundle.Load(policies, bundle.Options{Mode: policy.Enforce})
	if err != nil {
		return err
	}
	acts := map[string]policy.Act{}
	for _, p := range set.Policies {
		acts[p.ID+"@"+p.Digest()] = policy.Act{Done: true}
	}
	client := dynamodb.New(dynamodb.Options{
		Region: localec2.DefaultRegion, BaseEndpoint: aws.String("http://dynamodb.local"), HTTPClient: &http.Client{Transport: s.aws.Aside()},
		Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLESWEEP", "secret", ""),
	})
	return ledger.NewTable(client, s.aws.Table()).Operator().PutActs(ctx, acts)
}

// open makes the groups and opens them; the records go to the queue in no order.
func (s *stormRun) open(ctx context.Context) error {
	var records [][]byte
	for i := range stormGroups {
		id := fmt.Sprintf("sg-0be4c4%011d", i)
		s.groups = append(s.groups, id)
		if err := s.group(id, 5); err != nil {
			return err
		}
		for n := range stormChanges {
			record, err := s.account.open(ctx, id, permission{"tcp", 22, fmt.Sprintf("%d.0.0.0/8", 20+n)})
			if err != nil {
				return err
			}
			records = append(records, record)
		}
	}
	random := rand.New(rand.NewPCG(11, 0))
	random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	for _, r := range records {
		s.aws.Queue().Send(string(envelope(r)), 0)
	}
	return nil
}

// deliver does what Lambda's event source does, until the queue is empty: each
// environment gets one batch at a time, and what it does not name as failed is
// deleted.
func (s *stormRun) deliver(ctx context.Context, guards []*runtimeapi.Process) error {
	var wait sync.WaitGroup
	for i, g := range guards {
		wait.Add(1)
		go func() {
			defer wait.Done()
			if err := s.poll(ctx, g, environmentKey(i)); err != nil {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.failed = err
			}
		}()
	}
	wait.Wait()
	return s.failed
}

func (s *stormRun) poll(ctx context.Context, guard *runtimeapi.Process, key string) error {
	queue := s.aws.Queue()
	for ctx.Err() == nil {
		if _, more := queue.Next(); !more {
			return nil
		}
		messages := queue.Receive(batchSize)
		if len(messages) == 0 {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		run := batchRun{key: key, began: time.Now()}
		again, err := judge(ctx, guard, batch(messages...))
		if err != nil {
			return err
		}
		run.ended = time.Now()
		s.mu.Lock()
		s.batches = append(s.batches, run)
		s.mu.Unlock()
		for _, m := range messages {
			if !slices.Contains(again, m.ID) {
				queue.Delete(m.Receipt)
			}
		}
	}
	return fmt.Errorf("deliver the storm: %w: %d messages are left", ctx.Err(), len(s.aws.Queued()))
}

// rows reads what came of it from what EC2, the topic and the endpoint saw.
func (s *stormRun) rows(began time.Time) (figures.Table, error) {
	exchanges := s.calls.take()
	var last time.Time
	var throttled, reverts, reads float64
	most := map[string]int{} // mutations by batch, group and call
	for _, e := range exchanges {
		if e.Status == 503 {
			throttled++
		}
		if e.Service == "ec2" && e.Status == 200 && !isMutation(e) {
			reads++
		}
		if !isMutation(e) || e.Status != 200 {
			continue
		}
		reverts++
		if e.ended.After(last) {
			last = e.ended
		}
		form, err := url.ParseQuery(string(e.Body))
		if err != nil {
			return nil, err
		}
		most[s.batchOf(e)+" "+e.Operation+" "+form.Get("GroupId")]++
	}
	lost, err := s.lost()
	if err != nil {
		return nil, err
	}
	least := time.Duration((stormGroups - bucketSize) / bucketRefill * float64(time.Second))
	row := func(what string, v float64, bound figures.Bound) figures.Row {
		return figures.Row{Goal: "11", What: what, Ours: figures.Of(figures.Count, v), Bound: bound}
	}
	return figures.Table{
		{Goal: "11", What: "storm: start to last revert", Ours: figures.OfDurations(last.Sub(began)), Other: figures.OfDurations(least), Than: "the bucket's least", Bound: figures.AtMostTimes(1.2)},
		row("storm: rules left open or not told", float64(lost), figures.AtMost(0)),
		row("storm: most mutations per group, direction and batch", float64(slices.Max(slices.Collect(maps.Values(most)))), figures.AtMost(1)),
		row("storm: mutations in all", reverts, figures.Bound{}),
		row("storm: calls that were throttled", throttled, figures.Bound{}),
		row("storm: reads of EC2 that were answered", reads, figures.Bound{}),
	}, nil
}

// batchOf names the batch that a call was made for: an environment has one at a time.
func (s *stormRun) batchOf(e exchange) string {
	for i, b := range s.batches {
		if b.key == e.Key && !e.began.Before(b.began) && !e.began.After(b.ended) {
			return fmt.Sprint(i)
		}
	}
	return "none " + e.Key
}

// lost counts opened rules that are still there, and such of which no message
// says that they were reverted.
func (s *stormRun) lost() (int, error) {
	told := map[string]bool{}
	for _, m := range s.aws.Published() {
		var said struct {
			GroupID string
			Rules   []struct{ ID, Outcome string }
		}
		if err := json.Unmarshal([]byte(m.For("sqs")), &said); err != nil {
			return 0, err
		}
		for _, r := range said.Rules {
			if r.Outcome == "reverted" {
				told[said.GroupID+" "+r.ID] = true
			}
		}
	}
	lost := max(0, stormGroups*stormChanges-len(told))
	for _, id := range s.groups {
		g, ok := s.ec2().Group(id)
		if !ok {
			return 0, fmt.Errorf("group %s is gone", id)
		}
		for _, r := range g.Rules {
			if r.Ports.From == 22 {
				lost++
			}
		}
	}
	return lost, nil
}
