package localec2

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
)

// TestEveryChangeHeedsDryRun: no call that has the parameter does anything with
// it, and its record says so.
func TestEveryChangeHeedsDryRun(t *testing.T) {
	var last string
	c := New(Options{IDs: CountedIDs(t.Name()), OnRecord: func(r []byte) { last = string(r) }})
	c.Account(DefaultAccount, DefaultRegion)
	before, tried := c.Snapshot(), 0
	for name, known := range actions {
		if !known.changes || !slices.Contains(known.params, "DryRun") {
			continue
		}
		tried++
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/?Version=2016-11-15&DryRun=true&Action="+name, nil)
		require.NoError(t, err)
		_, a, err := c.Serve(r, nil)
		require.NoError(t, err)
		require.Equal(t, 412, a.Status, "%s: %s", name, a.Body)
		require.Contains(t, last, `"eventName":"`+name+`"`)
		require.Contains(t, last, `"errorCode":"Client.DryRunOperation"`)
	}
	require.Greater(t, tried, 20)
	require.True(t, c.Snapshot().Equal(before))
}

// TestActionsAreWhole holds what the API gives to all operations of a kind.
func TestActionsAreWhole(t *testing.T) {
	withoutDryRun := []string{"AssociateVpcCidrBlock", "DisassociateVpcCidrBlock", callerIdentity}
	unpaged := []string{"DescribeAddresses", "DescribeSecurityGroupReferences", callerIdentity}
	for name, known := range actions {
		require.Equal(t, !slices.Contains(withoutDryRun, name), slices.Contains(known.params, "DryRun"), "%s: DryRun", name)
		require.Equal(t, !known.changes, cloudtrail.ReadOnly(name), "%s: by its name it is the other kind", name)
		if !known.changes && !slices.Contains(unpaged, name) {
			require.Subset(t, known.params, paged, name)
		}
	}
}
