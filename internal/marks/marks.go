// Package marks finds the baseline marks of an account: rules that violate a
// policy, and stand because they were there when it began to judge.
package marks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Groups is what Find needs of *inventory.Inventory.
type Groups interface {
	Group(ctx context.Context, id string) (secgroup.Group, error)
	EachGroup(ctx context.Context, token string, see func(g secgroup.Group, err error)) (next string, err error)
}

// Ledger is what Find needs of *ledger.Table.
type Ledger interface {
	Controls(ctx context.Context) (incident.Controls, error)
	ControlsOf(ctx context.Context, groupIDs []string) (map[string]incident.Controls, error)
	Recall(ctx context.Context, groupIDs []string) (map[string]incident.Memory, error)
}

// Mark is one baseline mark of a live rule.
type Mark struct {
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
	Stands  = "stands"
	Adopted = "adopted" // it was given up, and its group not judged since
)

// Want says which marks are looked for; the zero value = all.
type Want struct{ Policy, Group string }

// Found is what Find found.
type Found struct {
	Marks   []Mark    // by group, rule and policy; never nil
	LastAct time.Time // the latest act of the policies of the marks
	Setting string    // a policy of them whose act is being set; "" = none is
}

// Standing are the marks that were not given up.
func (f Found) Standing() []Mark {
	return slices.DeleteFunc(slices.Clone(f.Marks), func(m Mark) bool { return m.State != Stands })
}

// Count says of how many rules in how many groups marks stand: "3 rules in 2
// groups".
func (f Found) Count() string {
	rules, groups := map[string]bool{}, map[string]bool{}
	for _, m := range f.Standing() {
		rules[m.Rule], groups[m.Group] = true, true
	}
	return counted(len(rules), "rule") + " in " + counted(len(groups), "group")
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}

// Find reads the groups from EC2 and their marks from the ledger. A wanted
// policy without any act is an error.
func Find(ctx context.Context, i Groups, l Ledger, want Want) (Found, error) {
	found := Found{Marks: []Mark{}}
	controls, err := l.Controls(ctx)
	if err != nil {
		return found, err
	}
	if at, setting := lastAct(controls.Acts, want.Policy); want.Policy != "" && at.IsZero() && !setting {
		return found, fmt.Errorf("no sweep has set the baseline of policy %s", want.Policy)
	}
	groups, err := liveGroups(ctx, i, want.Group)
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
			found.add(g, items[g.ID].Known, want.Policy, controls, own[g.ID])
		}
	}
	slices.SortFunc(found.Marks, func(a, b Mark) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Policy, b.Policy))
	})
	return found, nil
}

// liveGroups are all groups, or the one.
func liveGroups(ctx context.Context, i Groups, only string) (groups []secgroup.Group, err error) {
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
func (f *Found) add(g secgroup.Group, known policy.Known, only string, controls, own incident.Controls) {
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
				f.Setting = policyID
			}
			if act.After(f.LastAct) {
				f.LastAct = act
			}
			state := Stands
			for _, c := range []incident.Controls{controls, own} {
				if c.Adopted[policyID].After(act) || c.Adopted[incident.EveryPolicy].After(act) {
					state = Adopted
				}
			}
			f.Marks = append(f.Marks, Mark{g.ID, g.Name, id, value, policyID, k.Since, state})
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
