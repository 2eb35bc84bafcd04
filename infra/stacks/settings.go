package stacks

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// Settings is what a deployment may choose: the block stack of its settings,
// with the context of the CDK over it, and what was built for it.
type Settings struct {
	bundle.Stack        // Architecture is never ""
	Dist         string // folder of `make build`

	policies builtPolicies
}

// builtPolicies is what the stack needs to know of the policies that lie
// beside guard.
type builtPolicies struct {
	digest string
	needs  apply.Needs     // what their remedies may have to call
	reads  inventory.Needs // what guard reads beyond groups and rules
	asked  inventory.Needs // what of it the policies themselves ask for
}

// Keys of the context that are no settings: folders of this machine.
const (
	distKey     = "dist"     // of `make build`; "dist"
	policiesKey = "policies" // of policies with their settings; none = the pack baseline
)

// Where is when and where settings are read for.
type Where struct {
	// Account and Region are those that the stack goes to; "" = not known.
	Account, Region string
	Now             time.Time
}

// FromContext reads the settings: those of the folder that the context names,
// and the context over them. The error is policy.Faults, every fault with its
// place and what to write instead. Keys of the CDK itself (they contain a colon,
// an at sign or a slash) are left alone; any other
// unknown key is a fault: a misspelt `email` must not deploy a silent stack.
func FromContext(context map[string]any, w Where) (Settings, error) {
	over, folders, faults := ownKeys(context)
	s := Settings{Dist: "dist"}
	if dist, ok := folders[distKey]; ok {
		s.Dist = dist
	}
	stack, err := bundle.ReadStack(folders[policiesKey], w.Now, policy.ParseOptions{Over: over, Known: []string{distKey, policiesKey}, Account: w.Account, Region: w.Region})
	faults = append(faults, faultsOf(err)...)
	s.Stack = stack
	var unbuilt policy.Faults
	s.policies, unbuilt = readDist(s.Dist, &s.Stack)
	if faults = append(faults, unbuilt...); len(faults) > 0 {
		slices.SortStableFunc(faults, policy.ComparePlaces)
		return Settings{}, faults
	}
	return s, nil
}

// ownKeys takes from a context the keys of the CDK itself and the folders of
// this machine; what is left lies over the settings.
func ownKeys(context map[string]any) (over map[string]any, folders map[string]string, faults policy.Faults) {
	over, folders = maps.Clone(context), map[string]string{}
	maps.DeleteFunc(over, func(key string, _ any) bool { return strings.ContainsAny(key, ":@/") })
	for _, key := range []string{distKey, policiesKey} {
		if value, ok := over[key]; ok {
			text, isText := value.(string)
			if isText && text != "" {
				folders[key] = text
			} else {
				faults = append(faults, policy.Diagnostic{File: "-c " + key, Message: key + " must be the name of a folder"})
			}
			delete(over, key)
		}
	}
	return over, folders, faults
}
