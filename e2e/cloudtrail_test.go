//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/cloudtrailproxy"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
)

// permission is one IpPermission of a call, as far as the scenarios need it.
type permission struct {
	protocol string
	from, to int
	v4, v6   []string
}

type object = map[string]any

// api is the permission as the aws client takes it in --ip-permissions.
func (p permission) api() object {
	v4, v6 := []any{}, []any{}
	for _, c := range p.v4 {
		v4 = append(v4, object{"CidrIp": c})
	}
	for _, c := range p.v6 {
		v6 = append(v6, object{"CidrIpv6": c})
	}
	return object{"IpProtocol": p.protocol, "FromPort": p.from, "ToPort": p.to, "IpRanges": v4, "Ipv6Ranges": v6}
}

// trail is CloudTrail for one identity: a proxy before the emulator, and the
// records of the calls that passed it.
type trail struct {
	emulator // with the proxy's address

	mu      sync.Mutex
	records []object
}

func newTrail(t *testing.T, identity cloudtrail.Identity) *trail {
	t.Helper()
	l := &trail{}
	server := httptest.NewServer(&cloudtrailproxy.Proxy{
		Target: stage.emulator.url, Identity: identity, RequestIDs: true, NewID: newID,
		OnRecord: func(text []byte) {
			var r object
			if assert.NoError(t, json.Unmarshal(text, &r), "%s", text) {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.records = append(l.records, r)
			}
		},
	})
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// last is the latest record, which is of that call.
func (l *trail) last(t *testing.T, name string) object {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.NotEmpty(t, l.records)
	r := l.records[len(l.records)-1]
	require.Equal(t, name, r["eventName"])
	return r
}

// take are the records since the last time.
func (l *trail) take() []object {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := l.records
	l.records = nil
	return records
}

// alice is the person who makes the changes.
func alice() cloudtrail.Identity { return cloudtrail.User(account, "alice", "AKIAEXAMPLE") }

// guardIn is a session of guard's role, or of another function's.
func guardIn(role string) cloudtrail.Identity {
	id := cloudtrail.Session(account, "/", role[strings.LastIndex(role, "/")+1:], "guard", "ASIAEXAMPLE")
	id.Issuer.ARN = role // whatever its path
	return id
}

// event is the record in its EventBridge envelope, for an invocation as such.
func event(record object) []byte {
	text, _ := json.Marshal(object{ // made of strings and numbers
		"version": "0", "id": newID(), "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "account": account,
		"time": record["eventTime"], "region": region, "resources": []any{}, "detail": record,
	})
	return text
}

// permissionFlags are the arguments of `aws ec2 authorize-...`.
func permissionFlags(list []permission) []string {
	if len(list) == 1 && len(list[0].v4) == 1 && len(list[0].v6) == 0 {
		p := list[0]
		flags := []string{"--protocol", p.protocol, "--cidr", p.v4[0]}
		if p.protocol != "-1" {
			flags = append(flags, "--port", ports(p))
		}
		return flags
	}
	var all []object
	for _, p := range list {
		all = append(all, p.api())
	}
	text, _ := json.Marshal(all) // made of strings and numbers
	return []string{"--ip-permissions", string(text)}
}

func ports(p permission) string {
	if p.from == p.to {
		return strconv.Itoa(p.from)
	}
	return strconv.Itoa(p.from) + "-" + strconv.Itoa(p.to)
}
