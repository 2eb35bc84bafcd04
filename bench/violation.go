package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sgwarden/sgwarden/bench/figures"
	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

const (
	warmRounds = 60
	warmUp     = 5 // rounds before the first that counts
)

// ssh violates the embedded policies.
var ssh = permission{"tcp", 22, "0.0.0.0/0"}

// recording is one violation as guard dealt with it in an account, to be
// played again against canned answers.
type recording struct {
	folder string // of the function
	env    map[string]string
	record []byte // of CloudTrail
	calls  []exchange
}

// record lets guard take back a violation in a group of n rules, twice: the
// second time, when the ledger knows the group, is what is recorded.
func record(ctx context.Context, folder string, n int, p permission) (recording, error) {
	a, stop, err := newAccount(ctx)
	if err != nil {
		return recording{}, err
	}
	defer stop()
	const groupID = "sg-0be4c400000000001"
	if err := a.group(groupID, n); err != nil {
		return recording{}, err
	}
	r := recording{folder: folder, env: a.environment()}
	guard, err := r.start(ctx, a.url)
	if err != nil {
		return recording{}, err
	}
	defer func() { _ = guard.Close() }()
	for range 2 {
		a.calls.take()
		if r.record, err = a.open(ctx, groupID, p); err != nil {
			return recording{}, err
		}
		again, err := judge(ctx, guard, message(r.record))
		if err != nil {
			return recording{}, err
		}
		if len(again) > 0 || a.has(groupID, p) {
			return recording{}, fmt.Errorf("record a violation: guard did not take it back\n%s", guard.Logs())
		}
	}
	r.calls = a.calls.take()
	return r, nil
}

// start runs the function of a recording against an endpoint.
func (r recording) start(ctx context.Context, endpoint string) (*runtimeapi.Process, error) {
	p, err := r.exec(endpoint)
	if err != nil {
		return nil, err
	}
	return p, p.WaitReady(ctx)
}

func (r recording) exec(endpoint string) (*runtimeapi.Process, error) {
	env := map[string]string{}
	for name, value := range r.env {
		env[name] = value
	}
	env["AWS_ENDPOINT_URL"] = endpoint
	return runtimeapi.Start(filepath.Join(r.folder, "bootstrap"), runtimeapi.Function{Name: "guard", Env: env})
}

// stage is a recording with its canned AWS and a warm guard.
type stage struct {
	recording
	aws   *canned
	guard *runtimeapi.Process // or another function that is given the same
	close func()
}

func (r recording) stage(ctx context.Context) (*stage, error) {
	s, err := r.alone(ctx)
	if err != nil {
		return nil, err
	}
	for range warmUp {
		if _, err := s.round(ctx); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// alone is a stage on which nothing has happened yet.
func (r recording) alone(ctx context.Context) (*stage, error) {
	s := &stage{recording: r, aws: newCanned(r.calls)}
	url, stop, err := serve(s.aws)
	if err != nil {
		return nil, err
	}
	if s.guard, err = r.start(ctx, url); err != nil {
		stop()
		return nil, err
	}
	s.close = func() { _ = s.guard.Close(); stop() }
	return s, nil
}

// round lets guard deal with the violation once more.
func (s *stage) round(ctx context.Context) (time.Duration, error) {
	payload := message(s.record)
	began := time.Now()
	again, err := judge(ctx, s.guard, payload)
	took := time.Since(began)
	if err == nil && len(again) > 0 {
		err = fmt.Errorf("guard wants the message again\n%s", s.guard.Logs())
	}
	_, strange := s.aws.end()
	return took, errors.Join(err, strange)
}

// warm is goal 3: what guard takes for a violation against what its calls take
// alone, from a function that does nothing else. The second row has no bound:
// it shows what of goal 6 is the SDK's.
func warm(ctx context.Context, b *bench) (figures.Table, error) {
	var table figures.Table
	for _, size := range []struct {
		rules int
		what  string
		bound figures.Bound
	}{{10, "warm violation", figures.AtMostTimes(2)}, {990, "the same in a group of 1,000 rules", figures.Bound{}}} {
		ours, other, calls, err := besideItsCalls(ctx, b, size.rules)
		if err != nil {
			return nil, err
		}
		table = append(table, figures.Row{
			Goal: "3", What: fmt.Sprintf("%s, %d calls", size.what, calls), Ours: ours, Other: other, Than: "the calls alone", Bound: size.bound,
		})
	}
	return table, nil
}

func besideItsCalls(ctx context.Context, b *bench, rules int) (ours, other figures.Sample, calls int, err error) {
	ours.Unit, other.Unit = figures.Seconds, figures.Seconds
	r, err := record(ctx, filepath.Join(b.dist, "guard"), rules, ssh)
	if err != nil {
		return ours, other, 0, err
	}
	s, err := r.stage(ctx)
	if err != nil {
		return ours, other, 0, err
	}
	defer s.close()
	alone, err := recording{folder: filepath.Join(b.dist, "bare"), calls: r.calls}.alone(ctx)
	if err != nil {
		return ours, other, 0, err
	}
	defer alone.close()
	payload, err := json.Marshal(map[string]any{"Waves": waves(r.calls)})
	if err != nil {
		return ours, other, 0, err
	}
	for i := range warmUp + warmRounds {
		took, err := s.round(ctx)
		if err != nil {
			return ours, other, 0, err
		}
		needed, err := makeCalls(ctx, alone.guard, alone.aws, payload)
		if err != nil {
			return ours, other, 0, err
		}
		if i >= warmUp {
			ours.Values, other.Values = append(ours.Values, took.Seconds()), append(other.Values, needed.Seconds())
		}
	}
	return ours, other, len(r.calls), nil
}

func makeCalls(ctx context.Context, bare *runtimeapi.Process, aws *canned, payload []byte) (time.Duration, error) {
	answer, err := bare.Invoke(ctx, payload)
	if err != nil {
		return 0, err
	}
	if answer.Failed() {
		return 0, fmt.Errorf("make the calls alone: %s", answer.Payload)
	}
	var told struct{ Nanoseconds int64 }
	if err := json.Unmarshal(answer.Payload, &told); err != nil {
		return 0, err
	}
	_, err = aws.end()
	return time.Duration(told.Nanoseconds), err
}
