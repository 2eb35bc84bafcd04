package warden

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// beginActs writes down that the act of every policy that has none begins: a
// record that is timed after that voids the mark of the rule that it names. An
// act that an earlier pass began and did not end keeps its beginning, since
// marks of that pass stay. Acts of policies that are not in force as they were
// then are dropped: what they did not see must not be due at once when the
// policy returns.
func (p *pass) beginActs(ctx context.Context) error {
	record := incident.SweepRecord{Acts: map[string]policy.Act{}}
	p.at.Acts, p.setting = nil, map[string]bool{}
	inForce := map[string]bool{}
	for _, rule := range p.w.cfg.Set.Policies {
		key := actKey(rule)
		inForce[key] = true
		act, begun := p.controls.Acts[key]
		if act.Done {
			p.setting[rule.ID] = p.controls.IsOwed(key)
			continue
		}
		p.at.Acts = append(p.at.Acts, key)
		p.setting[rule.ID] = true
		if !begun {
			record.Acts[key] = policy.Act{Start: p.at.Start}
		}
	}
	for _, key := range sortedKeys(p.controls.Acts) {
		if !inForce[key] {
			record.Drop = append(record.Drop, key)
		}
	}
	if len(record.Acts) == 0 && len(record.Drop) == 0 {
		return nil
	}
	p.count(func(c *SweepCounts) { c.Calls.Ledger++ })
	if err := p.s.ledger.RecordSweep(ctx, record); err != nil {
		return unwritable(err)
	}
	if p.controls.Acts == nil {
		p.controls.Acts = map[string]policy.Act{}
	}
	for key, act := range record.Acts {
		p.controls.Acts[key] = act
	}
	return nil
}

// goOn takes up the acts of the pass. The policies may be others than when it
// began: an act that misses some pages is not set.
func (p *pass) goOn() {
	begun := p.at.Acts
	p.at.Acts, p.setting = nil, map[string]bool{}
	for _, rule := range p.w.cfg.Set.Policies {
		key := actKey(rule)
		if slices.Contains(begun, key) {
			p.at.Acts = append(p.at.Acts, key)
		}
		p.setting[rule.ID] = slices.Contains(begun, key) || p.controls.IsOwed(key)
	}
}

// doneActs are the acts that the pass has set, as they are written at its end.
func (p *pass) doneActs() map[string]policy.Act {
	done := map[string]policy.Act{}
	for _, key := range p.at.Acts {
		act, begun := p.controls.Acts[key]
		if !begun {
			continue // dropped meanwhile: a later pass sets it
		}
		act.Done, act.At = true, p.w.now()
		done[key] = act
	}
	return done
}

const (
	// reasonBaseline is that of the message that sums up what an act marked.
	reasonBaseline = "baseline-set"
	// markedNamed is how many policies it counts by name.
	markedNamed = 20
)

// tellMarked sums up in one message what the acts of the pass have marked: what
// stands is told by nobody else. A ledger that somebody emptied looks like a new
// one, and all that is open stands by it then.
func (p *pass) tellMarked(ctx context.Context) {
	inc := incident.Incident{
		ID: incident.EventID("", reasonBaseline, p.at.Start.UTC().Format(time.RFC3339Nano)), EventType: incident.Opened, Outcome: incident.Alerted, Reason: reasonBaseline,
		Mode: p.w.cfg.Mode, AccountID: p.w.cfg.Account, Region: p.w.cfg.Region, Cause: causeSweep, OpenedAt: p.at.Start, LearntAt: p.w.now(),
	}
	for _, rule := range p.w.cfg.Set.Policies {
		n := p.at.Counts.Marked[rule.ID]
		if n == 0 {
			continue
		}
		inc.Severity = max(inc.Severity, rule.Severity)
		inc.Policies = append(inc.Policies, noteOf(rule))
		if len(inc.Notes) < markedNamed {
			inc.Notes = append(inc.Notes, fmt.Sprintf("%d by %s", n, rule.ID))
		}
	}
	if len(inc.Policies) == 0 {
		return
	}
	if more := len(inc.Policies) - markedNamed; more > 0 {
		inc.Notes = append(inc.Notes, fmt.Sprintf("and by %d more policies", more))
	}
	inc.Notes = append(inc.Notes, "to list them: sgwarden adopt --all; with --yes they are judged like any other",
		"a ledger that was emptied looks like a new one: if this is not the first sweep here, and no policy is new, find out who touched the table")
	p.w.pageOnce(ctx, "tell what was marked", inc)
}

// missed are the groups that wait for a pass that reads them: those that this
// pass left, if it sets acts, or that waited before it and were left again.
// Those that it read, or that are gone, are remembered with the time of that.
// nil = nothing changes.
func (p *pass) missed(sets bool) map[string]incident.Missed {
	now, left := p.w.now(), slices.Compact(slices.Sorted(slices.Values(p.at.Missed)))
	out := map[string]incident.Missed{}
	for id, m := range p.controls.Missed {
		if m.Read.IsZero() && !slices.Contains(left, id) {
			m.Read = now
		}
		if !m.Over(now) {
			out[id] = m
		}
	}
	for _, id := range left {
		if m, waits := out[id]; sets && (!waits || !m.Read.IsZero()) {
			out[id] = incident.Missed{Since: p.at.Start}
		}
	}
	if maps.Equal(out, p.controls.Missed) {
		return nil
	}
	return out
}

// mark marks in known what stands under the policies whose act is being set,
// and gives how many rules were marked, by policy id. In an act after the first
// of a region only what was there at the last complete sweep stands.
func (l *look) mark(known *policy.Known) map[string]int {
	marked := map[string]int{}
	for _, rv := range l.j.verdict.All() {
		entry := known.Rules[rv.Rule.ID]
		if l.isNewer(rv.Rule.ID, known) {
			continue
		}
		for _, id := range l.standing(&rv) {
			if !slices.Contains(entry.Baseline, id) {
				entry.Baseline = append(slices.Clone(entry.Baseline), id)
				slices.Sort(entry.Baseline)
				marked[id]++
				if !mayGoBack(&rv, entry) {
					entry.Before, entry.BeforeBy = nil, nil // else the mark were about that value alone
				}
			}
		}
		known.Rules[rv.Rule.ID] = entry
	}
	return marked
}

// isNewer reports whether a rule was not there at the last complete sweep; the
// group itself, whether nothing of it was: what a policy finds of it is first
// seen when the policy comes.
func (l *look) isNewer(id string, known *policy.Known) bool {
	if m, missed := l.p.controls.Missed[l.group.ID]; missed && m.Read.IsZero() {
		// What was there at the last complete sweep is not known: a record that names
		// the rule from the time of the act tells that it was not.
		by := known.Rules[id].By
		return by != nil && !by.EventTime.Before(m.Since)
	}
	stamp := l.p.at.Stamp
	if stamp.IsZero() || !known.Rules[id].Since.After(stamp) {
		return false
	}
	if !secgroup.IsGroupEntry(id) {
		return true
	}
	for _, k := range known.Rules {
		if !k.Since.After(stamp) {
			return false
		}
	}
	return true
}

// mayGoBack reports whether the value that a rule had before it grew is still
// needed: a remedy may put it back, or it tells that a prefix list grew.
func mayGoBack(rv *policy.RuleVerdict, entry policy.KnownRule) bool {
	if entry.Before == nil || entry.Before.SameValue(entry.Rule) {
		return true
	}
	return slices.ContainsFunc(rv.Findings, func(f policy.Finding) bool {
		return f.State == policy.Acting || f.State == policy.Waiting || f.State == policy.Held
	})
}

// standing are the policies whose act is being set and which the rule
// violates: not exempt, not in an open incident.
func (l *look) standing(rv *policy.RuleVerdict) (ids []string) {
	for _, f := range rv.Findings {
		if f.State == policy.BeforeAct && l.p.setting[f.Policy.ID] {
			ids = append(ids, f.Policy.ID)
		}
	}
	return ids
}
