package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// explainGroup judges the rules of a live group together. It only reads.
func (e *explain) explainGroup(ctx context.Context, j judging) (explanation, error) {
	if rule, err := secgroup.ParseRule("ingress all from " + e.group); err != nil || rule.Peer.Key() != e.group || rule.Peer.(secgroup.GroupReference).GroupID != e.group {
		return explanation{}, fmt.Errorf("group %q: want the id of a group, sg-...", printable(e.group))
	}
	group, err := readGroup(ctx, e.group, e.region)
	if err != nil {
		return explanation{}, outside(err)
	}
	j.live = true
	x := j.rules(group, group.Rules)
	x.Group = &explainedGroup{ID: group.ID, Name: group.Name, VPC: group.VPCID, Account: group.AccountID, Region: group.Region}
	return x, nil
}

// readGroup reads a group with its rules, its VPCs and the lists that its
// rules name, with the AWS settings of the environment.
func readGroup(ctx context.Context, id, region string) (secgroup.Group, error) {
	var options []func(*config.LoadOptions) error
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	settings, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return secgroup.Group{}, fmt.Errorf("read AWS settings: %w", err)
	}
	if settings.Region == "" {
		return secgroup.Group{}, errors.New("read AWS settings: no region: give --region, or set AWS_REGION")
	}
	ec2s := inventory.New(ec2.NewFromConfig(settings))
	group, err := ec2s.Group(ctx, id)
	switch {
	case errors.Is(err, incident.ErrGone):
		return secgroup.Group{}, fmt.Errorf("%s: there is no such group in %s: %w", id, settings.Region, err)
	case err != nil:
		return secgroup.Group{}, err
	}
	if group.Region == "" {
		group.Region = settings.Region
	}
	if group.VPCs, err = ec2s.VPCs(ctx, group); err != nil {
		return secgroup.Group{}, err
	}
	for i, r := range group.Rules {
		if list, ok := r.Peer.(secgroup.PrefixList); ok {
			if group.Rules[i].Peer, err = ec2s.List(ctx, list.ID); err != nil {
				return secgroup.Group{}, err
			}
		}
	}
	return group, nil
}
