package warden

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
)

const owned = "---\napiVersion: sgwarden/v1\nkind: Policy\nmetadata: {id: owned, title: Owned, severity: low}\nrequire: [{tags: [owner]}]\nremedy: tag\n"

// TestTaggingARuleKeepsWhatTheGroupIsTaggedFor: two incidents of one group.
func TestTaggingARuleKeepsWhatTheGroupIsTaggedFor(t *testing.T) {
	w := newWorld(t, owned+policyText("ssh", "tag", ""))
	require.Equal(t, incident.Tagged, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	require.Equal(t, "owned", w.ec2.groups[groupA].Tags[plan.TagKey])
	require.Equal(t, incident.Tagged, w.judge1(w.authorize(groupA, "ingress tcp/22 from 0.0.0.0/0")).Outcome)
	require.Equal(t, "owned ssh", w.ec2.groups[groupA].Tags[plan.TagKey])
	require.Equal(t, "ssh", w.ec2.group(groupA)[len(w.ec2.group(groupA))-1].Tags[plan.TagKey], "the rule breaks one of them")
}

// TestTaggedIsSaidOfTheRightTagOnly: a tag of that key with another value does
// not show that ours is there.
func TestTaggedIsSaidOfTheRightTagOnly(t *testing.T) {
	w := newWorld(t, policyText("ssh", "tag", ""))
	body := w.authorize(groupA, "ingress tcp/22 from 0.0.0.0/0")
	rules := w.ec2.groups[groupA].Rules
	rules[len(rules)-1].Tags = map[string]string{plan.TagKey: "another-policy"}
	w.ec2.swallow = true
	d := w.judge1(body)
	require.True(t, d.Retry)
	require.Equal(t, incident.NotReverted, d.Outcome)
	w.ec2.swallow = false
	require.Equal(t, incident.Tagged, w.judgeTimes(body, 2).Outcome)
}

// TestATagThatCannotNameAllIsThere: a value holds 256 characters. What is left
// out of it for that is tagged all the same.
func TestATagThatCannotNameAllIsThere(t *testing.T) {
	text := ""
	for i := range 12 {
		text += strings.ReplaceAll(owned, "id: owned", fmt.Sprintf("id: owned-by-somebody-who-answers-%02d", i))
	}
	w := newWorld(t, text)
	d := w.judge1(judgeGroup(groupA, "sweep", ""))
	require.Equal(t, incident.Tagged, d.Outcome)
	require.False(t, d.Retry)
	require.Len(t, strings.Fields(w.ec2.groups[groupA].Tags[plan.TagKey]), 7)
}

// TestATagThatIsThereIsNotCalledMissing: somebody changes one of two rules while
// they are tagged, so all is planned again; the other one's tag was read back.
func TestATagThatIsThereIsNotCalledMissing(t *testing.T) {
	w := newWorld(t, policyText("ssh", "tag", ""))
	body := w.authorize(groupA, ssh, "ingress tcp/22 from 9.0.0.0/8")
	rules := w.ec2.group(groupA)
	w.ledger.on = func(call string) error {
		if call == "Open" {
			w.ec2.put(groupA, withID(parse(t, "ingress tcp/443 from 8.8.0.0/17"), rules[0].ID))
		}
		return nil
	}
	d := w.judge1(body)
	require.False(t, d.Retry)
	require.Equal(t, incident.Tagged, d.Outcome, d.Reason)
	require.Equal(t, []string{"acted tagged"}, w.sent())
	closed := w.closed(groupA)
	require.Len(t, closed, 1)
	ends := map[string]incident.Outcome{}
	for _, r := range closed[0].Rules {
		ends[r.ID] = r.Outcome
	}
	require.Equal(t, map[string]incident.Outcome{rules[0].ID: incident.AlreadyCompliant, rules[1].ID: incident.Tagged}, ends)
}
