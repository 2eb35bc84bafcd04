package warden

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func (w *world) pause(group string) {
	w.t.Helper()
	require.NoError(w.t, w.store.Operator().Pause(context.Background(), group, "CHG-9"))
}

func (w *world) resume(group string) {
	w.t.Helper()
	require.NoError(w.t, w.store.Operator().Resume(context.Background(), group))
}

// ofLists are the messages about lists as "eventType outcome".
func (w *world) ofLists() (out []string) {
	for _, i := range w.publisher.messages() {
		if i.List != nil {
			out = append(out, string(i.EventType)+" "+i.Outcome.String())
		}
	}
	return out
}

// asksFor are the messages that were asked for of a group or list.
func (w *world) asksFor(id string) (out []askedAgain) {
	for _, a := range w.queue.asked {
		if a.group == id {
			out = append(out, a)
		}
	}
	return out
}

// requirePendingList requires that a list's growth waits under one incident of the
// list, told once, and gives it.
func (w *world) requirePendingList(reason string, got map[string]Decision, groups ...string) incident.Incident {
	w.t.Helper()
	require.Equal(w.t, incident.Pending, got[""].Outcome)
	require.Equal(w.t, reason, got[""].Reason)
	require.False(w.t, got[""].Retry)
	require.Equal(w.t, []string{"opened pending"}, w.ofLists(), "one message for one change")
	open := w.memory(ownList).Open
	require.Len(w.t, open, 1)
	require.Equal(w.t, incident.Pending, open[0].Outcome)
	for _, group := range groups {
		require.Equal(w.t, incident.Pending, got[group].Outcome, group)
		require.Equal(w.t, open[0].ID, got[group].IncidentID, "the list's incident tells of the group")
		require.Empty(w.t, w.memory(group).Open)
		require.Empty(w.t, w.asksFor(group)[min(1, len(w.asksFor(group))):], "no wait of its own")
	}
	require.Zero(w.t, w.ec2.count("Mutations"))
	return open[0]
}

// TestWhatIsHeldOfAListIsOneIncident, whatever holds it, and however many groups
// refer to the list.
func TestWhatIsHeldOfAListIsOneIncident(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct{ hold, release func(w *world) }{
		"a pause":              {func(w *world) { w.pause("") }, func(w *world) { w.resume("") }},
		"a pause of one group": {func(w *world) { w.pause(groupB) }, func(w *world) { w.resume(groupB) }},
		"a fuse that was pulled": {
			func(w *world) {
				require.NoError(w.t, w.store.Operator().Hold(ctx, actKey(w.set.Policies[0]), incident.Hold{Reason: "too many", At: noon}))
			},
			func(w *world) {
				require.NoError(w.t, w.store.Operator().Release(ctx, actKey(w.set.Policies[0]), w.clock()))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := grownList(t, revertSSH)
			c.hold(w)
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			i := w.requirePendingList(ReasonHeld, w.decisions(w.edit(1), 1), groupA, groupB)
			require.Len(t, i.Rules, 2)
			require.Equal(t, []askedAgain{{ownList, causeRetry, i.ID, longestDelay}}, w.asksFor(ownList))
			require.Equal(t, int64(2), i.List.Judged)
			for _, g := range i.List.Groups {
				require.Equal(t, incident.Pending, g.Outcome)
			}

			w.decisions(w.edit(1), 2)
			w.sweptOutcomes(groupA, groupB)
			require.Equal(t, []string{"opened pending"}, w.ofLists())
			require.Len(t, w.asksFor(ownList), 1, "the wait has its message")
			require.Equal(t, 1, w.looks(ownList))
			require.Len(t, w.asksFor(ownList), 1, "which asks for the next one")
			require.Equal(t, []string{"opened pending"}, w.ofLists())

			c.release(w)
			require.Equal(t, 1, w.looks(ownList))
			require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
			require.Equal(t, []string{"opened pending", "acted reverted"}, w.ofLists())
			require.Empty(t, w.memory(ownList).Open)
			require.Equal(t, i.ID, w.ofList().ID)
			w.sweptOutcomes(groupA, groupB)
			require.Equal(t, []string{"opened pending", "acted reverted"}, w.ofLists())
		})
	}
}

// TestWhatWaitsOfAListIsOneIncident: `after` holds for the list too.
func TestWhatWaitsOfAListIsOneIncident(t *testing.T) {
	t.Run("as long as a message can", func(t *testing.T) {
		w := grownList(t, policyText("ssh", "{do: revert, after: 10m}", ""))
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		i := w.requirePendingList("waiting", w.decisions(w.edit(1), 1), groupA, groupB)
		require.Equal(t, []askedAgain{{ownList, causeAfter, i.ID, 10 * time.Minute}}, w.asksFor(ownList))
		require.Contains(t, fmt.Sprint(i.Notes), w.clock().Add(10*time.Minute).Format(time.RFC3339))
		w.decisions(w.edit(1), 2)
		require.Equal(t, 1, w.looks(ownList))
		require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
		require.Equal(t, []string{"opened pending", "acted reverted"}, w.sent())
		require.Empty(t, w.memory(ownList).Open)
	})
	t.Run("where one group alone was looked at", func(t *testing.T) {
		w := grownList(t, policyText("ssh", "{do: revert, after: 10m}", ""))
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		require.Equal(t, incident.Pending, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		require.Equal(t, []askedAgain{{groupB, causeSettle, "", shortestDelay}}, w.asksFor(groupB), "its item does not say yet since when it waits")
		w.wait(shortestDelay)
		w.judge1(judgeGroup(groupB, causeSettle, ""))
		require.Len(t, w.asksFor(groupB), 1)
		w.wait(10 * time.Minute)
		i := w.memory(ownList).Open[0]
		w.judge1(judgeGroup(ownList, causeAfter, i.ID))
		require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList), "the wait is over, for both")
		require.Equal(t, []string{"opened pending", "acted reverted"}, w.sent())
	})
	t.Run("longer", func(t *testing.T) {
		w := grownList(t, policyText("ssh", "{do: revert, after: 2h}", ""))
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		w.requirePendingList("waiting", w.decisions(w.edit(1), 1), groupA, groupB)
		require.Empty(t, w.asksFor(ownList), "it stands in the incident: the sweep asks when it is over")
		w.wait(2*time.Hour + time.Second)
		w.judge1(judgeGroup(ownList, "sweep", ""))
		require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
		require.Equal(t, []string{"opened pending", "acted reverted"}, w.sent())
	})
	t.Run("for one policy, while another acts", func(t *testing.T) {
		w := grownList(t, revertSSH+strings.ReplaceAll(policyText("smtp", "{do: revert, after: 10m}", ""), "[22]", "[25]"), "ingress tcp/25 from "+ownList)
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		got := w.decisions(w.edit(1), 1)
		require.Equal(t, incident.Pending, got[""].Outcome)
		require.Equal(t, []string{"opened pending"}, w.sent(), "not every rule is to lose it yet")
		require.Equal(t, 1, w.looks(ownList))
		require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
		require.Equal(t, []string{"opened pending", "acted reverted"}, w.sent())
	})
}

// TestAnUnattributedWaitOfAListIsSilent, as that of a rule is.
func TestAnUnattributedWaitOfAListIsSilent(t *testing.T) {
	w := grownList(t, policyText("ssh", "revert", exceptOps))
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.decisions(w.edit(1), 1)
	require.Empty(t, w.sent())
	w.wait(attributedLater)
	w.sweptOutcomes(groupA, groupB)
	w.wait(attributedLater)
	w.sweptOutcomes(groupA, groupB)
	require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
	require.Equal(t, []string{"acted reverted"}, w.sent())
}

// TestWhatAListHeldWhenItsRuleWasExemptIsNoGrowth: the record of a rule comes after its
// list grew; what the list held by then is exempt with the rule, also once it is read for another.
func TestWhatAListHeldWhenItsRuleWasExemptIsNoGrowth(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: revert, onList: rule}", exceptOps))
	w.holds(ownList, "8.8.8.0/29")
	r := w.ec2.add(groupA, parse(t, sshList))
	w.sweptOutcomes(groupA)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	made := w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, actor: "arn:aws:iam::123456789012:role/ops", rules: []secgroup.Rule{r}})
	require.Equal(t, incident.Exempt, w.decisions(made, 1)[groupA].Outcome)
	w.decisions(w.authorize(groupA, "ingress tcp/20-25 from "+ownList), 1) // now the list is read
	for range 3 {
		w.wait(attributedLater)
		w.sweptOutcomes(groupA)
	}
	w.requireOpen(groupA, sshList)
	require.Equal(t, []string{"8.8.8.0/29", "0.0.0.0/0"}, w.blocks(ownList))
}

const attributedLater = 3 * time.Minute

// TestNothingWaitsThatWillNotHappen: what no pause's end would take out is told as
// what it is, at once.
func TestNothingWaitsThatWillNotHappen(t *testing.T) {
	for name, c := range map[string]struct {
		more    string
		prepare func(w *world)
		why     string
	}{
		"a rule that nothing is wrong with": {more: "ingress tcp/443 from " + ownList, why: "nothing is to be taken back of that rule"},
		"a route table": {prepare: func(w *world) {
			w.ec2.users = []secgroup.ListUser{{ID: "rtb-0eeeeeeeeeeeeeeee", OwnerID: account}}
		}, why: "uses the list too"},
		"it is another account's": {prepare: func(w *world) {
			l := w.ec2.lists[ownList]
			l.OwnerID = "210987654321"
			w.ec2.lists[ownList] = l
		}, why: "the list is of account 210987654321"},
		"the role may not": {prepare: func(w *world) { w.cfg.Limits.MayEditLists = false; w.restart() }, why: "the role may not edit lists"},
	} {
		for kind, policies := range map[string]string{"paused": revertSSH, "after": policyText("ssh", "{do: revert, after: 10m}", "")} {
			t.Run(kind+" "+name, func(t *testing.T) {
				var more []string
				if c.more != "" {
					more = append(more, c.more)
				}
				w := grownList(t, policies, more...)
				if kind == "paused" {
					w.pause("")
				}
				if c.prepare != nil {
					c.prepare(w)
				}
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				got := w.decisions(w.edit(1), 1)
				require.Equal(t, incident.Alerted, got[""].Outcome)
				require.Contains(t, got[""].Reason, c.why)
				require.Equal(t, incident.Alerted, got[groupA].Outcome)
				require.Equal(t, got[""].IncidentID, got[groupB].IncidentID)
				require.Equal(t, []string{"opened alerted"}, w.sent())
				w.resume("")
				w.wait(time.Hour)
				w.sweptOutcomes(groupA, groupB)
				w.decisions(w.edit(1), 2)
				require.Equal(t, []string{"opened alerted"}, w.sent(), "it is told once")
				require.Empty(t, w.memory(groupA).Open)
			})
		}
	}
}

// TestAListThatShrinksWhileItIsHeld is over, and that is told once.
func TestAListThatShrinksWhileItIsHeld(t *testing.T) {
	w := grownList(t, revertSSH)
	w.pause("")
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.decisions(w.edit(1), 1)
	w.wait(time.Minute)
	w.holds(ownList, "8.8.8.0/29")
	w.decisions(w.edit(2), 1)
	require.Equal(t, []string{"opened pending", "resolved already-compliant"}, w.sent())
	require.Empty(t, w.memory(ownList).Open)
	w.looks(ownList)
	w.sweptOutcomes(groupA, groupB)
	require.Len(t, w.sent(), 2)
}

// TestOnListWhatIsHeldIsTheListsFirst: the list comes first, also where a policy
// would rather have the rule than nothing.
func TestOnListWhatIsHeldIsTheListsFirst(t *testing.T) {
	rule := policyText("ssh", "{do: revert, onList: rule}", "")
	t.Run("the list can lose it", func(t *testing.T) {
		w := grownList(t, rule)
		w.pause("")
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		w.requirePendingList(ReasonHeld, w.decisions(w.edit(1), 1), groupA, groupB)
		w.resume("")
		require.Equal(t, 1, w.looks(ownList))
		require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
		w.requireOpen(groupA, sshList)
		require.Equal(t, []string{"opened pending", "acted reverted"}, w.sent())
	})
	t.Run("it cannot", func(t *testing.T) {
		w := grownList(t, rule, "ingress tcp/443 from "+ownList)
		w.pause("")
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		got := w.decisions(w.edit(1), 1)
		require.NotContains(t, got, "", "each group deals with it")
		require.Equal(t, incident.Pending, got[groupA].Outcome)
		require.Equal(t, []string{"opened pending", "opened pending"}, w.sent())
		w.resume("")
		w.sweptOutcomes(groupA, groupB)
		w.requireOpen(groupA, "ingress tcp/22 from 8.8.8.0/29")
		require.Equal(t, []string{"opened pending", "opened pending", "acted narrowed", "acted narrowed"}, w.sent())
	})
	t.Run("it could, and cannot any more", func(t *testing.T) {
		w := grownList(t, rule)
		w.pause("")
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		w.requirePendingList(ReasonHeld, w.decisions(w.edit(1), 1), groupA, groupB)
		w.ec2.users = []secgroup.ListUser{{ID: "rtb-0eeeeeeeeeeeeeeee", OwnerID: account}}
		w.resume("")
		w.sweptOutcomes(groupA, groupB)
		w.requireOpen(groupA, "ingress tcp/22 from 8.8.8.0/29")
		w.requireOpen(groupB, "ingress tcp/20-25 from 8.8.8.0/29")
		w.looks(ownList)
		require.Empty(t, w.memory(ownList).Open)
		require.Contains(t, w.sent(), "acted narrowed")
	})
}

// TestAHeldListOfManyGroups is one message, and is read once for all of them.
func TestAHeldListOfManyGroups(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.holds(ownList, "8.8.8.0/29")
	var ids []string
	for n := range fanOutMost + 10 {
		id := fmt.Sprintf("sg-0ccccccccccccc%03d", n)
		ids = append(ids, id)
		w.ec2.make(id, id)
		w.ec2.add(id, parse(t, sshList))
		w.judge1(judgeGroup(id, "sweep", ""))
	}
	w.wait(time.Hour)
	w.reset()
	w.pause("")
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.decisions(w.edit(1), 1)
	require.Equal(t, []string{"opened pending"}, w.sent())
	for _, id := range ids {
		d := w.judge1(judgeGroup(id, "settle", ""))
		require.Equal(t, incident.Pending, d.Outcome)
		require.Equal(t, w.memory(ownList).Open[0].ID, d.IncidentID)
	}
	require.LessOrEqual(t, w.ec2.count("Group"), 2*len(ids)+fanOutMost)
	require.Equal(t, []string{"opened pending"}, w.sent())
	w.resume("")
	w.looks(ownList)
	require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
	require.Equal(t, []string{"opened pending", "acted reverted"}, w.sent())
}

// TestAListThatGrowsUnderAnOpenIncidentIsToldAgain: what a list got beyond what is
// told has an incident of its own, and all of them end together.
func TestAListThatGrowsUnderAnOpenIncidentIsToldAgain(t *testing.T) {
	for name, c := range map[string]struct {
		outcome    string
		keep, free func(w *world)
	}{
		"refused": {"cannot-remediate", func(w *world) { w.failing("ModifyManagedPrefixList", incident.ErrDenied) }, func(w *world) { w.ec2.on = nil }},
		"held":    {"pending", func(w *world) { w.pause("") }, func(w *world) { w.resume("") }},
	} {
		t.Run(name, func(t *testing.T) {
			w := grownList(t, revertSSH)
			c.keep(w)
			w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8")
			first := w.decisions(w.edit(1), 1)[""].IncidentID
			opened := "opened " + c.outcome
			require.Equal(t, []string{opened}, w.sent())
			w.wait(time.Minute)

			w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8", "9.9.0.0/16", "10.0.0.0/8")
			require.Equal(t, first, w.decisions(w.edit(2), 1)[""].IncidentID, "nothing more is open to anybody who may not")
			require.Equal(t, []string{opened}, w.sent())
			w.wait(time.Minute)

			w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8", "11.0.0.0/8")
			second := w.decisions(w.edit(3), 1)[""].IncidentID
			require.NotEqual(t, first, second)
			require.Equal(t, []string{opened, opened}, w.sent())
			require.Len(t, w.memory(ownList).Open, 2)
			told := w.publisher.messages()[1]
			require.Contains(t, fmt.Sprint(told.List.Added), "11.0.0.0/8")
			require.Equal(t, int64(4), told.List.Judged)
			w.decisions(w.edit(3), 2)
			w.sweptOutcomes(groupA, groupB)
			require.Equal(t, []string{opened, opened}, w.sent(), "it is told once")

			c.free(w)
			w.wait(time.Hour)
			w.judge1(judgeGroup(ownList, "sweep", ""))
			require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
			require.Equal(t, []string{opened, opened, "acted reverted", "acted reverted"}, w.sent())
			require.Empty(t, w.memory(ownList).Open)
			taken := map[string]string{}
			for _, i := range w.closed(ownList) {
				taken[i.ID] = fmt.Sprint(secgroup.Blocks(i.List.Removed))
			}
			require.Equal(t, "[9.0.0.0/8]", taken[first], "what it told of: that is what undoing it puts back")
			require.Equal(t, "[9.0.0.0/8 11.0.0.0/8]", taken[second])
			w.sweptOutcomes(groupA, groupB)
			require.Len(t, w.sent(), 4)
		})
	}
	t.Run("and shrinks again", func(t *testing.T) {
		w := grownList(t, revertSSH)
		w.pause("")
		for version, blocks := range [][]string{{"9.0.0.0/8"}, {"9.0.0.0/8", "11.0.0.0/8"}, {"9.0.0.0/8"}, {}} {
			w.holds(ownList, append([]string{"8.8.8.0/29"}, blocks...)...)
			w.decisions(w.edit(version+1), 1)
			w.wait(time.Minute)
		}
		require.Equal(t, []string{"opened pending", "opened pending", "resolved already-compliant", "resolved already-compliant"}, w.sent())
		require.Empty(t, w.memory(ownList).Open)
	})
	t.Run("while nobody could be told of the first", func(t *testing.T) {
		w := grownList(t, revertSSH)
		w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8")
		w.publisher.on = failing(incident.ErrUnavailable)
		require.True(t, w.decisions(w.edit(1), 1)[""].Retry)
		require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
		w.publisher.on = nil
		w.wait(2 * time.Minute)
		w.restart()
		w.holds(ownList, "8.8.8.0/29", "11.0.0.0/8")
		require.Equal(t, incident.Reverted, w.decisions(w.edit(3), 1)[""].Outcome)
		require.Equal(t, []string{"acted reverted", "acted reverted"}, w.sent())
		require.Empty(t, w.memory(ownList).Open)
		all := w.closed(ownList)
		require.Equal(t, "[9.0.0.0/8]", fmt.Sprint(secgroup.Blocks(all[len(all)-2].List.Removed)))
		require.Equal(t, "[11.0.0.0/8]", fmt.Sprint(secgroup.Blocks(all[len(all)-1].List.Removed)))
	})
}

// TestAListThatIsToldOfInTheEnd: what waited, under the incident of an earlier
// version, and is not taken out after all, is told once.
func TestAListThatIsToldOfInTheEnd(t *testing.T) {
	w := grownList(t, revertSSH)
	w.pause("")
	w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8", "11.0.0.0/8")
	w.decisions(w.edit(1), 1)
	w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8")
	w.decisions(w.edit(2), 1)
	w.ec2.users = []secgroup.ListUser{{ID: "rtb-0eeeeeeeeeeeeeeee", OwnerID: account}}
	w.resume("")
	require.Equal(t, 1, w.looks(ownList))
	require.Equal(t, []string{"opened pending"}, w.sent())
	require.Empty(t, w.memory(ownList).Open)
	require.Equal(t, incident.Alerted, w.ofList().Outcome)
	for range 2 {
		w.wait(time.Hour)
		w.decisions(w.edit(2), 2)
		w.sweptOutcomes(groupA, groupB)
	}
	require.Equal(t, []string{"opened pending"}, w.sent())
	require.Equal(t, incident.Alerted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
}
