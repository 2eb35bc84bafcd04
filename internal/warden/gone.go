package warden

import (
	"context"

	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// closeGone ends what was open about a group that does not exist any more. A
// group that a young event names may only not be visible yet: then nothing is
// written, the records wait for it.
func (j *judging) closeGone(ctx context.Context) error {
	if len(j.unseen()) > 0 {
		return nil
	}
	j.verdict, j.plan = policy.Verdict{GroupID: j.groupID}, plan.Plan{GroupID: j.groupID}
	j.verdict.Calls = j.w.cfg.Set.JudgeCalls(j.input())
	if !j.mem.Known.Exists && len(j.mem.Open) == 0 && len(j.w.removed.of(j.groupID)) == 0 && !j.callsViolate() {
		return nil
	}
	j.known = j.mem.Known
	j.known.Rules = map[string]policy.KnownRule{}
	j.known.Removed = j.removedSince(j.mem.Known, j.known)
	j.carryOn()
	j.endLeft()
	j.draftCalls()
	if err := j.askForLists(ctx, j.droppedLists(j.known)); err != nil {
		return err
	}
	if err := j.open(ctx); err != nil {
		return err
	}
	j.publish(ctx)
	return j.close(ctx)
}
