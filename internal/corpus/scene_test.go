package corpus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/embedded"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// scene is the account that one entry plays in.
type scene struct {
	t       *testing.T
	ctx     context.Context
	e       entry
	profile *profile
	world   *embedded.World
	account *embedded.Account
	cloud   *localec2.Cloud
	ec2     *localec2.Account
	client  *ec2.Client
	actor   string // ARN that policies match: of the role behind a session, or the user
	now     time.Time

	ids    map[string]string // of groups, lists and VPCs, by name
	groups []string          // ids, the first is web
	lists  map[string]secgroup.PrefixList
	made   []string          // rule ids, in the order of the calls
	joined []string          // ids of associations, likewise
	makers map[string]string // rule id and value -> actor that gave it that value

	records [][]byte // not heard yet
	kept    [][]byte // heard last
	heard   []state  // what stood each time before guard judged
	story   []string
	// mutations are the calls of guard that change something.
	mutations int
}

// state is all groups at one moment, with what policies may ask of them.
type state struct {
	groups []groupState
	rules  map[string]string // all rules as text, by id
}

type groupState struct {
	group  secgroup.Group // lists with their entries
	blocks []netip.Prefix // of its VPC and of those that it is associated with
	makers map[string]string
}

// of is a group of the state; empty where it is not there.
func (st state) of(id string) groupState {
	for _, g := range st.groups {
		if g.group.ID == id {
			return g
		}
	}
	return groupState{}
}

var start = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// play runs an entry to its end.
func play(t *testing.T, e entry) *scene {
	s := newScene(t, e)
	s.as("user/admin")
	for _, st := range e.Before {
		s.do(st)
	}
	s.deliver(nil)
	s.wait(10 * time.Minute)
	require.Zero(t, s.mutations, "%s: what stands before is compliant\n%s", e.ID, s.told())
	s.heard, s.story = nil, nil
	s.as("user/mallory")
	return s
}

func newScene(t *testing.T, e entry) *scene {
	s := &scene{t: t, ctx: t.Context(), e: e, profile: profileOf(t, e.Profile), ids: map[string]string{},
		lists: map[string]secgroup.PrefixList{}, makers: map[string]string{}}
	s.world = embedded.New(embedded.Options{Set: s.profile.set, Watch: func(r []byte) { s.records = append(s.records, r) }})
	var err error
	s.account, err = s.world.Account(s.ctx, localec2.DefaultAccount, localec2.DefaultRegion)
	require.NoError(t, err)
	s.now = start
	s.world.Pass(s.ctx, s.now)
	s.cloud = s.world.Cloud()
	s.ec2 = s.cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion)
	if e.Given.Rules > 0 {
		s.cloud.AllowRules(e.Given.Rules)
	}
	s.give(e.Given)
	return s
}

// give makes what an entry finds.
func (s *scene) give(g given) {
	t := s.t
	s.ids["vpc"] = s.ec2.DefaultVPC()
	for _, v := range g.VPCs {
		id := s.ec2.DefaultVPC()
		if v.Name != "default" {
			id = idOf("vpc-", v.Name)
			s.ids[v.Name] = id
		}
		require.NoError(t, s.ec2.EnsureVPC(id, prefixes(t, v.Blocks)...), s.e.ID)
	}
	groups := g.Groups
	if len(groups) == 0 {
		groups = []givenGroup{{Name: "web"}}
	}
	for _, one := range groups {
		id := idOf("sg-", one.Name)
		s.ids[one.Name] = id
		s.groups = append(s.groups, id)
		vpc := ""
		if one.VPC != "" {
			vpc = s.id(one.VPC)
		}
		_, err := s.ec2.EnsureGroup(secgroup.Group{ID: id, Name: one.Name, VPCID: vpc, Tags: one.Tags, Rules: []secgroup.Rule{}})
		require.NoError(t, err, s.e.ID)
	}
	for _, l := range g.Lists {
		list := secgroup.PrefixList{ID: idOf("pl-", l.Name), Name: l.Name, OwnerID: l.Owner, Entries: prefixes(t, l.Entries)}
		require.NoError(t, s.ec2.PutList(list, entriesPerList), s.e.ID)
		s.ids[l.Name] = list.ID
	}
	for _, p := range g.Partners {
		other := s.cloud.Account(p.Account, localec2.DefaultRegion)
		id := idOf("sg-", p.Name)
		_, err := other.EnsureGroup(secgroup.Group{ID: id, Name: p.Name, Rules: []secgroup.Rule{}})
		require.NoError(t, err, s.e.ID)
		s.ids[p.Name] = id
		s.ec2.Peer(localec2.Peering{ID: idOf("pcx-", p.Name), VPCID: s.ec2.DefaultVPC(), PeerAccount: p.Account, PeerVPCID: other.DefaultVPC()})
	}
}

// entriesPerList is what each list counts against the quota of a group.
const entriesPerList = 20

func idOf(prefix, name string) string {
	sum := sha256.Sum256([]byte(name))
	return prefix + hex.EncodeToString(sum[:])[:17]
}

func prefixes(t *testing.T, texts []string) (all []netip.Prefix) {
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

func (s *scene) id(name string) string {
	id, ok := s.ids[name]
	require.True(s.t, ok, "%s: nothing is called %s", s.e.ID, name)
	return id
}

// as lets another actor make the calls that follow: user/NAME, or
// role/PATH/NAME; "@SERVICE" behind it is who the call went through.
func (s *scene) as(who string) {
	key := "AKIA" + strings.ToUpper(hex.EncodeToString([]byte(who)))
	kind, name, _ := strings.Cut(who, "/")
	name, through, _ := strings.Cut(name, "@")
	identity := cloudtrail.User(localec2.DefaultAccount, name, key)
	s.actor = identity.ARN
	if kind == "role" {
		path, role := filepath.Split("/" + name)
		role, session, _ := strings.Cut(role, ":")
		identity = cloudtrail.Session(localec2.DefaultAccount, path, role, session, key)
		s.actor = identity.Issuer.ARN
	}
	identity.InvokedBy = through
	s.cloud.Register(key, localec2.Caller{AccountID: localec2.DefaultAccount, Identity: identity})
	s.client = ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, BaseEndpoint: aws.String("http://ec2.embedded"),
		Credentials: credentials.NewStaticCredentialsProvider(key, "corpus", ""),
		HTTPClient:  &http.Client{Transport: s.cloud.Transport()},
	})
}

// do takes one step.
func (s *scene) do(st step) {
	defer s.pass(time.Second)
	var word string
	var words []string
	switch st.name {
	case "as":
		require.NoError(s.t, json.Unmarshal(st.args, &word), s.e.ID)
		s.as(word)
	case "wait":
		require.NoError(s.t, json.Unmarshal(st.args, &word), s.e.ID)
		d, err := time.ParseDuration(word)
		require.NoError(s.t, err, s.e.ID)
		s.wait(d)
	case "deliver":
		require.NoError(s.t, json.Unmarshal(st.args, &words), s.e.ID)
		s.deliver(words)
	case "lose":
		s.records = nil
	case "sweep":
		s.sweep()
	default:
		s.call(st)
	}
}

var named = regexp.MustCompile(`\$[a-z0-9-]+`)

// call makes a call of the API, and remembers what it made.
func (s *scene) call(st step) {
	run, ok := calls[st.name]
	require.True(s.t, ok, "%s: unknown step %s", s.e.ID, st.name)
	args := named.ReplaceAllStringFunc(string(st.args), func(name string) string { return s.named(name[1:]) })
	before := s.values()
	m, err := run(s.ctx, s.client, []byte(args))
	require.NoError(s.t, err, "%s: %s %s", s.e.ID, st.name, args)
	s.made = append(s.made, m.rules...)
	s.joined = append(s.joined, m.associations...)
	for i, id := range m.groups {
		s.ids[fmt.Sprintf("new-group%s", suffix(i))] = id
		s.groups = append(s.groups, id)
	}
	for i, id := range m.lists {
		s.ids[fmt.Sprintf("new-list%s", suffix(i))] = id
	}
	for i, id := range m.vpcs {
		s.ids[fmt.Sprintf("new-vpc%s", suffix(i))] = id
	}
	for id, value := range s.values() {
		if before[id] != value {
			s.makers[id+value] = s.actor
		}
	}
}

func suffix(i int) string {
	if i == 0 {
		return ""
	}
	return strconv.Itoa(i + 1)
}

// named resolves a name of an entry: a number is a rule, "a" and a number an
// association, all others are names.
func (s *scene) named(name string) string {
	list, text := s.made, name
	if rest, ok := strings.CutPrefix(name, "a"); ok && rest != "" {
		if _, err := strconv.Atoi(rest); err == nil {
			list, text = s.joined, rest
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return s.id(name)
	}
	require.True(s.t, n > 0 && n <= len(list), "%s: there is no $%s", s.e.ID, name)
	return list[n-1]
}

// values are all rules by id, as far as a call may change what they open.
func (s *scene) values() map[string]string {
	out := map[string]string{}
	for _, g := range s.ec2.Groups() {
		for _, r := range g.Rules {
			out[r.ID] = valueOf(r)
		}
	}
	return out
}

func valueOf(r secgroup.Rule) string {
	return fmt.Sprint(r.Direction, r.Protocol, r.Ports, r.Peer.Key())
}

// pass lets time go on, and what waited for it be judged.
func (s *scene) pass(d time.Duration) {
	s.now = s.now.Add(d)
	for _, j := range s.world.Pass(s.ctx, s.now) {
		s.tell(j)
	}
}

// wait lets time go on while guard's own messages become due.
func (s *scene) wait(d time.Duration) {
	foreign := s.records
	s.records = nil
	s.cloud.Forget()
	s.pass(d)
	s.drain()
	s.records = append(foreign, s.records...)
}

func (s *scene) tell(j embedded.Judged) {
	for _, d := range j.Decisions {
		s.story = append(s.story, fmt.Sprintf("%s %s %s", d.Change.EventName, d.Outcome, d.Reason))
	}
}

func (s *scene) told() string { return strings.Join(s.story, "\n") }

// deliver gives guard the records that wait, in one of the ways of a queue.
func (s *scene) deliver(how []string) {
	if len(s.records) == 0 && !slices.Contains(how, "again") {
		return
	}
	records := s.records
	for _, h := range how {
		records = s.dressed(h, records)
	}
	s.kept, s.records = records, nil
	s.judge(records)
}

// sweep asks guard to look at every group of the entry, as a pass over the
// account does.
func (s *scene) sweep() {
	var asks [][]byte
	for _, id := range s.groups {
		asks = append(asks, fmt.Appendf(nil, `{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":%q,"cause":"sweep"}}`, id))
	}
	waiting := s.records
	s.records = nil
	s.judge(asks)
	s.records = append(waiting, s.records...)
}

func (s *scene) judge(records [][]byte) {
	s.heard = append(s.heard, s.look())
	s.cloud.Forget()
	for _, r := range records {
		s.tell(s.account.Judge(s.ctx, r))
	}
	s.drain()
}

// drain lets guard hear of what it did itself.
func (s *scene) drain() {
	s.mutations += s.cloud.Mutations()
	s.cloud.Forget()
	for n := 0; len(s.records) > 0; n++ {
		require.Less(s.t, n, 100, "%s: guard fights with itself\n%s", s.e.ID, s.told())
		r := s.records[0]
		s.records = s.records[1:]
		s.account.Judge(s.ctx, r)
		require.Zero(s.t, s.cloud.Mutations(), "%s: its own call is no news", s.e.ID)
	}
}

// dressed gives records as they come in a bad hour.
func (s *scene) dressed(how string, records [][]byte) [][]byte {
	records = slices.Clone(records)
	switch how {
	case "again":
		return append(records, s.kept...)
	case "twice":
		return append(records, records...)
	case "reversed":
		slices.Reverse(records)
		return records
	case "together":
		var raw []json.RawMessage
		for _, r := range records {
			raw = append(raw, r)
		}
		body, err := json.Marshal(map[string]any{"Records": raw})
		require.NoError(s.t, err)
		return [][]byte{body}
	case "unanswered":
		return s.edited(records, func(m map[string]any) { delete(m, "responseElements") })
	case "unasked":
		return s.edited(records, func(m map[string]any) { delete(m, "requestParameters") })
	case "nameless":
		return s.edited(records, func(m map[string]any) { delete(m, "userIdentity") })
	case "disguised":
		return s.edited(records, func(m map[string]any) { m["userAgent"] = "cloudformation.amazonaws.com" })
	case "foreign":
		return s.edited(records, func(m map[string]any) { m["recipientAccountId"] = "999999999999" })
	}
	require.Fail(s.t, "unknown way to deliver", "%s: %s", s.e.ID, how)
	return nil
}

func (s *scene) edited(records [][]byte, edit func(map[string]any)) (out [][]byte) {
	for _, r := range records {
		var m map[string]any
		require.NoError(s.t, json.Unmarshal(r, &m))
		edit(m)
		text, err := json.Marshal(m)
		require.NoError(s.t, err)
		out = append(out, text)
	}
	return out
}

// look reads the state past guard: rules with the entries of their lists, and
// the blocks of the networks that their group works in.
func (s *scene) look() state {
	st := state{rules: map[string]string{}}
	for _, g := range s.ec2.Groups() {
		if !slices.Contains(s.groups, g.ID) {
			continue
		}
		one := groupState{group: g, makers: map[string]string{}}
		for i, r := range g.Rules {
			if l, ok := r.Peer.(secgroup.PrefixList); ok {
				g.Rules[i].Peer = s.list(l.ID)
			}
			st.rules[r.ID] = fmt.Sprint(g.ID, r.Direction, r.Protocol, r.Ports, r.Peer, r.Description)
			one.makers[r.ID] = s.makers[r.ID+valueOf(r)]
		}
		one.blocks = s.blocksOf(g)
		st.groups = append(st.groups, one)
	}
	return st
}

func (s *scene) list(id string) secgroup.PrefixList {
	lists, err := s.client.DescribeManagedPrefixLists(s.ctx, &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{id}})
	require.NoError(s.t, err)
	l := secgroup.PrefixList{ID: id, Readable: true, Name: aws.ToString(lists.PrefixLists[0].PrefixListName), OwnerID: aws.ToString(lists.PrefixLists[0].OwnerId)}
	for pages := ec2.NewGetManagedPrefixListEntriesPaginator(s.client, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id}); pages.HasMorePages(); {
		out, err := pages.NextPage(s.ctx)
		require.NoError(s.t, err)
		for _, e := range out.Entries {
			l.Entries = append(l.Entries, netip.MustParsePrefix(aws.ToString(e.Cidr)))
		}
	}
	return l
}

func (s *scene) blocksOf(g secgroup.Group) []netip.Prefix {
	blocks := slices.Clone(g.VPCs[0].CIDRs)
	out, err := s.client.DescribeSecurityGroupVpcAssociations(s.ctx, &ec2.DescribeSecurityGroupVpcAssociationsInput{})
	require.NoError(s.t, err)
	for _, a := range out.SecurityGroupVpcAssociations {
		if aws.ToString(a.GroupId) != g.ID {
			continue
		}
		vpcs, err := s.client.DescribeVpcs(s.ctx, &ec2.DescribeVpcsInput{VpcIds: []string{aws.ToString(a.VpcId)}})
		require.NoError(s.t, err)
		for _, b := range vpcs.Vpcs[0].CidrBlockAssociationSet {
			blocks = append(blocks, netip.MustParsePrefix(aws.ToString(b.CidrBlock)))
		}
	}
	return blocks
}
