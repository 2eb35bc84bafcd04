package events

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// record is one CloudTrail record while it is read. The readers of the table
// fill in change from request and response, and note what they could not read.
type record struct {
	call     *Call
	whole    value // as it came
	request  value // requestParameters, without the wrapper of the wrapper dialect
	response value // responseElements, likewise
	change   secgroup.Change
	gaps     []string
}

// readRecord turns the record of a watched call into a Change.
func readRecord(rec value) (secgroup.Change, error) {
	// A record that says twice what it is says nothing.
	if rec.twice != "" {
		return secgroup.Change{}, undecodable(rec, quote(rec.twice), "stands twice in the record")
	}
	name, source := rec.get("eventName"), rec.get("eventSource")
	if name.kind != text || name.empty() {
		return secgroup.Change{}, undecodable(rec, "eventName", "is missing or no text")
	}
	if source.kind != text || source.empty() {
		return secgroup.Change{}, undecodable(rec, "eventSource", "is missing or no text")
	}
	call := callIndex[callKey{source.string(), name.string()}]
	if call == nil {
		return secgroup.Change{}, &notWatched{bounded(source.string(), maxText), bounded(name.string(), maxText)}
	}
	r := record{call: call, whole: rec}
	r.change = secgroup.Change{
		EventSource: call.EventSource, EventName: call.EventName, Effect: call.Effect,
		EventID: textOf(rec.get("eventID")), SharedEventID: textOf(rec.get("sharedEventID")),
		EventTime: timeOf(rec.get("eventTime")), RequestID: textOf(rec.get("requestID")),
		AccountID: accountID(textOf(rec.get("recipientAccountId"))), Region: textOf(rec.get("awsRegion")),
		ErrorMessage: textOf(rec.get("errorMessage")),
		Actor:        actorOf(rec),
		Cause:        "event",
	}
	r.open()
	call.read(&r)
	return r.close()
}

// open unwraps request and response and notes what is wrong with them as a
// whole.
func (r *record) open() {
	switch code := r.whole.get("errorCode"); {
	case code.kind == text:
		r.change.ErrorCode = bounded(code.string(), maxText)
	case code.kind != absent && code.kind != null:
		r.gap("errorCode is no text")
	}
	if isTrue(r.whole.get("omitted")) {
		r.gap("the record says that parts of it were omitted")
	}
	r.request = r.unwrap("requestParameters", r.call.EventName+"Request")
	r.response = r.unwrap("responseElements", r.call.EventName+"Response")
	if r.change.ErrorCode != "" {
		return
	}
	if k := r.whole.get("requestParameters").kind; k == absent || k == null {
		r.gap("requestParameters is missing")
	}
	if ret := r.response.get("_return", "return"); ret.kind != absent && !isTrue(ret) {
		r.gap("responseElements does not say that the call succeeded")
	}
	if r.whole.get("userIdentity").repeated() != "" {
		r.gap("a name stands twice in userIdentity")
	}
}

// unwrap gives requestParameters or responseElements, for the wrapper dialect
// what is inside of its one member.
func (r *record) unwrap(field, wrapper string) value {
	v := r.whole.get(field)
	switch v.kind {
	case absent, null:
		return value{}
	case object:
	default:
		if !v.empty() {
			r.gap("%s is no object", field)
		}
		return value{}
	}
	if name := v.repeated(); name != "" {
		r.gap("%s: the name %s stands twice", field, quote(name))
	}
	inner := v
	if w := v.get(wrapper); w.kind != absent {
		inner = w
	}
	if isTrue(v.get("omitted")) || isTrue(inner.get("omitted")) {
		r.gap("%s was omitted or cut", field)
	}
	if inner.kind != object && !inner.empty() {
		r.gap("%s: %s is no object", field, wrapper)
	}
	return inner
}

// close finishes the Change. What could not be read widens it to every group
// that the record mentions anywhere.
func (r *record) close() (secgroup.Change, error) {
	c := &r.change
	if len(r.gaps) > 0 {
		r.addMentioned()
		const shown = 3
		c.Incomplete = strings.Join(r.gaps[:min(shown, len(r.gaps))], "; ")
		if more := len(r.gaps) - shown; more > 0 {
			c.Incomplete += fmt.Sprintf("; and %d more", more)
		}
	}
	c.Complete = len(r.gaps) == 0
	if len(c.Groups) == 0 && c.ErrorCode == "" && needsGroup(c.Effect) {
		reason := "names no security group"
		if c.Incomplete != "" {
			reason += " (" + c.Incomplete + ")"
		}
		return secgroup.Change{}, undecodable(r.whole, "requestParameters", reason)
	}
	return *c, nil
}

// addMentioned adds every group whose id stands anywhere in the record.
func (r *record) addMentioned() {
	known := map[string]bool{}
	for _, g := range r.change.Groups {
		known[g.ID] = true
	}
	r.whole.walk(func(s string) {
		eachGroupID(s, func(id string) {
			if !known[id] {
				known[id] = true
				r.change.Groups = append(r.change.Groups, secgroup.GroupName{ID: id})
			}
		})
	})
}

// needsGroup reports whether a Change of this effect means nothing without a
// group.
func needsGroup(e secgroup.Effect) bool {
	return e == secgroup.Names || e == secgroup.Narrows || e == secgroup.Describe || e == secgroup.Creates
}

// gap notes something that could not be read.
func (r *record) gap(format string, args ...any) {
	r.gaps = append(r.gaps, fmt.Sprintf(format, args...))
}

// addGroup adds a group once. What is known by id is not repeated by name.
func (r *record) addGroup(g secgroup.GroupName) {
	for i := range r.change.Groups {
		have := &r.change.Groups[i]
		if g.ID != "" && have.ID == g.ID || g.ID == "" && have.Name == g.Name {
			return
		}
	}
	r.change.Groups = append(r.change.Groups, g)
}

// id reads an id of the wanted form. Anything else that is not empty is a gap:
// it must not reach an API call.
func (r *record) id(prefix string, v value, place string) string {
	if v.empty() {
		return ""
	}
	s, ok := v.scalar()
	if !ok || !isID(prefix, s) {
		r.gap("%s: %s is no id %s...", place, quote(s), prefix)
		return ""
	}
	return s
}

// groupName reads the name of a group; a name that EC2 cannot have is a gap.
func (r *record) groupName(v value) string {
	if v.empty() {
		return ""
	}
	const longest = 255 // CreateSecurityGroup, GroupName
	s, ok := v.scalar()
	if !ok || utf8.RuneCountInString(s) > longest || strings.ContainsFunc(s, unicode.IsControl) {
		r.gap("groupName: %s is no name of a group", quote(s))
		return ""
	}
	return s
}

// addVPC and addList add an id once, "" not at all.
func (r *record) addVPC(id string) {
	if id != "" && !slices.Contains(r.change.VPCIDs, id) {
		r.change.VPCIDs = append(r.change.VPCIDs, id)
	}
}

func (r *record) addList(id string) {
	if id != "" && !slices.Contains(r.change.ListIDs, id) {
		r.change.ListIDs = append(r.change.ListIDs, id)
	}
}

// failed reports whether the call changed nothing.
func (r *record) failed() bool { return r.change.ErrorCode != "" }

// isTrue reports whether a flag is set, as a boolean or as text.
func isTrue(v value) bool {
	s, _ := v.scalar()
	return sameName(s, "true")
}

// timeOf reads RFC 3339 and the form "2021-01-24 04:55:45.000" of some
// re-exports, which is UTC. The zero time stands for everything else.
func timeOf(v value) time.Time {
	s, _ := v.scalar()
	for _, layout := range []string{time.RFC3339, time.DateTime} {
		t, err := time.Parse(layout, s)
		// In UTC it may be of a year that nobody can write down again.
		if t = t.UTC(); err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t
		}
	}
	return time.Time{}
}

// undecodable makes the error for a record, with what can be said of it.
func undecodable(v value, place, reason string) *UndecodableError {
	e := &UndecodableError{Place: place, Reason: reason}
	if v.kind == object {
		e.EventID = textOf(v.get("eventID"))
		e.Name = textOf(v.get("eventName"))
	}
	v.walk(func(s string) { eachGroupID(s, e.mention) })
	return e
}

// mention notes a group id once, up to the bound of Groups.
func (e *UndecodableError) mention(id string) {
	const most = 100
	if len(e.Groups) < most && !slices.Contains(e.Groups, id) {
		e.Groups = append(e.Groups, id)
	}
}
