package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/configservice/types"
)

type configReader interface {
	DescribeConfigRules(context.Context, *configservice.DescribeConfigRulesInput, ...func(*configservice.Options)) (*configservice.DescribeConfigRulesOutput, error)
	DescribeRemediationConfigurations(context.Context, *configservice.DescribeRemediationConfigurationsInput, ...func(*configservice.Options)) (*configservice.DescribeRemediationConfigurationsOutput, error)
}

// groupRules are AWS's managed rules about security groups (Config developer
// guide, "List of AWS Config Managed Rules").
var groupRules = []string{
	"INCOMING_SSH_DISABLED", "RESTRICTED_INCOMING_TRAFFIC", "VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS", "VPC_SG_PORT_RESTRICTION_CHECK",
	"VPC_DEFAULT_SECURITY_GROUP_CLOSED", "EC2_SECURITY_GROUP_ATTACHED_TO_ENI", "EC2_SECURITY_GROUP_ATTACHED_TO_ENI_PERIODIC",
}

// mostConfigRules is how many DescribeRemediationConfigurations takes at once.
const mostConfigRules = 25

// othersByConfig finds rules about security groups that remediate by
// themselves, and those of Firewall Manager, which makes its own.
func othersByConfig(ctx context.Context, x *examination) (found []other, err error) {
	var names []string
	for in := (&configservice.DescribeConfigRulesInput{}); ; {
		out, err := x.Config.DescribeConfigRules(ctx, in)
		if err != nil {
			return found, err
		}
		for _, r := range out.ConfigRules {
			switch name := aws.ToString(r.ConfigRuleName); {
			case !aboutGroups(r):
			case aws.ToString(r.CreatedBy) == "fms.amazonaws.com" || strings.HasPrefix(name, "FMManaged"):
				found = append(found, other{"AWS Firewall Manager", "Config rule " + name})
			default:
				names = append(names, name)
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	for chunk := range slices.Chunk(names, mostConfigRules) {
		out, err := x.Config.DescribeRemediationConfigurations(ctx, &configservice.DescribeRemediationConfigurationsInput{ConfigRuleNames: chunk})
		if err != nil {
			return found, err
		}
		for _, r := range out.RemediationConfigurations {
			if r.Automatic {
				found = append(found, other{"AWS Config remediation", "rule " + aws.ToString(r.ConfigRuleName) + " runs " + aws.ToString(r.TargetId) + " by itself"})
			}
		}
	}
	return found, nil
}

func aboutGroups(r types.ConfigRule) bool {
	if r.Source != nil && slices.Contains(groupRules, aws.ToString(r.Source.SourceIdentifier)) {
		return true
	}
	return r.Scope != nil && slices.Contains(r.Scope.ComplianceResourceTypes, "AWS::EC2::SecurityGroup")
}
