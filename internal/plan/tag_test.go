package plan

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

func TestTagValueUsesTheWholeLength(t *testing.T) {
	id := func(first string, length int) string { return first + strings.Repeat("x", length-1) }
	value := func(ids ...string) string {
		var rv policy.RuleVerdict
		for _, id := range ids {
			rv.Findings = append(rv.Findings, policy.Finding{Policy: &policy.Policy{ID: id}, State: policy.Tagging})
		}
		return tagValue(rv)
	}
	require.Equal(t, id("a", 127)+" "+id("b", 128), value(id("a", 127), id("b", 128)), "256 characters")
	require.Equal(t, id("a", 127), value(id("a", 127), id("b", 129)), "257 do not fit")
	require.Equal(t, id("a", 256), value(id("a", 256)), "one id needs no space")
	require.Equal(t, id("a", 127)+" c", value(id("a", 127), id("b", 129), "c"), "a short id behind one that does not fit")
}
