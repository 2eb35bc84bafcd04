package corpus

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// made is what a call made, as far as later steps may name it.
type made struct {
	rules        []string // ids
	groups       []string
	lists        []string
	vpcs         []string
	associations []string
}

type call func(ctx context.Context, c *ec2.Client, args []byte) (made, error)

// calls are the operations that entries make. Their parameters have the names
// of the API, as the aws command takes them in --cli-input-json.
var calls = map[string]call{
	"AuthorizeSecurityGroupIngress": callOf((*ec2.Client).AuthorizeSecurityGroupIngress, func(o *ec2.AuthorizeSecurityGroupIngressOutput) made {
		return made{rules: ruleIDs(o.SecurityGroupRules)}
	}),
	"AuthorizeSecurityGroupEgress": callOf((*ec2.Client).AuthorizeSecurityGroupEgress, func(o *ec2.AuthorizeSecurityGroupEgressOutput) made {
		return made{rules: ruleIDs(o.SecurityGroupRules)}
	}),
	"RevokeSecurityGroupIngress":                 callOf((*ec2.Client).RevokeSecurityGroupIngress, nothing),
	"RevokeSecurityGroupEgress":                  callOf((*ec2.Client).RevokeSecurityGroupEgress, nothing),
	"ModifySecurityGroupRules":                   callOf((*ec2.Client).ModifySecurityGroupRules, nothing),
	"UpdateSecurityGroupRuleDescriptionsIngress": callOf((*ec2.Client).UpdateSecurityGroupRuleDescriptionsIngress, nothing),
	"UpdateSecurityGroupRuleDescriptionsEgress":  callOf((*ec2.Client).UpdateSecurityGroupRuleDescriptionsEgress, nothing),
	"CreateSecurityGroup": callOf((*ec2.Client).CreateSecurityGroup, func(o *ec2.CreateSecurityGroupOutput) made {
		return made{groups: []string{aws.ToString(o.GroupId)}}
	}),
	"DeleteSecurityGroup": callOf((*ec2.Client).DeleteSecurityGroup, nothing),
	"CreateTags":          callOf((*ec2.Client).CreateTags, nothing),
	"DeleteTags":          callOf((*ec2.Client).DeleteTags, nothing),
	"CreateManagedPrefixList": callOf((*ec2.Client).CreateManagedPrefixList, func(o *ec2.CreateManagedPrefixListOutput) made {
		return made{lists: []string{aws.ToString(o.PrefixList.PrefixListId)}}
	}),
	"ModifyManagedPrefixList":         callOf((*ec2.Client).ModifyManagedPrefixList, nothing),
	"RestoreManagedPrefixListVersion": callOf((*ec2.Client).RestoreManagedPrefixListVersion, nothing),
	"AssociateVpcCidrBlock": callOf((*ec2.Client).AssociateVpcCidrBlock, func(o *ec2.AssociateVpcCidrBlockOutput) made {
		return made{associations: []string{aws.ToString(o.CidrBlockAssociation.AssociationId)}}
	}),
	"DisassociateVpcCidrBlock": callOf((*ec2.Client).DisassociateVpcCidrBlock, nothing),
	"CreateVpc": callOf((*ec2.Client).CreateVpc, func(o *ec2.CreateVpcOutput) made {
		return made{vpcs: []string{aws.ToString(o.Vpc.VpcId)}}
	}),
	"AssociateSecurityGroupVpc":    callOf((*ec2.Client).AssociateSecurityGroupVpc, nothing),
	"DisassociateSecurityGroupVpc": callOf((*ec2.Client).DisassociateSecurityGroupVpc, nothing),
}

func nothing[O any](*O) made { return made{} }

// callOf makes a call of an operation whose parameters come as JSON. A name
// that the operation does not have is an error.
func callOf[I, O any](run func(*ec2.Client, context.Context, *I, ...func(*ec2.Options)) (*O, error), read func(*O) made) call {
	return func(ctx context.Context, c *ec2.Client, args []byte) (made, error) {
		in := new(I)
		d := json.NewDecoder(bytes.NewReader(args))
		d.DisallowUnknownFields()
		if err := d.Decode(in); err != nil {
			return made{}, err
		}
		out, err := run(c, ctx, in)
		if err != nil {
			return made{}, err
		}
		return read(out), nil
	}
}

func ruleIDs(rules []types.SecurityGroupRule) (ids []string) {
	for _, r := range rules {
		ids = append(ids, aws.ToString(r.SecurityGroupRuleId))
	}
	return ids
}
