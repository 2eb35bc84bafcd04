package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TagKey is the tag that the remedy `tag` puts on a rule and its group. Its
// value names the violated policies.
const TagKey = "sgwarden:violates"

// tagValueMax is the longest tag value that EC2 takes, in characters.
const tagValueMax = 256

// tag plans the tag of one rule; one that carries it already is left alone.
func (b *builder) tag(rv policy.RuleVerdict) {
	value := TagValue(rv)
	b.rules = append(b.rules, RulePlan{Before: rv.Rule, After: []secgroup.Rule{rv.Rule}, Goal: Tagged, Tag: value})
	b.violated = append(b.violated, rv.Findings...)
	if secgroup.IsGroupEntry(rv.Rule.ID) {
		b.ofGroup = append(b.ofGroup, rv.Rule)
		return
	}
	if rv.Rule.Tags[TagKey] != value {
		b.tags[value] = append(b.tags[value], rv.Rule)
	}
}

// tagActions tags the rules, and the group with what any of them or the group
// itself violates: with the rules that have the same value, else in a call of
// its own, after them.
func (b *builder) tagActions() []Action {
	var actions []Action
	ofGroup := b.groupTag()
	for _, value := range slices.Sorted(maps.Keys(b.tags)) {
		tag := Tag{GroupID: b.live.ID, Rules: b.tags[value], Tags: map[string]string{TagKey: value}}
		if value == ofGroup && b.ofGroup == nil {
			tag.OfGroup, ofGroup = true, ""
		}
		actions = append(actions, tag)
	}
	if ofGroup != "" {
		actions = append(actions, Tag{GroupID: b.live.ID, OfGroup: true, Rules: b.ofGroup, Tags: map[string]string{TagKey: ofGroup}})
	}
	return actions
}

// groupTag is the value that the group's tag shall have; "" = it names all that
// is violated already. What it named before stays: of that, this plan may know
// nothing.
func (b *builder) groupTag() string {
	value := TagValue(policy.RuleVerdict{Findings: b.violated})
	for i, rp := range b.rules {
		if secgroup.IsGroupEntry(rp.Before.ID) {
			b.rules[i].Tag = value // not the ids of the entry: of all that is violated some may not fit
		}
	}
	if value == "" || Names(b.live.Tags[TagKey], value) {
		return ""
	}
	return joined(strings.Fields(value), strings.Fields(b.live.Tags[TagKey]))
}

// Names reports whether the value of a tag names all the policies of another.
func Names(value, policies string) bool {
	named := strings.Fields(value)
	return !slices.ContainsFunc(strings.Fields(policies), func(id string) bool { return !slices.Contains(named, id) })
}

// TagValue joins the ids of the policies that ask for the tag with spaces, which
// a tag value may hold. Ids that do not fit are left out whole.
func TagValue(rv policy.RuleVerdict) string {
	var ids []string
	for _, f := range rv.Findings {
		if f.State == policy.Tagging {
			ids = append(ids, f.Policy.ID)
		}
	}
	return joined(ids, nil)
}

// joined is as many ids as fit, in order; the first ones go before the others.
func joined(first, others []string) string {
	length := 0
	var out []string
	for _, ids := range [][]string{first, others} {
		for _, id := range slices.Sorted(slices.Values(ids)) {
			if longer := length + len(id) + min(len(out), 1); longer <= tagValueMax && !slices.Contains(out, id) {
				out, length = append(out, id), longer
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
