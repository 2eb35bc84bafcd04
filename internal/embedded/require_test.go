package embedded

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	badGroup    = "sg-0bad0000000000000"
	fineGroup   = "sg-0f10e000000000000"
	exemptGroup = "sg-0e0e0000000000000"
)

// requirement is one check whose policy requires something: a group that lacks
// it, and one that only looks so.
type requirement struct {
	check, policy string
	bad, fine     func(*guarded)
	lacks         []string // what is said of the bad one
	ofRules       bool     // what is said is said of rules
	reads         []string // EC2 calls of a look, beside the group and its rules
	grace         time.Duration
	settings      string // more of them
}

// guarded is a group of a test in its account.
type guarded struct {
	t  *testing.T
	a  *Account
	id string
	w  *World
}

func (g *guarded) group(of secgroup.Group) {
	g.t.Helper()
	of.ID = g.id
	if of.Name == "" {
		of.Name = "group-" + g.id[3:7]
	}
	if of.Description == "" {
		of.Description = "of a test"
	}
	if of.Rules == nil {
		of.Rules = []secgroup.Rule{}
	}
	_, err := g.a.ec2.EnsureGroup(of)
	require.NoError(g.t, err)
}

func (g *guarded) rules(described string, texts ...string) {
	g.t.Helper()
	for _, text := range texts {
		rule, err := secgroup.ParseRule(text)
		require.NoError(g.t, err)
		rule.Description = described
		added, err := g.a.ec2.EnsureRule(g.id, rule)
		require.NoError(g.t, err)
		require.True(g.t, added)
	}
}

func (g *guarded) manyRules(n int) {
	for i := range n {
		g.rules("", fmt.Sprintf("ingress tcp/%d from 10.0.0.0/8", i+1))
	}
}

const (
	ownVPC      = "vpc-00000000000000001"
	peerVPC     = "vpc-00000000000000002"
	peerAccount = "210987654321"
)

// ownVPC makes a VPC whose default group this is, or gives it a name.
func (g *guarded) ownVPC(name string) {
	g.group(secgroup.Group{Name: name, VPCID: "vpc-" + g.id[3:]})
}

func (g *guarded) attach() {
	g.t.Helper()
	group, ok := g.a.ec2.Group(g.id)
	require.True(g.t, ok)
	require.NoError(g.t, g.a.ec2.EnsureInterface(localec2.Interface{ID: "eni-" + g.id[3:], VPCID: group.VPCID, Groups: []string{g.id}, InstanceID: "i-" + g.id[3:]}))
}

// peered lets a group of another account into this one.
func (g *guarded) peered(group, peering string) {
	g.t.Helper()
	other := g.w.cloud.Account(peerAccount, "us-east-1")
	_, err := other.EnsureGroup(secgroup.Group{ID: group, Name: group, VPCID: peerVPC, Rules: []secgroup.Rule{}})
	require.NoError(g.t, err)
	g.a.ec2.Peer(localec2.Peering{ID: peering, VPCID: ownVPC, PeerAccount: peerAccount, PeerVPCID: peerVPC})
	_, err = g.a.ec2.EnsureRule(g.id, secgroup.Rule{
		Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 443, To: 443},
		Peer: secgroup.GroupReference{GroupID: group, AccountID: peerAccount, PeeringID: peering},
	})
	require.NoError(g.t, err)
}

var requirements = []requirement{
	{
		check: "I-RANGE", policy: "one-port-per-rule", ofRules: true, lacks: []string{"it opens 2 ports, where 1 may be"},
		bad: func(g *guarded) {
			g.group(secgroup.Group{})
			g.rules("", "ingress tcp/22-23 from 10.0.0.0/8", "egress tcp/22-23 to 10.0.0.0/8")
		},
		fine: func(g *guarded) {
			g.group(secgroup.Group{})
			g.rules("", "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/23 from ::/0", "ingress icmp from 10.0.0.0/8", "egress all to 0.0.0.0/0")
		},
	},
	{
		check: "E-RANGE", policy: "one-port-per-egress-rule", ofRules: true, lacks: []string{"it opens 65536 ports, where 1 may be"},
		bad: func(g *guarded) {
			g.group(secgroup.Group{})
			g.rules("", "egress udp/0-65535 to ::/0", "ingress tcp/1-2 from 10.0.0.0/8")
		},
		fine: func(g *guarded) {
			g.group(secgroup.Group{})
			g.rules("", "egress tcp/443 to 0.0.0.0/0", "egress icmp to 10.0.0.0/8", "ingress all from 10.0.0.0/8")
		},
	},
	{
		check: "H-DESC", policy: "everything-is-described", ofRules: true, lacks: []string{"it has no description"},
		bad: func(g *guarded) {
			g.group(secgroup.Group{})
			g.rules("", "ingress tcp/22 from 10.0.0.0/8")
			g.rules("the office", "ingress tcp/443 from 10.0.0.0/8")
		},
		fine: func(g *guarded) {
			g.group(secgroup.Group{Description: "Managed by Terraform, for the shop"})
			g.rules("the office", "ingress tcp/22 from 10.0.0.0/8", "egress all to 0.0.0.0/0")
		},
	},
	{
		check: "H-DESC", policy: "everything-is-described", lacks: []string{`its description is one of "managed by terraform"`},
		bad:  func(g *guarded) { g.group(secgroup.Group{Description: "Managed by Terraform"}) },
		fine: func(g *guarded) { g.group(secgroup.Group{Description: "managed by the shop"}) },
	},
	{
		check: "H-TAG", policy: "groups-are-tagged", lacks: []string{"it lacks the tags owner"},
		bad:  func(g *guarded) { g.group(secgroup.Group{Tags: map[string]string{"Owner": "shop", "owner": ""}}) },
		fine: func(g *guarded) { g.group(secgroup.Group{Tags: map[string]string{"owner": "shop"}}) },
	},
	{
		check: "H-LW", policy: "launch-wizard-groups", lacks: []string{`its name is one of "launch-wizard-*"`},
		bad:  func(g *guarded) { g.group(secgroup.Group{Name: "launch-wizard-" + g.id[3:7]}) },
		fine: func(g *guarded) { g.group(secgroup.Group{Name: "launch-wizards-" + g.id[3:7]}) },
	},
	{
		check: "H-MANY", policy: "groups-have-few-rules", lacks: []string{"it has 51 rules, where 50 may be"},
		bad:  func(g *guarded) { g.group(secgroup.Group{}); g.manyRules(51) },
		fine: func(g *guarded) { g.group(secgroup.Group{}); g.manyRules(50) },
	},
	{
		check: "D-DEFU", policy: "default-group-is-not-used", lacks: []string{"it is used by eni-0bad0000000000000"},
		bad:   func(g *guarded) { g.ownVPC("default"); g.attach() },
		fine:  func(g *guarded) { g.ownVPC("default") },
		reads: []string{"DescribeNetworkInterfaces"},
	},
	{
		check: "H-BAN", policy: "banned-groups-are-not-used", lacks: []string{"it is used by eni-0bad0000000000000"},
		bad:   func(g *guarded) { g.group(secgroup.Group{}); g.attach() },
		fine:  func(g *guarded) { g.group(secgroup.Group{}) },
		reads: []string{"DescribeNetworkInterfaces"},
	},
	{
		check: "H-UNUSED", policy: "groups-are-used", lacks: []string{"no network interface uses it"}, grace: 24 * time.Hour,
		bad:   func(g *guarded) { g.group(secgroup.Group{}) },
		fine:  func(g *guarded) { g.group(secgroup.Group{}); g.attach() },
		reads: []string{"DescribeNetworkInterfaces"},
	},
	{
		check: "I-STALE", policy: "references-are-alive", ofRules: true, lacks: []string{"it names sg-0fee1000000000000, which is gone or out of reach"},
		bad: func(g *guarded) {
			g.group(secgroup.Group{VPCID: ownVPC})
			g.peered("sg-0fee1000000000000", "pcx-0dead000000000000")
			require.True(g.t, g.a.ec2.Unpeer("pcx-0dead000000000000"))
		},
		fine: func(g *guarded) {
			g.group(secgroup.Group{VPCID: ownVPC})
			g.peered("sg-0fee1000000000000", "pcx-0a11fe00000000000")
		},
		reads: []string{"DescribeStaleSecurityGroups"},
	},
	{
		check: "I-STALE", policy: "references-are-alive", ofRules: true, lacks: []string{"it names sg-0" + "fee1000000000000, which is gone or out of reach"},
		bad: func(g *guarded) {
			g.group(secgroup.Group{VPCID: ownVPC})
			g.peered("sg-0fee1000000000000", "pcx-0dead000000000000")
			other := g.w.cloud.Account(peerAccount, "us-east-1")
			require.True(g.t, other.DropGroup("sg-0fee1000000000000"))
		},
		fine: func(g *guarded) {
			g.group(secgroup.Group{VPCID: ownVPC})
			g.peered("sg-0a11fe00000000000", "pcx-0dead000000000000")
		},
		reads: []string{"DescribeStaleSecurityGroups"},
	},
	{
		check: "I-AWSIP", policy: "aws-sources-are-own", ofRules: true, lacks: []string{"8.8.8.8/32 is no elastic address of this account"},
		settings: "awsRanges: {aws-addresses: {file: ip-ranges.json, services: [EC2], regions: [eu-west-1]}}\n",
		bad: func(g *guarded) {
			g.group(secgroup.Group{})
			g.rules("", "ingress tcp/22 from 8.8.8.8/32", "ingress tcp/22 from 9.9.9.9/32", "egress tcp/22 to 8.8.8.8/32")
		},
		fine: func(g *guarded) {
			g.group(secgroup.Group{})
			require.NoError(g.t, g.a.ec2.PutAddress(netip.MustParseAddr("8.8.4.4")))
			g.rules("", "ingress tcp/22 from 8.8.4.4/32", "ingress tcp/22 from 8.9.0.0/16")
		},
		reads: []string{"DescribeAddresses"},
	},
	{
		check: "H-REDUN", policy: "groups-are-distinct", lacks: []string{"it opens the same as sg-0e0e0000000000000"},
		bad: func(g *guarded) {
			g.group(secgroup.Group{VPCID: ownVPC})
			g.rules("of "+g.id, "ingress tcp/22-23 from 10.0.0.0/8", "egress all to 0.0.0.0/0")
		},
		fine: func(g *guarded) {
			g.group(secgroup.Group{VPCID: ownVPC})
			g.rules("", "ingress tcp/22-23 from 10.0.0.0/8", "egress all to 10.0.0.0/8")
		},
		reads: []string{"DescribeSecurityGroups"},
	},
}

// world makes an account under this one policy, with an exemption of one group.
func (r requirement) world(t *testing.T) (*World, *Account) {
	t.Helper()
	all, err := filepath.Glob("../../policies/packs/*/" + r.policy + ".yaml")
	require.NoError(t, err)
	require.Len(t, all, 1)
	text, err := os.ReadFile(all[0])
	require.NoError(t, err)
	settings := "apiVersion: sgwarden/v1\nkind: Settings\nmode: enforce\n" +
		"exemptions: [{id: EX-1, policy: " + r.policy + ", group: " + exemptGroup + ", owner: o, reason: r, until: 2027-01-31}]\n"
	if strings.Contains(string(text), "intent: chosen") {
		settings += "overrides: {" + r.policy + ": {scope: {regions: [us-east-1]}}}\n"
	}
	dir := t.TempDir()
	ranges, err := os.ReadFile("../policy/testdata/aws-ranges/ip-ranges.json")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ip-ranges.json"), ranges, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sgwarden.yaml"), []byte(settings+r.settings), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "policy.yaml"), text, 0o644))
	set, _, err := bundle.Load(dir, bundle.Options{})
	require.NoError(t, err)
	w := New(Options{Set: set})
	a, err := w.Account(t.Context(), "123456789012", "us-east-1")
	require.NoError(t, err)
	a.wind(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	return w, a
}

func (a *Account) lookAt(t *testing.T, group string) Judged {
	t.Helper()
	return a.Judge(t.Context(), []byte(`{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":"`+group+`","cause":"sweep"}}`))
}

// TestWhatIsRequiredIsLookedFor: each such check on its own group, on a
// look-alike, and on a group that is exempt, through the real path.
func TestWhatIsRequiredIsLookedFor(t *testing.T) {
	for _, r := range requirements {
		t.Run(r.check+" "+r.policy, func(t *testing.T) {
			w, a := r.world(t)
			r.bad(&guarded{t, a, badGroup, w})
			r.fine(&guarded{t, a, fineGroup, w})
			r.bad(&guarded{t, a, exemptGroup, w})
			w.cloud.Forget()
			if r.grace > 0 {
				require.Equal(t, incident.Compliant, a.lookAt(t, badGroup).Worst().Outcome, "it may be so for a while")
				a.wind(a.clock.Add(r.grace - time.Second))
				require.Equal(t, incident.Compliant, a.lookAt(t, badGroup).Worst().Outcome)
				a.wind(a.clock.Add(time.Second))
				w.cloud.Forget()
			}

			seen := a.lookAt(t, badGroup).Worst()
			require.Equal(t, incident.Alerted, seen.Outcome, seen.Reason)
			require.Len(t, seen.Story.Published, 1)
			told := seen.Story.Published[0]
			require.Equal(t, incident.Opened, told.EventType)
			require.Len(t, told.Rules, 1, "one finding")
			require.Equal(t, r.lacks, told.Rules[0].Lacks)
			require.Equal(t, []string{r.policy}, told.Rules[0].Policies)
			require.Equal(t, r.ofRules, told.Rules[0].Before != nil)
			if !r.ofRules {
				require.Equal(t, secgroup.GroupEntry(badGroup, r.policy), told.Rules[0].ID)
			}
			require.Zero(t, w.cloud.Mutations())
			require.Equal(t, 2+len(r.reads), w.cloud.Count())
			for _, read := range r.reads {
				require.Positive(t, w.cloud.Count(read), read)
			}

			again := a.lookAt(t, badGroup).Worst()
			require.Empty(t, again.Story.Published, "it is told once")
			require.Equal(t, told.ID, again.IncidentID)

			for _, group := range []string{fineGroup, exemptGroup} {
				seen := a.lookAt(t, group).Worst()
				require.Equal(t, incident.Compliant, seen.Outcome, group)
				require.Empty(t, seen.Story.Published, group)
			}
		})
	}
}
