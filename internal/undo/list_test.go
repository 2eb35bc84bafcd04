package undo

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const listID = "pl-0123456789abcdef0"

func listEntry(block string) secgroup.ListEntry {
	return secgroup.ListEntry{Block: netip.MustParsePrefix(block), Description: "of " + block}
}

// takenOut is an incident in which two entries were taken out of a list that two
// groups refer to.
func takenOut() incident.Incident {
	rule := func(id, groupID string, policies ...string) incident.Rule {
		ports, err := secgroup.ParseRule("ingress tcp/22 from " + listID)
		if err != nil {
			panic(err)
		}
		ports.ID = id
		return incident.Rule{ID: id, GroupID: groupID, Direction: secgroup.Ingress, Before: &ports, Outcome: incident.Reverted, Policies: policies}
	}
	return incident.Incident{
		ID: "inc-1", Outcome: incident.Reverted,
		List:  &incident.List{ID: listID, Removed: []secgroup.ListEntry{listEntry("8.8.4.0/24"), listEntry("2606:4700::/32")}},
		Rules: []incident.Rule{rule("sgr-1", "sg-a", "ssh"), rule("sgr-2", "sg-b", "ssh", "rdp")},
	}
}

func managed(version int64, entries ...secgroup.ListEntry) secgroup.ManagedList {
	return secgroup.ManagedList{
		PrefixList: secgroup.PrefixList{ID: listID, Version: version, Entries: secgroup.Blocks(entries), Readable: true},
		Described:  entries, MaxEntries: 10,
	}
}

func TestListPlan(t *testing.T) {
	a, b := listEntry("8.8.4.0/24"), listEntry("2606:4700::/32")
	for name, c := range map[string]struct {
		list secgroup.ManagedList
		add  []secgroup.ListEntry
		note string
	}{
		"both go back":     {managed(3), []secgroup.ListEntry{a, b}, ""},
		"one is there":     {managed(3, a), []secgroup.ListEntry{b}, "1 of its entries are there already"},
		"both are there":   {managed(3, a, b), nil, "its entries are there already"},
		"no room":          {func() secgroup.ManagedList { l := managed(3); l.MaxEntries = 1; return l }(), nil, "the list has room for 1 entries, and would have 2: make it larger first"},
		"a change":         {func() secgroup.ManagedList { l := managed(3); l.Changing = "modify-in-progress"; return l }(), nil, "a change of the list is under way (modify-in-progress): look again in a minute"},
		"filled by a pool": {func() secgroup.ManagedList { l := managed(3); l.Synced = true; return l }(), nil, "an IPAM resolver fills the list by now: its entries cannot be edited"},
		"unreadable":       {secgroup.ManagedList{PrefixList: secgroup.PrefixList{ID: listID, Refused: "denied"}}, nil, "the list cannot be read: denied"},
	} {
		t.Run(name, func(t *testing.T) {
			edit, note := ListPlan(takenOut(), c.list)
			require.Equal(t, plan.EditList{ListID: listID, Version: c.list.Version, Add: c.add}, edit)
			require.Equal(t, c.note, note)
		})
	}
}

// TestListExemptionsCoverWhatIsThereAlready: asking again replaces an exemption, and
// what an earlier undoing put back must not be taken out again.
func TestListExemptionsCoverWhatIsThereAlready(t *testing.T) {
	i := takenOut()
	edit, _ := ListPlan(i, managed(3, listEntry("8.8.4.0/24")))
	all := ListExemptions(i, edit, Ask{Owner: "net"})
	require.Len(t, all, 3)
	texts := []string{"ingress tcp/22 from 8.8.4.0/24", "ingress tcp/22 from 2606:4700::/32"}
	for n, want := range []policy.Exemption{{ID: "UNDO-inc-1-ssh", Group: "sg-a"}, {ID: "UNDO-inc-1-rdp", Group: "sg-b"}, {ID: "UNDO-inc-1-ssh", Group: "sg-b"}} {
		require.Equal(t, want.ID, all[n].ID)
		require.Equal(t, want.Group, all[n].Group)
		require.Equal(t, incident.UndoExemption("inc-1", all[n].Policy), all[n].ID)
		var got []string
		for _, r := range all[n].Rules {
			got = append(got, r.String())
		}
		require.Equal(t, texts, got)
	}
	edit, _ = ListPlan(i, managed(3, i.List.Removed...))
	require.Empty(t, ListExemptions(i, edit, Ask{}), "nothing is put back")
}

func TestListUndoerExemptsFirst(t *testing.T) {
	i := takenOut()
	edit, _ := ListPlan(i, managed(3))
	var did []string
	u := ListUndoer{
		List: func(context.Context, string) (secgroup.ManagedList, error) {
			return managed(4, i.List.Removed...), nil
		},
		Apply: func(_ context.Context, a plan.Action) incident.Result {
			did = append(did, a.Call())
			return incident.Result{}
		},
		Exempt: func(_ context.Context, e policy.Exemption, _ time.Time) error {
			did = append(did, e.Group+" "+e.Policy)
			require.False(t, e.Made.IsZero())
			return nil
		},
		Sleep: func(context.Context, time.Duration) error { return nil },
		Now:   time.Now,
	}
	require.NoError(t, u.Undo(t.Context(), i, edit, Ask{}))
	require.Equal(t, []string{"sg-a ssh", "sg-b rdp", "sg-b ssh", "ModifyManagedPrefixList"}, did)

	did = nil
	u.Exempt = func(context.Context, policy.Exemption, time.Time) error { return errors.New("denied") }
	require.ErrorContains(t, u.Undo(t.Context(), i, edit, Ask{}), "nothing was put back")
	require.Empty(t, did)
}

// TestAListUndoerClaimsWhatIsComplete: entries are shown before the change that
// brings them is over, and it may fail still.
func TestAListUndoerClaimsWhatIsComplete(t *testing.T) {
	i := takenOut()
	edit, _ := ListPlan(i, managed(3))
	for name, over := range map[string]bool{"it ends": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			reads := 0
			u := ListUndoer{
				List: func(context.Context, string) (secgroup.ManagedList, error) {
					list := managed(4, i.List.Removed...)
					if reads++; !over || reads == 1 {
						list.Changing = "modify-in-progress"
					}
					return list, nil
				},
				Apply:  func(context.Context, plan.Action) incident.Result { return incident.Result{} },
				Exempt: func(context.Context, policy.Exemption, time.Time) error { return nil },
				Sleep:  func(context.Context, time.Duration) error { return nil },
				Now:    time.Now,
			}
			err := u.Undo(t.Context(), i, edit, Ask{})
			if over {
				require.NoError(t, err)
				require.Equal(t, 2, reads)
				return
			}
			require.ErrorIs(t, err, ErrNotComplete)
			require.ErrorContains(t, err, listID)
		})
	}
}
