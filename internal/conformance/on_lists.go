package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func lists() []Case {
	const (
		read  = "internal/inventory: List reads the entries of the version that it was told"
		widen = "internal/warden: an edit of a list widens every rule that refers to it"
		peer  = "internal/awsrule: a list is the peer of a rule by its id"
		gone  = "internal/inventory: a list that is not there stands for unknown addresses"
	)
	return []Case{
		model("lists/first-version-is-1", read, listIs("@list", 1, "8.8.8.0/29")),
		model("lists/an-addition-makes-a-version", widen, edit("@list", 1, []string{"8.8.8.8/32"}, nil), listIs("@list", 2, "8.8.8.0/29", "8.8.8.8/32")),
		model("lists/a-removal-makes-a-version", widen, edit("@list", 1, nil, []string{"8.8.8.0/29"}), listIs("@list", 2)),
		model("lists/entries-of-an-old-version", read, edit("@list", 1, []string{"8.8.8.8/32"}, nil), entries("@list", 1, "8.8.8.0/29")),
		model("lists/entries-are-the-current-ones", read, edit("@list", 1, []string{"8.8.8.8/32"}, nil), entries("@list", 0, "8.8.8.0/29", "8.8.8.8/32")),
		model("lists/wrong-version", widen, refused(edit("@list", 7, []string{"8.8.8.8/32"}, nil)), listIs("@list", 1, "8.8.8.0/29")),
		inferred("lists/host-bits-are-masked", read, edit("@list", 1, []string{"100.68.0.18/18"}, nil), listIs("@list", 2, "8.8.8.0/29", "100.68.0.0/18")),
		model("lists/no-more-entries-than-the-size", widen, refused(edit("@list", 1, []string{"8.8.8.8/32", "8.8.8.9/32", "8.8.8.10/32"}, nil)), listIs("@list", 1, "8.8.8.0/29")),
		model("lists/entries-and-size-not-at-once", widen, refused(editAndResize), listIs("@list", 1, "8.8.8.0/29")),
		model("lists/size", "internal/warden: a list that may hold more counts for more", func(b *Bench) error { return b.resize("@list", 5) },
			listShows("@list", func(l types.ManagedPrefixList) error { return equal("size", aws.ToInt32(l.MaxEntries), 5) })),
		model("lists/size-makes-no-version", read, func(b *Bench) error { return b.resize("@list", 5) },
			listShows("@list", func(l types.ManagedPrefixList) error {
				return equal("size and version", fmt.Sprint(aws.ToInt32(l.MaxEntries), aws.ToInt64(l.Version)), "5 1")
			})),
		model("lists/restore-makes-a-version", widen, edit("@list", 1, []string{"8.8.8.8/32"}, nil), restore("@list", 1, 2), listIs("@list", 3, "8.8.8.0/29")),
		inferred("lists/restore-of-an-unknown-version", widen, refused(restore("@list", 7, 1))),
		inferred("lists/other-family", read, refused(edit("@list", 1, []string{"2606:4700::/32"}, nil)), listIs("@list", 1, "8.8.8.0/29")),
		inferred("lists/ipv6", read, edit("@list6", 1, []string{"2606:4700:1::1/48"}, nil), listIs("@list6", 2, "2606:4700::/32", "2606:4700:1::/48")),
		model("lists/a-rule-has-the-lists-id", peer, allow("tcp 22:22 @list"), holds("tcp 22:22 @list")),
		model("lists/a-rule-has-the-latest-version", "internal/policy: a list in a rule is judged by its entries of now", allow("tcp 22:22 @list"),
			edit("@list", 1, []string{"8.8.8.8/32"}, nil), holds("tcp 22:22 @list"), entries("@list", 0, "8.8.8.0/29", "8.8.8.8/32")),
		model("lists/outward", peer, allowOut("tcp 443:443 @list"), holdsOut(opens, "tcp 443:443 @list")),
		inferred("lists/unknown-in-a-rule", gone, refused(allow("tcp 22:22 pl-0fffffffffffffff0")), holds()),
		inferred("lists/malformed-in-a-rule", gone, refused(allow("tcp 22:22 pl-nonsense")), holds()),
		inferred("lists/unknown", gone, refusedAs("InvalidPrefixListID.NotFound", func(b *Bench) error {
			_, err := b.EC2.GetManagedPrefixListEntries(b.ctx, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: aws.String("pl-0fffffffffffffff0")})
			return err
		})),
		model("lists/own-lists-have-an-owner", "internal/inventory: lists of AWS are told by their owner",
			listShows("@list", func(l types.ManagedPrefixList) error {
				return equal("length of the owner", len(aws.ToString(l.OwnerId)), 12)
			})),
		model("lists/reserved-name", "internal/policy: names under com.amazonaws are those of AWS", refused(nameList("com.amazonaws.mine"))),
		doc("lists/deleted", gone, makes("@list"), dropList("@list"), listGone("@list")),
		doc("lists/in-use-cannot-be-deleted", gone, allow("tcp 22:22 @list"), refused(dropList("@list")), listIs("@list", 1, "8.8.8.0/29")),
		doc("lists/free-after-the-rule-went", gone, allow("tcp 22:22 @list"), takeIDs("tcp 22:22 @list"), dropList("@list"), listGone("@list")),
	}
}

// edit adds and removes entries of that version.
func edit(list string, version int64, add, remove []string) step {
	return func(b *Bench) error {
		id, err := b.id(list)
		if err != nil {
			return err
		}
		in := &ec2.ModifyManagedPrefixListInput{PrefixListId: &id, CurrentVersion: &version}
		for _, block := range add {
			in.AddEntries = append(in.AddEntries, types.AddPrefixListEntry{Cidr: &block})
		}
		for _, block := range remove {
			in.RemoveEntries = append(in.RemoveEntries, types.RemovePrefixListEntry{Cidr: &block})
		}
		if _, err := b.EC2.ModifyManagedPrefixList(b.ctx, in); err != nil {
			return err
		}
		return b.listSettles(id)
	}
}

func (b *Bench) resize(list string, size int32) error {
	id, err := b.id(list)
	if err != nil {
		return err
	}
	if _, err := b.EC2.ModifyManagedPrefixList(b.ctx, &ec2.ModifyManagedPrefixListInput{PrefixListId: &id, MaxEntries: &size}); err != nil {
		return err
	}
	return b.listSettles(id)
}

func editAndResize(b *Bench) error {
	id, err := b.id("@list")
	if err != nil {
		return err
	}
	_, err = b.EC2.ModifyManagedPrefixList(b.ctx, &ec2.ModifyManagedPrefixListInput{
		PrefixListId: &id, CurrentVersion: aws.Int64(1), MaxEntries: aws.Int32(5), AddEntries: []types.AddPrefixListEntry{{Cidr: aws.String("8.8.8.8/32")}},
	})
	return err
}

func restore(list string, version, current int64) step {
	return func(b *Bench) error {
		id, err := b.id(list)
		if err != nil {
			return err
		}
		if _, err := b.EC2.RestoreManagedPrefixListVersion(b.ctx, &ec2.RestoreManagedPrefixListVersionInput{
			PrefixListId: &id, PreviousVersion: &version, CurrentVersion: &current,
		}); err != nil {
			return err
		}
		return b.listSettles(id)
	}
}

// listShows holds something of a list.
func listShows(list string, look func(types.ManagedPrefixList) error) step {
	return func(b *Bench) error {
		id, err := b.id(list)
		if err != nil {
			return err
		}
		return b.site.eventually(b.ctx, func() error {
			l, err := b.readList(id)
			if err != nil {
				return err
			}
			return look(l)
		})
	}
}

// listIs holds the version and the entries of a list.
func listIs(list string, version int64, blocks ...string) step {
	return func(b *Bench) error {
		if err := listShows(list, func(l types.ManagedPrefixList) error { return equal("version", aws.ToInt64(l.Version), version) })(b); err != nil {
			return err
		}
		return entries(list, version, blocks...)(b)
	}
}

// entries holds those of a version; 0 = the request names none.
func entries(list string, version int64, blocks ...string) step {
	return func(b *Bench) error {
		id, err := b.id(list)
		if err != nil {
			return err
		}
		in := &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id}
		if version > 0 {
			in.TargetVersion = &version
		}
		return b.site.eventually(b.ctx, func() error {
			out, err := b.EC2.GetManagedPrefixListEntries(b.ctx, in)
			if err != nil {
				return err
			}
			var got []string
			for _, e := range out.Entries {
				got = append(got, aws.ToString(e.Cidr))
			}
			return same("entries", got, blocks)
		})
	}
}

func nameList(name string) step {
	return func(b *Bench) error {
		_, err := b.EC2.CreateManagedPrefixList(b.ctx, &ec2.CreateManagedPrefixListInput{
			PrefixListName: &name, AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(1), TagSpecifications: b.site.tagged(types.ResourceTypePrefixList),
		})
		return err
	}
}

func dropList(list string) step {
	return func(b *Bench) error {
		id, err := b.id(list)
		if err != nil {
			return err
		}
		_, err = b.EC2.DeleteManagedPrefixList(b.ctx, &ec2.DeleteManagedPrefixListInput{PrefixListId: &id})
		return err
	}
}

// listGone holds that a list is not there any more, or is on its way out.
func listGone(list string) step {
	return func(b *Bench) error {
		l, err := b.readList(b.ids[list])
		switch {
		case code(err) == "InvalidPrefixListID.NotFound":
			return nil
		case err != nil:
			return err
		case l.State == types.PrefixListStateDeleteInProgress || l.State == types.PrefixListStateDeleteComplete:
			return nil
		}
		return fmt.Errorf("the list is %s", l.State)
	}
}
