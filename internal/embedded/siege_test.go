package embedded

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// harmless and harmful are what clients of a siege make rules of.
var (
	harmless = []string{
		"tcp 443 443 0.0.0.0/0", "tcp 80 80 ::/0", "tcp 22 22 10.0.0.0/8", "icmp 8 -1 0.0.0.0/0", "-1 - - 10.1.0.0/16",
		"udp 22 23 fd00::/8", "47 - - 0.0.0.0/0", "tcp 22 22 self", "tcp 24 24 0.0.0.0/0",
	}
	harmful = []string{
		"tcp 22 22 0.0.0.0/0", "tcp 22 22 ::/0", "-1 - - 0.0.0.0/0", "6 20 25 0.0.0.0/1", "tcp 22 22 128.0.0.0/1", "tcp 0 65535 8.0.0.0/6",
		"tcp 22 443 2000::/3", "udp 1 22 64.0.0.0/2", "tcp 22 22 8.0.0.0/15", "tcp 3389 3389 0.0.0.0/0",
	}
	ways = [][]string{nil, nil, nil, {"twice"}, {"reversed"}, {"together"}, {"reversed", "together"}, {"unanswered"}}
)

// TestSiege lets a client add, change and remove rules at random, its records
// come in any order, late, twice or not at all, and holds at the end that no
// stranger reaches tcp/22 and that every harmless rule stands as it was made.
func TestSiege(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { siege(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

func siege(t *testing.T, random *rand.Rand) {
	s := newScene(t, attack{where: "siege"})
	fine := map[string]string{} // the harmless rules that stand: id -> value
	for range 14 {
		pool := [][]string{harmful, harmless}[random.IntN(2)]
		words := strings.Fields(pool[random.IntN(len(pool))])
		live := s.rules()
		id := ""
		switch n := random.IntN(10); {
		case n < 6:
			id = s.tryAdd(live, words)
		case n < 8 && len(live) > 0:
			id = s.tryChange(live[random.IntN(len(live))], words)
		case n == 8 && len(live) > 0:
			s.made = []string{live[random.IntN(len(live))].ID}
			delete(fine, s.made[0])
			s.take([]string{"1"})
		default:
			s.records = nil
		}
		if id != "" {
			delete(fine, id)
			for _, r := range s.rules() {
				if r.ID == id && &pool[0] == &harmless[0] {
					fine[id] = r.String()
				}
			}
		}
		s.account.wind(s.world.now.Add(time.Second))
		if random.IntN(3) > 0 {
			s.hear(ways[random.IntN(len(ways))])
		}
	}
	s.hear([]string{"look"})
	s.records = nil
	s.wait(time.Hour)

	now := map[string]string{}
	for _, r := range s.rules() {
		now[r.ID] = r.String()
	}
	for id, value := range fine {
		require.Equal(t, value, now[id], "%s\n%v", id, s.story())
	}
	for _, address := range []string{"8.8.8.8", "9.1.1.1", "100.1.1.1", "200.1.1.1", "2606:4700::1", "3000::1"} {
		for _, port := range []uint16{22, 3389} {
			p := oracle.Packet{Direction: secgroup.Ingress, Protocol: 6, Port: port, Remote: netip.MustParseAddr(address)}
			require.False(t, oracle.AdmitsAny(s.rules(), p), "%v\nrules: %v\n%s", p, s.rules(), s.story())
		}
	}
}

// value is the rule that a client means by words.
func (s *scene) value(words []string) string {
	text := strings.Join(words, " ")
	for from, to := range map[string]string{" - - ": " from ", "-1 from": "all from", " 8 -1 ": "/8 from ", "self": s.group} {
		text = strings.ReplaceAll(text, from, to)
	}
	if w := strings.Fields(text); len(w) == 4 {
		text = w[0] + "/" + w[1] + "-" + w[2] + " from " + w[3]
	}
	r, err := secgroup.ParseRule("ingress " + text)
	require.NoError(s.t, err)
	return r.Value()
}

// tryAdd makes a rule unless it is there, and gives its id.
func (s *scene) tryAdd(live []secgroup.Rule, words []string) (id string) {
	if slices.ContainsFunc(live, func(r secgroup.Rule) bool { return r.Value() == s.value(words) }) {
		return ""
	}
	s.made = nil
	s.add("ingress", words)
	return s.made[0]
}

// tryChange changes a rule where EC2 allows it, and gives its id.
func (s *scene) tryChange(r secgroup.Rule, words []string) (id string) {
	kind := func(peer string) string {
		switch {
		case strings.HasPrefix(peer, "sg-"), peer == "self":
			return "group"
		case strings.Contains(peer, ":"):
			return "IPv6"
		}
		return "IPv4"
	}
	value := s.value(words)
	same := func(live secgroup.Rule) bool { return live.Value() == value }
	if kind(r.Peer.String()) != kind(words[3]) || slices.ContainsFunc(s.rules(), same) {
		return ""
	}
	s.made = []string{r.ID}
	s.change("1", words)
	return r.ID
}
