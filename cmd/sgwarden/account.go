package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/deployment"
	"github.com/sgwarden/sgwarden/internal/ledger"
)

// account is the AWS account and the deployment that a command works on.
type account struct {
	stack, table    string
	profile, region string
}

// flags adds the flags that choose account and deployment.
func (a *account) flags(cmd *cobra.Command) {
	a.chooseStack(cmd)
	cmd.Flags().StringVar(&a.table, "table", "", "table of the ledger, where the stack may not be read")
}

// chooseStack adds those of a command that works on the stack, not only on its
// table.
func (a *account) chooseStack(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.stack, "stack", deployment.DefaultStack, "stack of the deployment")
	f.StringVar(&a.profile, "profile", "", "AWS profile (default: AWS_PROFILE)")
	f.StringVar(&a.region, "region", "", "AWS region (default: AWS_REGION, else the profile's)")
}

// config is the SDK's, from environment and profile.
func (a *account) config(ctx context.Context) (aws.Config, error) {
	var options []func(*config.LoadOptions) error
	if a.profile != "" {
		options = append(options, config.WithSharedConfigProfile(a.profile))
	}
	if a.region != "" {
		options = append(options, config.WithRegion(a.region))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	switch {
	case err != nil:
		return aws.Config{}, outside(fmt.Errorf("read the AWS configuration: %w", err))
	case c.Region == "":
		return aws.Config{}, errors.New("no AWS region: name it with --region, AWS_REGION or the profile")
	}
	if _, err := c.Credentials.Retrieve(ctx); err != nil {
		return aws.Config{}, outside(fmt.Errorf("no AWS credentials: name a profile with --profile or AWS_PROFILE, or sign in: %w", err))
	}
	return c, nil
}

// ledger is the deployment's, found by the outputs of its stack unless the
// table is named.
func (a *account) ledger(ctx context.Context) (*ledger.Table, error) {
	c, table, err := a.tableName(ctx)
	if err != nil {
		return nil, err
	}
	return ledger.NewTable(dynamodb.NewFromConfig(c), table), nil
}

// archive is that of the deployment's ledger, found likewise.
func (a *account) archive(ctx context.Context) (*ledger.Archive, error) {
	c, table, err := a.tableName(ctx)
	if err != nil {
		return nil, err
	}
	return ledger.NewArchive(dynamodb.NewFromConfig(c), table), nil
}

func (a *account) tableName(ctx context.Context) (aws.Config, string, error) {
	c, err := a.config(ctx)
	if err != nil || a.table != "" {
		return c, a.table, err
	}
	d, err := a.deployed(ctx, c)
	return c, d.Table, err
}

// deployed is what the stack made.
func (a *account) deployed(ctx context.Context, c aws.Config) (deployment.Deployment, error) {
	d, err := deployment.Find(ctx, cloudformation.NewFromConfig(c), a.stack)
	switch {
	case errors.Is(err, deployment.ErrNoStack):
		return d, outside(fmt.Errorf("%w (%s): name another with --stack or --region", err, c.Region))
	case err != nil:
		return d, outside(err)
	}
	return d, nil
}

var groupIDForm = regexp.MustCompile(`^sg-(?:[0-9a-f]{8}|[0-9a-f]{17})$`)

// listIDForm is the same of prefix lists.
var listIDForm = regexp.MustCompile(`^pl-[0-9a-f]{8,17}$`)

func checkGroupID(id string) error {
	if !groupIDForm.MatchString(id) {
		return fmt.Errorf("group %q: want the id of a security group, as sg-0123456789abcdef0", id)
	}
	return nil
}
