package apply

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/awsrule"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// modify changes one rule in place, restated whole.
func (j *job) modify(ctx context.Context, action plan.Modify) {
	if err := modifiable(action.From, action.To); err != nil {
		j.fail(action.Call(), action.GroupID, err)
		return
	}
	request, err := awsrule.Request(action.To)
	if err != nil {
		j.fail(action.Call(), action.GroupID, err)
		return
	}
	out, err := j.client.ModifySecurityGroupRules(ctx, &ec2.ModifySecurityGroupRulesInput{
		GroupId:            &action.GroupID,
		SecurityGroupRules: []types.SecurityGroupRuleUpdate{{SecurityGroupRuleId: &action.To.ID, SecurityGroupRule: request}},
	}, j.remember)
	if err == nil {
		err = answerYes(out.Return)
	}
	if err != nil {
		j.fail(action.Call(), action.GroupID, err)
	}
}

// modifiable says what ModifySecurityGroupRules cannot do: another rule, the
// other direction, another type of peer (API reference, "You cannot change the
// rule type"). Not every endpoint refuses that; some answer yes and do nothing.
func modifiable(from, to secgroup.Rule) error {
	switch {
	case to.ID == "" || to.ID != from.ID:
		return fmt.Errorf("%w: rule %q cannot become rule %q", incident.ErrInvalid, from.ID, to.ID)
	case to.Direction != from.Direction:
		return fmt.Errorf("%w: the direction of %s cannot be changed", incident.ErrInvalid, from.ID)
	case kind(to.Peer) != kind(from.Peer):
		return fmt.Errorf("%w: the type of %s cannot be changed", incident.ErrInvalid, from.ID)
	}
	return nil
}

func kind(peer secgroup.Peer) string {
	if c, ok := peer.(secgroup.CIDR); ok && c.Addr().Is4() {
		return "IPv4"
	}
	return fmt.Sprintf("%T", peer)
}
