package policydiff

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestPatternsMatchAsPoliciesDo holds the automata against what policies say:
// of names in a scope, where case does not count, and of actors, where a
// wildcard stops at / and :.
func TestPatternsMatchAsPoliciesDo(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 21))
	text := func(letters string) string {
		var b strings.Builder
		for range 1 + random.IntN(5) {
			b.WriteByte(letters[random.IntN(len(letters))])
		}
		return b.String()
	}
	matched := 0
	for range 3000 {
		glob, name := text("aB*?-"), text("aAbB-")
		set := compiled(t, func(d *policy.Document) { d.Scope.Names = []string{glob} })
		in := len(set.Views(set.Policies, policy.Case{Group: secgroup.Group{ID: "sg-0a", Name: name}})) > 0
		require.Equal(t, in, globPattern(strings.ToLower(glob), "", true).matches(name), "%s %s", glob, name)

		glob, name = text("a/:*?"), text("ab/:")
		set = compiled(t, func(d *policy.Document) { d.Except = []policy.Except{{Actors: []string{glob}}} })
		by := &secgroup.Attribution{Actor: secgroup.Actor{ARN: name}}
		excepted := len(set.Views(set.Policies, policy.Case{Group: secgroup.Group{ID: "sg-0a", Name: "x"}, By: by})) == 0
		require.Equal(t, excepted, globPattern(glob, "/:", false).matches(name), "%s %s", glob, name)
		if in || excepted {
			matched++
		}
	}
	require.Greater(t, matched, 300)
}

func compiled(t *testing.T, edit func(*policy.Document)) *policy.Set {
	t.Helper()
	d := policy.Document{ID: "p", File: "p.yaml", Severity: policy.High, Forbid: []policy.Clause{{
		Directions: []secgroup.Direction{secgroup.Ingress}, Peers: []policy.PeerSpec{{Kind: policy.PeerAddresses}},
		Flows: []policy.FlowSpec{{Protocols: secgroup.EveryProtocol, Span: secgroup.FullSpan}},
	}}}
	edit(&d)
	set, err := policy.Compile([]policy.Document{d}, policy.Settings{Mode: policy.Enforce, TrustedNames: []string{"*"}})
	require.NoError(t, err)
	return set
}

// TestClassesAreAllThatThereAre finds, for random globs, just the
// combinations that some short text matches, and each with such a text.
func TestClassesAreAllThatThereAre(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 22))
	every := []string{""}
	for from := 0; len(every) < 6000; from++ {
		for _, letter := range "abz" {
			every = append(every, every[from]+string(letter))
		}
	}
	for range 60 {
		var globs []string
		for range 1 + random.IntN(3) {
			glob := ""
			for range 1 + random.IntN(3) {
				glob += string("ab*?"[random.IntN(4)])
			}
			globs = append(globs, glob)
		}
		vector := func(text string) string {
			key := ""
			for _, glob := range globs {
				ok, err := path.Match(glob, text)
				require.NoError(t, err)
				key += flag(ok)
			}
			return key
		}
		want := map[string]bool{}
		for _, text := range every {
			want[vector(text)] = true
		}
		found, ok := texts{patterns: globsOf(globs), longest: 20}.classes()
		require.True(t, ok)
		got := map[string]bool{}
		for _, m := range found {
			key := vector(m.text)
			for i, is := range m.matches {
				require.Equal(t, string(key[i]), flag(is), "%v %q", globs, m.text)
			}
			got[key] = true
		}
		require.Equal(t, want, got, "%v", globs)
	}
}

func TestTooManyKindsAreAnError(t *testing.T) {
	many := func(d *policy.Document) {
		for i := range 16 {
			d.Scope.IDs = append(d.Scope.IDs, fmt.Sprintf("sg-%08x", i))
			d.Scope.VPCs = append(d.Scope.VPCs, fmt.Sprintf("vpc-%08x", i))
			d.Scope.Accounts = append(d.Scope.Accounts, fmt.Sprintf("%012d", i))
			d.Scope.Regions = append(d.Scope.Regions, fmt.Sprintf("eu-west-%d", i))
		}
	}
	old, now := compiled(t, many), compiled(t, func(d *policy.Document) {
		many(d)
		d.Remedy.Do = policy.DoAlert
	})
	_, err := Compare(Deployed{Set: old}, Deployed{Set: now}, epoch)
	var tooMany *TooManyError
	require.ErrorAs(t, err, &tooMany)
	require.EqualError(t, err, "compare policies: their scopes tell too many kinds of groups, actors and times apart")

	_, ok := texts{patterns: globsOf(strings.Fields("*a* *b* *c* *d* *e* *f* *g* *h* *i* *j* *k* *l* *m* *n* *o*")), longest: 255}.classes()
	require.False(t, ok)
}
