package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/deployment"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// Types of resources that are looked at.
const (
	partRule     = "AWS::Events::Rule"
	partFunction = "AWS::Lambda::Function"
	partMapping  = "AWS::Lambda::EventSourceMapping"
	partQueue    = "AWS::SQS::Queue"
	partTopic    = "AWS::SNS::Topic"
	partAlarm    = "AWS::CloudWatch::Alarm"
)

// part is one resource of the stack.
type part struct{ kind, logical, physical string }

type parts []part

// of are the parts of a type, by logical id.
func (p parts) of(kind string) parts {
	return slices.DeleteFunc(slices.Clone(p), func(one part) bool { return one.kind != kind })
}

func (p parts) has(kind, physical string) bool {
	return slices.ContainsFunc(p, func(one part) bool { return one.kind == kind && one.physical == physical })
}

// name is what a person calls a part: its logical id without the eight
// characters that the CDK adds.
func (p part) name() string {
	if n := len(p.logical) - 8; n > 0 && strings.Trim(p.logical[n:], "0123456789ABCDEF") == "" {
		return p.logical[:n]
	}
	return p.logical
}

// checkStack finds the deployment, and says whether its last change went well.
func checkStack(ctx context.Context, x *examination, f *findings) {
	stack, found, err := describeStack(ctx, x.CloudFormation, x.Stack)
	if err == nil && !found {
		f.problem("deploy it (make deploy), or name another with --stack or --region", "there is no stack %s in %s", x.Stack, x.Region)
		return
	}
	var d deployment.Deployment
	if err == nil {
		d, err = deployment.Find(ctx, x.CloudFormation, x.Stack)
	}
	if err == nil {
		x.parts, err = partsOf(ctx, x.CloudFormation, x.Stack)
	}
	if err == nil {
		x.set, err = x.Policies.Compile(bundle.Options{Mode: modeOf(d)})
	}
	if err != nil {
		f.unknown("stack "+x.Stack, err)
		return
	}
	x.deployed = &d
	status := string(stack.StackStatus)
	says := fmt.Sprintf("stack %s is %s, mode %s", x.Stack, status, d.Mode)
	switch {
	case strings.HasSuffix(status, "FAILED"):
		f.problem("look at the stack's events, and deploy again", "%s", says)
	case strings.Contains(status, "ROLLBACK_COMPLETE"):
		f.warn("look at the stack's events, and deploy again", "%s: the last deployment failed, what was there before it runs", says)
	case strings.HasSuffix(status, "IN_PROGRESS"):
		f.warn("ask again when it is done", "%s", says)
	default:
		f.ok("%s", says)
	}
}

func modeOf(d deployment.Deployment) policy.Mode {
	if d.Mode == policy.Enforce.String() {
		return policy.Enforce
	}
	return policy.Observe
}

func partsOf(ctx context.Context, client stackReader, stack string) (all parts, err error) {
	for in := (&cloudformation.ListStackResourcesInput{StackName: &stack}); ; {
		out, err := client.ListStackResources(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, r := range out.StackResourceSummaries {
			all = append(all, part{aws.ToString(r.ResourceType), aws.ToString(r.LogicalResourceId), aws.ToString(r.PhysicalResourceId)})
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if len(all) == 0 {
		return nil, errors.New("CloudFormation lists no resource of it")
	}
	slices.SortFunc(all, func(a, b part) int { return strings.Compare(a.logical, b.logical) })
	return all, nil
}
