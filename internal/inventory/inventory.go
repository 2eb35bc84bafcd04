package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/incident"
)

// Client is what is used of *ec2.Client. It is narrow on purpose: every
// operation that it names is linked in, and must be in the role.
type Client interface {
	groupReader
	vpcReader
	listReader
	surroundingsReader
}

type groupReader interface {
	DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
	DescribeSecurityGroupRules(context.Context, *ec2.DescribeSecurityGroupRulesInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error)
}

type vpcReader interface {
	DescribeVpcs(context.Context, *ec2.DescribeVpcsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcsOutput, error)
	DescribeSecurityGroupVpcAssociations(context.Context, *ec2.DescribeSecurityGroupVpcAssociationsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupVpcAssociationsOutput, error)
}

type listReader interface {
	DescribeManagedPrefixLists(context.Context, *ec2.DescribeManagedPrefixListsInput, ...func(*ec2.Options)) (*ec2.DescribeManagedPrefixListsOutput, error)
	GetManagedPrefixListEntries(context.Context, *ec2.GetManagedPrefixListEntriesInput, ...func(*ec2.Options)) (*ec2.GetManagedPrefixListEntriesOutput, error)
	// GetManagedPrefixListAssociations is used only before a list is edited.
	GetManagedPrefixListAssociations(context.Context, *ec2.GetManagedPrefixListAssociationsInput, ...func(*ec2.Options)) (*ec2.GetManagedPrefixListAssociationsOutput, error)
}

// surroundingsReader is used only where a policy requires something that a
// group and its rules do not tell.
type surroundingsReader interface {
	DescribeAddresses(context.Context, *ec2.DescribeAddressesInput, ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error)
	DescribeNetworkInterfaces(context.Context, *ec2.DescribeNetworkInterfacesInput, ...func(*ec2.Options)) (*ec2.DescribeNetworkInterfacesOutput, error)
	DescribeStaleSecurityGroups(context.Context, *ec2.DescribeStaleSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeStaleSecurityGroupsOutput, error)
}

// Needs are the facts beyond groups and their rules that a deployment's
// policies ask for. The other groups take no further right.
type Needs struct{ Interfaces, Dead, Elastic, Lists bool }

// Permissions are the IAM actions that the reads need, sorted. EC2 takes no
// resource for them: they are granted on "*".
func Permissions(n Needs) []string {
	actions := []string{
		"ec2:DescribeManagedPrefixLists",
		"ec2:DescribeSecurityGroupRules",
		"ec2:DescribeSecurityGroupVpcAssociations",
		"ec2:DescribeSecurityGroups",
		"ec2:DescribeVpcs",
		"ec2:GetManagedPrefixListEntries",
	}
	for action, needed := range map[string]bool{
		"ec2:DescribeAddresses": n.Elastic, "ec2:DescribeNetworkInterfaces": n.Interfaces, "ec2:DescribeStaleSecurityGroups": n.Dead,
		"ec2:GetManagedPrefixListAssociations": n.Lists, // who else uses a list that is to be edited
	} {
		if needed {
			actions = append(actions, action)
		}
	}
	slices.Sort(actions)
	return actions
}

// Inventory reads one account in one region. It is safe for concurrent use.
type Inventory struct{ client Client }

// New makes an inventory on a client. It calls nothing.
func New(client Client) *Inventory { return &Inventory{client: client} }

// A page is as large as the call allows (API reference): the calls are what is
// scarce. A request with a filter or a page size draws from the larger bucket.
const (
	describePage = int32(1000)
	entriesPage  = int32(100)
	stalePage    = int32(255)
	usersPage    = int32(255)
)

// pages calls read with each token in turn, nil first, until it gives none. A
// token that comes again is an error: it would never end.
func pages(read func(token *string) (next *string, err error)) error {
	var token *string
	var seen []string
	for {
		next, err := read(token)
		if err != nil {
			return awserr.Translate(err)
		}
		if next == nil || *next == "" {
			return nil
		}
		if slices.Contains(seen, *next) {
			return fmt.Errorf("%w: a page token came twice", incident.ErrUnavailable)
		}
		seen = append(seen, *next)
		token = next
	}
}

// notGone keeps a missing neighbour (a VPC) from reading as a missing group.
func notGone(err error) error {
	if errors.Is(err, incident.ErrGone) {
		return fmt.Errorf("%w: %s", incident.ErrUnavailable, err.Error())
	}
	return err
}
