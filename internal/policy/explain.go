package policy

import (
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// ExplainInput is the input that judges rules as if nobody in particular had
// just added them to a group of their own, which is not a default group, with
// the baseline act done, in an account without elastic addresses. The group's own VPC has no blocks unless the caller
// sets Live.VPCs; prefix lists are as the rules carry them.
func (s *Set) ExplainInput(group secgroup.Group, rules []secgroup.Rule, now time.Time) Input {
	if group.Name == "" {
		group.Name = "explained"
	}
	if group.VPCs == nil {
		group.VPCs = []secgroup.VPC{}
	}
	group.Rules = rules
	change := secgroup.Change{
		EventName: "AuthorizeSecurityGroup", Effect: secgroup.Names, EventTime: now, Complete: true,
		Groups: []secgroup.GroupName{{ID: group.ID, Name: group.Name}},
	}
	for _, r := range rules {
		change.Rules = append(change.Rules, secgroup.NamedRule{GroupID: group.ID, Rule: r, HasValue: true})
	}
	facts := Facts{Acts: s.ActsDone(now.Add(-time.Hour))}
	facts.Dead, facts.Elastic = &DeadReferences{}, &ElasticAddresses{}
	return Input{Live: group, Changes: []secgroup.Change{change}, Facts: facts, Now: now}
}
