package engines

import (
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Own is sgwarden's compiled set.
type Own struct {
	set *policy.Set
	now time.Time
}

// NewOwn parses and compiles n policies.
func NewOwn(n int) (*Own, error) {
	var sources []policy.Source
	for name, text := range YAML(n) {
		sources = append(sources, policy.Source{File: name, Text: []byte(text)})
	}
	parsed, err := policy.Parse(sources, nil)
	if err != nil {
		return nil, fmt.Errorf("parse %d policies: %w", n, err)
	}
	set, err := policy.Compile(parsed.Documents, policy.Settings{Mode: policy.Enforce})
	if err != nil {
		return nil, fmt.Errorf("compile %d policies: %w", n, err)
	}
	return OwnOf(set), nil
}

// OwnOf is sgwarden with a set that is compiled already.
func OwnOf(set *policy.Set) *Own {
	return &Own{set: set, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
}

// Name is "sgwarden".
func (o *Own) Name() string { return "sgwarden" }

// Group is what Judge takes: a group with these rules, that no ledger knows.
func (o *Own) Group(rules []secgroup.Rule) policy.Input {
	return policy.Input{
		Live: secgroup.Group{ID: "sg-0a11ce00000000001", Name: "web", AccountID: "123456789012", Region: "us-east-1", VPCID: "vpc-1", VPCs: []secgroup.VPC{}, Rules: rules},
		Now:  o.now, Facts: policy.Facts{Acts: o.set.ActsDone(o.now.Add(-time.Hour))},
	}
}

// Judge is the whole judgement of the product: every policy on every rule,
// with exceptions, exemptions, what is due, and what to do.
func (o *Own) Judge(in policy.Input) policy.Verdict { return o.set.Evaluate(in) }

// Violated tells for each rule which policies it violates.
func (o *Own) Violated(rules []secgroup.Rule) ([][]bool, error) {
	out := make([][]bool, 0, len(rules))
	const group = 1000 // rules that are judged at once; no policy looks at more than one
	for first := 0; first < len(rules); first += group {
		part := rules[first:min(first+group, len(rules))]
		v := o.Judge(o.Group(part))
		if len(v.Rules) != len(part) || len(v.Needs) > 0 {
			return nil, fmt.Errorf("judge %d rules: %d verdicts, needs %v", len(part), len(v.Rules), v.Needs)
		}
		for i, rv := range v.Rules {
			if rv.Rule.ID != part[i].ID {
				return nil, fmt.Errorf("judge rule %s: the verdict is of %s", part[i].ID, rv.Rule.ID)
			}
			violated := make([]bool, len(rv.Findings))
			for p, f := range rv.Findings {
				violated[p] = f.State != policy.Fine
			}
			out = append(out, violated)
		}
	}
	return out, nil
}
