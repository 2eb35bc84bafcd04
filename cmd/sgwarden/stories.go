package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/embedded"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// stories tells each record to a person: who did what to
// which group, what the guard found there, the verdict and why, what was done,
// what is left, and the alert.
type stories struct {
	w       io.Writer
	full    bool // whole alerts, not only their subjects
	records int
	counts  map[incident.Outcome]int
}

// mostFlows bounds how many pieces of an excess are listed.
const mostFlows = 4

func (s *stories) tell(j embedded.Judged) error {
	var b strings.Builder
	for _, d := range j.Decisions {
		s.counts[d.Outcome]++
		title(&b, j, d)
		facts(&b, d)
		verdict(&b, d)
		deeds(&b, d)
		if err := s.alerts(&b, d); err != nil {
			return err
		}
		line(&b, "outcome", outcome(d))
		b.WriteByte('\n')
	}
	if j.Record > 0 {
		s.records++
	}
	_, err := io.WriteString(s.w, b.String())
	return err
}

func (s *stories) end() error {
	var parts []string
	for o := incident.CannotRemediate; o >= incident.Ignored; o-- {
		if n := s.counts[o]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	text := count(s.records, "record")
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	_, err := fmt.Fprintln(s.w, text)
	return err
}

// line writes "  label   text".
func line(b *strings.Builder, label, text string) {
	fmt.Fprintf(b, "  %-8s %s\n", label, text)
}

// lines writes the first text behind the label, the others below it.
func lines(b *strings.Builder, label string, texts []string) {
	for _, t := range texts {
		line(b, label, t)
		label = ""
	}
}

func title(b *strings.Builder, j embedded.Judged, d warden.Decision) {
	number := fmt.Sprintf("#%d", j.Record)
	if j.Record == 0 {
		number = "then"
	}
	call := printable(d.Change.EventName)
	switch {
	case d.Change.Effect == secgroup.Asks:
		call = "a second look, as arranged"
	case call == "":
		call = "a record that cannot be read"
	}
	fmt.Fprintf(b, "%s  %s  %s\n", number, j.At.UTC().Format(time.DateTime), call)
}

// facts says who did what to which group.
func facts(b *strings.Builder, d warden.Decision) {
	c := d.Change
	if c.Actor.ARN != "" || c.Actor.Type != "" {
		who := printable(c.Actor.ARN)
		if who == "" {
			who = printable(c.Actor.Type)
		}
		if c.Actor.Session != "" {
			who += " as " + printable(c.Actor.Session)
		}
		if c.Actor.SourceIP != "" {
			who += " from " + printable(c.Actor.SourceIP)
		}
		line(b, "who", who)
	}
	if d.Story != nil && d.Story.Before.ID != "" {
		g := d.Story.Before
		line(b, "group", fmt.Sprintf("%s %q in %s", g.ID, printable(g.Name), g.VPCID))
		lines(b, "found", texts(g.Rules))
	} else if d.GroupID != "" {
		line(b, "group", d.GroupID)
	}
	if c.ErrorCode != "" {
		line(b, "failed", printable(c.ErrorCode)+": the call changed nothing")
		return
	}
	var named []string
	for _, n := range c.Rules {
		switch {
		case c.Effect == secgroup.Narrows && !n.HasValue:
			named = append(named, "- "+printable(n.Rule.ID))
		case c.Effect == secgroup.Narrows:
			named = append(named, "- "+n.Rule.String())
		case n.AnyDirection:
			named = append(named, fmt.Sprintf("%s becomes %s", n.Rule.ID, strings.TrimPrefix(n.Rule.String(), n.Rule.Direction.String()+" ")))
		default:
			named = append(named, "+ "+n.Rule.String())
		}
	}
	lines(b, "change", named)
}

// verdict says which policies a rule breaks, where, and by how much.
func verdict(b *strings.Builder, d warden.Decision) {
	if d.Story == nil {
		return
	}
	for _, c := range d.Story.Verdict.Calls {
		for _, f := range c.Findings {
			if f.State != policy.Fine && c.Change.EventID == d.EventID {
				line(b, "verdict", fmt.Sprintf("the call breaks %s (%s), %s:%d", f.Policy.ID, f.Policy.Severity, f.File, f.Line))
				line(b, "", f.Policy.Title)
				line(b, "", f.Why)
			}
		}
	}
	for _, r := range d.Story.Verdict.Rules {
		for _, f := range r.Findings {
			if f.State == policy.Fine {
				continue
			}
			line(b, "verdict", fmt.Sprintf("%s breaks %s (%s), %s:%d", r.Rule, f.Policy.ID, f.Policy.Severity, f.File, f.Line))
			line(b, "", f.Policy.Title)
			if !f.Excess.IsEmpty() {
				line(b, "", "too much: "+tooMuch(r.Rule, f.Excess))
			}
			line(b, "", f.Why)
		}
	}
}

// deeds says what was called and what is left.
func deeds(b *strings.Builder, d warden.Decision) {
	if d.Story == nil {
		return
	}
	for _, i := range d.Story.Incidents {
		lines(b, "did", deedTexts(i.Actions))
		lines(b, "would", printables(i.Would))
		lines(b, "note", printables(i.Notes))
	}
	if len(d.Story.Plan.Actions) > 0 {
		after := texts(d.Story.After)
		if len(after) == 0 {
			after = []string{"no rule"}
		}
		lines(b, "after", after)
	}
}

// requestID ends an action's text; it tells a reader nothing.
var requestID = regexp.MustCompile(` \([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\)$`)

func deedTexts(actions []string) []string {
	out := printables(actions)
	for i := range out {
		out[i] = requestID.ReplaceAllString(out[i], "")
	}
	return out
}

// alerts says what subscribers get: the subject, or the whole text.
func (s *stories) alerts(b *strings.Builder, d warden.Decision) error {
	if d.Story == nil {
		return nil
	}
	for _, i := range d.Story.Published {
		m, err := alert.Render(i)
		if err != nil {
			return err
		}
		line(b, "alert", m.Subject)
		if s.full {
			for text := range strings.Lines(m.Text) {
				b.WriteString("           | " + text)
			}
		}
	}
	return nil
}

func outcome(d warden.Decision) string {
	switch d.Reason {
	case "", "call":
		return d.Outcome.String()
	case "triaged":
		return d.Outcome.String() + ": the record alone shows it; nothing was read"
	}
	return d.Outcome.String() + ": " + printable(d.Reason)
}

// tooMuch says an excess in a line: the fewest rules that are exactly it, or,
// where those are more than a person reads, its ports and how many blocks of
// the rule's peer they are.
func tooMuch(r secgroup.Rule, excess secgroup.Region) string {
	rules := excess.Rules(r.Direction, nil)
	if len(rules) <= mostFlows {
		return strings.Join(texts(rules), ", ")
	}
	var flows []string
	for _, x := range rules {
		x.Peer = r.Peer
		text, _, _ := strings.Cut(strings.TrimPrefix(x.String(), r.Direction.String()+" "), " ")
		if !slices.Contains(flows, text) {
			flows = append(flows, text)
		}
	}
	if len(flows) > mostFlows {
		flows = append(flows[:mostFlows], fmt.Sprintf("%d more port ranges", len(flows)-mostFlows))
	}
	return fmt.Sprintf("%s for %s of %s", strings.Join(flows, ", "), count(len(excess.Addresses().Prefixes()), "block"), r.Peer)
}

func texts(rules []secgroup.Rule) []string {
	out := make([]string, 0, len(rules))
	for _, r := range rules {
		out = append(out, r.String())
	}
	return out
}
