package conformance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Rules are written "PROTOCOL FROM:TO PEER,... # DESCRIPTION". "-" for the
// ports, and "_" for the protocol or one port, leaves it out. A peer is a block
// (v4=TEXT and v6=TEXT force its family), sg-..., pl-..., @NAME (see Bench.id),
// or "nobody" for no peer.

// ssh is a rule that many cases take.
const ssh = "tcp 22:22 8.8.8.0/29"

// permission reads a rule as Authorize takes it.
func (b *Bench) permission(text string) (types.IpPermission, error) {
	text, description, described := strings.Cut(text, " # ")
	parts := strings.Fields(text)
	if len(parts) != 3 {
		return types.IpPermission{}, fmt.Errorf("%q is not a rule", text)
	}
	var p types.IpPermission
	if parts[0] != "_" {
		p.IpProtocol = &parts[0]
	}
	var err error
	if p.FromPort, p.ToPort, err = ports(parts[1]); err != nil {
		return p, err
	}
	var says *string
	if described {
		says = &description
	}
	for peer := range strings.SplitSeq(parts[2], ",") {
		if err := b.addPeer(&p, peer, says); err != nil {
			return p, err
		}
	}
	return p, nil
}

func ports(text string) (from, to *int32, err error) {
	if text == "-" {
		return nil, nil, nil
	}
	left, right, ok := strings.Cut(text, ":")
	if !ok {
		return nil, nil, fmt.Errorf("%q are not ports", text)
	}
	var both [2]*int32
	for i, half := range []string{left, right} {
		if half == "_" {
			continue
		}
		n, err := strconv.ParseInt(half, 10, 32)
		if err != nil {
			return nil, nil, fmt.Errorf("read ports: %w", err)
		}
		both[i] = aws.Int32(int32(n))
	}
	return both[0], both[1], nil
}

func (b *Bench) addPeer(p *types.IpPermission, peer string, says *string) error {
	if peer == "nobody" {
		return nil
	}
	id, err := b.id(peer)
	if err != nil {
		return err
	}
	four, isFour := strings.CutPrefix(id, "v4=")
	six, isSix := strings.CutPrefix(id, "v6=")
	switch {
	case strings.HasPrefix(id, "sg-"):
		p.UserIdGroupPairs = append(p.UserIdGroupPairs, types.UserIdGroupPair{GroupId: &id, Description: says})
	case strings.HasPrefix(id, "pl-"):
		p.PrefixListIds = append(p.PrefixListIds, types.PrefixListId{PrefixListId: &id, Description: says})
	case isFour || !isSix && !strings.Contains(id, ":"):
		p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: &four, Description: says})
	default:
		p.Ipv6Ranges = append(p.Ipv6Ranges, types.Ipv6Range{CidrIpv6: &six, Description: says})
	}
	return nil
}

func (b *Bench) permissions(texts []string) ([]types.IpPermission, error) {
	var all []types.IpPermission
	for _, text := range texts {
		p, err := b.permission(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// request reads a rule as ModifySecurityGroupRules takes it, with as many peers
// as the text has.
func (b *Bench) request(text string) (*types.SecurityGroupRuleRequest, error) {
	p, err := b.permission(text)
	if err != nil {
		return nil, err
	}
	r := &types.SecurityGroupRuleRequest{IpProtocol: p.IpProtocol, FromPort: p.FromPort, ToPort: p.ToPort}
	for _, x := range p.IpRanges {
		r.CidrIpv4, r.Description = x.CidrIp, x.Description
	}
	for _, x := range p.Ipv6Ranges {
		r.CidrIpv6, r.Description = x.CidrIpv6, x.Description
	}
	for _, x := range p.PrefixListIds {
		r.PrefixListId, r.Description = x.PrefixListId, x.Description
	}
	for _, x := range p.UserIdGroupPairs {
		r.ReferencedGroupId, r.Description = x.GroupId, x.Description
	}
	return r, nil
}

// text writes a rule as EC2 answers it, with the bench's names for ids; no
// ports are "-", but for icmp, whose -1:-1 means something.
func (b *Bench) text(r types.SecurityGroupRule) string {
	from, to, protocol := aws.ToInt32(r.FromPort), aws.ToInt32(r.ToPort), aws.ToString(r.IpProtocol)
	span := fmt.Sprintf("%d:%d", from, to)
	if r.FromPort == nil && r.ToPort == nil || from == -1 && to == -1 && !strings.HasPrefix(protocol, "icmp") {
		span = "-"
	}
	peer := aws.ToString(r.CidrIpv4) + aws.ToString(r.CidrIpv6) + aws.ToString(r.PrefixListId)
	if r.ReferencedGroupInfo != nil {
		peer += aws.ToString(r.ReferencedGroupInfo.GroupId)
	}
	text := protocol + " " + span + " " + b.named(peer)
	if d := aws.ToString(r.Description); d != "" {
		text += " # " + d
	}
	return text
}

// named is the bench's name for an id; other texts stay.
func (b *Bench) named(id string) string {
	for name, known := range b.ids {
		if known == id {
			return name
		}
	}
	return id
}

// many are rules with one port each, from port 1 up.
func many(count int, peer string) []string {
	var all []string
	for port := range count {
		all = append(all, fmt.Sprintf("tcp %d:%d %s", port+1, port+1, peer))
	}
	return all
}

func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }
