package ledger

import (
	"fmt"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// slimming is what the item loses beyond softItemSize, step by step: compliant
// rules who made them, then description and tags; then the others too, as a
// violation that cannot be written would not be taken back. An exempt rule
// keeps the actor that its exemption may rest on.
var slimming = []func(k *policy.KnownRule){
	func(k *policy.KnownRule) {
		if k.IncidentID == "" {
			k.By, k.BeforeBy = nil, nil
		}
	},
	func(k *policy.KnownRule) {
		if k.IncidentID == "" {
			k.Rule.Description, k.Rule.Tags = "", nil
		}
	},
	func(k *policy.KnownRule) {
		k.Rule.Description, k.Rule.Tags = "", nil
		if k.Before != nil {
			before := *k.Before
			before.Description, before.Tags = "", nil
			k.Before = &before
		}
		if k.Exemption == "" {
			k.By, k.BeforeBy = nil, nil
		}
	},
}

// withoutWas drops what was known of rules that a read missed.
func withoutWas(removed map[string]policy.RemovedRule) map[string]policy.RemovedRule {
	out := make(map[string]policy.RemovedRule, len(removed))
	for id, r := range removed {
		r.Was = nil
		out[id] = r
	}
	return out
}

// encodeBounded encodes the item within DynamoDB's limit.
func encodeBounded(groupID string, g groupItem) (attributes, error) {
	a, err := encodeGroup(groupID, g)
	if err == nil && a.size() > softItemSize {
		g.known.Removed = withoutWas(g.known.Removed)
		a, err = encodeGroup(groupID, g)
	}
	for _, slim := range slimming {
		if err != nil || a.size() <= softItemSize {
			return a, err
		}
		rules := make(map[string]policy.KnownRule, len(g.known.Rules))
		for id, k := range g.known.Rules {
			slim(&k)
			rules[id] = k
		}
		g.known.Rules = rules
		a, err = encodeGroup(groupID, g)
	}
	if err == nil && a.size() > maxItemSize {
		return nil, fmt.Errorf("item of %s has %d bytes: %w", groupID, a.size(), incident.ErrInvalid)
	}
	return a, err
}
