package conformance

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// awsLists are claims about the lists that AWS keeps in every region, by that of
// S3 (VPC guide, "AWS-managed prefix lists").
func awsLists() []Case {
	const (
		own   = "internal/warden: what AWS adds to a list of its own is alerted, since it cannot be taken out"
		fresh = "internal/warden: a list of AWS has no version by which it could be told which is newer"
		room  = "internal/plan: what a rule with a list takes of the quota is not the number of its entries"
	)
	return []Case{
		model("aws-lists/name-their-owner", own, findS3, s3Is(func(l types.ManagedPrefixList) error { return equal("owner", aws.ToString(l.OwnerId), "AWS") })),
		inferred("aws-lists/have-no-version", fresh, findS3, s3Is(func(l types.ManagedPrefixList) error { return equal("it has a version", l.Version != nil, false) })),
		model("aws-lists/show-their-entries", "internal/inventory: they are read as others are", findS3, func(b *Bench) error {
			out, err := b.EC2.GetManagedPrefixListEntries(b.ctx, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: aws.String(b.ids["@s3"])})
			if err != nil {
				return err
			}
			return equal("it has entries", len(out.Entries) > 0, true)
		}),
		inferred("aws-lists/can-be-peers", own, findS3, allowOut("tcp 443:443 @s3"), holdsOut(opens, "tcp 443:443 @s3")),
		doc("aws-lists/count-their-weight", room, findS3, allowOut(append(many(58, "8.8.8.0/29"), "tcp 443:443 @s3")...), refusedAs("RulesPerSecurityGroupLimitExceeded", allowOut("udp 53:53 8.8.8.0/29"))),
		doc("aws-lists/cannot-be-edited", own, findS3, refused(func(b *Bench) error {
			_, err := b.EC2.ModifyManagedPrefixList(b.ctx, &ec2.ModifyManagedPrefixListInput{PrefixListId: aws.String(b.ids["@s3"]), AddEntries: []types.AddPrefixListEntry{{Cidr: aws.String("8.8.8.0/29")}}})
			return err
		})),
		doc("aws-lists/cannot-be-deleted", own, findS3, refused(func(b *Bench) error {
			_, err := b.EC2.DeleteManagedPrefixList(b.ctx, &ec2.DeleteManagedPrefixListInput{PrefixListId: aws.String(b.ids["@s3"])})
			return err
		})),
	}
}

// findS3 finds the list of S3, as @s3.
func findS3(b *Bench) error {
	pages := ec2.NewDescribeManagedPrefixListsPaginator(b.EC2, &ec2.DescribeManagedPrefixListsInput{Filters: []types.Filter{where("owner-id", "AWS")}})
	for pages.HasMorePages() {
		out, err := pages.NextPage(b.ctx)
		if err != nil {
			return err
		}
		for _, l := range out.PrefixLists {
			if name := aws.ToString(l.PrefixListName); strings.HasPrefix(name, "com.amazonaws.") && strings.HasSuffix(name, ".s3") {
				b.ids["@s3"] = aws.ToString(l.PrefixListId)
				return nil
			}
		}
	}
	return errors.New("AWS has no list of S3")
}

func s3Is(look func(types.ManagedPrefixList) error) step {
	return func(b *Bench) error {
		l, err := b.readList(b.ids["@s3"])
		if err != nil {
			return fmt.Errorf("read %s: %w", b.ids["@s3"], err)
		}
		return look(l)
	}
}
