package warden

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// requiring is a policy that requires what only a fact beyond the group tells.
func requiring(what string) string {
	return "---\napiVersion: sgwarden/v1\nkind: Policy\nmetadata: {id: tidy, title: Tidy, severity: low}\nrequire: [" + what + "]\nremedy: alert\n"
}

// TestAFactThatCannotBeReadIsNeverFine: of a group that is as required, for all
// that EC2 would say. What may pass is unresolved and comes again; what stays
// so is alerted, once, as unreadable.
func TestAFactThatCannotBeReadIsNeverFine(t *testing.T) {
	for read, tc := range map[string]struct {
		require, rule string
		fine          func(*ec2Double)
		scope         string
	}{
		"Users":            {"{tags: [owner]}", "ingress tcp/443 from 10.0.0.0/8", func(e *ec2Double) { e.kinds = []secgroup.InterfaceKind{{Requester: "amazon-elb"}} }, "scope: {not: {usedBy: [amazon-elb]}}\n"},
		"Interfaces":       {"{attached: true}", "ingress tcp/443 from 10.0.0.0/8", func(e *ec2Double) { e.interfaces = map[string][]string{groupA: {"eni-1"}} }, ""},
		"Groups":           {"{maxGroups: 9}", "ingress tcp/443 from 10.0.0.0/8", func(*ec2Double) {}, ""},
		"DeadReferences":   {"{where: {direction: ingress, peers: [references]}, references: alive}", "ingress tcp/443 from " + groupB, func(*ec2Double) {}, ""},
		"ElasticAddresses": {"{where: {direction: ingress, peers: [addresses]}, elastic: own}", "ingress tcp/443 from 8.8.8.8/32", func(e *ec2Double) { e.elastic = []netip.Addr{netip.MustParseAddr("8.8.8.8")} }, ""},
	} {
		for failure, cause := range map[string]error{"denied": incident.ErrDenied, "not understood": incident.ErrInvalid, "throttled": incident.ErrThrottled, "unavailable": incident.ErrUnavailable} {
			t.Run(read+" "+failure, func(t *testing.T) {
				w := newWorld(t, requiring(tc.require)+tc.scope)
				tc.fine(w.ec2)
				w.ec2.on = func(name string) error {
					if name == read {
						return fmt.Errorf("describe: %w", cause)
					}
					return nil
				}
				w.ec2.add(groupA, parse(t, tc.rule))
				d := w.judge1(judgeGroup(groupA, "sweep", ""))
				passes := errors.Is(cause, incident.ErrThrottled) || errors.Is(cause, incident.ErrUnavailable)
				require.Equal(t, passes, d.Retry)
				require.Equal(t, 1, w.ec2.count(read), "it is asked for once")
				require.Zero(t, w.ec2.count("Mutations"))
				if passes {
					require.Equal(t, incident.Unresolved, d.Outcome)
					require.Empty(t, w.sent(), "it may be told by the next")
				} else {
					require.Equal(t, []any{incident.Alerted, "unreadable"}, []any{d.Outcome, d.Incident.Reason})
					require.Equal(t, []string{"opened alerted"}, w.sent())
					require.Equal(t, incident.Alerted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
					require.Len(t, w.sent(), 1, "it is told once")
				}

				w.ec2.on = nil
				d = w.judge1(judgeGroup(groupA, "sweep", ""))
				require.False(t, d.Retry)
				require.LessOrEqual(t, d.Outcome, incident.Compliant, "EC2 tells again")
				require.Empty(t, w.memory(groupA).Open)
			})
		}
	}
}
