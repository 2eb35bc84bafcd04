package localaws

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// Limits of a message (API reference, Publish; an SQS subscription delivers at
// most ten attributes).
const (
	maxSubject    = 99
	maxMessage    = 262_144
	maxAttributes = 10
)

// Message is one that the topic took.
type Message struct {
	ID         string
	Subject    string
	Body       string // as it was given
	Structured bool   // Body is a JSON object with a text for each protocol
	Attributes map[string]Attribute
	At         time.Time
}

// Attribute is a message attribute. Type is String, String.Array or Number.
type Attribute struct{ Type, Value string }

// For is the text that the subscribers of a protocol get.
func (m Message) For(protocol string) string {
	if !m.Structured {
		return m.Body
	}
	var texts map[string]string
	if json.Unmarshal([]byte(m.Body), &texts) != nil {
		return "" // was checked
	}
	if text, ok := texts[protocol]; ok {
		return text
	}
	return texts["default"]
}

func (a *AWS) sns(c Call) result {
	m, fault := a.readPublish(c)
	if fault != nil {
		return snsFailure(c, *fault)
	}
	a.mu.Lock()
	if c.Params.Get("TopicArn") == a.ChatTopicARN() {
		a.chat = append(a.chat, m)
	} else {
		a.published = append(a.published, m)
	}
	a.mu.Unlock()
	return result{status: 200, body: fmt.Appendf(nil,
		`<PublishResponse xmlns="%s"><PublishResult><MessageId>%s</MessageId></PublishResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></PublishResponse>`,
		snsNamespace, m.ID, c.RequestID)}
}

const snsNamespace = "http://sns.amazonaws.com/doc/2010-03-31/"

func snsFailure(c Call, f query.Fault) result {
	kind := "Sender"
	if f.Status >= 500 {
		kind = "Receiver"
	}
	return result{status: f.Status, code: f.Code, body: fmt.Appendf(nil,
		`<ErrorResponse xmlns="%s"><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
		snsNamespace, kind, f.Code, escape(f.Message), c.RequestID)}
}

var (
	publishParam   = regexp.MustCompile(`^(Action|Version|TopicArn|Subject|Message|MessageStructure)$`)
	attributeParam = regexp.MustCompile(`^MessageAttributes\.entry\.([1-9][0-9]*)\.(Name|Value\.DataType|Value\.StringValue)$`)
)

// readPublish reads the request, with everything that it may hold.
func (a *AWS) readPublish(c Call) (Message, *query.Fault) {
	if c.Operation != "Publish" {
		return Message{}, query.Refuse("InvalidAction", "The action %s is not valid for this endpoint.", c.Operation)
	}
	p := c.Params
	entries := map[string]map[string]string{}
	for name := range p {
		if m := attributeParam.FindStringSubmatch(name); m != nil {
			if entries[m[1]] == nil {
				entries[m[1]] = map[string]string{}
			}
			entries[m[1]][m[2]] = p.Get(name)
		} else if !publishParam.MatchString(name) {
			return Message{}, query.Refuse("InvalidParameter", "Invalid parameter: %s is not supported here", name)
		}
	}
	if arn := p.Get("TopicArn"); arn != a.TopicARN() && arn != a.ChatTopicARN() || !a.isHome(c) {
		return Message{}, &query.Fault{Status: 404, Code: "NotFound", Message: "Topic does not exist"}
	}
	m := Message{ID: a.ids.UUID(), Subject: p.Get("Subject"), Body: p.Get("Message"), At: a.clock(), Attributes: map[string]Attribute{}}
	for _, e := range entries {
		if fault := m.addAttribute(e); fault != nil {
			return Message{}, fault
		}
	}
	if fault := m.checkSubject(p.Has("Subject")); fault != nil {
		return Message{}, fault
	}
	return m, m.checkBody(p.Get("MessageStructure"))
}

var attributeTypes = []string{"String", "String.Array", "Number"}

func (m *Message) addAttribute(entry map[string]string) *query.Fault {
	name, kind, value := entry["Name"], entry["Value.DataType"], entry["Value.StringValue"]
	switch {
	case name == "":
		return query.Refuse("InvalidParameterValue", "The message attribute name is missing.")
	case !slices.Contains(attributeTypes, kind):
		return query.Refuse("InvalidParameterValue", "The message attribute '%s' has an invalid message attribute type '%s'.", name, kind)
	case value == "":
		return query.Refuse("InvalidParameterValue", "The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name, kind)
	case kind == "String.Array" && !json.Valid([]byte(value)):
		return query.Refuse("InvalidParameterValue", "The message attribute '%s' is no JSON array.", name)
	case len(m.Attributes) == maxAttributes:
		return query.Refuse("InvalidParameterValue", "more than %d message attributes", maxAttributes)
	}
	if _, twice := m.Attributes[name]; twice {
		return query.Refuse("InvalidParameterValue", "The message attribute '%s' is given twice.", name)
	}
	m.Attributes[name] = Attribute{kind, value}
	return nil
}

func (m *Message) checkSubject(given bool) *query.Fault {
	refused := query.Refuse("InvalidParameter", "Invalid parameter: Subject")
	switch {
	case !given:
		return nil
	case m.Subject == "", len(m.Subject) > maxSubject, m.Subject[0] == ' ':
		return refused
	case strings.ContainsFunc(m.Subject, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }):
		return refused
	}
	return nil
}

func (m *Message) checkBody(structure string) *query.Fault {
	size := len(m.Body)
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		size += len(name) + len(m.Attributes[name].Type) + len(m.Attributes[name].Value)
	}
	switch {
	case m.Body == "":
		return query.Refuse("InvalidParameter", "Invalid parameter: Empty message")
	case size > maxMessage:
		return query.Refuse("InvalidParameter", "Invalid parameter: Message too long")
	case structure == "":
		return nil
	case structure != "json":
		return query.Refuse("InvalidParameter", "Invalid parameter: Message Structure - %s", structure)
	}
	var texts map[string]string
	if err := json.Unmarshal([]byte(m.Body), &texts); err != nil {
		return query.Refuse("InvalidParameter", "Invalid parameter: Message Structure - JSON message body failed to parse")
	}
	if _, ok := texts["default"]; !ok {
		return query.Refuse("InvalidParameter", "Invalid parameter: Message Structure - No default entry in JSON message body")
	}
	m.Structured = true
	return nil
}
