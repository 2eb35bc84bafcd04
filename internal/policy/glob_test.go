package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGlobs(t *testing.T) {
	for _, tc := range []struct {
		pattern, text, stops string
		want                 bool
	}{
		{"web-*", "web-1", "", true},
		{"web-*", "web-", "", true},
		{"web-*", "web", "", false},
		{"*-web", "a-b-web", "", true},
		{"*a*b", "xaya", "", false},
		{"*a*b", "xayab", "", true},
		{"w?b", "wäb", "", true},
		{"w?b", "wb", "", false},
		{"", "", "", true},
		{"", "x", "", false},
		{"*", "", "", true},
		{"a*b", "a/b", "/:", false},
		{"a*/b", "axx/b", "/:", true},
		{"a?b", "a:b", "/:", false},
		{"**", "x", "/", true},
		{"*x*/*", "axb/", "/", true},
	} {
		require.Equal(t, tc.want, matchGlob(tc.pattern, tc.text, tc.stops), "%q on %q without %q", tc.pattern, tc.text, tc.stops)
	}
}

func TestActorPatterns(t *testing.T) {
	admin := "arn:aws:iam::123456789012:role/network-admin"
	for _, tc := range []struct {
		pattern, arn string
		want         bool
	}{
		{"arn:aws:iam::*:role/network-admin", admin, true},
		{"arn:aws:iam::123456789012:role/network-*", admin, true},
		{"arn:aws:iam::*:role/*", admin, true},
		{"arn:aws:iam::*:role/*", "arn:aws:iam::123456789012:role/team/network-admin", false},
		{"arn:aws:iam::*:role/*/network-admin", "arn:aws:iam::123456789012:role/team/network-admin", true},
		{"arn:aws:iam::*", admin, false},
		{"arn:*", admin, false},
		{"*", admin, false},
		{"arn:aws:iam::*:role/network-admin", "arn:aws:iam::123456789012:role/network-admin-evil", false},
		{"arn:aws:iam::*:role/network-admin", "arn:aws:iam::1:x:role/network-admin", false},
		{"ARN:aws:iam::*:role/network-admin", admin, false},
		{"*", "", false},
		{"", "", false},
	} {
		require.Equal(t, tc.want, matchActor([]string{tc.pattern}, tc.arn), "%s on %q", tc.pattern, tc.arn)
	}
	require.False(t, matchActor(nil, admin))
}

func TestGlobWithin(t *testing.T) {
	for _, tc := range []struct {
		inner, outer string
		want         bool
	}{
		{"web-*", "web-*", true},
		{"web-a*", "web-*", true},
		{"web-1", "web-*", true},
		{"web-?", "web-*", true},
		{"web-*", "web-?", false},
		{"web-??", "web-?", false},
		{"*", "web-*", false},
		{"db-*", "web-*", false},
		{"web-*", "*", true},
		{"*web", "*w*b", true},
		{"", "*", true},
		{"x", "", false},
		{"a*c", "a?c", false},
	} {
		require.Equal(t, tc.want, globWithin(tc.inner, tc.outer), "%q within %q", tc.inner, tc.outer)
	}
}

// FuzzGlobWithin: whatever the inner glob matches, an outer that is said to
// hold it matches too.
func FuzzGlobWithin(f *testing.F) {
	for _, seed := range [][3]string{{"web-*", "*", "web-1"}, {"a?b*", "a*", "axbc"}, {"*a*", "?*", "za"}, {"??", "?*?", "ab"}, {"\xdc", "\xd6", "\xdc"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, inner, outer, text string) {
		if len(inner) > 12 || len(outer) > 12 {
			return
		}
		if globWithin(inner, outer) && matchGlob(inner, text, "") {
			require.True(t, matchGlob(outer, text, ""), "%q within %q, but %q", inner, outer, text)
		}
	})
}
