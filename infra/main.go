// Command infra is the CDK app: it synthesizes the stacks of a deployment.
//
// It reads its settings from the block stack of a folder of policies and from
// the context over it (`cdk deploy -c email=...`), checks all of them before any
// construct exists, and looks nothing up in an account: the same settings give the
// same template everywhere.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/infra/stacks"
)

func main() { os.Exit(run()) }

func run() int {
	context, err := contextOf(os.Getenv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "the stack cannot be made: %v\n", err)
		return 2
	}
	// The CDK says where it would deploy to.
	settings, err := stacks.FromContext(context, stacks.Where{Region: os.Getenv("CDK_DEFAULT_REGION"), Now: time.Now()})
	if err != nil {
		fmt.Fprintf(os.Stderr, "the stack cannot be made:\n%v\n", err)
		return 2
	}
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stacks.NewAccount(app, settings)
	app.Synth(nil)
	return 0
}
