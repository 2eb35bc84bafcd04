package warden

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// pageAgain is the shortest time between two tries of a page that a sink could not
// take: every judging comes by it, and must not wait for a sink that is down.
const pageAgain = 5 * time.Second

// pages are the pages that this process told: pages about the deployment, which
// whoever comes by tells once.
type pages struct {
	mu    sync.Mutex
	tries map[string]pageTry
}

type pageTry struct {
	n    int
	next time.Time // of the next try; zero = it is told, or being told
}

// begin gives the number of the try that is due now; false = none is.
func (p *pages) begin(id string, now time.Time) (n int, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, known := p.tries[id]
	if known && (t.next.IsZero() || now.Before(t.next)) {
		return 0, false
	}
	if p.tries == nil {
		p.tries = map[string]pageTry{}
	}
	p.tries[id] = pageTry{n: t.n + 1}
	return t.n + 1, true
}

// end remembers what came of a try. What was not told is due again at once; what
// only a sink lacks, later each time, as a message would come again.
func (p *pages) end(id string, n int, err error, now time.Time) {
	if err == nil {
		return
	}
	t := pageTry{n: n - 1, next: now}
	if errors.Is(err, errOwing) {
		t = pageTry{n: n, next: now.Add(pageAgain << (n - 1))}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries[id] = t
}

// pageOnce tells a page, unless this process did.
func (w *Warden) pageOnce(ctx context.Context, what string, inc incident.Incident) {
	n, due := w.paged.begin(inc.ID, w.now())
	if !due {
		return
	}
	_, err := w.once(ctx, eventKey+inc.ID, inc, n)
	if err != nil {
		w.cfg.Logger.ErrorContext(ctx, what, "group_id", inc.GroupID, "incident_id", inc.ID, "error", err.Error())
	}
	w.paged.end(inc.ID, n, err, w.now())
}
