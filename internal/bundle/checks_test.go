package bundle

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/policies"
)

var update = flag.Bool("update", false, "rewrite generated files")

func everyCheck(t *testing.T) []Check {
	t.Helper()
	checks, err := Checks()
	require.NoError(t, err)
	require.Len(t, checks, 81)
	return checks
}

// TestEveryCheckHasAPolicyOrSaysWhatItWaitsFor: both ways.
func TestEveryCheckHasAPolicyOrSaysWhatItWaitsFor(t *testing.T) {
	all, _ := everyPolicy(t)
	claimed := map[string][]string{}
	for _, d := range all {
		require.NotEmpty(t, d.Checks, d.ID)
		for _, id := range d.Checks {
			claimed[id] = append(claimed[id], d.ID)
		}
	}
	for _, c := range everyCheck(t) {
		require.NotEmpty(t, c.Title, c.ID)
		if c.Later == "" {
			require.NotEmpty(t, claimed[c.ID], "no policy covers %s: %s", c.ID, c.Title)
		} else {
			require.Empty(t, claimed[c.ID], "%s waits for %s", c.ID, c.Later)
		}
		delete(claimed, c.ID)
	}
	require.Empty(t, claimed, "checks that nobody ships")
}

// TestControlsOfAPolicyAreThoseOfItsChecks: a control is named by every policy
// that covers a part of what it asks for, and by no other.
func TestControlsOfAPolicyAreThoseOfItsChecks(t *testing.T) {
	all, _ := everyPolicy(t)
	checks := everyCheck(t)
	for _, d := range all {
		want := map[string][]string{}
		for _, c := range checks {
			for standard, ids := range c.Controls {
				if slices.Contains(d.Checks, c.ID) {
					want[standard] = append(want[standard], ids...)
				}
			}
		}
		require.Len(t, d.Controls, len(want), d.ID)
		for standard, ids := range want {
			slices.Sort(ids)
			got := slices.Sorted(slices.Values(d.Controls[standard]))
			require.Equal(t, slices.Compact(ids), got, "%s: %s", d.ID, standard)
		}
	}
}

// TestFrameworksAreGeneratedFromTheControls of the policies' metadata.
func TestFrameworksAreGeneratedFromTheControls(t *testing.T) {
	all, _ := everyPolicy(t)
	frameworks := map[string][]string{}
	for _, d := range all {
		for standard := range d.Controls {
			if isFramework(standard) {
				name := filepath.Base(filepath.Dir(d.File)) + "/" + filepath.Base(d.File)
				frameworks[standard] = append(frameworks[standard], name)
			}
		}
	}
	for _, names := range frameworks {
		slices.Sort(names)
	}
	want, err := json.MarshalIndent(frameworks, "", " ")
	require.NoError(t, err)
	want = append(want, '\n')
	if *update {
		require.NoError(t, os.WriteFile("../../policies/frameworks.json", want, 0o644))
		return
	}
	require.Equal(t, string(want), string(policies.Frameworks), "policies/frameworks.json is stale: go test ./internal/bundle -run Frameworks -update")
}

// TestEveryControlOfAFrameworkHasAPolicyOrSaysWhatItWaitsFor in the catalog
// that an auditor reads.
func TestEveryControlOfAFrameworkHasAPolicyOrSaysWhatItWaitsFor(t *testing.T) {
	controls := map[string][]string{}
	for _, c := range everyCheck(t) {
		for standard, ids := range c.Controls {
			if isFramework(standard) {
				controls[standard] = append(controls[standard], ids...)
			}
		}
	}
	require.Len(t, controls, 11)
	for framework, ids := range controls {
		entries, err := Catalog("", framework, 0)
		require.NoError(t, err)
		for _, id := range ids {
			i := slices.IndexFunc(entries, func(e Entry) bool { return e.Control == id })
			require.NotEqual(t, -1, i, "%s %s", framework, id)
			require.NotEmpty(t, entries[i].Checks)
			require.NotEmpty(t, entries[i].Title)
			if entries[i].State == Missing {
				require.NotEmpty(t, entries[i].Later, "%s %s", framework, id)
			} else {
				require.NotEmpty(t, entries[i].Policy)
			}
		}
	}
}

// portsOfChecks are the parameters of checks that are about ports, as
// PROTOCOL/PORTS, each of which must be closed.
var portsOfChecks = map[string]string{
	"I-SSH": "tcp/22", "I-RDP": "tcp/3389", "I-ADM4": "tcp/22 tcp/3389 udp/22 udp/3389 all", "I-ADM6": "tcp/22 tcp/3389 udp/22 udp/3389 all",
	"I-ALL":  "all tcp/0-65535 udp/0-65535",
	"I-ANY":  "tcp/0 tcp/443 udp/65535 all icmp icmpv6 47",
	"I-AUTH": "tcp/0-79 tcp/81 tcp/444-65535 udp/80 udp/443 all 47",
	"I-HIGH": "tcp/20 tcp/21 tcp/22 tcp/23 tcp/25 tcp/110 tcp/135 tcp/143 tcp/445 tcp/1433 tcp/1434 tcp/3000 tcp/3306 tcp/3389 tcp/4333 tcp/5000 tcp/5432 tcp/5500 tcp/5601 tcp/8080 tcp/8088 tcp/8888 tcp/9200 tcp/9300 all",
	"I-COMM": "tcp/20 tcp/21 tcp/3389 tcp/3306 tcp/4333", "I-CUST": "tcp/8080 all", "I-HTTP": "tcp/80", "I-HTTPS": "tcp/443",
	"I-FTP": "tcp/20 tcp/21", "I-TEL": "tcp/23", "I-SMTP": "tcp/25", "I-MAIL": "tcp/110 tcp/143", "I-DNS": "tcp/53 udp/53", "I-TFTP": "udp/69",
	"I-RPC": "tcp/135", "I-NBT": "tcp/137 tcp/138 tcp/139 udp/137 udp/138 udp/139", "I-SNMP": "udp/161", "I-LDAP": "tcp/389 udp/389 tcp/636",
	"I-SMB": "tcp/445 udp/445", "I-RSYNC": "tcp/873", "I-OVPN": "udp/1194", "I-MSSQL": "tcp/1433 tcp/1434 udp/1434", "I-ORA": "tcp/1521 tcp/1522 tcp/2483",
	"I-NFS": "tcp/2049", "I-DOCK": "tcp/2375 tcp/2376", "I-K8S": "tcp/10250", "I-MYSQL": "tcp/3306 tcp/4333", "I-SPARK": "tcp/4040",
	"I-SALT": "tcp/4505 tcp/4506", "I-PG": "tcp/5432", "I-RS": "tcp/5439", "I-VNC": "tcp/5500 tcp/5900", "I-KIB": "tcp/5601", "I-AMQ": "tcp/5672",
	"I-WINRM": "tcp/5985 tcp/5986", "I-REDIS": "tcp/6379", "I-CASS": "tcp/7000 tcp/7001 tcp/7199 tcp/8888 tcp/9042 tcp/9142 tcp/9160",
	"I-HDFS": "tcp/8020 tcp/50070 tcp/50470", "I-8080": "tcp/8080", "I-SPLK": "tcp/8089", "I-ESXI": "tcp/8182", "I-KAFKA": "tcp/9092",
	"I-ES": "tcp/9200 tcp/9300", "I-MEMC": "tcp/11211 udp/11211", "I-MONGO": "tcp/27017 tcp/27018 tcp/27019", "I-ICMP": "icmp icmpv6 icmp/8 icmpv6/128",
}

// TestPortsOfAChecksAreClosedByItsPolicies: from either internet, one policy of
// those that claim the check, or several together.
func TestPortsOfChecksAreClosedByTheirPolicies(t *testing.T) {
	all, _ := everyPolicy(t)
	sets := map[string][]*policy.Set{}
	for _, d := range all {
		set := switchedOn(t, d)
		for _, id := range d.Checks {
			sets[id] = append(sets[id], set)
		}
	}
	worldwide := 0
	for _, c := range everyCheck(t) {
		if strings.HasPrefix(c.Title, "the internet reaches") || strings.HasPrefix(c.ID, "I-ADM") {
			require.Contains(t, portsOfChecks, c.ID)
			worldwide++
		}
	}
	require.Len(t, portsOfChecks, worldwide)
	for id, flows := range portsOfChecks {
		for _, flow := range strings.Fields(flows) {
			for _, world := range []string{"0.0.0.0/0", "::/0"} {
				if strings.HasPrefix(flow, "icmpv6") != (world == "::/0") && strings.HasPrefix(flow, "icmp") {
					continue // of the other family
				}
				rule, err := secgroup.ParseRule("ingress " + flow + " from " + world)
				require.NoError(t, err)
				require.True(t, slices.ContainsFunc(sets[id], func(s *policy.Set) bool {
					return said(s, secgroup.Group{ID: "sg-1"}, rule) == "fail"
				}), "%s: %s", id, rule)
			}
		}
	}
}
