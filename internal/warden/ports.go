package warden

import (
	"context"
	"net/netip"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Inventory reads EC2. Errors wrap those of package incident.
type Inventory interface {
	// Group reads a group and its rules (at most two calls, side by side).
	// Prefix lists come unread, VPCs nil.
	Group(ctx context.Context, groupID string) (secgroup.Group, error)
	// Rules reads the rules of a group alone, or of these ids (200 at most) those
	// that it has: one call, the read-back.
	Rules(ctx context.Context, groupID string, ids ...string) ([]secgroup.Rule, error)
	// Named gives the ids of the groups of the default VPC with that name, regardless of case.
	Named(ctx context.Context, name string) ([]string, error)
	// VPCs reads the blocks of all VPCs of a group.
	VPCs(ctx context.Context, g secgroup.Group) ([]secgroup.VPC, error)
	// Interfaces gives some of the network interfaces that a group is on, and
	// whether there are more.
	Interfaces(ctx context.Context, groupID string) (ids []string, more bool, err error)
	// Users gives the kinds of all network interfaces that a group is on.
	Users(ctx context.Context, groupID string) ([]secgroup.InterfaceKind, error)
	// DeadReferences gives the groups that rules name and that are gone or out
	// of reach, by the groups of a VPC that have such rules.
	DeadReferences(ctx context.Context, vpcID string) (map[string][]string, error)
	// EachGroup is as in Survey.
	EachGroup(ctx context.Context, token string, see func(g secgroup.Group, err error)) (next string, err error)
	// Groups reads all groups with their rules, lists unread.
	Groups(ctx context.Context) ([]secgroup.Group, error)
	// ElasticAddresses gives the elastic IP addresses of the account.
	ElasticAddresses(ctx context.Context) ([]netip.Addr, error)
	// List reads a prefix list; one that may not be read comes back with Refused.
	List(ctx context.Context, id string) (secgroup.PrefixList, error)
	// Managed is List with what an edit of the list takes.
	Managed(ctx context.Context, id string) (secgroup.ManagedList, error)
	// EntriesAt reads the entries that a list of the account had in a version.
	EntriesAt(ctx context.Context, id string, version int64) ([]secgroup.ListEntry, error)
	// ListUsers gives all that refers to a list, of whatever kind and account.
	ListUsers(ctx context.Context, id string) ([]secgroup.ListUser, error)
}

// Connections reads where a group is, for what the message says of connections:
// at most two calls. whole is false where it is too much to be read so.
type Connections interface {
	Attached(ctx context.Context, groupID string) (at incident.Attached, whole bool, err error)
}

// Applier makes one planned call. Result.Err tells what went wrong; if the call
// was sent more than once it must be a Tried, or Result.RequestIDs tell so.
type Applier interface {
	Apply(ctx context.Context, a plan.Action) incident.Result
}

// Tried is an error of a call that tells how often it was sent. Where an
// answer got lost the effect may be that of an earlier try: a rule that the
// last one did not find was then perhaps removed by us, and that is said.
type Tried interface {
	error
	Tries() int
}

// Ledger remembers. Errors wrap incident.ErrConflict, ErrLeased, ErrUnavailable.
type Ledger interface {
	Note(ctx context.Context, n incident.Note) (policy.Known, error)
	Observe(ctx context.Context, groupID string) (incident.Memory, error)
	// Open returns the version of the item after it.
	Open(ctx context.Context, o incident.Opening) (int64, error)
	Close(ctx context.Context, c incident.Closing) error
}

// Publisher sends one message of one incident to the subscribers.
type Publisher interface {
	Publish(ctx context.Context, i incident.Incident) error
}

// Sink is told beside the subscribers, and after them: what it cannot take
// undoes nothing and holds nothing up.
type Sink interface {
	// Name is the same in every process and version: the ledger keeps it.
	Name() string
	// Tell sends the state of an incident, with the event type of its last
	// message. Errors that wrap ErrDenied, ErrGone or ErrInvalid do not pass.
	Tell(ctx context.Context, i incident.Incident) error
}

// Queue puts a Judge Group message behind a delay of at most 15 minutes.
type Queue interface {
	JudgeAgain(ctx context.Context, groupID, cause, incidentID string, delay time.Duration) error
}
