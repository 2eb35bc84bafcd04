package apply

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
)

type listEditor interface {
	ModifyManagedPrefixList(context.Context, *ec2.ModifyManagedPrefixListInput, ...func(*ec2.Options)) (*ec2.ModifyManagedPrefixListOutput, error)
}

// editList edits the entries of a list that has the version that was judged. A
// list that has another one, or that a change is under way on, is
// incident.ErrConflict: it is to be read and judged again. The answer comes
// before the edit is complete.
func (j *job) editList(ctx context.Context, action plan.EditList) {
	in := &ec2.ModifyManagedPrefixListInput{PrefixListId: &action.ListID, CurrentVersion: &action.Version}
	for _, e := range action.Add {
		add := types.AddPrefixListEntry{Cidr: aws.String(e.Block.String())}
		if e.Description != "" {
			add.Description = aws.String(e.Description)
		}
		in.AddEntries = append(in.AddEntries, add)
	}
	for _, block := range action.Remove {
		in.RemoveEntries = append(in.RemoveEntries, types.RemovePrefixListEntry{Cidr: aws.String(block.String())})
	}
	var err error
	switch {
	case action.IsEmpty() || action.Version < 1:
		err = fmt.Errorf("%w: there is nothing to edit, or no version to edit", incident.ErrInvalid)
	case len(action.Remove) > plan.MostEntries || len(action.Add) > plan.MostEntries:
		err = fmt.Errorf("%w: a call takes %d entries", incident.ErrInvalid, plan.MostEntries)
	default:
		_, err = j.client.ModifyManagedPrefixList(ctx, in, j.remember)
	}
	switch awserr.Code(err) {
	case "PrefixListVersionMismatch", "IncorrectState":
		err = fmt.Errorf("%w: %w", incident.ErrConflict, err)
		j.result.Err = fmt.Errorf("%s on %s: %w", action.Call(), action.ListID, err)
		return
	}
	if err != nil {
		j.fail(action.Call(), action.ListID, err)
	}
}
