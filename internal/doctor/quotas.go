package doctor

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

type quotaReader interface {
	GetServiceQuota(context.Context, *servicequotas.GetServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error)
}

const (
	// rulesPerGroup is "Inbound or outbound rules per security group" of the
	// service vpc: each direction and family by itself (VPC user guide,
	// "Amazon VPC quotas").
	rulesPerGroup = "L-0EA8095F"
	// spareRuns is what should be left for others of the account's concurrency.
	spareRuns = 10
)

// checkQuotas asks for what may bound the guard: how often Lambda may run, and
// whether a group has room for the parts of a narrowed rule.
func checkQuotas(ctx context.Context, x *examination, f *findings) {
	settings, err := x.Lambda.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	switch {
	case err != nil:
		f.unknown("Lambda's concurrency", err)
	case settings.AccountLimit == nil:
		f.add(NotKnown, "", "Lambda's concurrency: Lambda does not tell")
	default:
		free, guardRuns := aws.ToInt32(settings.AccountLimit.UnreservedConcurrentExecutions), x.guardRuns()
		const do = "ask Service Quotas for more: Lambda, concurrent executions"
		switch {
		case free < guardRuns:
			f.problem(do, "%d Lambda functions may run at once: the guard alone takes up to %d", free, guardRuns)
		case free < guardRuns+spareRuns:
			f.warn(do, "%d Lambda functions may run at once, and the guard takes up to %d of them", free, guardRuns)
		default:
			f.ok("%d Lambda functions may run at once, the guard takes up to %d", free, guardRuns)
		}
	}
	quota, err := x.Quotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("vpc"), QuotaCode: aws.String(rulesPerGroup)})
	switch {
	case err != nil:
		f.unknown("how many rules a group may have", err)
	case quota.Quota == nil || quota.Quota.Value == nil:
		f.add(NotKnown, "", "how many rules a group may have: Service Quotas does not tell")
	default:
		x.checkRoom(ctx, f, int(*quota.Quota.Value))
	}
}

// guardRuns is how often the guard may run at once.
func (x *examination) guardRuns() int32 {
	if x.Concurrency == 0 {
		return policy.DefaultConcurrency
	}
	return int32(x.Concurrency)
}

// checkRoom looks for the group with the most rules of one direction and family.
func (x *examination) checkRoom(ctx context.Context, f *findings, quota int) {
	most, groups, full, fullest := 0, 0, 0, ""
	see := func(g secgroup.Group, err error) {
		groups++
		if err != nil {
			return // a rule of a kind that is not known here: the guard tells of it
		}
		n := mostRules(g.Rules)
		if n > most {
			most, fullest = n, g.ID
		}
		if n >= quota {
			full++
		}
	}
	for token := ""; ; {
		var err error
		if token, err = x.Groups.EachGroup(ctx, token, see); err != nil {
			f.unknown("how full the groups are", err)
			return
		}
		if token == "" {
			break
		}
	}
	if full > 0 {
		f.warn("ask Service Quotas for more (VPC, "+rulesPerGroup+"), or expect reverts there where a policy narrows into parts", "%d of %d groups have %d rules in a direction, as many as they may: %s", full, groups, quota, fullest)
		return
	}
	f.ok("%d rules per group and direction; the fullest of %s has %d", quota, plural(groups, "group", "groups"), most)
}

// mostRules is the greatest number of rules of one direction and family.
// Prefix lists and groups count in both families.
func mostRules(rules []secgroup.Rule) int {
	type side struct {
		direction secgroup.Direction
		family    int
	}
	count := map[side]int{}
	for _, r := range rules {
		block, isBlock := r.Peer.(secgroup.CIDR)
		if !isBlock || block.Addr().Is4() {
			count[side{r.Direction, 4}]++
		}
		if !isBlock || block.Addr().Is6() {
			count[side{r.Direction, 6}]++
		}
	}
	most := 0
	for _, n := range count {
		most = max(most, n)
	}
	return most
}
