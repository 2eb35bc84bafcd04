package alert

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// Home is the account and region that findings are of: those that guard works
// in, whatever an event says.
type Home struct{ Partition, Region, AccountID string }

// ProductARN is that of the account's own default product.
func (h Home) ProductARN() string {
	return "arn:" + h.Partition + ":securityhub:" + h.Region + ":" + h.AccountID + ":product/" + h.AccountID + "/default"
}

// findingSeverity gives Security Hub's label for a severity by its name, and
// the least number that it stands for.
func findingSeverity(name string) FindingSeverity {
	label, normalized := "INFORMATIONAL", 0
	switch name {
	case "low":
		label, normalized = "LOW", 1
	case "medium":
		label, normalized = "MEDIUM", 40
	case "high":
		label, normalized = "HIGH", 70
	case "critical":
		label, normalized = "CRITICAL", 90
	}
	return FindingSeverity{Label: label, Normalized: &normalized, Original: name}
}

func ptr[T any](v T) *T { return &v }

const (
	typeReachable = "Software and Configuration Checks/AWS Security Best Practices/Network Reachability"
	typePractice  = "Software and Configuration Checks/AWS Security Best Practices"
)

// FindingOf makes the finding of an incident. now is when it is told: Security
// Hub takes an update only if it is newer than what it has. The first message
// has the time of the incident itself, as the format asks for.
func FindingOf(i incident.Incident, home Home, now time.Time) Finding {
	name, _ := severityOf(i)
	severity := findingSeverity(name)
	opened, learnt := firstTime(i.OpenedAt, i.LearntAt, now), firstTime(i.LearntAt, i.OpenedAt, now)
	updated := opened
	if len(i.Published) > 1 || len(i.News()) < len(i.Superseded) {
		updated = latest(now, opened)
	}
	f := Finding{
		SchemaVersion: "2018-10-08", ID: "sgwarden/" + home.Region + "/" + home.AccountID + "/" + value(i.ID), ProductARN: home.ProductARN(),
		ProductName: "sgwarden", CompanyName: "sgwarden", Region: home.Region, AWSAccountID: home.AccountID,
		GeneratorID: "sgwarden/" + generator(i), Types: []string{typeOf(i)},
		FirstObservedAt: stamp(learnt), LastObservedAt: stamp(latest(learnt, updated)), CreatedAt: stamp(opened), UpdatedAt: stamp(updated),
		Severity: severity, Title: line(subject(i), findingTitle), Description: line(findingText(i), findingDescription),
		ProductFields: productFields(i), Resources: []FindingResource{resourceOf(i, home)},
		Compliance: FindingCompliance{Status: compliance(i), RelatedRequirements: controlsOf(i)}, RecordState: "ACTIVE",
	}
	f.FindingProviderFields = FindingProvider{Severity: FindingSeverity{Label: severity.Label, Original: severity.Original}, Types: f.Types}
	f.Workflow.Status = "NOTIFIED"
	if f.Compliance.Status == "PASSED" {
		f.Workflow.Status = "RESOLVED"
	}
	if isAccepted(i) {
		f.RecordState = "ARCHIVED"
	}
	if fix := findingFixOf(i); fix != "" {
		f.Remediation = &FindingRemediation{}
		f.Remediation.Recommendation.Text = fix
	}
	f.Note = FindingNote{
		Text:      line(fmt.Sprintf("sgwarden told the subscribers of its alerts: incident %s, message \"%s\", outcome %s. The alert says what was done, and how to undo it.", orElse(foreign(i.ID, 60), none), value(string(i.EventType)), i.Outcome), findingNote),
		UpdatedBy: "sgwarden", UpdatedAt: stamp(updated),
	}
	f.Action = actionOf(i, opened)
	return f
}

// compliance is the result of the check: whether the group breaks a policy now.
// What nobody could judge is a warning, and what an exemption covers is not
// judged.
func compliance(i incident.Incident) string {
	switch i.Outcome {
	case incident.Reverted, incident.Narrowed:
		if isUndone(i) {
			return "NOT_AVAILABLE"
		}
		return "PASSED"
	case incident.Gone, incident.AlreadyCompliant, incident.Compliant, incident.Ignored:
		return "PASSED"
	case incident.Exempt:
		return "NOT_AVAILABLE"
	case incident.Unresolved:
		return "WARNING"
	}
	if _, ok := pageOf(i); ok || isCall(i) {
		return "WARNING" // about no rule that could be right or wrong
	}
	return "FAILED"
}

// isAccepted reports whether somebody decided that the incident may stand: by
// an exemption, or by undoing what was done.
func isAccepted(i incident.Incident) bool {
	return i.Outcome == incident.Exempt || isUndone(i)
}

// generator is the policy that is broken most severely, or why there is none.
func generator(i incident.Incident) string {
	if len(i.Policies) > 0 {
		return value(i.Policies[0].ID)
	}
	return "no-policy/" + value(i.Outcome.String())
}

func typeOf(i incident.Incident) string {
	if len(i.Rules) == 0 || onlyOfGroup(i.Rules) {
		return typePractice
	}
	return typeReachable
}

// findingText is the description: what happened, and the rules.
func findingText(i incident.Incident) string {
	text := inBrief(i)
	var rules []string
	for _, r := range chatWorst(i) {
		if r.Before != nil {
			outcome := ""
			if ownsOutcomes(i) {
				outcome = " (" + r.Outcome.String() + ")"
			}
			rules = append(rules, foreign(r.Before.String(), 200)+outcome)
		}
	}
	if len(rules) > 0 {
		text += " Rules: " + strings.Join(rules, "; ") + "."
	}
	return text
}

// findingFixOf is what the policies propose.
func findingFixOf(i incident.Incident) string {
	var fixes []string
	for _, p := range i.Policies[:min(len(i.Policies), maxPerRule)] {
		if fix := plain(p.Fix, findingFix); fix != "" && !slices.Contains(fixes, fix) {
			fixes = append(fixes, fix)
		}
	}
	return line(strings.Join(fixes, " "), findingFix)
}

// controlsOf are the controls of published standards, as STANDARD/CONTROL.
func controlsOf(i incident.Incident) []string {
	var all []string
	for _, p := range i.Policies {
		for standard, controls := range p.Controls {
			for _, c := range controls {
				all = append(all, line(value(standard)+"/"+plain(c, findingControl), findingControl))
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), findingControls)]
}

// actionOf is the call, where a record told of one; nil without.
func actionOf(i incident.Incident, at time.Time) *FindingAction {
	if !consists(i.APICall, letters+strings.ToUpper(letters)) || len(i.APICall) > 128 {
		return nil
	}
	a := &FindingAction{ActionType: "AWS_API_CALL", Call: FindingCall{API: i.APICall, ServiceName: "ec2.amazonaws.com", FirstSeen: stamp(at), LastSeen: stamp(at)}}
	if ip, err := netip.ParseAddr(i.Actor.SourceIP); err == nil && ip.Is4() {
		a.Call.CallerType, a.Call.Remote = "remoteIp", &FindingRemote{ip.String()}
	}
	return a
}

// line is a text of one line and at most limit bytes, never blank.
func line(text string, limit int) string {
	text = strings.Join(strings.Fields(unglue(text)), " ")
	for n := limit; len(text) > limit; n-- {
		text = shorten(text, min(n, utf8.RuneCountInString(text)-1))
	}
	return orElse(text, "-")
}

// stamp is a time as the format has it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// firstTime is the first that is not zero.
func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
