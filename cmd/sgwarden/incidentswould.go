package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// wouldFlags ask for sums instead of a list.
type wouldFlags struct {
	would bool
	by    string
}

func (w wouldFlags) check(cmd *cobra.Command) error {
	switch {
	case wouldKeys[w.by] == nil:
		return fmt.Errorf("--by %q: want policy, actor or group", w.by)
	case !w.would && cmd.Flags().Changed("by"):
		return errors.New("--by goes with --would")
	}
	return nil
}

func (w wouldFlags) write(cmd *cobra.Command, in *account, found []incident.Incident, format string) error {
	all := sumUp(found, w.by)
	if w.by == "policy" {
		l, err := in.ledger(cmd.Context())
		if err != nil {
			return err
		}
		controls, err := l.Controls(cmd.Context())
		if err != nil {
			return outside(err)
		}
		for n := range all {
			all[n].NotReady = notReady(all[n], controls.Acts)
		}
	}
	if format == "json" {
		return writeJSON(cmd, orEmpty(all))
	}
	return writeWould(cmd, w.by, all)
}

// would is the sum of the observed incidents of one policy, actor or group.
type would struct {
	Of        string   `json:"of"`
	Incidents int      `json:"incidents"`
	Rules     int      `json:"rules"`
	Groups    int      `json:"groups"`
	Actors    int      `json:"actors"`
	Would     []string `json:"would"` // the newest few, in words
	Unsure    int      `json:"unsure"`
	// Again is who opened the same group most often, and how often; 0 = nobody
	// did more than twice.
	Again    string   `json:"again"`
	Times    int      `json:"times"`
	NotReady []string `json:"notReady"` // reasons, by policy only; none = ready

	groups, actors map[string]bool
	pairs          map[string]int
}

// watched are the rules of an incident that enforce mode would have changed, or
// of which that could not be told. An incident in which only some policies
// observe has others beside them.
func watched(i incident.Incident) (rules []incident.Rule) {
	for _, r := range i.Rules {
		if r.Outcome == incident.Observed || i.Mode == policy.Observe && r.Outcome >= incident.Pending {
			rules = append(rules, r)
		}
	}
	return rules
}

var wouldKeys = map[string]func(incident.Incident) []string{
	"policy": func(i incident.Incident) (ids []string) {
		for _, r := range watched(i) {
			ids = append(ids, r.Policies...)
		}
		slices.Sort(ids)
		return slices.Compact(ids)
	},
	"actor": func(i incident.Incident) []string { return []string{actorText(i)} },
	"group": func(i incident.Incident) []string { return []string{placeOfIncident(i)} },
}

// wouldShown is how many changes are told in words.
const wouldShown = 3

// sumUp sums up what was only observed, the newest incident first, by one of
// wouldKeys: the most incidents first. Of an incident of several policies each
// counts the rules that it refuses itself.
func sumUp(found []incident.Incident, by string) []would {
	sums := map[string]*would{}
	for _, i := range found {
		all := watched(i)
		if len(all) == 0 {
			continue
		}
		for _, key := range wouldKeys[by](i) {
			rules := all
			if by == "policy" {
				rules = slices.DeleteFunc(slices.Clone(all), func(r incident.Rule) bool { return !slices.Contains(r.Policies, key) })
			}
			s := sums[key]
			if s == nil {
				s = &would{Of: key, Would: []string{}, NotReady: []string{}, groups: map[string]bool{}, actors: map[string]bool{}, pairs: map[string]int{}}
				sums[key] = s
			}
			s.add(i, rules, len(all))
		}
	}
	var all []would
	for _, s := range sums {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b would) int {
		if a.Incidents != b.Incidents {
			return b.Incidents - a.Incidents
		}
		return strings.Compare(a.Of, b.Of)
	})
	return all
}

// add adds an incident with its rules that count, which are some of all that it
// watched.
func (s *would) add(i incident.Incident, rules []incident.Rule, all int) {
	actor := actorText(i)
	s.Incidents++
	s.Rules += len(rules)
	s.groups[placeOfIncident(i)], s.actors[actor] = true, true
	s.Groups, s.Actors = len(s.groups), len(s.actors)
	for _, text := range i.Would {
		if len(s.Would) == wouldShown || !namesAny(text, rules) {
			continue
		}
		if len(rules) < all {
			text += " (with what other policies refuse)"
		}
		s.Would = append(s.Would, text)
	}
	if i.Outcome >= incident.Pending {
		s.Unsure++
	}
	pair := actor + " in " + placeOfIncident(i)
	s.pairs[pair]++
	if n := s.pairs[pair]; n > 2 && n > s.Times {
		s.Again, s.Times = pair, n
	}
}

// namesAny reports whether a call in words is about one of the rules; one
// without an id may be.
func namesAny(text string, rules []incident.Rule) bool {
	return slices.ContainsFunc(rules, func(r incident.Rule) bool { return strings.Contains(text, r.ID) })
}

// notReady says why a policy should not enforce yet.
func notReady(s would, acts map[string]policy.Act) []string {
	reasons := []string{}
	set := false
	for key, act := range acts {
		id, _, _ := strings.Cut(key, "@")
		set = set || id == s.Of && act.Done
	}
	if !set {
		reasons = append(reasons, "its baseline is not set: no complete sweep since it came, so that what stood before is not marked")
	}
	if s.Unsure > 0 {
		reasons = append(reasons, fmt.Sprintf("%d %s", s.Unsure, plural(s.Unsure, "incident", "incidents"))+" could not be judged for certain, or is not over: sgwarden incidents list --policy "+s.Of)
	}
	if s.Times > 0 {
		reasons = append(reasons, fmt.Sprintf("%s opened it %d times: enforce would fight it", s.Again, s.Times))
	}
	return reasons
}

func writeWould(cmd *cobra.Command, by string, all []would) error {
	if len(all) == 0 {
		say(cmd.ErrOrStderr(), "nothing was observed that enforce mode would have changed\n")
		return nil
	}
	table := newColumns(cmd, strings.ToUpper(by), "INCIDENTS", "RULES", "GROUPS", "ACTORS")
	for _, s := range all {
		table.row(s.Of, strconv.Itoa(s.Incidents), strconv.Itoa(s.Rules), strconv.Itoa(s.Groups), strconv.Itoa(s.Actors))
	}
	if err := table.end(); err != nil {
		return err
	}
	for _, s := range all {
		if err := s.write(cmd, by); err != nil {
			return err
		}
	}
	return nil
}

// write tells of one sum in words.
func (s would) write(cmd *cobra.Command, by string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", printable(s.Of))
	switch {
	case by != "policy":
	case len(s.NotReady) == 0:
		line(&b, "ready", "to enforce")
	default:
		for _, reason := range s.NotReady {
			line(&b, "not yet", printable(reason))
		}
	}
	for _, text := range s.Would {
		line(&b, "would", printable(text))
	}
	return tell(cmd, "%s", b.String())
}
