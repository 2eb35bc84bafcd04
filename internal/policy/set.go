package policy

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// Set is the active policies of a deployment with its settings, compiled. It
// is immutable and safe for concurrent use. The zero value has no policies.
type Set struct {
	Policies   []*Policy
	Exemptions []Exemption // of files
	Mode       Mode        // of settings; 0 = not set

	index  *index
	calls  []int // places of the policies that judge calls
	settle time.Duration
	byTags bool // some scope depends on tags
	texts  textual
	groups []int                       // policies that require something of the group itself
	fine   atomic.Pointer[fineFinding] // memory only, see selectFor
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

const defaultSettle = 30 * time.Second

// Compile makes the set of the documents, in their order. Documents come from
// Parse and are valid; the set keeps them, so that they must not change. A
// chosen policy without any scope is left out: it is off. Errors, all of them
// joined, are contradictions that only show together: two policies of one id,
// an exemption from a policy that is not there, a chosen policy whose scope
// rests on untrusted tags or names alone. With an error there is no set.
func Compile(docs []Document, settings Settings) (*Set, error) {
	policies, err := compileAll(docs, settings)
	if err != nil {
		return nil, err
	}
	s := &Set{
		Policies: policies, Exemptions: settings.Exemptions, Mode: settings.Mode,
		index: newIndex(policies), settle: settings.Settle,
	}
	if s.settle == 0 {
		s.settle = defaultSettle
	}
	for i, p := range policies {
		s.texts.add(p)
		if len(p.ofGroup) > 0 {
			s.groups = append(s.groups, i)
		}
		if p.onChange != nil {
			s.calls = append(s.calls, i)
		}
		s.byTags = s.byTags || len(p.scope.tags) > 0 || p.not != nil && len(p.not.tags) > 0
	}
	return s, nil
}

// Enforcing is the same set with every policy in enforce, whatever the
// deployment and the policies say: what an observed change would have led to.
// Digests stay, so that acts and holds of the set apply.
func (s *Set) Enforcing() *Set {
	out := &Set{Exemptions: s.Exemptions, Mode: Enforce, index: s.index, calls: s.calls, settle: s.settle, byTags: s.byTags, texts: s.texts, groups: s.groups}
	for _, p := range s.Policies {
		twin := *p
		twin.Mode = Enforce
		out.Policies = append(out.Policies, &twin)
	}
	return out
}

// ActsDone gives acts for every policy, done at the given time: what a
// judgement rests on where there is no sweep (explain, demo).
func (s *Set) ActsDone(at time.Time) map[string]Act {
	acts := make(map[string]Act, len(s.Policies))
	for _, p := range s.Policies {
		acts[p.ID] = Act{Done: true, Start: at, At: at}
	}
	return acts
}

// Concern is Triage's answer. The zero value is invalid.
type Concern uint8

const (
	NotConcerned  Concern = 1 + iota // no policy can be concerned, whatever the group's item says
	CallConcerned                    // no rule can be, but a policy has something to say of the call itself: JudgeCalls tells, without the group
	AskItem                          // depends on what the group's item says
	Concerned                        // some policy is, or may be, concerned
)
