package alert

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
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
	case found == int(r.Ports.To-r.Ports.From)+1:
		return fmt.Sprintf("%s/%d-%d (%s)", r.Protocol, r.Ports.From, r.Ports.To, strings.Join(names, ", "))
	}
	return fmt.Sprintf("%s/%d-%d (among them %s)", r.Protocol, r.Ports.From, r.Ports.To, strings.Join(names, ", "))
}

// opening is what a rule opens too much of one flow: to everything in peers.
type opening struct {
	flow  secgroup.Rule // its peer is the first of peers
	peers []secgroup.Peer
}

// openings gathers what a rule has too much by its flows, or all of it where
// that is not known. The excess of one rule from anywhere is a hundred blocks:
// the internet is what is left of the address space without the reserved ones.
func openings(r incident.Rule) []opening {
	rules := r.Excess
	// A list that is not complete would say too little.
	if (len(rules) == 0 || r.OmittedExcess > 0) && r.Before != nil {
		rules = []secgroup.Rule{*r.Before}
	}
	var all []opening
	place := map[flowKey]int{}
	for _, e := range rules {
		n, known := place[keyOf(e)]
		if !known {
			n = len(all)
			place[keyOf(e)] = n
			all = append(all, opening{flow: e})
		}
		all[n].peers = append(all[n].peers, e.Peer)
	}
	return all
}

// flowKey is all that makes two rules the same but their peers.
type flowKey struct {
	direction secgroup.Direction
	protocol  secgroup.Protocol
	ports     secgroup.Ports
}

func keyOf(r secgroup.Rule) flowKey {
	return flowKey{r.Direction, r.Protocol, r.Canonical().Ports}
}

// isWhole reports whether an opening is about all that the rule allows, give
// or take reserved addresses.
func (o opening) isWhole(rule secgroup.Rule) bool {
	if keyOf(o.flow) != keyOf(rule) {
		return false
	}
	whole, ok := rule.Peer.(secgroup.CIDR)
	if !ok {
		return len(o.peers) == 1 && o.flow.SameValue(rule)
	}
	size := new(big.Int).Lsh(big.NewInt(1), uint(whole.Addr().BitLen()-whole.Bits()))
	open := o.addresses(whole.Addr().BitLen())
	return open.Lsh(open, 1).Cmp(size) >= 0
}

// part says in rule text what of a rule is too much: a flow of it, or some
// peers.
func (o opening) part(rule secgroup.Rule) string {
	if o.isWhole(withFlow(rule, o.flow)) {
		return strings.Fields(o.flow.String())[1]
	}
	text := foreign(o.flow.String(), 200)
	if more := len(o.peers) - 1; more > 0 {
		text += " and " + count(more, "more block")
	}
	return text
}

// withFlow is the rule with another flow.
func withFlow(rule, flow secgroup.Rule) secgroup.Rule {
	flow.Peer = rule.Peer
	return flow
}

// addresses counts the addresses of the family of that width among the peers.
func (o opening) addresses(width int) *big.Int {
	total := new(big.Int)
	for _, p := range o.peers {
		if c, ok := p.(secgroup.CIDR); ok && c.Addr().BitLen() == width {
			total.Add(total, new(big.Int).Lsh(big.NewInt(1), uint(width-c.Bits())))
		}
	}
	return total
}

// maxPeers bounds how many peers that are no addresses are named.
const maxPeers = 3

// whom says who is at the other end.
func (o opening) whom() string {
	blocks := map[int][]secgroup.CIDR{}
	var others []string
	for _, p := range o.peers {
		switch p := p.(type) {
		case secgroup.CIDR:
			blocks[p.Addr().BitLen()] = append(blocks[p.Addr().BitLen()], p)
		case secgroup.PrefixList:
			others = append(others, "the addresses of prefix list"+string(glue)+foreign(p.ID, 60))
		case secgroup.GroupReference:
			others = append(others, "the members of group"+string(glue)+foreign(p.Key(), 60))
		default:
			others = append(others, "an unknown peer")
		}
	}
	var all []string
	for _, width := range []int{32, 128} {
		if len(blocks[width]) > 0 {
			all = append(all, addresses(blocks[width], o.addresses(width)))
		}
	}
	if more := len(others) - maxPeers; more > 0 {
		others = append(others[:maxPeers], fmt.Sprintf("%d more", more))
	}
	return strings.Join(append(all, others...), " and ")
}

// addresses names blocks of one family, total addresses in all.
func addresses(blocks []secgroup.CIDR, total *big.Int) string {
	first := blocks[0]
	width, family := first.Addr().BitLen(), "IPv4"
	if first.Addr().Is6() {
		family = "IPv6"
	}
	switch half := new(big.Int).Lsh(big.NewInt(1), uint(width-1)); {
	case first.Bits() == 0:
		return "the whole " + family + " internet"
	case len(blocks) > 1 && total.Cmp(half) >= 0:
		return "the " + family + " internet"
	case len(blocks) > 1:
		return fmt.Sprintf("%s %s addresses in %d blocks", grouped(total), family, len(blocks))
	case first.Bits() == width:
		return "the address " + first.Addr().String()
	}
	return fmt.Sprintf("%s %s addresses (%s)", grouped(total), family, first)
}

// grouped is a count with thousands apart, or what it is about as a power of 2.
func grouped(n *big.Int) string {
	if n.BitLen() > 33 {
		about := ""
		if n.TrailingZeroBits() != uint(n.BitLen()-1) {
			about = "more than "
		}
		return fmt.Sprintf("%s2^%d", about, n.BitLen()-1)
	}
	digits := n.String()
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// lets says what is open, after "a rule that": "let the whole IPv4 internet
// reach tcp/22 (SSH)". In the present it is "lets".
func (o opening) lets(verb string) string {
	if o.flow.Direction == secgroup.Egress {
		return fmt.Sprintf("%s its members send %s to %s", verb, traffic(o.flow), o.whom())
	}
	return fmt.Sprintf("%s %s reach %s", verb, o.whom(), traffic(o.flow))
}

// exposes says the same of the rule: "exposes tcp/22 (SSH) to the whole IPv4
// internet".
func (o opening) exposes() string {
	verb := "exposes"
	if o.flow.Direction == secgroup.Egress {
		verb = "allows"
	}
	return fmt.Sprintf("%s %s to %s", verb, traffic(o.flow), o.whom())
}
