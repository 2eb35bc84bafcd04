package warden

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestFault33AttackerAddsFiftyTimes(t *testing.T) {
	w := newWorld(t, revertSSH)
	for range 50 {
		require.Equal(t, incident.Reverted, w.judge1(w.authorizeBy("arn:aws:iam::123456789012:user/eve", groupA, ssh)).Outcome)
		require.Empty(t, w.texts(groupA))
		w.wait(time.Second)
	}
	require.Equal(t, []string{"acted reverted", "acted reverted", "acted reverted", "contested reverted"}, w.sent())
	require.Equal(t, 50, w.ec2.count("RevokeSecurityGroupIngress"))
	escalation := w.publisher.messages()[3]
	require.Contains(t, fmt.Sprint(escalation.Notes), "user/eve")
	require.Len(t, w.closed(groupA), 50)
}

// TestAFightOfMoreThanTwoNamesThemAll: who opened it last is not the only one.
func TestAFightOfMoreThanTwoNamesThemAll(t *testing.T) {
	w := newWorld(t, revertSSH)
	bob := "arn:aws:iam::123456789012:user/bob"
	for _, actor := range []string{eve, bob, bob, eve} {
		w.judge1(w.authorizeBy(actor, groupA, ssh))
		w.wait(time.Second)
	}
	require.Equal(t, []string{"acted reverted", "acted reverted", "acted reverted", "contested reverted"}, w.sent())
	notes := w.publisher.messages()[3].Notes
	require.Contains(t, notes[0], eve)
	require.Len(t, notes, 2)
	require.Contains(t, notes[1], bob+" with ")
}

func TestFault34ReapplyEveryFiveMinutes(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.groups[groupA].Tags["aws:cloudformation:stack-name"] = "web-stack"
	for range 36 {
		body := w.record(call{
			name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{w.ec2.add(groupA, parse(t, ssh))},
			userAgent: "APN/1.0 HashiCorp/1.0 Terraform/1.9.8", actor: "arn:aws:iam::123456789012:role/pipeline",
		})
		require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
		require.Empty(t, w.texts(groupA))
		w.wait(5 * time.Minute)
	}
	contested := 0
	for _, m := range w.publisher.messages() {
		if m.EventType == incident.Contested {
			contested++
			require.Contains(t, fmt.Sprint(m.Notes), "Terraform", "the escalation names who re-applies it")
			require.Contains(t, fmt.Sprint(m.Notes), "role/pipeline")
			require.Contains(t, fmt.Sprint(m.Notes), "web-stack")
		}
	}
	require.LessOrEqual(t, len(w.sent()), 3+3, "three, and one an hour")
	require.Positive(t, contested)
}

func TestFault49ManyCheapViolationsThenTheRealOne(t *testing.T) {
	w := newWorld(t, revertSSH, fused(10, 25))
	for i := range 200 {
		require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, fmt.Sprintf("ingress tcp/22 from %d.0.0.0/8", 20+i%80))).Outcome)
	}
	require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, ssh)).Outcome)
	require.Empty(t, w.texts(groupA))
}
