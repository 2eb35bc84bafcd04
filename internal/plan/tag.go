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
	value := tagValue(rv)
	b.rules = append(b.rules, RulePlan{Before: rv.Rule, After: []secgroup.Rule{rv.Rule}, Goal: Tagged})
	if secgroup.IsGroupEntry(rv.Rule.ID) {
		b.ofGroup = append(b.ofGroup, rv)
		return
	}
	if rv.Rule.Tags[TagKey] != value {
		b.tags[value] = append(b.tags[value], rv.Rule)
	}
}

func (b *builder) tagActions() []Action {
	var actions []Action
	for _, value := range slices.Sorted(maps.Keys(b.tags)) {
		actions = append(actions, Tag{GroupID: b.live.ID, Rules: b.tags[value], Tags: map[string]string{TagKey: value}})
	}
	return append(actions, b.groupTagActions()...)
}

// groupTagActions tags the group for all that is required of it, in one call,
// and after its rules: their tags name the group too.
func (b *builder) groupTagActions() []Action {
	if b.ofGroup == nil {
		return nil
	}
	tag := Tag{GroupID: b.live.ID}
	var findings []policy.Finding
	for _, rv := range b.ofGroup {
		tag.Rules, findings = append(tag.Rules, rv.Rule), append(findings, rv.Findings...)
	}
	value := tagValue(policy.RuleVerdict{Findings: findings})
	if b.live.Tags[TagKey] == value {
		return nil
	}
	tag.Tags = map[string]string{TagKey: value}
	return []Action{tag}
}

// tagValue joins the ids of the policies that ask for the tag with spaces,
// which a tag value may hold. Ids that do not fit are left out whole.
func tagValue(rv policy.RuleVerdict) string {
	var ids []string
	for _, f := range rv.Findings {
		if f.State == policy.Tagging && !slices.Contains(ids, f.Policy.ID) {
			ids = append(ids, f.Policy.ID)
		}
	}
	slices.Sort(ids)
	value := ""
	for _, id := range ids {
		if longer := strings.TrimLeft(value+" "+id, " "); len(longer) <= tagValueMax {
			value = longer
		}
	}
	return value
}
