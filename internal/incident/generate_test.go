package incident_test

import (
	"fmt"
	"net/netip"
	"time"

	"pgregory.net/rapid"

	_ "github.com/sgwarden/sgwarden/internal/fixedseed" // the same draws in every run
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Generators of everything that a document can hold. Rules and policies come
// in the order that documents have.

func drawText(t *rapid.T, label string) string {
	return rapid.OneOf(rapid.Just(""), rapid.String(), rapid.SampledFrom([]string{
		"a\nb", "</script>", "\u202egpj.exe", "\u009b31m", "\U000e0041", "\u2028", "x\x7fy", "\ufeff", "&amp;", `"quoted" \ back`, "\u00a0",
	})).Draw(t, label)
}

func drawTags(t *rapid.T) map[string]string {
	tags := rapid.MapOfN(rapid.StringMatching(`[a-z]{1,4}`), rapid.StringMatching(`[a-z\n]{0,4}`), 0, 3).Draw(t, "tags")
	if len(tags) == 0 {
		return nil
	}
	return tags
}

func drawTime(t *rapid.T, label string) time.Time {
	return time.Unix(rapid.Int64Range(1, 4e9).Draw(t, label), rapid.Int64Range(0, 999999999).Draw(t, label)).UTC()
}

func drawPeer(t *rapid.T) secgroup.Peer {
	switch rapid.IntRange(0, 4).Draw(t, "peer") {
	case 0:
		b := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")
		return secgroup.NewCIDR(netip.PrefixFrom(netip.AddrFrom4([4]byte(b)), rapid.IntRange(0, 32).Draw(t, "bits")))
	case 1:
		b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6")
		return secgroup.NewCIDR(netip.PrefixFrom(netip.AddrFrom16([16]byte(b)), rapid.IntRange(0, 128).Draw(t, "bits")))
	case 2:
		return secgroup.PrefixList{ID: "pl-0123456789abcdef0"}
	case 3:
		return secgroup.PrefixList{ID: "pl-0123456789abcdef0", Name: drawText(t, "list"), OwnerID: "AWS", Version: rapid.Int64Range(0, 9).Draw(t, "version"), Refused: drawText(t, "refused")}
	}
	return secgroup.GroupReference{
		GroupID:   "sg-0123456789abcdef0",
		AccountID: rapid.SampledFrom([]string{"", "123456789012"}).Draw(t, "account"),
		PeeringID: rapid.SampledFrom([]string{"", "pcx-0123456789abcdef0"}).Draw(t, "peering"),
	}
}

// drawValue draws a rule in canonical form.
func drawValue(t *rapid.T) secgroup.Rule {
	low := rapid.Int32Range(0, 255).Draw(t, "from")
	r := secgroup.Rule{
		Direction:   rapid.SampledFrom([]secgroup.Direction{secgroup.Ingress, secgroup.Egress}).Draw(t, "direction"),
		Protocol:    secgroup.Protocol(rapid.OneOf(rapid.IntRange(-1, 255), rapid.SampledFrom([]int{-1, 1, 6, 17, 58})).Draw(t, "protocol")),
		Ports:       secgroup.Ports{From: low, To: rapid.Int32Range(low, 255).Draw(t, "to")},
		Peer:        drawPeer(t),
		Description: drawText(t, "description"),
		Tags:        drawTags(t),
	}
	if r.Protocol.IsICMP() && rapid.Bool().Draw(t, "all types") {
		r.Ports = secgroup.NoPorts
	}
	return r.Canonical()
}

func drawRule(t *rapid.T, n int) incident.Rule {
	r := incident.Rule{
		ID:        fmt.Sprintf("sgr-%d", n),
		Direction: rapid.SampledFrom([]secgroup.Direction{0, secgroup.Ingress, secgroup.Egress}).Draw(t, "direction"),
		Reason:    drawText(t, "reason"),
	}
	if rapid.Bool().Draw(t, "known") {
		before := drawValue(t)
		r.Before = &before
	}
	for range rapid.IntRange(0, 2).Draw(t, "after") {
		r.After = append(r.After, drawValue(t))
	}
	for range rapid.IntRange(0, 2).Draw(t, "excess") {
		e := drawValue(t)
		e.Description, e.Tags = "", nil
		switch p := e.Peer.(type) {
		case secgroup.PrefixList:
			e.Peer = secgroup.PrefixList{ID: p.ID}
		case secgroup.GroupReference:
			e.Peer = secgroup.GroupReference{GroupID: p.GroupID, AccountID: p.AccountID}
		}
		r.Excess = append(r.Excess, e)
	}
	r.OmittedExcess = rapid.IntRange(0, 2).Draw(t, "omitted excess")
	for range rapid.IntRange(0, 2).Draw(t, "policies") {
		r.Policies = append(r.Policies, rapid.StringMatching(`[a-z-]{1,9}`).Draw(t, "policy"))
	}
	return r
}

func drawTexts(t *rapid.T, label string) []string {
	var texts []string
	for range rapid.IntRange(0, 2).Draw(t, label) {
		texts = append(texts, drawText(t, label))
	}
	return texts
}

func drawPlanned(t *rapid.T) map[string]incident.Planned {
	var all map[string]incident.Planned
	for n := range rapid.IntRange(0, 2).Draw(t, "planned") {
		p := incident.Planned{Restored: rapid.Bool().Draw(t, "planned restored")}
		for range rapid.IntRange(0, 2).Draw(t, "planned after") {
			p.After = append(p.After, drawValue(t))
		}
		if all == nil {
			all = map[string]incident.Planned{}
		}
		all[fmt.Sprintf("sgr-%d", n)] = p
	}
	return all
}

func drawList(t *rapid.T) *incident.List {
	l := &incident.List{
		ID: "pl-0123456789abcdef0", Name: drawText(t, "list"), OwnerID: "123456789012", Before: rapid.Int64Range(0, 9).Draw(t, "before"), Judged: 3, After: 4,
		OmittedGroups: rapid.IntRange(0, 2).Draw(t, "omitted groups"), OmittedAdded: 1, Violating: 2,
	}
	entries := func(label string) (all []secgroup.ListEntry) {
		for range rapid.IntRange(0, 2).Draw(t, label) {
			all = append(all, secgroup.ListEntry{Block: netip.MustParsePrefix("2606:4700::/32"), Description: drawText(t, label)})
		}
		return all
	}
	l.Added, l.Removed, l.PutBack = entries("added"), entries("removed"), entries("put back")
	for range rapid.IntRange(0, 2).Draw(t, "groups") {
		l.Groups = append(l.Groups, incident.ListGroup{
			ID: "sg-0123456789abcdef0", Name: drawText(t, "group"), VPCID: "vpc-1", Outcome: rapid.SampledFrom(incident.Outcomes()).Draw(t, "group outcome"), Rules: drawTexts(t, "ids"),
		})
	}
	return l
}

func drawIncident(t *rapid.T) incident.Incident {
	i := incident.Incident{
		ID:        rapid.SampledFrom([]string{"", "inc-0123456789abcdef01234567"}).Draw(t, "id"),
		EventType: rapid.SampledFrom(append([]incident.EventType{""}, incident.EventTypes...)).Draw(t, "event type"),
		Outcome:   rapid.SampledFrom(append([]incident.Outcome{0}, incident.Outcomes()...)).Draw(t, "outcome"),
		Reason:    drawText(t, "reason"), Fallback: drawText(t, "fallback"),
		Mode:      policy.Mode(rapid.Uint8Range(0, 2).Draw(t, "mode")),
		Severity:  policy.Severity(rapid.Uint8Range(0, 5).Draw(t, "severity")),
		AccountID: "123456789012", Region: "eu-central-1", Resource: drawText(t, "arn"),
		GroupID: "sg-0123456789abcdef0", GroupName: drawText(t, "group"), VPCID: drawText(t, "vpc"), GroupTags: drawTags(t),
		Actor: incident.Actor{Actor: secgroup.Actor{
			ARN: drawText(t, "arn"), Type: drawText(t, "type"), AccountID: drawText(t, "account"), Session: drawText(t, "session"),
			InvokedBy: drawText(t, "by"), SourceIP: drawText(t, "ip"), UserAgent: drawText(t, "agent"), AccessKeyID: drawText(t, "key"),
		}, Attributed: rapid.Bool().Draw(t, "attributed")},
		APICall: drawText(t, "call"), EventID: drawText(t, "event"), Cause: "event",
		Would: drawTexts(t, "would"), Actions: drawTexts(t, "actions"), Notes: drawTexts(t, "notes"),
		OmittedRules: rapid.IntRange(0, 3).Draw(t, "omitted"),
		Planned:      drawPlanned(t),
		Published:    drawTexts(t, "published"), Owed: drawTexts(t, "owed"), Chain: drawText(t, "chain"), Status: rapid.SampledFrom([]string{"", "open", "closed"}).Draw(t, "status"),
	}
	if rapid.Bool().Draw(t, "times") {
		closed := drawTime(t, "closed")
		i.OpenedAt, i.LearntAt, i.ClosedAt = drawTime(t, "opened"), drawTime(t, "learnt"), &closed
	}
	if rapid.Bool().Draw(t, "sessions") {
		i.Sessions = incident.Sessions{Tracked: "tracked", MaySurviveSeconds: 600, Basis: "group"}
	}
	for n := range rapid.IntRange(0, 2).Draw(t, "rules") {
		r := drawRule(t, n)
		r.Outcome = rapid.SampledFrom(incident.Outcomes()).Draw(t, "rule outcome")
		r.Restored, r.Fallback = rapid.Bool().Draw(t, "restored"), drawText(t, "rule fallback")
		i.Rules = append(i.Rules, r)
	}
	if rapid.Bool().Draw(t, "of a list") {
		i.GroupID, i.List = "", drawList(t)
		for n := range i.Rules {
			i.Rules[n].GroupID = "sg-0123456789abcdef0"
		}
	}
	for n := range rapid.IntRange(0, 2).Draw(t, "standing") {
		i.Standing = append(i.Standing, drawRule(t, n))
	}
	for n := range rapid.IntRange(0, 2).Draw(t, "violations") {
		i.Policies = append(i.Policies, incident.PolicyNote{
			ID: fmt.Sprintf("policy-%d", n), Title: drawText(t, "title"), Why: drawText(t, "why"), Fix: drawText(t, "fix"),
			Severity: policy.High, File: "a.yaml", Line: 7, Controls: map[string][]string{"aws-fsbp": {"EC2.13"}},
		})
	}
	for n := range rapid.IntRange(0, 2).Draw(t, "superseded") {
		i.Superseded = append(i.Superseded, drawSuperseded(t, n))
	}
	i.ActorUntold = rapid.Bool().Draw(t, "actor untold")
	return i
}

func drawSuperseded(t *rapid.T, n int) incident.Superseded {
	s := incident.Superseded{
		EventID: fmt.Sprintf("event-%d", n), APICall: drawText(t, "superseded call"), Actor: secgroup.Actor{ARN: drawText(t, "superseded arn"), UserAgent: drawText(t, "superseded agent")},
		OmittedRules: rapid.IntRange(0, 2).Draw(t, "superseded omitted"), New: rapid.Bool().Draw(t, "new"), Told: rapid.Bool().Draw(t, "told"),
	}
	if rapid.Bool().Draw(t, "superseded time") {
		s.At = drawTime(t, "superseded at")
	}
	for range rapid.IntRange(0, 2).Draw(t, "superseded rules") {
		s.Rules = append(s.Rules, incident.SupersededRule{Value: drawValue(t), Policies: drawTexts(t, "superseded policies")})
	}
	return s
}
