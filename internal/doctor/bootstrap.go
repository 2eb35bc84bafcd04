package doctor

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

type stackReader interface {
	DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
	ListStacks(context.Context, *cloudformation.ListStacksInput, ...func(*cloudformation.Options)) (*cloudformation.ListStacksOutput, error)
	ListStackResources(context.Context, *cloudformation.ListStackResourcesInput, ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error)
}

const (
	toolkitStack = "CDKToolkit"
	// leastBootstrap is what the rule CheckBootstrapVersion of a template asks
	// for (aws-cdk v2, DefaultStackSynthesizer).
	leastBootstrap = 6
)

// checkBootstrap asks whether cdk deploy finds its bucket and its roles.
func checkBootstrap(ctx context.Context, x *examination, f *findings) {
	// Where the project's cdk.json is, the CDK asks the app, which wants a build.
	do := "make bootstrap; or, outside of this folder, npx cdk bootstrap aws://" + x.account + "/" + x.Region
	stack, found, err := describeStack(ctx, x.CloudFormation, toolkitStack)
	switch {
	case err != nil:
		f.unknown("whether the CDK is bootstrapped", err)
		return
	case !found:
		f.problem(do, "the CDK is not bootstrapped here: there is no stack %s", toolkitStack)
		return
	}
	for _, o := range stack.Outputs {
		if aws.ToString(o.OutputKey) != "BootstrapVersion" {
			continue
		}
		switch version, err := strconv.Atoi(aws.ToString(o.OutputValue)); {
		case err != nil:
		case version < leastBootstrap:
			f.problem(do, "the CDK's bootstrap has version %d, deploying takes %d", version, leastBootstrap)
			return
		default:
			f.ok("CDK bootstrap version %d", version)
			return
		}
	}
	f.add(NotKnown, do, "stack %s is %s and does not tell the version of the bootstrap", toolkitStack, stack.StackStatus)
}

// describeStack is a stack by name, and false where there is none.
func describeStack(ctx context.Context, client stackReader, name string) (types.Stack, bool, error) {
	out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	switch {
	case code(err) == "ValidationError": // the only one for a name of this form: it does not exist
		return types.Stack{}, false, nil
	case err != nil:
		return types.Stack{}, false, err
	case len(out.Stacks) == 0:
		return types.Stack{}, false, nil
	}
	return out.Stacks[0], true, nil
}
