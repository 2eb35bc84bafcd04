package faultmatrix

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// scenario is a state, a change, and what must have become of both.
type scenario struct {
	name     string
	policies string // documents of the policy folder
	observe  bool   // the mode; false = enforce
	// badBundle: the first delivery meets a function with other policies than
	// those it was deployed with.
	badBundle bool
	unacted   bool           // no policy has its baseline act yet; false = all have
	sinks     bool           // a chat, Security Hub and two event buses are told too
	canary    string         // the group of the canary, of which nobody is told; "" = there is none
	slow      bool           // waits for half a minute or longer
	start     func(w *world) // makes the state; what it sends is delivered undisturbed
	waiting   bool           // what start left in the queue belongs to the change
	change    func(w *world)

	// sideBySide: several groups are judged at once, so that what lasts meets
	// now this one, now that one.
	sideBySide bool

	// want is each group's rules in the end; nil = there is no such group.
	want map[string][]string
	// lists are the entries of each prefix list in the end.
	lists map[string][]string
	// given are the entries of lists that nobody may take out.
	given map[string][]string
	// keep are rules whose flows no call of guard's may close.
	keep map[string][]string
	// ends is what becomes of each rule that is due: "GROUP RULE" -> outcome of
	// the one closed incident that it is in.
	ends map[string]string
	// told are the messages, "EVENT OUTCOME GROUP RULES", of a run without faults.
	told []string
	// orElse is how it may end instead where narrowing is not to be had, see
	// refusesNarrowing.
	orElse []ending
	// unnamedFrom is the number of the first look that no record asks for, or at
	// which the record that names the rule is long ago: a stale read at it shows
	// nothing to look again for. The sweep finds it. 0 = there is none.
	unnamedFrom int

	dir   string
	rules *policy.Set
}

type ending struct {
	want map[string][]string
	ends map[string]string
}

func (s *scenario) mode() string {
	if s.observe {
		return "observe"
	}
	return "enforce"
}

// folder writes the policies once.
func (s *scenario) folder(t testing.TB) string {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "faultmatrix")
		if err != nil {
			t.Fatal(err)
		}
		s.dir = dir
		if err := os.WriteFile(filepath.Join(dir, "policies.yaml"), []byte(s.policies), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s.dir
}

func (s *scenario) set(t testing.TB) *policy.Set {
	if s.rules == nil {
		mode := policy.Enforce
		if s.observe {
			mode = policy.Observe
		}
		set, _, err := bundle.Load(s.folder(t), bundle.Options{Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		s.rules = set
	}
	return s.rules
}

// forbid is a policy document.
func forbid(id, boxes, rest string) string {
	return fmt.Sprintf("---\napiVersion: sgwarden/v1\nkind: Policy\nmetadata: {id: %s, title: A title, severity: high}\nforbid: [%s]\n%s\n", id, boxes, rest)
}

const (
	sshFromInternet  = `{direction: ingress, ports: [22], peers: [internet]}`
	echoFromInternet = `{direction: ingress, icmp: ["8"], peers: [internet]}`

	anywhere = "0.0.0.0/0"
	egress   = "egress all to 0.0.0.0/0"
	ssh      = "ingress tcp/22 from 0.0.0.0/0"
	https    = "ingress tcp/443 from 0.0.0.0/0"
	inside   = "ingress tcp/22 from 10.0.0.0/8"
	wide     = "ingress tcp/20-25 from 0.0.0.0/0"

	ownList   = "pl-00000000000000001"
	sshOfList = "ingress tcp/22 from " + ownList
)

// The user's half of a scenario.

// have puts a group there, with rules, past the API.
func (w *world) have(name string, rules ...string) {
	id := fmt.Sprintf("sg-0%016x", len(w.groups)+1)
	g := secgroup.Group{ID: id, Name: name, Rules: []secgroup.Rule{}}
	for _, text := range rules {
		g.Rules = append(g.Rules, w.parse(text))
	}
	if _, err := w.at.EnsureGroup(g); err != nil {
		w.t.Fatal(err)
	}
	w.groups[name] = id
}

func (w *world) parse(text string) secgroup.Rule {
	r, err := secgroup.ParseRule(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// create makes a group through the API.
func (w *world) create(name string) {
	out, err := w.user.CreateSecurityGroup(context.Background(), &ec2.CreateSecurityGroupInput{GroupName: &name, Description: aws.String("made by a user")})
	w.must(err)
	w.groups[name] = *out.GroupId
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Fatal(err)
	}
}

// perm is one IpPermission: "tcp 22 22 PEER...".
func perm(protocol string, from, to int32, peers ...string) types.IpPermission {
	p := types.IpPermission{IpProtocol: &protocol}
	if protocol != "-1" {
		p.FromPort, p.ToPort = &from, &to
	}
	for _, peer := range peers {
		switch {
		case strings.HasPrefix(peer, "pl-"):
			p.PrefixListIds = append(p.PrefixListIds, types.PrefixListId{PrefixListId: aws.String(peer)})
		case strings.Contains(peer, ":"):
			p.Ipv6Ranges = append(p.Ipv6Ranges, types.Ipv6Range{CidrIpv6: aws.String(peer)})
		default:
			p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String(peer)})
		}
	}
	return p
}

func (w *world) authorize(name string, perms ...types.IpPermission) {
	w.authorizeAs(userKey, name, perms...)
}

func (w *world) authorizeAs(key, name string, perms ...types.IpPermission) {
	_, err := w.as(key).AuthorizeSecurityGroupIngress(context.Background(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(w.groups[name]), IpPermissions: perms})
	w.must(err)
}

func (w *world) revoke(name string, perms ...types.IpPermission) {
	_, err := w.user.RevokeSecurityGroupIngress(context.Background(), &ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(w.groups[name]), IpPermissions: perms})
	w.must(err)
}

// modify gives the rule with that text another IPv4 peer.
func (w *world) modify(name, text, peer string) {
	id, ok := w.at.RuleOf(w.groups[name], w.parse(text))
	if !ok {
		w.t.Fatalf("%s has no %s", name, text)
	}
	r := w.parse(text)
	_, err := w.user.ModifySecurityGroupRules(context.Background(), &ec2.ModifySecurityGroupRulesInput{
		GroupId: aws.String(w.groups[name]),
		SecurityGroupRules: []types.SecurityGroupRuleUpdate{{SecurityGroupRuleId: &id, SecurityGroupRule: &types.SecurityGroupRuleRequest{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(r.Ports.From), ToPort: aws.Int32(r.Ports.To), CidrIpv4: &peer,
		}}},
	})
	w.must(err)
}

func (w *world) delete(name string) {
	_, err := w.user.DeleteSecurityGroup(context.Background(), &ec2.DeleteSecurityGroupInput{GroupId: aws.String(w.groups[name])})
	w.must(err)
}

// list puts a prefix list there.
func (w *world) list(id string, entries ...string) {
	w.putList(secgroup.PrefixList{ID: id, Name: "a list"}, entries...)
}

// listOfOthers puts a list there that another account shares with this one, or gives
// it these entries: no record tells of that.
func (w *world) listOfOthers(entries ...string) {
	w.putList(secgroup.PrefixList{ID: ownList, Name: "a list", OwnerID: "210987654321"}, entries...)
}

func (w *world) putList(l secgroup.PrefixList, entries ...string) {
	for _, e := range entries {
		l.Entries = append(l.Entries, netip.MustParsePrefix(e))
	}
	w.must(w.at.PutList(l, 10))
}

// grow adds an entry to a list, as a user does.
func (w *world) grow(id string, version int64, entry string) {
	_, err := w.user.ModifyManagedPrefixList(context.Background(), &ec2.ModifyManagedPrefixListInput{
		PrefixListId: &id, CurrentVersion: &version, AddEntries: []types.AddPrefixListEntry{{Cidr: &entry}},
	})
	w.must(err)
}

// entries are those of a list, sorted.
func (w *world) entries(id string) (all []string) {
	out, err := w.user.GetManagedPrefixListEntries(context.Background(), &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id})
	w.must(err)
	for _, e := range out.Entries {
		all = append(all, *e.Cidr)
	}
	slices.Sort(all)
	return all
}
