package policydiff

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// dimension is one thing that policies can tell cases apart by: the name of a
// group, one of its tags, the actor, the time. Its values are classes: no
// policy tells two members of one apart.
type dimension struct {
	about  about
	labels []label // of features
	values []value
	// of gives the features of a case, of a time its value.
	of func(policy.Case) []bool
}

type about uint8

const (
	aboutGroup about = iota
	aboutActor
	aboutTime
)

// label says of a value whether it has a feature.
type label struct{ is, isNot string }

// value is a class, with its features in the order of the labels.
type value struct {
	features []bool
	set      func(*policy.Case) // puts a member of the class into a case
	from     time.Time          // aboutTime: when the class begins; zero = it has begun
}

// TooManyError is returned where policies tell more kinds of groups, actors
// and times apart than can be looked at one by one.
type TooManyError struct{ What string }

func (e *TooManyError) Error() string {
	return "compare policies: their scopes tell too many " + e.What + " apart"
}

// What EC2 allows (API reference, CreateSecurityGroup; Tag), and ids that
// stand for "any other one".
const (
	longestName  = 255
	longestTag   = 256
	longestARN   = 2048
	someGroup    = "sg-0123456789abcdef0"
	someVPC      = "vpc-0123456789abcdef0"
	someAccount  = "123456789012"
	otherAccount = "210987654321"
	someRegion   = "eu-central-1"
	serviceType  = "AWSService" // of an actor (CloudTrail, userIdentity element)
)

// dimensionsOf gives the dimensions in which policies with these words differ.
func dimensionsOf(w policy.Words, now time.Time) ([]dimension, error) {
	names, err := nameDimension(w)
	if err != nil {
		return nil, err
	}
	out := []dimension{names}
	for _, key := range slices.Sorted(maps.Keys(w.Tags)) {
		d, err := tagDimension(key, w.Tags[key])
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	out = append(out,
		listed("group ", w.IDs, []string{someGroup, "sg-0fedcba9876543210", "sg-00112233445566778"}, func(c *policy.Case) *string { return &c.Group.ID }),
		listed("in ", w.VPCs, []string{someVPC, "vpc-0fedcba9876543210"}, func(c *policy.Case) *string { return &c.Group.VPCID }),
		listed("of account ", w.Accounts, []string{someAccount, otherAccount, "111122223333"}, func(c *policy.Case) *string { return &c.Group.AccountID }),
		listed("in ", w.Regions, []string{someRegion, "us-east-1", "xx-nowhere-1"}, func(c *policy.Case) *string { return &c.Group.Region }))
	use, err := useDimension(w.UsedBy)
	if err != nil {
		return nil, err
	}
	out = append(out, use)
	actors, err := actorDimension(w)
	if err != nil {
		return nil, err
	}
	out = append(out, actors, timeDimension(w.Ends, now))
	return out, nil
}

func nameDimension(w policy.Words) (dimension, error) {
	d := dimension{}
	q := texts{shortest: 1, longest: longestName, nice: []string{"any-group", "some-group"}}
	for _, glob := range w.Names {
		q.patterns = append(q.patterns, globPattern(glob, "", true))
		d.labels = append(d.labels, label{"named like " + glob, "not named like " + glob})
	}
	for _, glob := range w.ExactNames {
		q.patterns = append(q.patterns, globPattern(glob, "", false))
		d.labels = append(d.labels, label{"named like " + glob + " in just this case", "not named like " + glob + " in just this case"})
	}
	if w.Default {
		q.patterns = append(q.patterns, globPattern("default", "", false))
		d.labels = append(d.labels, label{"default groups", "not a default group"})
		q.nice = append(q.nice, "default")
	}
	found, ok := q.classes()
	if !ok {
		return d, &TooManyError{"names of groups"}
	}
	d.of = func(c policy.Case) []bool { return matchesOf(q.patterns, c.Group.Name) }
	for _, m := range found {
		d.values = append(d.values, value{features: m.matches, set: func(c *policy.Case) { c.Group.Name = m.text }})
	}
	return d, nil
}

// tagDimension: a tag that is not there is like one whose value nobody names.
func tagDimension(key string, globs []string) (dimension, error) {
	d := dimension{}
	q := texts{longest: longestTag}
	for _, glob := range globs {
		q.patterns = append(q.patterns, globPattern(glob, "", false))
		d.labels = append(d.labels, label{fmt.Sprintf("with tag %s like %s", key, glob), fmt.Sprintf("without tag %s like %s", key, glob)})
	}
	found, ok := q.classes()
	if !ok {
		return d, &TooManyError{"values of tag " + key}
	}
	d.of = func(c policy.Case) []bool {
		if text, ok := c.Group.Tags[key]; ok {
			return matchesOf(q.patterns, text)
		}
		return make([]bool, len(globs))
	}
	d.values = []value{{features: make([]bool, len(globs)), set: func(*policy.Case) {}}}
	for _, m := range found {
		if slices.Contains(m.matches, true) {
			d.values = append(d.values, value{features: m.matches, set: func(c *policy.Case) {
				c.Group.Tags = maps.Clone(c.Group.Tags)
				c.Group.Tags[key] = m.text
			}})
		}
	}
	return d, nil
}

// listed is a dimension of ids: each that is named, and any other one.
func listed(before string, named, others []string, field func(*policy.Case) *string) dimension {
	d := dimension{of: func(c policy.Case) []bool {
		out := make([]bool, len(named))
		for i, id := range named {
			out[i] = *field(&c) == id
		}
		return out
	}}
	for _, id := range named {
		d.labels = append(d.labels, label{before + id, "not " + before + id})
	}
	others = slices.DeleteFunc(slices.Clone(others), func(id string) bool { return slices.Contains(named, id) })
	for i, id := range append(slices.Clone(named), others[0]) {
		features := make([]bool, len(named))
		if i < len(named) {
			features[i] = true
		}
		d.values = append(d.values, value{features: features, set: func(c *policy.Case) { *field(c) = id }})
	}
	return d
}

const (
	byService    = "by an AWS service"
	notByService = "not by an AWS service"
)

// actorDimension tells somebody from nobody known only where it matters.
func actorDimension(w policy.Words) (dimension, error) {
	d := dimension{about: aboutActor}
	if len(w.Actors) == 0 && !w.Service {
		d.values = []value{{set: func(*policy.Case) {}}}
		d.of = func(policy.Case) []bool { return nil }
		return d, nil
	}
	d.labels = []label{{"where no record tells by whom", "where a record tells by whom"}, {byService, notByService}}
	by := func(features []bool, a secgroup.Actor) value {
		return value{features: features, set: func(c *policy.Case) { c.By = &secgroup.Attribution{Actor: a} }}
	}
	none := make([]bool, len(w.Actors))
	d.values = []value{{features: append([]bool{true, false}, none...), set: func(*policy.Case) {}}}
	if w.Service {
		d.values = append(d.values, by(append([]bool{false, true}, none...), secgroup.Actor{Type: serviceType}))
	}
	q := texts{longest: longestARN, must: []pattern{globPattern("arn:?*", "", false)}, nice: []string{
		"arn:aws:iam::" + someAccount + ":role/somebody", "arn:aws:iam::" + someAccount + ":user/somebody",
	}}
	for _, glob := range w.Actors {
		q.nice = append(q.nice, strings.NewReplacer("::*:", "::"+someAccount+":", "*", "somebody", "?", "x").Replace(glob))
		q.patterns = append(q.patterns, globPattern(glob, "/:", false))
		d.labels = append(d.labels, label{"by " + glob, "not by " + glob})
	}
	found, ok := q.classes()
	if !ok {
		return d, &TooManyError{"actors"}
	}
	d.of = func(c policy.Case) []bool {
		if c.By == nil {
			return d.values[0].features
		}
		service := w.Service && c.By.Actor.Type == serviceType
		return append([]bool{false, service}, matchesOf(q.patterns, c.By.Actor.ARN)...)
	}
	for _, m := range found {
		d.values = append(d.values, by(append([]bool{false, false}, m.matches...), secgroup.Actor{ARN: m.text, Type: "AssumedRole"}))
	}
	return d, nil
}

// timeDimension is now, and from each end on.
func timeDimension(ends []time.Time, now time.Time) dimension {
	d := dimension{about: aboutTime, values: []value{{set: func(c *policy.Case) { c.Now = now }}}}
	for _, end := range ends {
		if end.After(now) {
			d.values = append(d.values, value{from: end, set: func(c *policy.Case) { c.Now = end }})
		}
	}
	d.of = func(c policy.Case) []bool {
		out := make([]bool, len(d.values))
		for i, v := range d.values {
			out[i] = !v.from.After(c.Now) && (i+1 == len(d.values) || d.values[i+1].from.After(c.Now))
		}
		return out
	}
	return d
}

// holds reports whether a case has one of the chosen values.
func (d dimension) holds(chosen []bool, c policy.Case) bool {
	features := d.of(c)
	for i, v := range d.values {
		same := slices.Equal(v.features, features)
		if d.about == aboutTime {
			same = features[i]
		}
		if same {
			return chosen[i]
		}
	}
	return false
}
