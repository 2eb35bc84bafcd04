package policy

import (
	"slices"
	"strings"
	"time"
)

// ScopeText says in words what groups a policy is for, as far as the
// deployment trusts what its scope rests on.
func (d Document) ScopeText(t Trusted) string {
	if d.Scope.isEmpty() && d.Not == nil {
		return "every group"
	}
	text := "every group"
	if in := d.Scope.conditionTexts(t); len(in) > 0 {
		text = strings.Join(in, "; ")
	}
	if d.Not != nil {
		text += "; but not " + strings.Join(d.Not.conditionTexts(t), " with ")
	}
	return text
}

// conditionTexts gives the conditions of a scope, each in words.
func (s Scope) conditionTexts(t Trusted) []string {
	var out []string
	add := func(what string, values []string) {
		if len(values) > 0 {
			out = append(out, what+" "+strings.Join(values, ", "))
		}
	}
	if s.Default != nil && *s.Default {
		out = append(out, "default groups")
	} else if s.Default != nil {
		out = append(out, "groups that are no default group")
	}
	add("groups", s.IDs)
	var names []string
	for _, glob := range s.Names {
		if !(trust{names: t.Names}).name(glob) {
			glob += " (not trusted)"
		}
		names = append(names, glob)
	}
	add("names", names)
	for _, key := range sortedKeys(s.Tags) {
		what := "tag " + key
		if !slices.Contains(t.Tags, key) {
			what += " (not trusted)"
		}
		add(what+" =", s.Tags[key])
	}
	add("VPCs", s.VPCs)
	add("accounts", s.Accounts)
	add("regions", s.Regions)
	add("used by", s.UsedBy)
	return out
}

// Text is the remedy in words: narrow to 10.0.0.0/8, after 5m.
func (r Remedy) Text() string {
	text := r.Do.String()
	if len(r.To) > 0 {
		var to []string
		for _, p := range r.To {
			to = append(to, p.String())
		}
		text += " to " + strings.Join(to, " ")
	}
	if r.OnList {
		text += ", of a list the rule"
	}
	if r.After > 0 {
		text += ", after " + shortSpan(r.After)
	}
	return text
}

// shortSpan is a time span as policies write it: 5m, not 5m0s.
func shortSpan(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
