package embedded

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
	"github.com/sgwarden/sgwarden/internal/warden"
)

var (
	lostChanges = flag.Int("lost-changes", 1000, "how many changes TestLostEvents makes")
	lostSeed    = flag.Uint64("lost-seed", 1, "what TestLostEvents follows from")
)

// lateness is how long after its call a record may come: records of calls that
// are closer together come in any order.
const lateness = 10 * time.Minute

// post is a record on its way.
type post struct {
	at   time.Time
	body []byte
}

// lostEvents plays changes whose records are dropped, doubled and shuffled.
type lostEvents struct {
	*swept
	random   *rand.Rand
	groups   []string
	fine     map[string]string // harmless rules that nobody touched: id -> value
	post     []post            // the earliest first
	own      bool              // the guard is calling
	clients  int               // records of clients
	dropped  int
	doubled  int
	opened   int // violating rules that clients made
	closedBy map[string]int
}

// TestLostEvents: of all records one in ten is dropped, one in ten comes twice,
// and all of them come in another order than that of the calls. After one sweep
// no violation is left; what stood before the first one, and what nothing
// forbids, is as it was.
func TestLostEvents(t *testing.T) {
	l := &lostEvents{
		swept:  newSwept(t, closed(22, ""), closed(3389, "remedy: {do: narrow, to: [10.0.0.0/8]}")),
		random: rand.New(rand.NewPCG(*lostSeed, 22)), fine: map[string]string{}, closedBy: map[string]int{},
	}
	l.world.cloud.OnRecord(func(r []byte) { l.recorded(r) })
	old := l.found()
	l.sweep()
	for range *lostChanges {
		l.pass(time.Duration(1+l.random.IntN(5)) * time.Second)
		l.change()
	}
	l.pass(lateness + 16*time.Minute)
	require.Empty(t, l.post)
	before := l.violations()
	pass := l.sweep()
	l.pass(lateness + 16*time.Minute)

	fmt.Printf("SHOW lost events: %d changes of %d groups, %d violating rules opened, %d records dropped, %d doubled, all shuffled within %s; "+
		"%d closed by event, %d closed by the sweep (%d groups asked, %d EC2 reads), %d violations left before it, %d after\n",
		*lostChanges, len(l.groups), l.opened, l.dropped, l.doubled, lateness, l.closedBy["event"], l.closedBy["sweep"],
		pass.Counts.Enqueued[warden.SweepDue], pass.Counts.Calls.EC2, before, l.violations())
	require.Zero(t, l.violations())
	require.Positive(t, before, "the sweep had something to do")
	require.Positive(t, l.closedBy["event"])
	require.InDelta(t, float64(l.clients)/10, float64(l.dropped), float64(l.clients)/25)
	require.InDelta(t, float64(l.clients)/10, float64(l.doubled), float64(l.clients)/25)
	l.stand(old)
	l.sweep()
	l.quiet()
}

// found makes groups, and in some more of them violations that stand.
func (l *lostEvents) found() (old []secgroup.Group) {
	for n := range max(40, *lostChanges/10) {
		id := fmt.Sprintf("sg-0%016x", n)
		_, err := l.account.ec2.EnsureGroup(secgroup.Group{ID: id, Rules: []secgroup.Rule{}})
		require.NoError(l.t, err)
		l.groups = append(l.groups, id)
	}
	for n := range 10 {
		g := secgroup.Group{ID: fmt.Sprintf("sg-0f%015x", n), Rules: []secgroup.Rule{parsed(l.t, sshOpen), parsed(l.t, webOpen)}}
		_, err := l.account.ec2.EnsureGroup(g)
		require.NoError(l.t, err)
		made, _ := l.account.ec2.Group(g.ID)
		old = append(old, made)
	}
	return old
}

// recorded puts a record on its way, or loses it.
func (l *lostEvents) recorded(record []byte) {
	luck := l.random.IntN(10)
	if !l.own {
		l.clients++
	}
	if luck == 0 {
		if !l.own {
			l.dropped++
		}
		return
	}
	times := 1
	if luck == 1 {
		times = 2
		if !l.own {
			l.doubled++
		}
	}
	for range times {
		l.post = append(l.post, post{l.world.now.Add(time.Duration(l.random.Int64N(int64(lateness)))), record})
	}
	slices.SortStableFunc(l.post, func(a, b post) int { return a.at.Compare(b.at) })
}

// pass lets time pass, and what comes meanwhile be judged.
func (l *lostEvents) pass(d time.Duration) {
	end := l.world.now.Add(d)
	l.own = true
	defer func() { l.own = false }()
	for len(l.post) > 0 && !l.post[0].at.After(end) {
		next := l.post[0]
		l.post = l.post[1:]
		l.heard(l.account.until(l.ctx, next.at))
		l.heard([]Judged{l.account.Judge(l.ctx, next.body)})
	}
	l.heard(l.account.until(l.ctx, end))
	l.world.cloud.Forget()
}

// heard counts what was closed, and by what.
func (l *lostEvents) heard(all []Judged) {
	for _, j := range all {
		by := "event"
		if bytes.Contains(j.Raw, []byte(`"cause":"sweep"`)) {
			by = "sweep"
		}
		for _, d := range j.Decisions {
			for _, r := range d.Rules {
				if r.Outcome.Changed() {
					l.closedBy[by]++
				}
			}
		}
	}
}

// change lets a client make one change.
func (l *lostEvents) change() {
	l.group = l.groups[l.random.IntN(len(l.groups))]
	live := l.rules()
	pool := [][]string{harmless, harmless, {"tcp 22 22 0.0.0.0/0", "tcp 22 22 ::/0", "tcp 20 25 8.0.0.0/6", "tcp 3389 3389 0.0.0.0/0", "-1 - - 0.0.0.0/0"}}[l.random.IntN(3)]
	words := strings.Fields(pool[l.random.IntN(len(pool))])
	id := ""
	switch n := l.random.IntN(10); {
	case n < 7:
		id = l.tryAdd(live, words)
	case n < 9 && len(live) > 0:
		if id = l.tryChange(live[l.random.IntN(len(live))], words); id != "" {
			delete(l.fine, id)
		}
	case len(live) > 0:
		l.made = []string{live[l.random.IntN(len(live))].ID}
		delete(l.fine, l.made[0])
		l.take([]string{"1"})
	}
	if id == "" {
		return
	}
	if &pool[0] != &harmless[0] {
		l.opened++
		return
	}
	for _, r := range l.rules() {
		if r.ID == id {
			l.fine[id] = r.Value()
		}
	}
}

// violations counts the rules that a policy forbids now, in the groups that
// clients change; nothing is known of any of them.
func (l *lostEvents) violations() (n int) {
	set := l.world.opts.Set
	for _, id := range l.groups {
		g, _ := l.account.ec2.Group(id)
		g.VPCs = []secgroup.VPC{}
		v := set.Evaluate(policy.Input{Live: g, Facts: policy.Facts{Acts: set.ActsDone(noTime)}, Now: l.world.now})
		due := slices.ContainsFunc(v.Rules, func(r policy.RuleVerdict) bool { return r.Due })
		for _, r := range v.Rules {
			if r.Due {
				n++
			}
		}
		// The oracle has a say of its own.
		for _, port := range []uint16{22, 3389} {
			for _, remote := range []string{"8.8.8.8", "9.9.9.9", "2606:4700::1"} {
				p := oracle.Packet{Direction: secgroup.Ingress, Protocol: 6, Port: port, Remote: netip.MustParseAddr(remote)}
				if oracle.AdmitsAny(g.Rules, p) {
					require.True(l.t, due, "%s admits %v", id, p)
				}
			}
		}
	}
	return n
}

var noTime time.Time

// stand requires what stood before the act, and what nothing forbids, to be as
// it was.
func (l *lostEvents) stand(old []secgroup.Group) {
	for _, g := range old {
		now, _ := l.account.ec2.Group(g.ID)
		require.Equal(l.t, g.Rules, now.Rules)
	}
	now := map[string]string{}
	for _, id := range l.groups {
		g, _ := l.account.ec2.Group(id)
		for _, r := range g.Rules {
			now[r.ID] = r.Value()
		}
	}
	for id, value := range l.fine {
		require.Equal(l.t, value, now[id])
	}
	require.NotEmpty(l.t, l.fine)
}
