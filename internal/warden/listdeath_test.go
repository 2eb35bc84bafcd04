package warden

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
)

// mortal is a process that dies at one of its effects, before or behind it. It is
// what a warden has effects through.
type mortal struct {
	Ledger
	inner struct {
		Publisher
		Queue
		Applier
	}
	mu      sync.Mutex
	at      int // the moment at which it dies, two for each effect; below 1 = never
	moments int
	died    string // where; "" = it did not
	// published is true while a message is out and its incident is not closed yet.
	published bool
}

func (m *mortal) moment(where string) {
	m.mu.Lock() // groups are asked for side by side
	defer m.mu.Unlock()
	if m.moments++; m.moments == m.at {
		m.died = where
		panic("killed " + where)
	}
}

func (m *mortal) out(published bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.published = published
}

func (m *mortal) Open(ctx context.Context, o incident.Opening) (int64, error) {
	m.moment("before Open")
	version, err := m.Ledger.Open(ctx, o)
	m.moment("behind Open")
	return version, err
}

func (m *mortal) Close(ctx context.Context, c incident.Closing) error {
	m.moment("before Close")
	err := m.Ledger.Close(ctx, c)
	m.out(false)
	m.moment("behind Close")
	return err
}

func (m *mortal) Publish(ctx context.Context, i incident.Incident) error {
	m.moment("before Publish")
	err := m.inner.Publish(ctx, i)
	m.out(true)
	m.moment("behind Publish")
	return err
}

func (m *mortal) JudgeAgain(ctx context.Context, id, cause, incidentID string, delay time.Duration) error {
	m.moment("before JudgeAgain")
	err := m.inner.JudgeAgain(ctx, id, cause, incidentID, delay)
	m.moment("behind JudgeAgain")
	return err
}

func (m *mortal) Apply(ctx context.Context, a plan.Action) incident.Result {
	m.moment("before " + a.Call())
	res := m.inner.Apply(ctx, a)
	m.moment("behind " + a.Call())
	return res
}

// dyingAt makes a process that dies at a moment.
func (w *world) dyingAt(moment int) *mortal {
	m := &mortal{Ledger: w.cfg.Ledger, at: moment}
	m.inner.Publisher, m.inner.Queue, m.inner.Applier = w.cfg.Publisher, w.cfg.Queue, w.cfg.Applier
	cfg := w.cfg
	cfg.Set, cfg.HolderID = w.set, cfg.HolderID+"+"
	cfg.Ledger, cfg.Publisher, cfg.Queue, cfg.Applier = m, m, m, m
	var err error
	w.Warden, err = New(cfg)
	require.NoError(w.t, err)
	return m
}

// TestADeathAtAnyMomentOfAListIsNoLoss: whatever a process was at with a list, what
// comes after it brings the list, the ledger and everybody's messages to where they
// would be without the death. Told twice is only what was out and not written down.
func TestADeathAtAnyMomentOfAListIsNoLoss(t *testing.T) {
	for name, c := range map[string]struct {
		policies string
		// prepare does what is there before, and gives what the process is at.
		prepare func(t *testing.T, w *world, chat *sinkDouble) (at []byte)
		after   func(w *world) // what happens once the process is dead; nil = nothing
		sent    []string
		left    []string // in the list at the end
	}{
		"an undoing": {
			prepare: func(t *testing.T, w *world, _ *sinkDouble) []byte {
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				w.decisions(w.edit(1), 1)
				w.exemptList(w.ofList())
				w.wait(time.Minute)
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				return w.edit(3)
			},
			sent: []string{"acted reverted", "undone reverted"}, left: []string{"8.8.8.0/29", "0.0.0.0/0"},
		},
		"an undoing beside a debt": {
			prepare: func(t *testing.T, w *world, chat *sinkDouble) []byte {
				chat.on = failing(incident.ErrThrottled)
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				w.decisions(w.edit(1), 1)
				w.exemptList(w.memory(ownList).Open[0])
				w.wait(time.Minute)
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				chat.on = nil
				return w.edit(3)
			},
			sent: []string{"acted reverted", "undone reverted"}, left: []string{"8.8.8.0/29", "0.0.0.0/0"},
		},
		"a debt": {
			prepare: func(t *testing.T, w *world, chat *sinkDouble) []byte {
				chat.on = failing(incident.ErrThrottled)
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				body := w.edit(1)
				w.decisions(body, 1)
				require.Equal(t, []string{"chat"}, w.memory(ownList).Open[0].Owed)
				w.wait(time.Minute)
				chat.on = nil
				return body
			},
			sent: []string{"acted reverted"}, left: []string{"8.8.8.0/29"},
		},
		"a debt of what was alerted": {
			policies: policyText("ssh", "alert", ""),
			prepare: func(t *testing.T, w *world, chat *sinkDouble) []byte {
				chat.on = failing(incident.ErrThrottled)
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				w.decisions(w.edit(1), 1)
				w.wait(time.Minute)
				chat.on = nil
				return judgeGroup(groupA, "sweep", "")
			},
			sent: []string{"opened alerted"}, left: []string{"8.8.8.0/29", "0.0.0.0/0"},
		},
		"a growth": {
			prepare: func(t *testing.T, w *world, _ *sinkDouble) []byte {
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				return w.edit(1)
			},
			sent: []string{"acted reverted"}, left: []string{"8.8.8.0/29"},
		},
		"a growth that waits": {
			policies: policyText("ssh", "{do: revert, after: 10m}", ""),
			prepare: func(t *testing.T, w *world, _ *sinkDouble) []byte {
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				return w.edit(1)
			},
			after: func(w *world) { w.wait(12 * time.Minute); w.looks(ownList) },
			sent:  []string{"opened pending", "acted reverted"}, left: []string{"8.8.8.0/29"},
		},
		"the end of a pause, with two growths": {
			prepare: func(t *testing.T, w *world, _ *sinkDouble) []byte {
				w.pause("")
				w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8")
				w.decisions(w.edit(1), 1)
				w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8", "11.0.0.0/8")
				w.decisions(w.edit(2), 1)
				w.resume("")
				w.wait(15 * time.Minute)
				return judgeGroup(ownList, "retry", w.memory(ownList).Open[0].ID)
			},
			sent: []string{"opened pending", "opened pending", "acted reverted", "acted reverted"}, left: []string{"8.8.8.0/29"},
		},
		"another growth under a pause": {
			prepare: func(t *testing.T, w *world, _ *sinkDouble) []byte {
				w.pause("")
				w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8")
				w.decisions(w.edit(1), 1)
				w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8", "11.0.0.0/8")
				return w.edit(2)
			},
			sent: []string{"opened pending", "opened pending"}, left: []string{"8.8.8.0/29", "9.0.0.0/8", "11.0.0.0/8"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			died := map[string]bool{}
			for moment := 1; ; moment++ {
				if c.policies == "" {
					c.policies = revertSSH
				}
				w := grownList(t, c.policies)
				chat := &sinkDouble{name: "chat"}
				w.cfg.Sinks = []Sink{chat}
				w.restart()
				body := c.prepare(t, w, chat)
				m := w.dyingAt(moment)
				ds := w.Judge(t.Context(), []Delivery{deliver(body, 2)})
				if m.died != "" {
					retry := false
					for _, d := range ds {
						retry = retry || d.Retry
					}
					require.True(t, retry, "killed %s: the message comes again", m.died)
				}
				died[m.died] = true
				w.restart()
				w.wait(time.Minute + time.Second)
				w.Judge(t.Context(), []Delivery{deliver(body, 3)})
				w.wait(time.Minute)
				if c.after != nil {
					c.after(w)
				}
				w.sweptOutcomes(groupA, groupB)
				w.Judge(t.Context(), []Delivery{deliver(body, 4)})
				w.requireTold(c.sent, chat, m)
				require.Equal(t, c.left, w.blocks(ownList), "killed %s", m.died)
				require.Empty(t, w.memory(groupA).Open)
				if w.memory(ownList).Controls.Paused == "" {
					require.Empty(t, w.memory(ownList).Open, "killed %s", m.died)
				}
				if m.died == "" {
					break
				}
			}
			require.True(t, died["before Open"] && died["behind Open"] && died["before Close"] && died["behind Close"], "%v", died)
		})
	}
}

// requireTold requires that everybody was told of everything, and twice of nothing
// but of what was out when the process died and not written down.
func (w *world) requireTold(want []string, chat *sinkDouble, m *mortal) {
	w.t.Helper()
	once, sinks := map[string]int{}, map[string]int{}
	var sent []string
	doubles := 0
	for _, i := range w.publisher.messages() {
		key := i.ID + " " + string(i.EventType)
		if once[key]++; once[key] > 1 {
			doubles++
			continue
		}
		sent = append(sent, string(i.EventType)+" "+i.Outcome.String())
	}
	require.ElementsMatch(w.t, want, sent, "killed %s", m.died)
	if m.published && m.died != "" {
		require.LessOrEqual(w.t, doubles, len(want), "killed %s", m.died)
	} else {
		require.Zero(w.t, doubles, "killed %s", m.died)
	}
	for _, i := range chat.all {
		sinks[i.ID+" "+string(i.EventType)]++
	}
	for key := range once {
		if w.isLast(key) {
			require.GreaterOrEqual(w.t, sinks[key], 1, "killed %s: a sink was not told %s", m.died, key)
		}
		require.LessOrEqual(w.t, sinks[key], 2, fmt.Sprintf("killed %s: %s", m.died, key))
	}
}

// isLast reports whether a message is the last of its incident: a sink that was down
// gets no other.
func (w *world) isLast(key string) bool {
	last := map[string]string{}
	for _, i := range w.publisher.messages() {
		last[i.ID] = i.ID + " " + string(i.EventType)
	}
	for _, k := range last {
		if k == key {
			return true
		}
	}
	return false
}
