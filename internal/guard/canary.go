package guard

import (
	"context"
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// CanaryPolicy is the id of the policy that the canary breaks.
const CanaryPolicy = "sgwarden-canary"

// What the canary opens: a port that nothing listens on, to a network that
// nobody has (RFC 5737, TEST-NET-1).
const CanaryPort = 1

// CanaryNetwork likewise.
func CanaryNetwork() netip.Prefix { return netip.MustParsePrefix("192.0.2.0/24") }

// canaryDocuments forbid in a group what the canary opens there; "" = there is
// none. No other group is in the scope, and nothing else of this one.
func canaryDocuments(groupID string) []policy.Document {
	if groupID == "" {
		return nil
	}
	return []policy.Document{{
		File: "canary", ID: CanaryPolicy, Title: "What the canary opens is taken back", Severity: policy.Info, Maturity: "stable",
		Why: "The canary opens it, to see that guard does its work.", Fix: "None is needed: the canary closes it itself.",
		Scope: policy.Scope{IDs: []string{groupID}},
		Forbid: []policy.Clause{{
			Directions: []secgroup.Direction{secgroup.Ingress},
			Flows:      []policy.FlowSpec{{Protocols: secgroup.ProtocolRange{First: 6, Last: 6}, Span: secgroup.Span{First: CanaryPort, Last: CanaryPort}}},
			Peers:      []policy.PeerSpec{{Kind: policy.PeerCIDRs, Text: CanaryNetwork().String(), CIDRs: []netip.Prefix{CanaryNetwork()}}},
		}},
	}}
}

// boundCanary lets the canary's policy ask for nothing that the others do not:
// where no policy reverts, guard's role may revoke nothing, and the canary
// waits for guard to observe.
func boundCanary(set *policy.Set) {
	var others []*policy.Policy
	var canary *policy.Policy
	for _, p := range set.Policies {
		if p.ID == CanaryPolicy {
			canary = p
		} else {
			others = append(others, p)
		}
	}
	if canary != nil && !CanaryReverts(needsOf(others)) {
		canary.Mode = policy.Observe
	}
}

// CanaryReverts reports whether guard takes back what the canary opens, where
// the deployment's policies have these needs; else it only observes it.
func CanaryReverts(n apply.Needs) bool { return n.Revert }

// quiet publishes all but what is about the canary alone: of that, only its
// failure is told, by an alarm.
type quiet struct {
	warden.Publisher
	canary string // group; "" = there is none
}

func (q quiet) Publish(ctx context.Context, i incident.Incident) error {
	if aboutCanary(i, q.canary) {
		return nil
	}
	return q.Publisher.Publish(ctx, i)
}

// quietSink tells a sink likewise.
type quietSink struct {
	warden.Sink
	canary string
}

func (q quietSink) Tell(ctx context.Context, i incident.Incident) error {
	if aboutCanary(i, q.canary) {
		return nil
	}
	return q.Sink.Tell(ctx, i)
}

// aboutCanary reports whether an incident is about the canary's policy alone.
func aboutCanary(i incident.Incident, canary string) bool {
	others := func(p incident.PolicyNote) bool { return p.ID != CanaryPolicy }
	return canary != "" && i.GroupID == canary && len(i.Policies) > 0 && !slices.ContainsFunc(i.Policies, others)
}
