package warden

import (
	"context"
	"maps"

	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// allRemoved reports whether every record that is left is the first word of
// rules that we removed already, and read back to be gone: another record of
// the group came first. All that it can tell is who made them. In a storm most
// records are such, and what EC2 allows of reads is scarce.
//
// A record that comes again is a hint like any other, and so is one where more
// is open about the group: then the group is looked at.
func (j *judging) allRemoved() bool {
	if len(j.mem.Open) > 0 || len(j.w.removed.of(j.groupID)) > 0 {
		return false
	}
	for _, r := range j.records {
		if r.decided {
			continue
		}
		named := r.named()
		if len(named) == 0 || len(named) != len(r.change.Rules) || !r.change.Complete || j.w.isOwnRole(r.change) {
			return false
		}
		for _, n := range named {
			gone := j.mem.Known.Removed[n.Rule.ID]
			if n.Rule.ID == "" || n.AnyDirection || !gone.Unheard || n.HasValue && n.Rule.Value() != gone.Value {
				return false // of another value more may be to be told: supersede.go
			}
		}
	}
	return true
}

// completeRemoved ends such a judging: what a record tells of who made a rule
// goes into the incident that removed it.
func (j *judging) completeRemoved(ctx context.Context) error {
	j.exists = true
	j.live = secgroup.Group{ID: j.groupID, Name: j.mem.Known.Name, VPCID: j.mem.Known.VPCID}
	j.verdict, j.plan = policy.Verdict{GroupID: j.groupID}, plan.Plan{GroupID: j.groupID}
	j.known = j.mem.Known
	j.known.Removed = maps.Clone(j.known.Removed)
	for _, r := range j.records {
		for _, n := range r.named() {
			if gone := j.known.Removed[n.Rule.ID]; gone.Unheard && !r.decided {
				gone.Unheard = false
				j.known.Removed[n.Rule.ID] = gone
			}
		}
	}
	j.completeClosed(ctx)
	j.verdict.Calls = j.w.cfg.Set.JudgeCalls(j.input())
	j.draftCalls()
	if err := j.open(ctx); err != nil {
		return err
	}
	j.publish(ctx)
	return j.close(ctx)
}
