package policy

// The types of this file are the policy language as it is written: the reader
// takes keys, required keys and closed lists of words from their tags, and the
// JSON Schema is generated from the same tags.

// policySyntax is `kind: Policy`.
type policySyntax struct {
	mapping    `json:"-"`
	APIVersion word                        `json:"apiVersion" jsonschema:"required,enum=sgwarden/v1" jsonschema_description:"the version of the language"`
	Kind       word                        `json:"kind" jsonschema:"required,enum=Policy" jsonschema_description:"what the document is"`
	Metadata   *metadataSyntax             `json:"metadata" jsonschema:"required" jsonschema_description:"what the policy is called, and why it is there"`
	Intent     word                        `json:"intent" jsonschema:"enum=universal,enum=chosen" jsonschema_description:"universal (default), or chosen: off until a deployment gives it a scope"`
	Scope      *scopeSyntax                `json:"scope" jsonschema_description:"the groups that the policy is about; nothing = every group"`
	Forbid     []forbidSyntax              `json:"forbid" jsonschema_description:"a rule violates where it overlaps one of these boxes"`
	AllowOnly  *allowOnlySyntax            `json:"allowOnly" jsonschema_description:"forbids within but these; outside of within nothing is judged"`
	Require    []requireSyntax             `json:"require" jsonschema_description:"what is no region: of the rules that where touches, or, without where, of the group itself"`
	OnChange   *onChangeSyntax             `json:"onChange" jsonschema_description:"judges calls themselves, whatever they open"`
	Tolerate   *tolerateSyntax             `json:"tolerate" jsonschema_description:"how many addresses may be open, in the union of a group's rules; those of 64:ff9b::/96 (NAT64) within both bounds, as IPv6 and as the IPv4 that they stand for"`
	Except     possiblyEmpty[exceptSyntax] `json:"except" jsonschema_description:"actors whose rules are not judged"`
	Mode       word                        `json:"mode" jsonschema:"enum=observe,enum=enforce" jsonschema_description:"may lower the deployment's mode, never raise it"`
	Remedy     *remedySyntax               `json:"remedy" jsonschema_description:"what is done about a violation; revert if left out"`
}

type metadataSyntax struct {
	mapping  `json:"-"`
	ID       policyID      `json:"id" jsonschema:"required" jsonschema_description:"unique; lower-case letters, digits and -"`
	Title    word          `json:"title" jsonschema:"required" jsonschema_description:"what holds where the policy is kept, in one line"`
	Severity word          `json:"severity" jsonschema:"required,enum=info,enum=low,enum=medium,enum=high,enum=critical" jsonschema_description:"info, low, medium, high or critical: goes into alerts, and decides what is held back in doubt"`
	Maturity word          `json:"maturity" jsonschema:"enum=stable,enum=preview" jsonschema_description:"stable (default) or preview"`
	Checks   []word        `json:"checks" jsonschema_description:"ids of the checks that the policy covers"`
	Controls keyed[[]word] `json:"controls" jsonschema_description:"controls of standards that the policy satisfies, by standard"`
	Why      word          `json:"why" jsonschema_description:"why it matters; part of every alert"`
	Fix      word          `json:"fix" jsonschema_description:"what to do instead; part of every alert"`
}

// scopeSyntax selects groups: all conditions hold, values of one are alternatives.
type scopeSyntax struct {
	conditionsSyntax
	Not *conditionsSyntax `json:"not" jsonschema_description:"groups for which all of these hold are left out"`
}

type conditionsSyntax struct {
	mapping  `json:"-"`
	Groups   *groupsSyntax `json:"groups" jsonschema_description:"groups by name, id, tag, or as default groups"`
	VPCs     []vpcID       `json:"vpcs" jsonschema_description:"ids of VPCs"`
	Accounts []accountID   `json:"accounts" jsonschema_description:"account ids, 12 digits, in quotes"`
	Regions  []regionName  `json:"regions" jsonschema_description:"names of regions, as eu-west-1"`
	UsedBy   []usedBy      `json:"usedBy" jsonschema_description:"kinds of network interfaces by type (load_balancer, lambda, ...) or by owner (amazon-elb, amazon-redshift, ...): some interface that uses the group is one; under not: all are, or nothing uses it"`
}

type groupsSyntax struct {
	mapping `json:"-"`
	Names   []word        `json:"names" jsonschema_description:"globs with * and ?; count only as far as the deployment trusts them"`
	IDs     []groupID     `json:"ids" jsonschema_description:"ids of groups"`
	Tags    keyed[[]word] `json:"tags" jsonschema_description:"values by tag key; count only for keys that the deployment trusts"`
	Default truth         `json:"default" jsonschema_description:"true: default groups only; false: no default groups"`
}

// flowSyntax is the protocols and ports of a box. Nothing means everything.
type flowSyntax struct {
	Protocols []protocolName `json:"protocols" jsonschema_description:"tcp, udp, icmp, icmpv6, all, or numbers; with ports: tcp and udp if left out"`
	Ports     []portRange    `json:"ports" jsonschema_description:"22 or 5900-5999; of tcp and udp"`
	ICMP      []icmpType     `json:"icmp" jsonschema_description:"TYPE or TYPE/CODE, of IPv4"`
	ICMP6     []icmpType     `json:"icmp6" jsonschema_description:"TYPE or TYPE/CODE, of IPv6"`
}

// outerBox is a box that says everything itself.
type outerBox struct {
	mapping   `json:"-"`
	Direction word `json:"direction" jsonschema:"required,enum=ingress,enum=egress,enum=both" jsonschema_description:"ingress, egress or both"`
	flowSyntax
	Peers []peerSyntax `json:"peers" jsonschema:"required" jsonschema_description:"whom rules let in or out to: internet, private, vpc, addresses, references, any, self, blocks, set:NAME, pl-..., aws:NAME, or groups"`
}

// innerBox is a box within another: it inherits what it leaves out.
type innerBox struct {
	mapping   `json:"-"`
	Direction word `json:"direction" jsonschema:"enum=ingress,enum=egress,enum=both" jsonschema_description:"ingress, egress or both; inherited if left out"`
	flowSyntax
	Peers []peerSyntax `json:"peers" jsonschema_description:"peers, as of the box around; inherited if left out"`
}

type forbidSyntax struct {
	outerBox
	When word       `json:"when" jsonschema:"enum=whole" jsonschema_description:"whole: only if the union of the group's rules covers all protocols and ports of the box for some peer"`
	But  []innerBox `json:"but" jsonschema_description:"what is left out of the box; inherits what it omits"`
}

type allowOnlySyntax struct {
	mapping `json:"-"`
	Within  *outerBox  `json:"within" jsonschema:"required" jsonschema_description:"what is judged"`
	These   []innerBox `json:"these" jsonschema:"required" jsonschema_description:"what is allowed; inherits from within what it omits"`
}

// requireSyntax is about rules where it has `where`, else about the group.
type requireSyntax struct {
	mapping      `json:"-"`
	Where        *outerBox       `json:"where" jsonschema_description:"the rules that it is about: those that touch this box; nothing = the group itself"`
	Description  truth           `json:"description" jsonschema_description:"true: the rule, or the group, has a description"`
	NotDescribed []word          `json:"notDescribed" jsonschema_description:"globs, regardless of case, that the description must not match"`
	MaxPorts     wholeNumber     `json:"maxPorts" jsonschema_description:"how many ports of tcp or udp the rule may open; with where"`
	MaxPrefix    *prefixesSyntax `json:"maxPrefix" jsonschema_description:"the widest block that the rule may name; a family without a bound is free; with where"`
	References   word            `json:"references" jsonschema:"enum=alive" jsonschema_description:"alive: the group that the rule names is there, and its peering; with where"`
	Elastic      word            `json:"elastic" jsonschema:"enum=own" jsonschema_description:"own: every address of the rule is an elastic IP address of the account in its region; with where"`
	Tags         []word          `json:"tags" jsonschema_description:"keys of tags that the group must have, with a value; without where"`
	NotNamed     []word          `json:"notNamed" jsonschema_description:"globs, regardless of case, that the name of the group must not match; without where"`
	MaxRules     wholeNumber     `json:"maxRules" jsonschema_description:"how many rules the group may have, of both directions; without where"`
	Attached     truth           `json:"attached" jsonschema_description:"true: the group is on a network interface; false: on none; without where"`
	Distinct     word            `json:"distinct" jsonschema:"enum=identical,enum=covered" jsonschema_description:"identical: no other group of the VPC opens the same; covered: nor all that it opens and more; groups without ingress are let be; without where"`
	MaxGroups    wholeNumber     `json:"maxGroups" jsonschema_description:"how many groups the account may have in the region; without where"`
	Grace        timeSpan        `json:"grace" jsonschema_description:"how long the group may be otherwise: from when that was first seen; without where"`
}

// requiredSyntax is what an override may change of `require`.
type requiredSyntax struct {
	mapping      `json:"-"`
	NotDescribed []word          `json:"notDescribed" jsonschema_description:"in place of the globs of descriptions"`
	MaxPorts     wholeNumber     `json:"maxPorts" jsonschema_description:"in place of the number of ports"`
	MaxPrefix    *prefixesSyntax `json:"maxPrefix" jsonschema_description:"in place of the widest blocks"`
	Tags         []word          `json:"tags" jsonschema_description:"in place of the keys of tags"`
	NotNamed     []word          `json:"notNamed" jsonschema_description:"in place of the globs of names"`
	MaxRules     wholeNumber     `json:"maxRules" jsonschema_description:"in place of the number of rules"`
	MaxGroups    wholeNumber     `json:"maxGroups" jsonschema_description:"in place of the number of groups"`
	Grace        timeSpan        `json:"grace" jsonschema_description:"in place of the time"`
}

type prefixesSyntax struct {
	mapping `json:"-"`
	IPv4    prefixLength4 `json:"ipv4" jsonschema_description:"/1 to /32"`
	IPv6    prefixLength6 `json:"ipv6" jsonschema_description:"/1 to /128"`
}

type onChangeSyntax struct {
	mapping `json:"-"`
	Calls   []callName    `json:"calls" jsonschema:"required" jsonschema_description:"names of watched calls, or any alone"`
	Unless  *unlessSyntax `json:"unless" jsonschema_description:"whose calls are left out"`
}

type unlessSyntax struct {
	mapping    `json:"-"`
	Actors     []actorPattern `json:"actors" jsonschema:"required" jsonschema_description:"ARNs of roles and users; * matches neither / nor :"`
	UserAgents []word         `json:"userAgents" jsonschema_description:"globs: of these actors only calls with such a user agent are left out; it is the caller's own word, and leaves out nothing by itself"`
}

type tolerateSyntax struct {
	prefixesSyntax
	Per word `json:"per" jsonschema:"enum=group,enum=rule" jsonschema_description:"group (default): the union of the group's rules; rule: each rule alone"`
}

type exceptSyntax struct {
	mapping `json:"-"`
	Actors  []actorPattern `json:"actors" jsonschema:"required" jsonschema_description:"ARNs of roles and users; * matches neither / nor :"`
	Reason  word           `json:"reason" jsonschema:"required" jsonschema_description:"why"`
	Until   dayText        `json:"until" jsonschema_description:"the last day, UTC"`
}

// remedySyntax is one word, or a mapping.
type remedySyntax struct {
	mapping `json:"-"`
	Do      word        `json:"do" jsonschema:"required,enum=revert,enum=narrow,enum=tag,enum=alert" jsonschema_description:"revert takes back what a change opened; narrow keeps what complies; tag and alert change nothing that is open"`
	After   timeSpan    `json:"after" jsonschema_description:"30s, 15m, 72h: how long to wait from when the rule first broke the policy, however it grows since; at most 30 days, with onChange 15 minutes"`
	To      []cidrText  `json:"to" jsonschema_description:"narrow: the addresses that may stay"`
	Parts   wholeNumber `json:"parts" jsonschema_description:"narrow: how many rules may be new; 1 if left out"`
	OnList  word        `json:"onList" jsonschema:"enum=rule" jsonschema_description:"rule: where a prefix list grew and cannot lose what was added, the entries that it had become rules, and the rule that refers to it goes; left out: that is only alerted; with revert and narrow"`
}

// peerSyntax is one word, or a mapping.
type peerSyntax struct {
	Text   word
	Groups *groupPeerSyntax
}

type groupPeerSyntax struct {
	mapping `json:"-"`
	Groups  []groupGlob `json:"groups" jsonschema_description:"group ids, or globs on them; nothing = every group of the account"`
	Account peerAccount `json:"account" jsonschema_description:"self, any (default), or 12 digits"`
}

// settingsSyntax is `kind: Settings`.
type settingsSyntax struct {
	mapping    `json:"-"`
	APIVersion word                           `json:"apiVersion" jsonschema:"required,enum=sgwarden/v1" jsonschema_description:"the version of the language"`
	Kind       word                           `json:"kind" jsonschema:"required,enum=Settings" jsonschema_description:"what the document is"`
	Mode       word                           `json:"mode" jsonschema:"enum=observe,enum=enforce" jsonschema_description:"the lowest of this, the environment and the policy counts"`
	Packs      possiblyEmpty[word]            `json:"packs" jsonschema_description:"embedded packs that are on beside the policies of this folder"`
	Sets       keyed[possiblyEmpty[setEntry]] `json:"sets" jsonschema_description:"named lists of CIDRs and set:NAME; internal is not the internet"`
	AWSRanges  keyed[rangesSyntax]            `json:"awsRanges" jsonschema_description:"sets that hold public addresses of AWS, by name, from a file ip-ranges.json beside the settings"`
	Trusted    *trustedSyntax                 `json:"trusted" jsonschema_description:"tags and names that a scope may rest on"`
	Overrides  keyed[overrideSyntax]          `json:"overrides" jsonschema_description:"changes to policies, by id"`
	Exemptions possiblyEmpty[exemptionSyntax] `json:"exemptions" jsonschema_description:"deviations that somebody accepted, each for a time"`
	Settle     timeSpan                       `json:"settle" jsonschema_description:"how long the default egress of a new group may stand; 30s if left out"`
	LedgerDown word                           `json:"ledgerDown" jsonschema:"enum=revoke,enum=hold" jsonschema_description:"what happens to severe violations while the ledger is down; revoke if left out"`
	Fuse       *fuseSyntax                    `json:"fuse" jsonschema_description:"an hour's bound on what one policy may touch"`
	Stack      *stackSyntax                   `json:"stack" jsonschema_description:"what make deploy makes the stack with"`
}

// rangesSyntax picks from the ranges that AWS publishes.
type rangesSyntax struct {
	mapping  `json:"-"`
	File     word   `json:"file" jsonschema:"required" jsonschema_description:"ip-ranges.json, as AWS publishes it, in the policy folder"`
	Services []word `json:"services" jsonschema_description:"as EC2 or AMAZON; nothing = all"`
	Regions  []word `json:"regions" jsonschema_description:"as eu-central-1 or GLOBAL; nothing = all"`
}

type trustedSyntax struct {
	mapping `json:"-"`
	Tags    possiblyEmpty[word] `json:"tags" jsonschema_description:"tag keys"`
	Names   possiblyEmpty[word] `json:"names" jsonschema_description:"globs on group names"`
}

// overrideSyntax is what a deployment changes of one policy: docs/design/0020.
type overrideSyntax struct {
	mapping  `json:"-"`
	Off      truth                          `json:"off" jsonschema_description:"true: the policy is not judged; stands alone"`
	Severity word                           `json:"severity" jsonschema:"enum=info,enum=low,enum=medium,enum=high,enum=critical" jsonschema_description:"in place of the policy's own"`
	Remedy   *remedySyntax                  `json:"remedy" jsonschema_description:"in place of the policy's own"`
	Mode     word                           `json:"mode" jsonschema:"enum=observe,enum=enforce" jsonschema_description:"may lower the policy's mode, never raise it"`
	Scope    *scopeSyntax                   `json:"scope" jsonschema_description:"in place of the policy's own; a scope without not keeps the policy's not, and one of not alone its conditions; not: {} leaves no group out"`
	Ports    []portRange                    `json:"ports" jsonschema_description:"in place of the policy's own, where one of its boxes names ports; of others use but"`
	But      []innerBox                     `json:"but" jsonschema_description:"what is left out of every box, beside the policy's own exceptions"`
	Sets     keyed[possiblyEmpty[setEntry]] `json:"sets" jsonschema_description:"what sets hold for this policy alone; set:NAME in one is that of the settings"`
	Tolerate *tolerateSyntax                `json:"tolerate" jsonschema_description:"in place of the policy's own"`
	Require  *requiredSyntax                `json:"require" jsonschema_description:"values in place of those of the one entry that has the key"`
	Unless   *unlessSyntax                  `json:"unless" jsonschema_description:"in place of that of the policy's onChange"`
	Except   possiblyEmpty[exceptSyntax]    `json:"except" jsonschema_description:"actors whose rules are not judged, beside the policy's own"`
}

type exemptionSyntax struct {
	mapping `json:"-"`
	ID      word       `json:"id" jsonschema:"required" jsonschema_description:"unique; alerts and explain name it"`
	Policy  policyID   `json:"policy" jsonschema:"required" jsonschema_description:"id of the policy"`
	Group   groupID    `json:"group" jsonschema:"required" jsonschema_description:"id of the group"`
	Rules   []ruleText `json:"rules" jsonschema_description:"the flows that are exempt; nothing = all of the group"`
	Owner   word       `json:"owner" jsonschema:"required" jsonschema_description:"who answers for it"`
	Reason  word       `json:"reason" jsonschema:"required" jsonschema_description:"why it is accepted"`
	Ticket  word       `json:"ticket" jsonschema_description:"where it was decided; lint asks for it"`
	Until   dayText    `json:"until" jsonschema:"required" jsonschema_description:"the last day, UTC"`
}

type fuseSyntax struct {
	mapping `json:"-"`
	Groups  wholeNumber `json:"groups" jsonschema_description:"groups touched without an event of their own; 10 if left out"`
	Actors  wholeNumber `json:"actors" jsonschema_description:"actors reverted; 25 if left out"`
}

// testsSyntax is `kind: Tests`.
type testsSyntax struct {
	mapping    `json:"-"`
	APIVersion word                  `json:"apiVersion" jsonschema:"required,enum=sgwarden/v1" jsonschema_description:"the version of the language"`
	Kind       word                  `json:"kind" jsonschema:"required,enum=Tests" jsonschema_description:"what the document is"`
	Policy     policyID              `json:"policy" jsonschema:"required" jsonschema_description:"id of the policy that is tested"`
	Lists      keyed[testListSyntax] `json:"lists" jsonschema_description:"what prefix lists hold that the rules name, by id; others cannot be read"`
	Sets       keyed[[]cidrText]     `json:"sets" jsonschema_description:"what sets hold that the policy names, for its tests"`
	Cases      []caseSyntax          `json:"cases" jsonschema:"required" jsonschema_description:"rules, and what the policy says of them"`
}

type testListSyntax struct {
	mapping `json:"-"`
	Name    word       `json:"name" jsonschema_description:"com.amazonaws...: a list of AWS"`
	Entries []cidrText `json:"entries" jsonschema:"required" jsonschema_description:"blocks that it holds"`
}

type caseSyntax struct {
	mapping   `json:"-"`
	Name      word             `json:"name" jsonschema:"required" jsonschema_description:"what the case shows"`
	Check     word             `json:"check" jsonschema_description:"the check, of those of the policy, that the case stands for"`
	Group     *testGroupSyntax `json:"group" jsonschema_description:"the group that the rules stand in"`
	Dead      []groupID        `json:"dead" jsonschema_description:"groups that rules of the case name and that are gone"`
	Elastic   []cidrText       `json:"elastic" jsonschema_description:"elastic IP addresses of the account, as blocks of one"`
	Actor     word             `json:"actor" jsonschema_description:"ARN of who made the rules or calls; nothing = nobody known"`
	Described word             `json:"described" jsonschema_description:"the description of the rules; nothing = none"`
	Want      word             `json:"want" jsonschema:"enum=pass,enum=exempt,enum=fail" jsonschema_description:"what the policy says of the group itself, with all rules of the case in it"`
	Agent     word             `json:"userAgent" jsonschema_description:"of the calls of the case"`
	Together  truth            `json:"together" jsonschema_description:"true: all rules of the case stand in one group, in this order: pass, exempt, fail"`

	Exemption *exemptedSyntax `json:"exemption" jsonschema_description:"what the group is exempt from: all, or rules"`
	Pass      []testEntry     `json:"pass" jsonschema_description:"what complies: rules, calls by name (onChange), or event:FILE, a CloudTrail record beside this file"`
	Exempt    []testEntry     `json:"exempt" jsonschema_description:"what violates, and is exempt"`
	Fail      []testEntry     `json:"fail" jsonschema_description:"what violates"`
	Excess    []ruleText      `json:"excess" jsonschema_description:"what is too much of the rules that violate, together; nothing = not asked"`
	Remaining *restSyntax     `json:"remaining" jsonschema_description:"what the remedy leaves of the rules that violate, together: nothing, or rules; no key = not asked"`
	Outcome   word            `json:"outcome" jsonschema:"enum=reverted,enum=narrowed,enum=tagged,enum=alerted,enum=observed,enum=pending" jsonschema_description:"how each of what violates ends, were it enforced; nothing = not asked"`
}

type testGroupSyntax struct {
	mapping     `json:"-"`
	ID          groupID      `json:"id" jsonschema_description:"sg-00000000 if left out"`
	Name        word         `json:"name" jsonschema_description:"test if left out; default makes it a default group"`
	Description word         `json:"description" jsonschema_description:"that of the group"`
	Tags        keyed[word]  `json:"tags" jsonschema_description:"values by key"`
	VPC         vpcID        `json:"vpc" jsonschema_description:"vpc-00000000 if left out"`
	Account     accountID    `json:"account" jsonschema_description:"123456789012 if left out"`
	Region      regionName   `json:"region" jsonschema_description:"us-east-1 if left out"`
	Blocks      []cidrText   `json:"blocks" jsonschema_description:"CIDRs of the group's VPC"`
	Attached    truth        `json:"attached" jsonschema_description:"whether it is on a network interface"`
	UsedBy      []usedBy     `json:"usedBy" jsonschema_description:"the network interfaces that it is on, each by its type or owner, as scopes name them"`
	Others      [][]ruleText `json:"others" jsonschema_description:"other groups of its VPC, each by its rules"`
	OfRegion    wholeNumber  `json:"ofRegion" jsonschema_description:"how many groups the region has; 1 and others if left out"`
	Rules       wholeNumber  `json:"rules" jsonschema_description:"how many harmless rules it has beside those of the case"`
	For         timeSpan     `json:"for" jsonschema_description:"how long it has been as it is"`
}
