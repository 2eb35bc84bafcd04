package embedded

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// playAll plays cases in the form of testdata/attacks.
func playAll(t *testing.T, text string) {
	t.Helper()
	all := parseAttacks(t, t.Name(), text)
	require.NotEmpty(t, all)
	for _, a := range all {
		t.Run(a.name, func(t *testing.T) { newScene(t, a).play(a) })
	}
}

func TestFault18WholeProtocols(t *testing.T) {
	playAll(t, `
		== all protocols
		add ingress -1 - - 0.0.0.0/0
		closed tcp/22 8.8.8.8
		left nothing
		== all ports of tcp
		add ingress tcp 0 65535 0.0.0.0/0
		closed tcp/22 8.8.8.8
		left nothing
		== all ports of udp
		add ingress udp 0 65535 0.0.0.0/0
		closed udp/3389 8.8.8.8
		left nothing
		== all of icmp is no port
		add ingress icmp -1 -1 0.0.0.0/0
		untouched
		== icmp type 22 is no port
		add ingress icmp 22 22 0.0.0.0/0
		untouched
		== icmp by type, where a policy says so
		policy icmp
		add ingress icmp 5 -1 0.0.0.0/0
		add ingress icmp 8 -1 0.0.0.0/0
		left ingress icmp/8 from 0.0.0.0/0
		== all of icmp, where a policy minds a type
		policy icmp
		add ingress icmp -1 -1 0.0.0.0/0
		left nothing
		== all protocols, where a policy minds a type
		policy icmp
		add ingress -1 - - 0.0.0.0/0
		closed icmp/5 8.8.8.8
	`)
}

func TestFault19AnywhereInIPv6(t *testing.T) {
	playAll(t, `
		== everything
		add ingress tcp 22 22 ::/0
		closed tcp/22 2606:4700::1
		left nothing
		== everything, written otherwise
		add ingress tcp 22 22 0::0/0
		closed tcp/22 2606:4700::1
		left nothing
		== all that is assigned
		add ingress tcp 22 22 2000::/3
		closed tcp/22 2606:4700::1
		left nothing
		== host bits
		add ingress tcp 22 22 2606:4700::1/0
		closed tcp/22 2606:4700::1
		left nothing
		== mapped IPv4 with no bits is everything
		add ingress tcp 22 22 ::ffff:0:0/0
		closed tcp/22 2606:4700::1
		left nothing
		== mapped IPv4 is never on a wire
		add ingress tcp 22 22 ::ffff:0:0/96
		untouched
		== mapped IPv4 is addresses all the same
		policy peers
		add ingress tcp 1003 1003 ::ffff:0:0/96
		left nothing
		== half of all that is assigned
		add ingress tcp 22 22 2000::/4
		closed tcp/22 2606:4700::1
		left nothing
	`)
}

func TestFault20RangesAroundPorts(t *testing.T) {
	playAll(t, `
		== around 22
		add ingress tcp 20 25 0.0.0.0/0
		closed tcp/22 8.8.8.8
		left nothing
		== around two databases
		add ingress tcp 3000 4000 0.0.0.0/0
		closed tcp/3306 8.8.8.8
		left nothing
		== from 22
		add ingress tcp 22 25 0.0.0.0/0
		left nothing
		== up to 22
		add ingress tcp 20 22 0.0.0.0/0
		left nothing
		== below
		add ingress tcp 20 21 0.0.0.0/0
		untouched
		== narrowed, what is beside it stays
		policy narrow
		add ingress tcp 20 25 0.0.0.0/0
		closed tcp/22 8.8.8.8
		left ingress tcp/20-21 from 0.0.0.0/0 ; ingress tcp/23-25 from 0.0.0.0/0
	`)
}

func TestFault21ProtocolsWithoutPorts(t *testing.T) {
	playAll(t, `
		== ports of 47 are no ports
		policy protocols
		add ingress 47 22 22 0.0.0.0/0
		closed gre/0 8.8.8.8
		left nothing
		== ports of 50 are not those of ssh
		add ingress 50 22 22 0.0.0.0/0
		untouched
		== 47 beside what a policy minds
		policy protocols
		add ingress 50 22 22 0.0.0.0/0
		untouched
	`)
}

func TestFault23PrefixListWithEverything(t *testing.T) {
	playAll(t, `
		== from the beginning
		list everybody 10.0.0.0/8 0.0.0.0/0
		add ingress tcp 22 22 @everybody
		closed tcp/22 8.8.8.8
		left nothing
		== of another account
		foreign-list theirs 0.0.0.0/0
		add ingress tcp 22 22 @theirs
		closed tcp/22 8.8.8.8
		left nothing
		== later, and the group is looked at
		list one 8.8.8.0/29
		add ingress tcp 22 22 @one
		hear
		list one 8.8.8.0/29 0.0.0.0/0
		hear look
		closed tcp/22 8.8.4.4
		left ingress tcp/22 from @one
		== later, and an innocent call concerns the group
		list one 8.8.8.0/29
		add ingress tcp 22 22 @one
		hear
		list one 8.8.8.0/29 0.0.0.0/0
		add ingress tcp 22 22 8.8.4.0/24
		hear
		closed tcp/22 9.9.9.9
		left ingress tcp/22 from @one ; ingress tcp/22 from 8.8.4.0/24
	`)
}

func TestFault24PrefixListOfAThousandEntries(t *testing.T) {
	s := newScene(t, attack{where: t.Name()})
	var entries []string
	for i := range 999 {
		entries = append(entries, fmt.Sprintf("10.%d.%d.0/24", i/250, i%250))
	}
	// A list of that length counts as 1,000 rules, more than the default quota
	// of a group: it becomes so long when it is in use.
	s.putList("list", "long", prefixes(t, entries[:10]))
	s.add("ingress", []string{"tcp", "22", "22", "@long"})
	s.putList("list", "long", prefixes(t, append(entries, "8.0.0.0/8")))
	s.before = append(s.before, s.rules()...)
	s.world.cloud.Forget()
	for _, r := range s.records {
		s.judged = append(s.judged, s.account.Judge(s.ctx, r))
	}
	s.records = nil
	require.Equal(t, 10, s.world.cloud.Count("GetManagedPrefixListEntries"))
	s.look("closed", []string{"tcp/22", "8.8.8.8"})
	s.outcome("reverted")
	s.left([]string{"nothing"})
}

func TestFault24PrefixListThatCannotBeRead(t *testing.T) {
	playAll(t, `
		== is not fine
		list secret 10.0.0.0/8
		unreadable
		add ingress tcp 22 22 @secret
		hear
		outcome alerted
		untouched
		== nor on ports around those that are minded
		list secret 10.0.0.0/8
		unreadable
		add ingress tcp 20 25 @secret
		hear
		outcome alerted
		== but on ports that nobody minds
		list secret 10.0.0.0/8
		unreadable
		add ingress tcp 443 443 @secret
		hear
		outcome compliant
		== a policy about any peer decides that it may not be
		group default
		list secret 10.0.0.0/8
		unreadable
		add ingress tcp 443 443 @secret
		hear
		outcome reverted
		left nothing
		== and when it can be read, it is judged
		list secret 0.0.0.0/0
		unreadable
		add ingress tcp 22 22 @secret
		hear
		outcome alerted
		readable
		hear look
		closed tcp/22 8.8.8.8
		left nothing
	`)
}

func TestFault25References(t *testing.T) {
	playAll(t, `
		== the group itself
		add ingress -1 - - self
		untouched
		== another group
		add ingress tcp 22 22 sg-0b000000000000001
		untouched
		== policies by kind
		policy peers
		add ingress tcp 1004 1004 self sg-0b000000000000001
		add ingress tcp 1005 1005 self sg-0b000000000000001
		add ingress tcp 1006 1006 self sg-0b000000000000001
		left ingress tcp/1005 from sg-0b000000000000001 ; ingress tcp/1006 from sg-0a77ac4000000000a
		== addresses are no references
		policy peers
		add ingress tcp 1004 1004 10.0.0.0/8
		add ingress tcp 1003 1003 self
		untouched
	`)
	t.Run("stale", func(t *testing.T) {
		s := newScene(t, attack{where: t.Name(), lines: [][]string{{"policy", "peers"}}})
		s.add("ingress", []string{"tcp", "1005", "1005", "sg-0b000000000000001"})
		s.hear(nil)
		s.outcome("compliant")
		require.True(t, s.account.ec2.DropGroup("sg-0b000000000000001"))
		rules := s.rules()
		require.Equal(t, secgroup.GroupReference{GroupID: "sg-0b000000000000001"}, rules[0].Peer, "without an account")
		s.add("ingress", []string{"tcp", "1005", "1005", "self"})
		s.hear(nil)
		s.outcome("reverted")
		s.hear([]string{"look"})
		s.outcome("compliant")
		s.left([]string{"ingress tcp/1005 from sg-0b000000000000001"})
	})
}

func TestFault26DefaultEgressIsReplaced(t *testing.T) {
	s := newScene(t, attack{where: t.Name(), lines: [][]string{{"policy", "egress"}}})
	made, err := s.client.CreateSecurityGroup(s.ctx, &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("fresh"), Description: aws.String("fresh"), VpcId: aws.String(s.account.ec2.DefaultVPC()),
	})
	require.NoError(t, err)
	s.group = *made.GroupId
	s.hear(nil)
	s.outcome("pending")
	s.left([]string{"egress all to 0.0.0.0/0"})
	s.wait(time.Minute)
	s.outcome("narrowed")
	s.left([]string{"egress all to 127.0.0.1/32"})
	s.hear([]string{"again"})
	s.left([]string{"egress all to 127.0.0.1/32"})
}

func TestFault27DefaultGroupOfADefaultVPC(t *testing.T) {
	enter := func(t *testing.T) *scene {
		s := newScene(t, attack{where: t.Name()})
		id, ok := s.account.ec2.GroupNamed(s.account.ec2.DefaultVPC(), "default")
		require.True(t, ok)
		s.group, s.name = id, "default"
		for _, r := range s.rules() { // what AWS puts there
			require.True(t, s.account.ec2.RemoveRule(r.ID))
		}
		return s
	}
	t.Run("removed", func(t *testing.T) {
		s := enter(t)
		s.add("by-name", []string{"tcp", "22", "22", "0.0.0.0/0"})
		s.hear(nil)
		s.outcome("reverted")
		s.left([]string{"nothing"})
	})
	t.Run("read back", func(t *testing.T) {
		s := enter(t)
		s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
			if strings.HasPrefix(c.Action, "Revoke") {
				return localec2.Swallow() // "true", and nothing happens, as in a default VPC
			}
			return localec2.Disturbance{}
		})
		s.add("ingress", []string{"tcp", "22", "22", "0.0.0.0/0"})
		j := s.account.Judge(s.ctx, s.records[0])
		require.Equal(t, incident.NotReverted, j.Worst().Outcome)
		require.True(t, j.Worst().Retry)
		s.left([]string{"ingress tcp/22 from 0.0.0.0/0"})
	})
}

func TestFault28ExceptionThatEndedASecondAgo(t *testing.T) {
	midnight := time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC) // until: 2027-06-30, the whole day
	for name, tt := range map[string]struct {
		at   time.Time
		want string
	}{
		"a second before its end": {midnight.Add(-time.Second), "exempt"},
		"at its end":              {midnight, "reverted"},
		"a second after its end":  {midnight.Add(time.Second), "reverted"},
	} {
		for _, policy := range []string{"except-until", "exempt-until"} {
			t.Run(policy+" "+name, func(t *testing.T) {
				s := newScene(t, attack{where: t.Name(), lines: [][]string{{"policy", policy}}})
				s.account.wind(tt.at)
				s.as("role/net/admin")
				s.add("ingress", []string{"tcp", "22", "22", "8.8.4.0/24"})
				s.hear(nil)
				s.outcome(tt.want)
				require.Equal(t, tt.want == "exempt", slices.Contains(texts(s.rules()), "ingress tcp/22 from 8.8.4.0/24"))
			})
		}
	}
}
