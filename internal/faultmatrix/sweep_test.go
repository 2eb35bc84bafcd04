package faultmatrix

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/sweep"
)

// sweepEvery is the rate of the function sweep, as the stack has it by default.
const sweepEvery = 15 * time.Minute

// sweep lets the function sweep pass over the account, when it is time, as far as
// that is free, and undisturbed: it asks guard for a look at what no event told.
func (w *world) sweep() {
	if w.program == nil {
		time.Sleep(sweepEvery)
	}
	settings, err := guard.FromEnviron(w.environment())
	w.must(err)
	settings.AWS.Transport = w.cloud.Aside()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{InvokedFunctionArn: "arn:aws:lambda:" + region + ":" + account + ":function:sweep"})
	_, err = sweep.New(settings, slog.New(slog.DiscardHandler), io.Discard).Invoke(ctx, []byte(`{"source":"aws.scheduler"}`))
	w.must(err)
}

// sweepNeeded reports whether guard was shown, at its last look, less than there
// is, and knows it, or cannot know it: then only the sweep, which asks for a look,
// leads there again.
func (w *world) sweepNeeded() bool {
	return w.missedUnnamed() || w.unreadList()
}

// missedUnnamed reports whether EC2 showed the group without the rule at a look for
// which no record names it.
func (w *world) missedUnnamed() bool {
	from := w.sc.unnamedFrom
	return from > 0 && slices.ContainsFunc(w.faults.cells, func(c cell) bool { return c.fault == localaws.StaleRead && c.at.n >= from })
}

// unreadList reports whether EC2 refused to show a prefix list when guard looked
// last: what it holds is then unknown, which is told, and not acted on. A list that
// grew is looked at once more a minute later.
func (w *world) unreadList() bool {
	looks := 1
	if len(w.sc.lists) > 0 {
		looks = 2
	}
	return len(w.faults.cells) >= looks && w.wasRefused("DescribeManagedPrefixLists", "GetManagedPrefixListEntries")
}

// lackedForList reports whether EC2 refused what an edit of a list takes to know,
// beside the list itself: what it held, who uses it, and a group that does.
func (w *world) lackedForList() bool {
	return w.wasRefused("GetManagedPrefixListEntries", "GetManagedPrefixListAssociations") ||
		slices.ContainsFunc(w.faults.refused, func(s spot) bool {
			return s.group != "" && (s.operation == "DescribeSecurityGroups" || s.operation == "DescribeSecurityGroupRules")
		})
}

func (w *world) wasRefused(operations ...string) bool {
	return slices.ContainsFunc(w.faults.refused, func(s spot) bool { return slices.Contains(operations, s.operation) })
}
