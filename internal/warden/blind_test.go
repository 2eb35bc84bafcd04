package warden

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// down makes every call to the ledger fail.
func (w *world) down() {
	w.ledger.on = func(string) error { return incident.ErrUnavailable }
}

func (w *world) up() { w.ledger.on = nil }

func TestFault42LedgerDown(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.add(groupA, parse(t, "ingress tcp/22 from ::/0")) // no record names it
	body := w.authorize(groupA, ssh)
	w.down()
	d := w.judge1(body)
	require.True(t, d.Retry)
	require.Equal(t, reasonLedgerDown, d.Reason)
	require.Equal(t, incident.Reverted, d.Rules[0].Outcome)
	w.requireOpen(groupA, "ingress tcp/22 from ::/0")
	require.Equal(t, []string{"acted reverted"}, w.sent())
	alert := w.publisher.messages()[0]
	require.Equal(t, incident.EventID(groupA, "sgr-00000000000000002", "event-0001"), alert.ID)
	require.Equal(t, ssh, alert.Rules[0].Before.String())
	require.Contains(t, fmt.Sprint(alert.Notes), "could not be read")
	require.Equal(t, reasonLedgerDown, alert.Reason)

	d = w.judgeTimes(body, 2)
	require.True(t, d.Retry, "as long as it is down")
	require.Len(t, w.sent(), 1)

	w.up()
	d = w.judgeTimes(body, 3)
	require.False(t, d.Retry)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Equal(t, reasonLedgerDown, d.Reason)
	require.Equal(t, alert.ID, d.IncidentID)
	require.Empty(t, w.texts(groupA), "all is judged again when it is back")
	closed := w.closed(groupA)
	require.Len(t, closed, 2)
	byID := map[string]incident.Incident{closed[0].ID: closed[0], closed[1].ID: closed[1]}
	require.Equal(t, reasonLedgerDown, byID[alert.ID].Reason)
	require.Equal(t, incident.Reverted, byID[alert.ID].Outcome)
	require.Len(t, w.sent(), 2, "one for each incident")
	require.NotEmpty(t, w.memory(groupA).Recent, "the journal knows our call")

	require.Equal(t, incident.AlreadyCompliant, w.judgeTimes(body, 4).Outcome)
	require.Len(t, w.closed(groupA), 2)
}

func TestLedgerDownTouchesNothingElse(t *testing.T) {
	for name, tt := range map[string]struct {
		policy string
		option option
		body   func(*world) []byte
	}{
		"severity medium": {policy: strings.Replace(revertSSH, "severity: high", "severity: medium", 1)},
		"hold":            {policy: revertSSH, option: func(c *Config) { c.LedgerDown = policy.HoldBack }},
		"observe":         {policy: revertSSH, option: observing},
		"named by nobody": {policy: revertSSH, body: func(w *world) []byte { return judgeGroup(groupA, "sweep", "") }},
		"another value":   {policy: revertSSH, body: func(w *world) []byte { return w.modifyRecord(groupA, "ingress tcp/22 from 10.0.0.0/8") }},
		"alert only":      {policy: policyText("ssh", "alert", "")},
		"waits":           {policy: policyText("ssh", "{do: revert, after: 10m}", "")},
	} {
		t.Run(name, func(t *testing.T) {
			options := []option{}
			if tt.option != nil {
				options = append(options, tt.option)
			}
			w := newWorld(t, tt.policy, options...)
			body := w.authorize(groupA, ssh)
			if tt.body != nil {
				body = tt.body(w)
			}
			w.down()
			d := w.judge1(body)
			require.Equal(t, incident.Unresolved, d.Outcome)
			require.True(t, d.Retry)
			require.Zero(t, w.ec2.count("Mutations"))
			w.requireOpen(groupA, ssh)
		})
	}
}

// modifyRecord is the record of a Modify that is not what is live.
func (w *world) modifyRecord(group, text string) []byte {
	r := parse(w.t, text)
	r.ID = w.ec2.group(group)[0].ID
	return w.record(call{name: "ModifySecurityGroupRules", group: group, rules: append(w.ec2.group(group)[:0:0], r)})
}

func TestLedgerDownHonoursFileExemptions(t *testing.T) {
	settings := `---
apiVersion: sgwarden/v1
kind: Settings
exemptions:
  - {id: EX-1, policy: ssh, group: ` + groupA + `, rules: ["ingress tcp/22 from 0.0.0.0/0"], owner: net, reason: vendor, ticket: C-1, until: 2027-01-31}
`
	w := newWorld(t, revertSSH+settings)
	body := w.authorize(groupA, ssh)
	w.down()
	require.True(t, w.judge1(body).Retry)
	w.requireOpen(groupA, ssh)
}

func TestLedgerDownIsBounded(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.down()
	var bodies [][]byte
	for i := range 20 {
		bodies = append(bodies, w.authorize(groupA, fmt.Sprintf("ingress tcp/%d-22 from 0.0.0.0/0", i)))
	}
	bodies = append(bodies, w.authorize(groupA, "ingress tcp/22 from ::/0"), w.authorize(groupA, "ingress tcp/21-22 from ::/0"))
	for _, b := range bodies {
		w.judge1(b)
	}
	require.Len(t, w.texts(groupA), 2, "at most twenty")
	w.up()
	w.wait(time.Second)
	for _, b := range bodies {
		w.judgeTimes(b, 2)
	}
	require.Empty(t, w.texts(groupA))
}

// All or nothing would let a hole hide among many others.
func TestLedgerDownTakesWhatItMayOfOneCall(t *testing.T) {
	w := newWorld(t, revertSSH)
	var texts []string
	for i := range 23 {
		texts = append(texts, fmt.Sprintf("ingress tcp/%d-22 from 0.0.0.0/0", i))
	}
	body := w.authorize(groupA, texts...)
	w.down()
	require.True(t, w.judge1(body).Retry)
	require.Len(t, w.texts(groupA), 3)
	require.True(t, w.judgeTimes(body, 2).Retry)
	require.Len(t, w.texts(groupA), 3)
	w.up()
	require.False(t, w.judgeTimes(body, 3).Retry)
	require.Empty(t, w.texts(groupA))
}

func TestLedgerDownAtOpenAndAfterTheMutation(t *testing.T) {
	for _, call := range []string{"Observe", "Open", "Close", "Note"} {
		t.Run(call, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			body := w.authorize(groupA, ssh)
			if call == "Note" {
				body = w.authorize(groupB, https)
			}
			w.ledger.on = always(call, incident.ErrUnavailable)
			require.True(t, w.judge1(body).Retry)
			w.up()
			w.wait(2 * time.Minute)
			require.False(t, w.judgeTimes(body, 2).Retry)
			acted := strings.Count(strings.Join(w.sent(), " "), "acted reverted")
			switch call {
			case "Note":
				require.Zero(t, acted)
				require.Zero(t, w.ec2.count("Mutations"))
			case "Close":
				require.Equal(t, 2, acted, "the one double, with one id")
				require.Equal(t, w.publisher.messages()[0].ID, w.publisher.messages()[1].ID)
			default:
				require.Equal(t, 1, acted)
			}
		})
	}
}

func TestLedgerDownAlertThatCannotBeSentIsSentLater(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.down()
	w.publisher.on = func(incident.Incident) error { return incident.ErrThrottled }
	w.judge1(body)
	require.Empty(t, w.texts(groupA))
	require.Empty(t, w.sent())
	w.publisher.on = nil
	w.up()
	require.Equal(t, incident.Reverted, w.judgeTimes(body, 2).Outcome)
	require.Equal(t, []string{"acted reverted"}, w.sent())
}

func TestEventsAreSaidWithoutTheLedger(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.down()
	d := w.judge1([]byte("{"))
	require.Equal(t, incident.Unresolved, d.Outcome)
	require.False(t, d.Retry)
	require.Equal(t, []string{"opened unresolved"}, w.sent())
}

func TestOtherProcessesFindTheRuleGone(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.down()
	w.judge1(body)
	w.up()
	w.restart()
	w.wait(2 * time.Minute)
	d := w.judgeTimes(body, 2)
	require.Equal(t, incident.AlreadyCompliant, d.Outcome, "it cannot know whose call it was, and claims nothing")
	require.False(t, d.Retry)
}

// TestBlindCallsNothingCompliantThatIsDue: what the ledger's absence lets stand
// is not settled.
func TestBlindCallsNothingCompliantThatIsDue(t *testing.T) {
	low := strings.Replace(strings.Replace(policyText("web", "revert", ""), "[22]", "[80]", 1), "severity: high", "severity: medium", 1)
	w := newWorld(t, revertSSH+low)
	w.down()
	d := w.judge1(w.authorize(groupA, ssh, "ingress tcp/80 from 0.0.0.0/0", https))
	require.True(t, d.Retry)
	outcomes := map[string]incident.Outcome{}
	for _, r := range d.Rules {
		outcomes[r.Rule.String()] = r.Outcome
	}
	require.Equal(t, map[string]incident.Outcome{
		ssh: incident.Reverted, "ingress tcp/80 from 0.0.0.0/0": incident.Unresolved, https: incident.Compliant,
	}, outcomes)
}

// TestWhatAnOperatorAgreedToIsKeptToWhereOnlyWritesFail: an exemption of the ledger
// can be read, though the first write of the judging fails.
func TestWhatAnOperatorAgreedToIsKeptToWhereOnlyWritesFail(t *testing.T) {
	for name, c := range map[string]struct {
		fails []string
		open  []string
	}{
		"writes alone":     {[]string{"Note", "Open", "Close"}, []string{ssh}},
		"reads as well":    {[]string{"Note", "Open", "Close", "Observe"}, nil},
		"nothing is noted": {[]string{"Note"}, []string{ssh}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", "revert", "scope: {groups: {tags: {tier: [web]}}}")+
				"---\napiVersion: sgwarden/v1\nkind: Settings\ntrusted: {tags: [tier]}\n") // it asks for the item
			exemption := policy.Exemption{ID: "EX-1", Policy: "ssh", Group: groupA, Rules: []secgroup.Rule{parse(t, ssh)}, Owner: "net", Reason: "vendor", Until: noon.Add(time.Hour)}
			require.NoError(t, w.store.Operator().PutExemption(context.Background(), exemption, noon))
			body := w.authorize(groupA, ssh)
			w.ledger.on = func(call string) error {
				if slices.Contains(c.fails, call) {
					return incident.ErrUnavailable
				}
				return nil
			}
			w.judge1(body)
			w.requireOpen(groupA, c.open...)
		})
	}
}
