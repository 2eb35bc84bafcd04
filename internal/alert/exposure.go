package alert

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// services are names that people know better than the port.
var services = []struct {
	port int32
	name string
}{
	{20, "FTP"}, {21, "FTP"}, {22, "SSH"}, {23, "Telnet"}, {25, "SMTP"}, {53, "DNS"}, {80, "HTTP"}, {110, "POP3"}, {111, "RPC"},
	{135, "Windows RPC"}, {139, "NetBIOS"}, {143, "IMAP"}, {161, "SNMP"}, {389, "LDAP"}, {443, "HTTPS"}, {445, "SMB"}, {636, "LDAPS"},
	{873, "rsync"}, {1433, "SQL Server"}, {1521, "Oracle"}, {2049, "NFS"}, {2375, "Docker"}, {2376, "Docker"}, {2379, "etcd"},
	{3306, "MySQL"}, {3389, "RDP"}, {5432, "PostgreSQL"}, {5439, "Redshift"}, {5601, "Kibana"}, {5672, "AMQP"}, {5900, "VNC"},
	{5985, "WinRM"}, {5986, "WinRM"}, {6379, "Redis"}, {6443, "Kubernetes"}, {8080, "HTTP"}, {8443, "HTTPS"}, {9042, "Cassandra"},
	{9092, "Kafka"}, {9200, "Elasticsearch"}, {10250, "kubelet"}, {11211, "memcached"}, {27017, "MongoDB"},
}

// namedServices bounds how many of a range are named.
const namedServices = 4

// traffic says which flows a rule is about: "tcp/22 (SSH)".
func traffic(r secgroup.Rule) string {
	r = r.Canonical()
	switch {
	case r.Protocol == secgroup.AllProtocols:
		return "all traffic"
	case r.Protocol.HasPorts() && r.Ports == secgroup.AllPorts:
		return "every " + strings.ToUpper(r.Protocol.String()) + " port"
	case r.Protocol.HasPorts():
		return portsText(r)
	case r.Protocol.IsICMP() && r.Ports == secgroup.NoPorts:
		return "all ICMP"
	case r.Protocol.IsICMP() && r.Ports.To == -1:
		return fmt.Sprintf("%s of type %d", r.Protocol, r.Ports.From)
	case r.Protocol.IsICMP():
		return fmt.Sprintf("%s of type %d, code %d", r.Protocol, r.Ports.From, r.Ports.To)
	}
	return fmt.Sprintf("IP protocol %s", r.Protocol)
}

func portsText(r secgroup.Rule) string {
	var names []string
	found := 0
	for _, s := range services {
		if s.port < r.Ports.From || s.port > r.Ports.To {
			continue
		}
		if found++; found <= namedServices {
			names = append(names, fmt.Sprintf("%d %s", s.port, s.name))
		}
	}
	switch {
	case r.Ports.From == r.Ports.To && found == 1:
		_, name, _ := strings.Cut(names[0], " ")
		return fmt.Sprintf("%s/%d (%s)", r.Protocol, r.Ports.From, name)
	case r.Ports.From == r.Ports.To:
		return fmt.Sprintf("%s/%d", r.Protocol, r.Ports.From)
	case found == 0:
		return fmt.Sprintf("%s/%d-%d", r.Protocol, r.Ports.From, r.Ports.To)
	case found > namedServices:
		names = append(names, fmt.Sprintf("%d more", found-namedServices))
	}
	return fmt.Sprintf("%s/%d-%d (among them %s)", r.Protocol, r.Ports.From, r.Ports.To, strings.Join(names, ", "))
}

// whom says who is at the other end of a rule.
func whom(r secgroup.Rule) string {
	switch p := r.Canonical().Peer.(type) {
	case secgroup.CIDR:
		return addresses(p)
	case secgroup.PrefixList:
		return "the addresses of prefix list" + string(glue) + foreign(p.ID, 60)
	case secgroup.GroupReference:
		return "the members of group" + string(glue) + foreign(p.Key(), 60)
	}
	return "an unknown peer"
}

func addresses(c secgroup.CIDR) string {
	family, width := "IPv4", 32
	if c.Addr().Is6() {
		family, width = "IPv6", 128
	}
	switch free := width - c.Bits(); {
	case c.Bits() == 0:
		return "the whole " + family + " internet"
	case free == 0:
		return "the address " + c.Addr().String()
	case free <= 32:
		return fmt.Sprintf("%s %s addresses (%s)", grouped(free), family, c)
	default:
		return fmt.Sprintf("2^%d %s addresses (%s)", free, family, c)
	}
}

// grouped is 2^bits with thousands apart.
func grouped(bits int) string {
	digits := new(big.Int).Lsh(big.NewInt(1), uint(bits)).String()
	for n := len(digits) - 3; n > 0; n -= 3 {
		digits = digits[:n] + "," + digits[n:]
	}
	return digits
}

// lets says what a rule does, after "a rule that": "let the whole IPv4 internet
// reach tcp/22 (SSH)". In the present it is "lets".
func lets(verb string, r secgroup.Rule) string {
	if r.Direction == secgroup.Egress {
		return fmt.Sprintf("%s its members send %s to %s", verb, traffic(r), whom(r))
	}
	return fmt.Sprintf("%s %s reach %s", verb, whom(r), traffic(r))
}

// exposes says what is open by a rule: "exposes tcp/22 (SSH) to the whole IPv4
// internet".
func exposes(r secgroup.Rule) string {
	verb := "exposes"
	if r.Direction == secgroup.Egress {
		verb = "allows"
	}
	return fmt.Sprintf("%s %s to %s", verb, traffic(r), whom(r))
}
