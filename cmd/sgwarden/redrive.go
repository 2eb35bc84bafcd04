package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/deployment"
	"github.com/sgwarden/sgwarden/internal/redrive"
)

// redriving is what the flags of redrive choose.
type redriving struct {
	account
	rate, most int
	yes        bool
}

func newRedrive() *cobra.Command {
	var r redriving
	cmd := &cobra.Command{
		Use:   "redrive",
		Short: "Move dead letters back into the queue, to be judged again",
		Long: `redrive counts what lies in the two queues of dead letters, and with --yes moves
it back into the queue of the changes: what the guard failed too often, and what
EventBridge could not deliver. First mend why: docs/runbook/alarms.md.

Each message is sent before it is deleted, so that none is lost; one may come
twice, which is harmless: the guard judges what stands by then, and does nothing
twice. It moves no more than there were when it began.

Only the role of the stack's setting operator may send to the queue.`,
		Example: `  sgwarden redrive
  sgwarden redrive --max 1 --yes`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd) },
	}
	r.chooseStack(cmd)
	f := cmd.Flags()
	f.IntVar(&r.rate, "rate", 10, "messages a second at most; EC2 lets the guard take back five a second")
	f.IntVar(&r.most, "max", 0, "messages at most, of both queues together (default: all)")
	f.BoolVar(&r.yes, "yes", false, "move them, not only count them")
	return cmd
}

// deadLetters is one of the two queues.
type deadLetters struct {
	name, says, url string
	held            redrive.Held
}

func lettersOf(d deployment.Deployment) []deadLetters {
	return []deadLetters{
		{name: "failed", says: "the guard failed too often", url: d.FailedURL},
		{name: "undelivered", says: "EventBridge could not deliver", url: d.UndeliveredURL},
	}
}

func (r *redriving) check(cmd *cobra.Command) error {
	switch {
	case r.rate < 1 || r.rate > 1000:
		return errors.New("--rate: want 1 to 1000 messages a second")
	case r.most < 0 || r.most == 0 && cmd.Flags().Changed("max"):
		return errors.New("--max: want 1 or more messages")
	}
	return nil
}

func (r *redriving) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	if err := r.check(cmd); err != nil {
		return err
	}
	c, err := r.config(ctx)
	if err != nil {
		return err
	}
	d, err := r.deployed(ctx, c)
	if err != nil {
		return err
	}
	m := &redrive.Mover{Client: sqs.NewFromConfig(c), To: d.QueueURL, Gap: time.Second / time.Duration(r.rate), Sleep: sleep}
	letters, waiting := lettersOf(d), 0
	for i := range letters {
		if letters[i].held, err = m.Count(ctx, letters[i].url); err != nil {
			return outside(fmt.Errorf("redrive: %w", err))
		}
		waiting += letters[i].held.Waiting
	}
	switch {
	case !r.yes:
		return r.count(cmd, letters, waiting)
	case waiting == 0:
		return tell(cmd, "there is nothing to move%s\n", takenOf(letters...))
	}
	return r.move(cmd, m, letters)
}

func (r *redriving) count(cmd *cobra.Command, letters []deadLetters, waiting int) error {
	for _, l := range letters {
		if err := tell(cmd, "%-11s  about %s that %s%s\n", l.name, count(l.held.Waiting, "message"), l.says, takenOf(l)); err != nil {
			return err
		}
	}
	if waiting > 0 {
		say(cmd.ErrOrStderr(), "nothing was moved: --yes moves them, %d a second at most\n", r.rate)
	}
	return nil
}

// move moves both, the failed ones first.
func (r *redriving) move(cmd *cobra.Command, m *redrive.Mover, letters []deadLetters) error {
	budget, moved, stopped := r.most, 0, false
	var faults []error
	for _, l := range letters {
		limit := l.held.Waiting
		if r.most > 0 {
			limit = min(limit, budget)
		}
		if stopped {
			limit = 0
		}
		t, err := m.Move(cmd.Context(), l.url, limit)
		budget -= t.Moved + t.Failed
		moved += t.Moved
		left := max(0, l.held.Waiting-t.Moved)
		if err := tell(cmd, "%-11s  %d moved, %d left, %d failed%s\n", l.name, t.Moved, left, t.Failed, takenOf(l)); err != nil {
			return err
		}
		faults, stopped = append(faults, t.Why, err), err != nil
	}
	if moved > 0 {
		if err := tell(cmd, "what was moved is judged by what stands now; a message that comes twice does no harm\n"); err != nil {
			return err
		}
	}
	err := errors.Join(faults...)
	switch {
	case errors.Is(err, redrive.ErrMayNotSend):
		return outside(fmt.Errorf("redrive: %w\nonly the role of the stack's setting operator may send to the queue: make deploy CONTEXT='operator=ROLE_ARN'", err))
	case err != nil:
		return outside(fmt.Errorf("redrive: %w", err))
	}
	return nil
}

// takenOf says that more is there than can be had now.
func takenOf(letters ...deadLetters) string {
	taken := 0
	for _, l := range letters {
		taken += l.held.Taken
	}
	if taken == 0 {
		return ""
	}
	return fmt.Sprintf("; %d more in the hands of another reader, or of a run that ended a moment ago", taken)
}
