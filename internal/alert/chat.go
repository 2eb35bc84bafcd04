package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// Bounds of a notification, in runes. They are ours, below what chats show:
// AWS's page of the schema (Amazon Q Developer in chat applications,
// administrator guide, "Custom notifications", read 2026-11) names none but
// the fields; a section of Slack takes 3,000.
const (
	chatTitle    = 150
	chatText     = 2500
	chatStep     = 300
	chatSteps    = 6
	chatKeywords = 8
	chatField    = 400
)

// notification is a custom notification of Amazon Q Developer in chat
// applications.
type notification struct {
	Version  string       `json:"version"` // "1.0"
	Source   string       `json:"source"`  // "custom"
	ID       string       `json:"id"`
	Content  chatContent  `json:"content"`
	Metadata chatMetadata `json:"metadata"`
}

type chatContent struct {
	TextType    string   `json:"textType"` // "client-markdown"
	Title       string   `json:"title"`
	Description string   `json:"description"`
	NextSteps   []string `json:"nextSteps,omitempty"`
	Keywords    []string `json:"keywords"`
}

type chatMetadata struct {
	// ThreadID is the incident: what follows is shown below its first message.
	ThreadID         string   `json:"threadId"`
	Summary          string   `json:"summary"`
	EventType        string   `json:"eventType"` // [a-zA-Z0-9-]{1,100}, what custom actions are attached to
	RelatedResources []string `json:"relatedResources,omitempty"`
	// AdditionalContext is what custom actions take variables from: values of
	// printable ASCII without spaces.
	AdditionalContext map[string]string `json:"additionalContext"`
}

// Chat is the message as chats take it through Amazon Q Developer in chat
// applications: a custom notification, for a topic that has no other
// subscribers. It is deterministic.
//
// What others wrote stands between backticks, where no chat looks for markup,
// links, mentions or emoji, and has no backtick itself; in sentences emoji are
// broken up as well.
func Chat(i incident.Incident) ([]byte, error) {
	n := notification{
		Version: "1.0", Source: "custom", ID: chatID(i),
		Content: chatContent{
			TextType: "client-markdown", Title: prose(subject(i), chatTitle), Description: chatDescription(i),
			NextSteps: chatNext(i), Keywords: chatWords(i),
		},
		Metadata: chatMetadata{
			ThreadID: value(i.ID), Summary: prose(subject(i), chatTitle), EventType: "sgwarden-" + chatEvent(i),
			AdditionalContext: chatContext(i),
		},
	}
	if fitARN(i.Resource) {
		n.Metadata.RelatedResources = []string{i.Resource}
	}
	text, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("render incident %s for chat: %w", i.ID, err)
	}
	return text, nil
}

// chatID identifies a message: what is learnt later is told under one event type,
// and every record of it is new in one message alone.
func chatID(i incident.Incident) string {
	id := value(i.ID) + "-" + value(string(i.EventType))
	if news := i.News(); len(news) > 0 && i.EventType == incident.Attributed {
		id += "-" + value(news[0].EventID)
	}
	return id
}

// chatEvent is the event type, or "none".
func chatEvent(i incident.Incident) string {
	if slices.Contains(incident.EventTypes, i.EventType) {
		return string(i.EventType)
	}
	return none
}

// chatContext are values for custom actions.
func chatContext(i incident.Incident) map[string]string {
	severity, _ := severityOf(i)
	all := map[string]string{
		"incidentId": value(i.ID), "groupId": value(i.GroupID), "accountId": value(i.AccountID), "region": value(i.Region),
		"severity": severity, "outcome": value(i.Outcome.String()), "mode": value(i.Mode.String()), "policy": none,
	}
	if len(i.Policies) > 0 {
		all["policy"] = value(i.Policies[0].ID)
	}
	return all
}

// chatWords are what a channel is searched by.
func chatWords(i incident.Incident) []string {
	severity, _ := severityOf(i)
	words := []string{"sgwarden", severity, value(i.Outcome.String()), value(i.AccountID), value(i.Region)}
	for _, p := range i.Policies {
		words = append(words, value(p.ID))
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == none })
	return words[:min(len(words), chatKeywords)]
}

// prose is a text of ours, which may quote others, on one line.
func prose(text string, limit int) string {
	return shorten(breakEmoji(strings.Join(strings.Fields(unglue(text)), " ")), limit)
}

// code is a text of others, as code.
func code(text string) string {
	if text = unglue(foreign(text, chatField)); text == "" {
		return ""
	}
	return "`" + text + "`"
}

// breakEmoji puts the first colon of what chats show as an emoji, like
// :warning:, into brackets: a sign that all is well must not come from others.
// What is all digits, as in times and addresses, stays: :100: says nothing.
func breakEmoji(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, ":")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, _, closed := strings.Cut(after, ":")
		if closed && strings.Trim(name, digits) != "" && !strings.ContainsFunc(name, isNoEmoji) {
			b.WriteString("[:]")
		} else {
			b.WriteByte(':')
		}
		text = after
	}
}

// isNoEmoji reports whether a rune is in no name of an emoji.
func isNoEmoji(r rune) bool { return !isWord(r) && !strings.ContainsRune("_+-'", r) }

// fitARN reports whether an ARN is one of a security group or a prefix list, as
// guard makes them of an account and an id.
func fitARN(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov"}, parts[1]) || parts[2] != "ec2" || !fitRegion(parts[3]) {
		return false
	}
	ofAccount := len(parts[4]) == 12 && consists(parts[4], digits)
	switch kind, id, _ := strings.Cut(parts[5], "/"); kind {
	case "security-group":
		return ofAccount && fitGroup(id)
	case "prefix-list":
		return (ofAccount || parts[4] == "aws") && fitList(id)
	}
	return false
}
