package engines

import (
	"fmt"
	"net/netip"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// exprEngine is expr-lang/expr: one program a policy, on a struct.
type exprEngine struct {
	programs []*vm.Program
	machine  vm.VM
	facts    []exprFacts
}

// exprFacts is the environment of the programs.
type exprFacts struct {
	Facts
	Contains func(outer, inner netip.Prefix) bool
	Net      func(text string) netip.Prefix
}

func newExpr(n int) (Peer, error) {
	e := &exprEngine{}
	w := words{
		field: func(name string) string { return exprNames[name] }, not: "not ", and: " and ", or: " or ", empty: `""`,
		contains: func(network string) string { return fmt.Sprintf("Contains(Net(%q), Block)", network) },
		within:   func(network string) string { return fmt.Sprintf("Contains(Block, Net(%q))", network) },
	}
	for _, s := range specs(n) {
		// A constant expression is worked out when the program is compiled.
		p, err := expr.Compile(s.condition(w), expr.Env(newExprFacts(Facts{})), expr.ConstExpr("Net"), expr.AsBool())
		if err != nil {
			return nil, fmt.Errorf("expr: compile %s: %w", s.id(), err)
		}
		e.programs = append(e.programs, p)
	}
	return e, nil
}

var exprNames = map[string]string{
	"ingress": "Ingress", "protocol": "Protocol", "from": "From", "to": "To", "ipv4": "IPv4", "internet": "Internet", "group": "Group",
}

func newExprFacts(f Facts) exprFacts { return exprFacts{f, contains, netip.MustParsePrefix} }

func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

func (e *exprEngine) Name() string { return "expr" }

func (e *exprEngine) Take(facts []Facts) {
	e.facts = e.facts[:0]
	for _, f := range facts {
		e.facts = append(e.facts, newExprFacts(f))
	}
}

func (e *exprEngine) Judge(i int, violated []bool) error {
	for n, p := range e.programs {
		out, err := e.machine.Run(p, e.facts[i])
		if err != nil {
			return err
		}
		violated[n] = out.(bool) // AsBool
	}
	return nil
}
