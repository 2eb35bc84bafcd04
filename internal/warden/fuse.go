package warden

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

const (
	// fuseWindow is the time in which acts are counted.
	fuseWindow = time.Hour

	// actorAgain is how old the count of an actor is before it is written anew:
	// in a storm all judgings would wait for the one item.
	actorAgain = 15 * time.Minute
)

// mostCounted is how many groups and actors are counted in all, as one item of
// 400 KB holds them, and is read with every change: 30 bytes for each, and as much
// again for the hour after another bundle was deployed.
const mostCounted = 4000

// bounded lowers the limits where so many policies could count too much together.
func bounded(f policy.Fuse, policies int) policy.Fuse {
	if policies == 0 {
		return f
	}
	most := max(1, mostCounted/2/policies)
	return policy.Fuse{Groups: min(f.Groups, most), Actors: min(f.Actors, most)}
}

// Reasons of the pages about a fuse.
const (
	reasonFuse   = "fuse-blown"
	reasonActors = "many-actors"
)

// endAll says for every rule what is to become of it.
func (j *judging) endAll() (acting policy.Verdict) {
	j.ends = map[string]*end{}
	acting = policy.Verdict{GroupID: j.groupID}
	for _, rv := range j.verdict.All() {
		e := j.endOf(rv)
		if e == nil {
			continue
		}
		j.ends[rv.Rule.ID] = e
		if e.act {
			acting.Rules = append(acting.Rules, rv)
		}
	}
	return acting
}

// blows counts what the policies are about to do against the fuse. It is true
// where that is too much for some: they are held from now on, and the group is
// to be judged again. The counts are written with the incident, before anything
// is done.
func (j *judging) blows() bool {
	counts, blown := map[string]incident.FuseCount{}, false
	for _, t := range j.touches() {
		count, changed, reason := charged(j.w.cfg.Fuse, t, j.fuse(t.key), j.groupID, j.now)
		switch {
		case reason != "":
			j.facts.Held[t.policy.Digest()] = heldByFuse + reason
			if j.holding == nil {
				j.holding = map[string]incident.Hold{}
			}
			j.holding[t.key] = incident.Hold{Reason: reason, At: j.now}
			blown = true
		case changed:
			counts[t.key] = count
		}
	}
	j.charge = nil
	if !blown && len(counts)+len(j.holding) > 0 {
		j.charge = &incident.FuseCharge{Version: j.mem.Controls.Fuse.Version, Counts: counts, Hold: j.holding, Drop: j.lapsedCounts(counts)}
	}
	return blown
}

// heldByFuse precedes the reason where a policy is held.
const heldByFuse = "held by the fuse: "

// fuse is what is counted of one policy, without what is too old.
func (j *judging) fuse(key string) incident.FuseCount {
	c := j.mem.Controls.Fuse.Counts[key]
	c.Groups, c.Actors = within(c.Groups, j.now), within(c.Actors, j.now)
	return c
}

func within(times map[string]time.Time, now time.Time) map[string]time.Time {
	young := map[string]time.Time{}
	for id, t := range times {
		if now.Sub(t) < fuseWindow {
			young[id] = t
		}
	}
	return young
}

// lapsedCounts are those that say nothing any more.
func (j *judging) lapsedCounts(but map[string]incident.FuseCount) (lapsed []string) {
	for _, key := range sortedKeys(j.mem.Controls.Fuse.Counts) {
		c := j.fuse(key)
		_, used := but[key]
		if !used && len(c.Groups)+len(c.Actors) == 0 && j.now.Sub(c.Told) >= fuseWindow && j.now.Sub(c.Released) >= fuseWindow {
			lapsed = append(lapsed, key)
		}
	}
	return lapsed
}

// touch is what one policy is about to do to the group.
type touch struct {
	policy  *policy.Policy
	key     string   // of the policy in the ledger
	unasked bool     // some rule has no fresh event of its own
	actors  []string // whose changes are taken back, as digests
}

// touches are those of the policies that act, in policy order.
func (j *judging) touches() (all []touch) {
	if j.w.cfg.Fuse == (policy.Fuse{}) {
		return nil
	}
	for _, p := range j.w.cfg.Set.Policies {
		t, acts := touch{policy: p}, false
		for _, id := range sortedKeys(j.ends) {
			e := j.ends[id]
			if !e.act || !acting(e.verdict, p) {
				continue
			}
			acts = true
			t.unasked = t.unasked || !j.hasOwnEvent(e, p)
			if by := e.verdict.By; by != nil && by.Actor.ARN != "" {
				t.actors = appendOnce(t.actors, actorDigest(by.Actor.ARN))
			}
		}
		if acts {
			t.key = actKey(p)
			all = append(all, t)
		}
	}
	return all
}

func acting(rv policy.RuleVerdict, p *policy.Policy) bool {
	return slices.ContainsFunc(rv.Findings, func(f policy.Finding) bool {
		return f.Policy == p && (f.State == policy.Acting || f.State == policy.Tagging)
	})
}

// actorDigest stands for an actor where it is counted: an ARN may be long.
func actorDigest(arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return hex.EncodeToString(sum[:6])
}

// charged is what a count becomes by a touch, and whether that changes it.
// reason says why the policy is to be held instead; "" = it is not.
func charged(f policy.Fuse, t touch, c incident.FuseCount, groupID string, now time.Time) (_ incident.FuseCount, changed bool, reason string) {
	if now.Sub(c.Released) < fuseWindow {
		return c, false, "" // an operator wants it so
	}
	if t.unasked && f.Groups > 0 {
		if _, counted := c.Groups[groupID]; !counted && len(c.Groups) >= f.Groups {
			return c, false, fmt.Sprintf("within an hour it touched %d groups without an event of their own, and that is the limit", len(c.Groups))
		}
		c.Groups, changed = with(c.Groups, groupID, now), true
	}
	for _, actor := range t.actors {
		last, counted := c.Actors[actor]
		switch {
		case f.Actors == 0, counted && now.Sub(last) < actorAgain:
		case counted || len(c.Actors) < f.Actors:
			c.Actors, changed = with(c.Actors, actor, now), true
		case t.policy.Severity < policy.High:
			return c, false, fmt.Sprintf("within an hour it took back changes of %d actors, and that is the limit", len(c.Actors))
		case now.Sub(c.Told) >= fuseWindow:
			c.Told, changed = now.Truncate(time.Second), true // as the ledger keeps it
		}
	}
	return c, changed, ""
}

func with(times map[string]time.Time, id string, t time.Time) map[string]time.Time {
	out := maps.Clone(times)
	if out == nil {
		out = map[string]time.Time{}
	}
	out[id] = t
	return out
}

// pageFuse tells of the policies that a fuse holds, and of those that take back
// the changes of very many actors: once for each, by whoever comes by.
func (w *Warden) pageFuse(ctx context.Context, held map[string]incident.Hold, counts map[string]incident.FuseCount) {
	if len(held)+len(counts) == 0 {
		return
	}
	for _, p := range w.cfg.Set.Policies {
		key := actKey(p)
		if hold, ok := held[key]; ok {
			w.page(ctx, p, reasonFuse, hold.At, "the policy is held: "+hold.Reason+"; what it refuses stays due, and is alerted", resumeNote(p))
		}
		if told := counts[key].Told; !told.IsZero() && w.now().Sub(told) < fuseWindow {
			w.page(ctx, p, reasonActors, told, fmt.Sprintf("within an hour the policy took back changes of more than %d actors", w.cfg.Fuse.Actors),
				"it goes on, as its severity is "+p.Severity.String()+": sgwarden pause stops it")
		}
	}
}

func resumeNote(p *policy.Policy) string {
	return "if it is right: sgwarden resume --policy " + p.ID + "; else mend the policy and deploy"
}

func (w *Warden) page(ctx context.Context, p *policy.Policy, reason string, at time.Time, notes ...string) {
	now := w.now()
	inc := incident.Incident{
		ID: incident.EventID("", reason, actKey(p)+" "+at.UTC().Format(time.RFC3339Nano)), EventType: incident.Opened, Outcome: incident.Alerted, Reason: reason,
		Mode: w.cfg.Mode, Severity: max(p.Severity, policy.High), AccountID: w.cfg.Account, Region: w.cfg.Region, Cause: causeSweep, OpenedAt: at, LearntAt: now,
		Policies: []incident.PolicyNote{noteOf(p)},
		Notes:    notes,
	}
	w.pageOnce(ctx, "page about a fuse", inc)
}

// noteOf is a policy as a page tells it, which is about no rule.
func noteOf(p *policy.Policy) incident.PolicyNote {
	return incident.PolicyNote{ID: p.ID, Title: p.Title, Why: p.Why, Severity: p.Severity, File: p.File, Line: p.Line, Controls: p.Controls}
}
