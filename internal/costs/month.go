package costs

import "math"

// Counts are what one thing of a month takes, as it was counted.
type Counts struct {
	Invocations int // of the function
	Calls       int // to AWS, each a wait of the function
	EC2         int // of them; they cost nothing
	ReadUnits   int // of DynamoDB
	WriteUnits  int
	Publishes   int
	QueueCalls  int // of the function
}

// Counted are the counts that a month is made of.
type Counted struct {
	Fine      Counts // a change that no policy can be concerned by
	Violation Counts // a change that is taken back, the record of the own call included
	Sweep     Counts // a pass over SweptGroups groups in which nothing is due
	// SweptGroups is how many groups the sweep was counted with.
	SweptGroups int
	// Metrics and Alarms are how many the stack has.
	Metrics, Alarms int
}

// What is assumed where nothing can be counted here; the page says so.
const (
	violationsIn    = 100   // one change in so many is a violation
	secondsACall    = 0.03  // the wait for one call to AWS
	memoryGB        = 0.25  // of guard and sweep
	logBytes        = 2_000 // that a judged change writes, metrics included
	traced          = 0.05  // of the runs (Lambda's default sampling)
	itemBytes       = 2_000 // that a violation leaves in the ledger, for a year
	sweepsAMonth    = 4 * 24 * 30
	canariesAMonth  = 2 * 24 * 30
	pollsAMonth     = 5 * 3 * 60 * 24 * 30 // five pollers of Lambda, each waiting 20 s at a time
	requestsAChange = 3                    // of the queue: sent, received, deleted

	// For the others. custodianSeconds and custodianGB are of one run of one
	// policy (recorded in docs/performance.md; c7n's default memory).
	rulesOfOthers    = 4 // as many as the pack baseline has policies
	custodianSeconds = 0.738
	custodianGB      = 0.5
	automationSteps  = 2
)

// Line is a part of a bill.
type Line struct {
	What    string
	Dollars float64
}

// Bill is what a month costs.
type Bill struct {
	Who     string
	Lines   []Line
	Changes int
}

// Total is the sum of the lines.
func (b Bill) Total() float64 {
	sum := 0.0
	for _, l := range b.Lines {
		sum += l.Dollars
	}
	return sum
}

// Ours is the bill of a month of changes.
func Ours(c Counted, changes int) Bill {
	n := float64(changes)
	bad := n / violationsIn
	of := func(get func(Counts) int) float64 {
		return (n-bad)*float64(get(c.Fine)) + bad*float64(get(c.Violation)) + sweepsAMonth*float64(get(c.Sweep))
	}
	runs := of(func(c Counts) int { return c.Invocations })
	seconds := of(func(c Counts) int { return c.Calls }) * secondsACall
	messages := of(func(c Counts) int { return c.Publishes })
	return Bill{Who: "sgwarden", Changes: changes, Lines: []Line{
		{"Lambda", runs*LambdaRequest + seconds*memoryGB*LambdaARM},
		{"DynamoDB", of(func(c Counts) int { return c.ReadUnits })*ReadUnit + of(func(c Counts) int { return c.WriteUnits })*WriteUnit + bad*itemBytes/1e9*Stored},
		{"SQS", (pollsAMonth + requestsAChange*runs + of(func(c Counts) int { return c.QueueCalls })) * QueueRequest},
		{"SNS, one e-mail each", messages * (Publish + Email)},
		{"Logs", runs * logBytes / 1e9 * LogGB},
		{"Traces", runs * traced * Trace},
		{"Metrics, alarms, dashboard", float64(c.Metrics)*MetricMonth + float64(c.Alarms)*AlarmMonth + DashboardMonth},
	}}
}

// Others are the bills of those who do something of the same: of their public
// prices only, without logs, alarms and storage.
func Others(changes int) []Bill {
	n := float64(changes)
	bad := n / violationsIn
	config := []Line{
		{"Config items", n * ConfigItem},
		{"Config evaluations", evaluations(n * rulesOfOthers)},
	}
	return []Bill{
		{Who: "AWS Config rules with remediation", Changes: changes, Lines: append(config[:2:2], Line{"Automation", bad * automationSteps * AutomationStep})},
		{Who: "Firewall Manager, one audit policy", Changes: changes, Lines: append(config[:2:2], Line{"Policy", FirewallManager})},
		{Who: "Cloud Custodian, one function a policy", Changes: changes, Lines: []Line{
			{"Lambda", n * rulesOfOthers * (LambdaRequest + custodianSeconds*custodianGB*LambdaX86)},
		}},
	}
}

// evaluations are what so many cost, in Config's steps.
func evaluations(n float64) float64 {
	first, second := math.Min(n, 100_000), math.Min(math.Max(n-100_000, 0), 400_000)
	return first*0.001 + second*0.0008 + math.Max(n-500_000, 0)*0.0005
}
