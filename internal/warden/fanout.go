package warden

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// fanOutMost is how many groups may be judged with their record. Of more, each
// gets a message of its own: else one group that fails, and lets the record come
// again, would have all the others looked at as often.
const fanOutMost = 50

const (
	reasonNoneConcerned = "no group is concerned"
	reasonUnnamed       = reasonUnreadable + ": names neither a prefix list nor a vpc"
)

// fanOut turns the record of a call that changes what rules mean, and touches
// no group, into one record for each group concerned. These only ask to look:
// such a call names no rule and so is nobody's act in any group, and what
// policies say of the call itself is said once.
func (w *Warden) fanOut(ctx context.Context, base *record, shared *batchFacts) (records []*record) {
	c := base.change
	if len(c.ListIDs) == 0 && len(c.VPCIDs) == 0 {
		base.decide(incident.Unresolved, reasonUnnamed, false)
		return []*record{base}
	}
	if done, err := w.ownListCall(ctx, base); err != nil || done {
		return base.failed(err)
	}
	groups, err := w.concernedGroups(ctx, c)
	if err == nil {
		err = w.askForOthers(ctx, base, groups)
	}
	var ofLists []*record
	if err == nil {
		ofLists, err = w.judgeLists(ctx, base, groups, shared)
	}
	if err != nil {
		return base.failed(err)
	}
	now := groups
	if len(groups) > fanOutMost {
		now = nil
	}
	records = ofLists
	switch against := w.callAgainst(c); {
	case against != 0:
		base.decide(against, reasonCall, false)
	case len(groups) > fanOutMost:
		base.decide(incident.Ignored, fmt.Sprintf("%d groups are judged by messages of their own", len(groups)), false)
	case len(groups) > 0 || len(ofLists) > 0:
	case len(c.VPCIDs) > 0 && base.young(w.now()):
		base.decide(incident.Unresolved, reasonInvisible, true) // a VPC has a default group, always
	default:
		base.decide(incident.Compliant, reasonNoneConcerned, false)
	}
	if base.decided {
		records = append(records, base)
	}
	for _, id := range now {
		r := *base
		r.decided, r.group = false, id
		r.decision = Decision{DeliveryID: base.delivery.ID, EventID: c.EventID, GroupID: id, Change: c}
		r.change = secgroup.Change{
			Effect: secgroup.Asks, EventID: c.EventID, EventTime: c.EventTime, AccountID: c.AccountID, Region: c.Region,
			Groups: []secgroup.GroupName{{ID: id}}, Cause: c.Cause, Complete: true,
		}
		if takesBlock(c) {
			r.change.Cause = causeBlocks
		}
		r.because = indirectNote(c)
		records = append(records, &r)
	}
	return records
}

// concernedGroups are the ids of the groups whose rules may mean something else
// since the call, sorted: those that refer to a list, those of a VPC, and, where
// the call lets groups of two VPCs refer to each other, those of them that refer
// to groups. A group that is not understood is concerned, one that another
// account shares with this one never is: a pass leaves it alone too.
func (w *Warden) concernedGroups(ctx context.Context, c secgroup.Change) (ids []string, err error) {
	see := func(g secgroup.Group, err error) {
		shared := w.cfg.Account != "" && g.AccountID != "" && g.AccountID != w.cfg.Account
		if !shared && (err != nil || concerns(c, g)) {
			ids = append(ids, g.ID)
		}
	}
	for token := ""; ; {
		next, err := w.cfg.Inventory.EachGroup(ctx, token, see)
		if err != nil {
			return nil, fmt.Errorf("find the groups that %s concerns: %w", c.EventName, err)
		}
		if token = next; token == "" {
			break
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func concerns(c secgroup.Change, g secgroup.Group) bool {
	if slices.Contains(c.VPCIDs, g.VPCID) {
		return c.EventName != "AcceptVpcPeeringConnection" || slices.ContainsFunc(g.Rules, func(r secgroup.Rule) bool {
			_, refers := r.Peer.(secgroup.GroupReference)
			return refers
		})
	}
	return slices.ContainsFunc(g.Rules, func(r secgroup.Rule) bool {
		l, isList := r.Peer.(secgroup.PrefixList)
		return isList && slices.Contains(c.ListIDs, l.ID)
	})
}

// askForOthers puts into the queue what is not judged with the record: groups
// that are too many for that, and all of them once more when EC2 is sure to
// show what the call did. A record that comes later is that second look itself.
// A record that comes again to this process asks for nothing again.
func (w *Warden) askForOthers(ctx context.Context, base *record, groups []string) error {
	type look struct {
		group, key string
		delay      time.Duration
	}
	var looks []look
	for _, id := range groups {
		if len(groups) > fanOutMost {
			looks = append(looks, look{id, id + " now", 0})
		}
		if base.young(w.now()) {
			at := notAfter(base.change.EventTime, w.now()).Add(visibleAfter)
			looks = append(looks, look{id, id + " later", delayUntil(at, w.now())})
		}
	}
	cause := causeSettle
	if takesBlock(base.change) {
		cause = causeBlocks
	}
	event := base.change.EventID
	if event != "" {
		event += " " + base.change.EventTime.UTC().Format(time.RFC3339)
	}
	looks = slices.DeleteFunc(looks, func(l look) bool { return w.asked.was(event, l.key) })
	return asideIfMany(w.cfg.Judgings, looks, func(l look) error {
		err := w.cfg.Queue.JudgeAgain(ctx, l.group, cause, "", l.delay)
		if err == nil {
			w.asked.note(event, l.key)
		}
		return err
	})
}

// causeBlocks is the cause of a look at a group whose VPC lost a block: what was
// the VPC's own is the internet's now.
const causeBlocks = "blocks"

func takesBlock(c secgroup.Change) bool { return c.EventName == "DisassociateVpcCidrBlock" }

// indirectNote says which call led to a look at groups that it does not name.
func indirectNote(c secgroup.Change) string {
	by := "an unknown actor"
	if c.Actor.ARN != "" {
		by = c.Actor.ARN
	}
	what := append(slices.Clone(c.ListIDs), c.VPCIDs...)
	if len(what) > 2 {
		what = what[:2]
	}
	return fmt.Sprintf("looked at because of %s on %s by %s (event %s): it touched no group, and may not be what opened this",
		c.EventName, strings.Join(what, ", "), by, shorten(c.EventID))
}
