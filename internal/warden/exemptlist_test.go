package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestAnExemptionOfAddressesCoversAListThatHoldsThem, also under a policy that refuses a
// port from anywhere, and need not know what a list holds to refuse it.
func TestAnExemptionOfAddressesCoversAListThatHoldsThem(t *testing.T) {
	anywhere := `---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: ssh, title: Closed, severity: high, why: It is attacked., fix: Close it.}
forbid:
  - {direction: ingress, ports: [22], peers: [any]}
remedy: revert
`
	for blocks, want := range map[string]incident.Outcome{"10.1.0.0/16": incident.Exempt, "11.0.0.0/16": incident.Reverted} {
		t.Run(blocks, func(t *testing.T) {
			w := newWorld(t, anywhere)
			w.holds(ownList, blocks)
			e := policy.Exemption{ID: "agreed", Policy: "ssh", Group: groupA, Rules: []secgroup.Rule{parse(t, "ingress all from 10.0.0.0/8")}, Owner: "net", Reason: "agreed", Until: w.clock().Add(time.Hour)}
			require.NoError(t, w.store.Operator().PutExemption(t.Context(), e, w.clock()))
			require.Equal(t, want, w.decisions(w.authorize(groupA, "ingress tcp/1-65535 from "+ownList), 1)[groupA].Outcome)
		})
	}
}
