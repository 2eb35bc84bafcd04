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
	add, err := checked(context, stacks.Where{Account: os.Getenv("CDK_DEFAULT_ACCOUNT"), Region: os.Getenv("CDK_DEFAULT_REGION"), Now: time.Now()}, os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "the stack cannot be made:\n%v\n", err)
		return 2
	}
	defer closeQuietly()
	app := awscdk.NewApp(nil)
	add(app)
	app.Synth(nil)
	return 0
}

// closeQuietly ends the kernel of the constructs, and removes its files. jsii waits
// twice for its process, and tells whoever deploys that it "exited abnormally"
// where the second waiting finds none (jsii-runtime-go, process.go). Faults of the
// constructs are panics, and have been told by now.
func closeQuietly() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null // what is written to by its number is still seen
	}
	jsii.Close()
}

// checked reads the settings of the stack of an account, or, for the argument
// "hub", of that of the organisation's hub, and gives what adds it to an app.
func checked(context map[string]any, where stacks.Where, args []string) (add func(awscdk.App), err error) {
	switch {
	case len(args) == 0:
		settings, err := stacks.FromContext(context, where)
		return func(app awscdk.App) { stacks.NewAccount(app, settings) }, err
	case len(args) == 1 && args[0] == "hub":
		settings, err := stacks.HubFromContext(context, where)
		return func(app awscdk.App) { stacks.NewHub(app, settings) }, err
	}
	return nil, fmt.Errorf("there is no stack %q: say hub, or nothing", args)
}
