package localec2

import (
	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// rulesPerGroup is the default quota, for each direction and family apart
// (VPC guide, "Amazon VPC quotas").
const rulesPerGroup = 60

// AllowRules sets the quota of rules per group, for each direction and family
// apart: AWS raises it on request, to 1,000 where an interface has one group.
// The default is 60.
func (c *Cloud) AllowRules(perGroup int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quota = perGroup
}

var directions = []secgroup.Direction{secgroup.Ingress, secgroup.Egress}

// checkQuota counts the rules of a group in one direction.
func (s *session) checkQuota(g *group, d secgroup.Direction) *query.Fault {
	var ipv4, ipv6 int
	for _, r := range g.rules {
		if r.Direction == d {
			four, six := s.weight(r.Peer)
			ipv4, ipv6 = ipv4+four, ipv6+six
		}
	}
	if ipv4 > s.cloud.quota || ipv6 > s.cloud.quota {
		return query.Refuse("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
	}
	return nil
}

// weight is what a rule with that peer counts in each family. A referenced
// group counts one in both; a list counts the entries that it may have, one of
// AWS its given weight.
func (s *session) weight(peer secgroup.Peer) (ipv4, ipv6 int) {
	switch p := peer.(type) {
	case secgroup.CIDR:
		if p.Addr().Is4() {
			return 1, 0
		}
		return 0, 1
	case secgroup.PrefixList:
		if l := s.state.lists[p.ID]; l != nil && l.ipv6 {
			return 0, l.maxEntries
		} else if l != nil {
			return l.maxEntries, 0
		}
	}
	return 1, 1
}
