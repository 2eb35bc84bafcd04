//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
)

// adminMayPolicy lets one role open what nobody else may.
const adminMayPolicy = `apiVersion: sgwarden/v1
kind: Policy
metadata: {id: no-ssh, title: No SSH from the internet, severity: high}
forbid:
  - {direction: ingress, protocols: [tcp], ports: [22], peers: [internet]}
except:
  - {actors: ["arn:aws:iam::*:role/network-admin"], reason: CHG-7}
`

const vendor, vendorText = "8.8.0.0/16", "ingress tcp/22-22 from 8.8.0.0/16"

// asAdmin lets the admin of that policy make a call by the aws client, and gives
// its record.
func (w *world) asAdmin(name string, args ...string) object {
	w.Helper()
	admin := newTrail(w.T, cloudtrail.Session(account, "/", "network-admin", "kim", "ASIAADMIN"))
	person := w.person
	w.person = admin
	defer func() { w.person = person }()
	w.client(args...)
	return admin.last(w.T, name)
}

// opening are the arguments by which somebody opens SSH to a block, in these
// words.
func (w *world) opening(block, description string) []string {
	text, err := json.Marshal([]object{{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": []object{{"CidrIp": block, "Description": description}}}})
	require.NoError(w, err)
	return []string{"authorize-security-group-ingress", "--group-id", w.group, "--ip-permissions", string(text)}
}

// widening are those by which somebody gives a rule another block, and the words
// that it has.
func (w *world) widening(id, block, description string) []string {
	text, err := json.Marshal([]object{{
		"SecurityGroupRuleId": id,
		"SecurityGroupRule":   object{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": block, "Description": description},
	}})
	require.NoError(w, err)
	return []string{"modify-security-group-rules", "--group-id", w.group, "--security-group-rules", string(text)}
}

// tellings counts messages by event type and outcome.
func tellings(told []incidentDocument) map[string]int {
	n := map[string]int{}
	for _, d := range told {
		n[d.EventType+" "+d.Outcome]++
	}
	return n
}

// besideAnExemptAdmin: an admin opens what an exception lets the admin open, and
// an attacker opens more in the same group at the same time. What is the admin's
// stays, and is told once a day; what is the attacker's goes, however it is
// dressed, and whichever record comes first.
func besideAnExemptAdmin(t *testing.T) {
	const reason = "vendor access, CHG-7"
	steps := []struct {
		name  string
		order func(admins, attackers object) []object
	}{
		{"the admin's record first", func(a, b object) []object { return []object{a, b} }},
		{"the attacker's record first", func(a, b object) []object { return []object{b, a} }},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			w := enter(t, policies(t, adminMayPolicy))
			admins := w.asAdmin("AuthorizeSecurityGroupIngress", w.opening(vendor, reason)...)
			w.client(w.opening(everyone, reason)...)
			attackers := w.person.last(w.T, "AuthorizeSecurityGroupIngress")
			w.showRules("before")
			for _, record := range s.order(admins, attackers) {
				w.put(record)
				d := w.deliver(1)
				w.done(d)
				require.Empty(w, d.failed)
			}
			require.Equal(w, []string{onlyEgress[0], vendorText}, w.texts())
			require.Equal(w, map[string]int{"opened exempt": 1, "acted reverted": 1}, tellings(w.told()))
		})
	}
	t.Run("both records in one batch, twice", func(t *testing.T) {
		w := enter(t, policies(t, adminMayPolicy))
		admins := w.asAdmin("AuthorizeSecurityGroupIngress", w.opening(vendor, reason)...)
		w.client(w.opening(everyone, reason)...)
		attackers := w.person.last(w.T, "AuthorizeSecurityGroupIngress")
		for range 2 {
			w.put(attackers, admins)
			d := w.deliver(10)
			w.done(d)
			require.Empty(w, d.failed)
		}
		require.Equal(w, []string{onlyEgress[0], vendorText}, w.texts())
		told := w.told()
		require.Equal(w, map[string]int{"opened exempt": 1, "acted reverted": 1}, tellings(told))
		for _, d := range told {
			who := map[string]string{"exempt": "arn:aws:iam::" + account + ":role/network-admin", "reverted": "arn:aws:iam::" + account + ":user/alice"}[d.Outcome]
			require.Equal(w, who, d.Actor.ARN)
		}
	})
	t.Run("one call of the attacker, of both families", func(t *testing.T) {
		w := enter(t, policies(t, adminMayPolicy))
		w.put(w.asAdmin("AuthorizeSecurityGroupIngress", w.opening(vendor, reason)...))
		require.Empty(w, w.deliver(1).failed)
		record, added := w.authorize("ingress", permission{protocol: "tcp", from: 22, to: 22, v4: []string{everyone}, v6: []string{"::/0"}})
		require.Len(w, added, 2)
		w.put(record)
		d := w.deliver(1)
		w.done(d)
		require.Empty(w, d.failed)
		require.Equal(w, []string{onlyEgress[0], vendorText}, w.texts())
		require.Equal(w, map[string]int{"opened exempt": 1, "acted reverted": 1}, tellings(w.told()))
	})
	t.Run("the attacker widens the admin's rule", func(t *testing.T) {
		w := enter(t, policies(t, adminMayPolicy))
		w.put(w.asAdmin("AuthorizeSecurityGroupIngress", w.opening(vendor, reason)...))
		require.Empty(w, w.deliver(1).failed)
		at := slices.IndexFunc(w.rules(), func(r rule) bool { return r.CidrIpv4 != nil && *r.CidrIpv4 == vendor })
		require.GreaterOrEqual(w, at, 0)
		id := *w.rules()[at].SecurityGroupRuleId
		time.Sleep(time.Second) // records tell seconds
		w.client(w.widening(id, everyone, reason)...)
		require.Contains(w, w.texts(), sshText)
		w.put(w.person.last(w.T, "ModifySecurityGroupRules"))
		d := w.deliver(1)
		w.done(d)
		require.Empty(w, d.failed)
		require.Equal(w, []string{onlyEgress[0], vendorText}, w.texts(), "it is the admin's again")
		w.put(w.person.last(w.T, "ModifySecurityGroupRules"))
		require.Empty(w, w.deliver(1).failed)
		require.Equal(w, map[string]int{"opened exempt": 1, "acted reverted": 1}, tellings(w.told()))
	})
}
