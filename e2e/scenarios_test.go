//go:build e2e

package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scenarios by name; `make e2e SCENARIO='name name'` runs some.
var scenarios = []scenario{
	{"ssh-anywhere", sshAnywhere},
	{"ipv6", ipv6},
	{"narrow", narrow},
	{"narrow-in-place", narrowInPlace},
	{"fine", fine},
	{"observe", observe},
	{"modify", modify},
	{"attacker-beside-an-exempt-admin", besideAnExemptAdmin},
	{"egress", egress},
	{"batch", batch},
	{"duplicate", duplicate},
	{"parallel", parallel},
	{"own-call", ownCall},
	{"bare-event", bareEvent},
	{"judge-group", judgeGroup},
	{"foreign", foreign},
	{"swallowed", swallowed},
	{"denied", denied},
	{"throttled", throttled},
	{"answer-lost", answerLost},
	{"ledger-down", ledgerDown},
	{"alert-denied", alertDenied},
	{"killed", killed},
	{"undo", undoneByOperator},
	{"pause-hard", pausedHard},
	{"redrive", redriven},
	{"contested", contested},
	{"bad-bundle", badBundle},
	{"settings", badSettings},
	{"deployed", deployed},
	{"hub", hub},
	{"ledger-suite", ledgerSuite},
	{"conformance", conformanceOnMoto},
}

type scenario struct {
	name string
	run  func(t *testing.T)
}

func TestScenarios(t *testing.T) {
	wanted := strings.Fields(os.Getenv("SCENARIO"))
	for _, name := range wanted {
		require.True(t, slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == name }), "there is no scenario %q", name)
	}
	for _, s := range scenarios {
		if len(wanted) == 0 || slices.Contains(wanted, s.name) {
			t.Run(s.name, s.run)
		}
	}
}

var (
	everyone   = "0.0.0.0/0"
	ssh        = permission{protocol: "tcp", from: 22, to: 22, v4: []string{everyone}}
	sshText    = "ingress tcp/22-22 from 0.0.0.0/0"
	onlyEgress = []string{"egress -1 to 0.0.0.0/0"} // what EC2 gives to every new group
)

// reverted asserts the calls of one violation that was taken back: the
// figures of the contract.
func requireRevertCalls(t *testing.T, calls []call, revoke string) {
	t.Helper()
	at := slices.IndexFunc(calls, func(c call) bool { return c.operation == revoke })
	require.GreaterOrEqual(t, at, 0, "no %s in %v", revoke, calls)
	require.LessOrEqual(t, count(calls[:at], "ec2", "Describe"), 2, "reads before")
	require.Equal(t, 1, count(calls[at:], "ec2", "DescribeSecurityGroup"), "read-back")
	require.Equal(t, 1, count(calls[at:], "ec2", "DescribeNetworkInterfaces"), "where the group is, for the alert")
	require.Len(t, mutations(calls), 1)
	require.Equal(t, 1, count(calls, "dynamodb", "Query"))
	require.Equal(t, 1, count(calls, "dynamodb", "BatchGetItem"))
	require.Equal(t, 2, count(calls, "dynamodb", "TransactWriteItems"))
	require.Equal(t, 4, count(calls, "dynamodb", ""), "nothing else: %v", calls)
	require.Equal(t, 1, count(calls, "sns", "Publish"))
	require.Zero(t, count(calls, "sqs", ""))
	open := slices.IndexFunc(calls, func(c call) bool { return c.operation == "TransactWriteItems" })
	require.Less(t, open, at, "the incident is written before the first mutation")
}

func sshAnywhere(t *testing.T) {
	w := enter(t, nil)
	record, added := w.authorize("ingress", ssh)
	w.put(record)
	d := w.deliver(5)
	require.Empty(t, d.failed, "%s", w.guard.Logs())
	calls := w.done(d)
	requireRevertCalls(t, calls, "RevokeSecurityGroupIngress")
	revoke := mutations(calls)[0]
	require.Equal(t, *added[0].SecurityGroupRuleId, revoke.form.Get("SecurityGroupRuleId.1"), "revoked by id")
	require.Equal(t, onlyEgress, w.texts())
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "acted", told[0].EventType)
	require.Equal(t, "reverted", told[0].Outcome)
	require.Equal(t, w.group, told[0].GroupID)
	require.Equal(t, record["eventID"], told[0].EventID)
	require.Equal(t, "arn:aws:iam::"+account+":user/alice", told[0].Actor.ARN)
	require.Len(t, w.incidents("shut#"), 1, "the incident is in the table, closed")
	require.Empty(t, w.incidents("open#"))
}

func ipv6(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", permission{protocol: "tcp", from: 20, to: 25, v6: []string{"::/0"}})
	w.put(record)
	d := w.deliver(5)
	require.Empty(t, d.failed)
	requireRevertCalls(t, w.done(d), "RevokeSecurityGroupIngress")
	require.Equal(t, onlyEgress, w.texts())
	require.Len(t, w.told(), 1)
}

const narrowPolicy = `apiVersion: sgwarden/v1
kind: Policy
metadata: {id: no-ssh, title: No SSH from the internet, severity: high}
forbid:
  - {direction: ingress, protocols: [tcp], ports: [22], peers: [internet]}
remedy: {do: narrow, parts: 2}
`

func narrow(t *testing.T) {
	w := enter(t, policies(t, narrowPolicy))
	record, added := w.authorize("ingress", permission{protocol: "tcp", from: 20, to: 25, v4: []string{everyone, "10.1.0.0/16"}})
	require.Len(t, added, 2)
	w.put(record)
	d := w.deliver(5)
	require.Empty(t, d.failed)
	calls := w.done(d)
	require.Len(t, mutations(calls), 2)
	require.Equal(t, 1, count(calls, "ec2", "AuthorizeSecurityGroupIngress"))
	require.Equal(t, 1, count(calls, "ec2", "ModifySecurityGroupRules"))
	require.Equal(t, []string{
		onlyEgress[0], "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/20-25 from 10.1.0.0/16", "ingress tcp/23-25 from 0.0.0.0/0",
	}, w.texts())
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "narrowed", told[0].Outcome)
}

const inPlacePolicy = `apiVersion: sgwarden/v1
kind: Policy
metadata: {id: inside-only, title: 8080 is for the inside, severity: medium}
forbid:
  - {direction: ingress, protocols: [tcp], ports: [8080], peers: [internet]}
remedy: {do: narrow, to: [10.0.0.0/8]}
`

func narrowInPlace(t *testing.T) {
	w := enter(t, policies(t, inPlacePolicy))
	record, added := w.authorize("ingress", permission{protocol: "tcp", from: 8080, to: 8080, v4: []string{everyone}})
	w.put(record)
	d := w.deliver(5)
	require.Empty(t, d.failed)
	calls := w.done(d)
	require.Len(t, mutations(calls), 1)
	require.Equal(t, 1, count(calls, "ec2", "ModifySecurityGroupRules"))
	require.Equal(t, []string{onlyEgress[0], "ingress tcp/8080-8080 from 10.0.0.0/8"}, w.texts())
	require.True(t, slices.ContainsFunc(w.rules(), func(r rule) bool { return *r.SecurityGroupRuleId == *added[0].SecurityGroupRuleId }), "the id stays")
	require.Len(t, w.told(), 1)
}

// fine: what no policy can be concerned by costs one write to the ledger and
// no call to EC2, from the first change of a group on, since the ledger heard
// of the group's birth. A group that it never heard of is looked at once: it
// might be a default group.
func fine(t *testing.T) {
	w := enter(t, nil)
	w.put(w.person.last(t, "CreateSecurityGroup"))
	w.fineCalls(0)
	for _, port := range []int{443, 8443} {
		record, _ := w.authorize("ingress", permission{protocol: "tcp", from: port, to: port, v4: []string{"10.0.0.0/8"}})
		w.put(record)
		w.fineCalls(0)
	}
	require.Equal(t, []string{onlyEgress[0], "ingress tcp/443-443 from 10.0.0.0/8", "ingress tcp/8443-8443 from 10.0.0.0/8"}, w.texts())

	unheard := enter(t, nil)
	for _, reads := range []int{2, 0} {
		port := 443 + reads
		record, _ := unheard.authorize("ingress", permission{protocol: "tcp", from: port, to: port, v4: []string{"10.0.0.0/8"}})
		unheard.put(record)
		unheard.fineCalls(reads)
	}
}

// fineCalls delivers a change and asserts that it cost so many reads of EC2,
// no mutation and no alert; without reads, one call in all.
func (w *world) fineCalls(reads int) {
	w.Helper()
	d := w.deliver(5)
	require.Empty(w, d.failed)
	calls := w.done(d)
	require.Empty(w, mutations(calls))
	require.Equal(w, reads, count(calls, "ec2", ""), "%v", calls)
	if reads == 0 {
		require.Equal(w, 1, count(calls, "dynamodb", "UpdateItem"))
		require.Len(w, calls, 1)
	}
	require.Empty(w, w.told())
}

func observe(t *testing.T) {
	w := enter(t, map[string]string{"SGWARDEN_MODE": "observe"})
	record, _ := w.authorize("ingress", ssh)
	w.put(record)
	d := w.deliver(5)
	require.Empty(t, d.failed)
	calls := w.done(d)
	require.Empty(t, mutations(calls), "observe changes nothing")
	require.Contains(t, w.texts(), sshText)
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "opened", told[0].EventType)
	require.Equal(t, "observed", told[0].Outcome)
	require.Equal(t, "observe", told[0].Mode)
	require.NotEmpty(t, append(w.incidents("shut#"), w.incidents("open#")...), "the incident is written as in enforce")

	w.put(record)
	d = w.deliver(5)
	require.Empty(t, d.failed)
	require.Empty(t, mutations(w.done(d)))
	require.Empty(t, w.told(), "seen again: nothing is said twice")
}

func modify(t *testing.T) {
	w := enter(t, nil)
	record, added := w.authorize("ingress", permission{protocol: "tcp", from: 22, to: 22, v4: []string{"10.1.0.0/16"}})
	w.put(record)
	require.Empty(t, w.deliver(5).failed)
	w.proxy.take()
	id := *added[0].SecurityGroupRuleId
	w.client("modify-security-group-rules", "--group-id", w.group, "--security-group-rules",
		"SecurityGroupRuleId="+id+",SecurityGroupRule={IpProtocol=tcp,FromPort=22,ToPort=22,CidrIpv4=0.0.0.0/0}")
	w.showRules("before")
	require.Contains(t, w.texts(), sshText)
	w.put(w.person.last(t, "ModifySecurityGroupRules"))
	d := w.deliver(5)
	require.Empty(t, d.failed)
	calls := w.done(d)
	require.Len(t, mutations(calls), 1)
	require.Equal(t, 1, count(calls, "ec2", "ModifySecurityGroupRules"), "the old value goes back in place")
	require.Equal(t, []string{onlyEgress[0], "ingress tcp/22-22 from 10.1.0.0/16"}, w.texts())
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "reverted", told[0].Outcome)
}

const egressPolicy = `apiVersion: sgwarden/v1
kind: Policy
metadata: {id: no-mail, title: No mail to the internet, severity: medium}
forbid:
  - {direction: egress, protocols: [tcp], ports: [25], peers: [internet]}
`

func egress(t *testing.T) {
	w := enter(t, policies(t, egressPolicy))
	record, added := w.authorize("egress", permission{protocol: "tcp", from: 25, to: 25, v4: []string{everyone}})
	w.put(record)
	d := w.deliver(5)
	require.Empty(t, d.failed)
	calls := w.done(d)
	requireRevertCalls(t, calls, "RevokeSecurityGroupEgress")
	require.Equal(t, *added[0].SecurityGroupRuleId, mutations(calls)[0].form.Get("SecurityGroupRuleId.1"))
	require.Equal(t, onlyEgress, w.texts(), "what the record does not name is left alone, though it opens the same")
	require.Len(t, w.told(), 1)
}
