package policy

import (
	"net/netip"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Set is the active policies of a deployment with its settings, compiled. It
// is immutable and safe for concurrent use.
type Set struct {
	Policies   []*Policy
	Exemptions []Exemption // of files
	Mode       Mode        // of settings; 0 = not set
	Digest     string
}

// Settings is what a set is compiled with beside its documents.
type Settings struct {
	Mode         Mode           // the lower of environment and sgwarden.yaml; 0 = not set (observe)
	Internal     []netip.Prefix // set `internal`: not internet
	TrustedTags  []string
	TrustedNames []string // globs
	Exemptions   []Exemption
	Settle       time.Duration // default egress of new groups; 0 = 30 s
}

// Compile makes the set of the documents, in their order. Documents come from
// Parse and are valid; errors are contradictions that only show together.
func Compile(docs []Document, settings Settings) (*Set, error) { return &Set{}, nil }

// Concern is Triage's answer. The zero value is invalid.
type Concern uint8

const (
	NotConcerned Concern = 1 + iota // no policy can be concerned, whatever the group's item says
	AskItem                         // depends on what the group's item says
	Concerned                       // some policy is, or may be, concerned
)

// Triage answers whether a change of one group can concern a policy: from the
// record alone (known nil), or with the group's item. It is sound: anything
// that is not known counts as concerned, or AskItem while known is nil.
func (s *Set) Triage(c secgroup.Change, known *Known) Concern { return Concerned }

// Evaluate judges every rule of the group under every policy.
func (s *Set) Evaluate(in Input) Verdict { return Verdict{GroupID: in.Live.ID} }
