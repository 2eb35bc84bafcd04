package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/conformance"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

// rehearse runs everything on an embedded EC2 and counts the calls, by name.
func rehearse(ctx context.Context, cases []conformance.Case) (map[string]int, error) {
	cloud := localec2.New(localec2.Options{})
	if err := cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion).PutListOfS3(); err != nil {
		return nil, fmt.Errorf("rehearse: %w", err)
	}
	client := ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: cloud.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDREHEARSAL", SecretAccessKey: "secret"}, nil
		}),
	})
	j := job{site: &conformance.Site{EC2: client, Run: "rehearsal"}, out: io.Discard, tries: 1}
	if err := j.run(ctx, cases); err != nil {
		return nil, fmt.Errorf("rehearse: %w", err)
	}
	calls := map[string]int{}
	for _, c := range cloud.Calls() {
		calls[c.Action]++
	}
	return calls, nil
}

// explain says what a confirmed run would do. It calls nothing outside.
func explain(ctx context.Context, out io.Writer, profile string) error {
	cases, withheld := chosen()
	calls, err := rehearse(ctx, cases)
	if err != nil {
		return err
	}
	say(out, "Nothing was called. With CONFIRM=yes this would, in the account and region of the AWS profile %s:\n\n", profile)
	say(out, "  make     VPCs %s, %s and, for single cases, %s (with IPv6 blocks of Amazon), with nothing in them but security groups,\n",
		conformance.OwnBlock, conformance.FarBlock, conformance.LateBlock)
	say(out, "           a subnet, and interfaces that nothing is attached to; and customer-managed prefix lists; all tagged %s=RUN\n", conformance.Tag)
	say(out, "  try      %d cases on groups of its own; it touches no other group, VPC or list\n", len(cases))
	say(out, "  leave    %d cases untried: those about default VPCs, since it makes nothing in a VPC that is not its own,\n"+
		"           those that launch an instance,\n"+
		"           and those that need an EC2 whose limits, lag and time can be set\n", len(withheld))
	say(out, "  remove   all that has the tag at the end, also after a failure or Ctrl-C, and look that nothing is left\n")
	say(out, "  need     three free VPCs, the default quota of 60 rules per group, a region without other work (its API limits are shared)\n\n")
	say(out, "The calls, as counted on the embedded EC2; waiting and clean-up may repeat some:\n")
	for _, action := range slices.Sorted(maps.Keys(calls)) {
		say(out, "  %5d  ec2:%s\n", calls[action], action)
	}
	return nil
}

// chosen are the cases for an account that is not an emulator, and the others.
func chosen() (cases, withheld []conformance.Case) {
	for _, c := range conformance.Cases() {
		if !c.OnAWS() {
			withheld = append(withheld, c)
		} else {
			cases = append(cases, c)
		}
	}
	return cases, withheld
}
