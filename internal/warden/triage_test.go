package warden

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestTriageTakesTheOthersOfItsGroupAlong(t *testing.T) {
	w := newWorld(t, revertSSH)
	fine, bad := w.authorize(groupA, https), w.authorize(groupA, ssh)
	ds := w.Judge(context.Background(), []Delivery{deliver(fine, 1), deliver(bad, 2)})
	require.Equal(t, incident.Compliant, ds[0].Outcome)
	require.Equal(t, incident.Reverted, ds[1].Outcome)
	require.Equal(t, []string{"Observe", "Open", "Close"}, w.ledger.calls, "what needs no note gets none")
	w.requireOpen(groupA, https)
}

func TestTriageAsksTheItem(t *testing.T) {
	w := newWorld(t, strings.Replace(revertSSH, "forbid:", "scope: {vpcs: [vpc-0bbbbbbbbbbbbbbbb]}\nforbid:", 1))
	d := w.judge1(w.authorize(groupA, ssh))
	require.Equal(t, incident.Compliant, d.Outcome)
	require.Equal(t, []string{"Note", "Observe", "Close"}, w.ledger.calls, "the item does not know the group's VPC yet")
	w.reset()
	require.Equal(t, incident.Compliant, w.judge1(w.authorize(groupA, "ingress tcp/22 from ::/0")).Outcome)
	require.Equal(t, []string{"Note"}, w.ledger.calls)
	require.Empty(t, w.ec2.calls)
}

func TestHarmlessCallsAreTriaged(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.judge1(w.authorize(groupA, https))
	id := w.ec2.group(groupA)[0].ID
	for name, body := range map[string][]byte{
		"revoke":   w.revoke(groupA, id),
		"describe": w.record(call{name: "UpdateSecurityGroupRuleDescriptionsIngress", group: groupA}),
		"delete":   w.record(call{name: "DeleteSecurityGroup", group: groupA}),
		"create":   w.record(call{name: "CreateSecurityGroup", group: groupA, groupName: "web"}),
	} {
		t.Run(name, func(t *testing.T) {
			w.reset()
			require.Equal(t, incident.Compliant, w.judge1(body).Outcome)
			require.Equal(t, []string{"Note"}, w.ledger.calls)
			require.Empty(t, w.ec2.calls)
		})
	}
}

func TestOpenIncidentMeansJudging(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.swallow = true
	w.judge1(w.authorize(groupA, ssh))
	w.ec2.swallow = false
	d := w.judge1(w.authorize(groupA, https))
	require.Equal(t, incident.Reverted, d.Outcome, "level-triggered: what is due is remedied, whatever brings us here")
	w.requireOpen(groupA, https)
}

func TestFault13FailedCalls(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, errorCode: "Client.UnauthorizedOperation", rules: []secgroup.Rule{r}}))
	require.Equal(t, incident.Ignored, d.Outcome)
	require.Equal(t, "failed-call: Client.UnauthorizedOperation", d.Reason)
	require.Empty(t, w.ec2.calls)
	require.Empty(t, w.ledger.calls)
	require.Contains(t, w.log.String(), "Client.UnauthorizedOperation")
}

func TestTagsAreIgnored(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","detail":{"eventName":"CreateTags","eventSource":"ec2.amazonaws.com","eventID":"e","eventTime":"2026-05-01T12:00:00Z","requestParameters":{"resourcesSet":{"items":[{"resourceId":"sg-0aaaaaaaaaaaaaaaa"}]},"tagSet":{"items":[{"key":"a","value":"b"}]}},"responseElements":{"_return":true}}}`
	d := w.judge1([]byte(body))
	require.Equal(t, incident.Ignored, d.Outcome)
	require.Empty(t, w.sent())
}

func TestGroupByNameMeansTheDefaultVPC(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	body := w.record(call{name: "AuthorizeSecurityGroupIngress", groupName: "WEB", rules: []secgroup.Rule{r}, bare: true})
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Equal(t, groupA, d.GroupID)
	require.Equal(t, []string{"Named", "Group", "RevokeSecurityGroupIngress", "Rules"}, w.ec2.calls)

	t.Run("several", func(t *testing.T) {
		w.ec2.make("sg-0cccccccccccccccc", "Web")
		d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", groupName: "web", rules: []secgroup.Rule{r}, bare: true}))
		require.Equal(t, incident.Unresolved, d.Outcome)
		require.Equal(t, reasonNoGroup, d.Reason)
		require.False(t, d.Retry)
		require.Equal(t, "opened unresolved", w.sent()[len(w.sent())-1])
	})
	t.Run("none", func(t *testing.T) {
		body := w.record(call{name: "AuthorizeSecurityGroupIngress", groupName: "nobody", rules: []secgroup.Rule{r}, bare: true})
		require.True(t, w.judge1(body).Retry, "a new group may not be visible yet")
		w.wait(time.Hour)
		d := w.judgeTimes(body, 2)
		require.Equal(t, incident.Unresolved, d.Outcome)
		require.False(t, d.Retry)
	})
}

func TestRecordWithoutIDsNamesByValue(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.noActs()
	w.ec2.add(groupA, parse(t, "ingress tcp/22 from ::/0"))
	r := w.ec2.add(groupA, parse(t, ssh))
	d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{r}, bare: true}))
	require.Equal(t, incident.Reverted, d.Outcome)
	w.requireOpen(groupA, "ingress tcp/22 from ::/0")
}
