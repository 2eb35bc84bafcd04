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

	"github.com/sgwarden/sgwarden/internal/incident"
)

// notification is what the chat client reads.
type notification struct {
	Version, Source, ID string
	Content             struct {
		TextType, Title, Description string
		NextSteps, Keywords          []string
	}
	Metadata struct {
		ThreadID, Summary, EventType string
		RelatedResources             []string
		AdditionalContext            map[string]string
	}
}

func readChat(t require.TestingT, text []byte) notification {
	var n notification
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&n))
	return n
}

// TestChatFollowsItsSchema: every message has what the chat client requires,
// within the bounds; one incident is one thread.
func TestChatFollowsItsSchema(t *testing.T) {
	for name, i := range situations(t) {
		t.Run(name, func(t *testing.T) {
			n := readChat(t, chat(t, i))
			requireChat(t, n)
			require.Equal(t, i.ID, n.Metadata.ThreadID)
			id := i.ID + "-" + string(i.EventType)
			if name == "overwritten" { // there may be another message of the type
				id += "-" + i.Superseded[0].EventID
			}
			require.Equal(t, id, n.ID)
			require.Contains(t, n.Content.Keywords, "sgwarden")
		})
	}
}

func requireChat(t require.TestingT, n notification) {
	require.Equal(t, "1.0", n.Version)
	require.Equal(t, "custom", n.Source)
	require.Equal(t, "client-markdown", n.Content.TextType)
	require.NotEmpty(t, n.Content.Title)
	require.LessOrEqual(t, utf8.RuneCountInString(n.Content.Title), 150)
	require.NotEmpty(t, n.Content.Description)
	require.LessOrEqual(t, utf8.RuneCountInString(n.Content.Description), 2500)
	require.LessOrEqual(t, len(n.Content.NextSteps), 6)
	for _, step := range n.Content.NextSteps {
		require.LessOrEqual(t, utf8.RuneCountInString(step), 400)
	}
	require.LessOrEqual(t, len(n.Content.Keywords), 8)
	for _, word := range n.Content.Keywords {
		require.Regexp(t, `^[a-z0-9.:/=+_-]{1,100}$`, word)
	}
	require.Regexp(t, `^[a-z0-9.:/=+_-]{1,100}$`, n.Metadata.ThreadID)
	require.Regexp(t, `^[a-zA-Z0-9-]{1,100}$`, n.Metadata.EventType, "what custom actions take (API reference, CustomActionAttachment)")
	for name, v := range n.Metadata.AdditionalContext {
		require.Regexp(t, `^[A-Za-z0-9-_]{1,100}$`, name, "likewise")
		require.Regexp(t, `^[\x21-\x7F]{1,1000}$`, v, "likewise")
	}
	for _, arn := range n.Metadata.RelatedResources {
		require.Regexp(t, `^arn:aws[a-z-]*:ec2:[a-z0-9-]+:(\d{12}:security-group/sg|(\d{12}|aws):prefix-list/pl)-[0-9a-z]+$`, arn)
	}
}

var (
	span     = regexp.MustCompile("`[^`\n]+`")
	emoji    = regexp.MustCompile(`:[\pL\pN_+'-]*[\pL_+'-][\pL\pN_+'-]*:`)
	markup   = regexp.MustCompile("`" + `|://|(?i)(mailto|javascript|data|file|tel):|@|[<*~|&]|\]\(|%!|(?:^|[^\pL\pN])_|_(?:$|[^\pL\pN])`)
	lineHead = regexp.MustCompile("^(sgwarden|What sgwarden|A |An |It is known|The same|This is|Nothing|Something|No sweep|Policy |Policies? |[0-9]+ more rule|Rule: |Group: |Account: |Who: |Who had opened it: |Call: |Policy: |When: |Also: |Set in between, and overwritten: |Connections: |Left alone: |Enforce mode would call: |Incident: |and more)")
)

// requireTame fails where a chat would see more than text in a text: outside of
// code there is no markup, link, mention or emoji, and code is closed.
func requireTame(t require.TestingT, text string) {
	for _, r := range strings.ReplaceAll(text, "\n", "") {
		require.True(t, unicode.IsGraphic(r) && (r == ' ' || !unicode.IsSpace(r)), "%U", r)
	}
	for _, line := range strings.Split(text, "\n") {
		require.Zero(t, strings.Count(line, "`")%2, line)
		for _, quoted := range span.FindAllString(line, -1) {
			require.NotRegexp(t, `[<>&]{1}[^ ]|<`, strings.ReplaceAll(quoted, "->", ""), "mentions work in code too")
		}
		bare := strings.NewReplacer("[:]//", " ", "[.]", " ", "[:]", " ").Replace(span.ReplaceAllString(line, " "))
		require.NotRegexp(t, markup, bare)
		require.NotRegexp(t, emoji, bare)
	}
}

// TestHostileTextStaysTextInChat: whatever others wrote, a channel shows it as
// text, in a line that begins with a word of ours.
func TestHostileTextStaysTextInChat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.OneOf(rapid.Custom(drawHostile), rapid.Custom(drawPage)).Draw(t, "incident")
		i.Resource = i.GroupID
		n := readChat(t, chat(t, i))
		requireChat(t, n)
		require.NotContains(t, n.Content.Title+n.Metadata.Summary, "\n")
		requireTame(t, n.Content.Title)
		requireTame(t, n.Metadata.Summary)
		requireTame(t, n.Content.Description)
		for _, line := range strings.Split(n.Content.Description, "\n")[1:] {
			require.Regexp(t, lineHead, line)
		}
		for _, step := range n.Content.NextSteps {
			require.NotContains(t, step, "\n")
			requireTame(t, step)
		}
		require.Empty(t, n.Metadata.RelatedResources)
	})
}

// TestChatShowsNoEmojiOfOthers: a group that is called :white_check_mark: says
// nothing of how it is.
func TestChatShowsNoEmojiOfOthers(t *testing.T) {
	i := situations(t)["observed"]
	i.GroupName = ":white_check_mark: fine :+1::rocket:"
	n := readChat(t, chat(t, i))
	require.Contains(t, n.Content.Description, `"[:]white_check_mark: fine [:]+1:[:]rocket:"`)
	require.Contains(t, n.Content.Description, "`:white_check_mark: fine :+1::rocket:`", "in code nothing is made of it")
	require.Contains(t, n.Content.Title, "[:]white_check_mark:")
}

func TestHugeIncidentFitsIntoChat(t *testing.T) {
	i := usual()
	i.Outcome = incident.NotReverted
	for n := range 2000 {
		r := ended(t, incident.NotReverted, rule(t, fmt.Sprintf("sgr-%04d", n), fmt.Sprintf("ingress tcp/%d from 0.0.0.0/0", n+1)), "")
		r.Before.Description = strings.Repeat("東", 255)
		i.Rules = append(i.Rules, r)
	}
	long := strings.Repeat("x`", 5000)
	i.GroupName, i.Actor.UserAgent, i.Actor.Session, i.Notes = long, long, long, []string{long, long}
	text := chat(t, i)
	n := readChat(t, text)
	requireChat(t, n)
	requireTame(t, n.Content.Description)
	require.Less(t, len(text), 32<<10)
	require.Contains(t, n.Content.Description, "1995 more rules: see the alert itself")
}

// TestChatThreads: all messages of an incident are of one thread, and told
// apart.
func TestChatThreads(t *testing.T) {
	ids := map[string]bool{}
	for _, e := range incident.EventTypes {
		i := usual()
		i.EventType = e
		n := readChat(t, chat(t, i))
		require.Equal(t, i.ID, n.Metadata.ThreadID)
		require.Equal(t, "sgwarden-"+string(e), n.Metadata.EventType)
		ids[n.ID] = true
	}
	require.Len(t, ids, len(incident.EventTypes))
}

func TestChatOfTheLeastIncident(t *testing.T) {
	n := readChat(t, chat(t, incident.Incident{}))
	requireChat(t, n)
	require.Equal(t, "A change of a security group is within the policies. Nothing was changed.", n.Content.Description)
	require.Equal(t, "none", n.Metadata.ThreadID)
}

func TestChatOfAnIPv6RuleAndAList(t *testing.T) {
	i := usual()
	i.Outcome, i.EventType = incident.Alerted, incident.Opened
	six := rule(t, "sgr-0123456789abcdef1", "ingress icmpv6 from 2606:4700::/32")
	list := rule(t, "sgr-0123456789abcdef2", "ingress all from pl-0123456789abcdef0")
	i.Rules = []incident.Rule{ended(t, incident.Alerted, six, "", six), ended(t, incident.Alerted, list, "", list)}
	n := readChat(t, chat(t, i))
	require.Contains(t, n.Content.Description, "Rule: `ingress icmpv6 from 2606:4700::/32`, `sgr-0123456789abcdef1`, alerted\n")
	require.Contains(t, n.Content.Description, "Rule: `ingress all from pl-0123456789abcdef0`, `sgr-0123456789abcdef2`, alerted\n")
	requireTame(t, n.Content.Description)
}
