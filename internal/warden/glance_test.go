package warden

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// largeWorld has a group of 120 compliant rules, and one that opens ssh.
func largeWorld(t *testing.T, remedy string) (w *world, body []byte, opened string) {
	w = newWorld(t, policyText("ssh", remedy, ""))
	for i := range 120 {
		w.ec2.add(groupA, parse(t, fmt.Sprintf("ingress tcp/443 from 10.0.0.%d/32", i)))
	}
	body = w.authorize(groupA, ssh)
	rules := w.ec2.group(groupA)
	return w, body, rules[len(rules)-1].ID
}

const witness = "sgr-00000000000000001"

func TestLargeGroupIsReadBackByWhatWasTouched(t *testing.T) {
	for remedy, outcome := range map[string]incident.Outcome{"revert": incident.Reverted, "{do: narrow, to: [10.0.0.0/8]}": incident.Narrowed, "tag": incident.Tagged} {
		t.Run(remedy, func(t *testing.T) {
			w, body, opened := largeWorld(t, remedy)
			require.Equal(t, outcome, w.judge1(body).Outcome)
			require.Equal(t, [][]string{{opened, witness}}, w.ec2.asked)
			require.Len(t, w.memory(groupA).Known.Rules, len(w.ec2.group(groupA)))
		})
	}
}

func TestStoryOfALargeGroupHoldsAllOfIt(t *testing.T) {
	w, body, _ := largeWorld(t, "{do: narrow, to: [10.0.0.0/8]}")
	d := w.judge1(body)
	require.Len(t, d.Story.After, 121)
	require.Equal(t, "ingress tcp/22 from 10.0.0.0/8", d.Story.After[120].String())
}

// TestALargeGroupIsReadWholeWhereSomethingIsOdd: each of these reads the
// touched rules in vain, or not at all, and then all.
func TestALargeGroupIsReadWholeWhereSomethingIsOdd(t *testing.T) {
	lost := errors.New("no answer")
	for _, c := range []struct {
		name    string
		remedy  string
		prepare func(w *world, opened string)
		outcome incident.Outcome
		first   bool // the touched rules are asked for
	}{
		{"nothing was done", "revert", func(w *world, _ string) { w.ec2.swallow = true }, incident.NotReverted, true},
		{"the answer was lost", "revert", func(w *world, _ string) { w.ec2.silent = lost }, incident.Reverted, false},
		{"a rule was made", "{do: narrow, to: [10.0.0.0/8, 10.1.0.0/16, 192.168.0.0/16], parts: 2}", func(*world, string) {}, incident.Narrowed, false},
		{"an empty answer", "revert", func(w *world, _ string) {
			w.ec2.after = func(name string) {
				if name == "RevokeSecurityGroupIngress" {
					w.ec2.hide(witness, w.clock().AddDate(1, 0, 0))
				}
			}
		}, incident.Reverted, true},
		{"the witness is another", "revert", func(w *world, _ string) {
			w.ec2.after = func(name string) {
				if name == "RevokeSecurityGroupIngress" {
					w.ec2.put(groupA, withID(parse(t, "ingress tcp/444 from 10.0.0.0/8"), witness))
				}
			}
		}, incident.Reverted, true},
		{"the first read fails", "revert", func(w *world, _ string) {
			w.ec2.on = func(name string) error {
				if name == "Rules" && len(w.ec2.asked) == 1 {
					return incident.ErrUnavailable
				}
				return nil
			}
		}, incident.Reverted, true},
		{"it comes back with another value", "revert", func(w *world, opened string) {
			w.ec2.after = func(name string) {
				if name == "RevokeSecurityGroupIngress" && w.ec2.count(name) == 1 {
					w.ec2.put(groupA, withID(parse(t, "ingress tcp/22 from 8.8.8.8/32"), opened))
				}
			}
		}, incident.Reverted, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, body, opened := largeWorld(t, c.remedy)
			c.prepare(w, opened)
			require.Equal(t, c.outcome, w.judge1(body).Outcome)
			if c.first {
				require.Equal(t, []string{opened, witness}, w.ec2.asked[0])
				w.ec2.asked = w.ec2.asked[1:]
			}
			require.NotEmpty(t, w.ec2.asked)
			for _, ids := range w.ec2.asked {
				require.Nil(t, ids)
			}
		})
	}
}

func TestManyRulesAreReadBackWhole(t *testing.T) {
	w := newWorld(t, policyText("ssh", "revert", ""))
	w.ec2.add(groupA, parse(t, "ingress tcp/443 from 10.0.0.0/32"))
	var opened []secgroup.Rule
	for i := range glanceMost {
		opened = append(opened, w.ec2.add(groupA, parse(t, fmt.Sprintf("ingress tcp/22-%d from 0.0.0.0/0", 22+i))))
	}
	d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, at: noon, rules: opened}))
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Equal(t, [][]string{nil}, w.ec2.asked)
}
