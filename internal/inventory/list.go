package inventory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// List reads a prefix list: ec2:DescribeManagedPrefixLists, then
// ec2:GetManagedPrefixListEntries of that version, once per 100 entries. A
// list that may not be read, is not there or is not understood comes back
// without error, not Readable and with Refused; what may pass (throttling,
// 5xx) is an error.
func (i *Inventory) List(ctx context.Context, id string) (secgroup.PrefixList, error) {
	list, err := i.list(ctx, id)
	if errors.Is(err, incident.ErrThrottled) || errors.Is(err, incident.ErrUnavailable) {
		return secgroup.PrefixList{}, fmt.Errorf("read prefix list %s: %w", id, err)
	}
	if err != nil {
		list.Entries, list.Readable, list.Refused = nil, false, reason(err)
	}
	return list, nil
}

// reason says in one word of EC2, or in our own, why a list was not read.
func reason(err error) string {
	if code := awserr.Code(err); code != "" {
		return code
	}
	return err.Error()
}

func (i *Inventory) list(ctx context.Context, id string) (secgroup.PrefixList, error) {
	list, err := i.managed(ctx, id)
	return list.PrefixList, err
}

// Managed reads a list as List does, with what an edit of it takes.
func (i *Inventory) Managed(ctx context.Context, id string) (secgroup.ManagedList, error) {
	list, err := i.managed(ctx, id)
	if errors.Is(err, incident.ErrThrottled) || errors.Is(err, incident.ErrUnavailable) {
		return secgroup.ManagedList{}, fmt.Errorf("read prefix list %s: %w", id, err)
	}
	if err != nil {
		list.Entries, list.Described, list.Readable, list.Refused = nil, nil, false, reason(err)
	}
	return list, nil
}

func (i *Inventory) managed(ctx context.Context, id string) (secgroup.ManagedList, error) {
	list := secgroup.ManagedList{PrefixList: secgroup.PrefixList{ID: id}}
	out, err := i.client.DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{id}})
	if err != nil {
		return list, awserr.Translate(err)
	}
	described, ok := find(out.PrefixLists, id)
	if !ok {
		return list, fmt.Errorf("%w: the answer does not hold it", incident.ErrGone)
	}
	list.Name, list.OwnerID, list.Version = aws.ToString(described.PrefixListName), aws.ToString(described.OwnerId), aws.ToInt64(described.Version)
	list.MaxEntries = int(aws.ToInt32(described.MaxEntries))
	list.Synced = aws.ToString(described.IpamPrefixListResolverTargetId) != "" || aws.ToBool(described.IpamPrefixListResolverSyncEnabled)
	if strings.HasSuffix(string(described.State), "-in-progress") {
		list.Changing = string(described.State)
	}
	list.Described, err = i.entries(ctx, id, described.Version)
	list.Entries, list.Readable = secgroup.Blocks(list.Described), err == nil
	return list, err
}

// EntriesAt reads the entries that a list of the account had in a version:
// ec2:GetManagedPrefixListEntries, once per 100. A version that is not there is
// an error that wraps incident.ErrInvalid or incident.ErrGone.
func (i *Inventory) EntriesAt(ctx context.Context, id string, version int64) ([]secgroup.ListEntry, error) {
	entries, err := i.entries(ctx, id, &version)
	if err != nil {
		return nil, fmt.Errorf("read version %d of prefix list %s: %w", version, id, err)
	}
	return entries, nil
}

func (i *Inventory) entries(ctx context.Context, id string, version *int64) ([]secgroup.ListEntry, error) {
	entries := []secgroup.ListEntry{}
	err := pages(func(token *string) (*string, error) {
		out, err := i.client.GetManagedPrefixListEntries(ctx, &ec2.GetManagedPrefixListEntriesInput{
			PrefixListId: &id, TargetVersion: version, MaxResults: aws.Int32(entriesPage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, e := range out.Entries {
			block, err := netip.ParsePrefix(aws.ToString(e.Cidr))
			if err != nil {
				return nil, fmt.Errorf("%w: an entry is no address block", incident.ErrInvalid)
			}
			entries = append(entries, secgroup.ListEntry{Block: block.Masked(), Description: aws.ToString(e.Description)})
		}
		return out.NextToken, nil
	})
	return entries, err
}

// ListUsers gives all that refers to a list of the account, of whatever kind
// and account: ec2:GetManagedPrefixListAssociations, once per 255.
func (i *Inventory) ListUsers(ctx context.Context, id string) ([]secgroup.ListUser, error) {
	users := []secgroup.ListUser{}
	err := pages(func(token *string) (*string, error) {
		out, err := i.client.GetManagedPrefixListAssociations(ctx, &ec2.GetManagedPrefixListAssociationsInput{
			PrefixListId: &id, MaxResults: aws.Int32(usersPage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, a := range out.PrefixListAssociations {
			users = append(users, secgroup.ListUser{ID: aws.ToString(a.ResourceId), OwnerID: aws.ToString(a.ResourceOwner)})
		}
		return out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what uses prefix list %s: %w", id, err)
	}
	return users, nil
}

func find(lists []types.ManagedPrefixList, id string) (types.ManagedPrefixList, bool) {
	for _, l := range lists {
		if aws.ToString(l.PrefixListId) == id {
			return l, true
		}
	}
	return types.ManagedPrefixList{}, false
}
