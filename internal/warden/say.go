package warden

import (
	"context"
	"errors"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// say sends the subscribers a message of an incident, and notes in inc that they
// have it: from then on the sinks are owed it too. The message is told, with its
// event type.
func (w *Warden) say(ctx context.Context, inc *incident.Incident, told incident.Incident) error {
	if err := w.cfg.Publisher.Publish(ctx, told); err != nil {
		return err
	}
	*inc = inc.AsTold()
	inc.Published = append(without(inc.Published, []string{string(told.EventType)}), string(told.EventType))
	if told.EventType == incident.Reminder {
		inc.RemindedAt = w.now()
	}
	inc.Owed = w.sinkNames()
	return nil
}

// closeOver writes what was done, however another writer, who only noted, changed
// the item meanwhile: what was done is done, and only the close is repeated.
func (w *Warden) closeOver(ctx context.Context, closing incident.Closing) (err error) {
	for range maxRounds {
		if err = w.cfg.Ledger.Close(ctx, closing); !errors.Is(err, incident.ErrConflict) {
			return err
		}
		mem, err := w.cfg.Ledger.Observe(ctx, closing.GroupID)
		if err != nil {
			return err
		}
		closing.Version, closing.Known = mem.Known.Version, merge(mem.Known, closing.Known)
	}
	return err
}
