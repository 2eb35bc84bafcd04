package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/embedded"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// mostWaiting bounds the records that wait to be judged; a client that is
// faster than that is slowed down.
const mostWaiting = 10_000

// serve is the account for AWS clients, until the context ends.
func (d *demo) serve(ctx context.Context, set *policy.Set, t teller, stderr io.Writer) error {
	records := make(chan []byte, mostWaiting)
	opts := embedded.Options{Set: set, Clock: time.Now}
	if !d.noGuard {
		opts.Watch = func(record []byte) { records <- record }
	}
	world := embedded.New(opts)
	listener, err := net.Listen("tcp", d.listen)
	if err != nil {
		return outside(fmt.Errorf("listen on %s: %w", d.listen, err))
	}
	server := &http.Server{Handler: world.Cloud().Handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	defer func() { _ = server.Close() }() // the account ends with the process
	say(stderr, "EC2 for security groups on http://%s; stop it with Ctrl-C. Try:\n  aws --endpoint-url http://%s --region us-east-1 --no-sign-request ec2 describe-security-groups\n", listener.Addr(), listener.Addr())

	number := 0
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	judging := context.WithoutCancel(ctx) // what was begun is judged to its end
	for {
		if ctx.Err() != nil {
			if err := t.end(); err != nil {
				return outside(err)
			}
			return nil
		}
		select {
		case <-ctx.Done():
		case err := <-failed:
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return outside(fmt.Errorf("serve: %w", err))
		case record := <-records:
			if err := judgeLive(judging, world, record, &number, t); err != nil {
				return outside(err)
			}
		case <-tick.C:
			for _, j := range world.Due(judging) {
				if err := t.tell(j); err != nil {
					return outside(err)
				}
			}
		}
	}
}

// judgeLive judges what a client did. The guard's own calls come by here too;
// that they are its own is no story. number counts what is told.
func judgeLive(ctx context.Context, world *embedded.World, record []byte, number *int, t teller) error {
	for d := range events.Each(record) {
		judged, err := world.Look(ctx, d)
		if err != nil {
			return err
		}
		if worst := judged.Worst(); worst.Outcome == incident.Ignored && worst.Reason == "own" {
			continue
		}
		*number++
		judged.Record = *number
		if err := t.tell(judged); err != nil {
			return err
		}
	}
	return nil
}
