package alert

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func parse(t *testing.T, text string) secgroup.Rule {
	t.Helper()
	r, err := secgroup.ParseRule(text)
	require.NoError(t, err)
	return r
}

var here = command{region: "us-east-1", groupID: "sg-0123456789abcdef0"}

// The forms were run with the aws CLI against an emulator.
func TestCommandsAndTemplates(t *testing.T) {
	tests := []struct{ rule, permissions, rules, terraform, cloudFormation string }{
		{
			"ingress tcp/22 from 0.0.0.0/0", "IpProtocol=tcp,FromPort=22,ToPort=22,IpRanges=[{CidrIp=0.0.0.0/0}]", "IpProtocol=tcp,FromPort=22,ToPort=22,CidrIpv4=0.0.0.0/0",
			"ip_protocol = \"tcp\"\nfrom_port   = 22\nto_port     = 22\ncidr_ipv4   = \"0.0.0.0/0\"", `{IpProtocol: "tcp", FromPort: 22, ToPort: 22, CidrIp: "0.0.0.0/0"}`,
		},
		{
			"egress all to ::/0", "IpProtocol=-1,Ipv6Ranges=[{CidrIpv6=::/0}]", "IpProtocol=-1,CidrIpv6=::/0",
			"ip_protocol = \"-1\"\ncidr_ipv6   = \"::/0\"", `{IpProtocol: "-1", CidrIpv6: "::/0"}`,
		},
		{
			"ingress icmp/8 from 10.0.0.0/8", "IpProtocol=icmp,FromPort=8,ToPort=-1,IpRanges=[{CidrIp=10.0.0.0/8}]", "IpProtocol=icmp,FromPort=8,ToPort=-1,CidrIpv4=10.0.0.0/8",
			"ip_protocol = \"icmp\"\nfrom_port   = 8\nto_port     = -1\ncidr_ipv4   = \"10.0.0.0/8\"", `{IpProtocol: "icmp", FromPort: 8, ToPort: -1, CidrIp: "10.0.0.0/8"}`,
		},
		{
			"ingress 47 from pl-0123456789abcdef0", "IpProtocol=47,PrefixListIds=[{PrefixListId=pl-0123456789abcdef0}]", "IpProtocol=47,PrefixListId=pl-0123456789abcdef0",
			"ip_protocol    = \"47\"\nprefix_list_id = \"pl-0123456789abcdef0\"", `{IpProtocol: "47", SourcePrefixListId: "pl-0123456789abcdef0"}`,
		},
		{
			"egress udp/53 to 210987654321/sg-0123456789abcdef1", "IpProtocol=udp,FromPort=53,ToPort=53,UserIdGroupPairs=[{GroupId=sg-0123456789abcdef1,UserId=210987654321}]", "IpProtocol=udp,FromPort=53,ToPort=53,ReferencedGroupId=sg-0123456789abcdef1",
			"ip_protocol                  = \"udp\"\nfrom_port                    = 53\nto_port                      = 53\nreferenced_security_group_id = \"210987654321/sg-0123456789abcdef1\"", `{IpProtocol: "udp", FromPort: 53, ToPort: 53, DestinationSecurityGroupId: "sg-0123456789abcdef1"}`,
		},
		{
			"ingress udp/53 from 210987654321/sg-0123456789abcdef1", "IpProtocol=udp,FromPort=53,ToPort=53,UserIdGroupPairs=[{GroupId=sg-0123456789abcdef1,UserId=210987654321}]", "IpProtocol=udp,FromPort=53,ToPort=53,ReferencedGroupId=sg-0123456789abcdef1",
			"ip_protocol                  = \"udp\"\nfrom_port                    = 53\nto_port                      = 53\nreferenced_security_group_id = \"210987654321/sg-0123456789abcdef1\"",
			`{IpProtocol: "udp", FromPort: 53, ToPort: 53, SourceSecurityGroupId: "sg-0123456789abcdef1", SourceSecurityGroupOwnerId: "210987654321"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			r := parse(t, tt.rule)
			require.Equal(t, "aws ec2 authorize-security-group-"+r.Direction.String()+" --region us-east-1 --group-id sg-0123456789abcdef0 --ip-permissions '"+tt.permissions+"'", here.authorize(r))
			require.Equal(t, "aws ec2 modify-security-group-rules --region us-east-1 --group-id sg-0123456789abcdef0 --security-group-rules 'SecurityGroupRuleId=sgr-1,SecurityGroupRule={"+tt.rules+"}'", here.modify("sgr-1", r))
			require.Equal(t, tt.terraform, strings.Join(terraform(r), "\n"), "the arguments of a block, one a line, as terraform fmt has them")
			require.Equal(t, tt.cloudFormation, cloudFormation(r))
		})
	}
}

func TestNoCommandWithWhatIsNotFitForAShell(t *testing.T) {
	ssh := parse(t, "ingress tcp/22 from 0.0.0.0/0")
	require.NotEmpty(t, here.revoke(secgroup.Ingress, "sgr-1"))
	for _, bad := range []string{"", "sgr-1;id", "sgr-$(id)", "sgr-1 --dry-run", "sg-1", "sgr-1\n", "sgr-'"} {
		require.Empty(t, here.revoke(secgroup.Ingress, bad), "%q", bad)
		require.Empty(t, here.modify(bad, ssh), "%q", bad)
	}
	for _, c := range []command{{}, {region: "us-east-1"}, {groupID: "sg-1"}, {region: "us-east-1;id", groupID: "sg-1"}, {region: "us-east-1", groupID: "sg-1'"}} {
		require.Empty(t, c.authorize(ssh))
		require.Empty(t, c.revoke(secgroup.Ingress, "sgr-1"))
		require.Empty(t, c.modify("sgr-1", ssh))
	}
	for _, peer := range []secgroup.Peer{
		nil, secgroup.PrefixList{ID: "pl-'"}, secgroup.GroupReference{GroupID: "sg-1,UserId=2"},
		secgroup.GroupReference{GroupID: "sg-1", AccountID: "me"}, secgroup.GroupReference{GroupID: "sg-1", PeeringID: "pcx-}"},
	} {
		r := ssh
		r.Peer = peer
		require.Empty(t, here.authorize(r))
		require.Empty(t, here.modify("sgr-1", r))
		require.Empty(t, terraform(r))
		require.Empty(t, cloudFormation(r))
	}
}

func TestRestore(t *testing.T) {
	before, after := parse(t, "ingress tcp/20-25 from 0.0.0.0/0"), parse(t, "ingress tcp/20-21 from 0.0.0.0/0")
	before.ID = "sgr-1"
	after.ID = "sgr-2"
	kept := after
	kept.ID = "sgr-1"
	tests := []struct {
		name string
		rule incident.Rule
		verb string // "" = no command
	}{
		{"removed", incident.Rule{ID: "sgr-1", Before: &before, Outcome: incident.Reverted}, "authorize-security-group-ingress"},
		{"narrowed in place", incident.Rule{ID: "sgr-1", Before: &before, After: []secgroup.Rule{kept, after}, Outcome: incident.Narrowed}, "modify-security-group-rules"},
		{"narrowed away", incident.Rule{ID: "sgr-1", Before: &before, After: []secgroup.Rule{after}, Outcome: incident.Narrowed}, "authorize-security-group-ingress"},
		{"not known before", incident.Rule{ID: "sgr-1", Outcome: incident.Reverted}, ""},
		{"not changed", incident.Rule{ID: "sgr-1", Before: &before, Outcome: incident.NotReverted}, ""},
		{"gone without us", incident.Rule{ID: "sgr-1", Before: &before, Outcome: incident.Gone}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := here.restore(tt.rule)
			if tt.verb == "" {
				require.Empty(t, lines)
				return
			}
			require.Len(t, lines, 1)
			require.True(t, strings.HasPrefix(lines[0], "aws ec2 "+tt.verb+" "), lines[0])
			require.Contains(t, lines[0], "FromPort=20,ToPort=25")
		})
	}
}

func TestExposure(t *testing.T) {
	tests := []struct{ rule, want string }{
		{"ingress tcp/22 from 0.0.0.0/0", "exposes tcp/22 (SSH) to the whole IPv4 internet"},
		{"ingress tcp/4711 from ::/0", "exposes tcp/4711 to the whole IPv6 internet"},
		{"ingress tcp/0-65535 from 8.8.8.0/29", "exposes every TCP port to 8 IPv4 addresses (8.8.8.0/29)"},
		{"ingress udp/0-65535 from 8.8.8.1/32", "exposes every UDP port to the address 8.8.8.1"},
		{"ingress all from 10.0.0.0/8", "exposes all traffic to 16,777,216 IPv4 addresses (10.0.0.0/8)"},
		{"ingress tcp/20-25 from 0.0.0.0/1", "exposes tcp/20-25 (among them 20 FTP, 21 FTP, 22 SSH, 23 Telnet, 1 more) to 2,147,483,648 IPv4 addresses (0.0.0.0/1)"},
		{"ingress tcp/4000-4010 from 2606:4700::/32", "exposes tcp/4000-4010 to 2^96 IPv6 addresses (2606:4700::/32)"},
		{"ingress icmp from 2606:4700::1/128", "exposes all ICMP to the address 2606:4700::1"},
		{"ingress icmp/8 from 10.0.0.0/31", "exposes icmp of type 8 to 2 IPv4 addresses (10.0.0.0/31)"},
		{"ingress icmpv6/3/4 from ::/0", "exposes icmpv6 of type 3, code 4 to the whole IPv6 internet"},
		{"egress 47 to sg-0123456789abcdef1", "allows IP protocol 47 to the members of group sg-0123456789abcdef1"},
		{"egress tcp/443 to pl-0123456789abcdef0", "allows tcp/443 (HTTPS) to the addresses of prefix list pl-0123456789abcdef0"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			r := parse(t, tt.rule)
			require.Equal(t, tt.want, unglue(openings(incident.Rule{Before: &r})[0].exposes()))
		})
	}
}

// The excess of a rule from anywhere comes as many blocks.
func TestExposureOfManyBlocks(t *testing.T) {
	excess := func(texts ...string) incident.Rule {
		before := parse(t, "ingress tcp/20-25 from 0.0.0.0/0")
		r := incident.Rule{Before: &before}
		for _, text := range texts {
			r.Excess = append(r.Excess, parse(t, text))
		}
		return r
	}
	tests := []struct {
		name string
		rule incident.Rule
		want []string
	}{
		{"all but half", excess("ingress tcp/22 from 0.0.0.0/1", "ingress tcp/22 from 128.0.0.0/2"), []string{"exposes tcp/22 (SSH) to the IPv4 internet"}},
		{"some", excess("ingress tcp/22 from 8.8.8.0/29", "ingress tcp/22 from 8.8.4.0/29"), []string{"exposes tcp/22 (SSH) to 16 IPv4 addresses in 2 blocks"}},
		{"two flows", excess("ingress tcp/22 from 8.8.8.0/29", "ingress tcp/23 from 8.8.8.0/29"), []string{"exposes tcp/22 (SSH) to 8 IPv4 addresses (8.8.8.0/29)", "exposes tcp/23 (Telnet) to 8 IPv4 addresses (8.8.8.0/29)"}},
		{"many of IPv6", excess("ingress tcp/22 from 2000::/3", "ingress tcp/22 from 5000::/5"), []string{"exposes tcp/22 (SSH) to more than 2^125 IPv6 addresses in 2 blocks"}},
		{"peers of all kinds", excess("ingress tcp/22 from 8.8.8.0/29", "ingress tcp/22 from ::/0", "ingress tcp/22 from sg-1", "ingress tcp/22 from pl-1"), []string{"exposes tcp/22 (SSH) to 8 IPv4 addresses (8.8.8.0/29) and the whole IPv6 internet and the members of group sg-1 and the addresses of prefix list pl-1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, o := range openings(tt.rule) {
				got = append(got, unglue(o.exposes()))
			}
			require.Equal(t, tt.want, got)
		})
	}
}
