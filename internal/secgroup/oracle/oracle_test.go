package oracle

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func block(text string) secgroup.Peer {
	return secgroup.CIDR{Prefix: netip.MustParsePrefix(text)}
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func TestAdmits(t *testing.T) {
	any4, any6 := block("0.0.0.0/0"), block("::/0")
	rule := func(protocol secgroup.Protocol, from, to int32, peer secgroup.Peer) secgroup.Rule {
		return secgroup.Rule{Direction: secgroup.Ingress, Protocol: protocol, Ports: secgroup.Ports{From: from, To: to}, Peer: peer}
	}
	tcp := func(port uint16, remote string) Packet {
		return Packet{Direction: secgroup.Ingress, Protocol: 6, Port: port, Remote: addr(remote)}
	}
	icmp := func(kind, code uint8) Packet {
		return Packet{Direction: secgroup.Ingress, Protocol: 1, Type: kind, Code: code, Remote: addr("8.8.8.8")}
	}
	ref := secgroup.GroupReference{GroupID: "sg-1", AccountID: "123456789012"}
	for _, tc := range []struct {
		name string
		rule secgroup.Rule
		p    Packet
		want bool
	}{
		{"first port", rule(6, 20, 25, any4), tcp(20, "8.8.8.8"), true},
		{"last port", rule(6, 20, 25, any4), tcp(25, "8.8.8.8"), true},
		{"port above", rule(6, 20, 25, any4), tcp(26, "8.8.8.8"), false},
		{"port below", rule(6, 20, 25, any4), tcp(19, "8.8.8.8"), false},
		{"tcp without ports", rule(6, -1, -1, any4), tcp(65535, "8.8.8.8"), true},
		{"other protocol", rule(17, 20, 25, any4), tcp(22, "8.8.8.8"), false},
		{"all protocols ignore ports", rule(-1, 80, 80, any4), tcp(22, "8.8.8.8"), true},
		{"a numbered protocol ignores ports", rule(47, 80, 80, any4),
			Packet{Direction: secgroup.Ingress, Protocol: 47, Remote: addr("8.8.8.8")}, true},
		{"other direction", rule(6, 20, 25, any4),
			Packet{Direction: secgroup.Egress, Protocol: 6, Port: 22, Remote: addr("8.8.8.8")}, false},
		{"type with all codes is no inverted range", rule(1, 8, -1, any4), icmp(8, 0), true},
		{"other type", rule(1, 8, -1, any4), icmp(9, 0), false},
		{"type and code", rule(1, 3, 4, any4), icmp(3, 4), true},
		{"other code", rule(1, 3, 4, any4), icmp(3, 5), false},
		{"all types ignore the code", rule(1, -1, 7, any4), icmp(3, 5), true},
		{"IPv6 from anywhere in IPv4", rule(6, 22, 22, any4), tcp(22, "2606:4700::1"), false},
		{"IPv4 from anywhere in IPv6", rule(6, 22, 22, any6), tcp(22, "8.8.8.8"), false},
		{"mapped is IPv6", rule(6, 22, 22, any6), tcp(22, "::ffff:8.8.8.8"), true},
		{"host bits", rule(6, 22, 22, block("203.0.113.9/0")), tcp(22, "8.8.8.8"), true},
		{"last address of a block", rule(6, 22, 22, block("8.8.8.0/29")), tcp(22, "8.8.8.7"), true},
		{"behind a block", rule(6, 22, 22, block("8.8.8.0/29")), tcp(22, "8.8.8.8"), false},
		{"an address is no group", rule(6, 22, 22, ref), tcp(22, "8.8.8.8"), false},
		{"a group", rule(6, 22, 22, ref),
			Packet{Direction: secgroup.Ingress, Protocol: 6, Port: 22, Group: "sg-1", Account: "123456789012"}, true},
		{"a group of another account", rule(6, 22, 22, ref),
			Packet{Direction: secgroup.Ingress, Protocol: 6, Port: 22, Group: "sg-1"}, false},
		{"an entry of a list", rule(6, 22, 22, secgroup.PrefixList{ID: "pl-1", Readable: true,
			Entries: []netip.Prefix{netip.MustParsePrefix("8.8.4.0/24"), netip.MustParsePrefix("8.8.8.0/29")}}), tcp(22, "8.8.8.1"), true},
		{"an unreadable list has no known address", rule(6, 22, 22, secgroup.PrefixList{ID: "pl-1",
			Entries: []netip.Prefix{netip.MustParsePrefix("8.8.8.0/29")}}), tcp(22, "8.8.8.1"), false},
		{"an unreadable list has unknown ones", rule(6, 22, 22, secgroup.PrefixList{ID: "pl-1"}),
			Packet{Direction: secgroup.Ingress, Protocol: 6, Port: 22, List: "pl-1"}, true},
		{"no peer", rule(6, 22, 22, nil), tcp(22, "8.8.8.8"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, Admits(tc.rule, tc.p))
			require.Equal(t, tc.want, AdmitsAny([]secgroup.Rule{rule(6, 1, 1, any4), tc.rule}, tc.p))
		})
	}
}

// The oracle proves nothing about an algebra that it uses. So each selector
// in it is on this list: types, fields, and methods of netip alone.
func TestIndependence(t *testing.T) {
	allowed := map[string][]string{
		"secgroup": {"Direction", "Rule", "Peer", "CIDR", "PrefixList", "GroupReference"},
		"netip":    {"Addr", "Prefix"},
		// fields of secgroup's values and of Packet, methods of netip
		"": {"Direction", "Protocol", "Ports", "Peer", "From", "To", "Prefix", "Entries", "Readable", "ID", "GroupID", "AccountID",
			"Port", "Type", "Code", "Remote", "Group", "Account", "List",
			"IsValid", "Is4", "As16", "Addr", "Bits"},
	}
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	checked := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		require.NoError(t, err)
		for _, spec := range file.Imports {
			require.Contains(t, []string{`"net/netip"`, `"github.com/sgwarden/sgwarden/internal/secgroup"`}, spec.Path.Value)
			require.Nil(t, spec.Name, "no import under another name")
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			list := allowed[""]
			if x, ok := sel.X.(*ast.Ident); ok && allowed[x.Name] != nil {
				list = allowed[x.Name]
			}
			if !slices.Contains(list, sel.Sel.Name) {
				t.Errorf("%s: the oracle must not use %q", name, sel.Sel.Name)
			}
			checked++
			return true
		})
	}
	require.Greater(t, checked, 40, "the oracle was not read")
}
