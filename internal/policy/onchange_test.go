package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const pipelineRole = "arn:aws:iam::123456789012:role/pipeline"

// onChange judges calls; no names stand for any.
func onChange(unless *Unless, names ...string) option {
	return func(d *Document) { d.OnChange = &OnChange{Line: 12, Calls: asSet(names), Unless: unless} }
}

var byPipeline = &Unless{Line: 13, Actors: []string{"arn:aws:iam::*:role/pipeline"}}

// called is the record of a call that names no rules.
func called(actor, name string, effect secgroup.Effect) secgroup.Change {
	c := authorized(actor, now)
	c.EventName, c.Effect = name, effect
	return c
}

// callStates are the states of the findings on the one call at hand.
func callStates(v Verdict) []State {
	var out []State
	for _, c := range v.Calls {
		for _, f := range c.Findings {
			out = append(out, f.State)
		}
	}
	return out
}

// judgedCall judges one call on a group that has the rules which it names.
func judgedCall(t *testing.T, s *Set, c secgroup.Change, edit func(*Input)) Verdict {
	t.Helper()
	g := group(t)
	for _, n := range c.Rules {
		if c.Effect == secgroup.Names {
			n.Rule.Direction = max(n.Rule.Direction, secgroup.Ingress)
			g.Rules = append(g.Rules, n.Rule)
		}
	}
	in := swept(s, g)
	in.Changes = []secgroup.Change{c}
	if edit != nil {
		edit(&in)
	}
	return s.Evaluate(in)
}

func TestWhoseCallsAreLeftOut(t *testing.T) {
	alone := enforcing(t, document("p", onChange(byPipeline), remedy(DoAlert)))
	withAgent := enforcing(t, document("p", onChange(&Unless{Line: 13, Actors: byPipeline.Actors, UserAgents: []string{"*Terraform/*"}}), remedy(DoAlert)))
	for _, tc := range []struct {
		name  string
		s     *Set
		actor secgroup.Actor
		want  State
		why   string
	}{
		{"the pipeline", alone, secgroup.Actor{ARN: pipelineRole}, Fine, "its actor is left out"},
		{"of another account", alone, secgroup.Actor{ARN: "arn:aws:iam::999999999999:role/pipeline"}, Fine, "its actor is left out"},
		{"a path is another role", alone, secgroup.Actor{ARN: "arn:aws:iam::123456789012:role/mine/pipeline"}, Alerting, "none of those"},
		{"a longer name is another role", alone, secgroup.Actor{ARN: pipelineRole + "s"}, Alerting, "none of those"},
		{"a person", alone, secgroup.Actor{ARN: dev}, Alerting, "none of those"},
		{"a session of that name", alone, secgroup.Actor{ARN: dev, Session: "pipeline"}, Alerting, "none of those"},
		{"nobody known", alone, secgroup.Actor{}, Alerting, "does not tell its actor"},
		{"a service on its own", alone, secgroup.Actor{Type: "AWSService", InvokedBy: "autoscaling.amazonaws.com"}, Alerting, "does not tell its actor"},
		{"a stack of the pipeline", alone, secgroup.Actor{ARN: pipelineRole, InvokedBy: "cloudformation.amazonaws.com"}, Fine, "left out"},
		{"a user agent is no pass", alone, secgroup.Actor{ARN: dev, UserAgent: pipelineRole}, Alerting, "none of those"},
		{"the pipeline's tool", withAgent, secgroup.Actor{ARN: pipelineRole, UserAgent: "APN/1.0 HashiCorp/1.0 Terraform/1.9.8"}, Fine, "left out"},
		{"a person in the pipeline's role", withAgent, secgroup.Actor{ARN: pipelineRole, UserAgent: "[S3Console/0.4]"}, Alerting, "not with this user agent"},
		{"without a user agent", withAgent, secgroup.Actor{ARN: pipelineRole}, Alerting, "not with this user agent"},
		{"a person with the pipeline's tool", withAgent, secgroup.Actor{ARN: dev, UserAgent: "HashiCorp Terraform/1.9.8"}, Alerting, "none of those"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := authorized("", now, ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/8"))
			c.Actor = tc.actor
			v := judgedCall(t, tc.s, c, nil)
			require.Equal(t, []State{tc.want}, callStates(v))
			f := v.Calls[0].Findings[0]
			require.Contains(t, f.Why, tc.why)
			require.True(t, f.Excess.IsEmpty(), "a call has no excess")
			require.Equal(t, map[State]int{Fine: 13, Alerting: 12}[tc.want], f.Line)
			require.Empty(t, v.Rules[0].Findings, "no rule is judged")
			require.False(t, v.Rules[0].Due)
			require.Equal(t, Keep, v.Rules[0].Decision)
		})
	}
}

func TestWhichCallsAreJudged(t *testing.T) {
	every := enforcing(t, document("p", onChange(nil), remedy(DoAlert)))
	two := enforcing(t, document("p", onChange(nil, "RevokeSecurityGroupEgress", "CreateTags"), remedy(DoAlert)))
	for _, name := range watchedCalls() {
		c := called(dev, name, secgroup.Describe)
		require.Equal(t, []State{Alerting}, callStates(judgedCall(t, every, c, nil)), name)
		want := name == "RevokeSecurityGroupEgress" || name == "CreateTags"
		require.Equal(t, want, len(judgedCall(t, two, c, nil).Calls) == 1, name)
		c.ErrorCode = "Client.DryRunOperation"
		require.Empty(t, judgedCall(t, every, c, nil).Calls, "a failed call changed nothing")
	}
	require.Len(t, watchedCalls(), 22)
	for _, name := range []string{"", "RunInstances", "AuthorizeSecurityGroup"} {
		require.Empty(t, judgedCall(t, every, called(dev, name, secgroup.Names), nil).Calls, "%q is no watched call", name)
	}
	in := swept(every, group(t, "ingress tcp/22 from 0.0.0.0/0"))
	in.Changes = []secgroup.Change{{Effect: secgroup.Asks, Cause: "sweep"}}
	require.Empty(t, every.Evaluate(in).Calls, "a look is no call")
}

func TestExplainedRulesAreNoCalls(t *testing.T) {
	s := enforcing(t, document("p", onChange(nil)))
	v := s.Evaluate(s.ExplainInput(group(t), liveRules(t, "ingress tcp/22 from 0.0.0.0/0"), now))
	require.Empty(t, v.Calls)
	require.Equal(t, Keep, v.Rules[0].Decision)
	require.Empty(t, v.Rules[0].Findings)
}

func TestStatesOfCalls(t *testing.T) {
	call := authorized(dev, now, ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/8"))
	deletion := called(dev, "DeleteSecurityGroup", secgroup.Narrows)
	exempt := func(edit func(*Exemption)) func(*Input) {
		return func(in *Input) {
			x := Exemption{ID: "EX-1", Policy: "p", Group: ownGroup, Until: now.Add(time.Hour), Source: "ledger"}
			edit(&x)
			in.Exemptions = []Exemption{x}
		}
	}
	rules := func(texts ...string) func(*Input) {
		return exempt(func(x *Exemption) { x.Rules = liveRules(t, texts...) })
	}
	for _, tc := range []struct {
		name    string
		options []option
		c       secgroup.Change
		edit    func(*Input)
		want    []State
		why     string
	}{
		{"alert", nil, call, nil, []State{Alerting}, "none of those"},
		{"observe", []option{mode(Observe)}, call, nil, []State{Observing}, "the mode is observe"},
		{"paused: told all the same", nil, call, func(in *Input) { in.Facts.Paused = "CHG-1" }, []State{Alerting}, ""},
		{"before the act", nil, call, func(in *Input) { in.Facts.Acts = nil }, []State{Alerting}, ""},
		{"a stale ledger", nil, call, func(in *Input) { in.Facts.Stale = true }, []State{Alerting}, ""},
		{"late", nil, call, func(in *Input) { in.Now = now.Add(72 * time.Hour) }, []State{Alerting}, ""},
		{"not complete", nil, func() secgroup.Change { c := call; c.Complete = false; return c }(), nil, []State{Alerting}, ""},
		{"an exception", []option{except(time.Time{}, dev)}, call, nil, []State{Exempt}, "except p.yaml:20"},
		{"until", []option{except(now.Add(time.Hour), dev)}, call, nil, []State{Exempt}, "until"},
		{"an exception of the settings", []option{except(time.Time{}, dev), func(d *Document) { d.Except[0].File = "sgwarden.yaml" }}, call, nil, []State{Exempt}, "except sgwarden.yaml:20"},
		{"that ended", []option{except(now, dev)}, call, nil, []State{Alerting}, "ended on"},
		{"of others", []option{except(time.Time{}, admin)}, call, nil, []State{Alerting}, "other actors"},
		{"an exempt group", nil, deletion, exempt(func(*Exemption) {}), []State{Exempt}, "EX-1"},
		{"from every policy", nil, deletion, exempt(func(x *Exemption) { x.Policy = "*" }), []State{Exempt}, "EX-1"},
		{"another group", nil, deletion, exempt(func(x *Exemption) { x.Group = "sg-0b" }), []State{Alerting}, ""},
		{"another policy", nil, deletion, exempt(func(x *Exemption) { x.Policy = "q" }), []State{Alerting}, ""},
		{"that is over", nil, deletion, exempt(func(x *Exemption) { x.Until = now }), []State{Alerting}, "EX-1 ended on"},
		{"exempt flows", nil, call, rules("ingress tcp/440-449 from 10.0.0.0/7"), []State{Exempt}, "EX-1"},
		{"in two parts", nil, call, rules("ingress tcp/443 from 10.0.0.0/9", "ingress tcp/443 from 10.128.0.0/9"), []State{Exempt}, "EX-1"},
		{"a part of them", nil, call, rules("ingress tcp/443 from 10.0.0.0/9"), []State{Alerting}, "does not cover all"},
		{"the other direction", nil, call, rules("egress tcp/443 to 10.0.0.0/8"), []State{Alerting}, "does not cover all"},
		{"flows say nothing of a deletion", nil, deletion, rules("ingress all from 0.0.0.0/0"), []State{Alerting}, "does not cover all"},
		{"exempt flows, a Modify", nil, modified(dev, now, ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/8")), rules("ingress tcp/443 from 10.0.0.0/8"), []State{Exempt}, "EX-1"},
		{"whose direction is not known", nil, modified(dev, now, ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/8")),
			func(in *Input) { rules("ingress tcp/443 from 10.0.0.0/8")(in); in.Live.Rules = nil }, []State{Alerting}, "does not cover all"},
		{"in scope", []option{scope(Scope{Names: []string{"web-*"}})}, call, nil, []State{Alerting}, ""},
		{"out of scope", []option{scope(Scope{VPCs: []string{"vpc-2"}})}, call, nil, nil, ""},
		{"left out of the scope", []option{scopeNot(Scope{VPCs: []string{"vpc-1"}})}, call, nil, nil, ""},
		{"a trusted name", []option{scope(Scope{Names: []string{"db-*"}})}, call, nil, nil, ""},
		{"a name that is not trusted", []option{scope(Scope{Names: []string{"x-*"}})}, call, nil, []State{Alerting}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := compiledWith(t, Settings{Mode: Enforce, TrustedNames: []string{"web-*", "db-*"}},
				document("p", append([]option{onChange(byPipeline), remedy(DoAlert)}, tc.options...)...))
			v := judgedCall(t, s, tc.c, tc.edit)
			require.Equal(t, tc.want, callStates(v))
			if tc.want != nil {
				require.Contains(t, v.Calls[0].Findings[0].Why, tc.why)
				require.Equal(t, tc.want[0] != Fine, v.Calls[0].Violates())
			}
		})
	}
}

func TestExemptionsOfFilesCoverCalls(t *testing.T) {
	s := compiledWith(t, Settings{Mode: Enforce, Exemptions: []Exemption{{ID: "EX-9", Policy: "p", Group: ownGroup, Until: now.Add(time.Hour)}}},
		document("p", onChange(byPipeline), remedy(DoAlert)), document("q", onChange(byPipeline), remedy(DoAlert)))
	require.Equal(t, []State{Exempt, Alerting}, callStates(judgedCall(t, s, called(dev, "DeleteSecurityGroup", secgroup.Narrows), nil)))
}

// TestWhatACallOpenedIsTakenBack: exactly what its record names, and never
// more than it added.
func TestWhatACallOpenedIsTakenBack(t *testing.T) {
	s := enforcing(t, document("p", onChange(byPipeline)))
	was := ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/9")
	knowing := func(r secgroup.Rule, edit func(*KnownRule)) func(*Input) {
		return func(in *Input) { remembered(in, r, edit) }
	}
	as := func(*KnownRule) {}
	wide := modified(dev, now, ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/8"))
	half := authorized(dev, now, ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/8"))
	half.Complete, half.Incomplete = false, "cut off"
	for _, tc := range []struct {
		name      string
		c         secgroup.Change
		edit      func(*Input)
		decision  Decision
		excess    []string
		remaining []string
		calls     []State
		why       string
	}{
		{"a new rule", authorized(dev, now, was), nil, Revert, []string{"ingress tcp/443 from 10.0.0.0/9"}, []string{}, nil, ""},
		{"IPv6", authorized(dev, now, ruleOf(t, "sgr-a egress tcp/443 to fd00::/8")), nil, Revert, []string{"egress tcp/443 to fd00::/8"}, []string{}, nil, ""},
		{"every protocol, to a group", authorized(dev, now, ruleOf(t, "sgr-a ingress all from sg-0b")), nil, Revert, []string{"ingress all from sg-0b"}, []string{}, nil, ""},
		{"by the pipeline", authorized(pipelineRole, now, was), nil, Keep, nil, []string{}, []State{Fine}, ""},
		{"what a Modify added", wide, knowing(was, as), Revert, []string{"ingress tcp/443 from 10.128.0.0/9"}, []string{"ingress tcp/443 from 10.0.0.0/9"}, nil, ""},
		{"a Modify whose earlier value nobody knows", wide, nil, Keep, nil, []string{}, []State{Alerting}, "earlier value of sgr-a is known"},
		{"a Modify that narrows", modified(dev, now, was), knowing(ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/8"), as), Keep, nil, []string{}, []State{Alerting}, "it opened nothing"},
		{"not complete: what it names, and a word on the rest", half, nil, Revert, []string{"ingress tcp/443 from 10.0.0.0/8"}, []string{}, []State{Alerting}, "not complete (cut off)"},
		{"seen again by a look, its incident open", secgroup.Change{Effect: secgroup.Asks}, func(in *Input) {
			in.Live.Rules = []secgroup.Rule{was}
			remembered(in, was, func(k *KnownRule) { k.IncidentID, k.Under = "i-1", []string{"p"} })
			in.Known.OpenIncidents = []string{"i-1"}
		}, Revert, []string{"ingress tcp/443 from 10.0.0.0/9"}, []string{}, nil, ""},
		{"its incident open for another policy", secgroup.Change{Effect: secgroup.Asks}, func(in *Input) {
			in.Live.Rules = []secgroup.Rule{was}
			remembered(in, was, func(k *KnownRule) { k.IncidentID, k.Under = "i-1", []string{"q"} })
			in.Known.OpenIncidents = []string{"i-1"}
		}, Keep, nil, []string{}, nil, ""},
		{"its incident closed", secgroup.Change{Effect: secgroup.Asks}, func(in *Input) {
			in.Live.Rules = []secgroup.Rule{was}
			remembered(in, was, func(k *KnownRule) { k.IncidentID, k.Under, k.Reported = "i-1", []string{"p"}, "observed" })
		}, Keep, nil, []string{}, nil, ""},
		{"seen by a sweep, no record", secgroup.Change{Effect: secgroup.Asks}, func(in *Input) { in.Live.Rules = []secgroup.Rule{was} }, Keep, nil, []string{}, nil, ""},
		{"marks do not matter", authorized(dev, now, was), knowing(was, func(k *KnownRule) { k.Baseline = []string{"p"} }), Revert, []string{"ingress tcp/443 from 10.0.0.0/9"}, []string{}, nil, ""},
		{"before any act", authorized(dev, now, was), func(in *Input) { in.Facts.Acts = nil }, Revert, []string{"ingress tcp/443 from 10.0.0.0/9"}, []string{}, nil, ""},
		{"exempt", authorized(dev, now, was), func(in *Input) {
			in.Exemptions = []Exemption{{ID: "EX-1", Policy: "p", Group: ownGroup, Until: now.Add(time.Hour)}}
		}, Keep, []string{"ingress tcp/443 from 10.0.0.0/9"}, []string{}, nil, ""},
		{"paused", authorized(dev, now, was), func(in *Input) { in.Facts.Paused = "CHG-1" }, Keep, []string{"ingress tcp/443 from 10.0.0.0/9"}, []string{}, nil, ""},
		{"another value is live", authorized(dev, now, was), func(in *Input) { in.Live.Rules[0].Ports.To = 444 }, Keep, nil, []string{}, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := judgedCall(t, s, tc.c, tc.edit)
			require.Equal(t, tc.calls, callStates(v))
			if tc.why != "" {
				require.Contains(t, v.Calls[0].Findings[0].Why, tc.why)
			}
			require.Len(t, v.Rules, 1)
			r := v.Rules[0]
			require.Equal(t, tc.decision, r.Decision)
			require.Equal(t, tc.remaining, ruleTexts(r.Remaining))
			if tc.excess == nil {
				require.Empty(t, r.Findings)
				return
			}
			require.Len(t, r.Findings, 1)
			require.Equal(t, tc.excess, excessOf(r.Findings[0], r.Rule.Direction))
			require.True(t, r.Findings[0].Remaining.Equal(r.Rule.Region().Subtract(r.Findings[0].Excess)))
			require.Equal(t, tc.name != "exempt", r.Due)
			require.Equal(t, tc.name == "exempt", r.Findings[0].State == Exempt)
			require.Equal(t, 12, r.Findings[0].Line)
		})
	}
	t.Run("a Modify of two rules: what is known is taken back, and a word on the rest", func(t *testing.T) {
		two := modified(dev, now, ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/8"), ruleOf(t, "sgr-b ingress tcp/444 from 10.0.0.0/8"))
		v := judgedCall(t, s, two, knowing(was, as))
		require.Equal(t, []Decision{Revert, Keep}, []Decision{v.Rules[0].Decision, v.Rules[1].Decision})
		require.Equal(t, []State{Alerting}, callStates(v))
		require.Contains(t, v.Calls[0].Findings[0].Why, "what it added to sgr-b is not known")
		v = judgedCall(t, s, two, func(in *Input) {
			remembered(in, was, as)
			remembered(in, ruleOf(t, "sgr-b ingress tcp/443-444 from 10.0.0.0/8"), as)
		})
		require.Equal(t, []Decision{Revert, Keep}, []Decision{v.Rules[0].Decision, v.Rules[1].Decision})
		require.Empty(t, v.Calls, "the other was narrowed")
	})
	t.Run("what left no rule is told", func(t *testing.T) {
		v := judgedCall(t, s, called(dev, "RevokeSecurityGroupIngress", secgroup.Narrows), nil)
		require.Equal(t, []State{Alerting}, callStates(v))
		require.Contains(t, v.Calls[0].Findings[0].Why, "left no rule")
	})
	t.Run("tag", func(t *testing.T) {
		v := judgedCall(t, enforcing(t, document("p", onChange(nil), remedy(DoTag))), authorized(dev, now, was), nil)
		require.Equal(t, Tag, v.Rules[0].Decision)
	})
	t.Run("tagged, it stays told", func(t *testing.T) {
		tagged := func(reported string) func(*Input) {
			return func(in *Input) {
				in.Live.Rules = []secgroup.Rule{was}
				remembered(in, was, func(k *KnownRule) { k.IncidentID, k.Under, k.Reported = "i-1", []string{"p"}, reported })
			}
		}
		for name, tc := range map[string]struct {
			do       RemedyKind
			reported string
			want     bool
		}{"tagged": {DoTag, "tagged", true}, "raised to revert": {DoRevert, "tagged", false}, "something else was reported": {DoTag, "reverted", false}, "observed, now in enforce": {DoTag, "observed", false}} {
			v := judgedCall(t, enforcing(t, document("p", onChange(nil), remedy(tc.do))), secgroup.Change{Effect: secgroup.Asks}, tagged(tc.reported))
			require.Equal(t, tc.want, len(v.Rules[0].Findings) == 1 && v.Rules[0].Findings[0].State == Tagging, name)
		}
	})
	t.Run("beside rules and policies that it is not about", func(t *testing.T) {
		s := enforcing(t, document("a", onChange(nil), remedy(DoAlert)), document("b", onChange(nil), scope(Scope{VPCs: []string{"vpc-2"}})), document("p", onChange(nil)))
		beside := func(in *Input) {
			in.Live.Rules = append([]secgroup.Rule{ruleOf(t, "sgr-0 ingress tcp/80 from 10.0.0.0/8")}, in.Live.Rules...)
		}
		v := judgedCall(t, s, authorized(dev, now, was), beside)
		require.Equal(t, []Decision{Keep, Revert}, []Decision{v.Rules[0].Decision, v.Rules[1].Decision})
		require.Equal(t, "p", v.Rules[1].Findings[0].Policy.ID)
		v = judgedCall(t, enforcing(t, document("p", onChange(nil))), wide, beside)
		require.Contains(t, v.Calls[0].Findings[0].Why, "earlier value of sgr-a is known")
	})
	t.Run("beside a policy on rules", func(t *testing.T) {
		s := enforcing(t, document("a", ssh), document("p", onChange(nil)), document("z", ssh, remedy(DoAlert)))
		v := judgedCall(t, s, authorized(dev, now, ruleOf(t, "sgr-a ingress tcp/22 from 0.0.0.0/0")), nil)
		require.Equal(t, Revert, v.Rules[0].Decision)
		require.Equal(t, []string{"a", "p", "z"}, []string{v.Rules[0].Findings[0].Policy.ID, v.Rules[0].Findings[1].Policy.ID, v.Rules[0].Findings[2].Policy.ID})
		require.Equal(t, []State{Acting, Acting, Alerting}, []State{v.Rules[0].Findings[0].State, v.Rules[0].Findings[1].State, v.Rules[0].Findings[2].State})
	})
	t.Run("after a wait, by its open incident", func(t *testing.T) {
		s := enforcing(t, document("p", onChange(nil), after(5*time.Minute)))
		v := judgedCall(t, s, authorized(dev, now, was), nil)
		require.Equal(t, Waiting, v.Rules[0].Findings[0].State)
		require.Equal(t, now.Add(5*time.Minute), v.JudgeAgainAt)
	})
	t.Run("in observe mode it stays told", func(t *testing.T) {
		s := compiledWith(t, Settings{Mode: Observe}, document("p", onChange(nil)))
		told := func(in *Input) {
			in.Live.Rules = []secgroup.Rule{was}
			remembered(in, was, func(k *KnownRule) { k.IncidentID, k.Under, k.Reported = "i-1", []string{"p"}, "observed" })
		}
		v := judgedCall(t, s, secgroup.Change{Effect: secgroup.Asks}, told)
		require.Equal(t, Observing, v.Rules[0].Findings[0].State)
		v = judgedCall(t, s.Enforcing(), secgroup.Change{Effect: secgroup.Asks}, told)
		require.Equal(t, Keep, v.Rules[0].Decision, "raised to enforce, it is not taken back for what it was")
	})
}

func TestCallsThatNameNoGroup(t *testing.T) {
	list := secgroup.Change{EventName: "ModifyManagedPrefixList", Effect: secgroup.Indirect, AccountID: ownAccount, Region: "eu-west-1", ListIDs: []string{"pl-1"}, Actor: secgroup.Actor{ARN: dev}}
	vpc := secgroup.Change{EventName: "AssociateVpcCidrBlock", Effect: secgroup.Indirect, AccountID: ownAccount, Region: "eu-west-1", VPCIDs: []string{"vpc-9", "vpc-1"}, Actor: secgroup.Actor{ARN: dev}}
	for _, tc := range []struct {
		name    string
		options []option
		c       secgroup.Change
		want    bool
	}{
		{"every policy without scope", nil, list, true},
		{"this region", []option{scope(Scope{Regions: []string{"eu-west-1"}})}, list, true},
		{"another region", []option{scope(Scope{Regions: []string{"eu-west-2"}})}, list, false},
		{"groups by id", []option{scope(Scope{IDs: []string{ownGroup}})}, list, false},
		{"default groups", []option{scope(Scope{Default: yesOrNo(true)})}, list, false},
		{"not default groups", []option{scopeNot(Scope{Default: yesOrNo(true)})}, list, true},
		{"one of its VPCs", []option{scope(Scope{VPCs: []string{"vpc-1"}})}, vpc, true},
		{"none of its VPCs", []option{scope(Scope{VPCs: []string{"vpc-2"}})}, vpc, false},
		{"all but one", []option{scopeNot(Scope{VPCs: []string{"vpc-1"}})}, vpc, true},
		{"not this region", []option{scopeNot(Scope{Regions: []string{"eu-west-1"}})}, vpc, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := enforcing(t, document("p", append([]option{onChange(byPipeline), remedy(DoAlert)}, tc.options...)...))
			require.Equal(t, tc.want, len(s.JudgeCalls(Input{Changes: []secgroup.Change{tc.c}, Now: now})) == 1)
			require.Equal(t, tc.want, s.TriageCall(tc.c, "", nil) == CallConcerned)
		})
	}
}

func TestTriageOfCalls(t *testing.T) {
	authorize := authorized(dev, now, ruleOf(t, "ingress tcp/443 from 0.0.0.0/0"))
	alert := enforcing(t, document("p", onChange(byPipeline), remedy(DoAlert)))
	revert := enforcing(t, document("p", onChange(byPipeline)))
	byName := compiledWith(t, Settings{Mode: Enforce, TrustedNames: []string{"web-*"}}, document("p", onChange(byPipeline), remedy(DoAlert), scope(Scope{Names: []string{"web-*"}})))
	byTag := compiledWith(t, Settings{Mode: Enforce, TrustedTags: []string{"tier"}}, document("p", onChange(byPipeline), remedy(DoAlert), scope(Scope{Tags: map[string][]string{"tier": {"x"}}})))
	beside := enforcing(t, document("a", ssh), document("p", onChange(byPipeline), remedy(DoAlert)))
	for _, tc := range []struct {
		name          string
		s             *Set
		c             secgroup.Change
		item          *Known
		without, with Concern
	}{
		{"told from the record", alert, authorize, item(nil), CallConcerned, CallConcerned},
		{"by the pipeline", alert, authorized(pipelineRole, now, authorize.Rules[0].Rule), item(nil), NotConcerned, NotConcerned},
		{"a Modify is looked at for its rules", alert, modified(dev, now, authorize.Rules[0].Rule), item(nil), Concerned, Concerned},
		{"rules that are refused", beside, authorized(dev, now, ruleOf(t, "ingress tcp/22 from 0.0.0.0/0")), item(nil), Concerned, Concerned},
		{"to be taken back", revert, authorize, item(nil), Concerned, Concerned},
		{"a revoke cannot be", revert, called(dev, "RevokeSecurityGroupIngress", secgroup.Narrows), item(nil), AskItem, CallConcerned},
		{"a name that the item tells", byName, authorize, item(nil), AskItem, CallConcerned},
		{"a name of others", byName, authorize, item(func(k *Known) { k.Name = "db-1" }), AskItem, NotConcerned},
		{"a tag that the item has not", byTag, authorize, item(func(k *Known) { k.Tags = nil }), AskItem, Concerned},
		{"a tag that it has", byTag, authorize, item(func(k *Known) { k.Tags = map[string]string{"tier": "x"} }), AskItem, CallConcerned},
		{"something open", alert, authorize, item(func(k *Known) { k.OpenIncidents = []string{"i-1"} }), CallConcerned, Concerned},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.without, tc.s.Triage(tc.c, nil), "without item")
			require.Equal(t, tc.with, tc.s.Triage(tc.c, tc.item), "with item")
		})
	}
}

// TestCallsJudgedFromTheirRecords say the same as with the group read, where
// triage claims that it need not be.
func TestCallsJudgedFromTheirRecords(t *testing.T) {
	told := 0
	for seed := range cases(3000) {
		w := newWorld(1<<43 + seed)
		var docs []Document
		for i, name := range []string{"p", "q", "r"}[:1+w.IntN(3)] {
			d := document(name, onChange(pick(w, nil, byPipeline), pick(w, []string(nil), []string{"AuthorizeSecurityGroupIngress", "DeleteSecurityGroup"})...))
			d.Scope, d.Remedy.Do, d.Mode = w.scope(), pick(w, DoAlert, DoAlert, DoRevert, DoTag), pick(w, Mode(0), Observe)
			if i == 2 {
				not := w.scope()
				d.Not = &not
			}
			docs = append(docs, d)
		}
		s := compiledWith(t, trusting, docs...)
		g := group(t)
		g.Name, g.Tags, g.VPCID = pick(w, "web-1", "WEB-2", "db-1", "default"), pick(w, nil, map[string]string{"tier": "public"}), pick(w, "vpc-1", "vpc-2")
		c := authorized(pick(w, dev, pipelineRole, ""), now, ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/8"))
		if w.IntN(2) == 0 {
			c = called(c.Actor.ARN, pick(w, "DeleteSecurityGroup", "RevokeSecurityGroupIngress", "CreateSecurityGroup"), secgroup.Narrows)
		} else {
			g.Rules = []secgroup.Rule{c.Rules[0].Rule}
		}
		k := item(func(k *Known) {
			k.Name, k.VPCID = pick(w, "", g.Name), pick(w, "", g.VPCID)
			k.Default = pick(w, nil, yesOrNo(g.IsDefault()))
			k.Tags = pick(w, nil, trustedTags(g.Tags))
		})
		in := swept(s, g)
		in.Changes, in.Known = []secgroup.Change{c}, *k
		read := s.Evaluate(in)
		violates := len(read.Calls) == 1 && read.Calls[0].Violates()
		switch concern := s.Triage(c, k); concern {
		case NotConcerned:
			require.False(t, violates, "seed %d", seed)
			for _, r := range read.Rules {
				require.False(t, r.Due, "seed %d", seed)
			}
		case CallConcerned:
			told++
			blind := s.JudgeCalls(Input{Live: secgroup.Group{ID: ownGroup}, Changes: in.Changes, Known: *k, Now: now})
			require.Equal(t, against(read.Calls), against(blind), "seed %d", seed)
			require.True(t, violates, "seed %d", seed)
		default:
			require.Equal(t, Concerned, concern)
		}
	}
	require.Positive(t, told)
}

// against are the findings against calls, in words.
func against(calls []CallVerdict) []string {
	var out []string
	for _, c := range calls {
		for _, f := range c.Findings {
			if f.State != Fine {
				out = append(out, c.Change.EventName+" "+f.Policy.ID+" "+f.State.String()+" "+f.Why)
			}
		}
	}
	return out
}

func TestDigestsOfCalls(t *testing.T) {
	digest := func(options ...option) string {
		return enforcing(t, document("p", append([]option{remedy(DoAlert)}, options...)...)).Policies[0].Digest()
	}
	base := digest(onChange(byPipeline, "CreateTags", "DeleteTags"))
	require.Equal(t, base, digest(onChange(&Unless{Line: 99, Actors: byPipeline.Actors}, "DeleteTags", "CreateTags")))
	for name, other := range map[string]string{
		"calls":       digest(onChange(byPipeline, "CreateTags")),
		"any":         digest(onChange(byPipeline)),
		"nobody":      digest(onChange(nil, "CreateTags", "DeleteTags")),
		"actors":      digest(onChange(&Unless{Actors: []string{dev}}, "CreateTags", "DeleteTags")),
		"user agents": digest(onChange(&Unless{Actors: byPipeline.Actors, UserAgents: []string{"x"}}, "CreateTags", "DeleteTags")),
		"rules":       digest(ssh),
	} {
		require.NotEqual(t, base, other, name)
	}
}
