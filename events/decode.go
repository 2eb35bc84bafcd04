package events

import (
	"bytes"
	"strconv"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Source and detail type of the deployment's own messages.
const (
	OwnSource  = "sgwarden"
	JudgeGroup = "Judge Group"
)

// Decode reads one message: an EventBridge event, a bare CloudTrail record, a
// CloudTrail log file ({"Records": [...]}) or a Judge Group message.
//
// One record gives one Change. Its error matches ErrNotWatched where the call,
// source or detail-type is none of ours, and is an *UndecodableError where a
// record does not say which group it concerns or is no record. Of a log file
// come the changes that could be read, the errors of all others joined; records
// that are not watched are left out, unless nothing else is in the file.
//
// A failed call is a Change with ErrorCode. A Change with Complete false lists
// every group that the record mentions anywhere. Where a name stands twice in
// one object the last one holds, and the Change is incomplete; in the event or
// the record itself it is undecodable.
func Decode(data []byte) ([]secgroup.Change, error) {
	data = trim(data)
	if _, isLog := logRecords(data); isLog {
		return decodeLog(data)
	}
	c, err := decodeOne(data)
	if err != nil {
		return nil, err
	}
	return []secgroup.Change{c}, nil
}

// decodeOne reads an event or a record.
func decodeOne(data []byte) (secgroup.Change, error) {
	doc, bad := parse(data)
	if bad != nil {
		e := &UndecodableError{Place: bad.place(), Reason: bad.reason}
		eachGroupID(string(data[:min(len(data), maxRecord)]), e.mention)
		return secgroup.Change{}, e
	}
	switch {
	case doc.kind != object:
		return secgroup.Change{}, undecodable(doc, "event", "is no object")
	case doc.twice != "" && doc.get("detail").kind != absent:
		return secgroup.Change{}, undecodable(doc, quote(doc.twice), "stands twice in the event")
	case doc.get("detail").kind != absent || doc.get("detail-type").kind != absent:
		return readEnvelope(doc)
	case doc.get("eventName").kind != absent || doc.get("eventSource").kind != absent:
		return readRecord(doc)
	}
	return secgroup.Change{}, undecodable(doc, "event", "is neither an EventBridge event, a CloudTrail record nor a log file")
}

// readEnvelope reads an EventBridge event.
func readEnvelope(doc value) (secgroup.Change, error) {
	detail := doc.get("detail")
	source, detailType := doc.get("source"), doc.get("detail-type")
	for _, field := range []struct {
		name string
		value
	}{{"source", source}, {"detail-type", detailType}} {
		if field.kind != text {
			return secgroup.Change{}, undecodable(detail, field.name, "is missing or no text")
		}
	}
	if source.string() == OwnSource && detailType.string() == JudgeGroup {
		return readJudgeGroup(detail)
	}
	if detailType.string() != DetailType {
		return secgroup.Change{}, &notWatched{bounded(source.string(), maxText), bounded(detailType.string(), maxText)}
	}
	if detail.kind != object {
		return secgroup.Change{}, undecodable(detail, "detail", "is no object")
	}
	// EventBridge keeps sources that begin with "aws." for AWS: one that does
	// not belong to the record's service is somebody else's event.
	if s := detail.get("eventSource"); s.kind == text && busSource(s.string()) != source.string() {
		return secgroup.Change{}, &notWatched{bounded(source.string(), maxText), textOf(detail.get("eventName"))}
	}
	c, err := readRecord(detail)
	if err != nil {
		return c, err
	}
	c.EnvelopeAccount = accountID(textOf(doc.get("account")))
	c.EnvelopeRegion = textOf(doc.get("region"))
	if c.EventTime.IsZero() {
		c.EventTime = timeOf(doc.get("time")) // equal in every real event
	}
	return c, nil
}

// readJudgeGroup reads the deployment's own message. Nothing in it is trusted
// beyond "look at this group", or, with the id of one, at this list: it has no actor, no rule and no time, and what
// else it says prevents no look. A cause or incident of no such form is none.
func readJudgeGroup(detail value) (secgroup.Change, error) {
	if detail.kind != object {
		return secgroup.Change{}, undecodable(detail, "detail", "is no object")
	}
	if name := detail.repeated(); name != "" {
		return secgroup.Change{}, undecodable(detail, quote(name), "stands twice in detail")
	}
	group, _ := detail.get("groupId").scalar()
	c := secgroup.Change{
		EventSource: OwnSource, EventName: JudgeGroup, Effect: secgroup.Asks, Complete: true,
		Cause: tokenOf(detail.get("cause")), IncidentID: tokenOf(detail.get("incidentId")),
	}
	switch {
	case isID(groupPrefix, group):
		c.Groups = []secgroup.GroupName{{ID: group}}
	case isID(listPrefix, group):
		c.ListIDs = []string{group}
	default:
		return secgroup.Change{}, undecodable(detail, "detail.groupId", quote(group)+" is no group id")
	}
	return c, nil
}

// tokenOf gives a text that is short and made of letters, digits, '-', '_' and
// '.' only; "" = it is none.
func tokenOf(v value) string {
	const longest = 128
	s := v.string()
	for i := range len(s) {
		if !isWord(s[i]) && s[i] != '-' && s[i] != '.' {
			return ""
		}
	}
	if len(s) > longest {
		return ""
	}
	return s
}

// place of a syntax error.
func (e *syntaxError) place() string { return "byte " + strconv.Itoa(e.at) }

// trim takes white space and a byte order mark off a text.
func trim(data []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
}
