package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/marks"
)

type ledgerReader interface {
	marks.Ledger
	Controls(ctx context.Context) (incident.Controls, error)
}

// checkControls asks what people and the fuse hold back. Later checks use what
// it read.
func checkControls(ctx context.Context, x *examination, f *findings) {
	controls, err := x.Ledger(x.deployed.Table).Controls(ctx)
	if err != nil {
		f.unknown("pauses and holds", err)
		return
	}
	x.controls = &controls
	if controls.Paused != "" {
		f.warn("sgwarden resume, when the reason is gone", "paused, nothing is changed: %q", controls.Paused)
	}
	if len(controls.Held) > 0 {
		f.problem("read the alerts of that time; then sgwarden resume", "the fuse holds %s: what is due under them stays", plural(len(controls.Held), "policy", "policies"))
	}
	exempt := ""
	if n := len(controls.Exemptions); n > 0 {
		exempt = fmt.Sprintf(", %s for all groups", plural(n, "exemption", "exemptions"))
	}
	if len(f.all) == 0 {
		f.ok("not paused, nothing held%s", exempt)
	}
}

// A sweep is due every quarter of an hour; after a day the guard trusts the
// ledger no more.
const (
	lateSweep  = time.Hour
	staleTable = 24 * time.Hour
)

// checkSweep asks when the last complete pass over all groups was.
func checkSweep(_ context.Context, x *examination, f *findings) {
	runs := x.has("Sweep")
	switch {
	case x.controls == nil:
		f.add(NotKnown, "", "the last sweep: the ledger could not be read")
	case !runs:
		f.warn("", "this deployment has no sweep: what no event told is not found, and no baseline is set")
	case x.controls.Stamp.IsZero():
		f.warn("ask again in half an hour; then look at its log group", "no sweep was completed yet")
	case x.Now.Sub(x.controls.Stamp) > staleTable:
		f.problem("see whether its schedule is on, and its log group", "the last complete sweep was %s ago: the guard acts only on what events name", age(x.Now.Sub(x.controls.Stamp)))
	case x.Now.Sub(x.controls.Stamp) > lateSweep:
		f.problem("see whether its schedule is on, and its log group", "the last complete sweep was %s ago", age(x.Now.Sub(x.controls.Stamp)))
	default:
		f.ok("the last complete sweep was %s ago", age(x.Now.Sub(x.controls.Stamp)))
	}
}

// age is a duration as a person says it: "12m", "3h", "2d".
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// has says whether the stack has a function of that name.
func (x *examination) has(name string) bool {
	return slices.ContainsFunc(x.parts.of(partFunction), func(p part) bool { return p.name() == name })
}

// checkBaseline asks of which policies the baseline is set, and how many rules
// it marked: those stand, and nobody is alerted of them.
func checkBaseline(ctx context.Context, x *examination, f *findings) {
	switch {
	case x.controls == nil:
		f.add(NotKnown, "", "the baseline: the ledger could not be read")
		return
	case !x.samePolicies():
		f.add(NotKnown, "name the folder that was deployed with --policies", "the baseline: it is kept by policy, and those at hand are others")
		return
	}
	var open []string
	for _, p := range x.set.Policies {
		if !x.controls.Acts[p.ID+"@"+p.Digest()].Done {
			open = append(open, p.ID)
		}
	}
	slices.Sort(open)
	if len(open) > 0 {
		f.warn("wait for the next complete sweep; until then these act only on rules that an event names", "the baseline is not set for %s of %d: %s", plural(len(open), "policy", "policies"), len(x.set.Policies), strings.Join(open, ", "))
	}
	found, err := marks.Find(ctx, x.Groups, x.Ledger(x.deployed.Table), marks.Want{})
	if err != nil {
		f.unknown("how many rules the baseline marked", err)
		return
	}
	switch n := len(found.Standing()); {
	case n > 0:
		f.ok("what stood before its policy and stands still: %s (sgwarden adopt --all lists them)", found.Count())
	case len(open) == 0:
		f.ok("set for all %d policies; no rule stands by it", len(x.set.Policies))
	}
}
