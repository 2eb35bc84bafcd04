package events

import "slices"

// DetailType is the detail-type of EventBridge events that carry a CloudTrail
// record of an API call (EventBridge user guide, "Events from AWS services via
// CloudTrail").
const DetailType = "AWS API Call via CloudTrail"

// Pattern is an EventBridge event pattern: an event matches if each field has
// one of the listed values. Its JSON form is what EventBridge takes.
type Pattern struct {
	Source     []string      `json:"source"` // aws.ec2
	DetailType []string      `json:"detail-type"`
	Detail     DetailPattern `json:"detail"`
}

// DetailPattern is the part of a Pattern that looks at the record.
type DetailPattern struct {
	EventSource []string `json:"eventSource"`
	EventName   []string `json:"eventName"`
}

// RuleNames gives the EventBridge rules that have calls, in the order of the
// table.
func RuleNames() []RuleName {
	var names []RuleName
	for _, c := range calls {
		if !slices.Contains(names, c.Rule) {
			names = append(names, c.Rule)
		}
	}
	return names
}

// PatternOf gives the pattern that delivers the calls of one EventBridge
// rule, and false if no call belongs to it. Failed calls match as well: the
// decoder tells them apart, and they are worth a line in the log. Where a rule
// has calls of several sources the pattern lets their cross product pass; what
// is not in the table is ignored by name.
func PatternOf(rule RuleName) (Pattern, bool) {
	p := Pattern{DetailType: []string{DetailType}}
	for _, c := range calls {
		if c.Rule != rule {
			continue
		}
		p.Detail.EventName = append(p.Detail.EventName, c.EventName)
		if !slices.Contains(p.Detail.EventSource, c.EventSource) {
			p.Detail.EventSource = append(p.Detail.EventSource, c.EventSource)
			p.Source = append(p.Source, busSource(c.EventSource))
		}
	}
	return p, len(p.Detail.EventName) > 0
}

// busSource gives the `source` under which EventBridge delivers the records
// of a service: ec2.amazonaws.com comes as aws.ec2.
func busSource(eventSource string) string {
	for i := range len(eventSource) {
		if eventSource[i] == '.' {
			return "aws." + eventSource[:i]
		}
	}
	return "aws." + eventSource
}
