package warden

import (
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
)

// journalOf is what the ledger keeps of one call, so that its record is known as our
// own.
func (w *Warden) journalOf(a plan.Action, res incident.Result, incidentID string) (all []incident.Journal) {
	for _, id := range res.RequestIDs {
		all = append(all, incident.Journal{RequestID: id, Call: a.Call(), IncidentID: incidentID, At: w.now()})
	}
	return all
}

// callLine is one call and its answer as incidents tell them.
func callLine(a plan.Action, res incident.Result) string {
	_, why := explain(res.Err)
	line := inWords(a) + ": " + orOther(why, "answered success")
	if len(res.RequestIDs) > 0 {
		line += " (" + strings.Join(res.RequestIDs, ", ") + ")"
	}
	return line
}
