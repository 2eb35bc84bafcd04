package policy_test

import (
	"flag"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/policydiff"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// The proof of package policydiff stands here, beside the naive reading of
// policies: pairs of random bundles, random groups, actors and rules, read
// packet by packet.

const (
	admin = policy.NaiveAdmin
	dev   = "arn:aws:iam::1:role/dev"
)

// side is one random bundle.
type side struct {
	docs     []policy.Document
	settings policy.Settings
	set      *policy.Set
}

// pairing makes pairs of bundles that have much in common.
type pairing struct {
	policy.RandomWorld
	*testing.T
}

func choose[T any](w pairing, list ...T) T { return list[w.IntN(len(list))] }

func (w pairing) pair() (old, new side) {
	for i := range 1 + w.IntN(3) {
		old.docs = append(old.docs, w.edited(w.Document(fmt.Sprintf("p%d", i))))
	}
	new.docs = slices.Clone(old.docs)
	for range 1 + w.IntN(2) {
		switch i := w.IntN(len(new.docs)); w.IntN(7) {
		case 0:
			if len(new.docs) > 1 {
				new.docs = slices.Delete(slices.Clone(new.docs), i, i+1)
			}
		case 1:
			new.docs = append(new.docs, w.edited(w.Document(fmt.Sprintf("q%d", len(new.docs)))))
		case 2:
			new.docs[i].Tolerate = w.Document("t").Tolerate
		case 3:
			other := w.Document("b")
			new.docs[i].Forbid, new.docs[i].AllowOnly = other.Forbid, other.AllowOnly
		case 4:
			new.docs[i].Except = w.Document("e").Except
		default:
			new.docs[i] = w.edited(new.docs[i])
		}
	}
	old.settings = policy.Settings{Mode: policy.Enforce, TrustedTags: []string{"tier"}, TrustedNames: []string{"*"}}
	new.settings = old.settings
	if w.IntN(5) == 0 {
		new.settings.Internal = []netip.Prefix{netip.MustParsePrefix("8.8.8.0/30"), netip.MustParsePrefix("2606:4700::/127")}
	}
	for _, s := range []*side{&old, &new} {
		if w.IntN(4) == 0 {
			s.settings.Exemptions = append(s.settings.Exemptions, w.Exemption("EX-1", choose(w, s.docs...).ID, groupIDs[0]))
		}
		var err error
		s.set, err = policy.Compile(s.docs, s.settings)
		require.NoError(w, err)
	}
	return old, new
}

// edited changes scope, remedy and mode of a document at random.
func (w pairing) edited(d policy.Document) policy.Document {
	if w.IntN(3) == 0 {
		d.Remedy = policy.Remedy{Do: choose(w, policy.DoRevert, policy.DoTag, policy.DoAlert), Parts: 1, After: choose(w, 0, 0, 5*time.Minute)}
	}
	if w.IntN(4) == 0 {
		d.Mode = choose(w, policy.Observe, 0)
	}
	if w.IntN(2) == 0 {
		d.Scope = w.scope()
	}
	if w.IntN(4) == 0 {
		not := w.scope()
		d.Not = &not
	}
	return d
}

func (w pairing) scope() policy.Scope {
	var s policy.Scope
	switch w.IntN(6) {
	case 0:
		s.Names = choose(w, []string{"web-*"}, []string{"*-1", "db-?"}, []string{"WEB-1"})
	case 1:
		s.Tags = map[string][]string{"tier": choose(w, []string{"public"}, []string{"p*"}, []string{"private", "public"})}
	case 2:
		s.VPCs = []string{choose(w, "vpc-1", "vpc-2")}
	case 3:
		s.Accounts = []string{choose(w, "123456789012", "999999999999")}
	case 4:
		is := w.IntN(2) == 0
		s.Default = &is
	case 5:
		s.IDs = []string{choose(w, groupIDs...)}
	}
	return s
}

var groupIDs = []string{"sg-0a11ce00000000001", "sg-0a11ce00000000002", "sg-0b"}

func (w pairing) group() secgroup.Group {
	g := secgroup.Group{
		ID: choose(w, groupIDs...), Name: choose(w, "web-1", "WEB-1", "web-22", "db-1", "default", "x"), AccountID: choose(w, "123456789012", "123456789012", "999999999999", "111111111111"),
		Region: "eu-west-1", VPCID: choose(w, "vpc-1", "vpc-2", "vpc-3"),
	}
	if w.IntN(3) > 0 {
		g.Tags = map[string]string{"tier": choose(w, "public", "private", "x", "p")}
	}
	g.VPCs = []secgroup.VPC{{ID: g.VPCID, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}}
	if w.IntN(3) == 0 {
		g.VPCs[0].CIDRs = append(g.VPCs[0].CIDRs, netip.MustParsePrefix("8.8.8.12/30"), netip.MustParsePrefix("2606:4700::4/126"))
	}
	return g
}

// end is a naive policydiff.Level.
type end struct {
	kind  int
	delay time.Duration
}

func (e end) text() string {
	text := []string{"allowed", "only observed", "only alerted", "only tagged", "taken back"}[e.kind]
	if e.delay > 0 {
		text += " after " + e.delay.String()
	}
	return text
}

func (e end) above(o end) bool {
	return e.kind > o.kind || e.kind == o.kind && e.delay < o.delay
}

// judge is how rules end in a group, at the worst.
func (s side) judge(g secgroup.Group, actor string, rules []secgroup.Rule, all []oracle.Packet) end {
	var worst end
	for _, d := range s.docs {
		if !inScope(d, g) || !policy.NaiveJudgement(d, s.settings.Internal, s.settings.Exemptions, g, rules, actor, all) {
			continue
		}
		if e := endOf(d, actor); e.above(worst) {
			worst = e
		}
	}
	return worst
}

func endOf(d policy.Document, actor string) end {
	var e end
	switch {
	case d.Mode == policy.Observe:
		e.kind = 1
	case d.Remedy.Do == policy.DoAlert:
		e.kind = 2
	case d.Remedy.Do == policy.DoTag:
		e.kind = 3
	default:
		e.kind = 4
	}
	if d.Mode != policy.Observe {
		e.delay = d.Remedy.After
	}
	for _, x := range d.Except {
		if actor == "" && (x.Until.IsZero() || policy.Now.Before(x.Until)) {
			e.delay = max(e.delay, 2*time.Minute)
		}
	}
	return e
}

func inScope(d policy.Document, g secgroup.Group) bool {
	return holds(d.Scope, g, true) && (d.Not == nil || isWritten(*d.Not) && !holds(*d.Not, g, false) || !isWritten(*d.Not))
}

func isWritten(s policy.Scope) bool {
	return len(s.Names)+len(s.Tags)+len(s.VPCs)+len(s.Accounts)+len(s.IDs) > 0 || s.Default != nil
}

func holds(s policy.Scope, g secgroup.Group, fold bool) bool {
	like := func(globs []string, text string) bool {
		return slices.ContainsFunc(globs, func(glob string) bool { ok, _ := path.Match(glob, text); return ok })
	}
	name, names := g.Name, s.Names
	if fold {
		name, names = strings.ToLower(name), strings.Split(strings.ToLower(strings.Join(s.Names, "\n")), "\n")
	}
	value, tagged := g.Tags["tier"]
	return (len(s.Names) == 0 || like(names, name)) &&
		(len(s.Tags) == 0 || tagged && like(s.Tags["tier"], value)) &&
		(len(s.VPCs) == 0 || slices.Contains(s.VPCs, g.VPCID)) && (len(s.Accounts) == 0 || slices.Contains(s.Accounts, g.AccountID)) &&
		(len(s.IDs) == 0 || slices.Contains(s.IDs, g.ID)) && (s.Default == nil || *s.Default == (g.Name == "default"))
}

func caseOf(g secgroup.Group, actor string) policy.Case {
	c := policy.Case{Group: g, Now: policy.Now}
	if actor != "" {
		c.By = &secgroup.Attribution{Actor: secgroup.Actor{ARN: actor, Type: "AssumedRole"}}
	}
	return c
}

// alone is a rule for just one packet.
func alone(p oracle.Packet) secgroup.Rule {
	r := secgroup.Rule{ID: "sgr-0", Direction: p.Direction, Protocol: secgroup.Protocol(p.Protocol), Ports: secgroup.NoPorts}
	switch p.Protocol {
	case 6, 17:
		r.Ports = secgroup.Ports{From: int32(p.Port), To: int32(p.Port)}
	case 1, 58:
		r.Ports = secgroup.Ports{From: int32(p.Type), To: int32(p.Code)}
	}
	if r.Peer = (secgroup.GroupReference{GroupID: p.Group, AccountID: p.Account}); p.Remote.IsValid() {
		r.Peer = secgroup.NewCIDR(netip.PrefixFrom(p.Remote, p.Remote.BitLen()))
	}
	return r
}

// toOther is the packets of a universe to the same other end: what a box as a
// whole is about.
func toOther(all []oracle.Packet) map[oracle.Packet][]oracle.Packet {
	out := map[oracle.Packet][]oracle.Packet{}
	for _, p := range all {
		key := oracle.Packet{Direction: p.Direction, Remote: p.Remote, Group: p.Group, Account: p.Account}
		out[key] = append(out[key], p)
	}
	return out
}

var (
	firstSeed = flag.Uint64("seed", 0, "the first pair of bundles that are compared")
	fewSeeds  = flag.Uint64("seeds", 0, "how many pairs; 0 = the usual number, and what must have been seen among them")
)

// TestDiffIsWhereRulesAreJudgedOtherwise: a rule for one packet ends otherwise
// exactly if it lies in a difference, which says how; a set of rules that is
// judged less strictly has a rule in a difference that says so; and each
// witness is judged as told.
func TestDiffIsWhereRulesAreJudgedOtherwise(t *testing.T) {
	all := policy.Universe()
	ends := toOther(all)
	var n struct{ pairs, packets, differing, sets, looser, differences, uncertain, witnesses int }
	last := *firstSeed + policy.Cases(120)
	if *fewSeeds > 0 {
		last = *firstSeed + *fewSeeds
	}
	for seed := *firstSeed; seed < last; seed++ {
		w := pairing{policy.NewRandomWorld(seed), t}
		old, now := w.pair()
		diff, err := policydiff.Compare(policydiff.Deployed{Set: old.set}, policydiff.Deployed{Set: now.set}, policy.Now)
		require.NoError(t, err)
		n.pairs++
		n.differences += len(diff.Differences)
		for range 4 {
			g, actor := w.group(), choose(w, "", admin, dev)
			for range 40 {
				p := all[w.IntN(len(all))]
				if p.Group != "" && p.Account == g.AccountID {
					p.Account = ""
				}
				near := ends[oracle.Packet{Direction: p.Direction, Remote: p.Remote, Group: p.Group, Account: p.Account}]
				if near == nil {
					continue // written in another way
				}
				rule := alone(p)
				was, is := old.judge(g, actor, []secgroup.Rule{rule}, near), now.judge(g, actor, []secgroup.Rule{rule}, near)
				n.packets++
				told := []string{}
				var holding []policydiff.Difference
				for _, d := range diff.Differences {
					if d.Manner == policydiff.Alone && d.Holds(caseOf(g, actor), rule) {
						told = append(told, d.Was.String()+" -> "+d.Is.String())
						holding = append(holding, d)
					}
				}
				want := []string{}
				if was != is {
					n.differing++
					want = []string{was.text() + " -> " + is.text()}
				}
				if slices.Equal(want, told) {
					continue
				}
				require.Equal(t, want, told, "seed %d, %s by %q in %+v: %v\nold %s\nnew %s", seed, rule, actor, g, summaries(holding), old, now)
			}
			for range 8 {
				var rules []secgroup.Rule
				for i := range 1 + w.IntN(4) {
					rules = append(rules, w.Rule(fmt.Sprintf("sgr-%d", i)))
				}
				was, is := old.judge(g, actor, rules, all), now.judge(g, actor, rules, all)
				n.sets++
				if !was.above(is) {
					continue
				}
				n.looser++
				if slices.ContainsFunc(diff.Differences, func(d policydiff.Difference) bool {
					return d.Loosens && d.Was.String() == was.text() && slices.ContainsFunc(rules, func(r secgroup.Rule) bool { return d.Holds(caseOf(g, actor), r) })
				}) {
					continue
				}
				require.Fail(t, "missed", "seed %d: %v by %q in %+v was %s, is %s; nothing of it in %v\nold %+v\nnew %+v", seed, rules, actor, g, was.text(), is.text(), summaries(diff.Differences), old, now)
			}
		}
		for _, d := range diff.Differences {
			if d.Rules == nil {
				n.uncertain++
				continue
			}
			if !d.At.Equal(policy.Now) || !within(d.Rules, all) {
				continue // the naive reading knows no other time and no other packets
			}
			n.witnesses++
			if strings.HasSuffix(d.By, ":role/admin") {
				d.By = admin // the only one that the naive reading knows of those that are like it
			}
			universe := append(slices.Clone(all), packetsTo(d.Packet, all)...)
			was, is := old.judge(d.Group, d.By, d.Rules, universe).text(), now.judge(d.Group, d.By, d.Rules, universe).text()
			if was != d.Was.String() || is != d.Is.String() {
				require.Fail(t, "a witness is judged otherwise", "seed %d: was %s, is %s: %s\nold %s\nnew %s", seed, was, is, summary(d), old, now)
			}
		}
	}
	fmt.Printf("SHOW policy diff: %+v\n", n)
	if *fewSeeds > 0 {
		return
	}
	require.Positive(t, n.differing)
	require.Positive(t, n.looser)
	require.Positive(t, n.witnesses)
}

// packetsTo is the flow of a rule to each other end of a universe, and each
// flow of it to the peer of the rule, as far as the universe lacks them.
func packetsTo(r secgroup.Rule, all []oracle.Packet) []oracle.Packet {
	one := oracle.Packet{Direction: r.Direction, Protocol: uint8(r.Protocol)}
	switch {
	case r.Protocol.HasPorts():
		one.Port = uint16(r.Ports.From)
	case r.Protocol.IsICMP():
		one.Type, one.Code = uint8(r.Ports.From), uint8(r.Ports.To)
	}
	var out []oracle.Packet
	add := func(p oracle.Packet) {
		if !slices.Contains(out, p) && !slices.Contains(all, p) {
			out = append(out, p)
		}
	}
	for _, p := range all {
		q := one
		q.Remote, q.Group, q.Account = p.Remote, p.Group, p.Account
		add(q)
	}
	for _, p := range append([]oracle.Packet{one}, all...) {
		switch peer := r.Peer.(type) {
		case secgroup.CIDR:
			p.Remote, p.Group, p.Account = peer.Addr(), "", ""
		case secgroup.GroupReference:
			p.Remote, p.Group, p.Account = netip.Addr{}, peer.GroupID, peer.AccountID
		}
		add(p)
	}
	return out
}

// within reports whether all that rules open to addresses lies in the universe.
func within(rules []secgroup.Rule, all []oracle.Packet) bool {
	var known secgroup.AddressSet
	for _, p := range all {
		if p.Remote.IsValid() {
			known = known.Union(secgroup.NewAddressSet(netip.PrefixFrom(p.Remote, p.Remote.BitLen())))
		}
	}
	for _, r := range rules {
		if _, isList := r.Peer.(secgroup.PrefixList); isList || !known.Covers(r.Region().Addresses()) {
			return false
		}
	}
	return true
}

// String is a bundle for whom the proof fails.
func (s side) String() string {
	var b strings.Builder
	for _, d := range s.docs {
		fmt.Fprintf(&b, "\n  %s scope %+v not %+v tolerate %+v except %v mode %v remedy %+v", d.ID, d.Scope, d.Not, d.Tolerate, d.Except, d.Mode, d.Remedy)
		boxes := d.Forbid
		if d.AllowOnly != nil {
			b.WriteString(" allowOnly")
			boxes = append([]policy.Clause{d.AllowOnly.Within}, d.AllowOnly.These...)
		}
		for _, c := range boxes {
			b.WriteString("\n    " + boxText(c))
		}
	}
	fmt.Fprintf(&b, "\n  internal %v", s.settings.Internal)
	for _, x := range s.settings.Exemptions {
		fmt.Fprintf(&b, "\n  exemption %s from %s %v until %v", x.Group, x.Policy, x.Rules, x.Until)
	}
	return b.String()
}

func boxText(c policy.Clause) string {
	text := fmt.Sprintf("%v %v", c.Directions, c.Flows)
	for _, p := range c.Peers {
		text += " " + p.Text
	}
	if c.Whole {
		text += " whole"
	}
	for _, b := range c.But {
		text += " but (" + boxText(b) + ")"
	}
	return text
}

func summaries(all []policydiff.Difference) []string {
	var out []string
	for _, x := range all {
		out = append(out, summary(x))
	}
	return out
}

func summary(d policydiff.Difference) string {
	rules := d.Flows.Rules(d.Direction, nil)
	return fmt.Sprintf("%v %v->%v in %q by %q manner %d %d flows %v... (%s) rules %v in %s", d.Loosens, d.Was, d.Is, d.Scope, d.Actor, d.Manner, len(rules), rules[:min(3, len(rules))], d.Peers, d.Rules, d.Group.ID)
}
