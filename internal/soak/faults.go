package soak

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

// faultPlan is what goes wrong while the messages of one step are judged.
type faultPlan struct {
	fault   string // one of faultNames; "" = nothing
	call    string // the call or effect that it meets
	at      int    // from which occurrence on, 1 = the first
	lasting bool   // every later one too
	kill    string // "before", "after"; "" = not killed
	killAt  string // at which call or effect
	killed  bool
	hit     bool // the fault was met
	seen    *seen
}

// cloudFaults are what EC2, and the way to it, may do wrong.
var cloudFaults = map[string]func(*localec2.Snapshot) localec2.Disturbance{
	"throttle":           func(*localec2.Snapshot) localec2.Disturbance { return localec2.Throttle() },
	"500":                func(*localec2.Snapshot) localec2.Disturbance { return localec2.Fail() },
	"lost request":       func(*localec2.Snapshot) localec2.Disturbance { return localec2.Lose() },
	"lost answer":        func(*localec2.Snapshot) localec2.Disturbance { return localec2.LoseAnswer() },
	"500 after":          func(*localec2.Snapshot) localec2.Disturbance { return localec2.FailAfter() },
	"denied":             func(*localec2.Snapshot) localec2.Disturbance { return localec2.Deny() },
	"no-op":              func(*localec2.Snapshot) localec2.Disturbance { return localec2.Swallow() },
	"stale read":         localec2.Stale,
	"denied for a while": func(*localec2.Snapshot) localec2.Disturbance { return localec2.Deny() },
}

// The faults in the order in which they are drawn.
var (
	faultsOfChanges = []string{"throttle", "500", "lost request", "lost answer", "500 after", "denied", "no-op"}
	faultsOfReads   = []string{"throttle", "500", "lost request", "denied", "stale read", "stale read"}
	faultsOfEffects = []string{"ledger down", "conflict", "lost write", "publish failed", "published without answer", "queue failed", "race", "race"}
	changingCalls   = []string{
		"RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress", "ModifySecurityGroupRules",
		"AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "CreateTags",
	}
	effectsMet = map[string][]string{
		"ledger down": {"Note", "Observe", "Open", "Close", "ledger"}, "conflict": {"Open", "Close"}, "lost write": {"Open", "Close", "Note"},
		"publish failed": {"Publish"}, "published without answer": {"Publish"}, "queue failed": {"JudgeAgain"},
		"race": {"Open", "Close", "change", "change"},
	}
	effectNames = []string{"Note", "Observe", "Open", "Close", "Publish", "JudgeAgain"}
)

// staleFor bounds the age of a stale read: from a minute on EC2 is taken to
// show what was done.
const staleFor = 50 * time.Second

// drawFaults decides what goes wrong in a step.
func (w *world) drawFaults() faultPlan {
	p := faultPlan{seen: newSeen()}
	pick := func(list []string) string { return list[w.random.IntN(len(list))] }
	if w.denied > 0 {
		w.denied--
		p.fault, p.call, p.at, p.lasting = "denied for a while", "change", 1, true
		return p
	}
	switch n := w.random.IntN(20); {
	case n < 8:
		return p
	case n < 11:
		p.fault, p.call = pick(faultsOfChanges), "change"
	case n < 13:
		p.fault, p.call = pick(faultsOfReads), pick([]string{"DescribeSecurityGroups", "DescribeSecurityGroupRules", "DescribeSecurityGroupRules", "read"})
	case n < 16:
		p.fault = pick(faultsOfEffects)
		waits := slices.Contains(w.docket.calls, "JudgeAgain")
		if p.fault == "queue failed" && !waits {
			p.fault = "race"
		} else if waits && w.random.IntN(4) == 0 {
			p.fault = "queue failed"
		}
		p.call = pick(effectsMet[p.fault])
	default:
		p.kill, p.killAt = pick([]string{"before", "after"}), pick(slices.Concat(w.docket.calls, effectNames))
	}
	if p.fault == "denied" && w.random.IntN(3) == 0 {
		w.denied = 1 + w.random.IntN(4)
	}
	p.at, p.lasting = 1, w.random.IntN(3) > 0
	if w.random.IntN(4) == 0 {
		p.at = 2
	}
	return p
}

// meets reports whether the fault's turn has come at a call or effect.
func (p *faultPlan) meets(name string) bool {
	changes := isChange(name)
	ledger := name == "Note" || name == "Observe" || name == "Open" || name == "Close"
	n := 0
	switch {
	case p.call == name:
		n = p.seen.times(name)
	case p.call == "change" && changes:
		for _, c := range changingCalls {
			n += p.seen.times(c)
		}
	case p.call == "read" && strings.HasPrefix(name, "Describe"), p.call == "ledger" && ledger:
		n = p.seen.times(name)
	default:
		return false
	}
	if n == p.at || p.lasting && n > p.at {
		return true
	}
	return false
}

// met names the call or effect that is to go wrong.
func (p *faultPlan) met() string {
	if p.kill != "" {
		return p.killAt
	}
	return p.call
}

func isChange(name string) bool {
	for _, c := range changingCalls {
		if c == name {
			return true
		}
	}
	return false
}

// races reports whether somebody else is to act just before an effect.
func (p *faultPlan) races(name string) bool {
	if p.fault != "race" || p.hit || !p.meets(name) {
		return false
	}
	p.hit = true
	return true
}

// fails gives the error of an effect that fails without effect.
func (e *effects) fails(name string) error {
	p := &e.plan
	var err error
	switch p.fault {
	case "ledger down", "publish failed", "queue failed":
		err = incident.ErrUnavailable
	case "conflict":
		err = incident.ErrConflict
	}
	if err == nil || !p.meets(name) || p.fault == "conflict" && p.hit {
		return nil
	}
	e.hit()
	e.w.step.blind = e.w.step.blind || name != "Publish" && name != "JudgeAgain"
	return fmt.Errorf("%s: %w", name, err)
}

// failsAfter gives the error of an effect that took place.
func (e *effects) failsAfter(name string) error {
	p := &e.plan
	if p.fault != "lost write" && p.fault != "published without answer" || p.hit || !p.meets(name) {
		return nil
	}
	e.hit()
	return fmt.Errorf("%s: %w", name, incident.ErrUnavailable)
}

func (e *effects) hit() {
	e.plan.hit = true
	e.w.tally.Faults[e.plan.fault]++
	e.w.history.faults++
}

// intercept looks at every call that reaches EC2.
func (w *world) intercept(c localec2.Call) localec2.Disturbance {
	guards := c.AccessKeyID == guardKey
	var d localec2.Disturbance
	if guards {
		p := &w.effects.plan
		if w.effects.dead && c.Changes {
			panic(death{"it is dead already"})
		}
		p.seen.add(c.Action)
		if c.Changes {
			w.effects.maybeDie("before", c.Action)
			if p.races(c.Action) {
				w.race()
			}
			w.checkMutation(c)
		}
		if make, ok := cloudFaults[p.fault]; ok && p.meets(c.Action) && w.canBe(p.fault) {
			d = make(w.snapshot)
			w.effects.hit()
			w.say("  %s at %s", p.fault, c.Action)
		}
	}
	if !c.Changes {
		return d
	}
	return d.Then(func() {
		if !guards {
			w.observe(w.step.actor)
			return
		}
		w.step.guarded++
		w.editedList(c)
		w.observe(guardActor)
		w.effects.maybeDie("after", c.Action)
	})
}

// canBe reports whether a fault is possible now: no read is too stale.
func (w *world) canBe(fault string) bool {
	return fault != "stale read" || w.snapshot != nil && w.clock().Sub(w.snapshotAt) < staleFor
}
