package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func exemption(t *testing.T, id string, rules ...string) Exemption {
	x := Exemption{ID: id, Policy: "p", Group: ownGroup, Until: now.Add(24 * time.Hour), Reason: "vendor", Owner: "net", Ticket: "CHG-8"}
	for _, r := range rules {
		x.Rules = append(x.Rules, ruleOf(t, r))
	}
	return x
}

func TestExemptions(t *testing.T) {
	lapsed := exemption(t, "EX-1")
	lapsed.Until = now
	endless := exemption(t, "EX-1")
	endless.Until = time.Time{}
	foreign := exemption(t, "EX-1")
	foreign.Group = "sg-0b"
	another := exemption(t, "EX-1")
	another.Policy = "q"
	every := exemption(t, "EX-1")
	every.Policy = "*"
	for _, tc := range []struct {
		name   string
		x      Exemption
		want   State
		excess []string
		why    string
	}{
		{"every flow of the group", exemption(t, "EX-1"), Exempt, nil, "exempt by EX-1 until 2026-03-02"},
		{"these flows", exemption(t, "EX-1", "ingress tcp/22 from 8.8.0.0/16"), Exempt, nil, ""},
		{"several rules together", exemption(t, "EX-1", "ingress tcp/22 from 8.8.8.0/25", "ingress tcp/20-30 from 8.8.8.128/25"), Exempt, nil, ""},
		{"as far as they cover the excess", exemption(t, "EX-1", "ingress tcp/22 from 8.8.8.0/25"), Acting, []string{"ingress tcp/22 from 8.8.8.128/25"}, "exemption EX-1 covers only a part of it"},
		{"other flows", exemption(t, "EX-1", "ingress tcp/22 from 9.0.0.0/8"), Acting, []string{"ingress tcp/22 from 8.8.8.0/24"}, "exemption EX-1 is for other flows"},
		{"the other direction", exemption(t, "EX-1", "egress tcp/22 to 8.8.0.0/16"), Acting, nil, "exemption EX-1 is for other flows"},
		{"ended now", lapsed, Acting, nil, "exemption EX-1 ended on 2026-03-01"},
		{"without end is none", endless, Acting, nil, "exemption EX-1 ended on no day: it has no end"},
		{"of another group", foreign, Acting, nil, ""},
		{"of another policy", another, Acting, nil, ""},
		{"of every policy", every, Exempt, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, source := range []string{"file", "ledger"} {
				settings := Settings{Mode: Enforce}
				if source == "file" && tc.x.Policy == "p" {
					settings.Exemptions = []Exemption{tc.x}
				}
				s := compiledWith(t, settings, document("p", forbid(box("ingress tcp/22 internet")), narrow(9)))
				in := swept(s, group(t, "ingress tcp/21-22 from 8.8.8.0/24"))
				if settings.Exemptions == nil {
					in.Exemptions = []Exemption{tc.x}
				}
				v := s.Evaluate(in)
				f := v.Rules[0].Findings[0]
				require.Equal(t, tc.want, f.State, f.Why)
				require.Contains(t, f.Why, tc.why)
				if tc.want == Exempt {
					require.Equal(t, "EX-1", f.Exemption)
					require.Equal(t, tc.x.Until, v.JudgeAgainAt, "its end asks for another look")
					require.False(t, v.Rules[0].Due)
					require.Equal(t, []string{"ingress tcp/22 from 8.8.8.0/24"}, excessOf(f, secgroup.Ingress), "what it would be without")
				}
				if tc.excess != nil {
					require.Equal(t, tc.excess, excessOf(f, secgroup.Ingress))
				}
			}
		})
	}
}

func TestExemptionsByReferenceAndList(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 any"))))
	list := secgroup.PrefixList{ID: "pl-c3", OwnerID: ownAccount, Name: "x", Readable: true, Entries: peerSpec("8.8.8.0/24").CIDRs}
	g := withList(group(t, "sgr-a ingress tcp/22 from sg-0b", "sgr-b ingress tcp/22 from "+ownAccount+"/sg-0b", "sgr-c ingress tcp/22 from pl-c3",
		"sgr-d ingress tcp/22 from pl-d4", "sgr-e ingress tcp/22 from 8.8.8.0/24"), list)
	in := swept(s, g)
	in.Exemptions = []Exemption{exemption(t, "EX-1", "ingress tcp/22 from "+ownAccount+"/sg-0b", "ingress tcp/22 from pl-c3")}
	require.Equal(t, []State{Exempt, Exempt, Exempt, Acting, Acting}, states(s.Evaluate(in)), "a list is meant by its id")
	in.Exemptions = []Exemption{exemption(t, "EX-1", "ingress tcp/22 from pl-d4")}
	s = enforcing(t, document("p", forbid(box("ingress tcp/22 internet"))))
	require.Equal(t, []State{Fine, Fine, Acting, Exempt, Acting}, states(s.Evaluate(in)), "also where it cannot be read")
}

func TestExceptionsByActor(t *testing.T) {
	until := now.Add(time.Hour)
	s := enforcing(t, document("p", ssh, except(until, "arn:aws:iam::*:role/network-admin")))
	for _, tc := range []struct {
		name  string
		edit  func(*Input, secgroup.Rule)
		want  State
		until time.Time
		why   string
	}{
		{"the actor that the record names", func(in *Input, r secgroup.Rule) { in.Changes = []secgroup.Change{authorized(admin, now, r)} },
			Exempt, until, "exempt by except p.yaml:20"},
		{"another actor", func(in *Input, r secgroup.Rule) { in.Changes = []secgroup.Change{authorized(dev, now, r)} },
			Acting, time.Time{}, "the exception at p.yaml:20 is for other actors"},
		{"the admin's record names another rule", func(in *Input, r secgroup.Rule) {
			r.ID, r.Ports = "sgr-z", secgroup.Ports{From: 80, To: 80}
			in.Changes = []secgroup.Change{authorized(admin, now, r)}
		}, Waiting, now.Add(120 * time.Second), "waits for the record"},
		{"nobody, just seen", func(*Input, secgroup.Rule) {}, Waiting, now.Add(120 * time.Second), "no record names the rule"},
		{"nobody, seen a minute ago", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.Since = now.Add(-time.Minute) })
		}, Waiting, now.Add(time.Minute), ""},
		{"nobody, the wait is over", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.Since = now.Add(-2 * time.Minute) })
		}, Acting, time.Time{}, "no record names the rule"},
		{"the item knows the actor", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.By = &secgroup.Attribution{EventTime: now, Actor: secgroup.Actor{ARN: admin}} })
		}, Exempt, until, ""},
		{"the item knows the actor of less", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) {
				k.Rule = ruleOf(t, "sgr-a ingress tcp/22 from 8.8.8.0/24")
				k.By = &secgroup.Attribution{EventTime: now, Actor: secgroup.Actor{ARN: admin}}
			})
		}, Waiting, now.Add(120 * time.Second), ""},
		{"the item knows the actor of more", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) {
				k.Rule = ruleOf(t, "sgr-a ingress all from 0.0.0.0/0")
				k.By = &secgroup.Attribution{EventTime: now, Actor: secgroup.Actor{ARN: admin}}
			})
		}, Exempt, until, ""},
		{"the latest record that names it", func(in *Input, r secgroup.Rule) {
			in.Changes = []secgroup.Change{authorized(dev, now, r), authorized(admin, now.Add(-time.Second), r)}
		}, Acting, time.Time{}, ""},
		{"a late record, older than what the item knows", func(in *Input, r secgroup.Rule) {
			remembered(in, r, func(k *KnownRule) { k.By = &secgroup.Attribution{EventTime: now, Actor: secgroup.Actor{ARN: dev}} })
			in.Changes = []secgroup.Change{authorized(admin, now.Add(-time.Second), r)}
		}, Acting, time.Time{}, ""},
		{"a record without an actor", func(in *Input, r secgroup.Rule) { in.Changes = []secgroup.Change{authorized("", now, r)} },
			Acting, time.Time{}, ""},
		{"the session name is the caller's choice", func(in *Input, r secgroup.Rule) {
			c := authorized(dev, now, r)
			c.Actor.Session = "network-admin"
			in.Changes = []secgroup.Change{c}
		}, Acting, time.Time{}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := judgeSSH(t, s, tc.edit)
			f := v.Findings[0]
			require.Equal(t, tc.want, f.State, f.Why)
			require.Equal(t, tc.until, f.Until)
			require.Contains(t, f.Why, tc.why)
			if tc.want == Exempt {
				require.Equal(t, "except p.yaml:20", f.Exemption)
			}
		})
	}
	s = enforcing(t, document("p", ssh, except(now, "arn:aws:iam::*:role/network-admin")))
	v := judgeSSH(t, s, func(in *Input, r secgroup.Rule) { in.Changes = []secgroup.Change{authorized(admin, now, r)} })
	require.Equal(t, Acting, v.Findings[0].State)
	require.Contains(t, v.Findings[0].Why, "the exception at p.yaml:20 ended on 2026-03-01")
	require.Equal(t, Acting, judgeSSH(t, s, nil).Findings[0].State, "nothing to wait for")
}

func TestVerdictNamesRuleAndActor(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	in := swept(s, group(t, "sgr-a ingress tcp/22 from 0.0.0.0/0", "sgr-b ingress tcp/443 from 0.0.0.0/0", "sgr-c ingress tcp/80 from 0.0.0.0/0",
		"sgr-d ingress tcp/80 from "+ownAccount+"/sg-0b"))
	reference := ruleOf(t, "sgr-d ingress tcp/80 from sg-0b")
	in.Changes = []secgroup.Change{authorized(admin, now, in.Live.Rules[1], reference), modified(dev, now, in.Live.Rules[2])}
	remembered(&in, in.Live.Rules[0], func(k *KnownRule) { k.By = &secgroup.Attribution{EventID: "e", Actor: secgroup.Actor{ARN: dev}} })
	v := s.Evaluate(in)
	require.False(t, v.Rules[0].Named)
	require.Equal(t, dev, v.Rules[0].By.Actor.ARN)
	require.NotNil(t, v.Rules[0].Known)
	for i, arn := range map[int]string{1: admin, 2: dev, 3: admin} {
		require.True(t, v.Rules[i].Named, "rule %d", i)
		require.Equal(t, arn, v.Rules[i].By.Actor.ARN)
		require.Nil(t, v.Rules[i].Known)
	}
}

// TestWhichExemptionIsNamed: the one that covers all that is too much, and not one
// that only overlaps it; of several the one on which it depends how long it holds.
func TestWhichExemptionIsNamed(t *testing.T) {
	with := func(x Exemption, days int) Exemption {
		x.Until = now.Add(time.Duration(days) * 24 * time.Hour)
		return x
	}
	part, rest := "ingress tcp/22 from 8.8.8.0/25", "ingress tcp/22 from 8.8.8.128/25"
	for _, tc := range []struct {
		name  string
		all   []Exemption
		label string
		days  int
	}{
		{"one overlaps, one covers", []Exemption{with(exemption(t, "EX-1", part), 1), with(exemption(t, "EX-2"), 2)}, "EX-2", 2},
		{"two cover", []Exemption{with(exemption(t, "EX-1"), 1), with(exemption(t, "EX-2"), 3), with(exemption(t, "EX-3"), 2)}, "EX-2", 3},
		{"two together", []Exemption{with(exemption(t, "EX-1", part), 3), with(exemption(t, "EX-2", rest), 2)}, "EX-2", 2},
		{"one is for other flows", []Exemption{with(exemption(t, "EX-1", "ingress tcp/22 from 9.0.0.0/8"), 3), with(exemption(t, "EX-2"), 2)}, "EX-2", 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := compiledWith(t, Settings{Mode: Enforce}, document("p", forbid(box("ingress tcp/22 internet"))))
			in := swept(s, group(t, "ingress tcp/21-22 from 8.8.8.0/24"))
			in.Exemptions = tc.all
			f := s.Evaluate(in).Rules[0].Findings[0]
			require.Equal(t, Exempt, f.State)
			require.Equal(t, tc.label, f.Exemption)
			require.Equal(t, now.Add(time.Duration(tc.days)*24*time.Hour), f.Until)
		})
	}
}
