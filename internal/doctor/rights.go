package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/policy"
)

type rightsReader interface {
	SimulatePrincipalPolicy(context.Context, *iam.SimulatePrincipalPolicyInput, ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error)
}

// checkRights asks IAM whether the guard's role may do what its policies need,
// service control policies and boundaries included; and in observe mode that it
// may change nothing.
func checkRights(ctx context.Context, x *examination, f *findings) {
	fn, ok := x.functions[x.deployed.Guard]
	if !ok {
		f.add(NotKnown, "", "what the guard may do: its settings could not be read")
		return
	}
	observe := modeOf(*x.deployed) == policy.Observe
	if !observe && !x.samePolicies() {
		f.add(NotKnown, "name the folder that was deployed with --policies", "what the guard may do: that depends on its policies, which are not those at hand")
		return
	}
	needs := guard.Needs(x.set)
	if observe {
		needs = apply.Needs{Revert: true, Modify: true, Lists: true}
	}
	var allowed, denied []string
	for _, p := range apply.Permissions(needs) {
		out, err := x.IAM.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: &fn.role, ActionNames: []string{p.Action}, ResourceArns: x.resources(p), ContextEntries: contextOf(p),
		})
		if err != nil {
			f.unknown("what the guard may do", err)
			return
		}
		for _, r := range out.EvaluationResults {
			name := aws.ToString(r.EvalActionName)
			if r.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed {
				if r.OrganizationsDecisionDetail != nil && !r.OrganizationsDecisionDetail.AllowedByOrganizations {
					name += " (by the organisation)"
				}
				denied = append(denied, name)
				continue
			}
			allowed = append(allowed, name)
		}
	}
	allowed, denied = distinct(allowed), distinct(denied)
	switch {
	case observe && len(allowed) > 0:
		f.problem("deploy again (make deploy), and find out who gave it", "in observe mode the guard's role may call %s", strings.Join(allowed, ", "))
	case observe:
		f.ok("in observe mode the guard's role may change no group")
	case len(denied) > 0:
		f.problem("find the policy, boundary or service control policy that denies it", "the guard's role may not call %s", strings.Join(denied, ", "))
	default:
		f.ok("the guard's role may call what its policies need: %s", strings.Join(allowed, ", "))
	}
}

// resources are one of each kind that a permission is about, in the account and
// region at hand.
func (x *examination) resources(p apply.Permission) (arns []string) {
	for _, r := range p.Resources {
		arns = append(arns, "arn:"+x.partition+":ec2:"+x.Region+":"+x.account+":"+strings.TrimSuffix(r, "*")+"any")
	}
	return arns
}

// contextOf is what a call has that the conditions of a permission ask for.
func contextOf(p apply.Permission) (entries []types.ContextEntry) {
	if len(p.TagKeys) > 0 {
		keys := make([]string, len(p.TagKeys))
		for i, pattern := range p.TagKeys {
			keys[i] = strings.TrimSuffix(pattern, "*") + "any"
		}
		entries = append(entries, types.ContextEntry{ContextKeyName: aws.String("aws:TagKeys"), ContextKeyType: types.ContextKeyTypeEnumStringList, ContextKeyValues: keys})
	}
	if len(p.CreateAction) > 0 {
		entries = append(entries, types.ContextEntry{ContextKeyName: aws.String("ec2:CreateAction"), ContextKeyType: types.ContextKeyTypeEnumString, ContextKeyValues: p.CreateAction[:1]})
	}
	return entries
}

func distinct(of []string) []string {
	slices.Sort(of)
	return slices.Compact(of)
}
