package soak

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// published takes a message of the guard and holds it against P8 and against
// what it claims.
func (w *world) published(i incident.Incident) {
	w.step.sent++
	w.tally.Messages[string(i.EventType)]++
	if w.history.sent[i.ID] == nil {
		w.history.sent[i.ID] = map[string]int{}
	}
	w.history.sent[i.ID][string(i.EventType)+newsOf(i)]++
	w.publishedOfList(i)
	if slices.ContainsFunc(i.Notes, func(n string) bool { return strings.Contains(n, "put it back: authorize ") }) {
		w.history.told = append(w.history.told, i)
	}
	w.say("  message %s %s %s %s", i.EventType, i.Outcome, i.ID, i.Reason)
	m, err := alert.Render(i)
	if err != nil {
		w.blame("P8", "render %s: %v", i.ID, err)
		return
	}
	w.digest.text(string(m.JSON))
	w.tally.check("P8 messages parse back and are harmless")
	w.checkText("subject", m.Subject, false)
	w.checkText("text", m.Text, true)
	w.checkJSON("message", m.JSON)
	var read incident.Incident
	if err := json.Unmarshal(m.JSON, &read); err != nil {
		w.blame("P8", "message of %s does not parse back: %v", i.ID, err)
	} else if read.ID != i.ID || read.Outcome != i.Outcome || read.EventType != i.EventType {
		w.blame("P8", "message of %s parses back as %s %s %s", i.ID, read.ID, read.Outcome, read.EventType)
	}
	w.checkMessage(i)
}

// checkMessage: an alert claims no more than what is so.
func (w *world) checkMessage(i incident.Incident) {
	w.tally.check("alerts tell the truth")
	if acted := i.EventType == incident.Acted; acted && !i.Outcome.Changed() {
		w.blame("truth", "message %s of %s with outcome %s", i.EventType, i.ID, i.Outcome)
	}
	if i.EventType == incident.Opened && i.Outcome.Changed() {
		w.blame("truth", "message %s of %s with outcome %s", i.EventType, i.ID, i.Outcome)
	}
	if i.EventType == incident.Undone {
		if i.List != nil {
			w.checkListUndoingMessage(i)
			return
		}
		w.checkUndoingMessage(i)
		return
	}
	w.checkOverwritten(i)
	for _, r := range i.Rules {
		live, isLive := byID(w.rules(i.GroupID), r.ID)
		if isLive && r.Before != nil && r.Outcome == incident.Reverted && same(live, withoutAccount(*r.Before)) {
			w.blame("truth", "message says that %s is reverted, and it stands: %s", r.ID, live)
		}
		for _, e := range r.Excess {
			w.checkRule(e)
		}
	}
}

// checkUndoingMessage: what it says is back is, or was a moment ago.
func (w *world) checkUndoingMessage(i incident.Incident) {
	if len(i.Rules) == 0 {
		w.blame("truth", "message of %s says that something is back, and not what", i.ID)
	}
	for _, r := range i.Rules {
		if len(r.After) != 1 || r.Before == nil || !same(withoutAccount(r.After[0]), withoutAccount(*r.Before)) {
			w.blame("truth", "message of %s says that %v is back as %v", i.ID, r.Before, r.After)
			continue
		}
		if !slices.ContainsFunc(w.valuesOf(r.After[0].ID), func(v secgroup.Rule) bool { return same(v, withoutAccount(r.After[0])) }) {
			w.blame("truth", "message of %s says that %s is back as %s, and it is not there", i.ID, r.After[0], r.After[0].ID)
		}
	}
}

// checkLog holds every new line of the log against P8.
func (w *world) checkLog() {
	lines := w.log.Bytes()[w.read:]
	w.read = w.log.Len()
	for len(lines) > 0 {
		line, rest, whole := bytes.Cut(lines, []byte("\n"))
		lines = rest
		w.tally.check("P8 log lines parse back")
		if !whole || !json.Valid(line) {
			w.blame("P8", "log line is no JSON: %q", line)
			continue
		}
		for _, c := range line {
			if c < 0x20 {
				w.blame("P8", "log line has a control character: %q", line)
				break
			}
		}
		if bytes.Contains(line, []byte(`"msg":"panic"`)) {
			if !bytes.Contains(line, []byte(`"panic":"{`)) { // a death is one of ours
				w.blame("P7", "the guard panics: %s", line)
			}
			continue // a stack has addresses
		}
		w.digest.text(string(line))
	}
	if w.read > 1<<20 {
		w.log.Reset()
		w.read = 0
	}
}

// checkDocument holds the incident document of a decision against P8.
func (w *world) checkDocument(i incident.Incident) {
	if i.Outcome == 0 {
		w.blame("answer", "a decision without document")
		return
	}
	w.tally.check("P8 documents parse back")
	stored, err := i.MarshalStored()
	if err != nil {
		w.blame("P8", "document of %s: %v", i.ID, err)
		return
	}
	w.checkJSON("document", stored)
	read, err := incident.UnmarshalStored(stored)
	if err != nil {
		w.blame("P8", "document of %s does not parse back: %v\n%s", i.ID, err, stored)
		return
	}
	again, err := read.MarshalStored()
	if err != nil || !bytes.Equal(stored, again) {
		w.blame("P8", "document of %s does not come back as it was (%v):\n%s\n%s", i.ID, err, stored, again)
	}
}

func (w *world) checkJSON(what string, text []byte) {
	if !json.Valid(text) {
		w.blame("P8", "%s is no JSON: %s", what, text)
	}
	w.checkText(what, string(text), false)
}

// checkText: nothing that a reader or a terminal acts on.
func (w *world) checkText(what, text string, lines bool) {
	if !utf8.ValidString(text) {
		w.blame("P8", "%s is not UTF-8: %q", what, text)
	}
	for _, r := range text {
		if r == '\n' && lines || r >= 0x20 && r < 0x7f {
			continue
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == '\ue000' {
			w.blame("P8", "%s has %U: %q", what, r, text)
			return
		}
	}
	if !lines {
		return
	}
	for _, raw := range []string{"<script", "](http", "<!channel", "@here", "https://evil", "http://evil", "javascript:alert"} {
		if strings.Contains(text, raw) {
			w.blame("P8", "%s has %q: %q", what, raw, text)
		}
	}
}

// checkRule holds P6 for a rule that occurs: its text reads back as itself,
// the canonical form is one, and equality is equality of packets.
func (w *world) checkRule(r secgroup.Rule) {
	key := fmt.Sprint(r.Direction, r.Protocol, r.Ports, r.Peer.Key())
	w.tally.check("P6 rules read back and are canonical once")
	if w.universe.checked[key] {
		return
	}
	w.universe.checked[key] = true
	once := r.Canonical()
	if twice := once.Canonical(); !reflect.DeepEqual(once, twice) {
		w.blame("P6", "%s: canonical twice is %v, once %v", r, twice, once)
	}
	read, err := secgroup.ParseRule(r.String())
	if err != nil || !read.SameValue(r) || read.String() != r.String() {
		w.blame("P6", "%s reads back as %s (%v)", r, read, err)
		return
	}
	if _, isList := r.Peer.(secgroup.PrefixList); isList {
		return // its text has no entries
	}
	for n, p := range w.universe.packets {
		if oracle.Admits(r, p) != oracle.Admits(read, p) || oracle.Admits(r, p) != oracle.Admits(once, p) {
			w.blame("P6", "%s and its text differ in witness %d", r, n)
			return
		}
	}
}

// checkEquality holds P6 for the rules of a group: equal regions admit the same
// witnesses, and rules that admit different ones are not equal.
func (w *world) checkEquality(rules []secgroup.Rule) {
	for i, a := range rules {
		w.checkRule(a)
		b := rules[(i+1)%len(rules)]
		w.tally.check("P6 equality is equality of packets")
		equal := a.Direction == b.Direction && a.Region().Equal(b.Region()) // a region has no direction
		if (a.SameValue(b) || equal) && w.universe.of(a) != w.universe.of(b) {
			w.blame("P6", "%s and %s are called equal, and are not", a, b)
		}
	}
}

func isOrdinary(p oracle.Packet) bool {
	return p.Protocol == 6 || p.Protocol == 17 || p.Protocol == 1 && p.Remote.Is4() || p.Protocol == 58 && p.Remote.Is6()
}

// inWords names some of a set of witnesses.
func (w *world) inWords(set packets) string {
	var words []string
	set.each(func(n int) {
		if len(words) < 3 {
			words = append(words, fmt.Sprintf("%+v", w.universe.packets[n]))
		}
	})
	return strings.Join(words, ", ")
}
