package warden

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Reasons of decisions that never reach a group.
const (
	reasonNotWatched = "not-watched"
	reasonFailed     = "failed-call"
	reasonTags       = "tags-not-judged"
	reasonUse        = reasonNotWatched + ": no policy asks what groups are attached to"
	reasonForeign    = "foreign"
	reasonUnreadable = "undecodable"
	reasonNoGroup    = "no-such-group-name"
)

// decode turns deliveries into records, in their order. Records that need no
// look at a group come back decided; the others carry the group's id.
func (w *Warden) decode(ctx context.Context, deliveries []Delivery, shared *batchFacts) []*record {
	var records []*record
	for _, d := range deliveries {
		changes, err := events.Decode(d.Body)
		for _, c := range changes {
			records = append(records, w.recordsOf(ctx, d, c, shared)...)
		}
		digest := sync.OnceValue(func() [sha256.Size]byte { return sha256.Sum256(d.Body) })
		var bad []*record
		for _, cause := range causes(err) {
			r := unread(d, cause, digest)
			records = append(records, r)
			if r.decision.Outcome == incident.Unresolved {
				bad = append(bad, r)
			}
		}
		if len(bad) > 1 {
			whole := digest()
			for _, r := range bad { // one alert for the file, and not one for each
				r.file = "sha256-" + hex.EncodeToString(whole[:16])
			}
		}
		if len(changes) == 0 && err == nil {
			records = append(records, unread(d, errors.New("holds no record"), digest))
		}
	}
	return records
}

// recordsOf makes one record per group that the change concerns.
func (w *Warden) recordsOf(ctx context.Context, d Delivery, c secgroup.Change, shared *batchFacts) []*record {
	base := record{delivery: d, change: c}
	base.decision = Decision{DeliveryID: d.ID, EventID: c.EventID, Change: c}
	if len(c.Groups) > 0 {
		base.decision.GroupID = c.Groups[0].ID
	}
	switch {
	case c.ErrorCode != "":
		base.decide(incident.Ignored, reasonFailed+": "+c.ErrorCode, false)
		return []*record{&base}
	case w.foreign(c) != "":
		base.decide(incident.Unresolved, reasonForeign+": "+w.foreign(c), false)
		return []*record{&base}
	case c.Effect == secgroup.Retags && (len(c.Groups) == 0 || !w.cfg.Set.JudgesTags() && !w.watches(c)):
		base.decide(incident.Ignored, reasonTags, false)
		return []*record{&base}
	case c.Effect == secgroup.Attaches && (len(c.Groups) == 0 || !w.cfg.Set.JudgesUse()):
		base.decide(incident.Ignored, reasonUse, false)
		return []*record{&base}
	case c.Effect == secgroup.Indirect && len(c.Groups) == 0:
		return w.alone(ctx, &base, shared, w.fanOut)
	case c.Effect == secgroup.Asks && len(c.ListIDs) > 0:
		return w.alone(ctx, &base, shared, w.lookAtLists)
	case len(c.Groups) == 0:
		base.decide(incident.Unresolved, reasonUnreadable+": names no security group", false)
		return []*record{&base}
	}
	if c.Effect == secgroup.Indirect {
		if err := w.askForOthers(ctx, &base, groupIDs(c)); err != nil {
			outcome, reason := explain(err)
			base.decide(outcome, reason, true)
			return []*record{&base}
		}
	}
	var records []*record
	for _, g := range c.Groups {
		r := base
		r.group = g.ID
		if g.ID == "" {
			w.lookUp(ctx, &r, g.Name)
		}
		r.decision.GroupID = r.group
		records = append(records, &r)
	}
	return records
}

// groupIDs are the groups of a change that it names by id.
func groupIDs(c secgroup.Change) (ids []string) {
	for _, g := range c.Groups {
		if g.ID != "" {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

// lookUp finds the group of a record that has only a name: it means the
// default VPC, where names are unique regardless of case.
func (w *Warden) lookUp(ctx context.Context, r *record, name string) {
	ids, err := w.cfg.Inventory.Named(ctx, name)
	switch {
	case err != nil:
		outcome, reason := explain(err)
		r.decide(outcome, reason, true)
	case len(ids) == 1:
		r.group = ids[0]
	case r.change.Effect == secgroup.Narrows:
		// DeleteSecurityGroup by name: it is gone, or it never was.
		r.decide(incident.Gone, reasonNoGroup, false)
		if against := w.callAgainst(r.change); against != 0 {
			r.decide(against, reasonCall, false) // no group will be judged for it
		}
	default:
		r.decide(incident.Unresolved, reasonNoGroup, len(ids) == 0 && r.young(w.now()))
	}
}

// foreign says why a change is not of the guarded account and region; "" = it
// is, or the record does not tell.
func (w *Warden) foreign(c secgroup.Change) string {
	for _, claim := range []struct{ what, is, own string }{
		{"account", c.AccountID, w.cfg.Account}, {"account of the envelope", c.EnvelopeAccount, w.cfg.Account},
		{"region", c.Region, w.cfg.Region}, {"region of the envelope", c.EnvelopeRegion, w.cfg.Region},
	} {
		if claim.is != "" && claim.own != "" && claim.is != claim.own {
			return claim.what + " " + shorten(claim.is) + " is not " + claim.own
		}
	}
	return ""
}

// unread is the record of something that is not watched, or could not be read;
// digest is that of the delivery's body.
func unread(d Delivery, err error, digest func() [sha256.Size]byte) *record {
	r := &record{delivery: d, decision: Decision{DeliveryID: d.ID}}
	if errors.Is(err, events.ErrNotWatched) {
		r.decide(incident.Ignored, reasonNotWatched+": "+err.Error(), false)
		return r
	}
	var bad *events.UndecodableError
	if errors.As(err, &bad) {
		r.decision.EventID = bad.EventID
		r.change.EventID, r.change.EventName = bad.EventID, bad.Name
		if len(bad.Groups) > 0 {
			r.decision.GroupID = bad.Groups[0]
		}
	}
	if r.change.EventID == "" {
		// The same text is the same event, however often it comes.
		whole := digest()
		sum := sha256.Sum256(append([]byte(err.Error()+"\n"), whole[:]...))
		r.change.EventID = "sha256-" + hex.EncodeToString(sum[:16])
	}
	r.decide(incident.Unresolved, reasonUnreadable+": "+err.Error(), false)
	return r
}

// causes splits a joined error; nil gives none.
func causes(err error) []error {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

// shorten keeps text of a record in a reason short.
func shorten(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
