package embedded

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func prefixes(t *testing.T, texts []string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		require.NoError(t, err)
		out = append(out, p)
	}
	return out
}

func (s *scene) putList(kind, name string, entries []netip.Prefix) {
	l := secgroup.PrefixList{ID: "pl-" + strings.Repeat(fmt.Sprintf("%x", len(s.lists)+1), 8), Name: name, Entries: entries}
	if old, ok := s.lists[name]; ok {
		l.ID = old.ID
	}
	switch kind {
	case "aws-list":
		l.OwnerID, l.Name = "AWS", "com.amazonaws.us-east-1."+name
	case "foreign-list":
		l.OwnerID = "999999999999"
	}
	require.NoError(s.t, s.account.ec2.PutList(l, 0))
	l.Readable = true
	s.lists[name] = l
}

// permission reads "PROTOCOL FROM TO PEER..." as a client writes it; - is left out.
func (s *scene) permission(words []string) types.IpPermission {
	p := types.IpPermission{IpProtocol: aws.String(words[0]), FromPort: s.number(words[1]), ToPort: s.number(words[2])}
	for _, peer := range words[3:] {
		switch {
		case strings.HasPrefix(peer, "@"):
			p.PrefixListIds = append(p.PrefixListIds, types.PrefixListId{PrefixListId: aws.String(s.listID(peer))})
		case strings.HasPrefix(peer, "sg-"), peer == "self":
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, types.UserIdGroupPair{GroupId: aws.String(s.peerGroup(peer))})
		case strings.Contains(peer, ":"):
			p.Ipv6Ranges = append(p.Ipv6Ranges, types.Ipv6Range{CidrIpv6: aws.String(peer)})
		default:
			for _, cidr := range spread(s.t, peer) {
				p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String(cidr)})
			}
		}
	}
	return p
}

// spread turns "8.0.0.0/8*2" into the first two blocks of that size.
func spread(t *testing.T, peer string) []string {
	text, times, ok := strings.Cut(peer, "*")
	if !ok {
		return []string{peer}
	}
	n, err := strconv.Atoi(times)
	require.NoError(t, err)
	p := netip.MustParsePrefix(text)
	var out []string
	for range n {
		out = append(out, p.String())
		b := p.Addr().As4()
		v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		v += 1 << (32 - p.Bits())
		p = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), p.Bits())
	}
	return out
}

func (s *scene) listID(peer string) string {
	l, ok := s.lists[peer[1:]]
	require.True(s.t, ok, "%s: no list %s", s.where, peer)
	return l.ID
}

func (s *scene) peerGroup(peer string) string {
	if peer == "self" {
		return s.group
	}
	_, err := s.account.ec2.EnsureGroup(secgroup.Group{ID: peer, Name: "peer-" + peer, Rules: []secgroup.Rule{}})
	require.NoError(s.t, err)
	return peer
}

func (s *scene) number(word string) *int32 {
	if word == "-" {
		return nil
	}
	n, err := strconv.ParseInt(word, 10, 32)
	require.NoError(s.t, err, s.where)
	return aws.Int32(int32(n))
}

// add authorizes one permission, or several with "+" between them, in one call.
func (s *scene) add(direction string, words []string) {
	var permissions []types.IpPermission
	for len(words) > 0 {
		end := slices.Index(words, "+")
		if end < 0 {
			end = len(words)
		}
		permissions = append(permissions, s.permission(words[:end]))
		words = words[min(end+1, len(words)):]
	}
	var rules []types.SecurityGroupRule
	if direction == "egress" {
		out, err := s.client.AuthorizeSecurityGroupEgress(s.ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &s.group, IpPermissions: permissions})
		require.NoError(s.t, err, s.where)
		rules = out.SecurityGroupRules
	} else {
		in := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &s.group, IpPermissions: permissions}
		if direction == "by-name" {
			in.GroupId, in.GroupName = nil, &s.name
		}
		out, err := s.client.AuthorizeSecurityGroupIngress(s.ctx, in)
		require.NoError(s.t, err, s.where)
		rules = out.SecurityGroupRules
	}
	for _, r := range rules {
		s.made = append(s.made, aws.ToString(r.SecurityGroupRuleId))
	}
}

// flat authorizes with the parameters of old: CidrIp or a source group's name.
func (s *scene) flat(direction string, words []string) {
	in := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &s.group}
	if direction == "by-name" {
		in.GroupId, in.GroupName = nil, &s.name
	}
	if len(words) == 1 {
		in.SourceSecurityGroupName = &words[0]
	} else {
		in.IpProtocol, in.FromPort, in.ToPort, in.CidrIp = &words[0], s.number(words[1]), s.number(words[2]), &words[3]
	}
	out, err := s.client.AuthorizeSecurityGroupIngress(s.ctx, in)
	require.NoError(s.t, err, s.where)
	for _, r := range out.SecurityGroupRules {
		s.made = append(s.made, aws.ToString(r.SecurityGroupRuleId))
	}
}

func (s *scene) id(number string) string {
	n, err := strconv.Atoi(number)
	require.NoError(s.t, err, s.where)
	require.LessOrEqual(s.t, n, len(s.made), s.where)
	return s.made[n-1]
}

func (s *scene) change(number string, words []string) {
	r := &types.SecurityGroupRuleRequest{IpProtocol: &words[0], FromPort: s.number(words[1]), ToPort: s.number(words[2]), Description: aws.String("changed")}
	switch peer := words[3]; {
	case strings.HasPrefix(peer, "@"):
		r.PrefixListId = aws.String(s.listID(peer))
	case strings.HasPrefix(peer, "sg-"), peer == "self":
		r.ReferencedGroupId = aws.String(s.peerGroup(peer))
	case strings.Contains(peer, ":"):
		r.CidrIpv6 = &peer
	default:
		r.CidrIpv4 = &peer
	}
	_, err := s.client.ModifySecurityGroupRules(s.ctx, &ec2.ModifySecurityGroupRulesInput{
		GroupId:            &s.group,
		SecurityGroupRules: []types.SecurityGroupRuleUpdate{{SecurityGroupRuleId: aws.String(s.id(number)), SecurityGroupRule: r}},
	})
	require.NoError(s.t, err, s.where)
}

func (s *scene) take(numbers []string) {
	var ids []string
	for _, n := range numbers {
		ids = append(ids, s.id(n))
	}
	_, err := s.client.RevokeSecurityGroupIngress(s.ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &s.group, SecurityGroupRuleIds: ids})
	require.NoError(s.t, err, s.where)
}
