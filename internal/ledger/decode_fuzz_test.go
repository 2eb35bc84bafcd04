package ledger

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// asText writes an item as JSON, as the fuzzer can change it: S, N and BOOL
// are texts, numbers and truths, B an object with it in base64.
func asText(t testing.TB, a attributes) string {
	m := map[string]any{}
	for name, v := range a {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			m[name] = v.Value
		case *types.AttributeValueMemberN:
			m[name] = json.Number(v.Value)
		case *types.AttributeValueMemberBOOL:
			m[name] = v.Value
		case *types.AttributeValueMemberB:
			m[name] = map[string][]byte{"B": v.Value}
		default:
			require.Fail(t, "unknown kind", "%s: %T", name, v)
		}
	}
	text, err := json.Marshal(m)
	require.NoError(t, err)
	return string(text)
}

func asItem(text string) (attributes, bool) {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &m) != nil {
		return nil, false
	}
	a := attributes{}
	for name, raw := range m {
		var s string
		var b bool
		var packed struct{ B []byte }
		switch {
		case json.Unmarshal(raw, &s) == nil:
			a[name] = &types.AttributeValueMemberS{Value: s}
		case json.Unmarshal(raw, &b) == nil:
			a[name] = &types.AttributeValueMemberBOOL{Value: b}
		case json.Unmarshal(raw, &packed) == nil && packed.B != nil:
			a[name] = &types.AttributeValueMemberB{Value: packed.B}
		default:
			a[name] = &types.AttributeValueMemberN{Value: string(raw)}
		}
	}
	return a, true
}

// FuzzDecodeItem holds that no item makes the ledger panic, whoever wrote it,
// and that a group which could be read says the same once it was written.
func FuzzDecodeItem(f *testing.F) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	yes := true
	ssh, err := secgroup.ParseRule("ingress tcp/22 from 0.0.0.0/0")
	require.NoError(f, err)
	ssh.ID, ssh.Description, ssh.Tags = "sgr-0123456789abcdef0", "for now", map[string]string{"team": "net"}
	office, err := secgroup.ParseRule("ingress tcp/22 from 10.0.0.0/8")
	require.NoError(f, err)
	known := policy.Known{
		Whole: true, Name: "web", VPCID: "vpc-0123456789abcdef0", Default: &yes, Tags: map[string]string{"env": "prod"},
		Rules: map[string]policy.KnownRule{
			ssh.ID:    {Rule: ssh, Since: at, Order: 3, IncidentID: "i", Before: &office, Baseline: []string{"p"}, By: &secgroup.Attribution{EventID: "e", EventTime: at}},
			"sgr-odd": {Rule: secgroup.Rule{Direction: secgroup.Ingress, Protocol: secgroup.UDP, Ports: secgroup.AllPorts}},
		},
		Removed: map[string]policy.RemovedRule{"sgr-gone": {At: at, IncidentID: "i"}},
	}
	books := bookkeeping{version: 7, open: []string{"i"}, journal: []incident.Journal{{RequestID: "r", Call: "RevokeSecurityGroupIngress", IncidentID: "i", At: at}}, chain: "c", lease: incident.Lease{Holder: "h", Until: at}}
	many := known
	many.Rules = maps.Clone(known.Rules)
	for n := range packedFrom {
		many.Rules[fmt.Sprintf("sgr-%017x", n)] = policy.KnownRule{Rule: withID(office, fmt.Sprintf("sgr-%017x", n)), Since: at, Order: int64(n)}
	}
	for _, g := range []groupItem{{}, {known: known, books: books, now: at}, {known: many, books: books, now: at}} {
		a, err := encodeGroup("sg-0123456789abcdef0", g)
		require.NoError(f, err)
		f.Add(asText(f, a))
	}
	f.Add(`{"schema":1,"paused":"yes","stamp":"2026-03-02T09:00:00Z","held#d":true,"act#p":"{\"done\":true,\"start\":\"2026-03-02T09:00:00Z\"}","exemption#x":"{\"policy\":\"*\",\"rules\":[\"ingress tcp/22 from 0.0.0.0/0\"],\"until\":\"2026-03-02T09:00:00Z\"}"}`)
	f.Add(`{"schema":2}`)
	f.Add(`{"schema":1,"document":"{\"schemaVersion\":\"1\"}"}`)
	f.Fuzz(func(t *testing.T, text string) {
		a, ok := asItem(text)
		if !ok {
			return
		}
		if c, err := decodeControls([]attributes{a}); err == nil {
			for _, e := range c.Exemptions {
				require.NotEmpty(t, e.Rules, "an exemption of everything")
				require.False(t, e.Until.IsZero(), "an exemption for ever")
			}
		}
		if i, err := decodeEntry(a); err == nil {
			_, err := i.MarshalStored()
			require.NoError(t, err)
		}
		g, err := decodeGroup(a)
		if err != nil {
			return
		}
		g.now = at
		once, err := encodeGroup("sg-0123456789abcdef0", g)
		require.NoError(t, err)
		again, err := decodeGroup(once)
		require.NoError(t, err, "what was written cannot be read")
		again.now = at
		twice, err := encodeGroup("sg-0123456789abcdef0", again)
		require.NoError(t, err)
		require.Equal(t, asText(t, once), asText(t, twice))
	})
}
