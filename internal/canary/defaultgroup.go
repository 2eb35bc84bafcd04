package canary

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// emptyDefault takes the rules out of the default group of the canary's VPC.
// EC2 makes that group with the VPC, open to itself and to everywhere, and
// CloudFormation cannot say otherwise; nothing can be in it, but auditors ask
// of each default group that it has no rules, and so do policies that ship.
func (h *Handler) emptyDefault(ctx context.Context) error {
	id := h.settings.DefaultGroup
	rules, err := h.inventory.Rules(ctx, id)
	if err != nil {
		return fmt.Errorf("empty the default group of the canary's VPC: %w", err)
	}
	var faults []error
	for _, direction := range []secgroup.Direction{secgroup.Ingress, secgroup.Egress} {
		of := slices.DeleteFunc(slices.Clone(rules), func(r secgroup.Rule) bool { return r.Direction != direction })
		if len(of) == 0 {
			continue
		}
		result := h.applier.Apply(ctx, plan.Revoke{GroupID: id, Direction: direction, Rules: of})
		if result.Err != nil && !errors.Is(result.Err, incident.ErrGone) { // guard may be faster
			faults = append(faults, fmt.Errorf("empty the default group of the canary's VPC: %w", result.Err))
		}
	}
	return errors.Join(faults...)
}
