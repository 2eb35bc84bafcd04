package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	admin = "arn:aws:iam::123456789012:role/network-admin"
	dev   = "arn:aws:iam::123456789012:role/dev"
)

var ssh = forbid(box("ingress tcp/22 internet"))

// judgeSSH judges one violating rule.
func judgeSSH(t *testing.T, s *Set, edit func(in *Input, r secgroup.Rule)) RuleVerdict {
	t.Helper()
	in := swept(s, group(t, "sgr-a ingress tcp/22 from 0.0.0.0/0"))
	if edit != nil {
		edit(&in, in.Live.Rules[0])
	}
	return s.Evaluate(in).Rules[0]
}

func remembered(in *Input, r secgroup.Rule, edit func(*KnownRule)) {
	k := KnownRule{Rule: r, Since: now.Add(-time.Hour), Order: 1}
	edit(&k)
	in.Known.Exists = true
	if in.Known.Rules == nil {
		in.Known.Rules = map[string]KnownRule{}
	}
	in.Known.Rules[r.ID] = k
}

func TestStatesByModeAndRemedy(t *testing.T) {
	for _, tc := range []struct {
		name     string
		options  []option
		want     State
		decision Decision
	}{
		{"revert", nil, Acting, Revert},
		{"narrow", []option{narrow(1, "10.0.0.0/8")}, Acting, Narrow},
		{"tag", []option{remedy(DoTag)}, Tagging, Tag},
		{"alert", []option{remedy(DoAlert)}, Alerting, Keep},
		{"observe", []option{mode(Observe)}, Observing, Keep},
		{"tag in observe", []option{mode(Observe), remedy(DoTag)}, Observing, Keep},
		{"after, in observe", []option{mode(Observe), after(time.Minute)}, Observing, Keep},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := judgeSSH(t, enforcing(t, document("p", append(tc.options, ssh)...)), nil)
			require.Equal(t, tc.want, v.Findings[0].State, v.Findings[0].Why)
			require.Equal(t, tc.decision, v.Decision)
			require.True(t, v.Due)
			require.NotEmpty(t, v.Findings[0].Why)
			require.Equal(t, "p.yaml", v.Findings[0].File)
			require.Equal(t, 7, v.Findings[0].Line)
		})
	}
}

// TestAnExemptRuleDoesNotStand: it was let be until a day, so it is due after that
// whether or not the act is done; growth that nobody names is another value. What
// a stale ledger says of exemptions may be old.
func TestAnExemptRuleDoesNotStand(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	for name, tc := range map[string]struct {
		edit  func(*KnownRule)
		stale bool
		want  State
	}{
		"exempt from it":            {func(k *KnownRule) { k.ExemptFrom = []string{"p"} }, false, Acting},
		"exempt from another":       {func(k *KnownRule) { k.ExemptFrom = []string{"q"} }, false, BeforeAct},
		"as its old, smaller value": {func(k *KnownRule) { k.ExemptFrom, k.Rule.Ports = []string{"p"}, secgroup.Ports{From: 80, To: 80} }, false, BeforeAct},
		"by a stale ledger":         {func(k *KnownRule) { k.ExemptFrom = []string{"p"} }, true, BeforeAct},
	} {
		t.Run(name, func(t *testing.T) {
			v := judgeSSH(t, s, func(in *Input, r secgroup.Rule) {
				in.Changes, in.Facts.Acts, in.Facts.Stale = nil, nil, tc.stale
				remembered(in, r, tc.edit)
			})
			require.Equal(t, tc.want, v.Findings[0].State, v.Findings[0].Why)
		})
	}
}

func TestBeforeTheAct(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	for _, tc := range []struct {
		name string
		edit func(*Input, secgroup.Rule)
		want State
	}{
		{"nobody names it", func(in *Input, _ secgroup.Rule) {}, BeforeAct},
		{"the event at hand names it", func(in *Input, r secgroup.Rule) { in.Changes = []secgroup.Change{authorized(dev, now, r)} }, Acting},
		{"by value, where a record has no ids", func(in *Input, r secgroup.Rule) {
			r.ID = ""
			in.Changes = []secgroup.Change{authorized(dev, now, r)}
		}, Acting},
		{"another value under its id", func(in *Input, r secgroup.Rule) {
			r.Ports = secgroup.Ports{From: 80, To: 80}
			in.Changes = []secgroup.Change{authorized(dev, now, r)}
		}, BeforeAct},
		{"an id without a value", func(in *Input, r secgroup.Rule) {
			c := authorized(dev, now, r)
			c.Rules[0].HasValue = false
			in.Changes = []secgroup.Change{c}
		}, BeforeAct},
		{"of another group", func(in *Input, r secgroup.Rule) {
			c := authorized(dev, now, r)
			c.Rules[0].GroupID = "sg-0b"
			in.Changes = []secgroup.Change{c}
		}, BeforeAct},
		{"of a call that failed", func(in *Input, r secgroup.Rule) {
			c := authorized(dev, now, r)
			c.ErrorCode = "Client.DryRunOperation"
			in.Changes = []secgroup.Change{c}
		}, BeforeAct},
		{"a revoke names nothing", func(in *Input, r secgroup.Rule) {
			c := authorized(dev, now, r)
			c.Effect = secgroup.Narrows
			in.Changes = []secgroup.Change{c}
		}, BeforeAct},
		{"a Modify names it", func(in *Input, r secgroup.Rule) { in.Changes = []secgroup.Change{modified(dev, now, r)} }, Acting},
		{"a Modify that did not widen it", func(in *Input, r secgroup.Rule) {
			wide := r
			wide.Protocol, wide.Ports = secgroup.AllProtocols, secgroup.NoPorts
			remembered(in, r, func(k *KnownRule) { k.Rule = wide })
			in.Changes = []secgroup.Change{modified(dev, now, r)}
		}, BeforeAct},
		{"a Modify that widened it, seen again", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.Since = now })
			in.Changes = []secgroup.Change{modified(dev, now, r)}
		}, Acting},
		{"a Modify that widened what was known", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.Rule.Ports = secgroup.Ports{From: 80, To: 80} })
			in.Changes = []secgroup.Change{modified(dev, now, r)}
		}, Acting},
		{"a record names what it is left of", func(in *Input, r secgroup.Rule) {
			whole := r
			whole.Ports = secgroup.Ports{From: 20, To: 25}
			remembered(in, r, func(k *KnownRule) { k.LeftOf = &whole })
			in.Changes = []secgroup.Change{authorized(dev, now, whole)}
		}, Acting},
		{"a record names what it is left of under another id", func(in *Input, r secgroup.Rule) {
			whole := r
			whole.ID, whole.Ports = "sgr-whole", secgroup.Ports{From: 20, To: 25}
			remembered(in, r, func(k *KnownRule) { k.LeftOf = &whole })
			in.Changes = []secgroup.Change{authorized(dev, now, whole)}
		}, Acting},
		{"a record names what another value of it was left of", func(in *Input, r secgroup.Rule) {
			whole := r
			whole.Ports = secgroup.Ports{From: 20, To: 25}
			remembered(in, r, func(k *KnownRule) { k.LeftOf, k.Rule.Ports = &whole, secgroup.Ports{From: 20, To: 22} })
			in.Changes = []secgroup.Change{authorized(dev, now, whole)}
		}, BeforeAct},
		{"its incident is open", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.IncidentID = "i-1" })
			in.Known.OpenIncidents = []string{"i-1"}
		}, Acting},
		{"its incident is open under another policy", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.IncidentID, k.Under = "i-1", []string{"q"} })
			in.Known.OpenIncidents = []string{"i-1"}
		}, BeforeAct},
		{"its incident is closed", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.IncidentID = "i-1" })
			in.Known.OpenIncidents = []string{"i-2"}
		}, BeforeAct},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, stale := range []bool{false, true} {
				v := judgeSSH(t, s, func(in *Input, r secgroup.Rule) {
					tc.edit(in, r)
					if in.Facts.Stale = stale; !stale {
						in.Facts.Acts = nil
					}
				})
				require.Equal(t, tc.want, v.Findings[0].State, "stale %v: %s", stale, v.Findings[0].Why)
				require.Equal(t, tc.want == Acting, v.Due)
				require.Equal(t, tc.want == Acting, v.Decision == Revert)
			}
		})
	}
}

func TestGroupWithoutItemAfterTheActIsJudged(t *testing.T) {
	require.Equal(t, Acting, judgeSSH(t, enforcing(t, document("p", ssh)), nil).Findings[0].State)
}

func TestBaselineMarks(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	marked := func(value string) func(*Input, secgroup.Rule) {
		return func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.Rule, k.Baseline = ruleOf(t, "sgr-a "+value), []string{"p"} })
		}
	}
	for _, tc := range []struct {
		name   string
		live   string
		edit   func(*Input, secgroup.Rule)
		want   State
		excess []string
	}{
		{"the value stands", "tcp/22 from 0.0.0.0/0", marked("ingress tcp/22 from 0.0.0.0/0"), Baseline, nil},
		{"a narrower value stands", "tcp/22 from 8.0.0.0/8", marked("ingress tcp/22 from 0.0.0.0/0"), Baseline, nil},
		{"growth suspends: only the excess within it counts", "tcp/22 from 8.0.0.0/8", marked("ingress tcp/22 from 8.0.0.0/9"), Acting, []string{"ingress tcp/22 from 8.128.0.0/9"}},
		{"growth without excess", "tcp/22-23 from 8.0.0.0/8", marked("ingress tcp/22 from 8.0.0.0/8"), Baseline, nil},
		{"another value under the id", "tcp/22 from 9.0.0.0/8", marked("ingress tcp/22 from 8.0.0.0/8"), Acting, []string{"ingress tcp/22 from 9.0.0.0/8"}},
		{"a mark for another policy", "tcp/22 from 9.0.0.0/8", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.Baseline = []string{"q"} })
		}, Acting, []string{"ingress tcp/22 from 9.0.0.0/8"}},
		{"grown, and seen so before: marks belong to the value before", "tcp/22 from 8.0.0.0/8", func(in *Input, r secgroup.Rule) {
			before := ruleOf(t, "sgr-a ingress tcp/22 from 8.0.0.0/9")
			remembered(in, r, func(k *KnownRule) { k.Before, k.Baseline = &before, []string{"p"} })
		}, Acting, []string{"ingress tcp/22 from 8.128.0.0/9"}},
		{"back at the value", "tcp/22 from 8.0.0.0/9", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) {
				k.Rule, k.Before, k.Baseline = ruleOf(t, "sgr-a ingress tcp/22 from 8.0.0.0/8"), &r, []string{"p"}
			})
		}, Baseline, nil},
		{"a record from the time of the act names it", "tcp/22 from 8.0.0.0/8", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.Baseline = []string{"p"} })
			in.Facts.Acts = map[string]Act{"p": {Done: true, Start: now.Add(-time.Minute), At: now}}
			in.Changes = []secgroup.Change{authorized(dev, now.Add(-30*time.Second), r)}
		}, Acting, []string{"ingress tcp/22 from 8.0.0.0/8"}},
		{"a record from before the act names it", "tcp/22 from 8.0.0.0/8", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.Baseline = []string{"p"} })
			in.Facts.Acts = map[string]Act{"p": {Done: true, Start: now.Add(-time.Minute), At: now}}
			in.Changes = []secgroup.Change{authorized(dev, now.Add(-time.Hour), r)}
		}, Baseline, nil},
		{"stale: a newer record voids", "tcp/22 from 8.0.0.0/8", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.Baseline = []string{"p"} })
			in.Facts.Stale, in.Facts.Stamp = true, now.Add(-48*time.Hour)
			in.Changes = []secgroup.Change{authorized(dev, now.Add(-time.Hour), r)}
		}, Acting, []string{"ingress tcp/22 from 8.0.0.0/8"}},
		{"stale: an older record does not", "tcp/22 from 8.0.0.0/8", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.Baseline = []string{"p"} })
			in.Facts.Stale, in.Facts.Stamp = true, now.Add(-48*time.Hour)
			in.Changes = []secgroup.Change{authorized(dev, now.Add(-72*time.Hour), r)}
		}, Baseline, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := swept(s, group(t, "sgr-a ingress "+tc.live))
			tc.edit(&in, in.Live.Rules[0])
			v := s.Evaluate(in).Rules[0]
			require.Equal(t, tc.want, v.Findings[0].State, v.Findings[0].Why)
			require.Equal(t, tc.want != Baseline, v.Due)
			if tc.excess != nil {
				all := v.Findings[0].Excess.Rules(secgroup.Ingress, nil)
				require.Subset(t, tc.excess, ruleTexts(all))
			}
		})
	}
}

func TestBaselineOfAListThatGrew(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	for _, tc := range []struct {
		name, owner string
		entries     []string
		digest      string
		want        State
	}{
		{"as it was", ownAccount, []string{"8.8.8.0/29"}, "same", Baseline},
		{"own list grew", ownAccount, []string{"8.8.8.0/29", "9.9.9.0/24"}, "same", Alerting},
		{"another's list grew: alerted", "999999999999", []string{"8.8.8.0/29", "9.9.9.0/24"}, "same", Alerting},
		{"AWS's list grew: alerted", "AWS", []string{"8.8.8.0/29", "9.9.9.0/24"}, "same", Alerting},
		{"nobody could read it when it was marked: alerted", ownAccount, []string{"8.8.8.0/29"}, "", Alerting},
	} {
		t.Run(tc.name, func(t *testing.T) {
			list := secgroup.PrefixList{ID: "pl-c3", OwnerID: tc.owner, Name: "x", Readable: true}
			for _, e := range tc.entries {
				list.Entries = append(list.Entries, peerSpec(e).CIDRs...)
			}
			in := swept(s, withList(group(t, "sgr-a ingress tcp/22 from pl-c3"), list))
			remembered(&in, ruleOf(t, "sgr-a ingress tcp/22 from pl-c3"), func(k *KnownRule) {
				k.Baseline = []string{"p"}
				if tc.digest != "" {
					k.ListDigest = ListDigest(peerSpec("8.8.8.0/29").CIDRs)
				}
			})
			v := s.Evaluate(in).Rules[0]
			require.Equal(t, tc.want, v.Findings[0].State, v.Findings[0].Why)
			in.Facts.TakeGrowth = true
			if v = s.Evaluate(in).Rules[0]; v.Findings[0].Growth {
				require.Equal(t, Acting, v.Findings[0].State, "where the list itself is judged")
				require.Equal(t, Revert, v.Decision)
			}
		})
	}
}

func TestAfterAndSettling(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 internet")), after(10*time.Minute)), document("egress", forbid(box("egress all addresses"))))
	in := swept(s, group(t, "sgr-a ingress tcp/22 from 0.0.0.0/0", "sgr-b egress all to 0.0.0.0/0", "sgr-c egress tcp/443 to 0.0.0.0/0"))
	v := s.Evaluate(in)
	require.Equal(t, Waiting, v.Rules[0].Findings[0].State)
	require.Equal(t, now.Add(10*time.Minute), v.Rules[0].Findings[0].Until)
	require.Equal(t, Waiting, v.Rules[1].Findings[1].State)
	require.Equal(t, now.Add(30*time.Second), v.Rules[1].Findings[1].Until)
	require.Equal(t, Acting, v.Rules[2].Findings[1].State, "only the default egress settles")
	require.Equal(t, now.Add(30*time.Second), v.JudgeAgainAt)
	require.Equal(t, []Decision{Keep, Keep, Revert}, []Decision{v.Rules[0].Decision, v.Rules[1].Decision, v.Rules[2].Decision})

	remembered(&in, in.Live.Rules[0], func(k *KnownRule) { k.Since = now.Add(-10 * time.Minute) })
	remembered(&in, in.Live.Rules[1], func(k *KnownRule) { k.Since = now.Add(-20 * time.Second) })
	v = s.Evaluate(in)
	require.Equal(t, Acting, v.Rules[0].Findings[0].State, "after is over")
	require.Equal(t, now.Add(10*time.Second), v.Rules[1].Findings[1].Until)

	in.Changes = []secgroup.Change{{Effect: secgroup.Creates, EventTime: now.Add(-31 * time.Second)}}
	require.Equal(t, Acting, s.Evaluate(in).Rules[1].Findings[1].State, "the record tells when the group was made")
	in.Changes = []secgroup.Change{authorized(dev, now, in.Live.Rules[1])}
	in.Known = Known{}
	require.Equal(t, Acting, s.Evaluate(in).Rules[1].Findings[1].State, "what a record names never waits")
	in.Changes = nil
	remembered(&in, in.Live.Rules[1], func(k *KnownRule) {
		k.Since, k.By = now, &secgroup.Attribution{EventTime: now}
	})
	require.Equal(t, Acting, s.Evaluate(in).Rules[1].Findings[1].State, "nor does what one named before")
}

func TestServiceMadeRulesAreAlertedByShippedPolicies(t *testing.T) {
	user := secgroup.Actor{ARN: dev, Type: "AssumedRole"}
	stack := secgroup.Actor{ARN: dev, Type: "AssumedRole", InvokedBy: "cloudformation.amazonaws.com"}
	service := secgroup.Actor{Type: "AWSService", InvokedBy: "rds.amazonaws.com"}
	linked := secgroup.Actor{ARN: "arn:aws:iam::123456789012:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
		Type: "AssumedRole", InvokedBy: "elasticloadbalancing.amazonaws.com"}
	for _, tc := range []struct {
		name    string
		actor   secgroup.Actor
		shipped bool
		want    State
	}{
		{"a user", user, true, Acting},
		{"a user through CloudFormation", stack, true, Acting},
		{"a service", service, true, Alerting},
		{"a service-linked role", linked, true, Alerting},
		{"a service, own policy", service, false, Acting},
		{"a service-linked role, own policy", linked, false, Acting},
	} {
		t.Run(tc.name, func(t *testing.T) {
			doc := document("p", ssh)
			doc.Shipped = tc.shipped
			v := judgeSSH(t, enforcing(t, doc), func(in *Input, r secgroup.Rule) {
				c := authorized("", now, r)
				c.Actor = tc.actor
				in.Changes = []secgroup.Change{c}
			})
			require.Equal(t, tc.want, v.Findings[0].State, v.Findings[0].Why)
		})
	}
}

func TestHeldAndPaused(t *testing.T) {
	s := enforcing(t, document("p", ssh), document("q", ssh))
	v := judgeSSH(t, s, func(in *Input, _ secgroup.Rule) {
		in.Facts.Held = map[string]string{s.Policies[0].Digest(): "11 groups in an hour"}
	})
	require.Equal(t, Held, v.Findings[0].State, "both policies mean the same")
	require.Equal(t, Held, v.Findings[1].State)
	require.Equal(t, Keep, v.Decision)
	require.True(t, v.Due)
	v = judgeSSH(t, s, func(in *Input, _ secgroup.Rule) { in.Facts.Paused = "migration" })
	require.Equal(t, Held, v.Findings[0].State)
	require.Contains(t, v.Findings[0].Why, "migration")
}

func TestWhatIsInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		known KnownRule
		want  bool
	}{
		"nothing against it":         {KnownRule{}, true},
		"an incident":                {KnownRule{IncidentID: "inc-1", Under: []string{"p"}}, false},
		"an incident of old":         {KnownRule{IncidentID: "inc-1"}, false},
		"due, and nobody was told":   {KnownRule{Under: []string{"p"}}, false},
		"exempt, as an incident has": {KnownRule{IncidentID: "inc-1", Reported: "exempt", Under: []string{"p"}}, true},
		"baseline":                   {KnownRule{IncidentID: "inc-1", Baseline: []string{"p"}, Under: []string{"p"}}, true},
		"only observed":              {KnownRule{IncidentID: "inc-1", Reported: "observed"}, false},
	} {
		require.Equal(t, c.want, c.known.InOrder(), name)
	}
}
