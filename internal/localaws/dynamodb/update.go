package dynamodb

import (
	"maps"
	"slices"
	"strings"
)

// step changes one attribute of an item: it reads the item as it was before
// the update, and writes the new one.
type step struct {
	name string
	run  func(old, changed Item) *Fault
}

// parseUpdate reads an UpdateExpression.
func (p *placeholders) parseUpdate(text string) ([]step, *Fault) {
	s, fault := p.scan("UpdateExpression", text)
	if fault != nil {
		return nil, fault
	}
	clauses := map[string]func(*scanner) (step, *Fault){
		"SET": (*scanner).set, "REMOVE": (*scanner).remove, "ADD": (*scanner).add,
	}
	var steps []step
	seen := map[string]bool{}
	for s.peek() != "" {
		word := strings.ToUpper(s.next())
		clause := clauses[word]
		if clause == nil {
			return nil, s.syntax(word)
		}
		if seen[word] {
			return nil, invalid("Invalid UpdateExpression: The %q section can only be used once in an update expression;", word)
		}
		seen[word] = true
		for {
			one, fault := clause(s)
			if fault != nil {
				return nil, fault
			}
			if slices.ContainsFunc(steps, func(other step) bool { return other.name == one.name }) {
				return nil, invalid("Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [%s], path two: [%s]", one.name, one.name)
			}
			steps = append(steps, one)
			if !s.takes(",") {
				break
			}
		}
	}
	return steps, nil
}

func (s *scanner) set() (step, *Fault) {
	name, fault := s.name()
	if fault == nil {
		fault = s.expect("=")
	}
	if fault == nil {
		fault = s.operator()
	}
	if fault != nil {
		return step{}, fault
	}
	left, fault := s.setOperand()
	if fault != nil {
		return step{}, fault
	}
	sign := s.peek()
	if sign != "+" && sign != "-" {
		return step{name, func(old, changed Item) *Fault {
			v, ok := left(old)
			if !ok {
				return missingOperand()
			}
			changed[name] = v
			return nil
		}}, nil
	}
	s.next()
	if fault := s.operator(); fault != nil {
		return step{}, fault
	}
	right, fault := s.setOperand()
	return step{name, func(old, changed Item) *Fault {
		a, knownA := left(old)
		b, knownB := right(old)
		if !knownA || !knownB {
			return missingOperand()
		}
		sum, fault := sum(a, b, sign == "-")
		changed[name] = sum
		return fault
	}}, fault
}

func missingOperand() *Fault {
	return invalid("The provided expression refers to an attribute that does not exist in the item")
}

// setOperand reads a value, a name, or if_not_exists(name, value).
func (s *scanner) setOperand() (operand, *Fault) {
	if len(s.tokens) < 2 || s.tokens[1] != "(" {
		return s.operand()
	}
	if function := s.next(); function != "if_not_exists" {
		return nil, invalid("Invalid UpdateExpression: Invalid function name; function: %s", function)
	}
	if fault := s.operator(); fault != nil {
		return nil, fault
	}
	s.next() // the bracket
	name, fault := s.name()
	if fault == nil {
		fault = s.expect(",")
	}
	if fault != nil {
		return nil, fault
	}
	otherwise, fault := s.setOperand()
	if fault == nil {
		fault = s.expect(")")
	}
	return func(i Item) (Value, bool) {
		if v, ok := i[name]; ok {
			return v, true
		}
		return otherwise(i)
	}, fault
}

func (s *scanner) remove() (step, *Fault) {
	name, fault := s.name()
	return step{name, func(_, changed Item) *Fault {
		delete(changed, name)
		return nil
	}}, fault
}

// add adds to a number, which counts as 0 where it is missing. Sets are not
// supported.
func (s *scanner) add() (step, *Fault) {
	name, fault := s.name()
	if fault != nil {
		return step{}, fault
	}
	more, fault := s.value()
	if fault == nil && more.kind != kindN {
		fault = invalid("Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: %s", more.kind)
	}
	return step{name, func(old, changed Item) *Fault {
		was, ok := old[name]
		if !ok {
			was = Value{kind: kindN, text: "0"}
		}
		total, fault := sum(was, more, false)
		changed[name] = total
		return fault
	}}, fault
}

func sum(a, b Value, subtract bool) (Value, *Fault) {
	if a.kind != kindN || b.kind != kindN {
		return Value{}, invalid("An operand in the update expression has an incorrect data type")
	}
	text, err := addNumbers(a.text, b.text, subtract)
	if err != nil {
		return Value{}, invalid("%s", err)
	}
	return Value{kind: kindN, text: text}, nil
}

// updated gives what becomes of an item; old nil = there is none, and the key
// makes one.
func updated(old, key Item, steps []step) (Item, *Fault) {
	changed := maps.Clone(key)
	if old != nil {
		changed = maps.Clone(old)
	}
	for _, s := range steps {
		if fault := s.run(old, changed); fault != nil {
			return nil, fault
		}
	}
	return changed, nil
}
