package secgroup_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

func FuzzParseRule(f *testing.F) {
	for _, text := range []string{
		"", " ", "ingress", "ingress tcp/20-25 from 0.0.0.0/0", "egress all to ::/0", "ingress icmp/8 from sg-0a1b2c3d",
		"ingress icmpv6/128/0 from ::ffff:0:0/96", "ingress 47 from 123456789012/sg-0a1b2c3d", "egress udp/53 to pl-0a1b2c3d",
		"ingress 6/0-65535 from 203.0.113.9/0", "ingress tcp/25-20 from ::/0", "ingress tcp/22 from fe80::1%eth0/64",
		"ingress -1 from 0::/0", "ingress tcp/22 from 8.8.8.8/33", "ingress icmp/3/4/5 from ::/0", "ingress tcp//22 from ::/0",
	} {
		f.Add(text)
	}
	for _, text := range attackRules(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := secgroup.ParseRule(text)
		if err != nil {
			var place *secgroup.SyntaxError
			require.True(t, errors.As(err, &place))
			require.Equal(t, text, place.Text)
			require.LessOrEqual(t, 1, place.Column)
			require.LessOrEqual(t, place.Column, len(text)+1)
			require.Equal(t, place.Got, text[place.Column-1:place.Column-1+len(place.Got)], "the column is where it says")
			require.Zero(t, rule)
			return
		}
		require.NoError(t, rule.Validate())
		require.Equal(t, rule.Canonical(), rule)
		again, err := secgroup.ParseRule(rule.String())
		require.NoError(t, err)
		require.Equal(t, rule, again)
		require.Equal(t, []secgroup.Rule{rule}, rule.Region().Rules(rule.Direction, nil))
	})
}

// attackRules are the rules that the cases of attacks leave.
func attackRules(f *testing.F) []string {
	f.Helper()
	files, err := filepath.Glob("../embedded/testdata/attacks/*.txt")
	require.NoError(f, err)
	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		for line := range strings.Lines(string(text)) {
			if rules, ok := strings.CutPrefix(line, "left "); ok {
				for rule := range strings.SplitSeq(rules, ";") {
					texts = append(texts, strings.TrimSpace(rule))
				}
			}
		}
	}
	require.NotEmpty(f, texts)
	return texts
}

// The bytes of the fuzzer make two groups of rules and packets near them.
func FuzzRegion(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("ingress tcp/20-25 from 0.0.0.0/0"))
	f.Add([]byte{4, 0, 3, 0, 0, 0, 0, 0, 0, 200, 100, 50, 25, 12, 6, 3, 1, 0, 255, 254, 253, 252})
	f.Add([]byte{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5})
	f.Add([]byte{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4, 3, 3, 8, 3, 2, 7, 9, 5, 0, 2, 8, 8, 4, 1, 9, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := bytesSource(data)
		left, right := s.rules(4), s.rules(4)
		a, b := regionOf(left), regionOf(right)
		union, both, minus := a.Union(b), a.Intersect(b), a.Subtract(b)
		rules := minus.Rules(secgroup.Ingress, nil)
		require.True(t, regionOf(rules).Equal(minus), "%v - %v = %v", left, right, rules)
		require.Equal(t, !both.IsEmpty(), a.Overlaps(b))
		require.Equal(t, minus.IsEmpty(), b.Covers(a))
		require.True(t, minus.Union(both).Equal(a))
		require.True(t, secgroup.NewRegion(union.Slices()...).Equal(union))
		for range 40 {
			p := s.packet(append(append([]secgroup.Rule{}, left...), right...))
			x, y := oracle.AdmitsAny(left, p), oracle.AdmitsAny(right, p)
			require.Equal(t, x || y, admits(union, p), "%v + %v: %+v", left, right, p)
			require.Equal(t, x && y, admits(both, p), "%v and %v: %+v", left, right, p)
			require.Equal(t, x && !y, admits(minus, p), "%v - %v: %+v", left, right, p)
			require.Equal(t, x && !y, oracle.AdmitsAny(rules, p), "%v: %+v", rules, p)
		}
	})
}

// bytesSource reads numbers off the bytes; at their end it goes on with a
// simple sequence, so that short inputs have something to say as well.
func bytesSource(data []byte) source {
	state := uint32(len(data))
	next := func() int {
		if len(data) > 0 {
			b := data[0]
			data = data[1:]
			return int(b)
		}
		state = state*1664525 + 1013904223 // Numerical Recipes
		return int(state >> 24)
	}
	return func(n int) int {
		v := next()
		for limit := 256; limit < n; limit <<= 8 {
			v = v<<8 | next()
		}
		return v % n
	}
}
