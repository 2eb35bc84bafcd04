package apply_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const offices = "pl-0000000000000000a"

func blocks(texts ...string) (out []netip.Prefix) {
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// listed is a world with a list whose second version has 0.0.0.0/0.
func listed(t *testing.T) world {
	w := newWorld(t)
	for _, entries := range [][]netip.Prefix{blocks("8.8.8.0/29"), blocks("8.8.8.0/29", "0.0.0.0/0")} {
		require.NoError(t, w.account.PutList(secgroup.PrefixList{ID: offices, Entries: entries}, 10))
	}
	return w
}

func TestEditList(t *testing.T) {
	w := listed(t)
	r := w.apply(plan.EditList{
		ListID: offices, Version: 2, Remove: blocks("0.0.0.0/0"),
		Add: []secgroup.ListEntry{{Block: netip.MustParsePrefix("9.9.9.0/29"), Description: "office"}, {Block: netip.MustParsePrefix("9.9.8.0/29")}},
	})
	require.NoError(t, r.Err)
	require.Len(t, r.RequestIDs, 1)
	call := w.cloud.Calls()[0].Params
	require.Equal(t, "2", call.Get("CurrentVersion"))
	require.Equal(t, "0.0.0.0/0", call.Get("RemoveEntry.1.Cidr"))
	require.Equal(t, "office", call.Get("AddEntry.1.Description"))
	require.False(t, call.Has("AddEntry.2.Description"), "none is not an empty one")
	require.Equal(t, 1, w.cloud.Count(), "one call, all or nothing")
}

func TestEditListErrors(t *testing.T) {
	take := plan.EditList{ListID: offices, Version: 2, Remove: blocks("0.0.0.0/0")}
	var many []netip.Prefix
	for n := range 101 {
		many = append(many, netip.PrefixFrom(netip.AddrFrom4([4]byte{9, 9, 9, byte(n)}), 32))
	}
	for name, c := range map[string]struct {
		edit    plan.EditList
		prepare func(w world)
		want    error
		calls   int
	}{
		"another version": {plan.EditList{ListID: offices, Version: 1, Remove: take.Remove}, nil, incident.ErrConflict, 1},
		"a change under way": {take, func(w world) {
			w.cloud.SlowLists(time.Hour)
			w.apply(plan.EditList{ListID: offices, Version: 2, Add: []secgroup.ListEntry{{Block: many[0]}}})
		}, incident.ErrConflict, 2},
		"not that entry":       {plan.EditList{ListID: offices, Version: 2, Remove: blocks("7.7.7.0/29")}, nil, incident.ErrInvalid, 1},
		"not that list":        {plan.EditList{ListID: "pl-0000000000000000f", Version: 2, Remove: take.Remove}, nil, incident.ErrGone, 1},
		"denied":               {take, func(w world) { w.cloud.Disturb(func(localec2.Call) localec2.Disturbance { return localec2.Deny() }) }, incident.ErrDenied, 1},
		"managed by IPAM":      {take, func(w world) { require.NoError(w, w.account.SyncList(offices, "ipam-plrt-1")) }, incident.ErrDenied, 1},
		"nothing":              {plan.EditList{ListID: offices, Version: 2}, nil, incident.ErrInvalid, 0},
		"no version":           {plan.EditList{ListID: offices, Remove: take.Remove}, nil, incident.ErrInvalid, 0},
		"more than a call has": {plan.EditList{ListID: offices, Version: 2, Remove: many}, nil, incident.ErrInvalid, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := listed(t)
			if c.prepare != nil {
				c.prepare(w)
			}
			r := w.apply(c.edit)
			require.ErrorIs(t, r.Err, c.want)
			require.Contains(t, r.Err.Error(), "ModifyManagedPrefixList on "+c.edit.ListID)
			require.Equal(t, c.calls, w.cloud.Count())
		})
	}
}
