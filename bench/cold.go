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

const coldRounds = 25

// custodian is what Cloud Custodian 0.9.52 took for the same job, from exec to
// its revert, on the machine on which the goal was set.
var custodian = figures.Sample{Unit: figures.Seconds, Values: []float64{0.728, 0.748}, Recorded: true}

// cold is goal 2, and goal 10 after a violation: a function that was not
// running takes back its first violation.
func cold(ctx context.Context, b *bench) (figures.Table, error) {
	usual, stop, err := recordFirst(ctx, filepath.Join(b.dist, "guard"))
	if err != nil {
		return nil, err
	}
	defer stop()
	folder, err := b.withPolicies(everyPack)
	if err != nil {
		return nil, err
	}
	packs, stop, err := recordFirst(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer stop()
	hello, bare := figures.Sample{Unit: figures.Bytes}, figures.Sample{Unit: figures.Bytes}
	for range coldRounds {
		if err := errors.Join(usual.again(ctx), packs.again(ctx)); err != nil {
			return nil, err
		}
		peak, err := helloAfterOne(ctx, b)
		if err != nil {
			return nil, err
		}
		hello.Values = append(hello.Values, float64(peak))
		if peak, err = bareAfterOne(ctx, b, usual); err != nil {
			return nil, err
		}
		bare.Values = append(bare.Values, float64(peak))
	}
	memory := func(what string, of figures.Sample) figures.Row {
		return figures.Row{
			Goal: "10", What: what, Ours: of, Other: hello, Than: "hello", Bound: figures.AtMostTimes(2),
			Why: "three quarters are pages of the binary (docs/design/0013)",
		}
	}
	return figures.Table{
		{Goal: "2", What: "exec to first revert finished", Ours: usual.reverted, Other: custodian, Than: "c7n", Bound: figures.FasterTimes(50)},
		{Goal: "2", What: "exec to first violation recorded, told, answered", Ours: usual.answered, Other: custodian, Than: "c7n"},
		memory("peak memory after a violation", usual.memory),
		memory("peak memory after a violation, every pack", packs.memory),
		{Goal: "10", What: "peak memory after its calls alone", Ours: bare, Other: hello, Than: "hello"},
	}, nil
}

// first is the first violation of a function that was not running, again and
// again.
type first struct {
	recording
	url                        string
	aws                        *canned
	reverted, answered, memory figures.Sample
}

func recordFirst(ctx context.Context, folder string) (*first, func(), error) {
	r, err := record(ctx, folder, 10, ssh)
	if err != nil {
		return nil, nil, err
	}
	f := &first{recording: r, aws: newCanned(r.calls)}
	f.reverted.Unit, f.answered.Unit, f.memory.Unit = figures.Seconds, figures.Seconds, figures.Bytes
	url, stop, err := serve(f.aws)
	f.url = url
	return f, stop, err
}

func (f *first) again(ctx context.Context) error {
	began := time.Now()
	p, err := f.exec(f.url)
	if err != nil {
		return err
	}
	_, err = judge(ctx, p, message(f.record))
	whole := time.Since(began)
	peak, err2 := peakMemory(p)
	_ = p.Close()
	if err != nil {
		return err
	}
	changed, err := f.aws.end()
	if err != nil || err2 != nil {
		return fmt.Errorf("first violation: %w, %w", err, err2)
	}
	f.reverted.Values, f.answered.Values = append(f.reverted.Values, changed.Sub(began).Seconds()), append(f.answered.Values, whole.Seconds())
	f.memory.Values = append(f.memory.Values, float64(peak))
	return nil
}

// bareAfterOne is the peak memory of a function that made the calls of a
// recording once and did nothing else.
func bareAfterOne(ctx context.Context, b *bench, f *first) (int64, error) {
	p, err := recording{folder: filepath.Join(b.dist, "bare")}.start(ctx, f.url)
	if err != nil {
		return 0, err
	}
	defer func() { _ = p.Close() }()
	payload, err := json.Marshal(map[string]any{"Waves": waves(f.calls)})
	if err != nil {
		return 0, err
	}
	if _, err := makeCalls(ctx, p, f.aws, payload); err != nil {
		return 0, err
	}
	return peakMemory(p)
}

// helloAfterOne is the peak memory of hello after one invocation.
func helloAfterOne(ctx context.Context, b *bench) (int64, error) {
	p, err := runtimeapi.Start(filepath.Join(b.dist, "hello", "bootstrap"), runtimeapi.Function{Name: "hello"})
	if err != nil {
		return 0, err
	}
	defer func() { _ = p.Close() }()
	if _, err := p.Invoke(ctx, []byte(`{}`)); err != nil {
		return 0, err
	}
	return peakMemory(p)
}
