package apply

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/awsrule"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// revoke removes the rules by id: by value EC2 may answer success and remove
// nothing. EC2 revokes all or nothing, so a rule that is gone already would
// keep the others: it is left out, and the call made again.
func (j *job) revoke(ctx context.Context, action plan.Revoke) {
	rules, absent := action.Rules, missing{}
	for {
		err := j.revokeAll(ctx, action, rules)
		if err == nil {
			break
		}
		if !ruleIsGone(err) || len(rules) == 1 {
			j.fail(action.Call(), action.GroupID, err)
			return
		}
		named := idsIn(awserr.Message(err))
		left := slices.DeleteFunc(slices.Clone(rules), func(r secgroup.Rule) bool { return slices.Contains(named, r.ID) })
		if len(left) == len(rules) {
			j.revokeEach(ctx, action, rules)
			return
		}
		for _, r := range rules {
			if slices.Contains(named, r.ID) {
				absent.add(r.ID, err)
			}
		}
		if len(left) == 0 {
			break
		}
		rules = left
	}
	if err := absent.err(); err != nil {
		j.fail(action.Call(), action.GroupID, err)
	}
}

// missing are the rules that a call did not find. A call that was sent more
// than once may have taken them itself: its error says so.
type missing struct {
	ids  []string
	sent error // of such a call; nil = there was none
}

func (m *missing) add(ruleID string, err error) {
	m.ids = append(m.ids, ruleID)
	if again := (tried{}); errors.As(err, &again) {
		m.sent = err
	}
}

func (m *missing) err() error {
	switch {
	case len(m.ids) == 0:
		return nil
	case m.sent != nil:
		return fmt.Errorf("%w: %s: %w", incident.ErrGone, strings.Join(m.ids, ", "), m.sent)
	}
	return fmt.Errorf("%w: %s", incident.ErrGone, strings.Join(m.ids, ", "))
}

// ruleIsGone tells a missing rule from a missing group. Endpoints differ in
// the code for an id that does not exist.
func ruleIsGone(err error) bool {
	code := awserr.Code(err)
	return code == "InvalidSecurityGroupRuleId.NotFound" || code == "InvalidPermission.NotFound"
}

var ruleID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`sgr-[0-9a-f]+`) })

func idsIn(text string) []string { return ruleID().FindAllString(text, -1) }

// revokeEach removes the rules one by one, where EC2 does not say which is
// gone. It goes on after one that is gone, and ends at any other error.
func (j *job) revokeEach(ctx context.Context, action plan.Revoke, rules []secgroup.Rule) {
	var absent missing
	for _, r := range rules {
		err := awserr.Translate(j.revokeAll(ctx, action, []secgroup.Rule{r}))
		switch {
		case errors.Is(err, incident.ErrGone):
			absent.add(r.ID, err)
		case err != nil:
			j.fail(action.Call(), action.GroupID, err)
			return
		}
	}
	if err := absent.err(); err != nil {
		j.fail(action.Call(), action.GroupID, err)
	}
}

// revokeAll makes one call, and notes what it says that it removed. (Older
// endpoints do not say: then nothing is noted.)
func (j *job) revokeAll(ctx context.Context, action plan.Revoke, rules []secgroup.Rule) error {
	if len(rules) == 0 {
		return fmt.Errorf("%w: there is no rule to revoke", incident.ErrInvalid)
	}
	planned := map[string]secgroup.Rule{}
	ids := []string{}
	for _, r := range rules {
		planned[r.ID] = r
		ids = append(ids, r.ID)
	}
	answer, err := j.callRevoke(ctx, action, ids)
	if err != nil {
		return err
	}
	for _, r := range answer.removed {
		var before secgroup.Rule
		if r.SecurityGroupRuleId != nil {
			before = planned[*r.SecurityGroupRuleId]
		}
		rule, err := awsrule.Revoked(r, before)
		if err != nil {
			return notUnderstood(err)
		}
		j.result.Removed = append(j.result.Removed, rule)
	}
	if len(answer.unknown) > 0 {
		return fmt.Errorf("%w: the answer calls %d rules unknown", incident.ErrGone, len(answer.unknown))
	}
	return answerYes(answer.yes)
}

// revoked is what both Revoke calls answer.
type revoked struct {
	yes     *bool
	removed []types.RevokedSecurityGroupRule
	unknown []types.IpPermission
}

func (j *job) callRevoke(ctx context.Context, action plan.Revoke, ids []string) (revoked, error) {
	switch action.Direction {
	case secgroup.Ingress:
		out, err := j.client.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &action.GroupID, SecurityGroupRuleIds: ids}, j.remember)
		if err != nil {
			return revoked{}, err
		}
		return revoked{out.Return, out.RevokedSecurityGroupRules, out.UnknownIpPermissions}, nil
	case secgroup.Egress:
		out, err := j.client.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &action.GroupID, SecurityGroupRuleIds: ids}, j.remember)
		if err != nil {
			return revoked{}, err
		}
		return revoked{out.Return, out.RevokedSecurityGroupRules, out.UnknownIpPermissions}, nil
	}
	return revoked{}, fmt.Errorf("%w: no direction", incident.ErrInvalid)
}
