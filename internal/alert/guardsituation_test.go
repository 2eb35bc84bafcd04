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

	marked := page("baseline-set", "12 by admin-ports-from-internet", "to list them: sgwarden adopt --all; with --yes they are judged like any other",
		"a ledger that was emptied looks like a new one: if this is not the first sweep here, and no policy is new, find out who touched the table")
	all["baseline-set"] = marked

	stale := page("stale-ledger", "the last complete sweep was at 2026-11-21T12:00:00Z: until the ledger is resumed (sgwarden resume --ledger) only rules that a record names are acted on")
	stale.Outcome, stale.Policies, stale.Cause, stale.OpenedAt = incident.Unresolved, nil, "event", noon.Add(-48*time.Hour)
	all["stale-ledger"] = stale

	held := all["pending"]
	held.Reason = "held"
	held.Notes = []string{"sgr-0123456789abcdef0 stays due: violates; the policy is held: held by the fuse: within an hour it touched 10 groups without an event of their own, and that is the limit"}
	all["held"] = held

	ends := all["exempt"]
	ends.EventType, ends.APICall, ends.EventID, ends.Actor, ends.Cause, ends.OpenedAt = incident.Reminder, "", "", incident.Actor{}, "sweep", time.Time{}
	ends.Notes = []string{"EX-1 ends at 2026-11-24T00:00:00Z: what it covers is judged then", "it was agreed by net-team: vendor access CHG-8"}
	all["exemption-ends"] = ends

	lapsed := all["reverted-by-sweep"]
	lapsed.Actor, lapsed.APICall, lapsed.EventID = all["reverted"].Actor, all["reverted"].APICall, all["reverted"].EventID // as the ledger has it
	lapsed.OpenedAt, lapsed.Standing = noon.Add(-7*24*time.Hour), nil
	lapsed.LearntAt = noon.Add(13 * time.Minute)
	lapsed.Actor, lapsed.APICall, lapsed.EventID = all["reverted"].Actor, all["reverted"].APICall, all["reverted"].EventID // a record told of it, a week ago
	lapsed.Notes = []string{"EX-1 covered sgr-0123456789abcdef0, and has ended: it is judged like any other now"}
	all["exemption-lapsed"] = lapsed

	late := all["reverted"]
	late.Reason, late.Actions = "interrupted", nil
	late.Notes = []string{"an earlier judging was interrupted: what was planned is as planned, but our call may not have been the one that did it"}
	all["interrupted"] = late

	halfway := all["narrowed"]
	halfway.Reason, halfway.Actions = "interrupted", nil
	all["interrupted-narrowed"] = halfway

	again := all["not-reverted"]
	again.EventType = incident.Reminder
	all["still-open"] = again

	undone := all["reverted"]
	undone.EventType = incident.Undone
	undone.Notes = []string{
		"put back as sgr-0123456789abcdef9 by arn:aws:iam::123456789012:role/ops/net with sgwarden/1.0: ingress tcp/22 from 0.0.0.0/0",
		"it was agreed by net-team: agreed window CHG-8", "UNDO-" + undone.ID + "-admin-ports-from-internet ends at 2026-11-30T12:00:00Z: what it covers is judged then",
	}
	all["undone"] = undone

	interfaces := all["reverted-by-sweep"]
	interfaces.Standing = nil
	interfaces.Sessions = incident.Sessions{Tracked: incident.TrackedMixed, MaySurviveSeconds: 3600, Basis: incident.BasisInterfaces}
	interfaces.Notes = []string{"some of it is still open on interfaces that the group is on, by sg-0123456789abcdef1, sg-0123456789abcdef2"}
	all["still-open-by-other-groups"] = interfaces
}
