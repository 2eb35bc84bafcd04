package alert_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func render(t require.TestingT, i incident.Incident) alert.Message {
	m, err := alert.Render(i)
	require.NoError(t, err)
	return m
}

func TestMessageForms(t *testing.T) {
	for name, i := range situations(t) {
		t.Run(name, func(t *testing.T) {
			m := render(t, i)
			whole, err := m.SNS()
			require.NoError(t, err)
			var forms map[string]string
			require.NoError(t, json.Unmarshal(whole, &forms))
			require.Len(t, forms, 4)
			require.Equal(t, m.Text, forms["email"])
			require.Equal(t, m.Subject, forms["sms"])
			for _, form := range []string{"default", "sqs"} {
				var got incident.Incident
				require.NoError(t, json.Unmarshal([]byte(forms[form]), &got))
				require.Equal(t, i.ID, got.ID)
				require.Equal(t, i.EventType, got.EventType)
				require.Equal(t, i.Outcome, got.Outcome)
				require.Equal(t, i.Rules, got.Rules)
			}
		})
	}
}

func TestRenderIsDeterministic(t *testing.T) {
	for name, i := range situations(t) {
		require.Equal(t, render(t, i), render(t, i), name)
	}
}

func TestRenderDoesNotChangeTheIncident(t *testing.T) {
	i, same := situations(t)["several"], situations(t)["several"]
	render(t, i)
	require.Equal(t, same, i)
}

// A message claims nothing that its outcome does not: these words claim that
// something was done, or is over.
func TestOnlyChangedOutcomesClaim(t *testing.T) {
	claims := regexp.MustCompile(`(?i)sgwarden (removed|narrowed|gave|tagged)|rules? (is|are) gone|was removed|open for|cut as the rule went|is left\.|put it back as`)
	for name, i := range situations(t) {
		m := render(t, i)
		if i.Outcome.Changed() {
			require.Regexp(t, claims, m.Text, name)
			continue
		}
		if name == "several" { // single rules of it were reverted
			continue
		}
		require.NotRegexp(t, claims, m.Text, name)
		require.NotRegexp(t, `(?i)removed|narrowed|tagged|took back`, m.Subject, name)
	}
}

// Every outcome, whatever else is known, has a text, a subject and a first
// sentence of its own.
func TestEveryOutcomeIsSaid(t *testing.T) {
	ssh := rule(t, "sgr-1", "ingress tcp/22 from 0.0.0.0/0")
	said := map[string]incident.Outcome{}
	for _, o := range incident.Outcomes() {
		i := usual()
		i.Outcome, i.Rules = o, []incident.Rule{ended(t, o, ssh, "", ssh)}
		m := render(t, i)
		first, _, _ := strings.Cut(m.Text, "\n\n")
		if other, ok := said[first]; ok {
			require.True(t, o <= incident.AlreadyCompliant && other <= incident.AlreadyCompliant, "%s is told as %s", o, other)
		}
		said[first] = o
		require.NotContains(t, m.Text, "invalid")
		require.NotContains(t, m.Subject, "invalid")
	}
	for _, e := range incident.EventTypes {
		i := usual()
		i.EventType, i.Outcome = e, incident.Reverted
		require.Contains(t, render(t, i).Text, fmt.Sprintf("message %q", e))
	}
	round := usual() // as incidents show has one round of a fight that was told
	round.EventType, round.Reason, round.Outcome = "", "contested", incident.Reverted
	require.Contains(t, strings.Join(strings.Fields(render(t, round).Text), " "), "sgwarden, incident "+round.ID+": no message was sent under this id.")
}

func TestTextOfTheLeastIncident(t *testing.T) {
	require.Equal(t, "A change of a security group is within the policies. Nothing was changed.\n\nWho\n  Not known: no event has named these rules so far.\n\nThis message was written by sgwarden.\n", render(t, incident.Incident{}).Text)
}

// Commands that do not exist yet are not advertised.
func TestNoCommandIsAdvertisedThatDoesNotExist(t *testing.T) {
	for name, i := range situations(t) {
		require.NotRegexp(t, `sgwarden (check|scan|replay|redrive)\b`, render(t, i).Text, name)
	}
}

func TestHugeIncidentFitsIntoAMessage(t *testing.T) {
	i := usual()
	i.Outcome = incident.Reverted
	for n := range 2000 {
		r := ended(t, incident.Reverted, rule(t, fmt.Sprintf("sgr-%04d", n), fmt.Sprintf("ingress tcp/%d from 0.0.0.0/0", n+1)), "")
		r.Before.Description = strings.Repeat("\u202e", 255)
		i.Rules = append(i.Rules, r)
	}
	m := render(t, i)
	whole, err := m.SNS()
	require.NoError(t, err)
	require.LessOrEqual(t, len(whole), 200<<10)
	require.Greater(t, len(whole), 50<<10, "no more is left out than must be")
	require.Less(t, len(m.Text), 20<<10)
	var got incident.Incident
	require.NoError(t, json.Unmarshal(m.JSON, &got))
	require.NotEmpty(t, got.Rules)
	require.Equal(t, 2000, len(got.Rules)+got.OmittedRules)
	require.Contains(t, m.Text, "and 1990 more")
	require.Contains(t, m.Subject, "2000 rules")
}

func TestWideExcessFitsIntoAMessage(t *testing.T) {
	i := usual()
	i.Outcome, i.Rules = incident.Reverted, []incident.Rule{ended(t, incident.Reverted, rule(t, "sgr-1", "ingress tcp/0-65535 from 0.0.0.0/0"), "")}
	i.Rules[0].Excess = nil
	for n := range 10_000 {
		i.Rules[0].Excess = append(i.Rules[0].Excess, rule(t, "", fmt.Sprintf("ingress tcp/%d from 8.8.8.0/29", n+1)))
	}
	var got incident.Incident
	require.NoError(t, json.Unmarshal(render(t, i).JSON, &got))
	require.NotEmpty(t, got.Rules[0].Excess)
	require.Equal(t, 10_000, len(got.Rules[0].Excess)+got.Rules[0].OmittedExcess)

	i.Rules[0].OmittedExcess = 5
	require.Contains(t, render(t, i).Text, "let the whole IPv4 internet reach every TCP port", "what is listed is not all")
}

func TestHugeTextsFitIntoAMessage(t *testing.T) {
	long := strings.Repeat("\u202e", 100_000)
	i := usual()
	i.Outcome, i.Reason, i.Fallback = incident.Alerted, long, long
	i.Actor.UserAgent, i.Actor.Session = long, long
	i.Notes, i.Would, i.Actions = []string{long, long}, []string{long}, []string{long}
	i.GroupTags = map[string]string{"a": long}
	m := render(t, i)
	whole, err := m.SNS()
	require.NoError(t, err)
	require.LessOrEqual(t, len(whole), 200<<10)
}

// drawHostile fills an incident with what attackers may choose.
func drawHostile(t *rapid.T) incident.Incident {
	pieces := rapid.SampledFrom([]string{
		"http", "https:", "/", "//", "\\", ":", ".", "@", "<", ">", "|", "[", "](", "!", "#", "*", "_", "~", "`", "&lt;", "\"", "'", "%s", "%d",
		"\n", "\r\n", "\u2028", "\x1b[2J", "\u202e", "\u200b", "\u0301", "\u05d0", "\uff0f", "\u3002", "\xff", "\x00", "\u0085",
		"evil", "com", "mailto", "www", "Outcome: compliant", "Subject: x", " ", "$(id)", "';", "é", "😀", "sgwarden removed",
	})
	text := func(label string) string {
		return strings.Join(rapid.SliceOfN(pieces, 0, 12).Draw(t, label), "")
	}
	before := rule(t, text("rule id"), "ingress tcp/22 from 0.0.0.0/0")
	before.Description, before.Tags = text("description"), map[string]string{text("key"): text("value")}
	if rapid.Bool().Draw(t, "list") {
		before.Peer = secgroup.PrefixList{ID: text("list id"), Name: text("list name")}
	}
	if rapid.Bool().Draw(t, "reference") {
		before.Peer = secgroup.GroupReference{GroupID: text("group"), AccountID: text("account"), PeeringID: text("peering")}
	}
	o := rapid.SampledFrom(incident.Outcomes()).Draw(t, "outcome")
	i := usual()
	i.EventType = rapid.SampledFrom(incident.EventTypes).Draw(t, "event")
	i.Outcome, i.Reason, i.Fallback = o, text("reason"), text("fallback")
	i.GroupID, i.GroupName, i.VPCID, i.AccountID, i.Region = text("group id"), text("group name"), text("vpc"), text("account"), text("region")
	i.GroupTags = map[string]string{"team": text("team")}
	i.Rules = []incident.Rule{{ID: before.ID, Direction: before.Direction, Before: &before, After: []secgroup.Rule{before}, Outcome: o, Reason: text("rule reason"), Fallback: text("rule fallback"), Policies: []string{"admin-ports-from-internet"}}}
	i.Standing = i.Rules
	i.Actor.ARN, i.Actor.Type, i.Actor.AccountID, i.Actor.Session = text("arn"), text("type"), text("account"), text("session")
	i.Actor.InvokedBy, i.Actor.SourceIP, i.Actor.UserAgent = text("by"), text("ip"), text("agent")
	i.Actor.Attributed = rapid.Bool().Draw(t, "attributed")
	i.APICall, i.EventID, i.ID = text("call"), text("event id"), text("id")
	between := before
	between.ID, between.Description = text("rule id in between"), text("description in between")
	s := incident.Superseded{EventID: text("event in between"), APICall: text("call in between"), At: noon, New: rapid.Bool().Draw(t, "new")}
	s.Actor = secgroup.Actor{ARN: text("arn in between"), Session: text("session in between"), InvokedBy: text("by in between"), SourceIP: text("ip in between"), UserAgent: text("agent in between")}
	s.Rules = []incident.SupersededRule{{Value: between}}
	if rapid.Bool().Draw(t, "refused in between") {
		s.Rules[0].Policies = []string{text("policy in between")}
	}
	i.Superseded = []incident.Superseded{s}
	if rapid.Bool().Draw(t, "open by others") {
		i.Notes = append(i.Notes, incident.StillOpenNote+text("groups"))
	}
	i.Would, i.Actions, i.Notes = []string{text("would")}, []string{text("action")}, append(i.Notes, text("note"))
	return i
}

// drawPage is a message about sgwarden itself, with the same texts.
func drawPage(t *rapid.T) incident.Incident {
	i := drawHostile(t)
	i.Rules, i.APICall = nil, ""
	i.Reason = rapid.SampledFrom([]string{"fuse-blown", "many-actors", "stale-ledger", "baseline-set"}).Draw(t, "page")
	return i
}

var linkish = regexp.MustCompile(`://|(?i)(mailto|javascript|data|file|tel):|@|[<` + "`" + `*~|&]|\]\(|%!`)

func TestHostileTextStaysText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.OneOf(rapid.Custom(drawHostile), rapid.Custom(drawPage)).Draw(t, "incident")
		m := render(t, i)
		require.True(t, utf8.ValidString(m.Text))
		for _, r := range strings.ReplaceAll(m.Text, "\n", "") {
			require.True(t, unicode.IsGraphic(r) && (r == ' ' || !unicode.IsSpace(r)), "%U", r)
		}
		for _, line := range strings.Split(m.Text, "\n") {
			require.NotRegexp(t, linkish, strings.NewReplacer("[:]//", " ", "[.]", " ", "[:]", " ").Replace(line))
			require.NotRegexp(t, `^(Subject|Outcome|sgwarden removed evil)`, line)
		}
		require.Less(t, len(m.Subject), 100)
		for _, r := range m.Subject {
			require.True(t, r >= ' ' && r <= '~', "%U", r)
		}
		var got incident.Incident
		require.NoError(t, json.Unmarshal(m.JSON, &got))
		require.NotRegexp(t, `[\x00-\x1f\x7f<>&]`, string(m.JSON))
	})
}

// Commands are made of ids, numbers and CIDRs, or are not there at all.
func TestHostileTextIsNoCommand(t *testing.T) {
	line := regexp.MustCompile(`^    aws (cloudtrail lookup-events --region [a-z0-9-]+ --lookup-attributes AttributeKey=EventId,AttributeValue=[0-9a-f-]{36}|` +
		`ec2 describe-security-group-rules --region [a-z0-9-]+ --filters Name=group-id,Values=sg-[0-9a-z]+)$|` +
		`^    aws ec2 (authorize|revoke|modify)-security-group-(ingress|egress|rules) --region [a-z0-9-]+ --group-id sg-[0-9a-z]+ (--security-group-rule-ids sgr-[0-9a-z]+|--(ip-permissions|security-group-rules) '[A-Za-z0-9=,{}\[\].:/-]+')$`)
	commands := 0
	rapid.Check(t, func(t *rapid.T) {
		i := drawHostile(t)
		if rapid.IntRange(0, 3).Draw(t, "real ids") > 0 {
			i.GroupID, i.Region, i.Rules[0].ID = "sg-0123456789abcdef0", "eu-central-1", "sgr-0123456789abcdef0"
			i.Superseded[0].Rules[0].Value.ID = "sgr-0123456789abcdef0"
		}
		for _, l := range strings.Split(render(t, i).Text, "\n") {
			if strings.HasPrefix(l, "    aws ") {
				commands++
				require.Regexp(t, line, l)
			}
		}
	})
	require.Positive(t, commands)
}
