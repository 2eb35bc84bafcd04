package warden

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	groupC  = "sg-0cccccccccccccccc"
	sshList = "ingress tcp/22 from " + ownList
)

// blocks are the entries of a list as it is.
func (w *world) blocks(id string) (out []string) {
	for _, p := range w.ec2.lists[id].Entries {
		out = append(out, p.String())
	}
	return out
}

// grownList is an account whose groups A and B let an office's list in to tcp/22,
// as everybody knows, an hour before anything happens to that list.
func grownList(t *testing.T, policies string, more ...string) *world {
	t.Helper()
	w := newWorld(t, policies)
	w.ec2.make(groupC, "cache")
	w.holds(ownList, "8.8.8.0/29")
	w.ec2.add(groupA, parse(t, sshList))
	w.ec2.add(groupB, parse(t, "ingress tcp/20-25 from "+ownList))
	for _, text := range more {
		w.ec2.add(groupC, parse(t, text))
	}
	w.decisions(w.listChange(ownList), 1)
	w.wait(time.Hour)
	w.reset()
	return w
}

// ofList is the list's one incident.
func (w *world) ofList() incident.Incident {
	w.t.Helper()
	all := w.closed(ownList)
	require.NotEmpty(w.t, all)
	return all[len(all)-1]
}

func (w *world) edit(version int) []byte {
	return w.indirect("ModifyManagedPrefixList", fmt.Sprintf(`{"ModifyManagedPrefixListRequest":{"PrefixListId":%q,"CurrentVersion":%d}}`, ownList, version))
}

func TestFault23WhatWasAddedIsTakenOutOfTheListAgain(t *testing.T) {
	w := grownList(t, revertSSH, "egress tcp/443 to 8.8.8.8/32")
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0", "9.9.9.0/29")
	got := w.decisions(w.edit(1), 1)
	require.Equal(t, incident.Reverted, got[""].Outcome)
	require.Equal(t, incident.Compliant, got[groupA].Outcome)
	require.Equal(t, incident.Compliant, got[groupB].Outcome)
	require.Equal(t, []string{"8.8.8.0/29", "9.9.9.0/29"}, w.blocks(ownList), "an office that was added beside it stays")
	w.requireOpen(groupA, sshList)
	w.requireOpen(groupB, "ingress tcp/20-25 from "+ownList)
	require.Equal(t, []string{"acted reverted"}, w.sent(), "one message for one change")

	i := w.ofList()
	require.Equal(t, got[""].IncidentID, i.ID)
	require.Empty(t, i.GroupID)
	require.Equal(t, "arn:aws:ec2:us-east-1:123456789012:prefix-list/"+ownList, i.Resource)
	require.True(t, i.Actor.Attributed, "the record names the list, and made this version")
	require.Equal(t, "arn:aws:iam::123456789012:user/ann", i.Actor.ARN)
	require.Equal(t, policy.High, i.Severity)
	require.Len(t, i.Rules, 2)
	require.Equal(t, &incident.List{
		ID: ownList, OwnerID: account, Before: 1, Judged: 2, After: 3, Violating: 2,
		Added:   []secgroup.ListEntry{entry("0.0.0.0/0"), entry("9.9.9.0/29")},
		Removed: []secgroup.ListEntry{entry("0.0.0.0/0")},
		Groups: []incident.ListGroup{
			{ID: groupA, Name: "web", VPCID: vpcA, Outcome: incident.Reverted, Rules: []string{i.Rules[0].ID}},
			{ID: groupB, Name: "db", VPCID: vpcA, Outcome: incident.Reverted, Rules: []string{i.Rules[1].ID}},
		},
	}, i.List)
	require.Equal(t, 1, w.ec2.count("Mutations"))

	t.Run("duplicates", func(t *testing.T) {
		for range 3 {
			require.NotContains(t, w.decisions(w.edit(1), 1), "", "nothing is wrong with the list any more")
		}
		require.Equal(t, 1, w.ec2.count("Mutations"))
		require.Equal(t, []string{"acted reverted"}, w.sent())
	})
	t.Run("our own record", func(t *testing.T) {
		own := strings.Replace(string(w.edit(2)), `"eventID"`, `"requestID":"`+w.memory(ownList).Recent[0].RequestID+`","eventID"`, 1)
		own = strings.Replace(own, "arn:aws:iam::123456789012:user/ann", role, 1)
		d := w.judge1([]byte(own))
		require.Equal(t, incident.Ignored, d.Outcome)
		require.Equal(t, reasonOwn, d.Reason)
		stranger := strings.Replace(own, w.memory(ownList).Recent[0].RequestID, "another", 1)
		w.decisions([]byte(stranger), 1)
		require.Equal(t, []string{"acted reverted", "opened alerted"}, w.sent(), "a call of the role that nobody here made")
	})
}

func entry(block string) secgroup.ListEntry {
	return secgroup.ListEntry{Block: netip.MustParsePrefix(block), Description: "of " + block}
}

func TestFault23AListThatOthersUseIsAlerted(t *testing.T) {
	for name, c := range map[string]struct {
		more    string
		prepare func(w *world)
		why     string
	}{
		"a rule that nothing is wrong with": {more: "ingress tcp/443 from " + ownList, why: "refers to it, and nothing is to be taken back of that rule"},
		"a rule outward":                    {more: "egress tcp/22 to " + ownList, why: "refers to it, and nothing is to be taken back of that rule"},
		"a group of another account": {prepare: func(w *world) {
			w.ec2.users = []secgroup.ListUser{{ID: "sg-0eeeeeeeeeeeeeeee", OwnerID: "210987654321"}}
		}, why: "sg-0eeeeeeeeeeeeeeee of account 210987654321 uses the list too"},
		"a route table": {prepare: func(w *world) {
			w.ec2.users = []secgroup.ListUser{{ID: "rtb-0eeeeeeeeeeeeeeee", OwnerID: account}}
		}, why: "rtb-0eeeeeeeeeeeeeeee of account 123456789012 uses the list too"},
		"nobody tells who uses it": {prepare: func(w *world) { w.ec2.usersErr = incident.ErrDenied }, why: "who else uses the list could not be read: not-permitted"},
		"what it held is lost":     {prepare: func(w *world) { w.ec2.oldErr = incident.ErrInvalid }, why: "is not known"},
		"what it held is no more what it was": {prepare: func(w *world) {
			w.ec2.described[ownList][1] = []secgroup.ListEntry{entry("0.0.0.0/0")}
		}, why: "is not known"},
		"an IPAM resolver fills it": {prepare: func(w *world) { w.ec2.synced[ownList] = true }, why: "an IPAM resolver fills the list, so that its entries cannot be edited"},
		"it is another account's": {prepare: func(w *world) {
			l := w.ec2.lists[ownList]
			l.OwnerID = "210987654321"
			w.ec2.lists[ownList] = l
		}, why: "the list is of account 210987654321"},
		"it is AWS's": {prepare: func(w *world) {
			l := w.ec2.lists[ownList]
			l.OwnerID = "AWS"
			w.ec2.lists[ownList] = l
		}, why: "the list is AWS's own"},
		"the role may not": {prepare: func(w *world) { w.cfg.Limits.MayEditLists = false; w.restart() }, why: "the role may not edit lists"},
	} {
		t.Run(name, func(t *testing.T) {
			var more []string
			if c.more != "" {
				more = append(more, c.more)
			}
			w := grownList(t, revertSSH, more...)
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			if c.prepare != nil {
				c.prepare(w)
			}
			got := w.decisions(w.edit(1), 1)
			require.Equal(t, incident.Alerted, got[""].Outcome)
			require.Contains(t, got[""].Reason, c.why)
			require.Equal(t, incident.Alerted, got[groupA].Outcome)
			require.Equal(t, incident.Alerted, got[groupB].Outcome)
			require.Equal(t, got[""].IncidentID, got[groupA].IncidentID, "the list's incident tells of the groups")
			require.Zero(t, w.ec2.count("Mutations"))
			require.Equal(t, []string{"opened alerted"}, w.sent())
			require.Contains(t, w.ofList().Reason, c.why)

			w.decisions(w.edit(1), 2)
			w.sweptOutcomes(groupA, groupB)
			require.Equal(t, []string{"opened alerted"}, w.sent(), "it is told once")

			w.wait(time.Hour)
			w.holds(ownList, "8.8.8.0/29")
			w.decisions(w.edit(2), 1)
			w.wait(time.Hour)
			w.ec2.users, w.ec2.usersErr, w.ec2.oldErr = nil, nil, nil
			if c.prepare == nil || w.ec2.synced[ownList] {
				return
			}
		})
	}
}

func TestFault23AnEntryThatARuleMayHaveStays(t *testing.T) {
	w := grownList(t, revertSSH, "ingress tcp/443 from "+ownList)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	d := w.decisions(w.edit(1), 1)[""]
	require.Equal(t, incident.Alerted, d.Outcome)
	require.Contains(t, d.Reason, "nothing is to be taken back of that rule", "who may have it is named")
	require.Equal(t, []string{"8.8.8.0/29", "0.0.0.0/0"}, w.blocks(ownList))
}

func TestOnListTheRuleGoesAndWhatTheListHeldStays(t *testing.T) {
	rule := policyText("ssh", "{do: revert, onList: rule}", "")
	w := grownList(t, rule, "ingress tcp/443 from "+ownList)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	got := w.decisions(w.edit(1), 1)
	require.NotContains(t, got, "", "each group deals with it")
	require.Equal(t, incident.Narrowed, got[groupA].Outcome)
	require.Equal(t, incident.Narrowed, got[groupB].Outcome)
	require.Equal(t, incident.Compliant, got[groupC].Outcome)
	w.requireOpen(groupA, "ingress tcp/22 from 8.8.8.0/29")
	w.requireOpen(groupB, "ingress tcp/20-25 from 8.8.8.0/29")
	w.requireOpen(groupC, "ingress tcp/443 from "+ownList)
	require.Equal(t, []string{"8.8.8.0/29", "0.0.0.0/0"}, w.blocks(ownList))
	require.Equal(t, []string{"AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"}, mutations(w.ec2.calls)[:2], "in this order")

	t.Run("without the right it goes alone", func(t *testing.T) {
		w := grownList(t, rule, "ingress tcp/443 from "+ownList)
		w.cfg.Limits.MayAuthorize = false
		w.restart()
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		d := w.decisions(w.edit(1), 1)[groupA]
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Equal(t, "the role may not authorize rules", d.Incident.Fallback)
		w.requireOpen(groupA)
	})
	t.Run("where what it held is not added it goes alone, and that is told", func(t *testing.T) {
		w := grownList(t, rule, "ingress tcp/443 from "+ownList)
		w.ec2.on = func(name string) error {
			w.ec2.swallow = name == "AuthorizeSecurityGroupIngress"
			return nil
		}
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		d := w.decisions(w.edit(1), 1)[groupA]
		require.Equal(t, incident.Reverted, d.Outcome, d.Reason)
		require.Equal(t, "AuthorizeSecurityGroupIngress had no effect", d.Incident.Fallback)
		w.requireOpen(groupA)
		require.Contains(t, w.sent(), "acted reverted")
	})
	t.Run("where what it held is said to be added, and never seen", func(t *testing.T) {
		w := grownList(t, rule, "ingress tcp/443 from "+ownList)
		w.ec2.after = func(name string) {
			if name != "AuthorizeSecurityGroupIngress" {
				return
			}
			for _, id := range []string{groupA, groupB} {
				g := w.ec2.groups[id]
				g.Rules = slices.DeleteFunc(g.Rules, func(r secgroup.Rule) bool { _, isBlock := r.Peer.(secgroup.CIDR); return isBlock })
			}
		}
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		d := w.decisions(w.edit(1), 1)[groupA]
		require.Equal(t, incident.Reverted, d.Outcome, d.Reason)
		require.Equal(t, notAllStays, d.Incident.Fallback)
		require.Empty(t, d.Incident.Rules[0].After, "nothing of it is claimed")
		w.requireOpen(groupA)
		require.Equal(t, []string{"acted reverted", "acted reverted"}, w.sent(), "of each group")
	})
	t.Run("the list comes first", func(t *testing.T) {
		w := grownList(t, rule)
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		require.Equal(t, incident.Reverted, w.decisions(w.edit(1), 1)[""].Outcome)
		w.requireOpen(groupA, sshList)
		require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
	})
	t.Run("an edit of the list that is not seen yet is waited for", func(t *testing.T) {
		for name, dropped := range map[string]bool{"late": false, "dropped": true} {
			t.Run(name, func(t *testing.T) {
				w := grownList(t, rule)
				w.ec2.on = func(call string) error {
					w.ec2.swallow = call == "ModifyManagedPrefixList"
					return nil
				}
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				body := w.edit(1)
				got := w.decisions(body, 1)
				require.Equal(t, incident.NotReverted, got[""].Outcome)
				require.True(t, got[""].Retry)
				w.requireOpen(groupA, sshList)
				require.Equal(t, []string{"opened not-reverted"}, w.sent(), "of the list alone")
				w.wait(time.Minute)
				if dropped {
					w.wait(unseenFor)
					require.Equal(t, incident.Narrowed, w.decisions(body, 2)[groupA].Outcome)
					w.requireOpen(groupA, "ingress tcp/22 from 8.8.8.0/29")
					return
				}
				w.ec2.on, w.ec2.swallow = nil, false
				require.Equal(t, incident.Reverted, w.decisions(body, 2)[""].Outcome)
				w.requireOpen(groupA, sshList)
				require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
				require.Equal(t, []string{"opened not-reverted", "acted reverted"}, w.sent())
			})
		}
	})
	t.Run("another try meets the edit that is not seen yet", func(t *testing.T) {
		w := grownList(t, rule)
		w.ec2.swallow = true
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		body := w.edit(1)
		w.decisions(body, 1)
		w.ec2.on = func(call string) error {
			if call == "ModifyManagedPrefixList" {
				return incident.ErrConflict
			}
			return nil
		}
		for times := 2; times < 4; times++ {
			w.wait(time.Minute)
			got := w.decisions(body, times)
			require.Equal(t, incident.NotReverted, got[""].Outcome)
			require.True(t, got[""].Retry)
			w.requireOpen(groupA, sshList)
		}
		w.ec2.on, w.ec2.swallow = nil, false
		require.Equal(t, incident.Reverted, w.decisions(body, 4)[""].Outcome)
		w.requireOpen(groupA, sshList)
		require.Equal(t, []string{"opened not-reverted", "acted reverted"}, w.sent())
	})
	t.Run("a list of another", func(t *testing.T) {
		w := grownList(t, rule)
		l := w.ec2.lists[ownList]
		l.OwnerID = "210987654321"
		w.ec2.lists[ownList] = l
		w.decisions(w.edit(1), 1)
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		require.Equal(t, incident.Narrowed, w.decisions(w.edit(1), 1)[groupA].Outcome)
		w.requireOpen(groupA, "ingress tcp/22 from 8.8.8.0/29")
	})
}

func mutations(calls []string) (out []string) {
	for _, c := range calls {
		if strings.HasPrefix(c, "Authorize") || strings.HasPrefix(c, "Revoke") || strings.HasPrefix(c, "Modify") {
			out = append(out, c)
		}
	}
	return out
}

func TestASweepSeesAGrownListWithoutItsEvent(t *testing.T) {
	w := grownList(t, revertSSH)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/1", "128.0.0.0/1")
	require.Equal(t, []string{"compliant", "compliant"}, w.sweptOutcomes(groupA, groupB))
	require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.False(t, w.ofList().Actor.Attributed)
}

func TestTwoEditsAreJudgedAsOneGrowth(t *testing.T) {
	w := grownList(t, revertSSH)
	w.holds(ownList, "8.8.8.0/29", "9.9.9.0/29")
	w.holds(ownList, "8.8.8.0/29", "9.9.9.0/29", "0.0.0.0/0")
	require.Equal(t, incident.Reverted, w.decisions(w.edit(1), 1)[""].Outcome)
	require.Equal(t, []string{"8.8.8.0/29", "9.9.9.0/29"}, w.blocks(ownList))
	require.False(t, w.ofList().Actor.Attributed, "the record made another version")
}

func TestWhatAnEntryReplacedIsPutBackWithIt(t *testing.T) {
	w := grownList(t, revertSSH)
	w.holds(ownList, "0.0.0.0/0")
	require.Equal(t, incident.Reverted, w.decisions(w.edit(1), 1)[""].Outcome)
	require.Equal(t, []secgroup.ListEntry{entry("8.8.8.0/29")}, w.ec2.described[ownList][3], "with its description")
	require.Equal(t, []secgroup.ListEntry{entry("8.8.8.0/29")}, w.ofList().List.PutBack)
}

func TestAListIsLeftToWhoeverObserves(t *testing.T) {
	w := grownList(t, revertSSH)
	observing(&w.cfg)
	w.set = compile(t, revertSSH, policy.Observe)
	w.restart()
	w.actsDone()
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	got := w.decisions(w.edit(1), 1)
	require.Equal(t, incident.Observed, got[""].Outcome)
	require.Zero(t, w.ec2.count("Mutations"))
	require.Equal(t, []string{"opened observed"}, w.sent())
	require.Equal(t, []string{"ModifyManagedPrefixList: " + ownList + " version 2: -0.0.0.0/0"}, w.ofList().Would)
	w.decisions(w.edit(1), 2)
	require.Equal(t, []string{"opened observed"}, w.sent())
}

func TestAListThatSomebodyElseEdits(t *testing.T) {
	t.Run("at the same moment", func(t *testing.T) {
		w := grownList(t, revertSSH)
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		raced := false
		w.ec2.on = func(name string) error {
			if name == "ModifyManagedPrefixList" && !raced {
				raced = true
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0", "9.9.9.0/29")
			}
			return nil
		}
		require.Equal(t, incident.Reverted, w.decisions(w.edit(1), 1)[""].Outcome)
		require.Equal(t, []string{"8.8.8.0/29", "9.9.9.0/29"}, w.blocks(ownList), "what came meanwhile is judged, and stays")
		require.Equal(t, []string{"acted reverted"}, w.sent())
	})
	t.Run("all the time", func(t *testing.T) {
		w := grownList(t, revertSSH)
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		w.ec2.changing[ownList] = 1000
		d := w.decisions(w.edit(1), 1)[""]
		require.Equal(t, incident.Unresolved, d.Outcome)
		require.Equal(t, "changed-by-another", d.Reason)
		require.True(t, d.Retry)
		w.ec2.changing[ownList] = 0
		require.Equal(t, incident.Reverted, w.decisions(w.edit(1), 2)[""].Outcome)
		require.Equal(t, []string{"opened unresolved", "acted reverted"}, w.sent())
		require.Empty(t, w.memory(ownList).Open)
	})
	t.Run("and the change is not to be seen yet", func(t *testing.T) {
		w := grownList(t, revertSSH)
		body := w.edit(1)
		w.ec2.after = func(name string) {
			if name == "Managed" && w.ec2.lists[ownList].Version == 1 {
				w.ec2.nextVersion(ownList, []secgroup.ListEntry{entry("8.8.8.0/29"), entry("0.0.0.0/0")})
			}
		}
		require.Equal(t, incident.Reverted, w.decisions(body, 1)[""].Outcome)
	})
}

func TestFault23AListEditIsClaimedOnlyAsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(w *world)
		outcome incident.Outcome
		reason  string
		sent    string
	}{
		"swallowed":               {func(w *world) { w.ec2.swallow = true }, incident.NotReverted, "still-there", "opened not-reverted"},
		"denied":                  {func(w *world) { w.failing("ModifyManagedPrefixList", incident.ErrDenied) }, incident.CannotRemediate, "not-permitted", "opened cannot-remediate"},
		"throttled":               {func(w *world) { w.failing("ModifyManagedPrefixList", incident.ErrThrottled) }, incident.Unresolved, "throttled", "opened unresolved"},
		"no answer":               {func(w *world) { w.failing("ModifyManagedPrefixList", incident.ErrUnavailable) }, incident.Unresolved, "unavailable", "opened unresolved"},
		"an answer that was lost": {func(w *world) { w.ec2.silent = incident.ErrUnavailable }, incident.Reverted, reasonInterrupted, "acted reverted"},
	} {
		t.Run(name, func(t *testing.T) {
			w := grownList(t, revertSSH)
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			c.prepare(w)
			d := w.decisions(w.edit(1), 1)[""]
			require.Equal(t, c.outcome, d.Outcome)
			require.Equal(t, c.reason, d.Reason)
			require.Equal(t, c.outcome != incident.Reverted, d.Retry)
			require.Equal(t, []string{c.sent}, w.sent())
			if c.outcome == incident.Reverted {
				return
			}
			w.decisions(w.edit(1), 2)
			require.Equal(t, []string{c.sent}, w.sent(), "no second message for the same")
			w.ec2.swallow, w.ec2.on = false, nil
			w.wait(time.Hour)
			require.Equal(t, []string{"compliant"}, w.sweptOutcomes(groupA), "it stays due, and is taken when it may be")
			require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
			require.Equal(t, []string{c.sent, "acted reverted"}, w.sent())
			require.Empty(t, w.memory(ownList).Open)
		})
	}
}

func (w *world) failing(call string, err error) {
	w.ec2.on = func(name string) error {
		if name == call {
			return err
		}
		return nil
	}
}

func TestKilledBetweenTheEditAndTheMessage(t *testing.T) {
	for _, call := range []string{"ModifyManagedPrefixList", "Publish"} {
		t.Run(call, func(t *testing.T) {
			w := grownList(t, revertSSH)
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			if call == "Publish" {
				w.publisher.on = func(incident.Incident) error { return incident.ErrUnavailable }
				w.decisions(w.edit(1), 1)
				w.publisher.on = nil
			} else {
				w.killedAfter(call, w.edit(1))
			}
			require.Empty(t, w.sent())
			require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
			w.wait(2 * time.Minute)
			w.restart()
			d := w.decisions(w.edit(1), 2)[""]
			require.Equal(t, incident.Reverted, d.Outcome)
			require.Equal(t, []string{"acted reverted"}, w.sent())
			require.Empty(t, w.memory(ownList).Open)
			require.Equal(t, 1, w.ec2.count("ModifyManagedPrefixList"))
			require.Equal(t, call == "ModifyManagedPrefixList", w.ofList().Reason == reasonInterrupted)
		})
	}
}

// TestAListWhoseRecordIsLostAndWhoseEditorDied: its incident is found by the groups.
func TestAListWhoseRecordIsLostAndWhoseEditorDied(t *testing.T) {
	w := grownList(t, revertSSH)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.killedAfter("ModifyManagedPrefixList", w.edit(1))
	require.Len(t, w.memory(ownList).Open, 1)
	w.wait(2 * time.Minute)
	w.restart()
	w.sweptOutcomes(groupA)
	require.Len(t, w.asksFor(ownList), 1, "the list is asked for")
	w.sweptOutcomes(ownList)
	require.Empty(t, w.memory(ownList).Open)
	require.Equal(t, []string{"acted reverted"}, w.sent())
}

func TestAFightAboutAListIsToldOnce(t *testing.T) {
	w := grownList(t, revertSSH)
	for n := range 8 {
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		require.Equal(t, incident.Reverted, w.decisions(w.edit(2*n+1), 1)[""].Outcome)
		w.wait(time.Minute)
	}
	require.Equal(t, []string{"acted reverted", "acted reverted", "acted reverted", "contested reverted"}, w.sent())
	require.Contains(t, strings.Join(w.closed(ownList)[3].Notes, "\n"), "the same entries came back 3 times within an hour: arn:aws:iam::123456789012:user/ann adds them")
}

func TestAListBeforeTheActIsLeftAlone(t *testing.T) {
	w := grownList(t, revertSSH)
	w.noActs()
	w.decisions(w.edit(1), 1)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	require.NotContains(t, w.decisions(w.edit(1), 1), "")
	require.Equal(t, []string{"8.8.8.0/29", "0.0.0.0/0"}, w.blocks(ownList))
}

func TestPausedNothingIsTakenOutOfAList(t *testing.T) {
	w := grownList(t, revertSSH)
	require.NoError(t, w.store.Operator().Pause(context.Background(), "", "CHG-9"))
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	got := w.decisions(w.edit(1), 1)
	require.Equal(t, incident.Pending, got[groupA].Outcome)
	require.Zero(t, w.ec2.count("Mutations"))
	require.NoError(t, w.store.Operator().Resume(context.Background(), ""))
	w.sweptOutcomes(groupA)
	require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
}

func TestIPv6EntriesAreTakenOutToo(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.holds(ownList, "2606:4700::/48")
	w.ec2.add(groupA, parse(t, sshList))
	w.decisions(w.listChange(ownList), 1)
	w.holds(ownList, "2606:4700::/48", "2000::/3", "2606:4700:1::/48")
	require.Equal(t, incident.Reverted, w.decisions(w.edit(1), 1)[""].Outcome)
	require.Equal(t, []string{"2606:4700::/48", "2606:4700:1::/48"}, w.blocks(ownList))
}

func TestWaitingForAListThatIsJudgedEndsWithTheTime(t *testing.T) {
	w := grownList(t, revertSSH)
	shared := &batchFacts{}
	court := courtOf(shared, ownList)
	require.NoError(t, court.enter(t.Context())) // another group's judging is at it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Warden.judgeList(ctx, shared, ownList, listAsk{tries: 1})
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = judgedInBatch(ctx, shared, ownList, "")
	require.ErrorIs(t, err, context.Canceled)
	court.leave()
	_, err = w.Warden.judgeList(t.Context(), shared, ownList, listAsk{tries: 1})
	require.NoError(t, err)
}

// A list that is shown as it was before what is known of it was decided upon is
// read again, and decides nothing.
func TestAListThatIsShownAsItWasIsReadAgain(t *testing.T) {
	for name, remedy := range map[string]string{"the list": "revert", "onList": "{do: revert, onList: rule}"} {
		t.Run(name, func(t *testing.T) {
			w := grownList(t, policyText("ssh", remedy, ""), "ingress tcp/80 from "+ownList)
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			before := w.ec2.lists[ownList]
			w.holds(ownList, "8.8.8.0/29")
			w.decisions(w.listChange(ownList), 1) // everybody has seen version 3
			now := w.ec2.lists[ownList]
			w.reset()

			w.ec2.lists[ownList] = before
			for group, d := range w.decisions(w.listChange(ownList), 1) {
				require.True(t, d.Retry, "%s: %s %s", group, d.Outcome, d.Reason)
			}
			require.Empty(t, mutations(w.ec2.calls))
			require.Empty(t, w.sent())
			w.requireOpen(groupA, sshList)

			w.ec2.lists[ownList] = now
			for group, d := range w.decisions(w.listChange(ownList), 2) {
				require.Equal(t, incident.Compliant, d.Outcome, group)
			}
			require.Empty(t, w.sent())
		})
	}
}
