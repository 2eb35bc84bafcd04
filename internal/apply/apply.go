package apply

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
)

// Client is what is used of *ec2.Client: every operation that changes
// something, and nothing else.
type Client interface {
	revoker
	modifier
	authorizer
	tagger
	listEditor
}

type revoker interface {
	RevokeSecurityGroupIngress(context.Context, *ec2.RevokeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupIngressOutput, error)
	RevokeSecurityGroupEgress(context.Context, *ec2.RevokeSecurityGroupEgressInput, ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupEgressOutput, error)
}

type modifier interface {
	ModifySecurityGroupRules(context.Context, *ec2.ModifySecurityGroupRulesInput, ...func(*ec2.Options)) (*ec2.ModifySecurityGroupRulesOutput, error)
}

type authorizer interface {
	AuthorizeSecurityGroupIngress(context.Context, *ec2.AuthorizeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupIngressOutput, error)
	AuthorizeSecurityGroupEgress(context.Context, *ec2.AuthorizeSecurityGroupEgressInput, ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupEgressOutput, error)
}

type tagger interface {
	CreateTags(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
}

// Applier makes planned calls to EC2. It is safe for concurrent use.
type Applier struct{ client Client }

// New makes an applier on a client, whose retryer bounds the tries of a call.
// It calls nothing.
func New(client Client) *Applier { return &Applier{client: client} }

// Apply makes one planned call; more than one only where EC2 refused the whole
// for a part that does not matter (a rule that is gone, or exists already),
// where rules get different tags, or where there are more than 1,000 resources
// to tag. RequestIDs holds the id of every answer, those of failed tries too.
//
// Err wraps one of package incident's errors. ErrGone of a Revoke of several
// rules means that some were gone: the others are removed. ErrUnavailable, and
// a deadline, may hide a call that took effect.
func (a *Applier) Apply(ctx context.Context, action plan.Action) incident.Result {
	j := &job{client: a.client}
	switch action := action.(type) {
	case plan.Revoke:
		j.revoke(ctx, action)
	case plan.Modify:
		j.modify(ctx, action)
	case plan.Authorize:
		j.authorize(ctx, action)
	case plan.Tag:
		j.tag(ctx, action)
	case plan.EditList:
		j.editList(ctx, action)
	default:
		j.result.Err = fmt.Errorf("apply %T: %w", action, incident.ErrInvalid)
	}
	return j.result
}

// job is one action under way.
type job struct {
	client Client
	result incident.Result
}

// fail sets the result's error, with what was tried on which group.
func (j *job) fail(call, groupID string, err error) {
	j.result.Err = fmt.Errorf("%s on %s: %w", call, groupID, awserr.Translate(err))
}

// answerYes is nil where EC2 said that the call succeeded. Some endpoints
// answer with nothing: that is no yes.
func answerYes(said *bool) error {
	switch {
	case said == nil:
		return fmt.Errorf("%w: the answer says neither yes nor no", incident.ErrUnavailable)
	case !aws.ToBool(said):
		return fmt.Errorf("%w: the answer says no", incident.ErrInvalid)
	}
	return nil
}

// notUnderstood keeps the kind of the cause out: what cannot be read may have
// happened.
func notUnderstood(cause error) error {
	return fmt.Errorf("%w: the answer is not understood: %s", incident.ErrUnavailable, cause.Error())
}
