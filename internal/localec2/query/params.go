package query

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Params is a request, or a part of it, as a tree: "Filter.1.Name=group-id" is
// Filter -> 1 -> Name -> "group-id". A nil *Params is an empty tree.
type Params struct {
	leaf   string
	isLeaf bool
	sub    map[string]*Params
}

// ErrMalformed is wrapped by every error of Parse.
var ErrMalformed = errors.New("malformed query string")

// Parse makes a tree of form values. A name that is given twice, or both with
// a value and with members, is an error.
func Parse(form url.Values) (*Params, error) {
	root := &Params{}
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if len(form[name]) != 1 {
			return nil, fmt.Errorf("%w: parameter %s is given %d times", ErrMalformed, name, len(form[name]))
		}
		if err := root.put(strings.Split(name, "."), form[name][0]); err != nil {
			return nil, fmt.Errorf("%w: parameter %s: %w", ErrMalformed, name, err)
		}
	}
	return root, nil
}

func (p *Params) put(path []string, value string) error {
	for _, step := range path {
		if step == "" {
			return errors.New("a part of the name is empty")
		}
		if p.isLeaf {
			return errors.New("a value and members at once")
		}
		if p.sub == nil {
			p.sub = map[string]*Params{}
		}
		if p.sub[step] == nil {
			p.sub[step] = &Params{}
		}
		p = p.sub[step]
	}
	if p.isLeaf || p.sub != nil {
		return errors.New("a value and members at once")
	}
	p.leaf, p.isLeaf = value, true
	return nil
}

// Get gives the member of that name; nil if there is none.
func (p *Params) Get(name string) *Params {
	if p == nil {
		return nil
	}
	return p.sub[name]
}

// Has reports whether there is a member of that name.
func (p *Params) Has(name string) bool { return p.Get(name) != nil }

// Value is the value of a leaf; ok is false for a nil or inner node.
func (p *Params) Value() (value string, ok bool) {
	if p == nil {
		return "", false
	}
	return p.leaf, p.isLeaf
}

// Text is the value of the member of that name, "" if there is none.
func (p *Params) Text(name string) string {
	text, _ := p.Get(name).Value()
	return text
}

// Names are the names of the members, numbers first and in their order.
func (p *Params) Names() []string {
	if p == nil {
		return nil
	}
	names := make([]string, 0, len(p.sub))
	for name := range p.sub {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		an, aNumber := Index(a)
		bn, bNumber := Index(b)
		switch {
		case aNumber && bNumber:
			return an - bn
		case aNumber:
			return -1
		case bNumber:
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}

// Items are the members of the list of that name, in the order of their
// numbers. Gaps are allowed, as EC2 allows them.
func (p *Params) Items(name string) []*Params {
	list := p.Get(name)
	var items []*Params
	for _, n := range list.Names() {
		if _, ok := Index(n); ok {
			items = append(items, list.sub[n])
		}
	}
	return items
}

// Texts are the values of the list of that name.
func (p *Params) Texts(name string) []string {
	var texts []string
	for _, item := range p.Items(name) {
		if text, ok := item.Value(); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// Index reads a part of a name as the number of a list member: 1 and up,
// without leading zeros.
func Index(part string) (int, bool) {
	if part == "" || part[0] < '1' || part[0] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(part)
	return n, err == nil
}

// Pattern is the name of a parameter with every list number as "#":
// "Filter.1.Value.2" has the pattern "Filter.#.Value.#".
func Pattern(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		if _, ok := Index(part); ok {
			parts[i] = "#"
		}
	}
	return strings.Join(parts, ".")
}
