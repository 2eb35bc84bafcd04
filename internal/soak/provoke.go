package soak

import (
	"net/url"
)

// provocations are rules that, under the policy sets that list a call, lead the
// guard to that call: else rare deaths would be too rare.
var provocations = map[string]struct {
	egress bool
	flows  []flowSpec
}{
	"RevokeSecurityGroupIngress":    {false, []flowSpec{{"tcp", "22", "22"}, {"tcp", "3389", "3389"}}},
	"RevokeSecurityGroupEgress":     {true, []flowSpec{{"50", "", ""}, {"tcp", "22", "22"}}},
	"ModifySecurityGroupRules":      {false, []flowSpec{{"tcp", "20", "22"}, {"tcp", "22", "25"}, {"tcp", "3389", "4000"}}},
	"AuthorizeSecurityGroupIngress": {false, []flowSpec{{"tcp", "20", "25"}, {"tcp", "20", "79"}}},
	"AuthorizeSecurityGroupEgress":  {true, []flowSpec{{"tcp", "22", "443"}, {"tcp", "443", "3389"}}},
	"CreateTags":                    {false, []flowSpec{{"tcp", "3389", "3389"}, {"tcp", "3000", "4000"}}},
	"JudgeAgain":                    {false, []flowSpec{{"tcp", "80", "80"}, {"tcp", "80", "442"}, {"tcp", "22", "22"}}},
}

var wideBlocks = []string{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/8", "9.9.0.0/17", "8.8.128.0/17"}

// provoke makes a rule that leads to a call, and gives the message of it; nil =
// EC2 refused it, or nothing leads there.
func (w *world) provoke(call string) *message {
	p, ok := provocations[call]
	if !ok {
		return nil
	}
	action, group, f, block := "AuthorizeSecurityGroupIngress", w.aGroup(), pickOf(w, p.flows), pickOf(w, wideBlocks)
	if p.egress {
		action = "AuthorizeSecurityGroupEgress"
	}
	params := url.Values{"GroupId": {group}, "IpPermissions.1.IpRanges.1.CidrIp": {block}}
	f.put(params, "IpPermissions.1.")
	a := pickOf(w, actors)
	_, done := w.call(a, action, params)
	w.say("%s %s %s: %s/%s-%s %s -> %v", who(a), action, group, f.protocol, f.from, f.to, block, done)
	if !done {
		return nil
	}
	return w.queue.made
}
