package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// explainGroup judges the rules of a live group together. It only reads.
func (e *explain) explainGroup(ctx context.Context, j judging) (explanation, error) {
	if err := checkGroupID(e.group); err != nil {
		return explanation{}, err
	}
	settings, err := e.account.config(ctx)
	if err != nil {
		return explanation{}, err
	}
	reads := inventory.New(ec2.NewFromConfig(settings))
	group, err := readGroup(ctx, reads, settings.Region, e.group)
	if err != nil {
		return explanation{}, outside(err)
	}
	if j.around, err = readAround(ctx, reads, group, j.set.Facts()); err != nil {
		return explanation{}, outside(err)
	}
	x := j.rules(group, group.Rules)
	x.Group = &explainedGroup{ID: group.ID, Name: group.Name, VPC: group.VPCID, Account: group.AccountID, Region: group.Region}
	return x, nil
}

// readGroup reads a group with its rules, its VPCs and the lists that its
// rules name.
func readGroup(ctx context.Context, reads *inventory.Inventory, region, id string) (secgroup.Group, error) {
	group, err := reads.Group(ctx, id)
	switch {
	case errors.Is(err, incident.ErrGone):
		return secgroup.Group{}, fmt.Errorf("%s: there is no such group in %s: %w", id, region, err)
	case err != nil:
		return secgroup.Group{}, err
	}
	if group.Region == "" {
		group.Region = region
	}
	if group.VPCs, err = reads.VPCs(ctx, group); err != nil {
		return secgroup.Group{}, err
	}
	for i, r := range group.Rules {
		if list, ok := r.Peer.(secgroup.PrefixList); ok {
			if group.Rules[i].Peer, err = reads.List(ctx, list.ID); err != nil {
				return secgroup.Group{}, err
			}
		}
	}
	return group, nil
}
