package policy

import (
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Input is all that a judgement rests on.
type Input struct {
	Live       secgroup.Group // with readable lists filled in as far as they could be read
	Known      Known
	Changes    []secgroup.Change // the changes at hand that concern this group, any order; empty for a sweep
	Exemptions []Exemption
	Facts      Facts
	Now        time.Time
}

// State says what a violation of one policy means for a rule now. Only
// some lead to an action. The zero value is invalid.
type State uint8

const (
	Fine      State = 1 + iota // looked at, no violation
	Acting                     // due, enforced, remedy revert or narrow, `after` over: leads to a mutation
	Tagging                    // due, enforced, remedy tag
	Alerting                   // due, remedy alert (or tag in observe mode ...: says only)
	Observing                  // due, but the effective mode is observe
	Waiting                    // due, but `after` is not over, settling, or attribution is awaited: see Finding.Until
	Exempt                     // covered by an exemption or an `except`
	Baseline                   // marked: stands
	BeforeAct                  // due once the act is done: stands until then
	Unknown                    // could not be judged (unreadable list): alerted, never fine
	Held                       // paused or fused: reported, not acted on
	Graced                     // of a group: not as required, for less long than it may be
)

// Verdict is the full diagnostic of one group.
type Verdict struct {
	GroupID string
	Rules   []RuleVerdict // every live rule, sorted by id
	// Group is what policies say of the group itself: one entry for each that
	// finds something. Its Rule has only an id, secgroup.GroupEntry.
	Group []RuleVerdict
	Calls []CallVerdict // the calls at hand that a policy with onChange looks at, in their order
	Needs []Need        // facts whose absence could change the verdict; evaluate again with them
	// JudgeAgainAt is the earliest time at which waiting, expiry or settling
	// asks for another look; zero = none.
	JudgeAgainAt time.Time
}

// Need is a kind of fact that Evaluate lacked.
type Need string

const (
	NeedVPCs  Need = "vpcs"  // Group.VPCs is nil and the group's own blocks could matter
	NeedLists Need = "lists" // a rule's prefix list was not read yet
	// NeedOldLists: the entries that a list had before it changed were not read yet.
	NeedOldLists Need = "old-lists"
)

// RuleVerdict is what all policies say of one rule.
type RuleVerdict struct {
	Rule  secgroup.Rule
	Known *KnownRule            // nil = the ledger does not know the rule
	Named bool                  // a change at hand names this rule with its live value
	By    *secgroup.Attribution // who made this value; nil = unattributed
	// Findings is every policy that is meant for the group, in policy order.
	// Rules that nothing is wrong with share it: only read it.
	Findings []Finding

	// Due: violates a policy now (or cannot be judged: Unknown), not exempt,
	// not marked, act done (or named / open incident). Waiting is due.
	Due bool
	// Decision is what the acting policies together ask for.
	Decision Decision
	// Remaining is what the rule shall become: nil for everything but Revert
	// and Narrow. For Revert of a modified rule it is the old value, with the
	// rule's id; empty = revoke. For Narrow it is never empty and has no ids,
	// descriptions or tags; a part may be a rule that exists already. The
	// default egress rule is never reverted to nothing where the policies
	// allow one rule in its place: it is narrowed to that.
	Remaining []secgroup.Rule
	// Parts bounds how many rules of Remaining may be new (Narrow only).
	Parts int
	// Fallback says why Narrow or restore became a plain revoke; "" = it did not.
	Fallback string
	// Void are the ids of the policies whose baseline mark on the rule counts no
	// more, though the item has it: a record or an operator voids it.
	Void []string
	// Lost says in words what narrowing an all-protocol rule gives up; "" = nothing.
	Lost string
}

// Decision is the composed remedy of a rule. The zero value is invalid.
type Decision uint8

const (
	Keep   Decision = 1 + iota // nothing is changed
	Revert                     // revoke, or restore Remaining
	Narrow                     // becomes Remaining
	Tag                        // gets sgwarden tags
)

// Finding is what one policy says of one rule.
type Finding struct {
	Policy    *Policy
	File      string // where the clause that decided stands
	Line      int
	State     State
	Excess    secgroup.Region // exactly what is too much (what would be, for Exempt and Baseline); empty for Fine and Unknown
	Remaining secgroup.Region // the rule without Excess; empty for Fine (all of it) and Unknown
	Lacks     string          // what is required and not there, as a sentence without its end; "" = the policy requires nothing
	Until     time.Time       // Waiting: when the wait ends; Exempt: when that ends, zero = never
	Exemption string          // Exempt: its id, or "except FILE:LINE"
	// Growth is true where the rule was in order under the policy until its prefix
	// list got other entries: what is too much is the list's, not the rule's.
	Growth bool
	Why    string // one sentence: why this state, which exception did not apply and why
}

// WillAct reports whether the policy takes something back of the rule once a wait
// is over, or nothing holds the policy any more.
func (f Finding) WillAct() bool {
	takes := f.Policy.Remedy.Do == DoRevert || f.Policy.Remedy.Do == DoNarrow
	return takes && (f.State == Held || f.State == Waiting)
}

// exceptLabel precedes the place of an exception by actor in Finding.Exemption.
const exceptLabel = "except "

// IsByActor reports whether what exempts the rule is an exception by actor: it
// holds for the rule that a record named, and for no other of its value.
func (f Finding) IsByActor() bool {
	return f.State == Exempt && strings.HasPrefix(f.Exemption, exceptLabel)
}
