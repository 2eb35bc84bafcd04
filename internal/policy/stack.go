package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Stack is the block stack of the settings, with its defaults filled in: what
// the stack of a deployment is made with. No function reads it.
type Stack struct {
	Name string // of the CloudFormation stack
	Mode Mode   // what the settings, or what lies over them, say; never 0
	// Alerts and Alarms are the subscribers of the two topics, each endpoint once.
	Alerts, Alarms []Subscriber
	Key            StackKey
	LogDays        int
	Concurrency    int    // batches that are judged at once
	Architecture   string // "arm64" or "x86_64"; "" = that of the build
	Operator       string // ARN of a role that may put dead letters back; "" = nobody may
	Attachments    bool   // guard is told of calls that put groups on interfaces
	Canary         bool
	// Sinks beside the alerts.
	Chat, SecurityHub, EventBus bool
	Organisation                Organisation
}

// Organisation is who hears of every account. The zero value is nobody.
type Organisation struct {
	ID  string // o-...
	Hub string // account with the hub's stack
}

// StackKey is a customer's KMS key. The zero value is none.
type StackKey struct {
	ARN string
	// Account and ID are those of the ARN. An ID that begins with mrk- is a
	// multi-Region key: its replica in the region of the stack is meant.
	Account, ID string
}

// MultiRegion reports whether the key has replicas in other regions.
func (k StackKey) MultiRegion() bool { return strings.HasPrefix(k.ID, "mrk-") }

// Subscriber is who gets what a topic is told.
type Subscriber struct {
	Endpoint
	Filter []Condition // nil = everything
}

// Endpoint is where SNS sends to.
type Endpoint struct {
	Protocol string // as SNS has it: email, https or sqs
	Address  string // an address, a URL, or the ARN of a queue
}

// Condition is one key of a filter, with the values that it may have.
type Condition struct {
	Key    string // as the settings write it: severity, minSeverity, ...
	Values []string
}

// CheckFilter says what is wrong with a filter: of one value of one condition
// (both indexes count), or, with Condition -1, of the filter as a whole.
type CheckFilter func([]Condition) []FilterFault

// FilterFault is what CheckFilter finds.
type FilterFault struct {
	Condition, Value int
	Err              error
}

// ParseOptions are what is known of a deployment beside its files. The zero
// value is nothing.
type ParseOptions struct {
	// Over are values that count instead of those of the block stack, by key, as
	// the context of the CDK has them (-c key=value): texts, numbers and truth
	// values. The name of the stack is "stack" there; "mode" is that of the
	// settings. yes and no are truth values too.
	Over  map[string]any
	Known []string // keys of the context that are somebody else's, for hints
	// Region is where the stack goes; "" = not known. What has to be in the
	// region or partition of the stack is held to it.
	Region string
	// Account is likewise that of the stack; "" = not known.
	Account string
	// Filters checks filters; nil = they are taken as they are. What SNS takes
	// is not known here.
	Filters CheckFilter
}

const (
	defaultLogDays = 365
	// DefaultConcurrency is enough for the five revokes a second that EC2 refills
	// (devguide/ec2-api-throttling); more would only be throttled, and take from
	// what the account's people may call.
	DefaultConcurrency = 5
	// The bounds are Lambda's (SQS event sources, MaximumConcurrency).
	leastConcurrency, mostConcurrency = 2, 1000
	// mostSubscribers is how many filter policies a topic may have (SNS quotas).
	mostSubscribers = 200
)

// logDays are the retentions that CloudWatch Logs takes (PutRetentionPolicy).
var logDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// stack resolves the block stack, and what lies over it.
func (p *folderReader) stack(s *settingsSyntax, o ParseOptions) {
	written := s.Stack
	if written == nil {
		written = &stackSyntax{}
	}
	mode := p.layOver(written, o)
	st := Stack{
		Name: "Sgwarden", Mode: max(p.out.Deployment.Mode, Observe), LogDays: defaultLogDays, Concurrency: DefaultConcurrency,
		Architecture: written.Architecture.text, Operator: written.Operator.text,
		Attachments: written.Attachments.isTrue(),
		Canary:      written.Canary.value == nil || *written.Canary.value,
		Chat:        written.Chat.isTrue(), SecurityHub: written.SecurityHub.isTrue(), EventBus: written.EventBus.isTrue(),
	}
	if o := written.Organisation; o != nil {
		st.Organisation = Organisation{ID: o.ID.text, Hub: o.Hub.text}
	}
	if mode.text != "" {
		if modeOf(mode) == Enforce && s.Mode.text == "observe" {
			p.fault(mode.position, "leave it out, or write mode: enforce at "+s.Mode.String(), "the settings say observe, and the lower mode counts: nothing would be enforced")
		}
		st.Mode = modeOf(mode)
	}
	if written.Name.text != "" {
		st.Name = written.Name.text
	}
	if d := written.LogDays; d.value != 0 {
		st.LogDays = d.value
		if !slices.Contains(logDays, d.value) {
			p.fault(d.position, "write "+nearestDays(d.value), "CloudWatch Logs cannot keep logs for %d days", d.value)
		}
	}
	if c := written.Concurrency; c.value != 0 {
		st.Concurrency = c.value
		if c.value < leastConcurrency || c.value > mostConcurrency {
			p.fault(c.position, fmt.Sprintf("write a number from %d to %d", leastConcurrency, mostConcurrency), "Lambda cannot judge %d batches at once", c.value)
		}
	}
	if k := written.Key; k.partition != "" {
		st.Key = StackKey{ARN: k.text, Account: k.account, ID: strings.TrimPrefix(k.resource, "key/")}
	}
	p.placed(written, st.Key, o.Region)
	p.ofTheAccount(written, o.Account)
	if owner, taken := busesOfOthers[st.Name]; taken && st.EventBus {
		p.fault(written.Name.position, "give the stack another name, or leave eventBus out", "an event bus cannot be called %q: that is %s", st.Name, owner)
	}
	st.Alerts, st.Alarms = p.subscribers(written, o.Filters)
	p.out.Stack = st
}

// busesOfOthers are names that the stack's own bus, which is called like the
// stack, cannot have.
var busesOfOthers = map[string]string{"default": "the account's own", "sgwarden-hub": "the organisation's hub"}

// ofTheAccount holds the operator to the account of the stack: the queue lets
// nobody of another one in.
func (p *folderReader) ofTheAccount(s *stackSyntax, account string) {
	if o := s.Operator; o.partition != "" && account != "" && o.account != account {
		p.fault(o.position, "name a role of "+account+", as with -c operator=ARN, or leave it out", "the operator is a role of account %s, and the stack goes to %s, whose queue would let it send nothing", o.account, account)
	}
}

// nearestDays names the retentions around one that there is not.
func nearestDays(days int) string {
	i, _ := slices.BinarySearch(logDays, days)
	switch {
	case i == 0:
		return fmt.Sprint(logDays[0])
	case i == len(logDays):
		return fmt.Sprint(logDays[i-1])
	}
	return fmt.Sprintf("%d or %d", logDays[i-1], logDays[i])
}

// placed holds what the stack names to one partition, and the key to its region.
func (p *folderReader) placed(s *stackSyntax, key StackKey, region string) {
	var first *arnText
	for _, a := range s.arns() {
		switch {
		case a.partition == "":
		case region != "" && a.partition != PartitionOf(region):
			p.fault(a.position, "it must be in the partition of the stack", "it is in partition %s, and the stack goes to %s, of partition %s", a.partition, region, PartitionOf(region))
		case region == "" && first != nil && a.partition != first.partition:
			p.fault(a.position, "the stack, and all that it names, is in one partition", "it is in partition %s, and %s is in %s", a.partition, first.String(), first.partition)
		case first == nil:
			first = a
		}
	}
	if k := s.Key; k.partition != "" && region != "" && k.partition == PartitionOf(region) && k.region != region && !key.MultiRegion() {
		p.fault(k.position, "name a key of "+region+", or a multi-Region key (mrk-) with a replica there", "the key is in %s, and the stack goes to %s", k.region, region)
	}
}

// arns are all that the block names.
func (s *stackSyntax) arns() []*arnText {
	all := []*arnText{&s.Key.arnText, &s.Operator.arnText}
	for i := range s.Alerts {
		all = append(all, &s.Alerts[i].Queue.arnText)
	}
	for i := range s.Alarms {
		all = append(all, &s.Alarms[i].Queue.arnText)
	}
	return slices.DeleteFunc(all, func(a *arnText) bool { return !a.given() })
}
