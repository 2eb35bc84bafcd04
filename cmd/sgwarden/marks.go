package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// mark is one baseline mark of a live rule.
type mark struct {
	Group  string    `json:"group"`
	Name   string    `json:"name"`
	Rule   string    `json:"rule"` // id
	Flows  string    `json:"flows"`
	Policy string    `json:"policy"`
	Since  time.Time `json:"since"` // when the rule's value was first seen
	State  string    `json:"state"`
}

// States of a mark.
const (
	markStands  = "stands"
	markAdopted = "adopted" // it was given up, and its group not judged since
)

// foundMarks is what adopt is about.
type foundMarks struct {
	marks   []mark    // by group, rule and policy; never nil
	lastAct time.Time // the latest act of the policies of the marks
	setting string    // a policy of them whose act is being set; "" = none is
}

func (f foundMarks) standing() []mark {
	return slices.DeleteFunc(slices.Clone(f.marks), func(m mark) bool { return m.State != markStands })
}

// findMarks reads the groups from EC2 and their marks from the ledger.
func findMarks(ctx context.Context, i *inventory.Inventory, l *ledger.Table, want adoption) (foundMarks, error) {
	found := foundMarks{marks: []mark{}}
	controls, err := l.Controls(ctx)
	if err != nil {
		return found, err
	}
	if at, setting := lastAct(controls.Acts, want.policy); want.policy != "" && at.IsZero() && !setting {
		return found, fmt.Errorf("no sweep has set the baseline of policy %s", printable(want.policy))
	}
	groups, err := liveGroups(ctx, i, want.group)
	if err != nil {
		return found, err
	}
	for chunk := range slices.Chunk(groups, ledger.MostRecalled) {
		var ids []string
		for _, g := range chunk {
			ids = append(ids, g.ID)
		}
		items, err := l.Recall(ctx, ids)
		if err != nil {
			return found, err
		}
		own, err := l.ControlsOf(ctx, ids)
		if err != nil {
			return found, err
		}
		for _, g := range chunk {
			found.add(g, items[g.ID].Known, want.policy, controls, own[g.ID])
		}
	}
	slices.SortFunc(found.marks, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Policy, b.Policy))
	})
	return found, nil
}

// liveGroups are all groups, or the one.
func liveGroups(ctx context.Context, i *inventory.Inventory, only string) (groups []secgroup.Group, err error) {
	if only != "" {
		g, err := i.Group(ctx, only)
		return []secgroup.Group{g}, err
	}
	for token := ""; ; {
		var faults []string
		token, err = i.EachGroup(ctx, token, func(g secgroup.Group, err error) {
			if err != nil {
				faults = append(faults, fmt.Sprintf("%s: %v", g.ID, err))
			}
			groups = append(groups, g)
		})
		switch {
		case err != nil:
			return nil, err
		case len(faults) > 0:
			return nil, fmt.Errorf("read all groups: %s", strings.Join(faults, "; "))
		case token == "":
			return groups, nil
		}
	}
}

// add adds the marks of one group. Rules that are not live are passed over: the
// next sweep forgets them.
func (f *foundMarks) add(g secgroup.Group, known policy.Known, only string, controls, own incident.Controls) {
	live := map[string]bool{}
	for _, r := range g.Rules {
		live[r.Value()] = true
	}
	for id, k := range known.Rules {
		value := "the group itself"
		if !secgroup.IsGroupEntry(id) {
			if value = k.Rule.Value(); !live[value] {
				continue
			}
		}
		for _, policyID := range k.Baseline {
			if only != "" && policyID != only {
				continue
			}
			act, setting := lastAct(controls.Acts, policyID)
			if setting {
				f.setting = policyID
			}
			if act.After(f.lastAct) {
				f.lastAct = act
			}
			state := markStands
			for _, c := range []incident.Controls{controls, own} {
				if c.Adopted[policyID].After(act) || c.Adopted[incident.EveryPolicy].After(act) {
					state = markAdopted
				}
			}
			f.marks = append(f.marks, mark{g.ID, g.Name, id, value, policyID, k.Since, state})
		}
	}
}

// lastAct is when the latest act of a policy was done, and whether one is being
// set. A policy has one act for every meaning that it had since the last sweep.
func lastAct(acts map[string]policy.Act, policyID string) (at time.Time, setting bool) {
	for key, act := range acts {
		if !strings.HasPrefix(key, policyID+"@") {
			continue
		}
		setting = setting || !act.Done
		if act.Done && act.At.After(at) {
			at = act.At
		}
	}
	return at, setting
}
