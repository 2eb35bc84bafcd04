package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/conformance"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// account is an account with things that are not ours, behind a socket, and a
// profile that leads there.
type account struct {
	*testing.T
	cloud  *localec2.Cloud
	before []secgroup.Group
}

const (
	othersVPC  = "vpc-0000000000000000a"
	othersList = "pl-0000000000000000a"
)

func newAccount(t *testing.T) account {
	t.Helper()
	a := account{T: t, cloud: localec2.New(localec2.Options{IDs: localec2.CountedIDs(t.Name())})}
	require.NoError(t, a.account().EnsureVPC(othersVPC))
	require.NoError(t, a.account().PutListOfS3())
	require.NoError(t, a.account().PutList(secgroup.PrefixList{ID: othersList, Name: "theirs"}, 5))
	_, err := a.account().EnsureGroup(secgroup.Group{ID: "sg-0000000000000000a", Name: "theirs", VPCID: othersVPC})
	require.NoError(t, err)
	a.before = a.account().Groups()
	server := httptest.NewServer(a.cloud.Handler())
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": localec2.DefaultRegion, "AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	return a
}

func (a account) account() *localec2.Account {
	return a.cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion)
}

func (a account) run(ctx context.Context, args ...string) (code int, text string) {
	a.Helper()
	var out bytes.Buffer
	code = run(ctx, args, &out, &out)
	return code, out.String()
}

// requireUntouched holds that all that was there is as it was, that nothing
// else is there, and that no call that changes something named what is not ours.
func (a account) requireUntouched() {
	a.Helper()
	require.Equal(a, a.before, a.account().Groups())
	require.True(a, a.account().SetTags(othersVPC, nil))
	require.True(a, a.account().SetTags(othersList, nil))
	others := []string{othersVPC, othersList, a.account().DefaultVPC()}
	for _, g := range a.before {
		others = append(others, g.ID)
	}
	made := map[string]int{}
	for _, c := range a.cloud.Calls() {
		if c.ErrorCode == "" {
			made[c.Action]++
		}
		for _, values := range c.Params {
			for _, id := range others {
				assert.False(a, c.Changes && values[0] == id, "%s names %s", c.Action, id)
			}
		}
	}
	for _, kind := range []string{"Vpc", "ManagedPrefixList"} {
		require.Equal(a, made["Create"+kind], made["Delete"+kind], kind)
	}
}

func TestWithoutConfirmationNothingIsCalled(t *testing.T) {
	a := newAccount(t)
	code, text := a.run(t.Context())
	require.Zero(t, code, text)
	for _, part := range []string{"Nothing was called", conformance.OwnBlock, conformance.FarBlock, conformance.LateBlock, "tagged " + conformance.Tag, "ec2:CreateVpc\n", "ec2:DeleteVpc\n", "remove"} {
		require.Contains(t, text, part)
	}
	code, text = a.run(t.Context(), "-remove", "abc")
	require.Zero(t, code, text)
	require.Contains(t, text, "Nothing was called")
	require.Zero(t, a.cloud.Count())
}

func TestConfirmed(t *testing.T) {
	a := newAccount(t)
	vpcs := func() (n int) { // each has a default group
		for _, g := range a.account().Groups() {
			if g.Name == "default" {
				n++
			}
		}
		return n
	}
	before, most := vpcs(), 0
	a.cloud.Disturb(func(localec2.Call) localec2.Disturbance {
		most = max(most, vpcs()-before)
		return localec2.Disturbance{}
	})
	code, text := a.run(t.Context(), "-confirm", "-patience", "0")
	require.Zero(t, code, text)
	require.Contains(t, text, "0 differ\n")
	require.Contains(t, text, "account 123456789012, tag "+conformance.Tag+"=")
	require.Contains(t, text, "nothing with the tag is left")
	require.Equal(t, 3, most, "free VPCs that it needs")
	a.requireUntouched()
}

func TestWhatDiffersIsTold(t *testing.T) {
	a := newAccount(t)
	a.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "ModifySecurityGroupRules" {
			return localec2.Swallow()
		}
		return localec2.Disturbance{}
	})
	code, text := a.run(t.Context(), "-confirm", "-patience", "0")
	require.Equal(t, 1, code)
	require.Contains(t, text, "DIFFERS modify/ipv4-block (model)\n")
	require.Contains(t, text, "not every case holds")
	a.requireUntouched()
}

// TestCleanUpAfterFailures stops a run at calls of every kind.
func TestCleanUpAfterFailures(t *testing.T) {
	for _, at := range []string{"CreateVpc 2", "DescribeVpcs 1", "CreateSecurityGroup 40", "AuthorizeSecurityGroupIngress 60", "AssociateSecurityGroupVpc 3", "CreateManagedPrefixList 20"} {
		t.Run(at, func(t *testing.T) {
			a := newAccount(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			seen := map[string]int{}
			a.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
				seen[c.Action]++
				if strings.HasPrefix(at, c.Action+" ") && at == c.Action+" "+strconv.Itoa(seen[c.Action]) {
					cancel() // as Ctrl-C does, with a call under way
				}
				return localec2.Disturbance{}
			})
			code, text := a.run(ctx, "-confirm", "-patience", "0")
			require.Equal(t, 1, code, text)
			require.Contains(t, text, "nothing with the tag is left")
			a.cloud.Disturb(nil)
			a.requireUntouched()
		})
	}
}

// TestLostAnswers holds that what was made twice, since an answer was lost, is
// removed twice.
func TestLostAnswers(t *testing.T) {
	a := newAccount(t)
	lost := map[string]bool{}
	a.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if strings.HasPrefix(c.Action, "Create") && !lost[c.Action] {
			lost[c.Action] = true
			return localec2.LoseAnswer()
		}
		return localec2.Disturbance{}
	})
	_, text := a.run(t.Context(), "-confirm", "-patience", "0")
	require.Contains(t, text, "nothing with the tag is left")
	cases, _ := chosen()
	calls, err := rehearse(t.Context(), cases)
	require.NoError(t, err)
	require.Equal(t, calls["CreateVpc"]+1, a.cloud.Count("CreateVpc"))
	a.requireUntouched()
}

// TestRemove cleans up after a process that could not.
func TestRemove(t *testing.T) {
	a := newAccount(t)
	a.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "DeleteVpc" {
			return localec2.Deny()
		}
		return localec2.Disturbance{}
	})
	code, text := a.run(t.Context(), "-confirm", "-patience", "0")
	require.Equal(t, 1, code, text)
	_, name, found := strings.Cut(text, "REMOVE=")
	require.True(t, found, text)
	require.Greater(t, len(a.account().Groups()), len(a.before), "the VPCs and their default groups are left")
	a.cloud.Disturb(nil)
	code, text = a.run(t.Context(), "-confirm", "-patience", "0", "-remove", strings.TrimSpace(name))
	require.Zero(t, code, text)
	a.requireUntouched()
}

func TestWrongArguments(t *testing.T) {
	a := newAccount(t)
	for _, args := range [][]string{{"-nonsense"}, {"yes"}, {"-confirm", "-remove", "A B"}} {
		code, _ := a.run(t.Context(), args...)
		require.Equal(t, 2, code, args)
	}
	require.Zero(t, a.cloud.Count())
}
