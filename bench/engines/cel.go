package engines

import (
	"fmt"
	"net/netip"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
)

// celEngine is cel-go: one program a policy, on an activation of its own
// values, with the extension for addresses.
type celEngine struct {
	programs []cel.Program
	facts    []cel.Activation
}

func newCEL(n int) (Peer, error) {
	block := ext.CIDRType
	options := []cel.EnvOption{
		ext.Network(), cel.Variable("ingress", cel.BoolType), cel.Variable("protocol", cel.IntType), cel.Variable("from", cel.IntType), cel.Variable("to", cel.IntType),
		cel.Variable("ipv4", cel.BoolType), cel.Variable("internet", cel.BoolType), cel.Variable("block", block), cel.Variable("group", cel.StringType),
	}
	// Networks are variables, not literals: a literal would be parsed by every
	// evaluation.
	networks := map[string]any{}
	name := func(network string) string {
		id := fmt.Sprintf("net_%x", network)
		if _, known := networks[id]; !known {
			networks[id] = netip.MustParsePrefix(network)
			options = append(options, cel.Variable(id, block))
		}
		return id
	}
	w := words{
		field: func(name string) string { return name }, not: "!", and: " && ", or: " || ", empty: "''",
		contains: func(network string) string { return name(network) + ".containsCIDR(block)" },
		within:   func(network string) string { return "block.containsCIDR(" + name(network) + ")" },
	}
	var texts []string
	for _, s := range specs(n) {
		texts = append(texts, s.condition(w))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("cel: make the environment: %w", err)
	}
	for id, v := range networks {
		networks[id] = env.CELTypeAdapter().NativeToValue(v)
	}
	e := &celEngine{}
	globals := cel.Globals(networks)
	for i, text := range texts {
		ast, issues := env.Compile(text)
		if issues.Err() != nil {
			return nil, fmt.Errorf("cel: compile policy %d: %w", i, issues.Err())
		}
		p, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), globals)
		if err != nil {
			return nil, fmt.Errorf("cel: compile policy %d: %w", i, err)
		}
		e.programs = append(e.programs, p)
	}
	return e, nil
}

func (e *celEngine) Name() string { return "cel-go" }

func (e *celEngine) Take(facts []Facts) {
	e.facts = e.facts[:0]
	for _, f := range facts {
		// Values of CEL's own types need no conversion later.
		a, err := cel.NewActivation(map[string]any{
			"ingress": types.Bool(f.Ingress), "protocol": types.Int(f.Protocol), "from": types.Int(f.From), "to": types.Int(f.To),
			"ipv4": types.Bool(f.IPv4), "internet": types.Bool(f.Internet), "block": ext.CIDR{Prefix: f.Block}, "group": types.String(f.Group),
		})
		if err != nil {
			panic(err) // only for what is no map
		}
		e.facts = append(e.facts, a)
	}
}

func (e *celEngine) Judge(i int, violated []bool) error {
	for n, p := range e.programs {
		out, _, err := p.Eval(e.facts[i])
		if err != nil {
			return err
		}
		violated[n] = out == types.True
	}
	return nil
}
