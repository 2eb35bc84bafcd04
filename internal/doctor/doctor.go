package doctor

import (
	"context"
	"time"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/deployment"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// Options say what is examined.
type Options struct {
	Stack  string // name of the stack
	Region string
	// Policies are those that this side believes to be deployed, and Named what
	// they are called in a sentence.
	Policies bundle.Bundle
	Named    string
	// Concurrency is the setting of the stack; 0 = that without settings.
	Concurrency int
	// TestAlert sends one to the subscribers.
	TestAlert bool
	Now       time.Time
}

// examination is one run. Checks leave in it what later ones need; each looks
// whether it is there.
type examination struct {
	Options
	Clients

	account, caller, partition string // "" = not known

	deployed  *deployment.Deployment // nil = not found
	set       *policy.Set            // Policies in the mode of the deployment: a policy's digest depends on it
	parts     parts
	functions map[string]function // by name; those that could be read
	controls  *incident.Controls  // nil = could not be read
}

// check is one question. What it adds to the findings has its name.
type check struct {
	name string
	run  func(context.Context, *examination, *findings)
}

// before are the checks of an account into which nothing was deployed yet.
func before() []check {
	return []check{
		{"identity", checkIdentity},
		{"trail", checkTrail},
		{"bootstrap", checkBootstrap},
		{"quotas", checkQuotas},
		{"name", checkName},
		{"others", checkOthers},
	}
}

// after are the checks of a deployment. Without its stack those that need it
// are left out.
func after() []check {
	return []check{
		{"identity", checkIdentity},
		{"trail", checkTrail},
		{"stack", checkStack},
		{"rules", checkRules},
		{"functions", checkFunctions},
		{"triggers", checkTriggers},
		{"policies", checkPolicies},
		{"rights", checkRights},
		{"queue", checkQueue},
		{"dead letters", checkDeadLetters},
		{"ledger", checkLedger},
		{"controls", checkControls},
		{"sweep", checkSweep},
		{"baseline", checkBaseline},
		{"canary", checkCanary},
		{"alarms", checkAlarms},
		{"subscriptions", checkSubscriptions},
		{"sinks", checkSinks},
		{"test alert", checkTestAlert},
		{"others", checkOthers},
	}
}

// withoutStack are the checks of `after` that need no stack.
var withoutStack = map[string]bool{"identity": true, "trail": true, "stack": true}

// BeforeDeploy examines an account in which the stack is to be deployed.
func BeforeDeploy(ctx context.Context, c Clients, o Options) Report {
	return examine(ctx, &examination{Options: o, Clients: c}, before(), AboutAccount)
}

// Deployed examines a deployment.
func Deployed(ctx context.Context, c Clients, o Options) Report {
	return examine(ctx, &examination{Options: o, Clients: c}, after(), AboutDeployment)
}

func examine(ctx context.Context, x *examination, checks []check, about About) Report {
	r := Report{About: about, Region: x.Region, Stack: x.Stack, Findings: []Finding{}}
	for _, c := range checks {
		if about == AboutDeployment && x.deployed == nil && !withoutStack[c.name] {
			continue
		}
		f := &findings{check: c.name}
		c.run(ctx, x, f)
		r.Findings = append(r.Findings, f.all...)
	}
	r.Account, r.Caller = x.account, x.caller
	if x.deployed != nil {
		r.Mode = x.deployed.Mode
	}
	return r
}
