//go:build e2e

// Package e2e drives the built guard against an emulator of AWS (moto), with
// the aws client as the one who makes changes.
//
// A scenario makes a true call, puts the CloudTrail record of it on the event
// bus, carries what arrives in the queue to the function as the event source
// mapping does, and looks at what is left in EC2, in the table and in a queue
// that is subscribed to the topic. Nothing here imports the parts under test:
// the function is a binary.
package e2e

import (
	"fmt"
	"os"
	"testing"
)

// stage is what all scenarios share; set before any of them runs.
var stage struct {
	emulator *emulator
	guard    product
	site     site
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dist, err := os.MkdirTemp("", "sgwarden-e2e-")
	if err != nil {
		return give(err)
	}
	defer func() {
		if err := os.RemoveAll(dist); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
		}
	}()
	if stage.guard, err = build(dist); err != nil {
		return give(err)
	}
	say("guard  %s", stage.guard.bootstrap)
	say("sha256 %s", stage.guard.sha256)
	if stage.emulator, err = startEmulator(); err != nil {
		return give(err)
	}
	defer stage.emulator.stop()
	provider := os.Getenv("PROVIDER")
	switch provider {
	case "", "sdk":
		stage.site, err = bySDK(stage.emulator)
	case "stack":
		stage.site, err = byStack(stage.emulator, dist)
	default:
		err = fmt.Errorf("PROVIDER is %q: want sdk or stack", provider)
	}
	if err != nil {
		return give(err)
	}
	return m.Run()
}

func give(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

// say tells the person who ran `make e2e`; tests that run among all others
// keep quiet. The mark is what internal/testtally lets through.
func say(format string, args ...any) {
	if os.Getenv("E2E_SHOW") != "" {
		fmt.Printf("SHOW "+format+"\n", args...)
	}
}
