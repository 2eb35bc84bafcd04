package secgroup

import "time"

// Effect says what a call can do to the flows that groups allow. The zero
// value is invalid.
type Effect uint8

const (
	Names    Effect = 1 + iota // adds or changes rules that the record names (Authorize, Modify)
	Creates                    // makes a group, with its default egress rule (CreateSecurityGroup)
	Narrows                    // only takes away (Revoke, Delete, Disassociate)
	Describe                   // changes text only (UpdateSecurityGroupRuleDescriptions)
	Indirect                   // widens rules without touching the group (prefix lists, CIDR and VPC associations, new VPCs)
	Retags                     // tags of groups change (CreateTags, DeleteTags)
	Attaches                   // groups are attached to interfaces
	Asks                       // a "Judge Group" message: no call, look at this group
)

// Change is what one record says of one API call (or of a Judge Group
// message): a hint that groups changed, and who did it. It is never a reason
// to change anything by itself.
type Change struct {
	EventSource string // ec2.amazonaws.com
	EventName   string
	Effect      Effect

	EventID         string    // detail.eventID
	SharedEventID   string    // set where the call is recorded in two accounts
	EventTime       time.Time // UTC; zero = the record has none
	RequestID       string
	AccountID       string // recipientAccountId; empty = the record has none
	Region          string // awsRegion; empty = the record has none
	EnvelopeAccount string // account of the EventBridge envelope; empty = none
	EnvelopeRegion  string

	ErrorCode    string // non-empty: the call failed and changed nothing
	ErrorMessage string

	Actor Actor

	Groups  []GroupName // the groups that the record concerns, each once
	Rules   []NamedRule // rules that the call added or changed, named by id or by value
	VPCIDs  []string    // VPCs that the record concerns (CreateVpc, associations)
	ListIDs []string    // prefix lists that the record concerns
	// ListVersion is the version that the call gave to the list; 0 = it made none,
	// or the record does not tell.
	ListVersion int64

	// RulesFrom says where Rules were read: "response", "request", or "".
	RulesFrom string
	// Complete is true where Rules are certainly all that the call added or
	// changed. False for truncated, partly unreadable or unknown shapes.
	Complete bool
	// Incomplete says why Complete is false, in words; "" where it is true.
	Incomplete string

	// Cause is "event", "sweep", "retry", "settle", "after" or "blocks"; IncidentID is
	// the incident that a Judge Group message asks to look at again.
	Cause      string
	IncidentID string
}

// GroupName names a group as the record does: by id, or by name within the
// default VPC (Name, and VPCID where the record has it).
type GroupName struct{ ID, Name, VPCID string }

// NamedRule is a rule that a record names. Rule.ID is empty where the record
// gives only the value; HasValue is false where it gives only the id.
type NamedRule struct {
	GroupID  string // empty where the record gives only a group name
	Rule     Rule
	HasValue bool
	// AnyDirection is true for ModifySecurityGroupRules, whose record does
	// not tell the direction: Rule.Direction is then zero.
	AnyDirection bool
}

// Actor is who made a call. All of it is attacker's text but ARN, which is
// matched by policies: the session issuer's (role with path) or the user's.
type Actor struct {
	ARN         string // what `actors` patterns match; empty = not known
	Type        string // IAMUser, AssumedRole, Root, AWSService, ...
	AccountID   string
	Session     string // role session name: chosen by the caller, never matched
	InvokedBy   string // service that made the call, on its own or for the user
	SourceIP    string
	UserAgent   string
	AccessKeyID string
}

// Attribution ties a rule's value to the record that named it.
type Attribution struct {
	EventID   string
	EventName string
	EventTime time.Time
	Actor     Actor
}
