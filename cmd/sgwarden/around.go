package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// readAround reads what the policies may ask for beyond a live group. What may
// not be read is marked so: its policies cannot tell then.
func readAround(ctx context.Context, reads *inventory.Inventory, facts []policy.Need, group secgroup.Group) (policy.Surroundings, error) {
	var around policy.Surroundings
	for _, need := range facts {
		var err error
		switch need {
		case policy.NeedInterfaces:
			var ids []string
			var more bool
			ids, more, err = reads.Interfaces(ctx, group.ID)
			around.Interfaces = &policy.Interfaces{IDs: ids, More: more, Refused: denied(err)}
		case policy.NeedDead:
			var dead map[string][]string
			dead, err = reads.DeadReferences(ctx, group.VPCID)
			around.Dead = &policy.DeadReferences{GroupIDs: dead[group.ID], Refused: denied(err)}
		case policy.NeedGroups:
			var groups []secgroup.Group
			groups, err = reads.Groups(ctx)
			around.Groups = &policy.AllGroups{Groups: groups, Refused: denied(err)}
		case policy.NeedElastic:
			elastic := &policy.ElasticAddresses{}
			elastic.Addresses, err = reads.ElasticAddresses(ctx)
			elastic.Refused = denied(err)
			around.Elastic = elastic
		}
		if err != nil && denied(err) == "" {
			return policy.Surroundings{}, fmt.Errorf("read %s: %w", need, err)
		}
	}
	return around, nil
}

// denied is why a fact may not be read; "" = it is no matter of rights.
func denied(err error) string {
	if errors.Is(err, incident.ErrDenied) {
		return "your AWS credentials may not"
	}
	return ""
}
