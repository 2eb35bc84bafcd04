package soak

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// statesInTest are enough for every counter, at about a millisecond each.
const statesInTest = 20_000

// TestSoak is a short run of what `make soak` does for as long as one likes.
func TestSoak(t *testing.T) {
	report, err := Run(Config{Seed: 1, States: statesInTest})
	require.NoError(t, err)
	for _, f := range report.Failures {
		t.Error(f)
	}
	require.Empty(t, report.Tally.missing(), "what never happened proves nothing")
	if len(report.Failures) == 0 {
		require.GreaterOrEqual(t, report.Tally.States, statesInTest)
	}
}

// TestSeedsThatFailed plays what failed once.
func TestSeedsThatFailed(t *testing.T) {
	file, err := os.Open("testdata/seeds.txt")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	played := 0
	for s := bufio.NewScanner(file); s.Scan(); {
		line, what, _ := strings.Cut(s.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		require.NotEmpty(t, strings.TrimSpace(what), "%s: what did it find?", line)
		seed, err := strconv.ParseUint(words[0], 10, 64)
		require.NoError(t, err)
		var steps []int
		for _, w := range words[1:] {
			step, err := strconv.Atoi(w)
			require.NoError(t, err)
			steps = append(steps, step)
		}
		failure, err := Replay(seed, steps)
		require.NoError(t, err)
		if failure != nil {
			t.Error(failure)
		}
		played++
	}
	require.Positive(t, played)
}

// TestASeedIsARun: the same seed does and says the same, bit by bit, however
// many episodes are played at a time.
func TestASeedIsARun(t *testing.T) {
	one, err := Run(Config{Seed: 7, States: 800, Workers: 1})
	require.NoError(t, err)
	three, err := Run(Config{Seed: 7, States: 800, Workers: 3})
	require.NoError(t, err)
	require.Equal(t, one.Digest, three.Digest)
	require.Equal(t, one.Tally, three.Tally)
	other, err := Run(Config{Seed: 8, States: 400})
	require.NoError(t, err)
	require.NotEqual(t, one.Digest, other.Digest)
}

// TestItFindsWhatIsWrong guards with other policies than the laws say: each
// difference must show as the property that it breaks.
func TestItFindsWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ name, docket, yaml, property string }{
		{"a port is forgotten", "revert", policyOf("admin", "high", onPorts("22")), "P1"},
		{"a port too many", "revert", policyOf("admin", "high", onPorts("22, 3389, 443")), "P5"},
		{"less is kept", "narrow to", policyOf("ssh", "high", onPorts("22"), "remedy: {do: narrow, parts: 3}"), "P4"},
		{"more is kept", "narrow", policyOf("ssh", "high", `forbid: [{direction: ingress, ports: [22], peers: [internet], but: [{peers: [8.0.0.0/8]}]}]`, "remedy: narrow"), "P1"},
		{"more is tolerated", "union", policyOf("ssh", "high", onPorts("22"), "tolerate: {ipv4: /8, ipv6: /20}") +
			policyOf("tcp", "critical", "forbid: [{direction: ingress, protocols: [tcp], ports: [1-65535], peers: [internet], when: whole}]"), "P1"},
		{"less is tolerated", "union", policyOf("ssh", "high", onPorts("22"), "tolerate: {ipv4: /18, ipv6: /32}"), "P5"},
		{"nothing is tagged", "watch", policyOf("ssh", "high", onPorts("22"), "remedy: alert"), "books"},
		{"a port is forgotten before the act", "before the act", policyOf("ssh", "high", onPorts("22")), "P1"},
		{"a port too many before the act", "before the act", policyOf("ssh", "high", onPorts("22, 443")) + policyOf("rdp", "high", onPorts("3389"), "remedy: narrow"), "P5"},
		{"an exempt actor is not", "excuses", policyOf("ssh", "high", onPorts("22")) + policyOf("rdp", "high", onPorts("3389")), "P5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parsed, err := policy.Parse([]policy.Source{{File: "wrong.yaml", Text: []byte(c.yaml)}}, nil)
			require.NoError(t, err)
			set, err := policy.Compile(parsed.Documents, parsed.Deployment.Settings(policy.Enforce))
			require.NoError(t, err)
			r := newRunner(compiled{c.docket: set})
			found := map[string]int{}
			for seed := uint64(0); seed < 4000 && found[c.property] == 0; seed++ {
				if docketOf(seed).name != c.docket {
					continue
				}
				if f := r.play(seed, allSteps(), false, newTally()).failure; f != nil {
					found[f.Property]++
				}
			}
			require.Positive(t, found[c.property], "found %v", found)
		})
	}
}

// TestItFindsThatNothingIsNamed guards as after the act where none is done: it
// touches what no record names.
func TestItFindsThatNothingIsNamed(t *testing.T) {
	sets, err := compileAll()
	require.NoError(t, err)
	r := newRunner(sets)
	r.prepare = func(w *world) { require.NoError(t, w.baseline()) }
	found := map[string]int{}
	for seed := uint64(0); seed < 4000 && found["P5"] == 0; seed++ {
		if docketOf(seed).beforeAct {
			if f := r.play(seed, allSteps(), false, newTally()).failure; f != nil {
				found[f.Property]++
			}
		}
	}
	require.Positive(t, found["P5"], "found %v", found)
}

// TestItFindsThatTheFuseIsTooLarge guards with a fuse that lets one group more be
// touched than the docket says.
func TestItFindsThatTheFuseIsTooLarge(t *testing.T) {
	sets, err := compileAll()
	require.NoError(t, err)
	r := newRunner(sets)
	r.prepare = func(w *world) {
		w.fuse.Groups++
		require.NoError(t, w.restart())
	}
	found := map[string]int{}
	for seed := uint64(0); seed < 4000 && found["fuse"] == 0; seed++ {
		if docketOf(seed).fuse > 0 {
			if f := r.play(seed, allSteps(), false, newTally()).failure; f != nil {
				found[f.Property]++
			}
		}
	}
	require.Positive(t, found["fuse"], "found %v", found)
}
