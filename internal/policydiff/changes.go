package policydiff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// Change is a difference that is not about which flows are stopped, of one
// policy or of the settings.
type Change struct {
	Policy  string // "" = the settings
	File    string // of the new side, or, of what is gone, of the old
	Line    int
	What    string
	Was, Is string
	// Loosens is true where it is not shown to keep all that the old side
	// stops stopped as soon and as surely.
	Loosens bool
}

// changes gives what is told of policies with one id on both sides, of those
// that one side lacks, and of the settings.
func changes(old, new Deployed) []Change {
	var out []Change
	stillThere := likenesses(new.Set)
	byID := map[string]*policy.Policy{}
	for _, p := range old.Set.Policies {
		byID[p.ID] = p
	}
	for _, p := range new.Set.Policies {
		was, ok := byID[p.ID]
		delete(byID, p.ID)
		if !ok {
			out = append(out, Change{Policy: p.ID, File: p.File, Line: p.Line, What: "policy", Is: "new"})
			continue
		}
		out = append(out, policyChanges(old, new, was, p)...)
	}
	for _, p := range old.Set.Policies {
		if byID[p.ID] != nil {
			out = append(out, Change{Policy: p.ID, File: p.File, Line: p.Line, What: "policy", Was: "there", Is: "gone", Loosens: !p.ForbidsFlows() && !stillThere[old.Set.Likeness(p)]})
		}
	}
	return append(out, settingsChanges(old, new)...)
}

func policyChanges(old, new Deployed, was, is *policy.Policy) []Change {
	var out []Change
	add := func(what, a, b string, loosens bool) {
		if a != b {
			out = append(out, Change{Policy: is.ID, File: is.File, Line: is.Line, What: what, Was: a, Is: b, Loosens: loosens})
		}
	}
	// Below high, a policy waits for the ledger, and a fuse of actors holds it.
	add("severity", was.Severity.String(), is.Severity.String(), was.Severity >= policy.High && is.Severity < policy.High)
	add("remedy", remedyText(was), remedyText(is), false)
	add("mode", was.Mode.String(), is.Mode.String(), false) // what it does to flows is told of them
	if !was.ForbidsFlows() && old.Set.Likeness(was) != new.Set.Likeness(is) {
		// Whether it still refuses all that it refused is not looked into.
		out = append(out, Change{Policy: is.ID, File: is.File, Line: is.Line, What: "requirements", Was: "those of OLD", Is: "others", Loosens: true})
	}
	if was.Remedy.Do != policy.DoAlert && is.Remedy.Do != policy.DoAlert {
		add("what AWS services make", ofServices(was), ofServices(is), is.Shipped())
	}
	return out
}

// ofServices is what a policy does about rules that AWS services made: only
// those of embedded packs make a difference there.
func ofServices(p *policy.Policy) string {
	if p.Shipped() {
		return "only alerted, as of a shipped policy"
	}
	return "treated like any other"
}

// remedyText is how a remedy is written. That a flow is reverted, narrowed,
// tagged or alerted about, and after how long, is told of the flows; how a
// rule is narrowed opens nothing that a policy forbids.
func remedyText(p *policy.Policy) string {
	r := p.Remedy
	text := r.Do.String()
	if r.After > 0 {
		text += " after " + r.After.String()
	}
	if r.Do == policy.DoNarrow {
		var to []string
		for _, block := range r.To {
			to = append(to, block.String())
		}
		if slices.Sort(to); len(to) > 0 {
			text += " to " + strings.Join(to, " ")
		}
		text += fmt.Sprintf(", at most %d new", r.Parts)
	}
	return text
}

func settingsChanges(old, new Deployed) []Change {
	var out []Change
	add := func(what string, a, b any, loosens bool) {
		if a != b {
			out = append(out, Change{What: what, Was: fmt.Sprint(a), Is: fmt.Sprint(b), Loosens: loosens})
		}
	}
	a, b := old.Deployment, new.Deployment
	add("settle", old.Set.Settle(), new.Set.Settle(), new.Set.Settle() > old.Set.Settle())
	add("ledgerDown", ledgerDownText(a.LedgerDown), ledgerDownText(b.LedgerDown), b.LedgerDown == policy.HoldBack)
	add("fuse of groups", a.Fuse.Groups, b.Fuse.Groups, b.Fuse.Groups < a.Fuse.Groups)
	add("fuse of actors", a.Fuse.Actors, b.Fuse.Actors, b.Fuse.Actors < a.Fuse.Actors)
	return out
}

func ledgerDownText(l policy.LedgerDown) string {
	if cmp.Or(l, policy.RevokeBlind) == policy.HoldBack {
		return "hold"
	}
	return "revoke"
}
