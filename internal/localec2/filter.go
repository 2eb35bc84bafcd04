package localec2

import (
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// values are what the filters of one resource look at.
type values struct {
	of   map[string]string
	sets map[string][]string // where a resource has many of a name: any may match
	tags map[string]string
}

// filters reads the filters of a request: all must match, by any of their
// values. Known are the names that the call has, beside tag:KEY and tag-key.
func (s *session) filters(known []string) (func(values) bool, *query.Fault) {
	type filter struct {
		name     string
		values   map[string]bool // without wildcards
		patterns []string
	}
	var all []filter
	for _, item := range s.params.Items("Filter") {
		f := filter{name: item.Text("Name"), values: map[string]bool{}}
		for _, value := range item.Texts("Value") {
			if isPattern(value) {
				f.patterns = append(f.patterns, value)
			} else {
				f.values[value] = true
			}
		}
		isTag := strings.HasPrefix(f.name, "tag:") || f.name == "tag-key"
		if !isTag && !slices.Contains(known, f.name) {
			return nil, query.Refuse("InvalidParameterValue", "The filter '%s' is invalid", f.name)
		}
		if len(f.values)+len(f.patterns) == 0 {
			return nil, query.Refuse("InvalidParameterValue", "The filter '%s' has no value", f.name)
		}
		all = append(all, f)
	}
	return func(v values) bool {
		for _, f := range all {
			fits := func(text string) bool {
				return f.values[text] || slices.ContainsFunc(f.patterns, func(pattern string) bool { return glob(pattern, text) })
			}
			if !v.match(f.name, fits) {
				return false
			}
		}
		return true
	}, nil
}

// match reports whether some value of that name fits.
func (v values) match(name string, fits func(text string) bool) bool {
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		value, has := v.tags[key]
		return has && fits(value)
	}
	if name == "tag-key" {
		for key := range v.tags {
			if fits(key) {
				return true
			}
		}
		return false
	}
	if set, ok := v.sets[name]; ok {
		return slices.ContainsFunc(set, fits)
	}
	return fits(v.of[name])
}

func isPattern(value string) bool { return strings.ContainsAny(value, `*?\`) }

// glob matches a filter value: * is any text, ? one character, \ takes the
// next as it is. Case counts.
func glob(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	at, star, mark := 0, -1, 0
	for i := 0; i < len(t); {
		switch {
		case at < len(p) && p[at] == '*':
			star, mark = at, i
			at++
		case at < len(p) && p[at] == '\\' && at+1 < len(p) && p[at+1] == t[i]:
			at, i = at+2, i+1
		case at < len(p) && p[at] != '\\' && (p[at] == '?' || p[at] == t[i]):
			at, i = at+1, i+1
		case star >= 0:
			mark++
			at, i = star+1, mark
		default:
			return false
		}
	}
	for at < len(p) && p[at] == '*' {
		at++
	}
	return at == len(p)
}
