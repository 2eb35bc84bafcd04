package localec2_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2"
)

// once disturbs the first call of an action.
func once(action string, d localec2.Disturbance) localec2.Interceptor {
	done := false
	return func(c localec2.Call) localec2.Disturbance {
		if done || c.Action != action {
			return localec2.Disturbance{}
		}
		done = true
		return d
	}
}

func TestDisturbances(t *testing.T) {
	for _, c := range []struct {
		name     string
		d        localec2.Disturbance
		code     string // of the error; "" = none
		lost     bool
		effect   bool
		recorded int
	}{
		{"nothing", localec2.Disturbance{}, "", false, true, 1},
		{"throttled", localec2.Throttle(), "RequestLimitExceeded", false, false, 1},
		{"denied", localec2.Deny(), "UnauthorizedOperation", false, false, 1},
		{"failed", localec2.Fail(), "InternalError", false, false, 1},
		{"failed after the effect", localec2.FailAfter(), "InternalError", false, true, 1},
		{"lost", localec2.Lose(), "", true, false, 0},
		{"answer lost", localec2.LoseAnswer(), "", true, true, 1},
		{"swallowed", localec2.Swallow(), "", false, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			g := w.group("web")
			records := 0
			w.cloud.OnRecord(func([]byte) { records++ })
			w.cloud.Disturb(once("AuthorizeSecurityGroupIngress", c.d))
			err := w.tryIngress(g, perm("tcp", 22, 22, "10.0.0.0/8"))
			switch {
			case c.lost:
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			case c.code != "":
				refused(t, err, c.code)
			default:
				require.NoError(t, err)
			}
			require.Equal(t, c.effect, len(w.rules(g)) == 1)
			require.Equal(t, c.recorded, records)
		})
	}
}

func TestStaleReads(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	before := w.cloud.Snapshot()
	w.ingress(g, perm("tcp", 22, 22, "10.0.0.0/8"))
	w.cloud.Disturb(once("DescribeSecurityGroupRules", localec2.Stale(before)))
	require.Empty(t, w.texts(g))
	require.Len(t, w.texts(g), 1)
}

func TestSomethingHappensInBetween(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	ids := w.ingress(g, perm("tcp", 22, 22, "10.0.0.0/8"))
	w.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "DescribeSecurityGroupRules" {
			return localec2.Disturbance{}.Then(func() { w.account.RemoveRule(ids[0]) })
		}
		return localec2.Disturbance{}
	})
	require.Len(t, w.texts(g), 1)
	require.Empty(t, w.texts(g))
}

func TestHangingCallsEndWithTheClient(t *testing.T) {
	w := newWorld(t)
	w.cloud.Disturb(func(localec2.Call) localec2.Disturbance { return localec2.Hang() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := w.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestCallsAreCounted(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	w.cloud.Forget()
	w.ingress(g, perm("tcp", 22, 22, "10.0.0.0/8"))
	require.Error(t, w.tryIngress(g, perm("tcp", 22, 22, "10.0.0.0/8")))
	w.texts(g)
	calls := w.cloud.Calls()
	require.Len(t, calls, 3)
	require.Equal(t, 2, w.cloud.Count("AuthorizeSecurityGroupIngress"))
	require.Equal(t, 2, w.cloud.Mutations())
	require.Equal(t, "InvalidPermission.Duplicate", calls[1].ErrorCode)
	require.Equal(t, 400, calls[1].Status)
	require.Equal(t, g, calls[2].Params.Get("Filter.1.Value.1"))
	require.NotEqual(t, calls[0].RequestID, calls[1].RequestID)
	require.Equal(t, "AKIDTEST", calls[0].AccessKeyID)
}

// TestParallelRevokesOfOneRule: exactly one finds it.
func TestParallelRevokesOfOneRule(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	ids := w.ingress(g, perm("tcp", 22, 22, "0.0.0.0/0"))
	done := make(chan error)
	for range 20 {
		go func() {
			_, err := w.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &g, SecurityGroupRuleIds: ids})
			done <- err
		}()
	}
	found := 0
	for range 20 {
		if err := <-done; err == nil {
			found++
		} else {
			refused(t, err, "InvalidSecurityGroupRuleId.NotFound")
		}
	}
	require.Equal(t, 1, found)
	require.Equal(t, 20, w.cloud.Count("RevokeSecurityGroupIngress"))
}
