package warden

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// readAttached reads where the group is, once something was taken back: only
// then is anything said of connections. Without it, what the group's own rules
// tell is said.
func (j *judging) readAttached(ctx context.Context) {
	if j.w.cfg.Connections == nil || j.readBack == nil || !j.timeLeft(ctx) || !slices.ContainsFunc(j.drafts, (*draft).closes) {
		return
	}
	at, whole, err := j.w.cfg.Connections.Attached(ctx, j.groupID)
	switch {
	case err != nil:
		j.w.cfg.Logger.WarnContext(ctx, "read where the group is", "group_id", j.groupID, "error", err.Error())
	case whole:
		for id, rules := range at.Rules {
			at.Rules[id] = j.readable(j.w.normalRules(rules, j.live.AccountID))
		}
		j.attached = &at
	}
}

// closes reports whether some rule of the incident was taken back.
func (d *draft) closes() bool {
	return slices.ContainsFunc(d.ends, func(e *end) bool {
		return e.tries.answered && (e.outcome == incident.Reverted || e.outcome == incident.Narrowed)
	})
}

// fillSessions says whether connections may outlive the rules of an incident.
func (j *judging) fillSessions(i *incident.Incident) {
	if j.attached == nil {
		i.Sessions = incident.SessionsOf(i.Rules, j.live.Rules)
		return
	}
	var still []string
	i.Sessions, still = incident.SessionsOn(i.Rules, j.groupID, j.live.Rules, j.readable(j.readBack), *j.attached)
	if i.Sessions.Tracked == "" {
		return
	}
	if len(j.attached.Interfaces) == 0 {
		i.Notes = appendOnce(i.Notes, "no network interface has the group: nothing was reached by it just now")
	}
	if len(still) > 0 {
		const most = 5
		named := strings.Join(still[:min(len(still), most)], ", ")
		if more := len(still) - most; more > 0 {
			named += fmt.Sprintf(" and %d more", more)
		}
		i.Notes = appendOnce(i.Notes, incident.StillOpenNote+named)
	}
}
