package warden

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	// removedKept is how long it is remembered why a rule id is gone: as long
	// as a record of it may still come.
	removedKept = 24 * time.Hour
	removedMost = 200

	// missedFor is how long it is kept what was known of a rule that a read did
	// not show. EC2 names no bound for how old its answers may be: seconds are
	// usual, and a sweep passes within the hour.
	missedFor = time.Hour

	// inPlaceMark stands between rule id and time where a rule was changed in
	// place, so that several changes of one rule are remembered.
	inPlaceMark = "@"
)

// remember gives the item of the group as this judging saw it: every live
// rule, and why others are gone.
func (j *judging) remember() policy.Known {
	old := j.mem.Known
	next := old
	next.Exists, next.Whole = true, true
	next.Name, next.VPCID, next.Default = j.live.Name, j.live.VPCID, pointer(j.live.IsDefault())
	// Tags change without a judging (their records are ignored today): a triage
	// that trusted remembered ones could miss a policy that came into scope.
	next.Tags = nil
	next.Rules = make(map[string]policy.KnownRule, len(j.verdict.Rules))
	order := j.now.UnixMicro()
	for _, k := range old.Rules {
		order = max(order, k.Order+1)
	}
	for _, rv := range inWalk(j.verdict.All()) {
		known, ok := old.Rules[rv.Rule.ID]
		if !ok || known.Order == 0 || j.grew(known, rv.Rule) {
			known = j.entry(known, ok, rv, order)
			order++
		} else {
			known = j.entry(known, ok, rv, known.Order)
		}
		next.Rules[rv.Rule.ID] = known
	}
	next.Removed = j.removedSince(old, next)
	if told := j.evented(); told.After(next.Removed[eventedMark].At) {
		next.Removed[eventedMark] = policy.RemovedRule{At: told}
	}
	return next
}

// inWalk orders rules as they get their places: those that no record names
// first, by id; then the named ones by the time of the record, then id.
func inWalk(rules []policy.RuleVerdict) []policy.RuleVerdict {
	sorted := slices.Clone(rules)
	slices.SortStableFunc(sorted, func(a, b policy.RuleVerdict) int {
		switch {
		case a.Named != b.Named && b.Named:
			return -1
		case a.Named != b.Named:
			return 1
		case a.Named && a.By != nil && b.By != nil && !a.By.EventTime.Equal(b.By.EventTime):
			return a.By.EventTime.Compare(b.By.EventTime)
		}
		return strings.Compare(a.Rule.ID, b.Rule.ID)
	})
	return sorted
}

// entry is what is remembered of one live rule.
func (j *judging) entry(old policy.KnownRule, known bool, rv policy.RuleVerdict, order int64) policy.KnownRule {
	next := old
	next.Rule, next.ListDigest, next.Order = stripped(rv.Rule), listDigest(rv.Rule, old), order
	if !old.Rule.SameValue(rv.Rule) {
		next.LeftOf = nil
	}
	since := j.now
	if rv.Named && rv.By != nil {
		since = notAfter(rv.By.EventTime, j.now)
	}
	switch {
	case !known:
		next.Since = since
	case j.grew(old, rv.Rule):
		// Records tell seconds: a value that grows twice within one must not
		// look like one growth, or the second would meet the first's incident.
		if !since.After(old.Since) {
			since = old.Since.Add(time.Nanosecond)
		}
		next.Since, next.By = since, nil
		next.IncidentID, next.Reported, next.Exemption, next.ExemptFrom, next.Under = "", "", "", nil, nil
		next.PriorAt = old.Since
		if old.By != nil && old.By.EventTime.After(old.Since) {
			next.PriorAt = old.By.EventTime
		}
		if good := old.Rule; old.InOrder() {
			next.Before, next.BeforeBy, next.BeforeTold = &good, old.By, ""
			next.BeforeExemption, next.BeforeExemptFrom = old.Exemption, old.ExemptFrom
			if old.Reported == incident.Exempt.String() {
				next.BeforeTold = old.IncidentID
			}
		}
	case j.facts.IsBack(&old, rv.Rule):
		next.By = old.BeforeBy
	case worst(rv, policy.Unknown) != nil && isUnread(rv.Rule) && old.InOrder():
		// What the list holds meanwhile is a growth once it can be read.
		good := old.Rule
		next.Before, next.BeforeBy = &good, old.By
	}
	if rv.Named && rv.By != nil && (next.By == nil || next.By.EventID != rv.By.EventID) {
		next.By = rv.By
	}
	next.Exemption, next.ExemptFrom = exemption(next, rv)
	if !rv.Due && worst(rv, policy.Unknown) == nil && next.Reported != incident.Exempt.String() {
		// It violates nothing, or stands: a later growth is measured from here.
		next.IncidentID, next.Reported, next.Under, next.Before, next.BeforeBy, next.BeforeTold, next.PriorAt = "", "", nil, nil, nil, "", time.Time{}
		next.BeforeExemption, next.BeforeExemptFrom = "", nil
	}
	if known && old.InOrder() && rv.Due && !j.grew(old, rv.Rule) {
		next.PriorAt = j.now // the value was known: what it overwrote is long over
	}
	if len(rv.Void) > 0 {
		// Else it would stand again as soon as nothing at hand voids the mark.
		next.Baseline = without(next.Baseline, rv.Void)
	}
	next.WaitsSince = waitsSince(old, next.Since, rv)
	if rv.Due && next.IncidentID == "" {
		next.Under = under(rv) // it may wait in silence: not a value to put back
	}
	return next
}

// exemption is what is remembered of the exemptions of a rule: the id of one, and
// the policies. One that has ended is remembered as long as the policy refuses the
// same value, and its id until its end was told (settleEntry).
func exemption(old policy.KnownRule, rv policy.RuleVerdict) (id string, from []string) {
	for _, f := range rv.Findings {
		switch ended := slices.Contains(old.ExemptFrom, f.Policy.ID); {
		case f.State == policy.Exempt, ended && f.State != policy.Fine && f.State != policy.Baseline:
			from = appendOnce(from, f.Policy.ID)
		}
	}
	if f := worst(rv, policy.Exempt); f != nil {
		return f.Exemption, from
	}
	if len(from) == 0 {
		return "", nil
	}
	return old.Exemption, from
}

// grew reports whether a live rule opens flows that its known value did not.
func (j *judging) grew(known policy.KnownRule, live secgroup.Rule) bool {
	if known.Rule.SameValue(live) {
		digest := listDigest(live, known)
		return digest != known.ListDigest && known.ListDigest != "" && !j.facts.IsNarrowed(&known, live)
	}
	return known.Rule.Direction != live.Direction || !known.Rule.Region().Covers(live.Region())
}

// removedSince are the rules that were known and are not live any more, with
// what was remembered before; old entries are dropped.
func (j *judging) removedSince(old, next policy.Known) map[string]policy.RemovedRule {
	removed := maps.Clone(old.Removed)
	if removed == nil {
		removed = map[string]policy.RemovedRule{}
	}
	for id, k := range old.Rules {
		if _, live := next.Rules[id]; live || secgroup.IsGroupEntry(id) {
			continue
		}
		if _, told := removed[id]; !told {
			gone := policy.RemovedRule{At: j.now, Value: k.Rule.Value()}
			// A Revoke that names no ids is remembered by the value.
			if by, told := removed[gone.Value]; !told || by.At.Before(k.Since) {
				gone.Was = missing(k, j.now)
			}
			removed[id] = gone
		}
	}
	for id := range next.Rules {
		delete(removed, id)
	}
	for id, r := range removed {
		if r.Was != nil && j.now.Sub(r.At) > missedFor {
			r.Was = nil
			removed[id] = r
		}
	}
	return prune(removed, j.now)
}

// prune drops what is too old or too much, the oldest first.
func prune(removed map[string]policy.RemovedRule, now time.Time) map[string]policy.RemovedRule {
	for id, r := range removed {
		if now.Sub(r.At) > removedKept {
			delete(removed, id)
		}
	}
	if len(removed) <= removedMost {
		return removed
	}
	ids := slices.SortedFunc(maps.Keys(removed), func(a, b string) int {
		if c := removed[a].At.Compare(removed[b].At); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	for _, id := range ids[:len(ids)-removedMost] {
		delete(removed, id)
	}
	return removed
}

// isUnread reports whether the peer is a list whose entries are not known.
func isUnread(r secgroup.Rule) bool {
	l, ok := r.Peer.(secgroup.PrefixList)
	return ok && !l.Readable
}

// listDigest is the digest of a list's entries; of a list that was not read,
// what was known; "" for other peers.
func listDigest(r secgroup.Rule, known policy.KnownRule) string {
	l, ok := r.Peer.(secgroup.PrefixList)
	if !ok {
		return ""
	}
	if !l.Readable {
		return known.ListDigest
	}
	return policy.ListDigest(l.Entries)
}

// sameItem reports whether two states of an item are equal but for the version.
func sameItem(a, b policy.Known) bool {
	a.Version, b.Version, a.OpenIncidents, b.OpenIncidents = 0, 0, nil, nil
	for _, k := range []*policy.Known{&a, &b} {
		if len(k.Removed) == 0 {
			k.Removed = nil
		}
		if len(k.Rules) == 0 {
			k.Rules = nil
		}
		if len(k.Tags) == 0 {
			k.Tags = nil
		}
	}
	return reflect.DeepEqual(a, b)
}

// without gives the texts that are not among gone; nil = none are left.
func without(texts, gone []string) (left []string) {
	for _, t := range texts {
		if !slices.Contains(gone, t) {
			left = append(left, t)
		}
	}
	return left
}

func pointer[T any](v T) *T { return &v }
