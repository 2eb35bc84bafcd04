package inventory

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Bounds of Attached: what is read is for one sentence of a message.
const (
	mostAttached = 200 // interfaces
	mostBeside   = 200 // other groups: the values that a filter takes
)

// Attached reads the interfaces that a group is on, and the rules of their
// other groups: ec2:DescribeNetworkInterfaces, and ec2:DescribeSecurityGroupRules
// where there are others. whole is false where it is more than one page of
// either, or a rule is not understood; then the answer is to be left.
func (i *Inventory) Attached(ctx context.Context, groupID string) (at incident.Attached, whole bool, err error) {
	out, err := i.client.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{
		Filters:                 []types.Filter{{Name: aws.String("group-id"), Values: []string{groupID}}},
		IncludeManagedResources: aws.Bool(true), MaxResults: aws.Int32(mostAttached),
	})
	if err != nil {
		return incident.Attached{}, false, fmt.Errorf("describe network interfaces of %s: %w", groupID, notGone(awserr.Translate(err)))
	}
	var others []string
	for _, n := range out.NetworkInterfaces {
		read := attachedInterface(n)
		at.Interfaces = append(at.Interfaces, read)
		for _, id := range read.Groups {
			if id != groupID && !slices.Contains(others, id) {
				others = append(others, id)
			}
		}
	}
	if aws.ToString(out.NextToken) != "" || len(others) > mostBeside {
		return incident.Attached{}, false, nil
	}
	at.Rules = map[string][]secgroup.Rule{}
	if len(others) == 0 {
		return at, true, nil
	}
	slices.Sort(others)
	for _, id := range others {
		at.Rules[id] = []secgroup.Rule{}
	}
	understood := true
	next, err := i.EachRule(ctx, others, "", func(id string, r secgroup.Rule, fault error) {
		understood = understood && fault == nil
		at.Rules[id] = append(at.Rules[id], r)
	})
	if err != nil || next != "" || !understood {
		return incident.Attached{}, false, err
	}
	return at, true, nil
}

func attachedInterface(n types.NetworkInterface) incident.Interface {
	out := incident.Interface{ID: aws.ToString(n.NetworkInterfaceId), Kind: string(n.InterfaceType)}
	for _, g := range n.Groups {
		out.Groups = append(out.Groups, aws.ToString(g.GroupId))
	}
	slices.Sort(out.Groups)
	if c := n.ConnectionTrackingConfiguration; c != nil {
		out.TCPSeconds, out.UDPStreamSeconds = int(aws.ToInt32(c.TcpEstablishedTimeout)), int(aws.ToInt32(c.UdpStreamTimeout))
	}
	return out
}
