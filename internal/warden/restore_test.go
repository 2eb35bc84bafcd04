package warden

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const exceptOps = `except: [{actors: ["arn:aws:iam::*:role/ops"], reason: CHG-7}]`

// TestWhatIsPutBackIsStillWhoseItWas: an exempt actor's rule that somebody else
// widened is put back, and stays exempt: also where the guard died in between,
// and another judging puts it back.
func TestWhatIsPutBackIsStillWhoseItWas(t *testing.T) {
	const ops, wide = "arn:aws:iam::123456789012:role/ops", "ingress tcp/22-23 from 0.0.0.0/0"
	for name, killed := range map[string]bool{"at once": false, "after a death": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", "revert", exceptOps))
			require.Equal(t, incident.Exempt, w.judge1(w.authorizeBy(ops, groupA, ssh)).Outcome)
			w.wait(time.Minute)
			body := w.modify(groupA, w.ec2.group(groupA)[0].ID, wide)
			if killed {
				w.killedBefore("ModifySecurityGroupRules", body)
			}
			require.Equal(t, incident.Reverted, w.judgeTimes(body, 2).Outcome)
			w.requireOpen(groupA, ssh)
			w.wait(10 * time.Minute)
			require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
			w.requireOpen(groupA, ssh)
		})
	}
}

// TestWhatIsPutBackWasToldOf: of an exemption that an undoing made, nobody is
// told because its rule was away for a while; not even the day after.
func TestWhatIsPutBackWasToldOf(t *testing.T) {
	const vendor = "ingress tcp/22 from 8.0.0.0/8"
	for name, killed := range map[string]bool{"at once": false, "after a death": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH+"---\napiVersion: sgwarden/v1\nkind: Settings\nexemptions:\n  - {id: EX-1, policy: ssh, group: "+groupA+
				", rules: ['"+vendor+"'], owner: net, reason: vendor, ticket: C-1, until: 2027-01-31}\n")
			require.Equal(t, incident.Exempt, w.judge1(w.authorize(groupA, vendor)).Outcome)
			id := w.ec2.group(groupA)[0].ID
			told := w.memory(groupA).Known.Rules[id]
			require.NotEmpty(t, told.IncidentID)
			w.wait(time.Minute)
			body := w.modify(groupA, id, ssh)
			if killed {
				w.killedAfter("ModifySecurityGroupRules", body)
				w.wait(2 * time.Minute)
			}
			require.Equal(t, incident.Reverted, w.judgeTimes(body, 2).Outcome)
			w.requireOpen(groupA, vendor)
			back := w.memory(groupA).Known.Rules[id]
			require.Equal(t, []string{told.IncidentID, "exempt", ""}, []string{back.IncidentID, back.Reported, back.BeforeTold})
		})
	}
}

// TestAViolationIsNeverPutBack: the value before the last one was due itself,
// and only the guard's death let it stand until it was changed.
func TestAViolationIsNeverPutBack(t *testing.T) {
	w := newWorld(t, policyText("ssh", "revert", ""))
	w.noActs() // so the old value would not be refused: no record names it any more
	w.killedBefore("RevokeSecurityGroupIngress", w.authorize(groupA, ssh))
	w.judge1(w.modify(groupA, w.ec2.group(groupA)[0].ID, "ingress tcp/22-25 from 0.0.0.0/0"))
	w.requireOpen(groupA)
}

// TestARecordOfTheValueThatWasPutBack is no news: what it made stands.
func TestARecordOfTheValueThatWasPutBack(t *testing.T) {
	const web = "ingress tcp/443 from 0.0.0.0/0"
	w := newWorld(t, revertSSH)
	made := w.authorize(groupA, web)
	require.Equal(t, incident.Compliant, w.judge1(made).Outcome)
	w.wait(time.Second)
	body := w.modify(groupA, w.ec2.group(groupA)[0].ID, ssh)
	w.killedAfter("ModifySecurityGroupRules", body)
	w.requireOpen(groupA, web)
	w.wait(2 * time.Minute)
	d := w.judgeTimes(made, 2)
	require.Equal(t, RuleDecision{ID: d.Rules[0].ID, Rule: d.Rules[0].Rule, Outcome: incident.Compliant}, d.Rules[0])
	require.Equal(t, web, d.Rules[0].Rule.String())
	require.Len(t, d.Rules, 2)
	require.Equal(t, incident.Reverted, d.Rules[1].Outcome, "what was found done is told beside it")
	require.Equal(t, ssh, d.Rules[1].Rule.String())
	require.Equal(t, incident.AlreadyCompliant, w.judgeTimes(body, 2).Outcome)
}

// TestATagRevertsNothing: a rule that somebody else made harmless while it was
// tagged was not reverted by anybody.
func TestATagRevertsNothing(t *testing.T) {
	w := newWorld(t, policyText("ssh", "tag", ""))
	body := w.authorize(groupA, ssh)
	id := w.ec2.group(groupA)[0].ID
	w.ec2.on = func(call string) error {
		if call == "CreateTags" {
			w.modify(groupA, id, "ingress tcp/443 from 0.0.0.0/0")
		}
		return nil
	}
	d := w.judge1(body)
	require.NotEqual(t, incident.Reverted, d.Outcome)
	require.Equal(t, incident.AlreadyCompliant, d.Outcome, d.Reason)
	require.NotContains(t, w.sent(), "acted reverted")
}

// TestANarrowerViolationIsNoNews: what was told of the wider one still holds.
func TestANarrowerViolationIsNoNews(t *testing.T) {
	for remedy, mode := range map[string]string{"tag": "", "alert": "", "revert": "mode: observe"} {
		t.Run(remedy, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", remedy, mode))
			w.judge1(w.authorize(groupA, "ingress tcp/20-25 from 0.0.0.0/0"))
			told := w.sent()
			require.Len(t, told, 1)
			w.wait(time.Minute)
			id := w.ec2.group(groupA)[0].ID
			w.judge1(w.modify(groupA, id, ssh))
			w.judge1(judgeGroup(groupA, "sweep", ""))
			require.Equal(t, told, w.sent(), "a narrowing starts nothing")
			w.judge1(w.modify(groupA, id, "ingress tcp/20-25 from 0.0.0.0/0"))
			require.Len(t, w.sent(), 2, "a growth does")
		})
	}
}

// TestAValueThatSomebodyMadeMeanwhileIsNotPutBack: what is there in place of
// the old value is not the old value, and not of whoever made that.
func TestAValueThatSomebodyMadeMeanwhileIsNotPutBack(t *testing.T) {
	const ops, web = "arn:aws:iam::123456789012:role/ops", "ingress tcp/443 from 0.0.0.0/0"
	w := newWorld(t, policyText("ssh", "revert", exceptOps))
	require.Equal(t, incident.Exempt, w.judge1(w.authorizeBy(ops, groupA, ssh)).Outcome)
	w.wait(time.Minute)
	id := w.ec2.group(groupA)[0].ID
	body := w.modify(groupA, id, "ingress tcp/22-23 from 0.0.0.0/0")
	w.ec2.after = func(name string) {
		if name == "ModifySecurityGroupRules" {
			w.modify(groupA, id, web)
		}
	}
	d := w.judge1(body)
	w.requireOpen(groupA, web)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Len(t, d.Incident.Rules, 1)
	require.False(t, d.Incident.Rules[0].Restored)
	require.Equal(t, web, d.Incident.Rules[0].After[0].String())
	require.NotEmpty(t, d.Incident.Fallback)
	require.Nil(t, w.memory(groupA).Known.Rules[id].By)
}

// TestAViolationThatWaitsForItsRecordIsNotPutBack: nothing was told of it, and
// it is none the better for that.
func TestAViolationThatWaitsForItsRecordIsNotPutBack(t *testing.T) {
	w := newWorld(t, policyText("ssh", "revert", exceptOps))
	id := w.ec2.add(groupA, parse(t, ssh)).ID
	w.judge1(judgeGroup(groupA, "sweep", ""))
	w.requireOpen(groupA, ssh)
	for range 3 {
		w.wait(time.Minute + 30*time.Second)
		w.judge1(w.modify(groupA, id, "ingress tcp/22-23 from 0.0.0.0/0"))
	}
	w.requireOpen(groupA)
}

// TestWhatIsPutBackStillStands, though the value that was taken back was exempt
// from the policy before whose act the other one stood.
func TestWhatIsPutBackStillStands(t *testing.T) {
	const stood, wide = "ingress tcp/22 from 9.0.0.0/8", "ingress tcp/22-25 from 8.0.0.0/8"
	w := newWorld(t, revertSSH+strings.ReplaceAll(policyText("smtp", "revert", ""), "[22]", "[25]")+"---\napiVersion: sgwarden/v1\nkind: Settings\nexemptions:\n  - {id: EX-1, policy: ssh, group: "+groupA+
		", rules: ['"+wide+"'], owner: net, reason: vendor, ticket: C-1, until: 2027-01-31}\n")
	w.noActs()
	id := w.ec2.add(groupA, parse(t, stood)).ID
	w.judge1(judgeGroup(groupA, "sweep", ""))
	w.wait(time.Minute)
	body := w.modify(groupA, id, wide)
	w.killedAfter("ModifySecurityGroupRules", body)
	w.wait(2 * time.Minute)
	w.judgeTimes(body, 2)
	w.requireOpen(groupA, stood)
	w.wait(time.Hour)
	w.judge1(judgeGroup(groupA, "sweep", ""))
	w.requireOpen(groupA, stood)
}

// TestWhatWasExemptIsPutBackAsSuch: no look is between the put-back and the end of
// the exemption, and the policy has no act yet: the value does not stand by that.
func TestWhatWasExemptIsPutBackAsSuch(t *testing.T) {
	const agreed = "ingress tcp/22 from 8.0.0.0/8"
	for name, restore := range map[string]func(w *world, body []byte){
		"at once": func(w *world, body []byte) { w.judge1(body) },
		"by a judging that was interrupted": func(w *world, body []byte) {
			w.killedAfter("ModifySecurityGroupRules", body)
			w.wait(2 * time.Minute)
			w.judgeTimes(body, 2)
		},
		"after two growths": func(w *world, body []byte) {
			w.ec2.on = always("ModifySecurityGroupRules", incident.ErrThrottled)
			w.judge1(body)
			w.ec2.on = nil
			w.wait(time.Minute)
			w.judge1(w.modify(groupA, w.ec2.group(groupA)[0].ID, "ingress tcp/20-25 from 0.0.0.0/0"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			w.noActs()
			exemption := policy.Exemption{ID: "EX-1", Policy: "ssh", Group: groupA, Rules: []secgroup.Rule{parse(t, agreed)}, Owner: "net", Reason: "vendor", Until: noon.Add(time.Hour)}
			require.NoError(t, w.store.Operator().PutExemption(context.Background(), exemption, noon))
			require.Equal(t, incident.Exempt, w.judge1(w.authorize(groupA, agreed)).Outcome)
			w.wait(time.Minute)
			restore(w, w.modify(groupA, w.ec2.group(groupA)[0].ID, "ingress tcp/22 from 0.0.0.0/0"))
			w.requireOpen(groupA, agreed)
			w.wait(time.Hour)
			w.judge1(judgeGroup(groupA, "sweep", ""))
			w.requireOpen(groupA)
		})
	}
}

// TestAMarkIsOfWhatItWasSetFor: a marked rule grows twice before anybody may take
// it back. The first growth is neither marked by that, nor put back.
func TestAMarkIsOfWhatItWasSetFor(t *testing.T) {
	const stood = "ingress tcp/22 from 9.0.0.0/8"
	for name, keep := range map[string]func(w *world) (release func()){
		"paused": func(w *world) func() { w.pause(""); return func() { w.resume("") } },
		"denied": func(w *world) func() {
			w.ec2.on = always("ModifySecurityGroupRules", incident.ErrThrottled)
			return func() { w.ec2.on = nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			r := w.ec2.add(groupA, parse(t, stood))
			w.mark(groupA, r, "ssh")
			release := keep(w)
			for _, to := range []string{"ingress tcp/22 from 8.0.0.0/6", "ingress tcp/22 from 0.0.0.0/1", "ingress tcp/22 from 0.0.0.0/0"} {
				w.judge1(w.modify(groupA, r.ID, to))
				w.wait(time.Minute)
			}
			w.requireOpen(groupA, "ingress tcp/22 from 0.0.0.0/0")
			release()
			w.judge1(judgeGroup(groupA, "sweep", ""))
			w.requireOpen(groupA, stood)
			w.judge1(judgeGroup(groupA, "sweep", ""))
			w.requireOpen(groupA, stood)
			require.Empty(t, w.memory(groupA).Open)
		})
	}
}
