package canary

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/guard"
)

const (
	envTable        = "SGWARDEN_TABLE"
	envGroup        = "SGWARDEN_CANARY_GROUP"
	envDefaultGroup = "SGWARDEN_CANARY_DEFAULT_GROUP"
	envExpect       = "SGWARDEN_CANARY_EXPECT"
)

// Names lists the environment variables of ours that the function reads.
func Names() []string { return []string{envTable, envGroup, envDefaultGroup, envExpect} }

// Expect is what guard is to do about the rule.
type Expect string

const (
	Reverted Expect = "reverted" // it takes it back
	Observed Expect = "observed" // it may change nothing, and writes down what it saw
)

// Settings is the function's environment, checked.
type Settings struct {
	Table        string
	Group        string
	DefaultGroup string // of the group's VPC
	Expect       Expect
	AWS          guard.Environment
}

// FromEnviron checks environ (NAME=value). The error holds every fault, one a
// line.
func FromEnviron(environ []string) (Settings, error) {
	var s Settings
	var faults []error
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		switch name, value, _ := strings.Cut(pair, "="); {
		case name == envTable:
			s.Table = value
		case name == envGroup:
			s.Group = value
		case name == envDefaultGroup:
			s.DefaultGroup = value
		case name == envExpect:
			s.Expect = Expect(value)
		case strings.HasPrefix(name, "SGWARDEN_"):
			faults = append(faults, fmt.Errorf("%s: there is no such setting; there are %s", name, strings.Join(Names(), ", ")))
		}
	}
	if s.Table == "" {
		faults = append(faults, fmt.Errorf("%s is missing: want the name of the DynamoDB table", envTable))
	}
	if !guard.IsGroup(s.Group) {
		faults = append(faults, fmt.Errorf("%s is %q: want the id of the canary's security group", envGroup, s.Group))
	}
	if !guard.IsGroup(s.DefaultGroup) {
		faults = append(faults, fmt.Errorf("%s is %q: want the id of the default security group of its VPC", envDefaultGroup, s.DefaultGroup))
	}
	if s.Expect != Reverted && s.Expect != Observed {
		faults = append(faults, fmt.Errorf("%s is %q: want reverted or observed", envExpect, s.Expect))
	}
	var err error
	if s.AWS, err = guard.EnvironmentOf(environ); err != nil {
		faults = append(faults, err)
	}
	return s, errors.Join(faults...)
}
