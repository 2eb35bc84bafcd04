package warden

import (
	"context"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Survey reads many groups with few calls. Errors wrap those of package
// incident.
type Survey interface {
	// EachGroup reads one page of all groups, in one call; token "" = the
	// first, next "" = it was the last. Rules have neither ids nor tags, lists
	// come unread, VPCs nil. A group that is not understood comes with an error.
	EachGroup(ctx context.Context, token string, see func(g secgroup.Group, err error)) (next string, err error)
	// EachRule reads one page of the rules of at most groupsPerRead groups, in
	// one call, likewise.
	EachRule(ctx context.Context, groupIDs []string, token string, see func(groupID string, r secgroup.Rule, err error)) (next string, err error)
	// Networks reads the VPCs of all groups; of calls nothing.
	Networks(ctx context.Context) (of func(g secgroup.Group) ([]secgroup.VPC, error), err error)
}

// Bounds of what is read at once, by the APIs behind Survey and SweepLedger.
const (
	groupsPerRead   = 200
	groupsPerRecall = 100
)

// SweepLedger is what a sweep needs of the ledger beside Ledger.
type SweepLedger interface {
	// Recall reads the items of at most groupsPerRecall groups, in one call.
	// The answer has neither controls nor open incidents; groups without item
	// are not in it.
	Recall(ctx context.Context, groupIDs []string) (map[string]incident.Memory, error)
	// Controls reads what holds for all groups.
	Controls(ctx context.Context) (incident.Controls, error)
	// ControlsOf reads what is set for single groups, at most groupsPerRecall,
	// in one call. Groups for which nothing is are not in the answer.
	ControlsOf(ctx context.Context, groupIDs []string) (map[string]incident.Controls, error)
	// RecordSweep writes acts, and the stamp last.
	RecordSweep(ctx context.Context, r incident.SweepRecord) error
}
