package warden

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func fused(groups, actors int) option {
	return func(c *Config) { c.Fuse = policy.Fuse{Groups: groups, Actors: actors} }
}

// unheard makes groups with a violation that no event has told of.
func (w *world) unheard(n int) (ids []string) {
	w.t.Helper()
	for i := range n {
		id := fmt.Sprintf("sg-0cccccccccccccc%02d", i)
		w.ec2.make(id, fmt.Sprintf("group-%d", i))
		w.ec2.add(id, parse(w.t, ssh))
		ids = append(ids, id)
	}
	return ids
}

// sweptOutcomes are the outcomes of a look that a sweep asks for.
func (w *world) sweptOutcomes(ids ...string) (out []string) {
	w.t.Helper()
	for _, id := range ids {
		out = append(out, w.judge1(judgeGroup(id, "sweep", "")).Outcome.String())
	}
	return out
}

func (w *world) held() map[string]incident.Hold { return w.memory(groupA).Controls.Held }

func (w *world) pages() (out []incident.Incident) {
	for _, i := range w.publisher.messages() {
		if i.Reason == reasonFuse || i.Reason == reasonActors {
			out = append(out, i)
		}
	}
	return out
}

func TestFuseHoldsAPolicyThatTouchesTooManyGroups(t *testing.T) {
	w := newWorld(t, revertSSH, fused(2, 0))
	ids := w.unheard(6)
	require.Equal(t, []string{"reverted", "reverted", "pending", "pending"}, w.sweptOutcomes(ids[:4]...))
	require.Equal(t, 2, w.ec2.count("Mutations"))
	require.Equal(t, "pending", w.judge1(w.authorize(groupA, ssh)).Outcome.String(), "the policy is held, whoever asks")
	require.Equal(t, []string{"acted reverted", "acted reverted", "opened alerted", "opened pending", "opened pending", "opened pending"}, w.sent(),
		"it goes on alerting, and one page says why")
	page := w.pages()[0]
	require.Equal(t, []string{
		"the policy is held: within an hour it touched 2 groups without an event of their own, and that is the limit; what it refuses stays due, and is alerted",
		"if it is right: sgwarden resume --policy ssh; else mend the policy and deploy",
	}, page.Notes)
	require.Equal(t, []string{"ssh"}, []string{page.Policies[0].ID})

	w.wait(3 * time.Hour) // a hold does not lapse
	w.restart()           // another process says nothing new
	require.Equal(t, []string{"pending", "pending"}, w.sweptOutcomes(ids[2], ids[4]))
	require.Len(t, w.pages(), 1)
	require.Equal(t, 2, w.ec2.count("Mutations"))

	require.NoError(t, w.store.Operator().Release(context.Background(), actKey(w.set.Policies[0]), w.clock()))
	require.Empty(t, w.held())
	require.Equal(t, []string{"reverted", "reverted", "reverted", "reverted", "reverted"}, w.sweptOutcomes(ids[2], ids[3], ids[4], ids[5], groupA),
		"what was held stayed due, and is not counted for an hour")
	require.Len(t, w.pages(), 1)
}

func TestFuseCountsWhatNobodyAskedFor(t *testing.T) {
	w := newWorld(t, revertSSH, fused(1, 0))
	// In a storm a judging has one record of several: the rules of the others are
	// there already, and their records under way. An attacker must not press the
	// fuse by being quick.
	for i, id := range w.unheard(5) {
		d := w.judge1(w.authorize(id, "ingress tcp/22 from 4.0.0.0/8"))
		require.Equal(t, incident.Reverted, d.Outcome, "%d", i)
		require.Empty(t, w.texts(id))
		require.Empty(t, w.memory(id).Controls.Fuse.Counts)
	}
	w.wait(2 * time.Hour)
	for i := range 3 { // nor by having calls throttled
		id := fmt.Sprintf("sg-0ddddddddddddddd%d", i)
		w.ec2.make(id, "throttled")
		w.ec2.add(id, parse(t, ssh))
		record := w.authorize(id, "ingress tcp/22 from 4.0.0.0/8")
		w.ec2.on = func(name string) error {
			if name == "RevokeSecurityGroupIngress" {
				return incident.ErrThrottled
			}
			return nil
		}
		require.NotEqual(t, incident.Reverted, w.judge1(record).Outcome)
		w.ec2.on = nil
		w.wait(2 * time.Minute)
		require.Equal(t, incident.Reverted, w.judge1(record).Outcome)
		require.Empty(t, w.texts(id))
		require.Empty(t, w.memory(id).Controls.Fuse.Counts)
	}
	w.wait(2 * time.Hour)
	for range 20 { // repeats in one group
		w.ec2.add(groupA, parse(t, ssh))
		require.Equal(t, []string{"reverted"}, w.sweptOutcomes(groupA))
	}
	require.Equal(t, []string{groupA}, sortedKeys(w.memory(groupA).Controls.Fuse.Counts[actKey(w.set.Policies[0])].Groups))
	for range 20 { // an attacker makes events as many as he likes
		require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupB, ssh)).Outcome)
	}
	require.Empty(t, w.held())
}

func TestFuseLapsesAfterAnHour(t *testing.T) {
	w := newWorld(t, revertSSH, fused(2, 0))
	ids := w.unheard(5)
	require.Equal(t, []string{"reverted"}, w.sweptOutcomes(ids[0]))
	w.wait(40 * time.Minute)
	require.Equal(t, []string{"reverted"}, w.sweptOutcomes(ids[1]))
	w.wait(20 * time.Minute)
	require.Equal(t, []string{"reverted", "pending"}, w.sweptOutcomes(ids[2], ids[3]), "the first is an hour ago, the second is not")
}

func TestFuseKnowsAnEventThatIsOld(t *testing.T) {
	w := newWorld(t, revertSSH, fused(1, 0))
	old := w.authorize(groupA, ssh)
	w.wait(23 * time.Hour)
	ids := w.unheard(1)
	require.Equal(t, []string{"reverted"}, w.sweptOutcomes(ids[0]))
	require.Equal(t, incident.Pending, w.judge1(old).Outcome, "whoever moves old messages back is not asked for by anybody")
}

// A remedy that waits has the event that began the wait, and what took long to
// take back that of its incident.
func TestFuseKnowsTheEventOfAWait(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: revert, after: 15m}", ""), fused(1, 0))
	for _, id := range []string{groupA, groupB} {
		require.Equal(t, incident.Pending, w.judge1(w.authorize(id, ssh)).Outcome)
	}
	w.wait(74 * time.Minute)
	require.Equal(t, []string{"reverted", "reverted"}, w.sweptOutcomes(groupA, groupB))

	w = newWorld(t, revertSSH, fused(1, 0))
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			return incident.ErrDenied
		}
		return nil
	}
	for _, id := range []string{groupA, groupB} {
		require.Equal(t, incident.CannotRemediate, w.judge1(w.authorize(id, ssh)).Outcome)
	}
	w.ec2.on = nil
	w.wait(3 * time.Hour)
	require.Equal(t, []string{"reverted", "reverted"}, w.sweptOutcomes(groupA, groupB))
	require.Empty(t, w.held())
}

func TestFuseKnowsWhoMadeAGroup(t *testing.T) {
	const closed = `---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: out, title: Closed, severity: high, why: It leaks., fix: Close it.}
forbid:
  - {direction: egress, peers: [internet]}
remedy: revert
---
apiVersion: sgwarden/v1
kind: Settings
`
	w := newWorld(t, closed, fused(1, 0))
	for i, id := range w.unheard(4) {
		w.ec2.groups[id].Rules = nil
		w.ec2.add(id, parse(t, "egress all to 0.0.0.0/0"))
		require.Equal(t, incident.Pending, w.judge1(w.record(call{name: "CreateSecurityGroup", group: id})).Outcome, "%d", i)
		w.wait(time.Minute)
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(id, "settle", "")).Outcome, "%d", i)
	}
	require.Empty(t, w.held())
}

// A record that cannot name all that it opened tells of all that is seen of its
// group within the hour: of the other groups it tells nothing.
func TestFuseKnowsARecordThatNamesNothing(t *testing.T) {
	w := newWorld(t, revertSSH, fused(1, 0))
	ids := w.unheard(2)
	w.ec2.add(groupA, parse(t, "ingress tcp/443 from 4.0.0.0/8"))
	require.Equal(t, incident.Compliant, w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, incomplete: true})).Outcome)
	w.wait(54 * time.Minute)
	w.ec2.add(groupA, parse(t, ssh))
	require.Equal(t, []string{"reverted", "reverted", "pending"}, w.sweptOutcomes(groupA, ids[0], ids[1]))
	counts := w.memory(groupA).Controls.Fuse.Counts
	require.Equal(t, []string{ids[0]}, sortedKeys(counts[actKey(w.set.Policies[0])].Groups))

	w = newWorld(t, revertSSH, fused(1, 0))
	w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, incomplete: true}))
	w.wait(time.Hour + time.Minute)
	w.ec2.add(groupA, parse(t, ssh))
	require.Equal(t, []string{"reverted", "pending"}, w.sweptOutcomes(append([]string{groupA}, w.unheard(1)...)...), "the record is old")
}

// Whoever dies between count and act has counted; whoever finishes does not
// count again.
func TestFuseOfAJudgingThatDied(t *testing.T) {
	w := newWorld(t, revertSSH, fused(2, 0))
	ids := w.unheard(4)
	ctx, kill := context.WithCancel(context.Background())
	w.ledger.after = func(name string) {
		if name == "Open" {
			kill()
		}
	}
	require.True(t, w.Judge(ctx, []Delivery{deliver(judgeGroup(ids[0], "sweep", ""), 1)})[0].Retry)
	require.Zero(t, w.ec2.count("Mutations"))
	w.ledger.after = nil
	w.restart()
	w.wait(2 * time.Minute)
	require.Equal(t, []string{"reverted"}, w.sweptOutcomes(ids[0]))
	require.Equal(t, []string{"reverted", "pending"}, w.sweptOutcomes(ids[1], ids[2]))
}

// What cannot be counted is not done.
func TestFuseNeedsTheLedger(t *testing.T) {
	w := newWorld(t, revertSSH, fused(2, 0))
	ids := w.unheard(1)
	w.ledger.on = func(string) error { return incident.ErrUnavailable }
	require.Equal(t, []string{"unresolved"}, w.sweptOutcomes(ids[0]))
	require.Zero(t, w.ec2.count("Mutations"))
	w.judge1(w.authorize(groupA, ssh))
	require.Empty(t, w.texts(groupA), "what a record names has an event of its own, and is severe")
	w.ledger.on = nil
	require.Equal(t, []string{"reverted"}, w.sweptOutcomes(ids[0]))
}

// Two processes that act at once do not do more than the fuse lets one do.
func TestFuseOfTwoProcesses(t *testing.T) {
	w := newWorld(t, revertSSH, fused(3, 0))
	ids := w.unheard(12)
	first := w.Warden
	w.restart()
	var wait sync.WaitGroup
	for _, guard := range []*Warden{first, w.Warden} {
		var batch []Delivery
		for i, id := range ids {
			batch = append(batch, Delivery{ID: fmt.Sprint(i), Body: judgeGroup(id, "sweep", ""), ReceiveCount: 1})
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			guard.Judge(context.Background(), batch)
		}()
	}
	wait.Wait()
	w.wait(5 * time.Minute)
	w.sweptOutcomes(ids...) // what was outpaced comes again
	closed := 0
	for _, id := range ids {
		if len(w.texts(id)) == 0 {
			closed++
		}
	}
	require.Equal(t, 3, closed)
	require.Len(t, w.held(), 1)
	require.Len(t, w.pages(), 1)
}

func TestFuseOfActors(t *testing.T) {
	by := func(n int) string { return fmt.Sprintf("arn:aws:iam::123456789012:user/u%d", n) }
	medium := func(c *Config) { c.Fuse = policy.Fuse{Actors: 3} }
	w := newWorld(t, replaceSeverity(revertSSH, "medium"), medium)
	for i := range 3 {
		for range 3 {
			require.Equal(t, incident.Reverted, w.judge1(w.authorizeBy(by(i), groupA, ssh)).Outcome)
		}
	}
	require.Equal(t, incident.Pending, w.judge1(w.authorizeBy(by(3), groupA, ssh)).Outcome)
	require.Len(t, w.pages(), 1)
	require.Contains(t, w.pages()[0].Notes[0], "it took back changes of 3 actors")

	w = newWorld(t, revertSSH, medium)
	for i := range 12 {
		require.Equal(t, incident.Reverted, w.judge1(w.authorizeBy(by(i), groupA, ssh)).Outcome, "a severe policy goes on")
		w.restart()
	}
	require.Len(t, w.pages(), 1)
	require.Equal(t, reasonActors, w.pages()[0].Reason)
	require.Empty(t, w.held())
	w.wait(2 * time.Hour)
	for i := range 12 {
		require.Equal(t, incident.Reverted, w.judge1(w.authorizeBy(by(i), groupB, ssh)).Outcome)
	}
	require.Len(t, w.pages(), 2, "once an hour")
}

// A page that could not be sent is sent by whoever comes next.
func TestFusePageIsNotLost(t *testing.T) {
	w := newWorld(t, revertSSH, fused(1, 0))
	ids := w.unheard(3)
	w.publisher.on = func(i incident.Incident) error {
		if i.Reason == reasonFuse {
			return incident.ErrUnavailable
		}
		return nil
	}
	require.Equal(t, []string{"reverted", "pending"}, w.sweptOutcomes(ids[:2]...))
	require.Empty(t, w.pages())
	w.publisher.on = nil
	w.restart()
	require.Equal(t, []string{"pending"}, w.sweptOutcomes(ids[2]))
	require.Len(t, w.pages(), 1)
}

// TestFuseIsNotPressedByAListThatGrowsInManyGroups where each of them is dealt with.
func TestFuseIsNotPressedByAListThatGrowsInManyGroups(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: revert, onList: rule}", ""), fused(1, 0))
	w.holds(ownList, "8.8.8.0/29")
	w.ec2.add(groupB, parse(t, "ingress tcp/443 from "+ownList))
	var ids []string
	for i := range 4 {
		id := fmt.Sprintf("sg-0cccccccccccccc%02d", i)
		w.ec2.make(id, fmt.Sprintf("group-%d", i))
		w.ec2.add(id, parse(t, "ingress tcp/22 from "+ownList))
		ids = append(ids, id)
	}
	w.decisions(w.listChange(ownList), 1)
	w.wait(2 * time.Hour)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.decisions(w.listChange(ownList), 1)
	for _, id := range ids {
		require.Equal(t, []string{"ingress tcp/22 from 8.8.8.0/29"}, w.texts(id))
	}
	require.Empty(t, w.held())
}

func replaceSeverity(text, severity string) string {
	return strings.Replace(text, "severity: high", "severity: "+severity, 1)
}

// Whoever may write a list can have it open many groups at once: that must not
// hold the policy, or all that is opened afterwards stays open.
func TestFuseIsNotPressedByAListThatGrows(t *testing.T) {
	groups := func(w *world) (ids []string) {
		w.holds(ownList, "8.8.8.0/29")
		for i := range 4 {
			id := fmt.Sprintf("sg-0cccccccccccccc%02d", i)
			w.ec2.make(id, fmt.Sprintf("group-%d", i))
			w.ec2.add(id, parse(t, "ingress tcp/22 from "+ownList))
			ids = append(ids, id)
		}
		w.decisions(w.listChange(ownList), 1)
		for _, id := range ids {
			require.Len(t, w.texts(id), 1)
		}
		w.wait(2 * time.Hour)
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		return ids
	}
	for name, look := range map[string]func(w *world, ids []string){
		"told of by its record": func(w *world, _ []string) { w.decisions(w.listChange(ownList), 1) },
		"seen by a sweep":       func(w *world, ids []string) { w.sweptOutcomes(ids...) },
		"taken back late": func(w *world, ids []string) {
			w.ec2.on = func(name string) error {
				if name == "ModifyManagedPrefixList" {
					return incident.ErrDenied
				}
				return nil
			}
			require.Equal(t, incident.CannotRemediate, w.decisions(w.listChange(ownList), 1)[""].Outcome)
			w.ec2.on = nil
			w.wait(3 * time.Hour)
			w.sweptOutcomes(ids...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH, fused(1, 0))
			ids := groups(w)
			look(w, ids)
			for _, id := range ids {
				require.Equal(t, []string{"ingress tcp/22 from " + ownList}, w.texts(id))
			}
			require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
			require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, ssh)).Outcome)
			require.Empty(t, w.held())
		})
	}
}

// A list that stood by a mark gets its entries back, and loses what was added:
// that is one act for one change of somebody's, and counts for no group.
func TestFuseDoesNotCountWhatIsTakenOutOfLists(t *testing.T) {
	w := newWorld(t, revertSSH, fused(1, 0))
	w.holds(ownList, "0.0.0.0/0")
	ids := []string{groupA, groupB}
	for _, id := range ids {
		r := w.ec2.add(id, parse(t, "ingress tcp/22 from "+ownList))
		w.mark(id, r, "ssh")
		known := w.memory(id).Known
		rule := known.Rules[r.ID]
		list := w.ec2.lists[ownList]
		rule.Rule.Peer, rule.ListDigest = secgroup.PrefixList{ID: list.ID, OwnerID: list.OwnerID, Version: list.Version}, policy.ListDigest(list.Entries)
		known.Rules[r.ID] = rule
		require.NoError(t, w.store.Close(context.Background(), incident.Closing{GroupID: id, Version: known.Version, Known: known, Now: w.clock()}))
	}
	require.Equal(t, []string{"compliant", "compliant"}, w.sweptOutcomes(ids...))
	w.holds(ownList, "0.0.0.0/0", "::/0")
	require.Equal(t, []string{"compliant", "compliant"}, w.sweptOutcomes(ids...))
	require.Equal(t, []string{"0.0.0.0/0"}, w.blocks(ownList))
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Empty(t, w.held())
}

// Whoever may take blocks away from VPCs can make what was inside be the internet,
// in all groups of a VPC: that must not hold the policy either.
func TestFuseIsNotPressedByABlockThatIsTakenAway(t *testing.T) {
	const own = "8.8.0.0/15"
	for name, many := range map[string]int{"with the record": 4, "by messages of their own": fanOutMost + 1} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH, fused(1, 0))
			w.ec2.blocks = []netip.Prefix{netip.MustParsePrefix("8.8.0.0/16"), netip.MustParsePrefix("8.9.0.0/16")}
			var ids []string
			for i := range many {
				id := fmt.Sprintf("sg-0cccccccccccc%04d", i)
				w.ec2.make(id, fmt.Sprintf("group-%d", i))
				w.ec2.add(id, parse(t, "ingress tcp/22 from "+own))
				ids = append(ids, id)
			}
			w.sweptOutcomes(ids...)
			w.wait(2 * time.Hour)
			w.ec2.blocks = nil
			w.decisions(w.indirect("DisassociateVpcCidrBlock", fmt.Sprintf(`{"associationId":"vpc-cidr-assoc-1","vpcId":%q}`, vpcA)), 1)
			for _, a := range w.queue.asked {
				require.Equal(t, causeBlocks, a.cause)
				w.judge1(judgeGroup(a.group, a.cause, ""))
			}
			for _, id := range ids {
				require.Empty(t, w.texts(id))
			}
			require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, ssh)).Outcome)
			require.Empty(t, w.held())
		})
	}
}

// A look of that cause is no excuse for what was not in order before.
func TestFuseCountsMarkedRulesOfABlock(t *testing.T) {
	w := newWorld(t, revertSSH, fused(1, 0))
	for _, id := range w.unheard(2) {
		w.judge1(judgeGroup(id, causeBlocks, ""))
	}
	require.NotEmpty(t, w.held())
}

// TestFuseFitsItsItem: at the highest limits, with very many policies.
func TestFuseFitsItsItem(t *testing.T) {
	require.Equal(t, policy.Fuse{Groups: 10, Actors: 25}, bounded(policy.Fuse{Groups: 10, Actors: 25}, 60))
	require.Equal(t, policy.Fuse{Groups: 200, Actors: 200}, bounded(policy.Fuse{Groups: 200, Actors: 200}, 3))
	require.Equal(t, policy.Fuse{}, bounded(policy.Fuse{}, 60))
	for _, policies := range []int{1, 30, 100, 400} {
		f := bounded(policy.Fuse{Groups: 200, Actors: 200}, policies)
		require.Positive(t, f.Groups)
		store := ledger.NewInMemory()
		counts := map[string]incident.FuseCount{}
		for n := range policies {
			c := incident.FuseCount{Groups: map[string]time.Time{}, Actors: map[string]time.Time{}, Told: noon, Released: noon}
			for i := range f.Groups {
				c.Groups[fmt.Sprintf("sg-0%08x%08x", n, i)], c.Actors[actorDigest(fmt.Sprint(n, i))] = noon, noon
			}
			counts[fmt.Sprintf("policy-with-a-long-name-%d@%064d", n, n)] = c
		}
		_, err := store.Open(t.Context(), incident.Opening{
			GroupID: groupA, Known: policy.Known{Exists: true}, Lease: incident.Lease{Holder: "h", Until: noon.Add(time.Minute)}, Now: noon,
			Fuse: &incident.FuseCharge{Counts: counts},
		})
		require.NoError(t, err)
		size := 0
		for key, c := range counts {
			text, err := json.Marshal(map[string]any{key: map[string]any{"g": seconds(c.Groups), "a": seconds(c.Actors), "t": 1, "r": 1}})
			require.NoError(t, err)
			size += len(text)
		}
		require.Less(t, 2*size, 400<<10, "%d policies", policies)
	}
}

func seconds(times map[string]time.Time) map[string]int64 {
	out := map[string]int64{}
	for id, at := range times {
		out[id] = at.Unix()
	}
	return out
}
