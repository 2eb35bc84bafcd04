package incident_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// FuzzDecodeRule: a rule that could be read is written as it is read again.
func FuzzDecodeRule(f *testing.F) {
	for _, text := range []string{
		"ingress tcp/20-25 from 0.0.0.0/0", "egress all to ::/0", "ingress icmp/8 from sg-0a1b2c3d", "ingress icmpv6/128/0 from ::/0",
		"ingress 47 from 123456789012/sg-0a1b2c3d", "egress udp/53 to pl-0a1b2c3d",
	} {
		seed, err := incident.EncodeRule(rule(f, text))
		require.NoError(f, err)
		f.Add(seed)
	}
	f.Add([]byte(`{"direction":"ingress","protocol":"tcp","fromPort":25,"toPort":20,"cidrIpv4":"10.0.0.1/8","cidrIpv6":"::/0"}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := incident.DecodeRule(text)
		if err != nil {
			return
		}
		require.Equal(t, r.Canonical(), r)
		written, err := incident.EncodeRule(r)
		require.NoError(t, err)
		again, err := incident.DecodeRule(written)
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}

// FuzzUnmarshalIncident: what is read of a public document is written again
// as it was read, whatever it holds.
func FuzzUnmarshalIncident(f *testing.F) {
	for _, i := range examples(f) {
		text, err := json.Marshal(i)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var i, again incident.Incident
		if json.Unmarshal(text, &i) != nil {
			return
		}
		once, err := json.Marshal(i)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(once, &again))
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}
