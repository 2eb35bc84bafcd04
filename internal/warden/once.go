package warden

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// sayOnce alerts about an event that cannot be judged. The records are
// deliveries of that one event. It is remembered under the event's own key,
// not with a group: it must not make later changes of a group look open.
func (w *Warden) sayOnce(ctx context.Context, records []*record) {
	inc := w.eventIncident(records[0])
	if records[0].file != "" {
		inc = w.fileIncident(records)
	}
	for _, r := range records {
		r.decision.IncidentID, r.decision.Incident = inc.ID, inc
	}
	story, err := w.once(ctx, eventKey+inc.ID, inc, triesOf(records))
	for _, r := range records {
		r.decision.Story = story
		if err != nil && !r.decision.Retry {
			_, reason := explain(err)
			r.decision.Retry, r.decision.Reason = true, r.decision.Reason+" (not said: "+reason+")"
		}
	}
}

// eventKey precedes the incident's id where an event is remembered without a
// group: it stands in the place of a group id.
const eventKey = "event-"

// eventIncident is the document of an event as a whole.
func (w *Warden) eventIncident(r *record) incident.Incident {
	inc := w.baseIncident(r)
	event := r.change.EventID
	if event == "" { // a look that no event asked for: once a day
		event = inc.LearntAt.Format(time.DateOnly)
	}
	inc.ID = incident.EventID(r.decision.GroupID, "", event)
	inc.EventType = incident.Opened
	inc.Outcome, inc.Reason = r.decision.Outcome, r.decision.Reason
	inc.Severity = policy.Medium
	w.objections(&inc, r)
	return inc
}

// mostUnreadNotes bounds the records of a file that its incident tells of one by
// one.
const mostUnreadNotes = 10

// fileIncident is the document of a log file of which several records could not
// be read. It has what they have in common.
func (w *Warden) fileIncident(records []*record) incident.Incident {
	whole := *records[0]
	told := map[string]bool{}
	var notes []string
	for _, r := range records {
		if told[r.decision.Reason] {
			continue
		}
		told[r.decision.Reason] = true
		notes = append(notes, r.decision.Reason)
		if r.decision.GroupID != whole.decision.GroupID {
			whole.decision.GroupID = ""
		}
		if name := r.change.EventName; name != "" && name != whole.change.EventName {
			whole.change.EventName = ""
		}
	}
	whole.change.EventID, whole.decision.Reason = whole.file, reasonUnreadable
	inc := w.eventIncident(&whole)
	inc.EventID = ""
	if more := len(notes) - mostUnreadNotes; more > 0 {
		notes = append(notes[:mostUnreadNotes], fmt.Sprintf("and %d more: the log of the function has a line for each", more))
	}
	inc.Notes = append([]string{"several records of one log file could not be read: what they tell of was not judged"}, notes...)
	return inc
}

// baseIncident is what every document says of its record.
func (w *Warden) baseIncident(r *record) incident.Incident {
	now := w.now()
	opened := r.change.EventTime
	if opened.IsZero() || opened.After(now) {
		opened = now
	}
	inc := incident.Incident{
		Mode: w.cfg.Mode, AccountID: w.cfg.Account, Region: w.cfg.Region, GroupID: r.decision.GroupID,
		APICall: r.change.EventName, EventID: r.change.EventID, Cause: cause(r), OpenedAt: opened, LearntAt: now,
	}
	inc.Resource = w.resource(inc.GroupID)
	if r.change.Actor.ARN != "" || r.change.Actor.Type != "" {
		inc.Actor = incident.Actor{Actor: r.change.Actor, Attributed: true}
	}
	return inc
}

// cause is why a record was looked at.
func cause(r *record) string {
	if r.change.Cause == "" {
		return "event"
	}
	return r.change.Cause
}

// once publishes an incident that has no group's item, unless that was done.
// Without the ledger it is said as often as it comes. tries is how often what
// asks for it was received.
func (w *Warden) once(ctx context.Context, key string, inc incident.Incident, tries int) (*Story, error) {
	story := &Story{Incidents: []incident.Incident{inc}}
	for range maxRounds {
		mem, err := w.cfg.Ledger.Observe(ctx, key)
		if err != nil {
			return w.publishBlind(ctx, story, inc)
		}
		version, known := mem.Known.Version, mem.Known
		known.Exists = true
		if _, told := known.Removed[callMark+inc.ID]; told {
			return story, nil
		}
		stored, sent := inc, false
		stored.Status, stored.Chain = statusOpen, mem.ChainHead
		if i := slices.IndexFunc(mem.Open, func(o incident.Incident) bool { return o.ID == inc.ID }); i >= 0 {
			stored = mem.Open[i]
			if slices.Contains(stored.Published, string(inc.EventType)) {
				if len(stored.Owed) == 0 {
					return story, nil
				}
				sent = true
			}
		}
		now := w.now()
		holder := w.cfg.HolderID + "/" + key
		if mem.Lease.Holder != "" && mem.Lease.Until.After(now) {
			return story, incident.ErrLeased
		}
		version, err = w.cfg.Ledger.Open(ctx, incident.Opening{
			GroupID: key, Version: version, Known: known, Incidents: []incident.Incident{stored},
			Lease: incident.Lease{Holder: holder, Until: now.Add(w.cfg.Lease)}, Now: now,
		})
		switch {
		case errors.Is(err, incident.ErrConflict):
			continue
		case errors.Is(err, incident.ErrLeased):
			return story, err // another is saying it
		case err != nil:
			return w.publishBlind(ctx, story, inc)
		}
		return story, w.publishOnce(ctx, story, stored, incident.Closing{GroupID: key, Version: version, Known: known, Holder: holder}, sent, tries)
	}
	return story, incident.ErrConflict
}

// publishOnce sends the message, unless it was sent and only sinks lack it, and
// writes down that it was. An incident that needs somebody stays open.
func (w *Warden) publishOnce(ctx context.Context, story *Story, inc incident.Incident, closing incident.Closing, sent bool, tries int) error {
	var failed error
	if !sent {
		told := inc
		if failed = w.say(ctx, &inc, told); failed == nil {
			story.Published = append(story.Published, told)
		}
	}
	if failed == nil && !w.pay(ctx, &inc, inc, tries) {
		failed = errOwing
	}
	closing.Now = w.now()
	if failed == nil && !inc.Outcome.StaysOpen() {
		inc.Status, inc.ClosedAt = statusClosed, at(closing.Now)
		closing.Known.Removed = map[string]policy.RemovedRule{callMark + inc.ID: {At: closing.Now, IncidentID: inc.ID}}
	}
	closing.Incidents = []incident.Incident{inc}
	return errors.Join(failed, w.cfg.Ledger.Close(ctx, closing))
}

// publishBlind says it without the ledger, where no debt of a sink can be kept.
func (w *Warden) publishBlind(ctx context.Context, story *Story, inc incident.Incident) (*Story, error) {
	told := inc
	if err := w.say(ctx, &inc, told); err != nil {
		return story, err
	}
	story.Published = append(story.Published, told)
	w.pay(ctx, &inc, inc, sinkTries)
	return story, nil
}

// pageStale tells once that the ledger's stamp is old: the table may be a
// restored one, and nothing but what records name is acted on until somebody
// resumes it, and once more where that was a day ago and no sweep came since.
func (w *Warden) pageStale(ctx context.Context, c incident.Controls) {
	now := w.now()
	if !c.Stale(now) {
		return
	}
	stamp := c.Stamp.Format(time.RFC3339)
	since := stamp
	if c.Resumed.After(c.Stamp) {
		since = c.Resumed.Format(time.RFC3339)
	}
	inc := incident.Incident{
		ID: incident.EventID("", "stale-ledger", since), EventType: incident.Opened, Outcome: incident.Unresolved, Reason: "stale-ledger",
		Mode: w.cfg.Mode, Severity: policy.High, AccountID: w.cfg.Account, Region: w.cfg.Region, Cause: "event", OpenedAt: c.Stamp, LearntAt: now,
		Notes: []string{"the last complete sweep was at " + stamp + ": until the ledger is resumed (sgwarden resume --ledger) only rules that a record names are acted on"},
	}
	w.pageOnce(ctx, "page about a stale ledger", inc)
}

func at(t time.Time) *time.Time { return &t }
