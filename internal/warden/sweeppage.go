package warden

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// page reads one page of groups, brings their items up to date, and asks the
// guard to look where something is to be done. done is false where time ran
// out: then the page is to be read again.
//
// The questions are asked last: where the ledger cannot be read or written,
// nobody is asked anything.
func (p *pass) page(ctx context.Context) (next string, done bool, err error) {
	met, next, err := p.read(ctx)
	if err != nil {
		return "", false, err
	}
	if err := p.recall(ctx, met.looks); err != nil {
		return "", false, err
	}
	if err := p.recallLists(ctx, met.looks); err != nil {
		return "", false, err
	}
	closer, err := p.closer(ctx, met.looks)
	if err != nil {
		return "", false, err
	}
	behind, done, err := p.look(ctx, closer)
	if err != nil || !done {
		return "", false, err
	}
	if err := p.ask(ctx, closer); err != nil {
		return "", false, err
	}
	if err := p.askForLists(ctx, met.looks); err != nil {
		return "", false, err
	}
	p.tellExpiring(ctx, met.looks)
	p.at.Behind += behind
	p.at.Missed = append(p.at.Missed, met.missed...)
	for _, l := range closer {
		if l.left != 0 {
			p.at.Missed = append(p.at.Missed, l.group.ID)
		}
	}
	p.count(func(c *SweepCounts) {
		c.Pages++
		c.Groups += len(met.looks) + met.foreign + met.unread
		c.Foreign += met.foreign
		c.Unread += met.unread
		c.Rules += met.rules
		for _, l := range closer {
			switch l.left {
			case leftUnread:
				c.Unread++
			case leftVanished:
				c.Vanished++
			case leftFailed:
				c.Failed++
			}
		}
	})
	return next, true, nil
}

// met is what one page told.
type met struct {
	looks                  []*look
	rules, foreign, unread int
	missed                 []string // ids of those that are not understood
}

func (p *pass) read(ctx context.Context) (m met, next string, err error) {
	p.count(func(c *SweepCounts) { c.Calls.EC2++ })
	next, err = p.s.survey.EachGroup(ctx, p.at.Token, func(g secgroup.Group, fault error) {
		switch {
		case p.w.cfg.Account != "" && g.AccountID != "" && g.AccountID != p.w.cfg.Account:
			m.foreign++
		case fault != nil:
			m.unread++
			m.missed = append(m.missed, g.ID)
			p.w.cfg.Logger.ErrorContext(ctx, "sweep: group is not understood", "group_id", g.ID, "error", fault.Error())
		default:
			m.rules += len(g.Rules)
			m.looks = append(m.looks, &look{p: p, group: p.w.normal(g)})
		}
	})
	return m, next, err
}

// recall puts the items beside the groups, and judges each by what the page
// told.
func (p *pass) recall(ctx context.Context, looks []*look) error {
	for chunk := range slices.Chunk(looks, groupsPerRecall) {
		p.count(func(c *SweepCounts) { c.Calls.Ledger++ })
		items, err := p.s.ledger.Recall(ctx, idsOf(chunk))
		if err != nil {
			return unreadable(err)
		}
		for _, l := range chunk {
			mem := items[l.group.ID]
			mem.Controls = p.controls
			if err := l.glance(ctx, mem); err != nil {
				return err
			}
		}
	}
	return nil
}

// closer gives those groups that need a closer look: the item does not have
// what the page tells, or something is to be marked or asked. Where a rule
// stands for what is known of its id, the id may be another one by now, and
// the group may have controls of its own that say otherwise.
func (p *pass) closer(ctx context.Context, looks []*look) (closer []*look, err error) {
	var verify []*look
	for _, l := range looks {
		switch {
		case !l.same || l.isHot():
			closer = append(closer, l)
		case l.restsOnIDs():
			verify = append(verify, l)
		}
	}
	for chunk := range slices.Chunk(verify, groupsPerRecall) {
		rules, err := p.rules(ctx, chunk)
		if err != nil {
			return nil, err
		}
		p.count(func(c *SweepCounts) { c.Calls.Ledger++ })
		own, err := p.s.ledger.ControlsOf(ctx, idsOf(chunk))
		if err != nil {
			return nil, unreadable(err)
		}
		for _, l := range chunk {
			if _, has := own[l.group.ID]; has || !l.hasIDs(rules[l.group.ID].rules) {
				closer = append(closer, l)
				l.again = has
			}
		}
	}
	return closer, nil
}

// read is what EC2 told of the rules of one group.
type readRules struct {
	rules []secgroup.Rule // by id
	fault error           // of a rule that is not understood
}

// rules reads the rules of at most groupsPerRead groups, with ids.
func (p *pass) rules(ctx context.Context, looks []*look) (map[string]*readRules, error) {
	out := make(map[string]*readRules, len(looks))
	for _, l := range looks {
		out[l.group.ID] = &readRules{}
	}
	for token := ""; ; {
		p.count(func(c *SweepCounts) { c.Calls.EC2++ })
		next, err := p.s.survey.EachRule(ctx, idsOf(looks), token, func(groupID string, r secgroup.Rule, fault error) {
			read := out[groupID]
			if fault != nil {
				read.fault = fault
				return
			}
			read.rules = append(read.rules, r)
		})
		if err != nil {
			return nil, err
		}
		if token = next; token == "" {
			break
		}
	}
	for _, read := range out {
		slices.SortFunc(read.rules, func(a, b secgroup.Rule) int { return strings.Compare(a.ID, b.ID) })
	}
	return out, nil
}

// sweepPauses are the waits before groups are looked at again that others were
// writing: a little longer than the lease of one that died.
var sweepPauses = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 45 * time.Second}

// look looks closer at groups; done is false where time ran out. behind counts
// those that others keep writing.
func (p *pass) look(ctx context.Context, looks []*look) (behind int, done bool, err error) {
	for round := 0; len(looks) > 0; round++ {
		var again []*look
		for chunk := range slices.Chunk(looks, groupsPerRead) {
			if !p.timeLeft(ctx) {
				return 0, false, nil
			}
			more, err := p.lookOnce(ctx, chunk)
			if err != nil {
				return 0, false, err
			}
			again = append(again, more...)
		}
		looks = again
		if len(looks) == 0 {
			break
		}
		if round == len(sweepPauses) {
			return len(looks), true, nil
		}
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(p.w.now()) < sweepPauses[round]+sweepMargin {
			return 0, false, nil
		}
		if err := p.w.cfg.Sleep(ctx, sweepPauses[round]); err != nil {
			return 0, false, fmt.Errorf("wait for %d groups: %w", len(looks), err)
		}
	}
	return 0, true, nil
}

func idsOf(looks []*look) []string {
	ids := make([]string, 0, len(looks))
	for _, l := range looks {
		ids = append(ids, l.group.ID)
	}
	return ids
}
