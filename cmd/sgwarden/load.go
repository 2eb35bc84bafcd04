package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// loadPolicies compiles a folder of policies, or the built-in ones for "", to
// be enforced unless the folder's settings say otherwise.
func loadPolicies(folder string) (*policy.Set, error) {
	set, _, err := bundle.Load(folder, bundle.Options{Default: policy.Enforce})
	return set, policyFault(err)
}

// policyFault puts faults of policy files on lines of their own.
func policyFault(err error) error {
	var faults policy.Faults
	if !errors.As(err, &faults) {
		return err
	}
	return fmt.Errorf("%s in the policies; nothing was loaded\n%w", count(len(faults), "fault"), faults)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// today is what expiry dates are compared with.
func today() time.Time { return time.Now().UTC() }
