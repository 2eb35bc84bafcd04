package warden

import (
	"context"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// lookAtLists looks again at lists of which something may be open: the deployment's
// own message asks for it, and nothing in it is trusted beyond that.
func (w *Warden) lookAtLists(ctx context.Context, base *record, shared *batchFacts) []*record {
	ask := listAsk{incident: base.change.IncidentID, tries: triesOf([]*record{base})}
	for _, id := range base.change.ListIDs {
		l := w.listJudging(shared, id, ask)
		if err := l.recall(ctx); err != nil {
			return base.failed(err)
		}
		if len(l.mem.Open) == 0 {
			continue
		}
		end, err := w.judgeList(ctx, shared, id, ask)
		if err != nil {
			return base.failed(err)
		}
		base.decide(max(end.outcome, incident.Compliant), end.reason, end.retry)
		base.decision.IncidentID, base.decision.Incident, base.decision.Story = end.doc.ID, end.doc, end.story
	}
	if !base.decided {
		base.decide(incident.Compliant, "", false)
	}
	return []*record{base}
}

// droppedLists are the lists whose open incident told of a rule of the group that is
// gone, or in order, by now, with that incident; and those that were edited since the
// group was judged, with "": whoever edited one, and died, may have left its incident.
func (j *judging) droppedLists(next policy.Known) map[string]string {
	dropped := map[string]string{}
	for id, k := range j.mem.Known.Rules {
		now, still := next.Rules[id]
		if list, told := toldByList(k, j.mem.Known.OpenIncidents); told && !(still && now.IncidentID == k.IncidentID) {
			dropped[list] = k.IncidentID
			continue
		}
		was, isList := k.Rule.Peer.(secgroup.PrefixList)
		is, _ := now.Rule.Peer.(secgroup.PrefixList)
		if _, isTold := dropped[was.ID]; isList && still && !isTold && is.ID == was.ID && is.Version > was.Version && was.Version > 0 && now.Under == nil {
			dropped[was.ID] = ""
		}
	}
	return dropped
}

// askForLists has lists looked at whose incidents are open still: no group that
// refers to them may be left that would lead there. It comes before the group's
// item is written, which forgets them.
func (j *judging) askForLists(ctx context.Context, dropped map[string]string) error {
	for _, id := range sortedKeys(dropped) {
		mem, err := j.w.cfg.Ledger.Observe(ctx, id)
		if err != nil {
			return unreadable(err)
		}
		if !slices.ContainsFunc(mem.Open, func(i incident.Incident) bool {
			return i.ID == dropped[id] || dropped[id] == "" && i.Outcome == 0
		}) {
			continue
		}
		if err := j.w.cfg.Queue.JudgeAgain(ctx, id, causeSettle, "", visibleAfter); err != nil {
			return err
		}
	}
	return nil
}
