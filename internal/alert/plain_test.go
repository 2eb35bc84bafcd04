package alert

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPlain(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"ordinary text stays", "web servers, 2nd floor (prod)", "web servers, 2nd floor (prod)"},
		{"an ARN stays", "arn:aws:iam::123456789012:role/dev/build_er", "arn:aws:iam::123456789012:role/dev/build_er"},
		{"a user agent stays", "aws-cli/2.15.0 Python/3.11.6", "aws-cli/2.15.0 Python/3.11.6"},
		{"a rule stays", "ingress tcp/20-25 from 2606:4700::/32", "ingress tcp/20-25 from 2606:4700::/32"},
		{"our arrow stays", "ingress tcp/20-25 from 0.0.0.0/0 -> ingress tcp/23-25 from 0.0.0.0/0", "ingress tcp/20-25 from 0.0.0.0/0 -> ingress tcp/23-25 from 0.0.0.0/0"},
		{"letters of the world stay", "équipe 東京 Łódź", "équipe 東京 Łódź"},
		{"a link", "see https://evil.example/x?y=1", "see https[:]//evil[.]example/x?y=1"},
		{"a link with backslashes", `https:\\evil.example`, "https[:]//evil[.]example"},
		{"a link in full width", "ｈｔｔｐｓ：／／ｅｖｉｌ．ｃｏｍ", "https[:]//evil[.]com"},
		{"a link with a foreign dot", "evil。com", "evil[.]com"},
		{"a bare host", "call www.evil.example now", "call www[.]evil[.]example now"},
		{"a host that begins with a digit", "www.1evil.example", "www[.]1evil[.]example"},
		{"a scheme without slashes", "MAILTO:me, javascript:alert(1)", "MAILTO[:]me, javascript[:]alert(1)"},
		{"a Markdown link", "[click](http://evil.example)", "(click)(http[:]//evil[.]example)"},
		{"a Slack link", "<http://evil.example|fine>", "(http[:]//evil[.]example/fine)"},
		{"a Slack mention", "<!channel> <@U123> @here", "(!channel) ((at)U123) (at)here"},
		{"an e-mail address", "jane@corp.example", "jane(at)corp[.]example"},
		{"HTML", `<script>alert("1")</script>&lt;`, "(script)alert('1')(/script)+lt;"},
		{"Markdown", "*bold* _it_ ~~no~~ `code` a_b", "'bold' -it- ''no'' 'code' a_b"},
		{"a second line", "fine\r\nOutcome: compliant\u2028x", "fine Outcome: compliant x"},
		{"terminal controls", "\x1b[31mred\x07\u009b0m", "(31mred 0m"},
		{"bidirectional controls", "abc\u202egpj.exe\u2066", "abc gpj[.]exe"},
		{"letters from right to left", "a\u05d0\u0627b", "a??b"},
		{"invisible letters", "he\u200bllo\U000e0041\ufeff", "he llo"},
		{"piled marks", "a\u0301\u0301\u0301\u0301b", "a\u0301b"},
		{"broken UTF-8", "a\xff\xfeb", "a??b"},
		{"shell", "$(rm -rf /) `id` ${HOME} ; a | b", "$(rm -rf /) 'id' $(HOME) ; a / b"},
		{"nothing", " \n\t ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, plain(tt.in, 200)) })
	}
}

func TestPlainIsCutByRunes(t *testing.T) {
	require.Equal(t, "abcdefg...", plain("abcdefghijklmnop", 10))
	require.Equal(t, "東東東東東東東...", plain(strings.Repeat("東", 30), 10))
	require.Equal(t, "abcdefghij", plain("abcdefghij", 10))
	require.LessOrEqual(t, utf8.RuneCountInString(plain(strings.Repeat("\u200b", 1e6)+"x", 10)), 10)
}

// linkish is what readers turn into links, mentions or markup.
var linkish = regexp.MustCompile(`://|(?i)(mailto|javascript|data|file|tel):|@|[<"` + "`" + `*~|&\[]|\]\(|[\pL\pN]\.\pL|\pL\.[\pL\pN]`)

func requirePlain(t require.TestingT, got string, limit int) {
	require.True(t, utf8.ValidString(got))
	require.LessOrEqual(t, utf8.RuneCountInString(got), limit)
	for _, r := range got {
		require.True(t, r == ' ' || unicode.IsGraphic(r) && !unicode.IsSpace(r), "%U", r)
		require.False(t, unicode.Is(rightToLeft, r), "%U", r)
	}
	bare := strings.NewReplacer("[:]", "", "[.]", "").Replace(got)
	// What was in brackets is broken up: its parts are looked at apart.
	for _, part := range strings.FieldsFunc(strings.NewReplacer("[:]", "\x00", "[.]", "\x00").Replace(got), func(r rune) bool { return r == 0 }) {
		require.NotRegexp(t, linkish, part)
	}
	require.NotContains(t, bare, "[")
}

// hostile draws text from what attackers use.
func hostile() *rapid.Generator[string] {
	pieces := rapid.SampledFrom([]string{
		"http", "https:", "/", "//", "\\", ":", ".", "@", "<", ">", "|", "[", "]", "(", ")", "!", "#", "*", "_", "~", "`", "&lt;", "\"", "'",
		"\n", "\r", "\u2028", "\x1b[2J", "\u202e", "\u200b", "\u00ad", "\u0301", "\u05d0", "\uff1a", "\uff0f", "\u3002", "\xff", "\x00",
		"evil", "com", "1", "mailto", "JavaScript", "www", "Outcome", " ", "$(id)", "=cmd", "é", "😀",
	})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(pieces, 0, 30).Draw(t, "pieces"), "")
	})
}

func TestPlainIsPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(4, 80).Draw(t, "limit")
		requirePlain(t, plain(rapid.OneOf(hostile(), rapid.String()).Draw(t, "text"), limit), limit)
	})
}

func FuzzPlain(f *testing.F) {
	for _, seed := range []string{"", "see https://evil.example", "<!channel>", "a\nb", "\x1b[31m", "jane@corp.example", "ａ．ｂ", "a\u0301\u0301.b", "mailto:x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { requirePlain(t, plain(text, 60), 60) })
}
