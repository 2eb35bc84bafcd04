package doctor

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

type lambdaReader interface {
	GetAccountSettings(context.Context, *lambda.GetAccountSettingsInput, ...func(*lambda.Options)) (*lambda.GetAccountSettingsOutput, error)
	GetFunctionConfiguration(context.Context, *lambda.GetFunctionConfigurationInput, ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error)
	GetFunctionConcurrency(context.Context, *lambda.GetFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.GetFunctionConcurrencyOutput, error)
	GetEventSourceMapping(context.Context, *lambda.GetEventSourceMappingInput, ...func(*lambda.Options)) (*lambda.GetEventSourceMappingOutput, error)
	ListFunctions(context.Context, *lambda.ListFunctionsInput, ...func(*lambda.Options)) (*lambda.ListFunctionsOutput, error)
}

// function is what is kept of one.
type function struct {
	role        string // ARN
	environment map[string]string
}

// checkFunctions asks whether every function of the stack can run.
func checkFunctions(ctx context.Context, x *examination, f *findings) {
	x.functions = map[string]function{}
	var active []string
	for _, p := range x.parts.of(partFunction) {
		name := p.physical
		c, err := x.Lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
		if err != nil {
			if code(err) == "ResourceNotFoundException" {
				f.problem("deploy again: make deploy", "function %s (%s) is gone", p.name(), name)
				continue
			}
			f.unknown("function "+p.name(), err)
			continue
		}
		kept := function{role: aws.ToString(c.Role)}
		if c.Environment != nil {
			kept.environment = c.Environment.Variables
		}
		x.functions[name] = kept
		limit, err := x.Lambda.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &name})
		switch {
		case c.State == types.StateFailed:
			f.problem("look at its role and its log group, and deploy again", "function %s is %s: %s", p.name(), c.State, aws.ToString(c.StateReason))
		case c.LastUpdateStatus == types.LastUpdateStatusFailed:
			f.problem("deploy again: make deploy", "the last update of function %s failed: %s", p.name(), aws.ToString(c.LastUpdateStatusReason))
		case err != nil:
			f.unknown("concurrency of function "+p.name(), err)
		case limit.ReservedConcurrentExecutions != nil && *limit.ReservedConcurrentExecutions == 0:
			f.problem("aws lambda delete-function-concurrency --function-name "+name+", and find out who set it", "function %s may not run: its concurrency is 0", p.name())
		default:
			active = append(active, p.name())
		}
	}
	switch {
	case len(active) > 0:
		f.ok("can run: %s", strings.Join(active, ", "))
	case len(f.all) == 0:
		f.problem("deploy again: make deploy", "the stack has no function")
	}
}

// checkTriggers asks whether the queue leads to the function.
func checkTriggers(ctx context.Context, x *examination, f *findings) {
	on := 0
	for _, p := range x.parts.of(partMapping) {
		m, err := x.Lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: aws.String(p.physical)})
		switch {
		case code(err) == "ResourceNotFoundException":
			f.problem("deploy again: make deploy", "the trigger %s is gone: nobody reads the queue", p.physical)
		case err != nil:
			f.unknown("trigger "+p.physical, err)
		case aws.ToString(m.State) == "Enabled":
			on++
		case aws.ToString(m.State) == "Disabled" || aws.ToString(m.State) == "Disabling":
			f.problem("sgwarden resume --hard, unless it was paused on purpose", "the trigger is %s: changes wait in the queue, nobody judges them", strings.ToLower(aws.ToString(m.State)))
		default:
			f.warn("ask again in a minute", "the trigger is %s", strings.ToLower(aws.ToString(m.State)))
		}
	}
	switch {
	case len(f.all) > 0:
	case on == 0:
		f.problem("deploy again: make deploy", "the queue leads to no function")
	default:
		f.ok("the queue leads to the function")
	}
}
