package warden

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

const office = "ingress tcp/22 from 10.0.0.0/8"

// overtakenRevoke is an account in which a rule becomes compliant just before it
// is revoked, and its record.
func overtakenRevoke(t *testing.T, policies string) (*world, []byte) {
	t.Helper()
	w := newWorld(t, policies)
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.put(groupA, withID(parse(t, office), "sgr-00000000000000001"))
		}
		return nil
	}
	return w, body
}

// TestFault30WhatIsPutBackIsClaimedOnlyAsSeen: an Authorize that is answered with
// success, and whose rule nobody sees, put nothing back as far as anybody knows.
func TestFault30WhatIsPutBackIsClaimedOnlyAsSeen(t *testing.T) {
	swallowing := func(t *testing.T) (*world, []byte) {
		w, body := overtakenRevoke(t, revertSSH)
		before := w.ec2.on
		w.ec2.on = func(name string) error {
			w.ec2.swallow = name == "AuthorizeSecurityGroupIngress"
			return before(name)
		}
		return w, body
	}
	t.Run("answered, and never there", func(t *testing.T) {
		w, body := swallowing(t)
		d := w.judge1(body)
		require.Equal(t, incident.Unresolved, d.Outcome)
		require.Equal(t, "not-verified", d.Reason)
		require.True(t, d.Retry)
		require.Len(t, w.memory(groupA).Open, 1)
		require.NotContains(t, fmt.Sprint(d.Incident.Notes), "was put back:")
		require.Contains(t, fmt.Sprint(d.Incident.Notes), "authorize "+office)

		w.wait(time.Minute)
		d = w.judgeTimes(body, 2)
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Equal(t, "what was to be put back is not there", d.Incident.Fallback)
		require.Empty(t, d.Incident.Rules[0].After)
		require.Contains(t, fmt.Sprint(d.Incident.Notes), "authorize "+office)
		require.Equal(t, []string{"opened unresolved", "acted reverted"}, w.sent())
		require.Empty(t, w.memory(groupA).Open)
		require.Equal(t, 1, w.ec2.count("AuthorizeSecurityGroupIngress"), "what was planned is not replayed")
	})
	t.Run("seen late", func(t *testing.T) {
		w, body := overtakenRevoke(t, revertSSH)
		w.ec2.after = func(name string) {
			if name == "AuthorizeSecurityGroupIngress" {
				w.ec2.hide(fmt.Sprintf("sgr-%017x", w.ec2.next), w.clock().Add(time.Second))
			}
		}
		d := w.judge1(body)
		require.False(t, d.Retry)
		require.Contains(t, fmt.Sprint(d.Incident.Notes), "was put back: "+office)
		w.requireOpen(groupA, office)
	})
	t.Run("seen with the next delivery", func(t *testing.T) {
		w, body := overtakenRevoke(t, revertSSH)
		w.ec2.after = func(name string) {
			if name == "AuthorizeSecurityGroupIngress" {
				w.ec2.hide(fmt.Sprintf("sgr-%017x", w.ec2.next), w.clock().Add(time.Minute))
			}
		}
		require.Equal(t, incident.Unresolved, w.judge1(body).Outcome)
		w.wait(time.Hour)
		w.ec2.reveal(w.clock())
		d := w.judgeTimes(body, 2)
		require.Equal(t, incident.Narrowed, d.Outcome)
		require.Equal(t, office, d.Incident.Rules[0].After[0].String())
		require.Contains(t, fmt.Sprint(d.Incident.Notes), "was put back: "+office)
		require.Empty(t, w.memory(groupA).Open)
	})
	t.Run("no answer, and it is there", func(t *testing.T) {
		w, body := overtakenRevoke(t, revertSSH)
		before := w.ec2.on
		w.ec2.on = func(name string) error {
			if w.ec2.silent = nil; name == "AuthorizeSecurityGroupIngress" {
				w.ec2.silent = incident.ErrUnavailable
			}
			return before(name)
		}
		d := w.judge1(body)
		require.Contains(t, fmt.Sprint(d.Incident.Notes), "was put back: "+office)
		w.requireOpen(groupA, office)
	})
	t.Run("nothing can be read back", func(t *testing.T) {
		w, body := overtakenRevoke(t, revertSSH)
		before := w.ec2.on
		w.ec2.on = func(name string) error {
			if name == "Rules" {
				return incident.ErrThrottled
			}
			return before(name)
		}
		d := w.judge1(body)
		require.Equal(t, incident.Unresolved, d.Outcome)
		require.NotContains(t, fmt.Sprint(d.Incident.Notes), "was put back:")
	})
}

// TestWhatIsPutBackDoesNotRestOnAWayThatWasGivenUp: that an Authorize of another
// rule had no effect is no reason to leave a compliant rule away.
func TestWhatIsPutBackDoesNotRestOnAWayThatWasGivenUp(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: narrow, parts: 2}", ""))
	body := w.authorize(groupA, "ingress tcp/20-25 from 0.0.0.0/0")
	w.ec2.on = func(name string) error {
		switch name {
		case "AuthorizeSecurityGroupIngress":
			w.ec2.swallow = w.ec2.count(name) == 1 // the first has no effect
		case "RevokeSecurityGroupIngress":
			w.ec2.swallow = false
			w.ec2.put(groupA, withID(parse(t, office), "sgr-00000000000000001"))
		}
		return nil
	}
	d := w.judge1(body)
	w.requireOpen(groupA, office)
	require.Contains(t, fmt.Sprint(d.Incident.Notes), "was put back: "+office)
}
