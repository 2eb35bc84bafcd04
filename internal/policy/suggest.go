package policy

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean is the hint for a word that is none of the known ones: the
// nearest if it is near, else all of them if they are few, else "".
func didYouMean(word string, known []string) string {
	if best := nearest(word, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(known) > 0 && len(known) <= 12 {
		return "known: " + strings.Join(known, ", ")
	}
	return ""
}

// mostKnown bounds how many words are compared for a hint.
const mostKnown = 500

// nearest is the known word that a word may be a slip of; "" = none.
func nearest(word string, known []string) string {
	known = known[:min(len(known), mostKnown)]
	best, distance := "", min(len(word)/3+2, len(word))
	for _, k := range known {
		if strings.EqualFold(word, k) {
			return k
		}
		if d := len(word) - len(k); max(d, -d) >= distance {
			continue // that many letters are too many or missing
		}
		if d := editDistance(word, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" && len(word) >= 6 {
		best = abbreviated(word, known)
	}
	return best
}

// abbreviated is the shortest known word that has all letters of a word in their
// order, whatever their case: it may be meant by less; "" = none.
func abbreviated(word string, known []string) string {
	best := ""
	for _, k := range known {
		rest := strings.ToLower(word)
		for _, c := range []byte(strings.ToLower(k)) {
			if rest != "" && rest[0] == c {
				rest = rest[1:]
			}
		}
		if rest == "" && (best == "" || len(k) < len(best)) {
			best = k
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that make b of a. Words over 64 bytes are taken as far apart.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	before, previous, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, previous, row = previous, row, before
	}
	return previous[len(b)]
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
