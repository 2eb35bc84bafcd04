package warden

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// always gives an answer to every call of a name.
func always(name string, err error) func(string) error {
	return func(call string) error {
		if call == name {
			return err
		}
		return nil
	}
}

func TestFault51EverythingIsSwallowed(t *testing.T) {
	for _, remedy := range []string{"revert", "{do: narrow, to: [10.0.0.0/8]}", "tag"} {
		t.Run(remedy, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", remedy, ""))
			w.ec2.swallow = true
			body := w.authorize(groupA, ssh)
			d := w.judge1(body)
			require.Equal(t, incident.NotReverted, d.Outcome)
			require.True(t, d.Retry)
			require.Equal(t, []string{"opened not-reverted"}, w.sent())
			told := w.publisher.messages()[0]
			require.Nil(t, told.ClosedAt, "an alert that claims nothing")
			require.Equal(t, incident.NotReverted, told.Rules[0].Outcome)
			require.Equal(t, ssh, told.Rules[0].After[0].String())
			require.Len(t, w.memory(groupA).Open, 1)
			require.Empty(t, w.closed(groupA))

			d = w.judgeTimes(body, 2)
			require.Equal(t, incident.NotReverted, d.Outcome)
			require.True(t, d.Retry)
			require.Len(t, w.sent(), 1, "one message per event type")

			w.ec2.swallow = false
			d = w.judgeTimes(body, 3)
			require.True(t, d.Outcome.Changed())
			require.False(t, d.Retry)
			require.Len(t, w.sent(), 2)
			require.Empty(t, w.memory(groupA).Open)
			require.Len(t, w.closed(groupA), 1)
		})
	}
}

func TestReadBackWaitsForWhatIsNotVisibleYet(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	reads := 0
	stale := w.ec2.group(groupA)
	w.ec2.after = func(name string) {
		if name == "Rules" {
			if reads++; reads == 2 {
				w.ec2.remove(groupA, stale[0].ID)
			}
		}
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.put(groupA, stale[0]) // still shown
		}
	}
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Equal(t, 3, w.ec2.count("Rules"))
	require.Len(t, w.slept, 2)
}

func TestFault29RuleGoesBetweenReadAndRevoke(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.remove(groupA, "sgr-00000000000000001")
		}
		return nil
	}
	d := w.judge1(body)
	require.Equal(t, incident.AlreadyCompliant, d.Outcome)
	require.False(t, d.Retry)
	require.Empty(t, w.sent())
	require.Empty(t, w.memory(groupA).Open)
}

func TestFault29OneOfManyGoes(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh, "ingress tcp/21-22 from 0.0.0.0/0", "ingress tcp/20-22 from ::/0")
	first := true
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" && first {
			first = false
			w.ec2.remove(groupA, "sgr-00000000000000002")
		}
		return nil
	}
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Empty(t, w.texts(groupA))
	outcomes := map[string]incident.Outcome{}
	for _, r := range d.Rules {
		outcomes[r.ID] = r.Outcome
	}
	require.Equal(t, map[string]incident.Outcome{
		"sgr-00000000000000001": incident.Reverted, "sgr-00000000000000002": incident.AlreadyCompliant, "sgr-00000000000000003": incident.Reverted,
	}, outcomes)
}

func TestFault30RuleBecomesAnotherViolationBeforeTheRevoke(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.put(groupA, withID(parse(t, "ingress tcp/22 from ::/0"), "sgr-00000000000000001"))
		}
		return nil
	}
	require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
	require.Empty(t, w.texts(groupA))
	require.Equal(t, "ingress tcp/22 from ::/0", w.closed(groupA)[0].Rules[0].Before.String(), "the value that was removed is told")
}

func TestRuleThatBecameCompliantBeforeTheRevokeIsPutBack(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.put(groupA, withID(parse(t, "ingress tcp/22 from 10.0.0.0/8"), "sgr-00000000000000001"))
		}
		return nil
	}
	d := w.judge1(body)
	require.False(t, d.Retry)
	w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8")
	require.Contains(t, fmt.Sprint(w.closed(groupA)[0].Notes), "was put back")

	for blocks, stays := range map[string]bool{"10.0.0.0/8": true, "0.0.0.0/0": false} {
		t.Run("a list of "+blocks, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			w.holds(ownList, blocks)
			body := w.authorize(groupA, ssh)
			w.ec2.on = func(name string) error {
				if name == "RevokeSecurityGroupIngress" {
					w.ec2.put(groupA, withID(parse(t, sshList), "sgr-00000000000000001"))
				}
				return nil
			}
			require.False(t, w.judge1(body).Retry)
			if stays {
				w.requireOpen(groupA, sshList)
			} else {
				require.Empty(t, w.texts(groupA))
			}
		})
	}
	t.Run("a list that cannot be read then", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		body := w.authorize(groupA, ssh)
		w.ec2.on = func(name string) error {
			if name == "RevokeSecurityGroupIngress" { // the list is another's
				w.ec2.put(groupA, withID(parse(t, sshList), "sgr-00000000000000001"))
			}
			return nil
		}
		d := w.judge1(body)
		require.Equal(t, incident.Reverted, d.Outcome)
		require.False(t, d.Retry)
		require.Contains(t, fmt.Sprint(w.closed(groupA)[0].Notes), "if it was in order, put it back: authorize "+sshList)
	})
	t.Run("not where it only waits for the act", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		w.noActs()
		body := w.authorize(groupA, ssh)
		w.ec2.on = func(name string) error {
			if name == "RevokeSecurityGroupIngress" {
				w.ec2.put(groupA, withID(parse(t, "ingress tcp/22 from ::/0"), "sgr-00000000000000001"))
			}
			return nil
		}
		w.judge1(body)
		require.Empty(t, w.texts(groupA))
	})
	t.Run("beside one that is gone", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		body := w.authorize(groupA, ssh, "ingress tcp/22 from ::/0")
		once := true
		w.ec2.on = func(name string) error {
			if name == "RevokeSecurityGroupIngress" && once {
				once = false
				w.ec2.put(groupA, withID(parse(t, "ingress tcp/22 from 10.0.0.0/8"), "sgr-00000000000000001"))
				w.ec2.remove(groupA, "sgr-00000000000000002")
			}
			return nil
		}
		w.judge1(body)
		w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8")
	})
	t.Run("said where the role may not", func(t *testing.T) {
		w := newWorld(t, revertSSH, func(c *Config) { c.Limits.MayAuthorize = false })
		body := w.authorize(groupA, ssh)
		w.ec2.on = func(name string) error {
			if name == "RevokeSecurityGroupIngress" {
				w.ec2.put(groupA, withID(parse(t, "ingress tcp/22 from 10.0.0.0/8"), "sgr-00000000000000001"))
			}
			return nil
		}
		w.judge1(body)
		require.Empty(t, w.texts(groupA))
		require.Contains(t, fmt.Sprint(w.closed(groupA)[0].Notes), "put it back: authorize ingress tcp/22 from 10.0.0.0/8")
		require.Len(t, w.sent(), 1)
	})
}

func TestFault31GroupIsDeletedMidway(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.drop(groupA)
		}
		return nil
	}
	d := w.judge1(body)
	require.False(t, d.Retry)
	require.Contains(t, []incident.Outcome{incident.Gone, incident.AlreadyCompliant}, d.Outcome)
	require.Empty(t, w.sent())
	require.Empty(t, w.memory(groupA).Open)

	w.wait(2 * time.Minute)
	d = w.judgeTimes(body, 2)
	require.Equal(t, incident.Gone, d.Outcome)
	require.False(t, d.Retry)
}

func TestFault39SingleFaults(t *testing.T) {
	faults := map[string]error{"throttled": incident.ErrThrottled, "unavailable": incident.ErrUnavailable, "unknown": errors.New("connection reset")}
	for name, err := range faults {
		for _, call := range []string{"Group", "RevokeSecurityGroupIngress", "Rules", "Publish", "Open", "Close", "Observe"} {
			t.Run(name+" "+call, func(t *testing.T) {
				w := newWorld(t, revertSSH)
				body := w.authorize(groupA, ssh)
				fault := always(call, err)
				w.ec2.on, w.ledger.on = fault, fault
				w.publisher.on = func(incident.Incident) error { return fault("Publish") }
				d := w.judge1(body)
				require.True(t, d.Retry, "%s %s", d.Outcome, d.Reason)
				if len(w.texts(groupA)) > 0 {
					require.False(t, d.Outcome.Changed(), "claimed though the rule stands")
				}
				w.ec2.on, w.ledger.on, w.publisher.on = nil, nil, nil
				w.wait(time.Minute + time.Second)
				d = w.judgeTimes(body, 2)
				require.False(t, d.Retry, "%s %s", d.Outcome, d.Reason)
				require.Empty(t, w.texts(groupA))
				require.Contains(t, w.sent(), "acted reverted", "no alert is lost")
				require.Empty(t, w.memory(groupA).Open)
			})
		}
	}
}

func TestLostAnswerIsNoLostAlert(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.silent = incident.ErrUnavailable
	d := w.judge1(w.authorize(groupA, ssh))
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.NotEmpty(t, w.closed(groupA)[0].Notes)
}

func TestFault40RevokeIsDenied(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
	body := w.authorize(groupA, ssh)
	for n := 1; n <= 3; n++ {
		d := w.judgeTimes(body, n)
		require.Equal(t, incident.CannotRemediate, d.Outcome)
		require.True(t, d.Retry)
	}
	require.Equal(t, []string{"opened cannot-remediate"}, w.sent())
	require.Equal(t, 3, w.ec2.count("RevokeSecurityGroupIngress"), "one try a delivery")
	w.requireOpen(groupA, ssh)
	require.Equal(t, incident.CannotRemediate, w.memory(groupA).Open[0].Outcome)
}

func TestFault46RevokeIsDeniedAndMendedAnHourLater(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
	body := w.authorize(groupA, ssh)
	for n := 1; n <= 5; n++ { // then it lies in the dead-letter queue
		require.True(t, w.judgeTimes(body, n).Retry)
		require.Empty(t, w.memory(groupA).Known.Rules["sgr-00000000000000001"].Baseline, "nothing becomes baseline by failing")
	}
	w.restart()
	w.wait(time.Hour)
	require.Equal(t, incident.CannotRemediate, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	w.ec2.on = nil
	w.wait(time.Hour)
	require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	require.Empty(t, w.texts(groupA))
	require.Equal(t, []string{"opened cannot-remediate", "acted reverted"}, w.sent())
	require.Empty(t, w.memory(groupA).Open)
}

func TestReadIsDenied(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.on = always("Group", incident.ErrDenied)
	body := w.authorize(groupA, ssh)
	for n := 1; n <= 3; n++ {
		d := w.judgeTimes(body, n)
		require.Equal(t, incident.CannotRemediate, d.Outcome)
		require.True(t, d.Retry)
	}
	require.Equal(t, []string{"opened cannot-remediate"}, w.sent())

	// A look that no event asked for has no event to be told by: once a day.
	for range 3 {
		require.True(t, w.judge1(judgeGroup(groupA, "sweep", "")).Retry)
	}
	require.Len(t, w.sent(), 2)
	w.wait(24 * time.Hour)
	w.judge1(judgeGroup(groupA, "sweep", ""))
	require.Len(t, w.sent(), 3)
}

func TestFault41PublishIsDenied(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.publisher.on = func(incident.Incident) error { return incident.ErrDenied }
	body := w.authorize(groupA, ssh)
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.True(t, d.Retry)
	require.Empty(t, w.texts(groupA), "the remediation stands")
	require.Len(t, w.memory(groupA).Open, 1, "the alert is stored")
	require.Equal(t, incident.Reverted, w.memory(groupA).Open[0].Outcome)

	w.publisher.on = nil
	d = w.judgeTimes(body, 2)
	require.False(t, d.Retry)
	require.Equal(t, []string{"acted reverted"}, w.sent())
	closed := w.closed(groupA)
	require.Len(t, closed, 1)
	require.Equal(t, ssh, closed[0].Rules[0].Before.String())
	require.NotEqual(t, reasonInterrupted, closed[0].Reason)
	require.Equal(t, 1, w.ec2.count("Mutations"))
}
