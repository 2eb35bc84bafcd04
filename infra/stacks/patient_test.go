//go:build !race

package stacks

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/doctor/patient"
)

// TestThePatientIsADefaultDeployment: what doctor's tests examine, and what the
// README shows of it, has the parts of the template, by name.
func TestThePatientIsADefaultDeployment(t *testing.T) {
	healthy := patient.New(time.Now, "digest")
	type listed struct {
		StackResourceSummaries []struct{ ResourceType, LogicalResourceId string }
	}
	found := map[string][]string{}
	for _, r := range as[listed](t, healthy.Answers["cloudformation.ListStackResources"](nil)).StackResourceSummaries {
		found[r.ResourceType] = append(found[r.ResourceType], r.LogicalResourceId[:len(r.LogicalResourceId)-8])
	}
	for kind, names := range found {
		made := plain.of(kind)
		require.Len(t, names, len(made), kind)
		for id := range made {
			require.True(t, slices.ContainsFunc(names, func(name string) bool { return isNamed(id, name) || strings.HasPrefix(id, name+"Sgwarden") }), "%s %s is none of %q", kind, id, names)
		}
	}
	for output := range healthy.Outputs() {
		require.Contains(t, plain.Outputs, output)
	}
	require.Len(t, healthy.Outputs(), len(plain.Outputs))
}
