package plan

import "github.com/sgwarden/sgwarden/internal/secgroup"

// Call is RevokeSecurityGroupIngress or RevokeSecurityGroupEgress.
func (a Revoke) Call() string { return byDirection("RevokeSecurityGroup", a.Direction) }

// RuleIDs are the rules that go.
func (a Revoke) RuleIDs() []string { return ids(a.Rules) }

// Call is ModifySecurityGroupRules.
func (a Modify) Call() string { return "ModifySecurityGroupRules" }

// RuleIDs is the rule that is changed.
func (a Modify) RuleIDs() []string { return []string{a.From.ID} }

// Call is AuthorizeSecurityGroupIngress or AuthorizeSecurityGroupEgress.
func (a Authorize) Call() string { return byDirection("AuthorizeSecurityGroup", a.Direction) }

// RuleIDs is nil: the rules do not exist yet.
func (a Authorize) RuleIDs() []string { return nil }

// Call is CreateTags.
func (a Tag) Call() string { return "CreateTags" }

// RuleIDs are the rules that are tagged.
func (a Tag) RuleIDs() []string { return ids(a.Rules) }

func byDirection(verb string, d secgroup.Direction) string {
	if d == secgroup.Egress {
		return verb + "Egress"
	}
	return verb + "Ingress"
}

func ids(rules []secgroup.Rule) []string {
	out := make([]string, 0, len(rules))
	for _, r := range rules {
		out = append(out, r.ID)
	}
	return out
}
