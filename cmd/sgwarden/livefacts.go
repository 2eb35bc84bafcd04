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

// readAround reads the facts beyond a group that policies may ask for. What may
// not be read is told where it matters; other errors end the command.
func readAround(ctx context.Context, reads *inventory.Inventory, group secgroup.Group, needs []policy.Need) (policy.Surroundings, error) {
	var around policy.Surroundings
	for _, need := range needs {
		var err error
		switch need {
		case policy.NeedInterfaces:
			f := &policy.Interfaces{}
			f.IDs, f.More, err = reads.Interfaces(ctx, group.ID)
			f.Refused, err = refusedOr(err)
			around.Interfaces = f
		case policy.NeedUsers:
			f := &policy.Users{}
			f.Kinds, err = reads.Users(ctx, group.ID)
			f.Refused, err = refusedOr(err)
			around.Users = f
		case policy.NeedDead:
			var dead map[string][]string
			dead, err = reads.DeadReferences(ctx, group.VPCID)
			f := &policy.DeadReferences{GroupIDs: dead[group.ID]}
			f.Refused, err = refusedOr(err)
			around.Dead = f
		case policy.NeedGroups:
			f := &policy.AllGroups{}
			f.Groups, err = reads.Groups(ctx)
			f.Refused, err = refusedOr(err)
			around.Groups = f
		case policy.NeedElastic:
			f := &policy.ElasticAddresses{}
			f.Addresses, err = reads.ElasticAddresses(ctx)
			f.Refused, err = refusedOr(err)
			around.Elastic = f
		}
		if err != nil {
			return policy.Surroundings{}, fmt.Errorf("read %s: %w", need, err)
		}
	}
	return around, nil
}

// refusedOr says why a fact cannot be read with these rights, or gives the
// error back; nil is neither.
func refusedOr(err error) (refused string, other error) {
	if errors.Is(err, incident.ErrDenied) {
		return "these credentials may not", nil
	}
	return "", err
}
