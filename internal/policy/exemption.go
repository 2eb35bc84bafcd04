package policy

import (
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Exemption accepts a deviation of one group from one policy, for a time. The
// same value comes from settings files and from the ledger.
type Exemption struct {
	ID     string
	Policy string // policy id, or "*" (ledger only)
	Group  string // sg-...
	// Rules are the flows that are exempt; a rule is exempt as far as these
	// cover its excess. Empty = every flow of the group (files only).
	Rules  []secgroup.Rule
	Owner  string
	Reason string
	Ticket string
	Until  time.Time // exclusive: the first instant at which it no longer holds (files give the last day, UTC)
	Made   time.Time // zero = not known; always for files
	Source string    // "file" or "ledger"
	File   string    // for files
	Line   int
}
