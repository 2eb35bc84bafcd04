package engines

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// cedarEngine is cedar-go: one policy set of forbids, asked once a rule; the
// answer names the policies that forbid it.
type cedarEngine struct {
	policies *cedar.PolicySet
	requests []cedar.Request
}

func newCedar(n int) (Peer, error) {
	w := words{
		field: func(name string) string { return "context." + name }, not: "!", and: " && ", or: " || ", empty: `""`,
		contains: func(network string) string { return fmt.Sprintf("context.block.isInRange(ip(%q))", network) },
		within:   func(network string) string { return fmt.Sprintf("ip(%q).isInRange(context.block)", network) },
	}
	e := &cedarEngine{policies: cedar.NewPolicySet()}
	for _, s := range specs(n) {
		var p cedar.Policy
		if err := p.UnmarshalCedar([]byte("forbid (principal, action, resource) when { " + s.condition(w) + " };")); err != nil {
			return nil, fmt.Errorf("cedar: compile %s: %w", s.id(), err)
		}
		e.policies.Add(cedar.PolicyID(strconv.Itoa(s.number)), &p)
	}
	return e, nil
}

func (e *cedarEngine) Name() string { return "cedar-go" }

func (e *cedarEngine) Take(facts []Facts) {
	e.requests = e.requests[:0]
	for _, f := range facts {
		e.requests = append(e.requests, cedar.Request{
			Principal: types.NewEntityUID("User", "alice"), Action: types.NewEntityUID("Action", "open"), Resource: types.NewEntityUID("Group", "web"),
			Context: cedar.NewRecord(cedar.RecordMap{
				"ingress": types.Boolean(f.Ingress), "protocol": types.Long(f.Protocol), "from": types.Long(f.From), "to": types.Long(f.To),
				"ipv4": types.Boolean(f.IPv4), "internet": types.Boolean(f.Internet), "block": types.IPAddr(f.Block), "group": types.String(f.Group),
			}),
		})
	}
}

func (e *cedarEngine) Judge(i int, violated []bool) error {
	_, said := cedar.Authorize(e.policies, cedar.EntityMap{}, e.requests[i])
	if len(said.Errors) > 0 {
		return errors.New(said.Errors[0].Message)
	}
	for _, r := range said.Reasons {
		n, err := strconv.Atoi(string(r.PolicyID))
		if err != nil {
			return err
		}
		violated[n] = true
	}
	return nil
}
