package soak

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// flowSpec is protocol and ports as a client writes them; "" = left out.
type flowSpec struct{ protocol, from, to string }

var (
	harmfulFlows = []flowSpec{
		{"tcp", "22", "22"}, {"tcp", "20", "25"}, {"tcp", "0", "65535"}, {"tcp", "1", "65535"}, {"tcp", "3389", "3389"}, {"tcp", "3000", "4000"},
		{"tcp", "22", "443"}, {"6", "22", "3389"}, {"-1", "", ""}, {"udp", "0", "4000"}, {"udp", "22", "22"}, {"icmp", "5", "-1"}, {"icmp", "-1", "-1"},
		{"tcp", "80", "443"}, {"tcp", "1", "25"}, {"tcp", "26", "65535"},
	}
	otherFlows = []flowSpec{
		{"tcp", "443", "443"}, {"tcp", "80", "80"}, {"tcp", "0", "19"}, {"tcp", "23", "79"}, {"udp", "53", "53"}, {"icmp", "8", "-1"}, {"icmp", "5", "1"},
		{"icmpv6", "-1", "-1"}, {"icmpv6", "128", "-1"}, {"47", "", ""}, {"50", "22", "22"}, {"tcp", "4001", "65535"},
	}
	ipv4Blocks = []string{
		"0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/8", "8.8.0.0/16", "8.8.0.0/17", "8.8.128.0/17", "8.8.8.0/29", "8.8.8.3/29",
		"9.9.0.0/17", "9.9.128.0/17", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/16", "10.9.0.0/16", "172.31.0.0/16", "192.168.1.0/24", "224.0.0.0/4", "100.64.0.0/10",
	}
	ipv6Blocks  = []string{"::/0", "::/0", "2000::/3", "2606:4700::/32", "2606:4700:1::/48", "fd00::/8"}
	spokenTexts = []string{"", "office", "[click](http://evil.example)", "@channel !here $(reboot) ../../etc", "*bold* javascript:alert(1)", "outcome: compliant"}
)

func pickOf[E any](w *world, list []E) E { return list[w.random.IntN(len(list))] }

func (w *world) drawFlow() flowSpec {
	if w.random.IntN(5) < 3 {
		return pickOf(w, harmfulFlows)
	}
	return pickOf(w, otherFlows)
}

// peerSpec says how a peer is written in IpPermissions and in Modify.
type peerSpec struct{ list, field, modifyField, value string }

func (w *world) drawPeer(kind string) peerSpec {
	if kind == "" {
		kind = pickOf(w, []string{"v4", "v4", "v4", "v4", "v6", "v6", "group", "list"})
	}
	switch {
	case kind == "v6":
		return peerSpec{"Ipv6Ranges", "CidrIpv6", "CidrIpv6", pickOf(w, ipv6Blocks)}
	case kind == "group":
		return peerSpec{"Groups", "GroupId", "ReferencedGroupId", pickOf(w, []string{defaultGroup, webGroup, dbGroup})}
	case kind == "list" && len(w.history.listIDs) > 0:
		return peerSpec{"PrefixListIds", "PrefixListId", "PrefixListId", pickOf(w, w.history.listIDs)}
	}
	return peerSpec{"IpRanges", "CidrIp", "CidrIpv4", pickOf(w, ipv4Blocks)}
}

func (f flowSpec) put(p url.Values, prefix string) {
	p.Set(prefix+"IpProtocol", f.protocol)
	if f.from != "" {
		p.Set(prefix+"FromPort", f.from)
		p.Set(prefix+"ToPort", f.to)
	}
}

// permissions draws IpPermissions: up to three, each of up to three peers.
func (w *world) permissions(p url.Values) string {
	var words []string
	for n := 1; n <= 1+w.random.IntN(6)/4; n++ {
		prefix := fmt.Sprintf("IpPermissions.%d.", n)
		f := w.drawFlow()
		f.put(p, prefix)
		counts := map[string]int{}
		for range 1 + w.random.IntN(5)/3 {
			peer := w.drawPeer("")
			counts[peer.list]++
			at := fmt.Sprintf("%s%s.%d.", prefix, peer.list, counts[peer.list])
			p.Set(at+peer.field, peer.value)
			if text := pickOf(w, spokenTexts); text != "" {
				p.Set(at+"Description", text)
			}
			words = append(words, f.protocol+"/"+f.from+"-"+f.to+" "+peer.value)
		}
	}
	return strings.Join(words, ", ")
}

// aGroup picks a living group, or, now and then, one that is gone.
func (w *world) aGroup() string {
	var living []string
	for _, id := range w.order {
		if _, ok := w.account.Group(id); ok {
			living = append(living, id)
		}
	}
	if w.random.IntN(30) == 0 {
		return pickOf(w, w.order)
	}
	return pickOf(w, living)
}

// aRule picks a live rule; false = there is none.
func (w *world) aRule() (group string, r secgroup.Rule, ok bool) {
	start := w.random.IntN(len(w.order))
	for n := range w.order {
		group = w.order[(start+n)%len(w.order)]
		if rules := w.rules(group); len(rules) > 0 {
			return group, pickOf(w, rules), true
		}
	}
	return "", r, false
}

// change lets some actor change something.
func (w *world) change() {
	a := pickOf(w, actors)
	switch n := w.random.IntN(50); {
	case n >= 44:
		w.administer(n)
	case n >= 40:
		w.again(a)
	case n < 17:
		w.authorize(a)
	case n < 23:
		w.modify(a)
	case n < 27:
		w.revoke(a)
	case n < 29:
		w.createGroup(a)
	case n < 31:
		w.deleteGroup(a)
	case n < 33:
		w.describe(a)
	case n < 35:
		w.retag(a)
	case n < 36 || n < 37 && w.docket.exempts == "":
		w.list(a)
	default:
		w.operate()
	}
}

// race is what somebody else does while the guard works: about rules only.
func (w *world) race() {
	w.effects.hit()
	w.say("  meanwhile:")
	a := pickOf(w, actors)
	switch n := w.random.IntN(4); {
	case n < 2:
		w.modify(a)
	case n < 3:
		w.revoke(a)
	default:
		w.authorize(a)
	}
}

func (w *world) authorize(a actor) {
	p := url.Values{}
	action := "AuthorizeSecurityGroupIngress"
	if w.random.IntN(4) == 0 {
		action = "AuthorizeSecurityGroupEgress"
	}
	group := w.aGroup()
	var words string
	switch {
	case action == "AuthorizeSecurityGroupIngress" && w.random.IntN(6) == 0: // the flat form
		f := w.drawFlow()
		f.put(p, "")
		block := pickOf(w, ipv4Blocks)
		p.Set("CidrIp", block)
		words = f.protocol + "/" + f.from + "-" + f.to + " " + block
	default:
		words = w.permissions(p)
	}
	if g, ok := w.account.Group(group); ok && g.VPCID == w.account.DefaultVPC() && action == "AuthorizeSecurityGroupIngress" && w.random.IntN(8) == 0 {
		p.Set("GroupName", strings.ToUpper(g.Name))
	} else {
		p.Set("GroupId", group)
	}
	_, ok := w.call(a, action, p)
	w.say("%s %s %s: %s -> %v", who(a), action, group, words, ok)
}

func who(a actor) string { return strings.TrimPrefix(a.key, "AKIASOAK") }

// again makes a rule once more that the guard took away, as who fights it does:
// three times, each of them heard of at once.
func (w *world) again(a actor) {
	for _, id := range sortedKeys(w.history.touched) {
		past := w.history.rules[id]
		r := past.values[0]
		c, isBlock := r.Peer.(secgroup.CIDR)
		if _, isLive := byID(w.history.live[past.group], id); isLive || !isBlock || r.Direction != secgroup.Ingress {
			continue
		}
		for range 1 + w.random.IntN(4) {
			p := url.Values{"GroupId": {past.group}}
			const at = "IpPermissions.1."
			put(p, at, r, c)
			_, ok := w.call(a, "AuthorizeSecurityGroupIngress", p)
			w.tally.Calls["the same once more"]++
			w.say("%s once more %s: %s -> %v", who(a), past.group, r, ok)
			if !ok {
				return
			}
			w.begin()
			w.effects.plan = faultPlan{seen: newSeen()}
			w.judge("at once", []*message{w.queue.made})
			w.begin()
		}
		return
	}
	w.authorize(a)
}

// put writes a rule by its value.
func put(p url.Values, at string, r secgroup.Rule, c secgroup.CIDR) {
	flowSpec{r.Protocol.String(), "", ""}.put(p, at)
	if r.Protocol == secgroup.AllProtocols {
		p.Set(at+"IpProtocol", "-1")
	}
	if r.Ports != secgroup.NoPorts || r.Protocol.IsICMP() {
		p.Set(at+"FromPort", strconv.Itoa(int(r.Ports.From)))
		p.Set(at+"ToPort", strconv.Itoa(int(r.Ports.To)))
	}
	if c.Addr().Is4() {
		p.Set(at+"IpRanges.1.CidrIp", c.String())
	} else {
		p.Set(at+"Ipv6Ranges.1.CidrIpv6", c.String())
	}
}

func (w *world) modify(a actor) {
	group, r, ok := w.aRule()
	if !ok {
		return
	}
	kind := "v4"
	switch peer := r.Peer.(type) {
	case secgroup.CIDR:
		if peer.Addr().Is6() {
			kind = "v6"
		}
	case secgroup.PrefixList:
		kind = "list"
	case secgroup.GroupReference:
		kind = "group"
	}
	p := url.Values{"GroupId": {group}, "SecurityGroupRule.1.SecurityGroupRuleId": {r.ID}}
	f, peer := w.drawFlow(), w.drawPeer(kind)
	const at = "SecurityGroupRule.1.SecurityGroupRule."
	f.put(p, at)
	p.Set(at+peer.modifyField, peer.value)
	if text := pickOf(w, spokenTexts); text != "" {
		p.Set(at+"Description", text)
	}
	_, done := w.call(a, "ModifySecurityGroupRules", p)
	if made := w.queue.made; done && made != nil && len(made.names) == 0 {
		made.names = w.names("ModifySecurityGroupRules", []string{r.ID}) // the value that it had: its record names it all the same
	}
	w.say("%s ModifySecurityGroupRules %s %s: %s/%s-%s %s -> %v", who(a), group, r.ID, f.protocol, f.from, f.to, peer.value, done)
}

func (w *world) revoke(a actor) {
	group, r, ok := w.aRule()
	if !ok {
		return
	}
	action := map[secgroup.Direction]string{secgroup.Ingress: "RevokeSecurityGroupIngress", secgroup.Egress: "RevokeSecurityGroupEgress"}[r.Direction]
	p := url.Values{"GroupId": {group}}
	if c, isBlock := r.Peer.(secgroup.CIDR); isBlock && w.random.IntN(2) == 0 {
		put(p, "IpPermissions.1.", r, c)
	} else {
		p.Set("SecurityGroupRuleId.1", r.ID)
	}
	_, done := w.call(a, action, p)
	w.say("%s %s %s %s -> %v", who(a), action, group, r.ID, done)
}

func (w *world) describe(a actor) {
	group, r, ok := w.aRule()
	if !ok {
		return
	}
	action := map[secgroup.Direction]string{
		secgroup.Ingress: "UpdateSecurityGroupRuleDescriptionsIngress", secgroup.Egress: "UpdateSecurityGroupRuleDescriptionsEgress",
	}[r.Direction]
	_, done := w.call(a, action, url.Values{
		"GroupId": {group}, "SecurityGroupRuleDescription.1.SecurityGroupRuleId": {r.ID},
		"SecurityGroupRuleDescription.1.Description": {"about " + pickOf(w, spokenTexts)},
	})
	w.say("%s %s %s %s -> %v", who(a), action, group, r.ID, done)
}
