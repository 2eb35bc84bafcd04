package alert_test

import (
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// page is an incident about what sgwarden does itself.
func page(reason string, notes ...string) incident.Incident {
	i := usual()
	return incident.Incident{
		ID: "inc-5093e73df9bb894e8b8477ce", EventType: incident.Opened, Outcome: incident.Alerted, Reason: reason, Mode: policy.Enforce, Severity: policy.High,
		Policies: i.Policies, AccountID: i.AccountID, Region: i.Region, Cause: "sweep", OpenedAt: noon, LearntAt: noon.Add(time.Second), Notes: notes,
	}
}

// ofTheGuard adds what people hear of sgwarden's own state.
func ofTheGuard(all map[string]incident.Incident) {
	all["fuse-blown"] = page("fuse-blown",
		"the policy is held: within an hour it touched 10 groups without an event of their own, and that is the limit; what it refuses stays due, and is alerted",
		"if it is right: sgwarden resume --policy admin-ports-from-internet; else mend the policy and deploy")
	all["many-actors"] = page("many-actors",
		"within an hour the policy took back changes of more than 25 actors",
		"it goes on, as its severity is high: sgwarden pause stops it")

	stale := page("stale-ledger", "the last complete sweep was at 2026-11-21T12:00:00Z: until the ledger is resumed only rules that a record names are acted on")
	stale.Outcome, stale.Policies, stale.Cause, stale.OpenedAt = incident.Unresolved, nil, "event", noon.Add(-48*time.Hour)
	all["stale-ledger"] = stale

	held := all["pending"]
	held.Reason = "held"
	held.Notes = []string{"sgr-0123456789abcdef0 stays due: violates; the policy is held: held by the fuse: within an hour it touched 10 groups without an event of their own, and that is the limit"}
	all["held"] = held
}
