package policy

import (
	"strings"
)

// subscribers gives those of both topics. The address email is on both.
func (p *folderReader) subscribers(s *stackSyntax, check CheckFilter) (alerts, alarms []Subscriber) {
	onAlerts, onAlarms := map[Endpoint]position{}, map[Endpoint]position{}
	if s.Email.text != "" {
		everybody := Subscriber{Endpoint: Endpoint{"email", s.Email.text}}
		alerts, alarms = []Subscriber{everybody}, []Subscriber{everybody}
		onAlerts[everybody.folded()], onAlarms[everybody.folded()] = s.Email.position, s.Email.position
	}
	for i := range s.Alerts {
		a := &s.Alerts[i]
		if e, ok := p.endpoint(&a.subscriberSyntax, onAlerts); ok {
			alerts = append(alerts, Subscriber{e, p.filter(a.Filter, check)})
		}
	}
	for i := range s.Alarms {
		if e, ok := p.endpoint(&s.Alarms[i], onAlarms); ok {
			alarms = append(alarms, Subscriber{Endpoint: e})
		}
	}
	for _, topic := range []struct {
		name string
		many int
	}{{"alerts", len(alerts)}, {"alarms", len(alarms)}} {
		if topic.many > mostSubscribers {
			p.fault(s.key(topic.name), "subscribe a queue or a topic of your own, and spread from there", "%s has more than %d subscribers", topic.name, mostSubscribers)
		}
	}
	return alerts, alarms
}

// endpoint gives the one endpoint of a subscriber. taken are those of its topic.
func (p *folderReader) endpoint(s *subscriberSyntax, taken map[Endpoint]position) (Endpoint, bool) {
	var found []Endpoint
	var at []position
	for _, one := range []struct {
		protocol string
		of       word
	}{{"email", s.Email.word}, {"https", s.HTTPS.word}, {"sqs", s.Queue.word}} {
		if one.of.given() {
			found, at = append(found, Endpoint{one.protocol, one.of.text}), append(at, one.of.position)
		}
	}
	switch {
	case len(found) == 0 && (s.key("email").given() || s.key("https").given() || s.key("queue").given()):
		return Endpoint{}, false // its fault is reported already
	case len(found) == 0:
		p.fault(s.position, "add email, https or queue", "a subscriber without an endpoint")
		return Endpoint{}, false
	case len(found) > 1:
		p.fault(at[1], "write an entry for each", "a subscriber has one endpoint, not %d", len(found))
		return Endpoint{}, false
	}
	e := found[0]
	if before, twice := taken[e.folded()]; twice {
		p.fault(at[0], "remove one of them", "SNS takes an endpoint once for each topic, and this one is subscribed at %s", before)
		return Endpoint{}, false
	}
	taken[e.folded()] = at[0]
	return e, true
}

// folded is the endpoint as it is compared: two spellings of one mailbox are one.
func (e Endpoint) folded() Endpoint {
	if e.Protocol == "email" {
		e.Address = strings.ToLower(e.Address)
	}
	return e
}

// filter gives the conditions of a filter; nil without one.
func (p *folderReader) filter(f *filterSyntax, check CheckFilter) []Condition {
	if f == nil {
		return nil
	}
	var conditions []Condition
	var places [][]position
	for _, key := range f.keys() {
		if len(key.values) == 0 {
			continue
		}
		var at []position
		for _, v := range key.values {
			at = append(at, v.position)
		}
		conditions, places = append(conditions, Condition{key.name, texts(key.values)}), append(places, at)
	}
	p.filteredPolicies(f.Policy)
	if check == nil || len(conditions) == 0 && len(f.pairs) > 0 { // the faults of its keys are reported already
		return conditions
	}
	for _, fault := range check(conditions) {
		at := f.position
		if fault.Condition >= 0 {
			at = places[fault.Condition][fault.Value]
		}
		p.fault(at, "", "%v", fault.Err)
	}
	return conditions
}

type filterKey struct {
	name   string
	values []word
}

// keys are the keys of a filter, with no value where they are not given.
func (f *filterSyntax) keys() []filterKey {
	var least []word
	if f.MinSeverity.text != "" {
		least = []word{f.MinSeverity}
	}
	return []filterKey{
		{"severity", f.Severity},
		{"minSeverity", least},
		{"policy", f.Policy},
		{"account", f.Account},
		{"region", f.Region},
		{"outcome", f.Outcome},
		{"mode", f.Mode},
		{"team", f.Team},
		{"eventType", f.EventType},
	}
}

// filteredPolicies faults policies that there are not: no alert would come.
func (p *folderReader) filteredPolicies(policies []word) {
	for _, w := range policies {
		id := strings.ToLower(w.text)
		if id == "" || strings.HasPrefix(id, "!") {
			continue // CheckFilter has an answer
		}
		if stem, isPrefix := strings.CutSuffix(id, "*"); isPrefix {
			on := false
			for known, f := range p.byID {
				on = on || !f.off && strings.HasPrefix(known, stem)
			}
			if !on {
				p.fault(w.position, "sgwarden policies lists what is on", "no policy that is on begins with %q", stem)
			}
			continue
		}
		switch f, ok := p.byID[id]; {
		case !ok:
			p.fault(w.position, p.policyHint(w), "unknown policy %q", w.text)
		case f.off:
			p.warn(w.position, "remove it", "policy %s is off: nothing is said of it", w.text)
		}
	}
}
