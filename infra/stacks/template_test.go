//go:build !race

package stacks

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// template is a CloudFormation template, as far as the tests look at it.
type template struct {
	raw       []byte // as it was synthesized, its keys sorted
	file      []byte // as the CDK wrote it
	Resources map[string]resource
	Outputs   map[string]any
}

type resource struct {
	Type                string
	Properties          map[string]any
	DeletionPolicy      string
	UpdateReplacePolicy string
}

// of gives the resources of a type by their logical id.
func (t template) of(kind string) map[string]resource {
	found := maps.Clone(t.Resources)
	maps.DeleteFunc(found, func(_ string, r resource) bool { return r.Type != kind })
	return found
}

// only gives the one resource of a type.
func (t template) only(tb testing.TB, kind string) (string, resource) {
	tb.Helper()
	found := t.of(kind)
	require.Len(tb, found, 1, kind)
	for id, r := range found {
		return id, r
	}
	return "", resource{}
}

// one gives the one resource of a type whose logical id is a name, by isNamed.
func (t template) one(tb testing.TB, kind, name string) (string, resource) {
	tb.Helper()
	found := t.of(kind)
	maps.DeleteFunc(found, func(id string, _ resource) bool { return !isNamed(id, name) })
	require.Len(tb, found, 1, "%s %s", kind, name)
	for id, r := range found {
		return id, r
	}
	return "", resource{}
}

// isNamed reports whether a logical id is a name and the hash that the CDK puts
// behind it, except behind those of its lowest level.
func isNamed(id, name string) bool {
	hash, ok := strings.CutPrefix(id, name)
	return ok && (len(hash) == 8 || hash == "") && strings.Trim(hash, "0123456789ABCDEF") == ""
}

// as reads a part of a template into a value.
func as[T any](tb testing.TB, part any) T {
	tb.Helper()
	text, err := json.Marshal(part)
	require.NoError(tb, err)
	var v T
	require.NoError(tb, json.Unmarshal(text, &v), "%s", text)
	return v
}

// jsonText is a part of a template as it is written.
func jsonText(tb testing.TB, part any) string {
	tb.Helper()
	text, err := json.Marshal(part)
	require.NoError(tb, err)
	return string(text)
}

// statement is one statement of a policy; what may be a text or a list is a list.
type statement struct {
	Sid, Effect                 string
	Action, Resource, Principal list
	Condition                   map[string]map[string]any
}

type list []any

func (l *list) UnmarshalJSON(text []byte) error {
	var many []any
	if json.Unmarshal(text, &many) == nil {
		*l = many
		return nil
	}
	var one any
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	*l = list{one}
	return nil
}

func (l list) texts(tb testing.TB) []string {
	tb.Helper()
	return as[[]string](tb, l)
}

func statements(tb testing.TB, r resource) []statement {
	tb.Helper()
	return as[struct{ Statement []statement }](tb, r.Properties["PolicyDocument"]).Statement
}

// roleStatements are all rights of a function's role: "Guard", "Sweep".
func (t template) roleStatements(tb testing.TB, function string) []statement {
	tb.Helper()
	_, role := t.one(tb, "AWS::IAM::Role", function+"Role")
	require.NotContains(tb, role.Properties, "ManagedPolicyArns")
	require.NotContains(tb, role.Properties, "Policies")
	_, policy := t.one(tb, "AWS::IAM::Policy", function+"RoleDefaultPolicy")
	return statements(tb, policy)
}

// actions are the sorted actions of one service in the statements.
func actions(tb testing.TB, all []statement, service string) []string {
	tb.Helper()
	var found []string
	for _, s := range all {
		for _, a := range s.Action.texts(tb) {
			if len(a) > len(service) && a[:len(service)+1] == service+":" {
				found = append(found, a)
			}
		}
	}
	slices.Sort(found)
	return found
}

func arnOf(id string) map[string]any { return map[string]any{"Fn::GetAtt": []any{id, "Arn"}} }
