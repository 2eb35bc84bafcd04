package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestAClauseThatPanickedForbidsAllTheSame: guard survives the panic of one
// message and judges the next with the same clauses.
func TestAClauseThatPanickedForbidsAllTheSame(t *testing.T) {
	boxes := []Clause{box("ingress tcp/22 8.8.8.0/29")}
	c := compileClauses(boxes, secgroup.AddressSet{})[0]
	c.but = []*clause{nil}
	require.Panics(t, func() { c.plainRegion(secgroup.Ingress) })
	require.Panics(t, func() { c.plainRegion(secgroup.Ingress) }, "not silent the second time")
	c.but = nil
	want := compileClauses(boxes, secgroup.AddressSet{})[0].plainRegion(secgroup.Ingress)
	require.False(t, want.IsEmpty())
	require.True(t, want.Equal(c.plainRegion(secgroup.Ingress)))
}
