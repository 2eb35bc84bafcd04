package warden

import (
	"context"
	"log/slog"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// log writes one line per decision. Text of records is only ever a value, so
// that no text can look like another key or line.
func (w *Warden) log(ctx context.Context, r *record, start time.Time) {
	d, now := r.decision, w.now()
	level := slog.LevelInfo
	switch d.Outcome {
	case incident.CannotRemediate, incident.NotReverted:
		level = slog.LevelError
	case incident.Unresolved:
		level = slog.LevelWarn
	}
	rules := make([]string, 0, len(d.Rules))
	for _, rule := range d.Rules {
		rules = append(rules, rule.ID+" "+rule.Outcome.String())
	}
	attrs := []slog.Attr{
		slog.String("delivery_id", d.DeliveryID), slog.String("event_id", d.EventID), slog.String("event_name", r.change.EventName),
		slog.String("cause", cause(r)), slog.String("account", w.cfg.Account), slog.String("region", w.cfg.Region),
		slog.String("group_id", d.GroupID), slog.String("incident_id", d.IncidentID), slog.String("outcome", d.Outcome.String()),
		slog.String("reason", d.Reason), slog.Bool("retry", d.Retry), slog.Any("rules", rules),
		slog.Int64("decision_ms", now.Sub(start).Milliseconds()),
	}
	if !r.change.EventTime.IsZero() {
		attrs = append(attrs, slog.Int64("event_age_ms", now.Sub(r.change.EventTime).Milliseconds()))
	}
	w.cfg.Logger.LogAttrs(ctx, level, "decision", attrs...)
}
