package embedded

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A group whose harmless rules come and go all day: what is remembered of
// them must not grow until the ledger takes no more.
func TestChurn(t *testing.T) {
	s := newScene(t, attack{where: "churn"})
	var rules, numbers []string
	for n := range 60 {
		port := strconv.Itoa(20000 + n)
		rules, numbers = append(rules, "tcp "+port+" "+port+" 0.0.0.0/0"), append(numbers, strconv.Itoa(n+1))
	}
	words := strings.Fields(strings.Join(rules, " + "))
	for range 30 {
		s.made = nil
		s.add("ingress", words)
		s.hear(nil)
		s.outcome("compliant")
		s.take(numbers)
		s.hear(nil)
		s.outcome("compliant")
	}
	require.Zero(t, s.mutations)
	s.add("ingress", []string{"tcp", "22", "22", "0.0.0.0/0"})
	s.hear(nil)
	s.left([]string{"nothing"})
}
