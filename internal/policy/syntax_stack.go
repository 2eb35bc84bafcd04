package policy

// stackSyntax is `stack` of the settings: what the stack is made with. Keys
// with one value may also come from the context of the CDK (ParseOptions).
type stackSyntax struct {
	mapping      `json:"-"`
	Name         stackName          `json:"name" jsonschema_description:"name of the CloudFormation stack, and what the names of its rules and alarms begin with; Sgwarden if left out"`
	Email        emailAddress       `json:"email" jsonschema_description:"address that gets all alerts and all alarms, once it has confirmed; nobody if left out"`
	Alerts       []alertsSyntax     `json:"alerts" jsonschema_description:"who gets alerts, or those of them that a filter lets through"`
	Alarms       []subscriberSyntax `json:"alarms" jsonschema_description:"who gets the alarms: what is wrong with the deployment itself"`
	Key          keyARN             `json:"key" jsonschema_description:"ARN of the KMS key of queues, topics, table, logs and event bus, in the region of the stack, or of a multi-Region key (mrk-); if left out, SQS, CloudWatch Logs and EventBridge use keys of their own, DynamoDB that of AWS in the account, and topics are not encrypted"`
	LogDays      wholeNumber        `json:"logDays" jsonschema_description:"days that logs are kept, one of the numbers that CloudWatch Logs takes; 365 if left out"`
	Concurrency  wholeNumber        `json:"concurrency" jsonschema_description:"how many batches of changes are judged at once, from 2 to 1000; 5 if left out: EC2 refills five revokes a second"`
	Architecture word               `json:"architecture" jsonschema:"enum=arm64,enum=x86_64" jsonschema_description:"arm64 or x86_64, which the functions must have been built for; that of the build if left out"`
	Operator     roleARN            `json:"operator" jsonschema_description:"ARN of a role that may put dead letters back into the queue (sgwarden redrive); nobody if left out"`
	Attachments  truth              `json:"attachments" jsonschema_description:"true: guard is told of calls that put groups on interfaces, which are many; false if left out"`
	Canary       truth              `json:"canary" jsonschema_description:"false: without the canary and its VPC; true if left out"`
	Chat         truth              `json:"chat" jsonschema_description:"true: a topic of its own for Amazon Q Developer in chat applications; false if left out"`
	SecurityHub  truth              `json:"securityHub" jsonschema_description:"true: incidents are findings of Security Hub, which must be on in the account and region; false if left out"`
	EventBus     truth              `json:"eventBus" jsonschema_description:"true: incidents are events on a bus of the stack's own; false if left out"`

	Organisation *organisationSyntax `json:"organisation" jsonschema_description:"the account of an organisation that hears of everything; none if left out"`
}

// organisationSyntax names the hub. An account that is told of incidents may do
// nothing for it.
type organisationSyntax struct {
	mapping `json:"-"`
	ID      organisationID `json:"id" jsonschema:"required" jsonschema_description:"id of the AWS organisation, as o-abcde12345: its members alone may tell the hub, and they tell only what belongs to it"`
	Hub     accountID      `json:"hub" jsonschema:"required" jsonschema_description:"id of the account with the hub's stack, in quotes; it may be this account"`
}

// subscriberSyntax is one endpoint: it has exactly one of these keys.
type subscriberSyntax struct {
	mapping `json:"-"`
	Email   emailAddress `json:"email" jsonschema_description:"an address, which has to confirm"`
	HTTPS   httpsURL     `json:"https" jsonschema_description:"a URL that gets SNS's own messages, signed, and has to confirm"`
	Queue   queueARN     `json:"queue" jsonschema_description:"ARN of an SQS queue, not a FIFO one, whose own policy lets the topic send"`
}

// alertsSyntax is an endpoint that may have a filter.
type alertsSyntax struct {
	subscriberSyntax
	Filter *filterSyntax `json:"filter" jsonschema_description:"only alerts that meet all of these keys; of the values of a key one is enough"`
}

// filterSyntax are the conditions of `sgwarden alert filter`. team-* is a
// prefix, !sandbox everything but.
type filterSyntax struct {
	mapping     `json:"-"`
	Severity    []word `json:"severity" jsonschema_description:"info, low, medium, high, critical"`
	MinSeverity word   `json:"minSeverity" jsonschema:"enum=info,enum=low,enum=medium,enum=high,enum=critical" jsonschema_description:"this severity or worse"`
	Policy      []word `json:"policy" jsonschema_description:"ids of policies, one of which is violated"`
	Account     []word `json:"account" jsonschema_description:"account ids, 12 digits, in quotes"`
	Region      []word `json:"region" jsonschema_description:"regions"`
	Outcome     []word `json:"outcome" jsonschema_description:"outcomes, such as not-reverted"`
	Mode        []word `json:"mode" jsonschema_description:"observe, enforce"`
	Team        []word `json:"team" jsonschema_description:"values of the group's tag team, which whoever may tag the group chooses"`
	EventType   []word `json:"eventType" jsonschema_description:"opened, acted, resolved, attributed, contested, reminder, undone"`
}
