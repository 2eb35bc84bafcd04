package conformance

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// largeLists are claims about how much a list, a call and a page may have.
func largeLists() []Case {
	const (
		every = "internal/inventory: every page of a list's entries is read"
		size  = "internal/warden: a list's size bounds what it can open"
		name  = "internal/inventory: the version tells whether the entries are the same, whatever the name"
	)
	rename := func(to string) step {
		return func(b *Bench) error {
			id, err := b.id("@list")
			if err != nil {
				return err
			}
			if _, err = b.EC2.ModifyManagedPrefixList(b.ctx, &ec2.ModifyManagedPrefixListInput{PrefixListId: &id, PrefixListName: &to}); err != nil {
				return err
			}
			return b.listSettles(id)
		}
	}
	return []Case{
		model("lists/100-entries-in-a-call", size, makes("@list1000"), edit("@list1000", 1, blocks(0, 100), nil), pagesOf("@list1000", 100, 100)),
		model("lists/101-entries-in-a-call", size, makes("@list1000"), refused(edit("@list1000", 1, blocks(0, 101), nil))),
		model("lists/101-entries-at-birth", size, refused(func(b *Bench) error {
			_, err := b.newList("IPv4", 1000, blocks(0, 101)...)
			return err
		})),
		doc("lists/1000-entries", every, makes("@list1000"), fill("@list1000", 1000),
			pagesOf("@list1000", 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100)),
		model("lists/pages-as-small-as-asked", every, makes("@list1000"), edit("@list1000", 1, blocks(0, 100), nil), pagesOf("@list1000", 40, 40, 40, 20)),
		model("lists/pages-above-100", every, refused(pagesOf("@list", 101))),
		doc("lists/1001-entries", size, refused(func(b *Bench) error { _, err := b.newList("IPv4", 1001); return err })),
		inferred("lists/smaller-than-its-entries", size, makes("@list1000"), edit("@list1000", 1, blocks(0, 4), nil), refused(func(b *Bench) error { return b.resize("@list1000", 3) })),
		inferred("lists/wrong-version-has-its-code", "internal/awserr: the code means that somebody else was faster",
			refusedAs("PrefixListVersionMismatch", edit("@list", 7, []string{"8.8.8.8/32"}, nil))),
		model("lists/a-name-makes-no-version", name, rename("sgwarden-conformance-renamed"), listIs("@list", 1, "8.8.8.0/29")),
		inferred("lists/reserved-as-a-new-name", "internal/policy: names under com.amazonaws are those of AWS", refused(rename("com.amazonaws.mine"))),
	}
}

// listEdits are claims about taking entries out of a list again, and about who
// uses it.
func listEdits() []Case {
	const (
		take = "internal/apply: entries are taken out, and others put back, by one edit of the version that was judged"
		user = "internal/warden: no entry is taken out of a list that something beside the judged groups uses"
		text = "internal/undo: entries go back with their descriptions"
	)
	return []Case{
		model("lists/additions-and-removals-at-once-make-one-version", take,
			edit("@list", 1, []string{"9.9.9.0/29"}, []string{"8.8.8.0/29"}), listIs("@list", 2, "9.9.9.0/29")),
		inferred("lists/removal-of-what-is-not-there", take, refused(edit("@list", 1, nil, []string{"9.9.9.0/29"})), listIs("@list", 1, "8.8.8.0/29")),
		inferred("lists/removal-of-a-part-of-an-entry", take, refused(edit("@list", 1, nil, []string{"8.8.8.0/30"})), listIs("@list", 1, "8.8.8.0/29")),
		inferred("lists/removal-of-an-old-version", take, edit("@list", 1, []string{"9.9.9.0/29"}, nil),
			refusedAs("PrefixListVersionMismatch", edit("@list", 1, nil, []string{"9.9.9.0/29"})), listIs("@list", 2, "8.8.8.0/29", "9.9.9.0/29")),
		model("lists/entries-without-their-version", take, refused(editWithoutVersion)),
		model("lists/descriptions-of-entries", text, editDescribed("@list", 1, "9.9.9.0/29", "an office"), entryDescribed("@list", "9.9.9.0/29", "an office")),
		model("lists/the-groups-that-refer-to-it", user, allow("tcp 22:22 @list"), usersOf("@list", 1)),
		inferred("lists/used-by-nobody", user, makes("@list"), usersOf("@list", 0)),
		inferred("lists/used-twice-by-a-group", user, allow("tcp 22:22 @list"), allow("tcp 443:443 @list"), usersOf("@list", 1)),
	}
}

func editWithoutVersion(b *Bench) error {
	id, err := b.id("@list")
	if err != nil {
		return err
	}
	_, err = b.EC2.ModifyManagedPrefixList(b.ctx, &ec2.ModifyManagedPrefixListInput{
		PrefixListId: &id, RemoveEntries: []types.RemovePrefixListEntry{{Cidr: aws.String("8.8.8.0/29")}},
	})
	return err
}

func editDescribed(list string, version int64, block, description string) step {
	return func(b *Bench) error {
		id, err := b.id(list)
		if err != nil {
			return err
		}
		if _, err := b.EC2.ModifyManagedPrefixList(b.ctx, &ec2.ModifyManagedPrefixListInput{
			PrefixListId: &id, CurrentVersion: &version, AddEntries: []types.AddPrefixListEntry{{Cidr: &block, Description: &description}},
		}); err != nil {
			return err
		}
		return b.listSettles(id)
	}
}

// entryDescribed holds the description of an entry.
func entryDescribed(list, block, want string) step {
	return func(b *Bench) error {
		id, err := b.id(list)
		if err != nil {
			return err
		}
		return b.site.eventually(b.ctx, func() error {
			out, err := b.EC2.GetManagedPrefixListEntries(b.ctx, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id})
			if err != nil {
				return err
			}
			for _, e := range out.Entries {
				if aws.ToString(e.Cidr) == block {
					return equal("description", aws.ToString(e.Description), want)
				}
			}
			return fmt.Errorf("there is no entry %s", block)
		})
	}
}

// usersOf holds how many resources refer to a list.
func usersOf(list string, want int) step {
	return func(b *Bench) error {
		id, err := b.id(list)
		if err != nil {
			return err
		}
		return b.site.eventually(b.ctx, func() error {
			out, err := b.EC2.GetManagedPrefixListAssociations(b.ctx, &ec2.GetManagedPrefixListAssociationsInput{PrefixListId: &id})
			if err != nil {
				return err
			}
			return equal("users", len(out.PrefixListAssociations), want)
		})
	}
}

// slowLists are claims about changes that are in progress.
func slowLists() []Case {
	const (
		again = "internal/awserr: IncorrectState means that the call may come again"
		state = "internal/inventory: the entries of a list that is being modified are read like any others"
	)
	more, over := edit("@list", 1, []string{"8.8.8.8/32"}, nil), pass(30*time.Second)
	busy := func(call step) step { return refusedAs("IncorrectState", call) }
	begin := inOrder(makes("@list"), slow(30*time.Second), more)
	return staged(
		model("lists/modify-in-progress", state, begin, stateIs("@list", "modify-in-progress"), over, stateIs("@list", "modify-complete")),
		model("lists/create-in-progress", state, slow(30*time.Second), makes("@list"), stateIs("@list", "create-in-progress"), over, stateIs("@list", "create-complete")),
		model("lists/restore-in-progress", state, makes("@list"), more, slow(30*time.Second), restore("@list", 1, 2), stateIs("@list", "restore-in-progress"), over,
			stateIs("@list", "restore-complete"), listIs("@list", 3, "8.8.8.0/29")),
		inferred("lists/no-second-change-in-progress", again, begin, busy(edit("@list", 2, []string{"8.8.8.9/32"}, nil)), over, edit("@list", 2, []string{"8.8.8.9/32"}, nil)),
		inferred("lists/no-restore-in-progress", again, begin, busy(restore("@list", 1, 2)), over, restore("@list", 1, 2)),
		inferred("lists/no-resize-in-progress", again, begin, busy(func(b *Bench) error { return b.resize("@list", 5) })),
		inferred("lists/no-deletion-in-progress", again, begin, busy(dropList("@list")), over, dropList("@list")),
		inferred("lists/a-refused-change-takes-no-time", again, makes("@list"), slow(30*time.Second), refused(edit("@list", 7, []string{"8.8.8.8/32"}, nil)), more),
	)
}

func slow(by time.Duration) step {
	return func(b *Bench) error { b.site.Stage.Slow(by); return nil }
}

// stateIs holds the state of a list.
func stateIs(list string, want types.PrefixListState) step {
	return listShows(list, func(l types.ManagedPrefixList) error { return equal("state", l.State, want) })
}

// blocks are different blocks of IPv4: those numbered from, from+1, ... below to.
func blocks(from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("8.8.%d.%d/32", i/250, i%250))
	}
	return all
}

// fill gives an empty list so many entries, 100 in a call.
func fill(list string, count int) step {
	return func(b *Bench) error {
		for n := 0; n < count; n += 100 {
			if err := edit(list, int64(n/100+1), blocks(n, n+100), nil)(b); err != nil {
				return err
			}
		}
		return nil
	}
}

// pagesOf reads a list's entries in pages of that size, and holds how many each
// has, and that none comes twice.
func pagesOf(list string, size int32, want ...int) step {
	return func(b *Bench) error {
		id, err := b.id(list)
		if err != nil {
			return err
		}
		reader := ec2.NewGetManagedPrefixListEntriesPaginator(b.EC2, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id, MaxResults: &size})
		var got []int
		seen := map[string]bool{}
		for reader.HasMorePages() {
			page, err := reader.NextPage(b.ctx)
			if err != nil {
				return err
			}
			got = append(got, len(page.Entries))
			for _, e := range page.Entries {
				seen[aws.ToString(e.Cidr)] = true
			}
		}
		total := 0
		for _, n := range want {
			total += n
		}
		if err := equal("different entries", len(seen), total); err != nil {
			return err
		}
		return equal("sizes of the pages", fmt.Sprint(got), fmt.Sprint(want))
	}
}
