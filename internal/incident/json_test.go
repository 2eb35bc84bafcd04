package incident_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestStoredFormLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawIncident(t)
		text, err := want.MarshalStored()
		require.NoError(t, err)
		got, err := incident.UnmarshalStored(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		again, err := got.MarshalStored()
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
	})
}

func TestPublicFormLosesOnlyBookkeeping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawIncident(t)
		text, err := json.Marshal(want)
		require.NoError(t, err)
		var got incident.Incident
		require.NoError(t, json.Unmarshal(text, &got))
		want.Published, want.Owed, want.Planned, want.Chain, want.Status, want.ActorUntold = nil, nil, nil, "", "", false
		for n := range want.Superseded {
			want.Superseded[n].Told = false
		}
		require.Equal(t, want, got)
	})
}

func TestRuleFormLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawValue(t)
		want.ID = "sgr-1"
		text, err := incident.EncodeRule(want)
		require.NoError(t, err)
		got, err := incident.DecodeRule(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestDocumentsHoldNoRawControlText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(drawIncident(t))
		require.NoError(t, err)
		for _, r := range string(text) {
			if r >= 0x20 && r < 0x7f {
				require.NotContains(t, "<>&", string(r))
				continue
			}
			require.True(t, unicode.IsGraphic(r) && !unicode.IsSpace(r), "%U in %s", r, text)
		}
	})
}

func TestDocumentIsTheSameForEveryOrderOfRules(t *testing.T) {
	one, two := incident.Rule{ID: "sgr-1", Outcome: incident.Gone}, incident.Rule{ID: "sgr-2", Outcome: incident.Reverted}
	low, high := incident.PolicyNote{ID: "a", Severity: policy.Low}, incident.PolicyNote{ID: "b", Severity: policy.High}
	a, err := json.Marshal(incident.Incident{Rules: []incident.Rule{one, two}, Policies: []incident.PolicyNote{low, high}})
	require.NoError(t, err)
	b, err := json.Marshal(incident.Incident{Rules: []incident.Rule{two, one}, Policies: []incident.PolicyNote{high, low}})
	require.NoError(t, err)
	require.Equal(t, string(a), string(b))
	require.Contains(t, string(a), `"policies":["b","a"]`)
}

func TestNothingIsNullThatIsAList(t *testing.T) {
	text, err := json.Marshal(incident.Incident{Rules: []incident.Rule{{ID: "sgr-1"}}})
	require.NoError(t, err)
	for _, key := range []string{"policies", "violations", "standing", "would", "actions", "notes", "excess", "after"} {
		require.Contains(t, string(text), `"`+key+`":[]`)
	}
	require.Contains(t, string(text), `"incidentId":null,"eventType":null`)
	require.Contains(t, string(text), `"before":null`)
}

func TestMarshalRecordPutsTheRecordFirst(t *testing.T) {
	i := incident.Incident{Outcome: incident.Compliant, GroupID: "sg-1"}
	plain, err := json.Marshal(i)
	require.NoError(t, err)
	numbered, err := i.MarshalRecord(7)
	require.NoError(t, err)
	require.Equal(t, `{"record":7,`+strings.TrimPrefix(string(plain), "{"), string(numbered))
}

func TestDecodeRefuses(t *testing.T) {
	good, err := incident.Incident{
		ID: "inc-1", Outcome: incident.Reverted, Mode: policy.Enforce, Severity: policy.High,
		Policies: []incident.PolicyNote{{ID: "p", Severity: policy.Critical}},
		Rules:    []incident.Rule{{ID: "sgr-1", Direction: secgroup.Ingress, Outcome: incident.Reverted, Before: ptr(rule(t, "ingress tcp/22 from 0.0.0.0/0")), Excess: []secgroup.Rule{rule(t, "ingress tcp/22 from 0.0.0.0/0")}}},
	}.MarshalStored()
	require.NoError(t, err)
	_, err = incident.UnmarshalStored(good)
	require.NoError(t, err)
	tests := []struct{ name, from, to string }{
		{"another version", `"schemaVersion":"1"`, `"schemaVersion":"2"`},
		{"an unknown outcome", `"outcome":"reverted","reason"`, `"outcome":"fine","reason"`},
		{"an unknown outcome of a rule", `"outcome":"reverted","restored"`, `"outcome":"fine","restored"`},
		{"an unknown event type", `"eventType":null`, `"eventType":"done"`},
		{"an unknown mode", `"enforce"`, `"strict"`},
		{"an unknown severity", `"severity":"high"`, `"severity":"severe"`},
		{"an unknown severity of a policy", `"severity":"critical"`, `"severity":""`},
		{"an unknown direction", `"direction":"ingress","before"`, `"direction":"in","before"`},
		{"a rule of no protocol", `"protocol":"tcp"`, `"protocol":"tpc"`},
		{"a CIDR that is none", `"cidrIpv4":"0.0.0.0/0"`, `"cidrIpv4":"0.0.0.0/99"`},
		{"two peers", `"cidrIpv4":"0.0.0.0/0"`, `"cidrIpv4":"0.0.0.0/0","prefixListId":"pl-1"`},
		{"excess that is no rule", `"excess":["ingress tcp/22 from 0.0.0.0/0"]`, `"excess":["all"]`},
		{"no JSON", `{"schemaVersion"`, `"schemaVersion"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(string(good), tt.from, tt.to, 1)
			require.NotEqual(t, string(good), bad, "the case changes nothing")
			_, err := incident.UnmarshalStored([]byte(bad))
			require.Error(t, err)
			var i incident.Incident
			require.Error(t, json.Unmarshal([]byte(bad), &i))
		})
	}
}

func TestDecodeIgnoresNewKeys(t *testing.T) {
	var i incident.Incident
	require.NoError(t, json.Unmarshal([]byte(`{"schemaVersion":"1","groupId":"sg-1","invented":{"later":true}}`), &i))
	require.Equal(t, "sg-1", i.GroupID)
}

func ptr[T any](v T) *T { return &v }

func FuzzUnmarshalStored(f *testing.F) {
	for _, seed := range []string{`{}`, `{"schemaVersion":"1"}`, `{"schemaVersion":"1","rules":[{"before":{"protocol":"-1"}}]}`, `null`, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		i, err := incident.UnmarshalStored(text)
		if err != nil {
			return
		}
		stored, err := i.MarshalStored()
		require.NoError(t, err)
		again, err := incident.UnmarshalStored(stored)
		require.NoError(t, err)
		twice, err := again.MarshalStored()
		require.NoError(t, err)
		require.Equal(t, string(stored), string(twice))
	})
}
