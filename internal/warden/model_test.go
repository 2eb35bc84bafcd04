package warden

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/sgwarden/sgwarden/internal/fixedseed" // the same draws in every run
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// model plays users, a lossy and repeating queue, and a failing cloud around a
// warden, and knows what must hold whatever happens.
type model struct {
	*world
	rt      *rapid.T
	records [][]byte
	times   map[int]int     // by record: how often it was delivered
	safe    map[string]bool // rule ids that were never more than allowed, and that no user took away
	touched map[string]bool // rule ids that the warden changed or removed
	faults  int             // deaths, and closes that failed: each may cost one double message
}

// violates is the policy in the test's own words: tcp/22 from the internet.
func violates(r secgroup.Rule) bool {
	c := r.Peer.(secgroup.CIDR)
	return r.Direction == secgroup.Ingress && r.Ports.From <= 22 && r.Ports.To >= 22 && c.String() != "10.0.0.0/8"
}

func (m *model) drawRule() string {
	from := rapid.IntRange(20, 24).Draw(m.rt, "from")
	to := rapid.IntRange(from, 25).Draw(m.rt, "to")
	peer := rapid.SampledFrom([]string{"10.0.0.0/8", "0.0.0.0/0", "8.0.0.0/8", "::/0", "2606:4700::/32"}).Draw(m.rt, "peer")
	return fmt.Sprintf("ingress tcp/%d-%d from %s", from, to, peer)
}

func (m *model) exists(text string) bool {
	return slices.ContainsFunc(m.ec2.group(groupA), parse(m.t, text).SameValue)
}

func (m *model) step() {
	live := m.ec2.group(groupA)
	switch op := rapid.IntRange(0, 9).Draw(m.rt, "op"); {
	case op <= 2:
		text := m.drawRule()
		if !m.exists(text) {
			m.records = append(m.records, m.authorize(groupA, text))
			added := m.ec2.group(groupA)[len(live)]
			m.safe[added.ID] = !violates(added)
		}
	case op == 3 && len(live) > 0:
		r, text := rapid.SampledFrom(live).Draw(m.rt, "rule"), m.drawRule()
		to := parse(m.t, text)
		if v4 := to.Peer.(secgroup.CIDR).Addr().Is4(); !m.exists(text) && v4 == r.Peer.(secgroup.CIDR).Addr().Is4() {
			m.safe[r.ID] = false
			m.records = append(m.records, m.modify(groupA, r.ID, text))
		}
	case op == 4 && len(live) > 0:
		r := rapid.SampledFrom(live).Draw(m.rt, "rule")
		m.safe[r.ID] = false
		m.records = append(m.records, m.revoke(groupA, r.ID))
	case op == 5:
		m.wait(time.Duration(rapid.IntRange(1, 90).Draw(m.rt, "seconds")) * time.Second)
	case op == 6:
		m.fault()
	case op == 7:
		m.deliver(judgeGroup(groupA, "sweep", ""))
	case len(m.records) > 0:
		var batch []Delivery
		for range rapid.IntRange(1, 3).Draw(m.rt, "batch") {
			i := rapid.IntRange(0, len(m.records)-1).Draw(m.rt, "record")
			m.times[i]++
			batch = append(batch, Delivery{ID: fmt.Sprint(i), Body: m.records[i], ReceiveCount: m.times[i]})
		}
		m.Judge(context.Background(), batch)
	}
}

func (m *model) deliver(body []byte) Decision {
	return m.Judge(context.Background(), []Delivery{{ID: "x", Body: body, ReceiveCount: 1}})[0]
}

// fault breaks one coming call, by an error or by the death of the process.
func (m *model) fault() {
	name := rapid.SampledFrom([]string{"Group", "Rules", "RevokeSecurityGroupIngress", "ModifySecurityGroupRules", "AuthorizeSecurityGroupIngress", "Observe", "Open", "Close", "Note", "Publish"}).Draw(m.rt, "call")
	err := rapid.SampledFrom([]error{incident.ErrThrottled, incident.ErrUnavailable, nil}).Draw(m.rt, "error")
	done := false
	on := func(call string) error {
		if call != name || done {
			return nil
		}
		done = true
		m.faults++
		if err == nil {
			panic("killed")
		}
		return err
	}
	m.ec2.on, m.ledger.on = on, on
	m.publisher.on = func(incident.Incident) error { return on("Publish") }
}

// TestRandomSequences: P1 no violation stands in the end, P2 duplicates and
// order do not matter, P5 no compliant rule is ever touched; what was done is
// filed and told.
func TestRandomSequences(t *testing.T) {
	for _, remedy := range []string{"revert", "{do: narrow, parts: 3}", "{do: narrow, to: [10.0.0.0/8]}"} {
		t.Run(remedy, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				text := strings.Replace(policyText("ssh", remedy, ""), "tolerate: {ipv4: /16, ipv6: /32}", "", 1)
				m := &model{world: newWorld(t, text), rt: rt, times: map[int]int{}, safe: map[string]bool{}, touched: map[string]bool{}}
				m.cfg.Applier = &watching{m.ec2, m}
				m.restart()
				for range rapid.IntRange(5, 40).Draw(rt, "steps") {
					m.step()
				}
				m.end()
			})
		})
	}
}

// end lets everything be delivered and holds what must be true.
func (m *model) end() {
	m.ec2.on, m.ledger.on, m.publisher.on = nil, nil, nil
	m.wait(3 * time.Minute)
	order := rapid.Permutation(slices.Collect(indices(len(m.records)))).Draw(m.rt, "order")
	for _, i := range order {
		d := m.deliver(m.records[i])
		require.False(m.rt, d.Retry, "%s %s", d.Outcome, d.Reason)
	}
	require.False(m.rt, m.deliver(judgeGroup(groupA, "sweep", "")).Retry)

	live := map[string]bool{}
	for _, r := range m.ec2.group(groupA) {
		live[r.ID] = true
		require.False(m.rt, violates(r), "%s %s stands", r.ID, r)
	}
	for id, safe := range m.safe {
		require.True(m.rt, !safe || live[id], "compliant rule %s was taken", id)
	}
	require.Empty(m.rt, m.memory(groupA).Open)
	filed, told := map[string]bool{}, map[string]int{}
	for _, i := range m.publisher.messages() {
		if i.EventType == incident.Acted || i.EventType == incident.Contested {
			told[i.ID]++
		}
	}
	for _, i := range m.closed(groupA) {
		for _, r := range i.Rules {
			filed[r.ID] = true
		}
		if i.Outcome.Changed() && !strings.Contains(i.Reason, "contested") {
			require.Positive(m.rt, told[i.ID], "%s %s was not told", i.ID, i.Outcome)
		}
	}
	for id, n := range told {
		require.LessOrEqual(m.rt, n, 1+m.faults, "%s was told %d times", id, n)
	}
	for id := range m.touched {
		require.True(m.rt, filed[id], "%s was changed and is in no incident", id)
	}
	mutations := m.ec2.count("Mutations")
	d := m.deliver(judgeGroup(groupA, "sweep", ""))
	require.Equal(m.rt, incident.Compliant, d.Outcome, "nothing is left to do")
	require.Equal(m.rt, mutations, m.ec2.count("Mutations"))
}

func indices(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// watching looks at every mutation before it is made.
type watching struct {
	*ec2Double
	m *model
}

func (w *watching) Apply(ctx context.Context, a plan.Action) incident.Result {
	for _, id := range a.RuleIDs() {
		live, ok := ruleByID(w.group(groupA), id)
		require.True(w.m.rt, !ok || violates(live), "%s is compliant and is about to be changed: %s", live, inWords(a))
	}
	res := w.ec2Double.Apply(ctx, a)
	if res.Err == nil {
		for _, id := range a.RuleIDs() {
			w.m.touched[id] = true
		}
	}
	return res
}
