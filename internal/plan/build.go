package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Build turns a verdict into actions on the rules of the live group: what
// shall be taken back, restored, narrowed or tagged, ingress before egress.
//
// Only rules that the verdict decides about are touched, and only where the
// live group still has them with the value that was judged. What cannot be
// done as decided (too many new rules, the quota, another kind of peer, a
// right that the role lacks) becomes a plain revoke, and RulePlan.Fallback
// says why. The same input gives the same plan.
func Build(verdict policy.Verdict, live secgroup.Group, known policy.Known, limits Limits) Plan {
	b := newBuilder(verdict, live, known, limits)
	for _, rv := range b.decided {
		switch rv.Decision {
		case policy.Revert, policy.Narrow:
			b.replace(rv)
		case policy.Tag:
			b.tag(rv)
		}
	}
	return b.plan()
}

// builder collects what is to be done, before it is brought into order.
type builder struct {
	live    secgroup.Group
	known   policy.Known
	limits  Limits
	decided []policy.RuleVerdict // sorted by rule id

	standing map[string]string // value -> id of the live rules that the plan leaves alone
	leaving  map[string]bool   // values of live rules that the plan removes or changes
	planned  map[string]bool   // values that the plan makes

	revokes    map[secgroup.Direction][]secgroup.Rule
	authorizes map[secgroup.Direction][]secgroup.Rule
	modifies   map[secgroup.Direction][]Modify
	// late holds the directions whose revoke takes away flows that only a
	// modify of this plan keeps open: it must come last there.
	late     map[secgroup.Direction]bool
	tags     map[string][]secgroup.Rule // tag value -> rules
	ofGroup  []secgroup.Rule            // what policies say of the group itself that want it tagged
	violated []policy.Finding           // by what is tagged

	rules []RulePlan
}

func newBuilder(verdict policy.Verdict, live secgroup.Group, known policy.Known, limits Limits) *builder {
	b := &builder{
		live: live, known: known, limits: limits,
		standing:   make(map[string]string, len(live.Rules)),
		leaving:    map[string]bool{},
		planned:    map[string]bool{},
		revokes:    map[secgroup.Direction][]secgroup.Rule{},
		authorizes: map[secgroup.Direction][]secgroup.Rule{},
		modifies:   map[secgroup.Direction][]Modify{},
		late:       map[secgroup.Direction]bool{},
		tags:       map[string][]secgroup.Rule{},
	}
	values := make(map[string]string, len(live.Rules))
	for _, r := range live.Rules {
		value := r.Value()
		values[r.ID], b.standing[value] = value, r.ID
	}
	for _, rv := range verdict.Rules {
		if secgroup.IsGroupEntry(rv.Rule.ID) {
			if rv.Decision == policy.Tag {
				b.decided = append(b.decided, rv)
			}
			continue
		}
		value := rv.Rule.Value()
		if rv.Rule.ID == "" || values[rv.Rule.ID] != value {
			continue // judged on a state that is no longer there
		}
		switch rv.Decision {
		case policy.Revert, policy.Narrow:
			delete(b.standing, value)
			b.leaving[value] = true
		case policy.Tag:
		default:
			continue
		}
		b.decided = append(b.decided, rv)
	}
	slices.SortFunc(b.decided, func(x, y policy.RuleVerdict) int { return strings.Compare(x.Rule.ID, y.Rule.ID) })
	return b
}

// replace plans what is to be left of one rule, down to nothing.
func (b *builder) replace(rv policy.RuleVerdict) {
	if len(rv.Remaining) == 0 {
		b.revoke(rv, rv.Fallback)
		return
	}
	restored := rv.Decision == policy.Revert && b.isBefore(rv.Rule.ID, rv.Remaining)
	parts := b.parts(rv, restored)
	if slices.ContainsFunc(parts, rv.Rule.SameValue) {
		return // it is what it shall become
	}
	if !restored && !within(rv.Rule, parts) {
		b.revoke(rv, "what was to be left of it is wider than the rule")
		return
	}
	fresh, shared := b.missing(parts)
	if len(fresh) == 0 {
		b.revokes[rv.Rule.Direction] = append(b.revokes[rv.Rule.Direction], rv.Rule)
		b.late[rv.Rule.Direction] = b.late[rv.Rule.Direction] || shared
		b.rules = append(b.rules, RulePlan{Before: rv.Rule, After: parts, Goal: goal(restored), Restored: restored})
		return
	}
	if kind(rv.Rule.Peer) == listPeer && kind(fresh[0].Peer) != listPeer {
		b.besideList(rv, parts, fresh)
		return
	}
	if why := b.misfit(rv, fresh); why != "" {
		b.revoke(rv, why)
		return
	}
	b.inPlace(rv.Rule, parts, fresh, restored)
}

// besideList makes rules of what a prefix list held, and takes the rule that
// refers to the list only when they are there: its id cannot become one of them.
func (b *builder) besideList(rv policy.RuleVerdict, parts, fresh []secgroup.Rule) {
	d := rv.Rule.Direction
	switch {
	case !b.limits.MayAuthorize:
		b.revoke(rv, "the role may not authorize rules")
		return
	case slices.ContainsFunc(fresh, func(p secgroup.Rule) bool { return b.leaving[p.Value()] }):
		b.revoke(rv, "what was to be left of it equals a rule that is taken back too")
		return
	case b.overQuota(fresh[0], len(fresh)):
		b.revoke(rv, fmt.Sprintf("the group would have more than %d rules", b.limits.RulesPerGroup))
		return
	}
	for _, p := range fresh {
		b.authorizes[d] = append(b.authorizes[d], p)
		b.planned[p.Value()] = true
	}
	b.revokes[d] = append(b.revokes[d], rv.Rule)
	b.late[d] = true
	b.rules = append(b.rules, RulePlan{Before: rv.Rule, After: parts, Goal: Narrowed})
}

// inPlace lets the rule's id take the largest of the fresh parts, after the
// others were authorized beside it.
func (b *builder) inPlace(rule secgroup.Rule, parts, fresh []secgroup.Rule, restored bool) {
	d := rule.Direction
	largest := largest(fresh)
	for i, p := range fresh {
		if i != largest {
			b.authorizes[d] = append(b.authorizes[d], p)
		}
		b.planned[p.Value()] = true
	}
	to := fresh[largest]
	to.ID = rule.ID
	b.modifies[d] = append(b.modifies[d], Modify{GroupID: b.live.ID, From: rule, To: to})

	after := slices.Clone(parts)
	kept := slices.IndexFunc(after, to.SameValue)
	after[kept].ID = rule.ID
	after[0], after[kept] = after[kept], after[0]
	b.rules = append(b.rules, RulePlan{Before: rule, After: after, Goal: goal(restored), Restored: restored})
}

func (b *builder) revoke(rv policy.RuleVerdict, fallback string) {
	b.revokes[rv.Rule.Direction] = append(b.revokes[rv.Rule.Direction], rv.Rule)
	b.rules = append(b.rules, RulePlan{Before: rv.Rule, Goal: Removed, Fallback: fallback})
}

// parts are the rules that are to be left, without ids, as they would be
// made: with the description and the tags of the rule, or, where an old value
// goes back, with the description that it had.
func (b *builder) parts(rv policy.RuleVerdict, restored bool) []secgroup.Rule {
	parts := make([]secgroup.Rule, 0, len(rv.Remaining))
	seen := map[string]bool{}
	for _, p := range rv.Remaining {
		if seen[p.Value()] {
			continue
		}
		seen[p.Value()] = true
		p.ID, p.Tags = "", ownTags(rv.Rule.Tags)
		if !restored {
			p.Description = rv.Rule.Description
		}
		parts = append(parts, p)
	}
	return parts
}

// missing splits off the parts that exist already, as a rule that stays or as
// one that this plan makes for another rule (shared), and gives the parts that
// exist the id of their rule.
func (b *builder) missing(parts []secgroup.Rule) (fresh []secgroup.Rule, shared bool) {
	for i, p := range parts {
		if id, ok := b.standing[p.Value()]; ok {
			parts[i].ID = id
			continue
		}
		if b.planned[p.Value()] {
			shared = true
			continue
		}
		fresh = append(fresh, p)
	}
	return fresh, shared
}

// misfit says why the fresh parts cannot be made; "" = they can.
func (b *builder) misfit(rv policy.RuleVerdict, fresh []secgroup.Rule) string {
	if !b.limits.MayModify {
		return "the role may not modify rules"
	}
	if allowed := max(rv.Parts, 1); len(fresh) > allowed {
		return fmt.Sprintf("%d new rules are needed and %d allowed", len(fresh), allowed)
	}
	for _, p := range fresh {
		if p.Direction != rv.Rule.Direction || kind(p.Peer) != kind(rv.Rule.Peer) {
			return "a rule cannot be changed into one with another kind of peer"
		}
		if b.leaving[p.Value()] {
			return "what was to be left of it equals a rule that is taken back too"
		}
	}
	if len(fresh) == 1 {
		return ""
	}
	if !b.limits.MayAuthorize {
		return "the role may not authorize rules"
	}
	if b.overQuota(rv.Rule, len(fresh)-1) {
		return fmt.Sprintf("the group would have more than %d rules", b.limits.RulesPerGroup)
	}
	return ""
}

// overQuota reports whether n more rules of the rule's direction and family
// would not fit. Revokes of this plan are not counted on: they may come last.
func (b *builder) overQuota(rule secgroup.Rule, n int) bool {
	if b.limits.RulesPerGroup == 0 {
		return false
	}
	for _, r := range b.live.Rules {
		if r.Direction == rule.Direction && sharesQuota(r.Peer, rule.Peer) {
			n++
		}
	}
	for _, r := range b.authorizes[rule.Direction] {
		if sharesQuota(r.Peer, rule.Peer) {
			n++
		}
	}
	return n > b.limits.RulesPerGroup
}

// isBefore reports whether remaining is the value that the ledger knows the
// rule had before it grew.
func (b *builder) isBefore(id string, remaining []secgroup.Rule) bool {
	known, ok := b.known.Rules[id]
	if !ok || len(remaining) != 1 {
		return false
	}
	if known.Before != nil && known.Before.Value() == remaining[0].Value() {
		return true
	}
	return known.Rule.Value() == remaining[0].Value()
}

// plan brings the collected actions into order. Within a direction the revoke
// comes first: it takes away the most, and makes room for what is authorized.
func (b *builder) plan() Plan {
	p := Plan{GroupID: b.live.ID, Rules: b.rules}
	for _, d := range []secgroup.Direction{secgroup.Ingress, secgroup.Egress} {
		revoke := func() {
			if len(b.revokes[d]) > 0 {
				p.Actions = append(p.Actions, Revoke{GroupID: b.live.ID, Direction: d, Rules: b.revokes[d]})
			}
		}
		if !b.late[d] {
			revoke()
		}
		if len(b.authorizes[d]) > 0 {
			p.Actions = append(p.Actions, Authorize{GroupID: b.live.ID, Direction: d, Rules: b.authorizes[d]})
		}
		for _, m := range b.modifies[d] {
			p.Actions = append(p.Actions, m)
		}
		if b.late[d] {
			revoke()
		}
	}
	p.Actions = append(p.Actions, b.tagActions()...)
	return p
}

func goal(restored bool) Goal {
	if restored {
		return Restored
	}
	return Narrowed
}
