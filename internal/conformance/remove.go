package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
)

// Remove takes away all that carries the site's run in its tag, and all groups
// of VPCs that do, also what an earlier process of that run left behind. It
// touches nothing else, goes on after what cannot be removed, and ends with a
// look: nil says that nothing is left.
func (s *Site) Remove(ctx context.Context) error {
	if s.Run == "" {
		return errNoRun
	}
	left, err := s.left(ctx)
	if err != nil {
		return err
	}
	var failed []error
	note := func(id string, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("remove %s: %w", id, err))
		}
	}
	for _, id := range left.interfaces { // they hold groups and subnets
		note(id, s.eventually(ctx, func() error {
			_, err := s.EC2.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &id})
			return unlessGone(err)
		}))
	}
	for _, id := range left.subnets {
		note(id, s.eventually(ctx, func() error {
			_, err := s.EC2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &id})
			return unlessGone(err)
		}))
	}
	// References hold groups and lists, so all rules go first.
	for _, g := range left.groups {
		note(*g.GroupId, s.removeRules(ctx, *g.GroupId))
	}
	for _, g := range left.groups {
		if aws.ToString(g.GroupName) != "default" { // that one goes with its VPC
			note(*g.GroupId, s.removeGroup(ctx, *g.GroupId, left.vpcs))
		}
	}
	for _, id := range left.lists {
		note(id, s.eventually(ctx, func() error {
			_, err := s.EC2.DeleteManagedPrefixList(ctx, &ec2.DeleteManagedPrefixListInput{PrefixListId: &id})
			return unlessGone(err)
		}))
	}
	for _, id := range left.peerings {
		note(id, s.eventually(ctx, func() error {
			_, err := s.EC2.DeleteVpcPeeringConnection(ctx, &ec2.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: &id})
			return unlessGone(err)
		}))
	}
	for _, id := range left.vpcs {
		note(id, s.eventually(ctx, func() error {
			_, err := s.EC2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &id})
			return unlessGone(err)
		}))
	}
	note("everything", s.eventually(ctx, func() error { return s.nothingLeft(ctx) }))
	return errors.Join(failed...)
}

// leftovers are what a run has made and not removed, by id.
type leftovers struct {
	vpcs, lists, interfaces, subnets, peerings []string
	groups                                     []types.SecurityGroup
}

func (s *Site) left(ctx context.Context) (leftovers, error) {
	var l leftovers
	mine := where("tag:"+Tag, s.Run)
	vpcs := ec2.NewDescribeVpcsPaginator(s.EC2, &ec2.DescribeVpcsInput{Filters: []types.Filter{mine}})
	for vpcs.HasMorePages() {
		page, err := vpcs.NextPage(ctx)
		if err != nil {
			return l, fmt.Errorf("find vpcs of the run: %w", err)
		}
		for _, v := range page.Vpcs {
			l.vpcs = append(l.vpcs, *v.VpcId)
		}
	}
	interfaces := ec2.NewDescribeNetworkInterfacesPaginator(s.EC2, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{mine}})
	for interfaces.HasMorePages() {
		page, err := interfaces.NextPage(ctx)
		if err != nil {
			return l, fmt.Errorf("find interfaces of the run: %w", err)
		}
		for _, i := range page.NetworkInterfaces {
			l.interfaces = append(l.interfaces, *i.NetworkInterfaceId)
		}
	}
	subnets := ec2.NewDescribeSubnetsPaginator(s.EC2, &ec2.DescribeSubnetsInput{Filters: []types.Filter{mine}})
	for subnets.HasMorePages() {
		page, err := subnets.NextPage(ctx)
		if err != nil {
			return l, fmt.Errorf("find subnets of the run: %w", err)
		}
		for _, n := range page.Subnets {
			l.subnets = append(l.subnets, *n.SubnetId)
		}
	}
	peerings := ec2.NewDescribeVpcPeeringConnectionsPaginator(s.EC2, &ec2.DescribeVpcPeeringConnectionsInput{Filters: []types.Filter{mine}})
	for peerings.HasMorePages() {
		page, err := peerings.NextPage(ctx)
		if err != nil {
			return l, fmt.Errorf("find peerings of the run: %w", err)
		}
		for _, p := range page.VpcPeeringConnections { // those that ended are told for a while
			if c := p.Status.Code; c == types.VpcPeeringConnectionStateReasonCodePendingAcceptance || c == types.VpcPeeringConnectionStateReasonCodeActive {
				l.peerings = append(l.peerings, *p.VpcPeeringConnectionId)
			}
		}
	}
	filters := []types.Filter{mine}
	if len(l.vpcs) > 0 {
		filters = append(filters, where("vpc-id", l.vpcs...))
	}
	known := map[string]bool{}
	for _, f := range filters {
		groups := ec2.NewDescribeSecurityGroupsPaginator(s.EC2, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{f}})
		for groups.HasMorePages() {
			page, err := groups.NextPage(ctx)
			if err != nil {
				return l, fmt.Errorf("find groups of the run: %w", err)
			}
			for _, g := range page.SecurityGroups {
				if !known[*g.GroupId] {
					known[*g.GroupId] = true
					l.groups = append(l.groups, g)
				}
			}
		}
	}
	lists := ec2.NewDescribeManagedPrefixListsPaginator(s.EC2, &ec2.DescribeManagedPrefixListsInput{})
	for lists.HasMorePages() {
		page, err := lists.NextPage(ctx)
		if err != nil {
			return l, fmt.Errorf("find prefix lists of the run: %w", err)
		}
		for _, p := range page.PrefixLists {
			if tagValue(p.Tags) == s.Run && !strings.HasPrefix(string(p.State), "delete-") {
				l.lists = append(l.lists, *p.PrefixListId)
			}
		}
	}
	return l, nil
}

func tagValue(tags []types.Tag) string {
	for _, t := range tags {
		if aws.ToString(t.Key) == Tag {
			return aws.ToString(t.Value)
		}
	}
	return ""
}

func (s *Site) nothingLeft(ctx context.Context) error {
	l, err := s.left(ctx)
	if err != nil {
		return err
	}
	if n := len(l.vpcs) + len(l.groups) + len(l.lists) + len(l.interfaces) + len(l.subnets) + len(l.peerings); n > 0 {
		return fmt.Errorf("still there: vpcs %v, %d groups, prefix lists %v, interfaces %v, subnets %v, peerings %v", l.vpcs, len(l.groups), l.lists, l.interfaces, l.subnets, l.peerings)
	}
	return nil
}

// removeVPC takes a VPC away with all its groups. It may be gone already.
func (s *Site) removeVPC(ctx context.Context, id string) error {
	groups := ec2.NewDescribeSecurityGroupsPaginator(s.EC2, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{where("vpc-id", id)}})
	for groups.HasMorePages() {
		page, err := groups.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("find groups of %s: %w", id, err)
		}
		for _, g := range page.SecurityGroups {
			if aws.ToString(g.GroupName) == "default" { // it goes with its VPC
				continue
			}
			if err := errors.Join(s.removeRules(ctx, *g.GroupId), s.removeGroup(ctx, *g.GroupId, nil)); err != nil {
				return fmt.Errorf("remove %s of %s: %w", *g.GroupId, id, err)
			}
		}
	}
	return s.eventually(ctx, func() error {
		_, err := s.EC2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &id})
		return unlessGone(err)
	})
}

func (s *Site) removeRules(ctx context.Context, groupID string) error {
	rules, err := rulesOf(ctx, s.EC2, groupID)
	if err != nil {
		return err
	}
	var in, out []string
	for _, r := range rules {
		if aws.ToBool(r.IsEgress) {
			out = append(out, *r.SecurityGroupRuleId)
		} else {
			in = append(in, *r.SecurityGroupRuleId)
		}
	}
	if len(in) > 0 {
		if _, err := s.EC2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &groupID, SecurityGroupRuleIds: in}); unlessGone(err) != nil {
			return err
		}
	}
	if len(out) > 0 {
		if _, err := s.EC2.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &groupID, SecurityGroupRuleIds: out}); unlessGone(err) != nil {
			return err
		}
	}
	return nil
}

// removeGroup deletes a group, with its associations where they hold it.
func (s *Site) removeGroup(ctx context.Context, id string, vpcs []string) error {
	return s.eventually(ctx, func() error {
		err := s.deleteGroup(ctx, id)
		if code(err) != "DependencyViolation" {
			return unlessGone(err)
		}
		for _, vpc := range vpcs {
			// The deletion below tells whether this helped.
			_, _ = s.EC2.DisassociateSecurityGroupVpc(ctx, &ec2.DisassociateSecurityGroupVpcInput{GroupId: &id, VpcId: &vpc})
		}
		return unlessGone(s.deleteGroup(ctx, id))
	})
}

func (s *Site) deleteGroup(ctx context.Context, id string) error {
	_, err := s.EC2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &id})
	return err
}

// unlessGone is nil where what was to be removed is not there any more.
func unlessGone(err error) error {
	if strings.HasSuffix(code(err), ".NotFound") {
		return nil
	}
	return err
}

// code is the code of an API error, "" where err is none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
