package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/runtimeapi"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	webGroup     = "sg-0a2640000000000a1"
	canaryGroup  = "sg-0a2640000000000a2"
	defaultGroup = "sg-0a2640000000000a3"
	guardKey     = "AKIAEXAMPLEGUARD"
	roleARN      = "arn:aws:iam::" + localec2.DefaultAccount + ":role/guard"
)

// stage is an AWS on the loopback interface, and the functions that run in it.
type stage struct {
	dist, under, url, digest string
	aws                      *localaws.AWS
	server                   *http.Server
	running                  []*runtimeapi.Process
	judging                  *runtimeapi.Process // guard

	mu      sync.Mutex
	records [][]byte
}

func newStage(dist, under string) (*stage, error) {
	s := &stage{dist: dist, under: under, aws: localaws.New(localaws.Options{})}
	s.aws.EC2().Register(guardKey, localec2.Caller{AccountID: localec2.DefaultAccount, Identity: cloudtrail.Session(localec2.DefaultAccount, "/", "guard", "guard", guardKey)})
	s.aws.EC2().OnRecord(func(record []byte) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.records = append(s.records, record)
	})
	for id, name := range map[string]string{webGroup: "web", canaryGroup: "canary", defaultGroup: "of the canary's VPC"} {
		if _, err := s.account().EnsureGroup(secgroup.Group{ID: id, Name: name, Rules: []secgroup.Rule{}}); err != nil {
			return nil, err
		}
	}
	_, b, err := bundle.Load(filepath.Join(dist, "guard", bundle.FileName), bundle.Options{})
	if err != nil {
		return nil, err
	}
	s.digest = b.Digest
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url, s.server = "http://"+l.Addr().String(), &http.Server{Handler: s.aws.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(l) }() // ends with ErrServerClosed
	return s, nil
}

func (s *stage) close() {
	for _, p := range s.running {
		_ = p.Close() // the process is killed
	}
	_ = s.server.Close()
}

func (s *stage) account() *localec2.Account {
	return s.aws.EC2().Account(localec2.DefaultAccount, localec2.DefaultRegion)
}

// start runs a function until it polls. A judging one is given the digest of
// its policies, so that it answers only if it has read exactly those.
func (s *stage) start(ctx context.Context, name string, env map[string]string) (*runtimeapi.Process, error) {
	all := map[string]string{"AWS_ENDPOINT_URL": s.url, "SGWARDEN_TABLE": s.aws.Table(), "SGWARDEN_CANARY_GROUP": canaryGroup}
	maps.Copy(all, env)
	p, err := runtimeapi.Start(filepath.Join(s.dist, name, "bootstrap"), runtimeapi.Function{Name: name, Under: s.under, Timeout: 2 * time.Minute, Env: all})
	if err != nil {
		return nil, err
	}
	s.running = append(s.running, p)
	return p, p.WaitReady(ctx)
}

func (s *stage) judge(ctx context.Context, name string) (*runtimeapi.Process, error) {
	return s.start(ctx, name, map[string]string{
		"AWS_ACCESS_KEY_ID": guardKey, "SGWARDEN_MODE": "enforce", "SGWARDEN_TOPIC_ARN": s.aws.TopicARN(), "SGWARDEN_QUEUE_URL": s.aws.QueueURL(),
		"SGWARDEN_POLICIES_DIGEST": s.digest, "SGWARDEN_ROLE_ARN": roleARN,
	})
}

// invoke gives an event to a function, and reads its answer into out.
func invoke(ctx context.Context, p *runtimeapi.Process, event []byte, out any) (time.Duration, error) {
	began := time.Now()
	answer, err := p.Invoke(ctx, event)
	took := time.Since(began)
	switch {
	case err != nil:
		return took, fmt.Errorf("%w\n%s", err, p.Logs())
	case answer.Failed():
		return took, fmt.Errorf("it failed: %s\n%s", answer.Payload, p.Logs())
	}
	return took, json.Unmarshal(answer.Payload, out)
}

// guard is told of a change that nothing is wrong with, and of one that it has
// to take back.
func (s *stage) guard(ctx context.Context) (err error) {
	if s.judging, err = s.judge(ctx, "guard"); err != nil {
		return err
	}
	fmt.Printf("guard   first poll after %s, policies %.12s\n", s.judging.Startup().Round(time.Millisecond), s.digest)
	for _, c := range []struct{ rule, want string }{{"ingress tcp/443 from 10.0.0.0/8", "compliant"}, {"ingress tcp/22 from 0.0.0.0/0", "reverted"}} {
		record, err := s.open(webGroup, c.rule)
		if err != nil {
			return err
		}
		took, outcome, err := s.tell(ctx, record)
		if err != nil {
			return err
		}
		if outcome != c.want {
			return fmt.Errorf("%s ends %s, want %s\n%s", c.rule, outcome, c.want, s.judging.Logs())
		}
		fmt.Printf("guard   %s: %s after %s\n", c.rule, outcome, took.Round(time.Millisecond))
	}
	return nil
}

// tell gives a record to guard, and returns what came of it.
func (s *stage) tell(ctx context.Context, record []byte) (time.Duration, string, error) {
	var out struct{ Outcomes []struct{ Outcome string } }
	took, err := invoke(ctx, s.judging, envelope(record), &out)
	if err == nil && len(out.Outcomes) != 1 {
		err = fmt.Errorf("%d outcomes of one record", len(out.Outcomes))
	}
	if err != nil {
		return took, "", err
	}
	return took, out.Outcomes[0].Outcome, nil
}

// sweep passes over the groups once.
func (s *stage) sweep(ctx context.Context) error {
	p, err := s.judge(ctx, "sweep")
	if err != nil {
		return err
	}
	var out struct {
		Complete bool
		Counts   struct{ Groups int }
	}
	took, err := invoke(ctx, p, []byte(`{"source":"aws.events"}`), &out)
	if err != nil {
		return err
	}
	if !out.Complete {
		return fmt.Errorf("the pass did not come to its end\n%s", p.Logs())
	}
	fmt.Printf("sweep   first poll after %s; a pass over %d groups after %s\n", p.Startup().Round(time.Millisecond), out.Counts.Groups, took.Round(time.Millisecond))
	return nil
}

// canary opens its rule, which guard is told of.
func (s *stage) canary(ctx context.Context) error {
	p, err := s.start(ctx, "canary", map[string]string{"SGWARDEN_CANARY_DEFAULT_GROUP": defaultGroup, "SGWARDEN_CANARY_EXPECT": "reverted"})
	if err != nil {
		return err
	}
	s.take()
	told := make(chan error, 1)
	go func() { told <- s.feed(ctx) }()
	var out struct {
		Passed bool
		Reason string
	}
	took, err := invoke(ctx, p, []byte(`{"source":"aws.events"}`), &out)
	if err == nil && !out.Passed {
		err = errors.New(out.Reason)
	}
	if err := errors.Join(err, <-told); err != nil {
		return err
	}
	fmt.Printf("canary  first poll after %s; passed after %s\n", p.Startup().Round(time.Millisecond), took.Round(time.Millisecond))
	return nil
}

// feed waits for a record, and tells guard.
func (s *stage) feed(ctx context.Context) error {
	for ctx.Err() == nil {
		if records := s.take(); len(records) > 0 {
			_, _, err := s.tell(ctx, records[0])
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("wait for the canary's record: %w", ctx.Err())
}
