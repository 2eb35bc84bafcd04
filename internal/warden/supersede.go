package warden

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// reasonSuperseded marks a rule of a record whose value was overwritten by the
// change that an incident is about.
const reasonSuperseded = "superseded"

// supersede writes the values that late records name into the incidents about
// those that came after them. What was put back is the last value that was known:
// the one in between may be what should stand, and only a person can tell.
func (j *judging) supersede(ctx context.Context) {
	j.overwritten = map[[2]string]string{}
	for _, r := range byTime(j.records) {
		if r.decided || r.change.EventID == "" || r.change.EventTime.IsZero() || j.w.isOwnRole(r.change) {
			continue
		}
		rules := map[string][]secgroup.Rule{} // by incident id
		for _, n := range r.named() {
			if id := j.supersededBy(r, n); id != "" {
				rules[id] = append(rules[id], n.Rule)
				j.overwritten[[2]string{r.change.EventID, n.Rule.ID}] = id
			}
		}
		for _, id := range sortedKeys(rules) {
			if err := j.writeSuperseded(ctx, id, r, rules[id]); err != nil {
				j.retry = true // the record comes again
			}
		}
	}
}

// supersededBy is the incident about the first change of a rule that came after
// the one that a record tells of, where no value between the two was known; "" =
// there is none, or the value that is named stands.
func (j *judging) supersededBy(r *record, n secgroup.NamedRule) (id string) {
	if n.Rule.ID == "" || !n.HasValue {
		return ""
	}
	if _, live := findNamed(n, j.live.Rules); live {
		return ""
	}
	at, first := r.change.EventTime, time.Time{}
	consider := func(incidentID string, opened, prior time.Time) {
		// Records tell whole seconds: of the same one it is not known which came first.
		if opened.Truncate(time.Second).After(at) && prior.Before(at) && (first.IsZero() || opened.Before(first)) {
			id, first = incidentID, opened
		}
	}
	for _, d := range j.drafts {
		if d.call || d.stranger || d.exempt || d.owing || d.undone {
			continue
		}
		for _, e := range d.ends {
			if e.rule.ID != n.Rule.ID || e.rule.Peer == nil || !tellsOfIt(e.outcome) {
				continue
			}
			if isNamed(n, e.rule) || isLeft(n, e) {
				return ""
			}
			// Of a value that no record names it is not known whether it came
			// later, while EC2's answers may lag.
			if e.earlier && (j.known.Rules[e.rule.ID].BeforeBy == nil || !d.inc.Actor.Attributed) {
				continue // what stood before it is not known
			}
			if opened, prior := j.lifeOf(d, e); e.verdict.By != nil || !r.young(j.now) {
				consider(d.inc.ID, opened, prior)
			}
		}
	}
	for key, gone := range j.mem.Known.Removed {
		if key != n.Rule.ID && !strings.HasPrefix(key, n.Rule.ID+inPlaceMark) || gone.IncidentID == "" {
			continue
		}
		if hasText(n, gone.Value) && !gone.Opened.Before(at) {
			return "" // it is the change that we took back
		}
		consider(gone.IncidentID, gone.Opened, gone.PriorAt)
	}
	if known := j.mem.Known.Rules[n.Rule.ID]; isReported(known) && (known.By != nil || !r.young(j.now)) {
		consider(known.IncidentID, madeAt(known), known.PriorAt)
	}
	return id
}

// tellsOfIt reports whether an outcome, or none yet, is one of which somebody is
// told that a value was taken back, or stands.
func tellsOfIt(o incident.Outcome) bool { return o == 0 || o > incident.Exempt }

// isReported reports whether a rule stands that was told of as a violation.
func isReported(k policy.KnownRule) bool {
	return k.IncidentID != "" && k.Reported != "" && k.Reported != incident.Exempt.String()
}

// hasText reports whether a named rule has the value of that text.
func hasText(n secgroup.NamedRule, value string) bool {
	if !n.AnyDirection {
		return n.Rule.Value() == value
	}
	for _, d := range []secgroup.Direction{secgroup.Ingress, secgroup.Egress} {
		r := n.Rule
		if r.Direction = d; r.Value() == value {
			return true
		}
	}
	return false
}

// madeAt is when the value of a known rule was made, or first seen where no
// record told.
func madeAt(k policy.KnownRule) time.Time {
	if k.By != nil && !k.By.EventTime.IsZero() {
		return k.By.EventTime
	}
	return k.Since
}

// lifeOf is when the value that an end is about was made, or first seen where no
// record told, and KnownRule.PriorAt of it.
func (j *judging) lifeOf(d *draft, e *end) (opened, prior time.Time) {
	for _, rules := range []map[string]policy.KnownRule{j.known.Rules, j.mem.Known.Rules} {
		if k, ok := rules[e.rule.ID]; ok && k.Rule.SameValue(e.rule) {
			return madeAt(k), k.PriorAt
		}
	}
	// An earlier judging gave it another value, and could not write that down.
	if k, ok := j.known.Rules[e.rule.ID]; ok && k.By != nil {
		prior = k.By.EventTime
	}
	if by := j.known.Rules[e.rule.ID].BeforeBy; e.earlier && by != nil {
		prior = by.EventTime
	}
	if d.inc.Actor.Attributed {
		return d.inc.OpenedAt, prior
	}
	return d.inc.LearntAt, prior
}

// writeSuperseded writes what a record tells of these rules into an incident,
// once.
func (j *judging) writeSuperseded(ctx context.Context, id string, r *record, rules []secgroup.Rule) error {
	inc, found, err := j.atHand(ctx, id)
	full := len(inc.Superseded) >= incident.MostSuperseded
	if err != nil || !found || full || slices.ContainsFunc(inc.Superseded, func(s incident.Superseded) bool { return s.EventID == r.change.EventID }) {
		return err
	}
	s := incident.Superseded{EventID: r.change.EventID, APICall: r.change.EventName, At: r.change.EventTime, Actor: r.change.Actor}
	s.Actor.UserAgent, s.Actor.Session = cut(s.Actor.UserAgent), cut(s.Actor.Session)
	for _, rule := range rules {
		if len(s.Rules) == incident.MostSupersededRules {
			s.OmittedRules++
			continue
		}
		rule.Direction, rule.Description = directionIn(inc, rule), cut(rule.Description)
		value := incident.SupersededRule{Value: rule}
		if value.Policies, err = j.refusing(ctx, rule); err != nil {
			return err
		}
		s.Rules = append(s.Rules, value)
	}
	d := j.reopened(inc)
	d.inc.Superseded = append(slices.Clone(d.inc.Superseded), s)
	return nil
}

// atHand is an incident of this group, be it over; false = there is none, or
// it is not kept any more.
func (j *judging) atHand(ctx context.Context, id string) (inc incident.Incident, found bool, err error) {
	for _, d := range j.drafts {
		if d.inc.ID == id && d.undone {
			return inc, false, incident.ErrLeased // that it was undone is told first
		}
		if d.inc.ID == id {
			return d.inc, true, nil
		}
	}
	if j.w.cfg.Closed == nil {
		return inc, false, nil
	}
	return j.w.cfg.Closed(ctx, j.groupID, id)
}

// directionIn is the direction of a rule, which records of a Modify do not tell.
func directionIn(inc incident.Incident, rule secgroup.Rule) secgroup.Direction {
	for _, r := range inc.Rules {
		if r.ID == rule.ID && r.Direction != 0 {
			return r.Direction
		}
	}
	return rule.Direction
}

// refusing gives the policies that refuse a value which a rule had, in the group
// as it is.
func (j *judging) refusing(ctx context.Context, rule secgroup.Rule) (ids []string, err error) {
	in := j.input()
	in.Live.Rules = slices.DeleteFunc(slices.Clone(j.live.Rules), func(r secgroup.Rule) bool { return r.ID == rule.ID })
	in.Live.Rules = append(in.Live.Rules, rule)
	rules := in.Live.Rules
	var verdict policy.Verdict
	err = settled(func() []policy.Need {
		in.Facts, in.Live.VPCs, in.Live.Rules = j.facts, j.live.VPCs, j.readable(rules)
		verdict = j.w.cfg.Set.Evaluate(in)
		return verdict.Needs
	}, func(need policy.Need) error {
		if list, ok := rule.Peer.(secgroup.PrefixList); ok && need == policy.NeedLists {
			if err := j.readList(ctx, list.ID); err != nil {
				return err
			}
		}
		return j.fetch(ctx, need)
	})
	for _, rv := range verdict.Rules {
		for _, f := range rv.Findings {
			if rv.Rule.ID == rule.ID && f.State != policy.Fine && f.State != policy.Exempt && f.State != policy.Baseline {
				ids = appendOnce(ids, f.Policy.ID)
			}
		}
	}
	return ids, err
}

// mostText bounds a text of a record that an incident keeps beside its own, in
// characters: EC2 takes no longer description.
const mostText = 255

func cut(text string) string {
	if runes := []rune(text); len(runes) > mostText {
		return string(runes[:mostText]) + "..."
	}
	return text
}
