package policydiff

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// pattern is a glob as tokens. A set of patterns is run over a text at once,
// as automata are, so that each combination of patterns that some text can
// match is found, with the shortest such text.
type pattern struct {
	tokens []token
	fold   bool // regardless of case; the literals are in lower case
}

// token is one literal rune, `?` (one) or `*` (many). The wildcards do not
// match a rune of stops.
type token struct {
	kind  byte // 'l', '?' or '*'
	rune  rune
	stops string
}

func globPattern(glob, stops string, fold bool) pattern {
	p := pattern{fold: fold}
	for _, r := range glob {
		t := token{kind: 'l', rune: r}
		if r == '*' || r == '?' {
			t = token{kind: byte(r), stops: stops}
		}
		p.tokens = append(p.tokens, t)
	}
	return p
}

// after is p behind a text and a part without dots: how names of AWS's lists begin.
func (p pattern) after(text string) pattern {
	var tokens []token
	for _, r := range text {
		tokens = append(tokens, token{kind: 'l', rune: r})
	}
	tokens = append(tokens, token{kind: '?', stops: "."}, token{kind: '*', stops: "."}, token{kind: 'l', rune: '.'})
	return pattern{tokens: append(tokens, p.tokens...), fold: p.fold}
}

// places are where a pattern can be in a text: which of its tokens may be next,
// the place behind the last one included.
type places []bool

func (p pattern) start() places {
	at := make(places, len(p.tokens)+1)
	at[0] = true
	return p.close(at)
}

// close adds what is reached without a rune: `*` may be nothing.
func (p pattern) close(at places) places {
	for i, t := range p.tokens {
		if at[i] && t.kind == '*' {
			at[i+1] = true
		}
	}
	return at
}

func (p pattern) step(at places, r rune) places {
	next := make(places, len(at))
	for i, t := range p.tokens {
		if !at[i] {
			continue
		}
		switch t.kind {
		case '*':
			next[i] = next[i] || !strings.ContainsRune(t.stops, r)
		case '?':
			next[i+1] = next[i+1] || !strings.ContainsRune(t.stops, r)
		default:
			next[i+1] = next[i+1] || t.rune == r || p.fold && lower(r) == t.rune
		}
	}
	return p.close(next)
}

// matches reports whether a text is one of the pattern's.
func (p pattern) matches(text string) bool {
	at := p.start()
	for _, r := range text {
		at = p.step(at, r)
	}
	return at.matched()
}

// matchesOf is which patterns a text matches.
func matchesOf(patterns []pattern, text string) []bool {
	out := make([]bool, len(patterns))
	for i, p := range patterns {
		out[i] = p.matches(text)
	}
	return out
}

func (at places) matched() bool { return at[len(at)-1] }

func lower(r rune) rune {
	low, _ := utf8.DecodeRuneInString(strings.ToLower(string(r)))
	return low
}

// texts is the texts that one search is about.
type texts struct {
	patterns []pattern // that tell texts apart
	must     []pattern // that all texts match; more of them are not looked at
	never    []pattern // that no text matches
	nice     []string  // texts to take for a class if one is in it, the first first
	alphabet []rune    // nil = what patterns tell apart
	shortest int       // runes
	longest  int
}

// matching is a class of texts: which patterns they match, and one of them.
type matching struct {
	matches []bool
	text    string
}

// mostStates bounds a search.
const mostStates = 20_000

// classes gives every combination of patterns that some text matches, or false
// where there are too many to look at.
func (q texts) classes() ([]matching, bool) {
	all := slices.Concat(q.patterns, q.must, q.never)
	type state struct {
		at   []places
		text string
	}
	first := state{}
	for _, p := range all {
		first.at = append(first.at, p.start())
	}
	var found []matching
	known := map[string]bool{}
	note := func(s state) {
		n := utf8.RuneCountInString(s.text)
		if n < q.shortest || n > q.longest || !q.allows(s.at) {
			return
		}
		key, m := "", matching{text: s.text}
		for i := range q.patterns {
			m.matches = append(m.matches, s.at[i].matched())
			key += flag(s.at[i].matched())
		}
		if !known[key] {
			known[key] = true
			found = append(found, m)
		}
	}
	for _, text := range q.nice {
		s := state{at: slices.Clone(first.at), text: text}
		for _, r := range text {
			for i, p := range all {
				s.at[i] = p.step(s.at[i], r)
			}
		}
		note(s)
	}
	alphabet := q.alphabet
	if alphabet == nil {
		alphabet = alphabetOf(all)
	}
	seen := map[string]bool{keyOf(first.at, false): true}
	for queue := []state{first}; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		note(s)
		if utf8.RuneCountInString(s.text) >= q.longest {
			continue
		}
		for _, r := range alphabet {
			next := state{text: s.text + string(r)}
			for i, p := range all {
				next.at = append(next.at, p.step(s.at[i], r))
			}
			// The first rune makes a difference where a text may not be empty.
			if key := keyOf(next.at, true); !seen[key] {
				if len(seen) >= mostStates {
					return nil, false
				}
				seen[key] = true
				queue = append(queue, next)
			}
		}
	}
	return found, true
}

func (q texts) allows(at []places) bool {
	for i := range q.must {
		if !at[len(q.patterns)+i].matched() {
			return false
		}
	}
	for i := range q.never {
		if at[len(q.patterns)+len(q.must)+i].matched() {
			return false
		}
	}
	return true
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func keyOf(at []places, begun bool) string {
	var b strings.Builder
	b.WriteString(flag(begun))
	for _, p := range at {
		for _, x := range p {
			b.WriteString(flag(x))
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// alphabetOf is every rune that some pattern tells from others, and one that
// none does. Letters come in both cases where a pattern does not heed them.
func alphabetOf(patterns []pattern) []rune {
	var out []rune
	add := func(r rune) {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	for _, p := range patterns {
		for _, t := range p.tokens {
			if t.kind == 'l' {
				add(t.rune)
				if p.fold {
					for _, up := range strings.ToUpper(string(t.rune)) {
						if lower(up) == t.rune {
							add(up)
						}
					}
				}
			}
			for _, r := range t.stops {
				add(r)
			}
		}
	}
	for _, r := range "xyzabcdefghijklmnopqrstuvw0123456789-_äöü" {
		if !slices.Contains(out, r) && !slices.Contains(out, []rune(strings.ToUpper(string(r)))[0]) {
			return append([]rune{r}, out...)
		}
	}
	return append([]rune{'\u4e00'}, out...)
}
