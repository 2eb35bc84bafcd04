package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// attack is one case of testdata/attacks: calls of a client, and what the
// guard must leave of them. The format is told at the head of evasions.txt.
type attack struct {
	where string
	name  string
	lines [][]string
}

// TestAttacks runs every case through the real SDK, the strict EC2, its
// CloudTrail records and the whole path of the guard. What a case calls open
// or closed is decided by the oracle, packet by packet, before and after.
func TestAttacks(t *testing.T) {
	files, err := filepath.Glob("testdata/attacks/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			for _, a := range readAttacks(t, file) {
				t.Run(a.name, func(t *testing.T) { newScene(t, a).play(a) })
			}
		})
	}
}

func readAttacks(t *testing.T, file string) []attack {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return parseAttacks(t, file, string(text))
}

func parseAttacks(t *testing.T, file, text string) []attack {
	var all []attack
	names := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		n, line := i+1, strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "== "); ok {
			require.False(t, names[name], "%s:%d: %q stands twice", file, n, name)
			names[name] = true
			all = append(all, attack{where: fmt.Sprintf("%s:%d", file, n), name: name})
		} else if line != "" && !strings.HasPrefix(line, "#") {
			require.NotEmpty(t, all, "%s:%d", file, n)
			last := &all[len(all)-1]
			last.lines = append(last.lines, strings.Fields(line))
		}
	}
	return all
}

// scene is the account that one case plays in.
type scene struct {
	t       *testing.T
	ctx     context.Context
	where   string
	world   *World
	account *Account
	client  *ec2.Client
	group   string
	name    string
	before  []secgroup.Rule // all that stood whenever the guard began to judge
	heard   bool
	// mutations are the calls of the guard that could change something.
	mutations int
	records   [][]byte // not judged yet
	kept      [][]byte // as they were told last
	lists     map[string]secgroup.PrefixList
	made      []string // rule ids, in the order of the calls
	judged    []Judged
	asked     []string // the rules as the client left them last
}

func newScene(t *testing.T, a attack) *scene {
	s := &scene{t: t, ctx: context.Background(), where: a.where, lists: map[string]secgroup.PrefixList{}}
	folder, group := "", secgroup.Group{ID: "sg-0a77ac4000000000a", Name: "web", Rules: []secgroup.Rule{}}
	for _, l := range a.lines {
		switch l[0] {
		case "policy":
			folder = filepath.Join("testdata/policies", l[1])
		case "group":
			group.Name = l[1]
			for _, tag := range l[2:] {
				key, value, _ := strings.Cut(tag, "=")
				if group.Tags == nil {
					group.Tags = map[string]string{}
				}
				group.Tags[key] = value
			}
		}
	}
	set, _, err := bundle.Load(folder, bundle.Options{Default: policy.Enforce})
	require.NoError(t, err)
	s.world = New(Options{Set: set, Watch: func(r []byte) { s.records = append(s.records, r) }})
	s.world.now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	s.account, err = s.world.Account(s.ctx, localec2.DefaultAccount, localec2.DefaultRegion)
	require.NoError(t, err)
	_, err = s.account.ec2.EnsureGroup(group)
	require.NoError(t, err)
	s.group, s.name = group.ID, group.Name
	s.as("user/mallory")
	return s
}

// as lets another actor make the calls that follow.
func (s *scene) as(who string) {
	key := "AKIA" + strings.ToUpper(strings.NewReplacer("/", "", "-", "", "@", "", ".", "").Replace(who))
	kind, name, _ := strings.Cut(who, "/")
	name, through, _ := strings.Cut(name, "@")
	identity := cloudtrail.User(localec2.DefaultAccount, name, key)
	switch kind {
	case "role":
		path, role := filepath.Split("/" + name)
		identity = cloudtrail.Session(localec2.DefaultAccount, path, role, "network-admin", key)
	case "service":
		identity = cloudtrail.Identity{Type: "AWSService", InvokedBy: name}
	}
	if through != "" {
		identity.InvokedBy = through
	}
	s.world.cloud.Register(key, localec2.Caller{AccountID: localec2.DefaultAccount, Identity: identity})
	s.client = ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, BaseEndpoint: aws.String("http://ec2.embedded"),
		Credentials: credentials.NewStaticCredentialsProvider(key, "attack", ""),
		HTTPClient:  &http.Client{Transport: s.world.cloud.Transport()},
	})
}

func (s *scene) play(a attack) {
	for _, l := range a.lines {
		s.do(l)
		s.account.wind(s.world.now.Add(time.Second))
	}
}

func (s *scene) do(l []string) {
	t := s.t
	switch l[0] {
	case "policy", "group":
	case "as":
		s.as(l[1])
	case "wait":
		d, err := time.ParseDuration(l[1])
		require.NoError(t, err, s.where)
		s.hear(nil)
		s.wait(d)
	case "vpc":
		require.NoError(t, s.account.ec2.EnsureVPC(s.account.ec2.DefaultVPC(), prefixes(t, l[1:])...))
	case "list", "aws-list", "foreign-list":
		s.putList(l[0], l[1], prefixes(t, l[2:]))
	case "unreadable":
		s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
			if c.Action == "GetManagedPrefixListEntries" || c.Action == "DescribeManagedPrefixLists" {
				return localec2.Deny()
			}
			return localec2.Disturbance{}
		})
	case "readable":
		s.world.cloud.Disturb(nil)
	case "add":
		s.add(l[1], l[2:])
	case "flat":
		s.flat(l[1], l[2:])
	case "change":
		s.change(l[1], l[2:])
	case "take":
		s.take(l[1:])
	case "lose":
		s.records = nil
	case "hear":
		s.hear(l[1:])
	case "closed", "open":
		s.hear(nil)
		s.look(l[0], l[1:])
	case "left":
		s.hear(nil)
		s.left(strings.Split(strings.Join(l[1:], " "), " ; "))
	case "untouched":
		s.untouched()
	case "outcome":
		s.hear(nil)
		s.outcome(l[1])
	default:
		require.Fail(t, "unknown line", "%s: %v", s.where, l)
	}
}

// wait lets time pass, and the guard judge what waited for it.
func (s *scene) wait(d time.Duration) {
	s.world.cloud.Forget()
	s.judged = append(s.judged, s.account.until(s.ctx, s.world.now.Add(d))...)
	s.drain()
}

// hear lets the guard judge the records that wait: as they came, or twice,
// reversed, together in one message, again (those of before), or with parts
// missing as CloudTrail leaves them out.
func (s *scene) hear(how []string) {
	if len(s.records) == 0 && len(how) == 0 {
		return
	}
	s.heard = true
	s.before = append(s.before, s.rules()...)
	records := s.records
	s.records = nil
	var later [][]byte
	for _, h := range how {
		switch h {
		case "again":
			records = slices.Concat(records, s.kept)
		case "twice":
			records = slices.Concat(records, records)
		case "reversed":
			slices.Reverse(records)
		case "together":
			body, err := json.Marshal(map[string]any{"Records": raw(records)})
			require.NoError(s.t, err)
			records = [][]byte{body}
		case "unanswered":
			records = without(s.t, records, "responseElements")
		case "unasked":
			records = without(s.t, records, "requestParameters")
		case "empty":
			records = without(s.t, without(s.t, records, "responseElements"), "requestParameters")
		case "foreign":
			records = with(s.t, records, "recipientAccountId", "999999999999")
		case "elsewhere":
			records = with(s.t, records, "awsRegion", "eu-west-1")
		case "look":
			body := fmt.Sprintf(`{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":%q,"cause":"sweep"}}`, s.group)
			records, later = [][]byte{[]byte(body)}, records
		default:
			require.Fail(s.t, "unknown way to hear", "%s: %s", s.where, h)
		}
	}
	s.kept, s.asked = records, texts(s.rules())
	s.world.cloud.Forget()
	for _, r := range records {
		s.judged = append(s.judged, s.account.Judge(s.ctx, r))
	}
	s.drain()
	s.records = later
}

// drain judges the records of what the guard did itself.
func (s *scene) drain() {
	s.mutations += s.world.cloud.Mutations()
	s.world.cloud.Forget()
	for n := 0; len(s.records) > 0; n++ {
		require.Less(s.t, n, 100, "%s: the guard fights with itself", s.where)
		r := s.records[0]
		s.records = s.records[1:]
		j := s.account.Judge(s.ctx, r)
		require.Equal(s.t, incident.Ignored, j.Worst().Outcome, "%s: its own call is no news", s.where)
	}
}

func raw(records [][]byte) []json.RawMessage {
	var out []json.RawMessage
	for _, r := range records {
		out = append(out, r)
	}
	return out
}

func without(t *testing.T, records [][]byte, field string) [][]byte {
	var out [][]byte
	for _, r := range records {
		var m map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(r, &m))
		require.Contains(t, m, field)
		delete(m, field)
		b, err := json.Marshal(m)
		require.NoError(t, err)
		out = append(out, b)
	}
	return out
}

func with(t *testing.T, records [][]byte, field, value string) [][]byte {
	var out [][]byte
	for _, r := range records {
		var m map[string]any
		require.NoError(t, json.Unmarshal(r, &m))
		require.Contains(t, m, field)
		m[field] = value
		b, err := json.Marshal(m)
		require.NoError(t, err)
		out = append(out, b)
	}
	return out
}

// rules are the live rules, with the entries of their lists.
func (s *scene) rules() []secgroup.Rule {
	g, ok := s.account.ec2.Group(s.group)
	require.True(s.t, ok)
	for i, r := range g.Rules {
		if ref, ok := r.Peer.(secgroup.PrefixList); ok {
			for _, l := range s.lists {
				if l.ID == ref.ID {
					g.Rules[i].Peer = s.asItIs(l)
				}
			}
		}
	}
	return g.Rules
}

// asItIs is a list with the entries that it has: the guard may have taken some out.
func (s *scene) asItIs(l secgroup.PrefixList) secgroup.PrefixList {
	var entries []netip.Prefix
	pages := ec2.NewGetManagedPrefixListEntriesPaginator(s.account.client, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &l.ID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(s.ctx)
		if err != nil {
			return l // one that may not be read
		}
		for _, e := range page.Entries {
			entries = append(entries, netip.MustParsePrefix(*e.Cidr))
		}
	}
	l.Entries = entries
	return l
}

// look holds packets against the oracle: "tcp/22 ADDRESS..." in ingress, or
// "egress tcp/22 ADDRESS...". What is closed now must have been open before:
// an attack that opened nothing proves nothing.
func (s *scene) look(want string, words []string) {
	p := oracle.Packet{Direction: secgroup.Ingress}
	if words[0] == "egress" {
		p.Direction, words = secgroup.Egress, words[1:]
	}
	protocol, port, _ := strings.Cut(words[0], "/")
	n, err := strconv.Atoi(port)
	require.NoError(s.t, err, s.where)
	p.Protocol = map[string]uint8{"tcp": 6, "udp": 17, "icmp": 1, "gre": 47}[protocol]
	require.NotZero(s.t, p.Protocol, s.where)
	p.Port, p.Type = uint16(n), uint8(n)
	for _, a := range words[1:] {
		p.Remote = netip.MustParseAddr(a)
		require.True(s.t, oracle.AdmitsAny(s.before, p), "%s: %v was never open", s.where, p)
		require.Equal(s.t, want == "open", oracle.AdmitsAny(s.rules(), p), "%s: %v\nrules: %v\n%s", s.where, p, s.rules(), s.story())
	}
}

func (s *scene) story() string {
	var b strings.Builder
	for _, j := range s.judged {
		for _, d := range j.Decisions {
			fmt.Fprintf(&b, "%s: %s %s\n", d.Change.EventName, d.Outcome, d.Reason)
		}
	}
	return b.String()
}

func (s *scene) left(want []string) {
	got := texts(s.rules())
	if want[0] == "nothing" {
		want = nil
	}
	for i, text := range want {
		for name, l := range s.lists {
			text = strings.ReplaceAll(text, "@"+name, l.ID)
		}
		want[i] = text
	}
	slices.Sort(want)
	require.Equal(s.t, want, got, "%s\n%s", s.where, s.story())
}

func texts(rules []secgroup.Rule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.String())
	}
	slices.Sort(out)
	return out
}

// untouched holds that the guard left everything as it was, and made no call
// that could change anything.
func (s *scene) untouched() {
	s.hear(nil)
	s.wait(time.Hour)
	require.True(s.t, s.heard, s.where)
	require.Equal(s.t, s.asked, texts(s.rules()), "%s\n%s", s.where, s.story())
	require.Zero(s.t, s.mutations, "%s\n%s", s.where, s.story())
}

func (s *scene) outcome(want string) {
	require.NotEmpty(s.t, s.judged, s.where)
	require.Equal(s.t, want, s.judged[len(s.judged)-1].Worst().Outcome.String(), "%s\n%s", s.where, s.story())
}
