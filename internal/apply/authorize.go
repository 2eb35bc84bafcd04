package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/awsrule"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// authorize adds the rules: one call per distinct set of tags, since the tags
// of a call are those of all its rules. EC2 adds all or nothing, so where a
// rule exists already the others are added one by one.
func (j *job) authorize(ctx context.Context, action plan.Authorize) {
	if len(action.Rules) == 0 {
		j.fail(action.Call(), action.GroupID, fmt.Errorf("%w: there is no rule to authorize", incident.ErrInvalid))
		return
	}
	for _, batch := range byTags(action.Rules) {
		err := j.authorizeAll(ctx, action, batch)
		if errors.Is(awserr.Translate(err), incident.ErrDuplicate) {
			err = j.authorizeEach(ctx, action, batch)
		}
		if err != nil {
			j.fail(action.Call(), action.GroupID, err)
			return
		}
	}
}

// byTags groups rules of equal tags, in the order of their first rule.
func byTags(rules []secgroup.Rule) [][]secgroup.Rule {
	var batches [][]secgroup.Rule
	for _, r := range rules {
		at := slices.IndexFunc(batches, func(b []secgroup.Rule) bool { return maps.Equal(b[0].Tags, r.Tags) })
		if at < 0 {
			batches = append(batches, []secgroup.Rule{r})
			continue
		}
		batches[at] = append(batches[at], r)
	}
	return batches
}

// authorizeEach adds rules one by one; one that exists already is no fault.
func (j *job) authorizeEach(ctx context.Context, action plan.Authorize, rules []secgroup.Rule) error {
	if len(rules) == 1 {
		return nil // it was this one
	}
	for _, r := range rules {
		err := j.authorizeAll(ctx, action, []secgroup.Rule{r})
		if err != nil && !errors.Is(awserr.Translate(err), incident.ErrDuplicate) {
			return err
		}
	}
	return nil
}

// authorizeAll makes one call, and notes what it says that it added.
func (j *job) authorizeAll(ctx context.Context, action plan.Authorize, rules []secgroup.Rule) error {
	var permissions []types.IpPermission
	for _, r := range rules {
		p, err := awsrule.Permission(r)
		if err != nil {
			return err
		}
		permissions = append(permissions, p)
	}
	yes, added, err := j.callAuthorize(ctx, action, permissions, specification(rules[0].Tags))
	if err != nil {
		return err
	}
	for _, r := range added {
		rule, err := awsrule.Described(r)
		if err != nil {
			return notUnderstood(err)
		}
		j.result.Added = append(j.result.Added, rule)
	}
	return answerYes(yes)
}

func (j *job) callAuthorize(
	ctx context.Context, action plan.Authorize, permissions []types.IpPermission, tags []types.TagSpecification,
) (*bool, []types.SecurityGroupRule, error) {
	switch action.Direction {
	case secgroup.Ingress:
		out, err := j.client.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: &action.GroupID, IpPermissions: permissions, TagSpecifications: tags,
		}, j.remember)
		if err != nil {
			return nil, nil, err
		}
		return out.Return, out.SecurityGroupRules, nil
	case secgroup.Egress:
		out, err := j.client.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{
			GroupId: &action.GroupID, IpPermissions: permissions, TagSpecifications: tags,
		}, j.remember)
		if err != nil {
			return nil, nil, err
		}
		return out.Return, out.SecurityGroupRules, nil
	}
	return nil, nil, fmt.Errorf("%w: no direction", incident.ErrInvalid)
}

// specification gives new rules their tags. Those of AWS (aws:...) cannot be
// given: EC2 refuses them.
func specification(tags map[string]string) []types.TagSpecification {
	list := tagList(tags)
	if len(list) == 0 {
		return nil
	}
	return []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: list}}
}

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !strings.HasPrefix(strings.ToLower(key), "aws:") {
			list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
		}
	}
	return list
}
