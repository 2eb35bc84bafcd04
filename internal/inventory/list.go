package inventory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

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
	list := secgroup.PrefixList{ID: id}
	out, err := i.client.DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{id}})
	if err != nil {
		return list, awserr.Translate(err)
	}
	described, ok := find(out.PrefixLists, id)
	if !ok {
		return list, fmt.Errorf("%w: the answer does not hold it", incident.ErrGone)
	}
	list.Name, list.OwnerID, list.Version = aws.ToString(described.PrefixListName), aws.ToString(described.OwnerId), aws.ToInt64(described.Version)
	list.Entries = []netip.Prefix{}
	err = pages(func(token *string) (*string, error) {
		out, err := i.client.GetManagedPrefixListEntries(ctx, &ec2.GetManagedPrefixListEntriesInput{
			PrefixListId: &id, TargetVersion: described.Version, MaxResults: aws.Int32(entriesPage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, e := range out.Entries {
			block, err := netip.ParsePrefix(aws.ToString(e.Cidr))
			if err != nil {
				return nil, fmt.Errorf("%w: an entry is no address block", incident.ErrInvalid)
			}
			list.Entries = append(list.Entries, block.Masked())
		}
		return out.NextToken, nil
	})
	list.Readable = err == nil
	return list, err
}

func find(lists []types.ManagedPrefixList, id string) (types.ManagedPrefixList, bool) {
	for _, l := range lists {
		if aws.ToString(l.PrefixListId) == id {
			return l, true
		}
	}
	return types.ManagedPrefixList{}, false
}
