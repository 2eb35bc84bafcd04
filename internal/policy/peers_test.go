package policy

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// stateOf is what one box of a policy that reverts says of one rule.
func stateOf(t *testing.T, c Clause, rule string) State {
	t.Helper()
	s := enforcing(t, document("p", forbid(c)))
	g := group(t, rule)
	g.VPCs = vpcs("10.1.0.0/16", "2600:1f00:1::/56")
	return s.Evaluate(swept(s, g)).Rules[0].Findings[0].State
}

func TestPeers(t *testing.T) {
	for _, tc := range []struct {
		peers, from string
		want        State
	}{
		{"internet", "0.0.0.0/0", Acting},
		{"internet", "::/0", Acting},
		{"internet", "2000::/3", Acting},
		{"internet", "0.0.0.0/1", Acting},
		{"internet", "10.0.0.0/8", Fine},
		{"internet", "203.0.113.0/24", Fine},
		{"internet", "sg-0b", Fine},
		{"private", "10.0.0.0/8", Acting},
		{"private", "fd00::/8", Acting},
		{"private", "8.8.8.0/24", Fine},
		{"private", "0.0.0.0/0", Acting},
		{"vpc", "10.1.2.0/24", Acting},
		{"vpc", "10.2.0.0/16", Fine},
		{"vpc", "2600:1f00:1::/64", Acting},
		{"addresses", "10.2.0.0/16", Acting},
		{"addresses", "::/0", Acting},
		{"addresses", "sg-0b", Fine},
		{"references", "sg-0b", Acting},
		{"references", ownGroup, Acting},
		{"references", "123456789012/sg-0b", Acting},
		{"references", "0.0.0.0/0", Fine},
		{"any", "10.2.0.0/16", Acting},
		{"any", "sg-0b", Acting},
		{"any", "pl-c3", Acting},
		{"self", ownGroup, Acting},
		{"self", ownAccount + "/" + ownGroup, Acting},
		{"self", "sg-0b", Fine},
		{"self", "0.0.0.0/0", Fine},
		{"group:sg-0b", "sg-0b", Acting},
		{"group:sg-0b", "999999999999/sg-0b", Acting},
		{"group:sg-0b", "sg-0c", Fine},
		{"group:sg-0*", "sg-0c", Acting},
		{"account:self", "sg-0b", Acting},
		{"account:self", ownAccount + "/sg-0b", Acting},
		{"account:self", "999999999999/sg-0b", Fine},
		{"account:999999999999", "999999999999/sg-0b", Acting},
		{"account:999999999999", "sg-0b", Fine},
		{"account:" + ownAccount, "sg-0b", Acting},
		{"account:any", "999999999999/sg-0b", Acting},
		{"10.0.0.0/8", "10.2.3.0/24", Acting},
		{"10.0.0.0/8", "0.0.0.0/0", Acting},
		{"10.0.0.0/8", "11.0.0.0/8", Fine},
		{"10.0.0.0/8", "::ffff:10.0.0.0/104", Fine}, // another family
		{"pl-c3", "pl-c3", Acting},
		{"pl-c3", "pl-d4", Fine},
		{"internet", "pl-c3", Unknown},
		{"10.0.0.0/8", "pl-c3", Unknown},
		{"references", "pl-c3", Fine},
		{"aws:s3", "pl-c3", Unknown},
	} {
		require.Equal(t, tc.want, stateOf(t, box("ingress tcp/22 "+tc.peers), "ingress tcp/22 from "+tc.from), "%s, rule from %s", tc.peers, tc.from)
	}
}

func TestFlows(t *testing.T) {
	for _, tc := range []struct {
		box, rule string
		want      State
	}{
		{"ingress tcp/22 internet", "ingress tcp/20-25 from 0.0.0.0/0", Acting},
		{"ingress tcp/22 internet", "ingress 6/22 from 0.0.0.0/0", Acting},
		{"ingress tcp/22 internet", "ingress all from 0.0.0.0/0", Acting},
		{"ingress tcp/22 internet", "ingress tcp/23 from 0.0.0.0/0", Fine},
		{"ingress tcp/22 internet", "ingress udp/22 from 0.0.0.0/0", Fine},
		{"ingress tcp/22 internet", "egress tcp/22 to 0.0.0.0/0", Fine},
		{"ingress tcp/22 internet", "ingress icmp/0/22 from 0.0.0.0/0", Fine},
		{"both tcp/22 internet", "egress tcp/22 to 0.0.0.0/0", Acting},
		{"ingress ports/22 internet", "ingress udp/22 from 0.0.0.0/0", Acting},
		{"ingress all internet", "ingress 47 from 0.0.0.0/0", Acting},
		{"ingress 47 internet", "ingress 47 from 0.0.0.0/0", Acting},
		{"ingress 47 internet", "ingress 50 from 0.0.0.0/0", Fine},
		{"ingress icmp/5,icmp/13 internet", "ingress icmp/13 from 0.0.0.0/0", Acting},
		{"ingress icmp/5 internet", "ingress icmp/5/2 from 0.0.0.0/0", Acting},
		{"ingress icmp/5/1 internet", "ingress icmp/5/2 from 0.0.0.0/0", Fine},
		{"ingress icmp/5/1 internet", "ingress icmp from 0.0.0.0/0", Acting},
		{"ingress icmp/8 internet", "ingress icmp/0 from 0.0.0.0/0", Fine},
		{"ingress icmp internet", "ingress all from 0.0.0.0/0", Acting},
		{"ingress icmp internet", "ingress all from ::/0", Fine}, // icmp is of IPv4
		{"ingress icmpv6 internet", "ingress all from ::/0", Acting},
		{"ingress icmpv6 internet", "ingress all from 0.0.0.0/0", Fine},
		{"ingress icmpv6/128 internet", "ingress icmpv6/128 from ::/0", Acting},
	} {
		require.Equal(t, tc.want, stateOf(t, box(tc.box), tc.rule), "%s, %s", tc.box, tc.rule)
	}
}

func TestFlowsOverAllProtocolsAndSomePorts(t *testing.T) {
	c := box("ingress tcp/22 internet")
	c.Flows = []FlowSpec{{secgroup.EveryProtocol, secgroup.Span{First: 22, Last: 22}}}
	require.Equal(t, Acting, stateOf(t, c, "ingress udp/22 from 0.0.0.0/0"))
	require.Equal(t, Fine, stateOf(t, c, "ingress icmp/0/22 from 0.0.0.0/0"), "ports are of tcp and udp")
	require.Equal(t, Fine, stateOf(t, c, "ingress 47 from 0.0.0.0/0"))
	c.Flows = []FlowSpec{{secgroup.ProtocolRange{First: 47, Last: 47}, secgroup.Span{First: 22, Last: 22}}}
	require.Equal(t, Acting, stateOf(t, c, "ingress 47 from 0.0.0.0/0"), "a protocol without ports is meant whole")
}

func TestExceptionsOfABox(t *testing.T) {
	offices := box("ingress tcp/22 8.8.8.0/29")
	s := enforcing(t, document("ssh", forbid(box("ingress tcp/22 internet", offices))))
	v := s.Evaluate(swept(s, group(t, "ingress tcp/22 from 8.8.8.0/30", "ingress tcp/22 from 8.8.8.0/28")))
	require.Equal(t, []State{Fine, Acting}, states(v))
	require.Equal(t, []string{"ingress tcp/22 from 8.8.8.8/29"}, excessOf(v.Rules[1].Findings[0], secgroup.Ingress))
	require.Equal(t, "ingress tcp/22 from 8.8.8.0/29", v.Rules[1].Findings[0].Remaining.Rules(secgroup.Ingress, nil)[0].String())
}

func TestAllowOnly(t *testing.T) {
	doc := document("app", allowOnly(box("ingress tcp/80,tcp/443 addresses"), box("ingress tcp/80,tcp/443 10.0.0.0/8")))
	s := enforcing(t, doc)
	v := s.Evaluate(swept(s, group(t, "ingress tcp/443 from 10.2.0.0/16", "ingress tcp/443 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/0",
		"ingress tcp/80 from sg-0b", "ingress tcp/79-81 from 8.0.0.0/7")))
	require.Equal(t, []State{Fine, Acting, Fine, Fine, Acting}, states(v))
	require.Equal(t, []string{"ingress tcp/80 from 8.0.0.0/7"}, excessOf(v.Rules[4].Findings[0], secgroup.Ingress))
	require.Equal(t, 9, v.Rules[1].Findings[0].Line)
}

func TestPrefixLists(t *testing.T) {
	internet := secgroup.PrefixList{ID: "pl-c3", OwnerID: ownAccount, Name: "all", Readable: true, Entries: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}
	inside := internet
	inside.Entries = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	empty := internet
	empty.Entries = nil
	amazon := internet
	amazon.OwnerID, amazon.Name = "AWS", "com.amazonaws.global.cloudfront.origin-facing"
	impostor := amazon
	impostor.OwnerID = ownAccount
	refused := secgroup.PrefixList{ID: "pl-c3", Refused: "not permitted"}
	unread := secgroup.PrefixList{ID: "pl-c3"}
	for _, tc := range []struct {
		name string
		box  Clause
		list secgroup.PrefixList
		want State
	}{
		{"entries are judged", box("ingress tcp/22 internet"), internet, Acting},
		{"entries are judged", box("ingress tcp/22 internet"), inside, Fine},
		{"an empty list opens nothing", box("ingress tcp/22 any"), empty, Fine},
		{"lists of AWS are judged too", box("ingress tcp/22 internet"), amazon, Acting},
		{"unless they are left out", box("ingress tcp/22 internet", box("ingress tcp/22 aws:*")), amazon, Fine},
		{"by their short name", box("ingress tcp/22 internet", box("ingress tcp/22 aws:cloudfront.origin-facing")), amazon, Fine},
		{"by their long name", box("ingress tcp/22 internet", box("ingress tcp/22 aws:com.amazonaws.global.cloudfront.origin-facing")), amazon, Fine},
		{"others are not", box("ingress tcp/22 internet", box("ingress tcp/22 aws:s3")), amazon, Acting},
		{"a customer's list never counts as AWS's", box("ingress tcp/22 internet", box("ingress tcp/22 aws:*")), impostor, Acting},
		{"AWS's list can be forbidden by name", box("ingress tcp/22 aws:*"), amazon, Acting},
		{"a list that is left out by id", box("ingress tcp/22 internet", box("ingress tcp/22 pl-c3")), internet, Fine},
		{"unreadable is unknown", box("ingress tcp/22 internet"), refused, Unknown},
		{"unreadable is within any", box("ingress tcp/22 any"), refused, Acting},
		{"unreadable, but left out by id", box("ingress tcp/22 any", box("ingress tcp/22 pl-c3")), refused, Fine},
		{"unreadable may be AWS's", box("ingress tcp/22 any", box("ingress tcp/22 aws:*")), refused, Unknown},
		{"unreadable is no reference", box("ingress tcp/22 references"), refused, Fine},
		{"other ports do not matter", box("ingress tcp/23 internet"), refused, Fine},
		{"not read yet is unknown", box("ingress tcp/22 internet"), unread, Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := enforcing(t, document("p", forbid(tc.box)))
			v := s.Evaluate(swept(s, withList(group(t, "ingress tcp/22 from pl-c3"), tc.list)))
			require.Equal(t, tc.want, v.Rules[0].Findings[0].State)
			if tc.want == Unknown {
				require.True(t, v.Rules[0].Due, "unknown is never fine")
				require.Equal(t, Keep, v.Rules[0].Decision)
				require.True(t, v.Rules[0].Findings[0].Excess.IsEmpty())
			}
			require.Equal(t, tc.want == Unknown && tc.list.Refused == "", len(v.Needs) == 1 && v.Needs[0] == NeedLists)
		})
	}
}

func TestPeerThatNobodyKnowsIsUnknown(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 internet"))))
	g := group(t, "ingress tcp/22 from 0.0.0.0/0")
	g.Rules[0].Peer = nil
	v := s.Evaluate(swept(s, g))
	require.Equal(t, []State{Unknown}, states(v))
	require.Equal(t, Keep, v.Rules[0].Decision)
}
