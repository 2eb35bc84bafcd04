package apply_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// actions are one of each kind, on a world with the rules ssh and out.
func (w world) actions() map[string]plan.Action {
	narrowed := rule(w.T, "ingress tcp/22 from 10.0.0.0/8")
	from := w.pick(ssh)[0]
	narrowed.ID = from.ID
	return map[string]plan.Action{
		"RevokeSecurityGroupIngress":    plan.Revoke{GroupID: web, Direction: secgroup.Ingress, Rules: w.pick(ssh)},
		"RevokeSecurityGroupEgress":     plan.Revoke{GroupID: web, Direction: secgroup.Egress, Rules: w.pick(out)},
		"ModifySecurityGroupRules":      plan.Modify{GroupID: web, From: from, To: narrowed},
		"AuthorizeSecurityGroupIngress": plan.Authorize{GroupID: web, Direction: secgroup.Ingress, Rules: []secgroup.Rule{rule(w.T, https)}},
		"AuthorizeSecurityGroupEgress":  plan.Authorize{GroupID: web, Direction: secgroup.Egress, Rules: []secgroup.Rule{rule(w.T, "egress tcp/443 to 10.0.0.0/8")}},
		"CreateTags":                    plan.Tag{GroupID: web, OfGroup: true, Rules: w.pick(ssh), Tags: map[string]string{"sgwarden:violates": "x"}},
	}
}

// TestSingleFaults disturbs every kind of call in every way: an error is never
// taken for a success, and what may pass is told from what may not.
func TestSingleFaults(t *testing.T) {
	faults := map[string]struct {
		d       localec2.Disturbance
		lasting error // of a fault that stays; nil = success
		tries   int
		effect  bool
	}{
		"throttled":              {localec2.Throttle(), incident.ErrThrottled, 3, false},
		"failed":                 {localec2.Fail(), incident.ErrUnavailable, 3, false},
		"lost":                   {localec2.Lose(), incident.ErrUnavailable, 3, false},
		"denied":                 {localec2.Deny(), incident.ErrDenied, 1, false},
		"over quota":             {localec2.Refusal(400, "RulesPerSecurityGroupLimitExceeded", "full"), incident.ErrQuota, 1, false},
		"not understood by them": {localec2.Refusal(400, "SomethingNew", "?"), incident.ErrInvalid, 1, false},
		"swallowed":              {localec2.Swallow(), nil, 1, false},
	}
	for fault, f := range faults {
		for call := range newWorld(t, ssh, out).actions() {
			t.Run(fault+" "+call, func(t *testing.T) {
				w := newWorld(t, ssh, out)
				before := w.cloud.Snapshot()
				w.cloud.Disturb(func(localec2.Call) localec2.Disturbance { return f.d })
				r := w.apply(w.actions()[call])
				if f.lasting == nil {
					require.NoError(t, r.Err, "the answer said yes: only a look at the state tells that it lied")
				} else {
					require.ErrorIs(t, r.Err, f.lasting)
					require.ErrorContains(t, r.Err, call+" on "+web)
				}
				require.Equal(t, f.tries, w.cloud.Count())
				require.True(t, w.cloud.Snapshot().Equal(before))

				w.cloud.Disturb(once(f.d))
				again := w.apply(w.actions()[call])
				if f.tries > 1 {
					require.NoError(t, again.Err, "what passes, passes")
					require.False(t, w.cloud.Snapshot().Equal(before))
				}
			})
		}
	}
}

func once(d localec2.Disturbance) localec2.Interceptor {
	done := false
	return func(localec2.Call) localec2.Disturbance {
		if done {
			return localec2.Disturbance{}
		}
		done = true
		return d
	}
}

// TestLostAnswers: the call had its effect, the answer did not come, the SDK
// tried again. Whatever is said must not be a success that EC2 did not give.
func TestLostAnswers(t *testing.T) {
	for name, d := range map[string]localec2.Disturbance{"answer lost": localec2.LoseAnswer(), "failed after the effect": localec2.FailAfter()} {
		for call, want := range map[string]error{
			"RevokeSecurityGroupIngress":    incident.ErrGone, // the second try finds nothing: the look at the state decides
			"RevokeSecurityGroupEgress":     incident.ErrGone,
			"ModifySecurityGroupRules":      nil,
			"AuthorizeSecurityGroupIngress": nil, // it exists already: no fault
			"CreateTags":                    nil,
		} {
			t.Run(name+" "+call, func(t *testing.T) {
				w := newWorld(t, ssh, out)
				w.cloud.Disturb(once(d))
				r := w.apply(w.actions()[call])
				if want == nil {
					require.NoError(t, r.Err)
				} else {
					require.ErrorIs(t, r.Err, want)
				}
				require.Equal(t, 2, w.cloud.Count())
				require.Empty(t, r.Removed)
				calls := w.cloud.Calls()
				require.Contains(t, r.RequestIDs, calls[1].RequestID)
				if name != "answer lost" {
					require.Equal(t, []string{calls[0].RequestID, calls[1].RequestID}, r.RequestIDs, "any try may be the one that is recorded")
				}
			})
		}
	}
}

func TestTheDeadlineHolds(t *testing.T) {
	w := newWorld(t, ssh)
	w.cloud.Disturb(func(localec2.Call) localec2.Disturbance { return localec2.Hang() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r := w.applier.Apply(ctx, plan.Revoke{GroupID: web, Direction: secgroup.Ingress, Rules: w.pick(ssh)})
	require.ErrorIs(t, r.Err, incident.ErrUnavailable)
	require.ErrorIs(t, r.Err, context.DeadlineExceeded)
}

// mute is an endpoint that answers in ways that EC2 does not document.
type mute struct {
	apply.Client
	revoke ec2.RevokeSecurityGroupIngressOutput
	modify ec2.ModifySecurityGroupRulesOutput
	add    ec2.AuthorizeSecurityGroupIngressOutput
}

func (m mute) RevokeSecurityGroupIngress(context.Context, *ec2.RevokeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	return &m.revoke, nil
}

func (m mute) ModifySecurityGroupRules(context.Context, *ec2.ModifySecurityGroupRulesInput, ...func(*ec2.Options)) (*ec2.ModifySecurityGroupRulesOutput, error) {
	return &m.modify, nil
}

func (m mute) AuthorizeSecurityGroupIngress(context.Context, *ec2.AuthorizeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupIngressOutput, error) {
	return &m.add, nil
}

func TestOnlyAYesIsASuccess(t *testing.T) {
	w := newWorld(t, ssh, out)
	kinds := []string{"RevokeSecurityGroupIngress", "ModifySecurityGroupRules", "AuthorizeSecurityGroupIngress"}
	for _, c := range []struct {
		name string
		said *bool
		want error
	}{{"yes", aws.Bool(true), nil}, {"no", aws.Bool(false), incident.ErrInvalid}, {"nothing", nil, incident.ErrUnavailable}} {
		for _, kind := range kinds {
			m := mute{}
			m.revoke.Return, m.modify.Return, m.add.Return = c.said, c.said, c.said
			r := apply.New(m).Apply(t.Context(), w.actions()[kind])
			if c.want == nil {
				require.NoError(t, r.Err, kind)
			} else {
				require.ErrorIs(t, r.Err, c.want, "%s: %s", kind, c.name)
			}
		}
	}
	m := mute{}
	m.revoke.Return, m.revoke.UnknownIpPermissions = aws.Bool(true), []types.IpPermission{{}}
	require.ErrorIs(t, apply.New(m).Apply(t.Context(), w.actions()[kinds[0]]).Err, incident.ErrGone)
	m.revoke.UnknownIpPermissions, m.revoke.RevokedSecurityGroupRules = nil, []types.RevokedSecurityGroupRule{{}}
	require.ErrorIs(t, apply.New(m).Apply(t.Context(), w.actions()[kinds[0]]).Err, incident.ErrUnavailable, "what went is not understood")
	m.add.Return, m.add.SecurityGroupRules = aws.Bool(true), []types.SecurityGroupRule{{}}
	require.ErrorIs(t, apply.New(m).Apply(t.Context(), w.actions()[kinds[2]]).Err, incident.ErrUnavailable, "what came is not understood")
}
