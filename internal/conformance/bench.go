package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Bench is where one case works: a fresh group, called @self.
type Bench struct {
	EC2 *ec2.Client

	ctx   context.Context
	site  *Site
	vpc   string            // of @self
	ids   map[string]string // by name, @ included
	added []types.SecurityGroupRule
	gone  *ec2.RevokeSecurityGroupIngressOutput // what the last Revoke answered
	kept  map[string]string                     // rule ids that a step remembered
}

// id resolves a name, and makes what it stands for at its first use:
//
//	@self     the fresh group        @other, @third  more groups of its VPC
//	@far      a group of the site's second VPC
//	@latevpc  a VPC of the case's own, that gets blocks and loses them; it is
//	          removed with all its groups          @late  a group of it
//	@list, @list2      IPv4 prefix lists of at most 3 entries, of which they have 8.8.8.0/29
//	@list6    the same for IPv6, with 2606:4700::/32
//	@list59, @list61   IPv4 lists of as many entries at most
//	@list1000          the same, with none
//	@vpc, @farvpc      the VPCs
//
// Other texts are taken as they are.
func (b *Bench) id(name string) (string, error) {
	if !strings.HasPrefix(name, "@") {
		return name, nil
	}
	if id, ok := b.ids[name]; ok {
		return id, nil
	}
	var id string
	var err error
	switch name {
	case "@other", "@third":
		id, err = b.newGroup(b.vpc)
	case "@far":
		id, err = b.newGroup(b.site.far)
	case "@latevpc":
		id, err = b.newVPC()
	case "@late":
		if id, err = b.id("@latevpc"); err == nil {
			id, err = b.newGroup(id)
		}
	case "@list", "@list2":
		id, err = b.newList("IPv4", 3, "8.8.8.0/29")
	case "@list6":
		id, err = b.newList("IPv6", 3, "2606:4700::/32")
	case "@list59":
		id, err = b.newList("IPv4", 59, "8.8.8.0/29")
	case "@list61":
		id, err = b.newList("IPv4", 61, "8.8.8.0/29")
	case "@list1000":
		id, err = b.newList("IPv4", 1000)
	default:
		err = errors.New("no such name")
	}
	if err != nil {
		return "", fmt.Errorf("make %s: %w", name, err)
	}
	b.ids[name] = id
	return id, nil
}

// newVPC makes a VPC, noted even where it does not become ready: it is removed.
func (b *Bench) newVPC() (string, error) {
	vpc, err := b.site.newVPC(b.ctx, LateBlock, false)
	if vpc != nil {
		b.ids["@latevpc"] = aws.ToString(vpc.VpcId)
	}
	return b.ids["@latevpc"], err
}

// newGroup makes a group and waits until it can be read.
func (b *Bench) newGroup(vpcID string) (string, error) {
	name := b.site.name()
	out, err := b.EC2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
		GroupName: &name, Description: aws.String("sgwarden conformance"), VpcId: &vpcID,
		TagSpecifications: b.site.tagged(types.ResourceTypeSecurityGroup),
	})
	if err != nil {
		return "", fmt.Errorf("make group: %w", err)
	}
	return *out.GroupId, b.site.eventually(b.ctx, func() error {
		_, err := b.EC2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{*out.GroupId}})
		return err
	})
}

// newList makes a prefix list and waits until it is complete.
func (b *Bench) newList(family types.AddressFamily, size int32, blocks ...string) (string, error) {
	in := &ec2.CreateManagedPrefixListInput{
		PrefixListName: aws.String(b.site.name()), AddressFamily: aws.String(string(family)), MaxEntries: &size,
		TagSpecifications: b.site.tagged(types.ResourceTypePrefixList),
	}
	for _, block := range blocks {
		in.Entries = append(in.Entries, types.AddPrefixListEntry{Cidr: &block})
	}
	out, err := b.EC2.CreateManagedPrefixList(b.ctx, in)
	if err != nil {
		return "", fmt.Errorf("make prefix list: %w", err)
	}
	id := aws.ToString(out.PrefixList.PrefixListId)
	return id, b.listSettles(id)
}

// listSettles waits until a change of a list is complete.
func (b *Bench) listSettles(id string) error {
	return b.site.eventually(b.ctx, func() error {
		l, err := b.readList(id)
		if err == nil && strings.HasSuffix(string(l.State), "-in-progress") && b.site.Patience > 0 {
			err = fmt.Errorf("prefix list is %s", l.State)
		}
		return err
	})
}

func (b *Bench) readList(id string) (types.ManagedPrefixList, error) {
	out, err := b.EC2.DescribeManagedPrefixLists(b.ctx, &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{id}})
	if err != nil {
		return types.ManagedPrefixList{}, err
	}
	if len(out.PrefixLists) != 1 {
		return types.ManagedPrefixList{}, fmt.Errorf("%d prefix lists with the id %s", len(out.PrefixLists), id)
	}
	return out.PrefixLists[0], nil
}

// rules are the live rules of a group, by the pages that EC2 gives.
func (b *Bench) rules(group string) ([]types.SecurityGroupRule, error) {
	id, err := b.id(group)
	if err != nil {
		return nil, err
	}
	return rulesOf(b.ctx, b.EC2, id)
}

func rulesOf(ctx context.Context, client *ec2.Client, groupID string) ([]types.SecurityGroupRule, error) {
	var all []types.SecurityGroupRule
	reader := ec2.NewDescribeSecurityGroupRulesPaginator(client, &ec2.DescribeSecurityGroupRulesInput{
		Filters: []types.Filter{where("group-id", groupID)},
	})
	for reader.HasMorePages() {
		page, err := reader.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read rules of %s: %w", groupID, err)
		}
		all = append(all, page.SecurityGroupRules...)
	}
	return all, nil
}

// rule finds the live rule of @self with that text.
func (b *Bench) rule(egress bool, text string) (found types.SecurityGroupRule, err error) {
	err = b.site.eventually(b.ctx, func() error {
		all, err := b.rules("@self")
		if err != nil {
			return err
		}
		for _, r := range all {
			if aws.ToBool(r.IsEgress) == egress && b.text(r) == text {
				found = r
				return nil
			}
		}
		return fmt.Errorf("the group has no rule %q", text)
	})
	return found, err
}

func where(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// eventually repeats a look until it succeeds or patience ends: reads of EC2
// are eventually consistent. Without patience there is one look.
func (s *Site) eventually(ctx context.Context, look func() error) error {
	for deadline := time.Now().Add(s.Patience); ; {
		err := look()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}
