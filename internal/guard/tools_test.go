package guard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// folder writes policies that forbid ssh, each with this tail.
func folder(t *testing.T, tails ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, tail := range tails {
		id := "p" + string(rune('a'+i))
		text := "apiVersion: sgwarden/v1\nkind: Policy\nmetadata: {id: " + id + ", title: t, severity: high}\n" +
			"forbid: [{direction: ingress, ports: [22], peers: [internet]}]\n" + tail + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, id+".yaml"), []byte(text), 0o600))
	}
	return dir
}

func TestNeedsAreThoseOfTheRemediesThatAct(t *testing.T) {
	revert := apply.Needs{Revert: true, Modify: true, Lists: true}
	for _, c := range []struct {
		name  string
		mode  string
		tails []string
		want  apply.Needs
	}{
		{"revert", "enforce", []string{""}, revert},
		{"observe", "observe", []string{"remedy: revert"}, apply.Needs{}},
		{"mode not set", "", []string{"remedy: revert"}, apply.Needs{}},
		{"policy lowers the mode", "enforce", []string{"mode: observe"}, apply.Needs{}},
		{"alert", "enforce", []string{"remedy: alert"}, apply.Needs{}},
		{"tag", "enforce", []string{"remedy: tag"}, apply.Needs{Tag: true}},
		{"narrow in place", "enforce", []string{"remedy: narrow"}, revert},
		{"narrow in parts", "enforce", []string{"remedy: {do: narrow, parts: 3}"}, apply.Needs{Revert: true, Modify: true, Authorize: true, Lists: true}},
		{"rules in place of lists", "enforce", []string{"remedy: {do: revert, onList: rule}"}, apply.Needs{Revert: true, Modify: true, Authorize: true, Lists: true}},
		{"parts in observe", "enforce", []string{"remedy: {do: narrow, parts: 3}\nmode: observe", "remedy: tag"}, apply.Needs{Tag: true}},
		{"all", "enforce", []string{"remedy: tag", "remedy: alert", "remedy: {do: narrow, parts: 2}"}, apply.Needs{Revert: true, Modify: true, Authorize: true, Tag: true, Lists: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := load(Settings{Mode: c.mode, Policies: folder(t, c.tails...)})
			require.NoError(t, l.fault)
			require.Equal(t, c.want, Needs(l.set))
		})
	}
}

// TestReadsAreThoseOfThePoliciesThatAreOn, whatever their mode: observing reads
// the same facts.
func TestReadsAreThoseOfThePoliciesThatAreOn(t *testing.T) {
	dir := t.TempDir()
	reads := func(requirement string) inventory.Needs {
		text := "apiVersion: sgwarden/v1\nkind: Policy\nmetadata: {id: p, title: p, severity: low}\nremedy: alert\nmode: observe\nrequire: [" + requirement + "]\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, "p.yaml"), []byte(text), 0o644))
		l := load(Settings{Mode: "enforce", Policies: dir})
		require.NoError(t, l.fault)
		return Reads(l.set)
	}
	require.Equal(t, inventory.Needs{}, reads("{maxRules: 3}"))
	require.Equal(t, inventory.Needs{}, reads("{maxGroups: 3}, {distinct: covered}"), "the other groups take no right beyond the usual ones")
	require.Equal(t, inventory.Needs{Interfaces: true}, reads("{attached: false}"))
	require.Equal(t, inventory.Needs{Dead: true}, reads("{where: {direction: both, peers: [any]}, references: alive}"))
	require.Equal(t, inventory.Needs{Elastic: true, Interfaces: true}, reads("{where: {direction: both, peers: [any]}, elastic: own}, {attached: true}"))
}

func TestNothingThatCanChangeIsMadeWhereNothingMay(t *testing.T) {
	require.IsType(t, &apply.Observer{}, newApplier(apply.Needs{}, &ec2.Client{}))
	require.IsType(t, &apply.Applier{}, newApplier(apply.Needs{Tag: true}, &ec2.Client{}))
}

func TestModeIsTheLowerOne(t *testing.T) {
	dir := folder(t, "")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sgwarden.yaml"), []byte("apiVersion: sgwarden/v1\nkind: Settings\nmode: observe\n"), 0o600))
	l := load(Settings{Mode: "enforce", Policies: dir})
	require.NoError(t, l.fault)
	require.Equal(t, policy.Observe, l.set.Mode)
	require.Equal(t, apply.Needs{}, Needs(l.set))
}

func TestFaultsOfPolicies(t *testing.T) {
	good := folder(t, "")
	_, b, err := bundle.Load(good, bundle.Options{})
	require.NoError(t, err)
	damaged := filepath.Join(t.TempDir(), bundle.FileName)
	require.NoError(t, os.WriteFile(damaged, []byte("not a bundle"), 0o600))
	for _, c := range []struct {
		name     string
		settings Settings
		want     string
	}{
		{"right digest", Settings{Policies: good, Digest: b.Digest}, ""},
		{"other digest", Settings{Policies: good, Digest: strings.Repeat("0", 64)}, "the policies have digest"},
		{"no folder", Settings{Policies: filepath.Join(good, "none")}, "there is no such folder"},
		{"no bundle beside the binary", Settings{}, "there is no such folder"},
		{"empty folder", Settings{Policies: t.TempDir()}, "no policy file"},
		{"damaged bundle", Settings{Policies: damaged}, "bundle"},
		{"broken policy", Settings{Policies: folder(t, "remedy: destroy")}, "remedy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := load(c.settings)
			if c.want == "" {
				require.NoError(t, l.fault)
				require.NotNil(t, l.set)
				return
			}
			require.ErrorContains(t, l.fault, c.want)
			require.Nil(t, l.set, "no other policies in their place")
		})
	}
}

func TestEndpointsOfClients(t *testing.T) {
	env := complete()
	env["AWS_ENDPOINT_URL"] = "http://localhost:5000"
	env["AWS_ENDPOINT_URL_SNS"] = "http://localhost:6000"
	s, err := FromEnviron(pairs(env))
	require.NoError(t, err)
	c := s.AWS.clients()
	require.Equal(t, "http://localhost:5000", *c.ec2.Options().BaseEndpoint)
	require.Equal(t, "http://localhost:5000", *c.sqs.Options().BaseEndpoint)
	require.Equal(t, "http://localhost:5000", *c.dynamodb.Options().BaseEndpoint)
	require.Equal(t, "http://localhost:6000", *c.sns.Options().BaseEndpoint)
	keys, err := c.ec2.Options().Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	require.Equal(t, "AKIA", keys.AccessKeyID)
	require.Equal(t, "token", keys.SessionToken)
	require.Nil(t, Environment{Region: "us-east-1"}.clients().ec2.Options().BaseEndpoint)
}
