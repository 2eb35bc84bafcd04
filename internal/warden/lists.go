package warden

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// failed decides the record by an error, if there is one, and gives it alone.
func (r *record) failed(err error) []*record {
	if err != nil {
		outcome, reason := explain(err)
		r.decide(outcome, reason, true)
	}
	return []*record{r}
}

// ownListCall decides the record of an edit that sgwarden made itself: the
// list's journal has it, or an open incident planned it. A call of the
// deployment's role that nobody here made is told, and judged like any other.
func (w *Warden) ownListCall(ctx context.Context, base *record) (done bool, err error) {
	if !w.isOwnRole(base.change) || len(base.change.ListIDs) != 1 {
		return false, nil
	}
	mem, err := w.cfg.Ledger.Observe(ctx, base.change.ListIDs[0])
	if err != nil {
		return false, unreadable(err)
	}
	own := slices.ContainsFunc(mem.Recent, func(c incident.Journal) bool {
		return c.RequestID != "" && c.RequestID == base.change.RequestID && c.Call == base.change.EventName
	})
	planned := slices.ContainsFunc(mem.Open, func(i incident.Incident) bool {
		return i.List != nil && len(i.List.Removed) > 0 && i.List.Judged+1 == base.change.ListVersion
	})
	if own || planned {
		base.decide(incident.Ignored, reasonOwn, false)
		return true, nil
	}
	inc := w.baseIncident(base)
	inc.ID, inc.EventType, inc.Severity = incident.EventID("", "role", base.change.EventID), incident.Opened, policy.High
	inc.Outcome, inc.Reason, inc.Notes = incident.Alerted, reasonStranger, []string{requestNote + base.change.RequestID}
	_, err = w.once(ctx, eventKey+inc.ID, inc, triesOf([]*record{base}))
	return false, err
}

// judgeLists judges the lists of a record as such, and gives a decided record
// for each that has an incident. A list that no group refers to (any more) is judged
// where something is open about it: nobody else would lead there.
func (w *Warden) judgeLists(ctx context.Context, base *record, groups []string, shared *batchFacts) (records []*record, err error) {
	for _, id := range base.change.ListIDs {
		of := groups
		if len(base.change.ListIDs) > 1 {
			of = nil
		}
		if len(groups) == 0 {
			mem, err := w.cfg.Ledger.Observe(ctx, id)
			if err != nil {
				return nil, unreadable(err)
			}
			if len(mem.Open) == 0 {
				continue
			}
		}
		end, err := w.judgeList(ctx, shared, id, listAsk{base: base, groups: of, tries: triesOf([]*record{base})})
		if err != nil {
			return nil, err
		}
		if end.outcome == 0 {
			continue
		}
		r := *base
		r.decide(end.outcome, end.reason, end.retry)
		r.decision.IncidentID, r.decision.Incident, r.decision.Story = end.doc.ID, end.doc, end.story
		records = append(records, &r)
	}
	return records, nil
}

// askLists has the lists judged by whose new entries rules of the group violate.
// Where entries were taken out the group is judged again, on what the list holds
// now; else the list's incident tells of these rules.
func (j *judging) askLists(ctx context.Context) error {
	for _, id := range sortedKeys(j.ends) {
		e := j.ends[id]
		list, isList := e.rule.Peer.(secgroup.PrefixList)
		if !isList || e.seen {
			continue
		}
		if told, err := j.tellListUndone(ctx, e, list); told || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if !tellsOfList(e.verdict) {
			continue
		}
		digest := policy.ListDigest(list.Entries)
		end, told, err := judgedInBatch(ctx, j.shared, list.ID, digest)
		if slices.Contains(end.unclear, j.groupID) { // it could be read now
			told, digest = false, ""
		}
		if err == nil && !told {
			end, told, err = j.toldOfList(ctx, e, list)
		}
		if err == nil && !told {
			end, err = j.w.judgeList(ctx, j.shared, list.ID, listAsk{digest: digest, tries: j.tries()})
		}
		if err != nil {
			return err
		}
		if end.edited || end.digest != policy.ListDigest(list.Entries) {
			if end.owing { // no group leads there again
				if err := j.w.cfg.Queue.JudgeAgain(ctx, list.ID, causeRetry, "", shortestDelay); err != nil {
					return err
				}
			}
			return fmt.Errorf("%s was edited: %w", list.ID, incident.ErrConflict)
		}
		if e.act && end.isUnseen(j.now) {
			e.act = false
		} else if end.outcome == 0 || e.act || j.isHeld(e) || wantsRule(e.verdict) && end.outcome != incident.Pending {
			continue
		}
		e.listed, e.told, e.outcome, e.reason, e.incident, e.owing = true, false, end.outcome, end.reason, end.doc.ID, end.owing
		e.lacking = end.lacking
		j.retry = j.retry || end.retry
	}
	return nil
}

// unseenFor is how long an edit of a list that EC2 took, and does not show, keeps the
// rules with the list from being taken in its place: they are in order if it is done.
// EC2's answers lag by seconds as a rule; an edit that it dropped never shows.
const unseenFor = 5 * time.Minute

// isUnseen reports whether entries may be taken out of the list already.
func (e listEnd) isUnseen(now time.Time) bool {
	return isUnseen(e.reason) && now.Sub(e.doc.LearntAt) < unseenFor
}

// isUnseen reports whether by this reason EC2 may have taken an edit of a list that it
// does not show.
func isUnseen(reason string) bool {
	return reason == reasonStillThere || reason == reasonNotComplete || reason == reasonNotVerified
}

// toldOfList is how the list stands where its incident of these entries told of
// this outcome before, and nothing else is open about it, or where it waits and the
// group has a rule that waits. So the groups that refer to a list need not each read
// all the others. What sinks lack is told them.
func (j *judging) toldOfList(ctx context.Context, e *end, list secgroup.PrefixList) (listEnd, bool, error) {
	l := j.w.listJudging(j.shared, list.ID, listAsk{tries: j.tries()})
	if err := l.recall(ctx); err != nil {
		return listEnd{}, false, err
	}
	end := listEnd{version: list.Version, digest: policy.ListDigest(list.Entries)}
	told, ok := l.toldOf(listMark + listIncident(list.ID, list.Version, end.digest))
	switch {
	case e.act:
		return listEnd{}, false, nil
	case l.stored == nil && ok && told.isFresh(l.now) && (told.outcome == e.outcome || e.outcome == incident.Pending):
		end.outcome, end.lacking, end.doc = told.outcome, told.lacking, incident.Incident{ID: told.incident}
	case l.waitsFor(j.groupID, list.Version) && e.outcome == incident.Pending:
		end.outcome, end.reason, end.doc = incident.Pending, l.stored.Reason, *l.stored
	default:
		return listEnd{}, false, nil
	}
	end, err := l.payOnly(ctx, end)
	return end, true, err
}

// isHeld reports whether an open incident of the group has the rule.
func (j *judging) isHeld(e *end) bool {
	return slices.ContainsFunc(j.mem.Open, func(i incident.Incident) bool {
		return !owesOnly(i) && slices.ContainsFunc(i.Rules, func(r incident.Rule) bool { return r.ID == e.rule.ID })
	})
}

// pointToLists makes the item's entries point to the incidents of their lists.
func (j *judging) pointToLists() {
	for id, e := range j.ends {
		entry, ok := j.known.Rules[id]
		if !ok || !e.listed {
			continue
		}
		entry.IncidentID, entry.Under, entry.Reported = e.incident, under(e.verdict), ""
		if !e.outcome.StaysOpen() && !e.owing {
			entry.Reported = e.reported()
		}
		j.known.Rules[id] = entry
	}
}

// readOldLists reads the entries that lists had while the rules of the group were
// in order, and those that they had when the rules were last seen: only the former
// can take the place of a reference, and only by the latter it is known what grew.
func (j *judging) readOldLists(ctx context.Context) error {
	if j.facts.OldLists == nil {
		j.facts.OldLists = map[policy.ListVersion][]netip.Prefix{}
	}
	for _, r := range j.live.Rules {
		list, isList := r.Peer.(secgroup.PrefixList)
		if !isList {
			continue
		}
		known := j.mem.Known.Rules[r.ID]
		var versions []policy.ListVersion
		if v, _, ok := known.InOrderAt(); ok {
			versions = append(versions, v)
		}
		if v, ok := known.SeenAt(); ok {
			versions = append(versions, v)
		}
		for _, v := range versions {
			if v.ID != list.ID {
				continue
			}
			if err := j.readOldList(ctx, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// readOldList reads the entries that a list had in a version, once; nil = they may
// not be read.
func (j *judging) readOldList(ctx context.Context, v policy.ListVersion) error {
	if _, read := j.facts.OldLists[v]; read {
		return nil
	}
	entries, err := j.w.cfg.Inventory.EntriesAt(ctx, v.ID, v.Version)
	if passing(err, v.ID) != nil {
		return err
	}
	j.facts.OldLists[v] = nil
	if err == nil {
		j.facts.OldLists[v] = secgroup.Blocks(entries)
	}
	return nil
}

// olderThanKnown is an error that wraps incident.ErrConflict where a list is shown
// as it was before its rules were seen last: EC2 reads may be late, and a list's
// version never goes back.
func (j *judging) olderThanKnown(read secgroup.PrefixList) error {
	for _, known := range j.mem.Known.Rules {
		if l, ok := known.Rule.Peer.(secgroup.PrefixList); ok && l.ID == read.ID && read.Version > 0 && read.Version < l.Version {
			return fmt.Errorf("read %s: version %d is shown, and was %d before: %w", read.ID, read.Version, l.Version, incident.ErrConflict)
		}
	}
	return nil
}

// editInWords is an edit of a list as incidents tell it.
func editInWords(a plan.EditList) string {
	var out []string
	for _, block := range a.Remove {
		out = append(out, "-"+block.String())
	}
	for _, e := range a.Add {
		out = append(out, "+"+e.Block.String())
	}
	const most = 20
	more := ""
	if len(out) > most {
		out, more = out[:most], fmt.Sprintf(" and %d more", len(out)-most)
	}
	return fmt.Sprintf("%s: %s version %d: %s%s", a.Call(), a.ListID, a.Version, strings.Join(out, " "), more)
}
