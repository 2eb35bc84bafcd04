package conformance

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

var errNo = errors.New("the answer is not a yes")

func yes(said *bool, err error) error {
	if err == nil && !aws.ToBool(said) {
		err = errNo
	}
	return err
}

// allow authorizes ingress for @self, in one call.
func allow(texts ...string) step { return allowIn("@self", texts...) }

func allowIn(group string, texts ...string) step {
	return func(b *Bench) error {
		id, err := b.id(group)
		if err != nil {
			return err
		}
		permissions, err := b.permissions(texts)
		if err != nil {
			return err
		}
		return b.authorize(&ec2.AuthorizeSecurityGroupIngressInput{GroupId: &id, IpPermissions: permissions})
	}
}

// authorize keeps what the answer says was added.
func (b *Bench) authorize(in *ec2.AuthorizeSecurityGroupIngressInput) error {
	out, err := b.EC2.AuthorizeSecurityGroupIngress(b.ctx, in)
	if err != nil {
		return err
	}
	b.added = out.SecurityGroupRules
	return yes(out.Return, nil)
}

// allowOut authorizes egress for @self, in one call.
func allowOut(texts ...string) step {
	return func(b *Bench) error {
		permissions, err := b.permissions(texts)
		if err != nil {
			return err
		}
		out, err := b.EC2.AuthorizeSecurityGroupEgress(b.ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: aws.String(b.ids["@self"]), IpPermissions: permissions})
		if err != nil {
			return err
		}
		b.added = out.SecurityGroupRules
		return yes(out.Return, nil)
	}
}

// take revokes ingress of @self by value, in one call.
func take(texts ...string) step {
	return func(b *Bench) error {
		permissions, err := b.permissions(texts)
		if err != nil {
			return err
		}
		return b.revoke(&ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(b.ids["@self"]), IpPermissions: permissions})
	}
}

func (b *Bench) revoke(in *ec2.RevokeSecurityGroupIngressInput) error {
	out, err := b.EC2.RevokeSecurityGroupIngress(b.ctx, in)
	if err != nil {
		return err
	}
	b.gone = out
	return yes(out.Return, nil)
}

func takeOut(texts ...string) step {
	return func(b *Bench) error {
		permissions, err := b.permissions(texts)
		if err != nil {
			return err
		}
		out, err := b.EC2.RevokeSecurityGroupEgress(b.ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: aws.String(b.ids["@self"]), IpPermissions: permissions})
		if err != nil {
			return err
		}
		return yes(out.Return, nil)
	}
}

// takeIDs revokes ingress of @self by the ids of these rules, in one call. A
// text that begins with sgr- is an id; "out " before a text is an egress rule.
func takeIDs(texts ...string) step {
	return func(b *Bench) error {
		ids, err := b.ruleIDs(texts)
		if err != nil {
			return err
		}
		return b.revoke(&ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(b.ids["@self"]), SecurityGroupRuleIds: ids})
	}
}

func takeOutIDs(texts ...string) step {
	return func(b *Bench) error {
		ids, err := b.ruleIDs(texts)
		if err != nil {
			return err
		}
		out, err := b.EC2.RevokeSecurityGroupEgress(b.ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: aws.String(b.ids["@self"]), SecurityGroupRuleIds: ids})
		if err != nil {
			return err
		}
		return yes(out.Return, nil)
	}
}

// ruleID finds the id that a text stands for: an id, one that was kept under
// that name, or that of the live rule.
func (b *Bench) ruleID(text string) (string, error) {
	if len(text) > 4 && text[:4] == "sgr-" {
		return text, nil
	}
	if id, ok := b.kept[text]; ok {
		return id, nil
	}
	egress := false
	if len(text) > 4 && text[:4] == "out " {
		egress, text = true, text[4:]
	}
	r, err := b.rule(egress, text)
	return aws.ToString(r.SecurityGroupRuleId), err
}

func (b *Bench) ruleIDs(texts []string) ([]string, error) {
	var ids []string
	for _, text := range texts {
		id, err := b.ruleID(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// change modifies rules of @self in one call: from, to, from, to...
func change(texts ...string) step {
	return func(b *Bench) error {
		in := &ec2.ModifySecurityGroupRulesInput{GroupId: aws.String(b.ids["@self"])}
		for i := 0; i < len(texts); i += 2 {
			id, err := b.ruleID(texts[i])
			if err != nil {
				return err
			}
			to, err := b.request(texts[i+1])
			if err != nil {
				return err
			}
			in.SecurityGroupRules = append(in.SecurityGroupRules, types.SecurityGroupRuleUpdate{SecurityGroupRuleId: &id, SecurityGroupRule: to})
		}
		out, err := b.EC2.ModifySecurityGroupRules(b.ctx, in)
		if err != nil {
			return err
		}
		return yes(out.Return, nil)
	}
}

// describeAnew gives the rule another description by its id; "" leaves it out.
func describeAnew(text, description string) step {
	return func(b *Bench) error {
		id, err := b.ruleID(text)
		if err != nil {
			return err
		}
		d := types.SecurityGroupRuleDescription{SecurityGroupRuleId: &id}
		if description != "" {
			d.Description = &description
		}
		out, err := b.EC2.UpdateSecurityGroupRuleDescriptionsIngress(b.ctx, &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{
			GroupId: aws.String(b.ids["@self"]), SecurityGroupRuleDescriptions: []types.SecurityGroupRuleDescription{d},
		})
		if err != nil {
			return err
		}
		return yes(out.Return, nil)
	}
}

// describeValueAnew does so by the rule's value; the text has the description.
func describeValueAnew(texts ...string) step {
	return func(b *Bench) error {
		permissions, err := b.permissions(texts)
		if err != nil {
			return err
		}
		out, err := b.EC2.UpdateSecurityGroupRuleDescriptionsIngress(b.ctx, &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{
			GroupId: aws.String(b.ids["@self"]), IpPermissions: permissions,
		})
		if err != nil {
			return err
		}
		return yes(out.Return, nil)
	}
}

// drop deletes a group.
func drop(group string) step {
	return func(b *Bench) error {
		id, err := b.id(group)
		if err != nil {
			return err
		}
		return b.site.deleteGroup(b.ctx, id)
	}
}

// tag gives a resource tags: key, value, key, value... A resource is a name of
// the bench or a rule's text.
func tag(resource string, pairs ...string) step {
	return func(b *Bench) error {
		id, err := b.resource(resource)
		if err != nil {
			return err
		}
		_, err = b.EC2.CreateTags(b.ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: tagsOf(pairs)})
		return err
	}
}

func untag(resource string, tags ...types.Tag) step {
	return func(b *Bench) error {
		id, err := b.resource(resource)
		if err != nil {
			return err
		}
		_, err = b.EC2.DeleteTags(b.ctx, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: tags})
		return err
	}
}

func tagsOf(pairs []string) []types.Tag {
	var tags []types.Tag
	for i := 0; i < len(pairs); i += 2 {
		tags = append(tags, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return tags
}

func (b *Bench) resource(text string) (string, error) {
	if text != "" && text[0] == '@' {
		return b.id(text)
	}
	if len(text) > 3 && text[:3] == "sg-" {
		return text, nil
	}
	id, err := b.ruleID(text)
	if err != nil {
		return "", fmt.Errorf("find %q: %w", text, err)
	}
	return id, nil
}
