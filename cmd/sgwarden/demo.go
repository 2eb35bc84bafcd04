package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/events/samples"
	"github.com/sgwarden/sgwarden/internal/embedded"
	"github.com/sgwarden/sgwarden/internal/incident"
)

// demo is `sgwarden demo`.
type demo struct {
	events   string
	policies string
	format   string
	listen   string
	noGuard  bool
	alerts   bool
}

func newDemo() *cobra.Command {
	d := &demo{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch violations being taken back on an embedded account",
		Long: `demo replays CloudTrail records to an embedded account, an EC2 for security
groups inside this process, and lets the real guard judge each of them. It
needs no AWS account, no key and no network.

With --listen it serves that account to AWS clients instead:

  sgwarden demo --listen 127.0.0.1:4599
  aws --endpoint-url http://127.0.0.1:4599 --region us-east-1 --no-sign-request ec2 describe-security-groups

Every change that a client makes is judged at once. The demo enforces unless
the policies' own settings say otherwise.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&d.events, "events", "", "CloudTrail records: a log file, one record per line, or - for standard input (default: the built-in stories)")
	f.StringVar(&d.policies, "policies", "", "folder of policies (default: the built-in pack baseline)")
	f.StringVarP(&d.format, "output", "o", "text", "text or json: one incident document per record")
	f.StringVar(&d.listen, "listen", "", "serve the embedded account to AWS clients on this address")
	f.BoolVar(&d.noGuard, "no-guard", false, "with --listen: serve the account alone, judge nothing")
	f.BoolVar(&d.alerts, "alerts", false, "print every alert in full")
	return cmd
}

func (d *demo) run(cmd *cobra.Command) error {
	switch {
	case d.format != "text" && d.format != "json":
		return fmt.Errorf("output %q: want text or json", d.format)
	case d.listen != "" && d.events != "":
		return fmt.Errorf("--listen and --events do not go together: the clients make the events")
	case d.noGuard && d.listen == "":
		return fmt.Errorf("--no-guard goes with --listen")
	case d.alerts && d.format == "json":
		return fmt.Errorf("--alerts goes with text: a document is all that an alert says")
	}
	set, err := loadPolicies(d.policies)
	if err != nil {
		return err
	}
	teller := d.teller(cmd.OutOrStdout())
	if d.listen != "" {
		return d.serve(cmd.Context(), set, teller, cmd.ErrOrStderr())
	}
	data, err := d.records(cmd.InOrStdin())
	if err != nil {
		return err
	}
	return replay(cmd.Context(), embedded.New(embedded.Options{Set: set}), data, teller)
}

func (d *demo) teller(w io.Writer) teller {
	switch {
	case d.format == "text":
		return &stories{w: w, full: d.alerts, counts: map[incident.Outcome]int{}}
	case d.listen != "":
		return &feed{w: w, waiting: map[string]int{}}
	}
	return &documents{w: w, waiting: map[string]int{}}
}

func (d *demo) records(stdin io.Reader) ([]byte, error) {
	switch d.events {
	case "":
		return samples.Demo(), nil
	case "-":
		data, err := io.ReadAll(stdin)
		if err != nil {
			return nil, outside(fmt.Errorf("read standard input: %w", err))
		}
		return data, nil
	}
	data, err := os.ReadFile(d.events)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return data, nil
}

// replay judges record by record and tells what came of each.
func replay(ctx context.Context, world *embedded.World, data []byte, t teller) error {
	for record := range events.Each(data) {
		judged, err := world.Replay(ctx, record)
		if err != nil {
			return outside(fmt.Errorf("record %d: %w", record.Record, err))
		}
		for _, j := range judged {
			if err := t.tell(j); err != nil {
				return outside(err)
			}
		}
		if err := ctx.Err(); err != nil {
			return outside(err)
		}
	}
	for _, j := range world.Settle(ctx) {
		if err := t.tell(j); err != nil {
			return outside(err)
		}
	}
	if err := t.end(); err != nil {
		return outside(err)
	}
	return nil
}
