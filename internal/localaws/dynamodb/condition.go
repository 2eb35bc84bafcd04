package dynamodb

import (
	"slices"
	"strconv"
	"strings"
)

// condition is true or false of an item; nil = there is no item.
type condition func(Item) bool

// operand is a value that an item may lack.
type operand func(Item) (Value, bool)

// parseCondition reads a ConditionExpression; nil is always true.
func (p *placeholders) parseCondition(text *string) (condition, *Fault) {
	return p.parseExpression("ConditionExpression", text)
}

// parseFilter reads a FilterExpression, likewise.
func (p *placeholders) parseFilter(text *string) (condition, *Fault) {
	return p.parseExpression("FilterExpression", text)
}

func (p *placeholders) parseExpression(name string, text *string) (condition, *Fault) {
	if text == nil {
		return func(Item) bool { return true }, nil
	}
	s, fault := p.scan(name, *text)
	if fault != nil {
		return nil, fault
	}
	c, fault := s.anyOf()
	if fault == nil && s.peek() != "" {
		fault = s.syntax(s.peek())
	}
	return c, fault
}

func (s *scanner) anyOf() (condition, *Fault) {
	return s.chain("OR", (*scanner).allOf, func(a, b condition) condition {
		return func(i Item) bool { return a(i) || b(i) }
	})
}

func (s *scanner) allOf() (condition, *Fault) {
	return s.chain("AND", (*scanner).not, func(a, b condition) condition {
		return func(i Item) bool { return a(i) && b(i) }
	})
}

func (s *scanner) chain(word string, part func(*scanner) (condition, *Fault), join func(a, b condition) condition) (condition, *Fault) {
	c, fault := part(s)
	for fault == nil && s.takes(word) {
		if fault = s.operator(); fault != nil {
			break
		}
		var more condition
		if more, fault = part(s); fault == nil {
			c = join(c, more)
		}
	}
	return c, fault
}

func (s *scanner) not() (condition, *Fault) {
	if !s.takes("NOT") {
		return s.primary()
	}
	if fault := s.operator(); fault != nil {
		return nil, fault
	}
	c, fault := s.not()
	return func(i Item) bool { return !c(i) }, fault
}

func (s *scanner) primary() (condition, *Fault) {
	if s.takes("(") {
		c, fault := s.anyOf()
		if fault == nil {
			fault = s.expect(")")
		}
		return c, fault
	}
	if len(s.tokens) > 1 && s.tokens[1] == "(" && s.peek() != "size" {
		return s.function()
	}
	return s.comparison()
}

// function reads attribute_exists and its like. Function names are as written:
// DynamoDB tells their case.
func (s *scanner) function() (condition, *Fault) {
	function := s.next()
	if fault := s.operator(); fault != nil {
		return nil, fault
	}
	s.next() // the bracket
	name, fault := s.name()
	if fault != nil {
		return nil, fault
	}
	var second operand
	if s.takes(",") {
		if second, fault = s.operand(); fault != nil {
			return nil, fault
		}
	}
	if fault := s.expect(")"); fault != nil {
		return nil, fault
	}
	test := map[string]func(v Value, there bool, arg Value) bool{
		"attribute_exists":     func(_ Value, there bool, _ Value) bool { return there },
		"attribute_not_exists": func(_ Value, there bool, _ Value) bool { return !there },
		"attribute_type":       func(v Value, there bool, arg Value) bool { return there && string(v.kind) == arg.text },
		"begins_with": func(v Value, there bool, arg Value) bool {
			return there && v.kind == arg.kind && strings.HasPrefix(v.text, arg.text)
		},
		"contains": func(v Value, there bool, arg Value) bool { return there && v.contains(arg) },
	}[function]
	if test == nil {
		return nil, invalid("Invalid %s: Invalid function name; function: %s", s.which, function)
	}
	if unary := strings.HasSuffix(function, "exists"); unary != (second == nil) {
		return nil, invalid("Invalid %s: Incorrect number of operands for operator or function; operator or function: %s", s.which, function)
	}
	return func(i Item) bool {
		v, there := i[name]
		var arg Value
		if second != nil {
			known := false
			if arg, known = second(i); !known {
				return false
			}
		}
		return test(v, there, arg)
	}, nil
}

func (v Value) contains(arg Value) bool {
	switch v.kind {
	case kindS:
		return arg.kind == kindS && strings.Contains(v.text, arg.text)
	case kindSS, kindNS, kindBS:
		return string(v.kind) == string(arg.kind)+"S" && slices.Contains(v.set, arg.text)
	case kindL:
		return slices.ContainsFunc(v.list, arg.equal)
	}
	return false
}

// signs are the comparisons. A value that is missing or of another type makes
// all of them false but "<>".
var signs = map[string]func(a, b Value) bool{
	"=":  Value.equal,
	"<>": func(a, b Value) bool { return !a.equal(b) },
	"<":  func(a, b Value) bool { c, ok := a.compare(b); return ok && c < 0 },
	"<=": func(a, b Value) bool { c, ok := a.compare(b); return ok && c <= 0 },
	">":  func(a, b Value) bool { c, ok := a.compare(b); return ok && c > 0 },
	">=": func(a, b Value) bool { c, ok := a.compare(b); return ok && c >= 0 },
}

func (s *scanner) comparison() (condition, *Fault) {
	left, fault := s.operand()
	if fault != nil {
		return nil, fault
	}
	if fault := s.operator(); fault != nil {
		return nil, fault
	}
	sign := s.next()
	switch strings.ToUpper(sign) {
	case "BETWEEN":
		return s.between(left)
	case "IN":
		return s.in(left)
	}
	test := signs[sign]
	if test == nil {
		return nil, s.syntax(sign)
	}
	right, fault := s.operand()
	return func(i Item) bool {
		a, knownA := left(i)
		b, knownB := right(i)
		if !knownA || !knownB {
			return sign == "<>" && knownA != knownB
		}
		return test(a, b)
	}, fault
}

func (s *scanner) between(v operand) (condition, *Fault) {
	low, fault := s.operand()
	if fault == nil {
		fault = s.expect("AND")
	}
	if fault != nil {
		return nil, fault
	}
	high, fault := s.operand()
	return func(i Item) bool {
		a, known := v(i)
		l, knownL := low(i)
		h, knownH := high(i)
		return known && knownL && knownH && signs[">="](a, l) && signs["<="](a, h)
	}, fault
}

func (s *scanner) in(v operand) (condition, *Fault) {
	if fault := s.expect("("); fault != nil {
		return nil, fault
	}
	var all []operand
	for {
		o, fault := s.operand()
		if fault != nil {
			return nil, fault
		}
		if all = append(all, o); !s.takes(",") {
			break
		}
	}
	return func(i Item) bool {
		a, known := v(i)
		return known && slices.ContainsFunc(all, func(o operand) bool {
			b, known := o(i)
			return known && a.equal(b)
		})
	}, s.expect(")")
}

// operand reads a value, a name, or the size of an attribute.
func (s *scanner) operand() (operand, *Fault) {
	if strings.HasPrefix(s.peek(), ":") {
		v, fault := s.value()
		return func(Item) (Value, bool) { return v, true }, fault
	}
	if s.peek() == "size" && len(s.tokens) > 1 && s.tokens[1] == "(" {
		return s.sizeOf()
	}
	name, fault := s.name()
	return func(i Item) (Value, bool) { v, ok := i[name]; return v, ok }, fault
}

// sizeOf reads size(name).
func (s *scanner) sizeOf() (operand, *Fault) {
	if fault := s.operator(); fault != nil {
		return nil, fault
	}
	s.next()
	s.next() // the bracket
	name, fault := s.name()
	if fault == nil {
		fault = s.expect(")")
	}
	return func(i Item) (Value, bool) {
		v, ok := i[name]
		n := len(v.text) + len(v.set) + len(v.list) + len(v.doc)
		return Value{kind: kindN, text: strconv.Itoa(n)}, ok
	}, fault
}
