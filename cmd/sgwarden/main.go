// Command sgwarden is the command line of sgwarden: try it on an embedded
// account, explain a verdict, check policies, build the bundle of a function.
//
// Data goes to standard output, everything else to standard error. It exits
// with 0 where all is fine, 1 where a policy is violated, 2 for a fault of
// usage or policy, 3 where something outside failed or nothing could be judged.
package main

import (
	"fmt"
	"os"
)

// version is set by the build.
var version = "development"

// Exit statuses, a contract.
const (
	exitFine      = 0
	exitViolation = 1
	exitUsage     = 2
	exitOutside   = 3
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// status ends a command with an exit status. err may be nil: all was said.
type status struct {
	code int
	err  error
}

func (s status) Error() string {
	if s.err == nil {
		return fmt.Sprintf("exit status %d", s.code)
	}
	return s.err.Error()
}

func (s status) Unwrap() error { return s.err }

// outside marks a failure of something that the user did not write.
func outside(err error) error { return status{exitOutside, err} }
