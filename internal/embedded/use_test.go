package embedded

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const publicOnBalancers = `apiVersion: sgwarden/v1
kind: Settings
mode: enforce
packs: [exposure]
overrides:
  any-port-from-internet: {scope: {regions: [us-east-1], not: {usedBy: [amazon-elb]}}}
`

// TestUseDecidesWhetherAPolicyIsMeant, by what is read of it now: the group of a
// load balancer is public until an instance is beside it; and what may not be
// read is told, and neither taken back nor taken to be fine.
func TestUseDecidesWhetherAPolicyIsMeant(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sgwarden.yaml"), []byte(publicOnBalancers), 0o600))
	set, _, err := bundle.Load(dir, bundle.Options{})
	require.NoError(t, err)
	w := New(Options{Set: set})
	a, err := w.Account(t.Context(), "123456789012", "us-east-1")
	require.NoError(t, err)
	a.wind(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	g := guarded{t, a, badGroup, w}
	g.group(secgroup.Group{})
	on := func(i localec2.Interface) {
		i.ID, i.Groups = "eni-0"+i.ID+"e000000000000", []string{badGroup}
		require.NoError(t, a.ec2.EnsureInterface(i))
	}
	look := func() incident.Outcome {
		w.cloud.Forget()
		seen := a.lookAt(t, badGroup).Worst()
		return seen.Outcome
	}

	g.rules("of the shop", "ingress tcp/443 from 0.0.0.0/0")
	require.Equal(t, incident.Compliant, look(), "nothing uses it")
	on(localec2.Interface{ID: "a11", Service: "amazon-elb"})
	require.Equal(t, incident.Compliant, look())
	require.Equal(t, 1, w.cloud.Count("DescribeNetworkInterfaces"))

	w.cloud.Disturb(func(c localec2.Call) (d localec2.Disturbance) {
		if c.Action == "DescribeNetworkInterfaces" {
			d = localec2.Deny()
		}
		return d
	})
	require.Equal(t, incident.Alerted, look())
	require.Zero(t, w.cloud.Mutations())
	w.cloud.Disturb(nil)
	require.Equal(t, incident.Compliant, look())

	on(localec2.Interface{ID: "a12", InstanceID: "i-0a12e000000000000"})
	require.Equal(t, incident.Reverted, look())
	require.Equal(t, 1, w.cloud.Mutations())
}

// TestEveryTypeOfInterfaceCanBeNamed that the SDK knows, but for the one that
// nearly all have.
func TestEveryTypeOfInterfaceCanBeNamed(t *testing.T) {
	dir := t.TempDir()
	kinds := types.NetworkInterfaceTypeInterface.Values()
	require.Greater(t, len(kinds), 15)
	write := func(kind string) error {
		text := "apiVersion: sgwarden/v1\nkind: Policy\nmetadata: {id: p, title: t, severity: low}\nscope: {usedBy: [" + kind + "]}\nforbid: [{direction: ingress, peers: [internet]}]\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, "p.yaml"), []byte(text), 0o600))
		_, _, err := bundle.Load(dir, bundle.Options{})
		return err
	}
	for _, kind := range slices.DeleteFunc(kinds, func(k types.NetworkInterfaceType) bool { return k == types.NetworkInterfaceTypeInterface }) {
		require.NoError(t, write(string(kind)))
	}
	require.ErrorContains(t, write("interface"), "name the owner")
}
