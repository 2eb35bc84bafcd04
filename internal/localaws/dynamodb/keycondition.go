package dynamodb

import "strings"

// keyCondition is one partition, and which of its sort keys.
type keyCondition struct {
	partition string
	sort      func(string) bool
}

// parseKeyCondition reads "partition = :v", alone or with "AND" and one
// condition on the sort key.
func (p *placeholders) parseKeyCondition(t *table, text string) (keyCondition, *Fault) {
	s, fault := p.scan("KeyConditionExpression", text)
	if fault != nil {
		return keyCondition{}, fault
	}
	c := keyCondition{sort: func(string) bool { return true }}
	name, fault := s.name()
	if fault == nil && name != t.partitionKey {
		fault = invalid("Query condition missed key schema element: %s", t.partitionKey)
	}
	if fault == nil {
		fault = s.expect("=")
	}
	if fault == nil {
		c.partition, fault = s.keyValue()
	}
	if fault == nil && s.takes("AND") {
		c.sort, fault = s.sortCondition(t)
	}
	if fault == nil && s.peek() != "" {
		fault = s.syntax(s.peek())
	}
	return c, fault
}

func (s *scanner) keyValue() (string, *Fault) {
	v, fault := s.value()
	switch {
	case fault != nil:
		return "", fault
	case v.kind != kindS:
		return "", invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
	case v.text == "":
		return "", invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value")
	}
	return v.text, nil
}

func (s *scanner) sortCondition(t *table) (func(string) bool, *Fault) {
	if s.takes("begins_with") {
		fault := s.expect("(")
		if fault == nil {
			fault = s.sortName(t)
		}
		if fault == nil {
			fault = s.expect(",")
		}
		if fault != nil {
			return nil, fault
		}
		prefix, fault := s.keyValue()
		if fault == nil {
			fault = s.expect(")")
		}
		return func(k string) bool { return strings.HasPrefix(k, prefix) }, fault
	}
	if fault := s.sortName(t); fault != nil {
		return nil, fault
	}
	if s.takes("BETWEEN") {
		return s.sortRange()
	}
	sign := s.next()
	test := map[string]func(c int) bool{
		"=": func(c int) bool { return c == 0 }, "<": func(c int) bool { return c < 0 }, "<=": func(c int) bool { return c <= 0 },
		">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 },
	}[sign]
	if test == nil {
		return nil, invalid("Invalid operator used in KeyConditionExpression: %s", sign)
	}
	v, fault := s.keyValue()
	return func(k string) bool { return test(strings.Compare(k, v)) }, fault
}

func (s *scanner) sortName(t *table) *Fault {
	name, fault := s.name()
	if fault == nil && name != t.sortKey {
		fault = invalid("Query condition missed key schema element: %s", t.sortKey)
	}
	return fault
}

func (s *scanner) sortRange() (func(string) bool, *Fault) {
	low, fault := s.keyValue()
	if fault == nil {
		fault = s.expect("AND")
	}
	if fault != nil {
		return nil, fault
	}
	high, fault := s.keyValue()
	if fault == nil && low > high {
		fault = invalid("Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {S:%s}, upper bound operand: AttributeValue: {S:%s}", low, high)
	}
	return func(k string) bool { return low <= k && k <= high }, fault
}
