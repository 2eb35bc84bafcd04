package ledger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// found lists what a search gives, an amended incident with an exclamation mark.
func found(t *testing.T, b book, s ledger.Search) []string {
	t.Helper()
	out := []string{}
	require.NoError(t, b.Incidents(context.Background(), s, func(i incident.Incident) error {
		text := i.GroupID + " " + i.ID + " " + i.Status
		if i.Actor.Attributed {
			text += "!"
		}
		out = append(out, text)
		return nil
	}))
	return out
}

func testSearch(t *testing.T, b book, _ func() book) {
	ctx := context.Background()
	require.Empty(t, found(t, b, ledger.Search{}))
	const other = "sg-0123456789abcdef1"
	in := func(id, groupID string) incident.Incident {
		i := anIncident(t, id)
		i.GroupID = groupID
		return i
	}
	old, late := closed(in("inc-old", group), noon.Add(-48*time.Hour)), closed(in("inc-late", group), noon)
	late.OpenedAt = old.OpenedAt.Add(time.Minute)
	require.NoError(t, b.Close(ctx, incident.Closing{GroupID: group, Incidents: []incident.Incident{old, late}, Now: noon}))
	late.Actor = incident.Actor{Actor: secgroup.Actor{ARN: "arn:aws:iam::123456789012:user/jane"}, Attributed: true}
	require.NoError(t, b.Close(ctx, incident.Closing{GroupID: group, Version: 1, Incidents: []incident.Incident{late}, Now: noon}))
	_, err := b.Open(ctx, incident.Opening{GroupID: other, Incidents: []incident.Incident{in("inc-open", other)}, Now: noon})
	require.NoError(t, err)
	require.NoError(t, b.Operator().Pause(ctx, group, "no entry of a group"))

	one, open := []string{group + " inc-old closed", group + " inc-late closed!"}, other+" inc-open open"
	require.ElementsMatch(t, append([]string{open}, one...), found(t, b, ledger.Search{}))
	require.Equal(t, one, found(t, b, ledger.Search{GroupID: group}), "by when they were opened, each once")
	require.ElementsMatch(t, []string{one[1], open}, found(t, b, ledger.Search{Since: noon.Add(-time.Hour)}), "what is open is always there")
	require.Equal(t, one[1:], found(t, b, ledger.Search{GroupID: group, Since: noon.Add(-time.Hour)}))
	require.Equal(t, one[:1], found(t, b, ledger.Search{ID: "inc-old"}))
	require.Empty(t, found(t, b, ledger.Search{ID: "inc-old", GroupID: other}))
	require.Empty(t, found(t, b, ledger.Search{ID: "inc"}), "not by a part of an id")
	blind := closed(in("inc-held", other), noon)
	blind.Notes = []string{incident.ToldAs + "inc-blind"}
	require.NoError(t, b.Close(ctx, incident.Closing{GroupID: other, Version: 1, Incidents: []incident.Incident{blind}, Now: noon}))
	held := []string{other + " inc-held closed"}
	require.Equal(t, held, found(t, b, ledger.Search{ID: "inc-blind"}), "by the id that an alert told")
	require.Equal(t, held, found(t, b, ledger.Search{ID: "inc-blind", GroupID: other}))
	require.Empty(t, found(t, b, ledger.Search{ID: "inc-blin"}), "not by a part of it")
	enough := errors.New("enough")
	require.ErrorIs(t, b.Incidents(ctx, ledger.Search{}, func(incident.Incident) error { return enough }), enough)
}
