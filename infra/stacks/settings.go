package stacks

import (
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// Mode says whether guard may change security groups.
type Mode string

const (
	Observe Mode = "observe" // it may not: its role has no such right
	Enforce Mode = "enforce"
)

// Settings is what a deployment may choose.
type Settings struct {
	Stack        string // name of the stack; "Sgwarden"
	Mode         Mode   // observe
	Email        string // gets the alerts; "" = nobody is subscribed
	Architecture string // of the function: "arm64" or "x86_64"
	Dist         string // folder of `make build`; "dist"
	// Operator is the ARN of a role that may put messages back into the queue
	// (redrive); "" = nobody may.
	Operator string
	// Attachments has guard told of calls that put groups on interfaces. They
	// are many, and only policies that require something of a group's use
	// (attached) ask.
	Attachments bool

	// NoCanary leaves out the canary with its VPC, of which a region has five by
	// default.
	NoCanary bool

	policies builtPolicies
}

var (
	// Rules have names of at most 64 characters, which begin with the stack's.
	stackName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,39}$`)
	roleARN   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$`)
)

// keys are the context keys of ours, in the order of their faults.
var keys = []string{"stack", "mode", "email", "architecture", "dist", "operator", "attachments", "canary"}

// FromContext reads the settings from the context of a CDK app. The error
// holds every fault, each with what to write instead. Keys of the CDK itself
// (they contain a colon, an at sign or a slash) are left alone; any other
// unknown key is a fault: a misspelt `email` must not deploy a silent stack.
func FromContext(context map[string]any) (Settings, error) {
	s := Settings{Stack: "Sgwarden", Mode: Observe, Architecture: "arm64", Dist: "dist"}
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(context)) {
		if !slices.Contains(keys, key) && !strings.ContainsAny(key, ":@/") {
			faults = append(faults, fmt.Errorf("-c %s=...: there is no such setting; there are %s", key, strings.Join(keys, ", ")))
		}
	}
	for _, key := range keys {
		value, ok := context[key]
		if !ok {
			continue
		}
		text, ok := value.(string)
		if !ok {
			faults = append(faults, fmt.Errorf("-c %s=%v: must be a text", key, value))
			continue
		}
		if err := s.set(key, text); err != nil {
			faults = append(faults, fmt.Errorf("-c %s=%s: %w", key, text, err))
		}
	}
	var err error
	if s.policies, err = readDist(s.Dist, s.Mode); err != nil {
		faults = append(faults, err)
	}
	return s, errors.Join(faults...)
}

func (s *Settings) set(key, value string) error {
	switch key {
	case "stack":
		if !stackName.MatchString(value) {
			return errors.New("must be letters, digits and hyphens, at most 40, a letter first")
		}
		s.Stack = value
	case "mode":
		if s.Mode = Mode(value); s.Mode != Observe && s.Mode != Enforce {
			return errors.New("must be observe or enforce")
		}
	case "email":
		if a, err := mail.ParseAddress(value); err != nil || a.Address != value {
			return errors.New("must be one plain address, as you@example.com")
		}
		s.Email = value
	case "architecture":
		if value != "arm64" && value != "x86_64" {
			return errors.New("must be arm64 or x86_64")
		}
		s.Architecture = value
	case "dist":
		s.Dist = value
	case "attachments":
		if value != "yes" && value != "no" {
			return errors.New("must be yes or no")
		}
		s.Attachments = value == "yes"
	case "canary":
		if value != "yes" && value != "no" {
			return errors.New("must be yes or no")
		}
		s.NoCanary = value == "no"
	case "operator":
		if !roleARN.MatchString(value) {
			return errors.New("must be the ARN of a role, as arn:aws:iam::123456789012:role/operator")
		}
		s.Operator = value
	}
	return nil
}

// builtPolicies is what the stack needs to know of the policies that lie
// beside guard.
type builtPolicies struct {
	digest string
	needs  apply.Needs     // what their remedies may have to call
	reads  inventory.Needs // what guard reads beyond groups and rules
	asked  inventory.Needs // what of it the policies themselves ask for
}

// folders are those of a build that the stack deploys.
var folders = []string{"guard", "sweep", "canary"}

// readDist finds out before the CDK does that nothing was built, and refuses
// to deploy policies that guard would refuse to judge by, or functions that
// would judge by different ones.
func readDist(dist string, mode Mode) (builtPolicies, error) {
	wanted := policy.Observe
	if mode == Enforce {
		wanted = policy.Enforce
	}
	var built builtPolicies
	for i, name := range folders {
		folder := filepath.Join(dist, name)
		if info, err := os.Stat(filepath.Join(folder, "bootstrap")); err != nil || info.IsDir() {
			return builtPolicies{}, fmt.Errorf("%s has no %s/bootstrap: run make build first, or name its folder with -c dist=FOLDER", dist, name)
		}
		set, b, err := bundle.Load(filepath.Join(folder, bundle.FileName), bundle.Options{Mode: wanted})
		switch {
		case err != nil:
			return builtPolicies{}, fmt.Errorf("policies of %s: run make build again: %w", folder, err)
		case i == 0:
			built = builtPolicies{digest: b.Digest, needs: guard.Needs(set), reads: guard.Reads(set), asked: guard.Asked(set)}
		case b.Digest != built.digest:
			return builtPolicies{}, fmt.Errorf("policies of %s: run make build again: they are not those of %s", folder, folders[0])
		}
	}
	return built, nil
}
