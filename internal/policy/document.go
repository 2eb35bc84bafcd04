package policy

import (
	"net/netip"
	"reflect"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Document is one parsed policy: every value is valid, every set resolved,
// every position kept. compile turns it into a Policy.
type Document struct {
	File string // as given to the reader, for messages
	Line int    // of the document's metadata.id

	ID, Title, Maturity, Why, Fix string
	Severity                      Severity
	Checks                        []string
	Controls                      map[string][]string
	Chosen                        bool // intent: chosen
	Shipped                       bool // from an embedded pack: alerts about, never reverts, what AWS services made themselves
	Scope                         Scope
	Not                           *Scope // scope.not; nil = none

	// Exactly one of these four is set.
	Forbid    []Clause
	AllowOnly *AllowOnly
	Require   []Requirement
	OnChange  *OnChange
	Tolerate  Tolerance
	Except    []Except
	Mode      Mode // 0 = the deployment's
	Remedy    Remedy
}

// Scope selects groups: all conditions hold, values within one are
// alternatives, empty ones hold always. Globs know `*` and `?`.
type Scope struct {
	File                    string // where an override gives it; "" = the policy's
	Line                    int
	Names, IDs              []string // globs on group names; exact ids
	Tags                    map[string][]string
	VPCs, Accounts, Regions []string
	Default                 *bool
	UsedBy                  []string // kinds of network interfaces; of one that uses the group, in scope.not of all
}

// Clause is one box of forbid, within, these or but.
type Clause struct {
	File       string // where an override gives it; "" = the policy's
	Line       int
	Directions []secgroup.Direction // never empty once inherited
	// Flows are protocols x ports (x ICMP types), as written: overlapping is fine.
	Flows []FlowSpec
	Peers []PeerSpec
	Whole bool // when: whole
	But   []Clause
}

// FlowSpec is protocols x span of the 16-bit space. ICMP entries also carry a
// family: `icmp` is IPv4 (protocol 1), `icmp6` IPv6 (protocol 58).
type FlowSpec struct {
	Protocols secgroup.ProtocolRange
	Span      secgroup.Span
}

// PeerKind is the kind of a PeerSpec. The zero value is invalid.
type PeerKind uint8

const (
	PeerInternet PeerKind = 1 + iota
	PeerPrivate
	PeerVPC
	PeerAddresses  // all IPv4 and IPv6
	PeerReferences // all group references
	PeerAny        // addresses, references and unreadable lists
	PeerSelf
	PeerGroups  // Groups, Account
	PeerCIDRs   // CIDRs (a literal, or a resolved set)
	PeerList    // Name is pl-...
	PeerAWSList // Name is the part after aws:
)

// PeerSpec is one entry of `peers`.
type PeerSpec struct {
	Line    int
	Kind    PeerKind
	Text    string // as written
	CIDRs   []netip.Prefix
	Groups  []string // group ids or globs on ids; empty with Account = every group of that account
	Account string   // "self", "any" or 12 digits; "" = any
	Name    string
}

// AllowOnly forbids Within but These.
type AllowOnly struct {
	Line   int
	Within Clause
	These  []Clause
}

// OnChange is `onChange`: it judges calls themselves.
type OnChange struct {
	Line   int
	Calls  []string // event names, sorted; nil = every watched call
	Unless *Unless  // nil = nobody's calls are left out
}

// Unless says whose calls are left out.
type Unless struct {
	File   string // where an override gives it; "" = the policy's
	Line   int
	Actors []string // ARN patterns: `*` matches neither `/` nor `:`
	// UserAgents are globs; of the actors only calls with such a user agent
	// are left out. nil = with any.
	UserAgents []string
}

// Tolerance is `tolerate`. A family without a bound tolerates nothing.
type Tolerance struct {
	File       string // where an override gives it; "" = the policy's
	Line       int
	IPv4, IPv6 int  // prefix length: as many addresses as one such block; -1 = no bound given
	PerRule    bool // per: rule
}

// Except is one entry of `except`.
type Except struct {
	File   string // where an override gives it; "" = the policy's
	Line   int
	Actors []string // ARN patterns: `*` matches neither `/` nor `:`
	Reason string
	Until  time.Time // exclusive; zero = for ever
}

// equal reports whether two scopes say the same, wherever they stand.
func (s Scope) equal(o Scope) bool {
	s.File, s.Line, o.File, o.Line = "", 0, "", 0
	return reflect.DeepEqual(s, o)
}

func (t Tolerance) equal(o Tolerance) bool {
	t.File, t.Line, o.File, o.Line = "", 0, "", 0
	return t == o
}

func (r Remedy) equal(o Remedy) bool { return reflect.DeepEqual(r, o) }
