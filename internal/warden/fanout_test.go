package warden

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const ownList = "pl-0aaaaaaaaaaaaaaaa"

// indirect writes the record of a call that touches no group, made now.
func (w *world) indirect(name, request string) []byte {
	return fmt.Appendf(nil, `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","account":"123456789012","region":"us-east-1","detail":{"eventName":%q,"eventSource":"ec2.amazonaws.com","eventID":"e-%s","eventTime":%q,"recipientAccountId":"123456789012","awsRegion":"us-east-1","requestParameters":%s,"responseElements":{},"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/ann"}}}`,
		name, name, w.clock().Format(time.RFC3339), request)
}

func (w *world) listChange(id string) []byte {
	return w.indirect("ModifyManagedPrefixList", fmt.Sprintf(`{"ModifyManagedPrefixListRequest":{"PrefixListId":%q}}`, id))
}

// holds gives a list its entries; each call makes a version.
func (w *world) holds(id string, blocks ...string) {
	entries := []secgroup.ListEntry{}
	for _, b := range blocks {
		entries = append(entries, secgroup.ListEntry{Block: netip.MustParsePrefix(b), Description: "of " + b})
	}
	w.ec2.setList(id, entries)
}

// decisions delivers one record and gives what was decided, by group.
func (w *world) decisions(body []byte, times int) map[string]Decision {
	out := map[string]Decision{}
	for _, d := range w.Judge(context.Background(), []Delivery{deliver(body, times)}) {
		out[d.GroupID] = d
	}
	return out
}

func TestAnUnreadableListIsNeverFine(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.add(groupA, parse(t, "ingress tcp/22 from "+ownList))
	d := w.decisions(w.listChange(ownList), 1)[groupA]
	require.Equal(t, incident.Alerted, d.Outcome)
	require.Equal(t, "unreadable", d.Reason)
	w.requireOpen(groupA, "ingress tcp/22 from "+ownList)
}

func TestALateRecordIsItsOwnSecondLook(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.holds(ownList, "8.8.8.0/29")
	w.ec2.add(groupA, parse(t, "ingress tcp/22 from "+ownList))
	body := w.listChange(ownList)
	w.wait(20 * time.Second)
	w.decisions(body, 1)
	require.Equal(t, []askedAgain{{groupA, causeSettle, "", 40 * time.Second}}, w.queue.asked)
	w.wait(time.Minute)
	w.reset()
	w.decisions(body, 2)
	require.Empty(t, w.queue.asked)
}

func TestManyGroupsAreJudgedByMessagesOfTheirOwn(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.holds(ownList, "0.0.0.0/0")
	var ids []string
	for n := range fanOutMost + 7 {
		id := fmt.Sprintf("sg-0%016x", n)
		ids = append(ids, id)
		w.ec2.make(id, "many")
		w.ec2.add(id, parse(t, "ingress tcp/22 from "+ownList))
	}
	got := w.decisions(w.listChange(ownList), 1)
	require.Len(t, got, 1, "none with the record: one that fails would have all looked at again")
	require.Equal(t, incident.Ignored, got[""].Outcome)
	require.Equal(t, "57 groups are judged by messages of their own", got[""].Reason)
	var now []string
	for _, a := range w.queue.asked {
		if a.delay == 0 {
			now = append(now, a.group)
		}
	}
	slices.Sort(now)
	require.Equal(t, ids, now)
	require.Len(t, w.queue.asked, 2*len(ids), "and each once more")

	w.reset()
	w.decisions(w.listChange(ownList), 2)
	require.Empty(t, w.queue.asked, "a record that comes again asks for nothing again")
}

// TestAFanOutThatStoppedGoesOn: what was asked for is not asked for again.
func TestAFanOutThatStoppedGoesOn(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.holds(ownList, "0.0.0.0/0")
	for n := range fanOutMost + 7 {
		id := fmt.Sprintf("sg-0%016x", n)
		w.ec2.make(id, "many")
		w.ec2.add(id, parse(t, "ingress tcp/22 from "+ownList))
	}
	body := w.listChange(ownList)
	w.wait(2 * time.Minute)
	w.queue.most = 20
	require.True(t, w.judge1(body).Retry)
	require.Len(t, w.queue.asked, 20)
	w.queue.most = 0
	require.False(t, w.judgeTimes(body, 2).Retry)
	asked := map[string]int{}
	for _, a := range w.queue.asked {
		asked[a.group]++
	}
	require.Len(t, asked, fanOutMost+7)
	for _, n := range asked {
		require.Equal(t, 1, n)
	}
}

func TestAFanOutThatFailsComesAgain(t *testing.T) {
	for name, fail := range map[string]func(*world){
		"groups are not read": func(w *world) {
			w.ec2.on = func(call string) error {
				if call == "EachGroup" {
					return incident.ErrThrottled
				}
				return nil
			}
		},
		"the queue takes nothing": func(w *world) { w.queue.err = incident.ErrThrottled },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			w.holds(ownList, "0.0.0.0/0")
			w.ec2.add(groupA, parse(t, "ingress tcp/22 from "+ownList))
			fail(w)
			d := w.judge1(w.listChange(ownList))
			require.Equal(t, incident.Unresolved, d.Outcome)
			require.Equal(t, "throttled", d.Reason)
			require.True(t, d.Retry)
			require.Empty(t, w.sent())
		})
	}
}

func TestBlocksOfAVPCAreJudgedInItsGroups(t *testing.T) {
	w := newWorld(t, `apiVersion: sgwarden/v1
kind: Policy
metadata: {id: out, title: No way out, severity: high, why: It leaks., fix: Close it.}
forbid:
  - {direction: egress, peers: [internet]}
tolerate: {ipv6: /32}
`)
	w.ec2.add(groupA, parse(t, "egress all to ::/0"))
	got := w.decisions(w.indirect("AssociateVpcCidrBlock", fmt.Sprintf(`{"AssociateVpcCidrBlockRequest":{"VpcId":%q}}`, vpcA)), 1)
	require.Len(t, got, 2, "all groups of the VPC, and no other record")
	require.Equal(t, incident.Pending, got[groupA].Outcome, "it looks like the default egress of a new group, which settles")
	require.Equal(t, incident.Compliant, got[groupB].Outcome)
	require.Contains(t, w.queue.asked, askedAgain{groupA, causeSettle, "", time.Minute})
	w.wait(time.Minute)
	d := w.judge1([]byte(`{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":"` + groupA + `","cause":"settle"}}`))
	require.Equal(t, incident.Reverted, d.Outcome)
	w.requireOpen(groupA)
}

func TestANewVPCWaitsForItsDefaultGroup(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.indirect("CreateVpc", `{"cidrBlock":"10.0.0.0/16","vpcId":"vpc-0ffffffffffffffff"}`)
	d := w.judge1(body)
	require.Equal(t, incident.Unresolved, d.Outcome)
	require.Equal(t, reasonInvisible, d.Reason)
	require.True(t, d.Retry)
	w.wait(time.Hour)
	d = w.judgeTimes(body, 2)
	require.Equal(t, incident.Compliant, d.Outcome, "it is gone again")
	require.Empty(t, w.sent())
}

func TestAssociatingAGroupJudgesThatGroup(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.add(groupA, parse(t, ssh))
	body := w.indirect("AssociateSecurityGroupVpc", fmt.Sprintf(`{"AssociateSecurityGroupVpcRequest":{"GroupId":%q,"VpcId":"vpc-0ffffffffffffffff"}}`, groupA))
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome, "what is due is remedied, whatever brings us here")
	require.Equal(t, []askedAgain{{groupA, causeSettle, "", time.Minute}}, w.queue.asked)
}

func TestARecordThatNamesNothingIsSaid(t *testing.T) {
	w := newWorld(t, revertSSH)
	for n := range 3 {
		d := w.judgeTimes(w.indirect("ModifyManagedPrefixList", `{}`), n+1)
		require.Equal(t, incident.Unresolved, d.Outcome)
		require.Equal(t, reasonUnnamed, d.Reason)
		require.False(t, d.Retry)
	}
	require.Equal(t, []string{"opened unresolved"}, w.sent())
}

func TestACallOnAListIsToldOnce(t *testing.T) {
	w := newWorld(t, `apiVersion: sgwarden/v1
kind: Policy
metadata: {id: calls, title: Nobody changes anything, severity: high, why: It is frozen., fix: Wait.}
onChange: {calls: [any]}
remedy: alert
`)
	w.holds(ownList, "8.8.8.0/29")
	w.ec2.add(groupA, parse(t, "ingress tcp/22 from "+ownList))
	w.ec2.add(groupB, parse(t, "ingress tcp/22 from "+ownList))
	got := w.decisions(w.listChange(ownList), 1)
	require.Len(t, got, 3)
	require.Equal(t, incident.Alerted, got[""].Outcome)
	require.Equal(t, incident.Compliant, got[groupA].Outcome)
	require.Equal(t, []string{"opened alerted"}, w.sent())
}

func TestWhichGroupsACallConcerns(t *testing.T) {
	group := func(vpc string, texts ...string) secgroup.Group {
		g := secgroup.Group{ID: groupA, VPCID: vpc}
		for _, text := range texts {
			g.Rules = append(g.Rules, parse(t, text))
		}
		return g
	}
	list, vpc := secgroup.Change{ListIDs: []string{ownList}}, secgroup.Change{VPCIDs: []string{vpcA}}
	peering := secgroup.Change{EventName: "AcceptVpcPeeringConnection", VPCIDs: []string{vpcA}}
	for name, c := range map[string]struct {
		change secgroup.Change
		group  secgroup.Group
		want   bool
	}{
		"the list":              {list, group(vpcA, https, "egress all to "+ownList), true},
		"another list":          {list, group(vpcA, "egress all to pl-0bbbbbbbbbbbbbbbb"), false},
		"no list":               {list, group(vpcA, https), false},
		"the VPC":               {vpc, group(vpcA), true},
		"another VPC":           {vpc, group("vpc-0bbbbbbbbbbbbbbbb", https), false},
		"peering, a reference":  {peering, group(vpcA, "ingress tcp/22 from "+groupB), true},
		"peering, no reference": {peering, group(vpcA, https), false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, concerns(c.change, c.group)) })
	}
}

// TestGroupsOfOthersAreNotLookedAt: EC2 shows those that another account shares.
func TestGroupsOfOthersAreNotLookedAt(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.holds(ownList, "0.0.0.0/0")
	for _, id := range []string{groupA, groupB} {
		w.ec2.add(id, parse(t, "ingress tcp/22 from "+ownList))
	}
	w.ec2.groups[groupB].AccountID = "210987654321"
	got := w.decisions(w.listChange(ownList), 1)
	require.Len(t, got, 1)
	require.Equal(t, incident.Reverted, got[groupA].Outcome)
	w.requireOpen(groupB, "ingress tcp/22 from "+ownList)
}
