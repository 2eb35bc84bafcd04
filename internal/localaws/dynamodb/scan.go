package dynamodb

import (
	_ "embed"
	"regexp"
	"strings"
)

// maxExpression is the longest expression, in bytes, and maxOperators the most
// operators and functions in one (developer guide, "Constraints").
const (
	maxExpression = 4 << 10
	maxOperators  = 300
)

//go:embed reserved.txt
var reservedText string

// reserved are the words that an expression may not use as a name (developer
// guide, "Reserved words in DynamoDB").
var reserved = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(reservedText) {
		words[w] = true
	}
	return words
}()

var (
	token = regexp.MustCompile(`^(?:\s+|<>|<=|>=|[=<>(),+\-.\[\]]|[#:]?[A-Za-z0-9_]+)`)
	bare  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

// scanner reads one expression, and keeps which placeholders were used.
type scanner struct {
	which  string // "ConditionExpression", for messages
	tokens []string
	names  map[string]string
	values Item
	used   map[string]bool
	opened int // operators and functions so far
}

// placeholders are those of a request: what its expressions must use up.
type placeholders struct {
	names  map[string]string
	values Item
	used   map[string]bool
}

func newPlaceholders(names map[string]string, values Item) (*placeholders, *Fault) {
	if names != nil && len(names) == 0 {
		return nil, invalid("ExpressionAttributeNames must not be empty")
	}
	if values != nil && len(values) == 0 {
		return nil, invalid("ExpressionAttributeValues must not be empty")
	}
	for name := range names {
		if !strings.HasPrefix(name, "#") {
			return nil, invalid("ExpressionAttributeNames contains invalid key: Syntax error; key: %q", name)
		}
	}
	for name := range values {
		if !strings.HasPrefix(name, ":") {
			return nil, invalid("ExpressionAttributeValues contains invalid key: Syntax error; key: %q", name)
		}
	}
	return &placeholders{names, values, map[string]bool{}}, nil
}

// checkUsed refuses a placeholder that no expression of the request used.
func (p *placeholders) checkUsed() *Fault {
	for name := range p.names {
		if !p.used[name] {
			return invalid("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", name)
		}
	}
	for name := range p.values {
		if !p.used[name] {
			return invalid("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", name)
		}
	}
	return nil
}

func (p *placeholders) scan(which, text string) (*scanner, *Fault) {
	s := &scanner{which: which, names: p.names, values: p.values, used: p.used}
	switch {
	case text == "":
		return nil, invalid("Invalid %s: The expression can not be empty;", which)
	case len(text) > maxExpression:
		return nil, invalid("Invalid %s: Expression size has exceeded the maximum allowed size; expression size: %d", which, len(text))
	}
	for text != "" {
		t := token.FindString(text)
		if t == "" {
			return nil, s.syntax(text)
		}
		text = text[len(t):]
		if t = strings.TrimSpace(t); t != "" {
			s.tokens = append(s.tokens, t)
		}
	}
	return s, nil
}

func (s *scanner) syntax(at string) *Fault {
	return invalid("Invalid %s: Syntax error; token: %q", s.which, at)
}

// peek is the next token, "" at the end.
func (s *scanner) peek() string {
	if len(s.tokens) == 0 {
		return ""
	}
	return s.tokens[0]
}

func (s *scanner) next() string {
	t := s.peek()
	if t != "" {
		s.tokens = s.tokens[1:]
	}
	return t
}

// takes reads a keyword or sign if it is the next token.
func (s *scanner) takes(word string) bool {
	if !strings.EqualFold(s.peek(), word) {
		return false
	}
	s.next()
	return true
}

func (s *scanner) expect(word string) *Fault {
	if !s.takes(word) {
		return s.syntax(s.peek())
	}
	return nil
}

// operator counts one more of them.
func (s *scanner) operator() *Fault {
	if s.opened++; s.opened > maxOperators {
		return invalid("Invalid %s: The expression contains too many operators; operator count: %d", s.which, s.opened)
	}
	return nil
}

// name reads an attribute name, as such or by its placeholder. A path into a
// document is refused.
func (s *scanner) name() (string, *Fault) {
	t := s.next()
	if next := s.peek(); next == "." || next == "[" {
		return "", invalid("Invalid %s: paths into documents are not supported here; token: %q", s.which, t+next)
	}
	if strings.HasPrefix(t, "#") {
		name, ok := s.names[t]
		if !ok {
			return "", invalid("Invalid %s: An expression attribute name used in the document path is not defined; attribute name: %s", s.which, t)
		}
		s.used[t] = true
		return name, nil
	}
	if !bare.MatchString(t) {
		return "", s.syntax(t)
	}
	if reserved[strings.ToUpper(t)] {
		return "", invalid("Invalid %s: Attribute name is a reserved keyword; reserved keyword: %s", s.which, t)
	}
	return t, nil
}

// value reads the placeholder of a value.
func (s *scanner) value() (Value, *Fault) {
	t := s.next()
	if !strings.HasPrefix(t, ":") {
		return Value{}, s.syntax(t)
	}
	v, ok := s.values[t]
	if !ok {
		return Value{}, invalid("Invalid %s: An expression attribute value used in expression is not defined; attribute value: %s", s.which, t)
	}
	s.used[t] = true
	return v, nil
}
