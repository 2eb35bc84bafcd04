package incident

import (
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// document is the public JSON form of an Incident: the source of
// docs/reference/incident.schema.json. Pointers are nullable, every key is
// always present.
type document struct {
	SchemaVersion string               `json:"schemaVersion" jsonschema:"enum=1" jsonschema_description:"Version of this document. Keys may be added within a version; none changes its meaning."`
	IncidentID    *string              `json:"incidentId" jsonschema:"nullable" jsonschema_description:"The same for every message about this incident; null where there is none (compliant and ignored changes)."`
	EventType     *string              `json:"eventType" jsonschema:"nullable,enum=opened,enum=acted,enum=resolved,enum=attributed,enum=contested,enum=reminder,enum=undone" jsonschema_description:"Why this message was sent. With incidentId it identifies the message."`
	Outcome       *string              `json:"outcome" jsonschema_description:"The worst outcome of the rules."`
	Reason        string               `json:"reason" jsonschema_description:"More about the outcome, in a word or a sentence."`
	Fallback      string               `json:"fallback" jsonschema_description:"Why a rule was removed although it was to be narrowed or put back; empty where it was not."`
	Mode          *string              `json:"mode" jsonschema:"nullable,enum=observe,enum=enforce" jsonschema_description:"In observe mode nothing is ever changed."`
	Severity      *string              `json:"severity" jsonschema:"nullable,enum=info,enum=low,enum=medium,enum=high,enum=critical" jsonschema_description:"The highest severity of the violated policies."`
	Policies      []string             `json:"policies" jsonschema_description:"Ids of the violated policies, the most severe first."`
	Violations    []violationDocument  `json:"violations" jsonschema_description:"The same policies, with what a reader needs of them."`
	Standing      []standingDocument   `json:"standing" jsonschema_description:"Rules that violate a policy but stand: they were there before the policy was."`
	AccountID     string               `json:"accountId"`
	Region        string               `json:"region"`
	Resource      string               `json:"resource" jsonschema_description:"ARN of the group."`
	GroupID       string               `json:"groupId"`
	GroupName     string               `json:"groupName" jsonschema_description:"Chosen by whoever made the group: do not trust it."`
	VPCID         string               `json:"vpcId"`
	GroupTags     map[string]string    `json:"groupTags" jsonschema_description:"Chosen by whoever may tag the group: do not trust them."`
	Rules         []ruleDocument       `json:"rules" jsonschema_description:"The rules that were judged, by id."`
	Actor         actorDocument        `json:"actor"`
	APICall       string               `json:"apiCall" jsonschema_description:"Name of the call; empty where no event told."`
	EventID       string               `json:"eventId" jsonschema_description:"CloudTrail's eventID; empty where no event told."`
	Cause         string               `json:"cause" jsonschema_description:"Why the group was judged: event, sweep, retry, settle, after, blocks."`
	OpenedAt      *time.Time           `json:"openedAt" jsonschema:"nullable" jsonschema_description:"When the call was made, as CloudTrail has it."`
	LearntAt      *time.Time           `json:"learntAt" jsonschema:"nullable" jsonschema_description:"When sgwarden first judged it."`
	ClosedAt      *time.Time           `json:"closedAt" jsonschema:"nullable" jsonschema_description:"When the group was read back and found right; null while the incident is open."`
	Sessions      sessionsDocument     `json:"sessions"`
	Would         []string             `json:"would" jsonschema_description:"Observe mode: what enforce mode would have called."`
	Actions       []string             `json:"actions" jsonschema_description:"What was called, with the answer."`
	Notes         []string             `json:"notes" jsonschema_description:"Facts for the reader, one sentence each."`
	List          *listChangeDocument  `json:"list,omitempty" jsonschema_description:"The prefix list that the incident is about; absent where it is about a group."`
	Superseded    []supersededDocument `json:"superseded,omitempty" jsonschema_description:"Changes of these rules that came before the one that the incident is about, and of which records told late; absent where there is none. At most 10."`
	OmittedRules  int                  `json:"omittedRules" jsonschema:"minimum=0" jsonschema_description:"How many rules were left out of this copy because of its size; the ledger has them all."`
}

// storedDocument adds what only the ledger needs.
type storedDocument struct {
	document
	Published []string `json:"published"`
	Owed      []string `json:"owed,omitempty"`
	Untold    bool     `json:"actorUntold,omitempty"`
	// RemindedAt is absent where no reminder was sent.
	RemindedAt *time.Time `json:"remindedAt,omitempty"`
	// Told are the eventIds of the superseded changes that messages told of.
	Told    []string                   `json:"told,omitempty"`
	Planned map[string]plannedDocument `json:"planned,omitempty"`
	Chain   string                     `json:"chain"`
	Status  string                     `json:"status"`
}

type plannedDocument struct {
	After    []valueDocument `json:"after"`
	Restored bool            `json:"restored"`
}

func newPlannedDocuments(planned map[string]Planned) map[string]plannedDocument {
	all := map[string]plannedDocument{}
	for id, p := range planned {
		d := plannedDocument{After: []valueDocument{}, Restored: p.Restored}
		for _, r := range p.After {
			d.After = append(d.After, newValueDocument(r))
		}
		all[id] = d
	}
	return all
}

func readPlanned(documents map[string]plannedDocument) (map[string]Planned, error) {
	var all map[string]Planned
	for id, d := range documents {
		p := Planned{Restored: d.Restored}
		for _, v := range d.After {
			r, err := v.rule()
			if err != nil {
				return nil, fmt.Errorf("decode what was planned of %s: %w", id, err)
			}
			p.After = append(p.After, r)
		}
		if all == nil {
			all = map[string]Planned{}
		}
		all[id] = p
	}
	return all, nil
}

type violationDocument struct {
	Policy   string              `json:"policy"`
	Title    string              `json:"title"`
	Severity *string             `json:"severity" jsonschema:"nullable,enum=info,enum=low,enum=medium,enum=high,enum=critical"`
	Why      string              `json:"why"`
	Fix      string              `json:"fix"`
	File     string              `json:"file"`
	Line     int                 `json:"line" jsonschema:"minimum=0"`
	Controls map[string][]string `json:"controls" jsonschema_description:"Controls of published standards that the policy covers, by standard."`
}

// standingDocument is a rule that has no outcome.
type standingDocument struct {
	ID        string          `json:"id" jsonschema_description:"sgr-...; empty where it is not known. GROUP/POLICY, without direction and value, where something is said of the group itself."`
	Direction *string         `json:"direction" jsonschema:"nullable,enum=ingress,enum=egress"`
	Before    *valueDocument  `json:"before" jsonschema:"nullable" jsonschema_description:"The rule as it was judged; null where it is not known."`
	After     []valueDocument `json:"after" jsonschema_description:"What is left of it, as read back; empty where it is gone."`
	Excess    []string        `json:"excess" jsonschema_description:"Exactly what was too much, as the fewest rules in text."`
	Omitted   int             `json:"omittedExcess" jsonschema:"minimum=0" jsonschema_description:"How many rules were left out of excess because of its length; 0 = it is complete."`
	Policies  []string        `json:"policies" jsonschema_description:"Ids of the policies that it violates."`
	Lacks     []string        `json:"lacks" jsonschema_description:"What policies require and do not find, one sentence each."`
	Reason    string          `json:"reason"`
}

type ruleDocument struct {
	standingDocument
	Outcome  *string `json:"outcome"`
	GroupID  string  `json:"groupId,omitempty" jsonschema_description:"The rule's group, where the incident is about a prefix list."`
	Restored bool    `json:"restored" jsonschema_description:"Its earlier value was put back."`
	Fallback string  `json:"fallback"`
}

// valueDocument is a security group rule. The names are those of EC2's
// SecurityGroupRule, in lower camel case.
type valueDocument struct {
	ID          string             `json:"id" jsonschema_description:"sgr-...; empty where it is not known."`
	Text        string             `json:"text" jsonschema_description:"The rule as text, as the command line reads and prints it: ingress tcp/22 from 0.0.0.0/0."`
	Direction   *string            `json:"direction" jsonschema:"nullable,enum=ingress,enum=egress"`
	Protocol    string             `json:"protocol" jsonschema_description:"tcp, udp, icmp, icmpv6, a protocol number, or -1 for all, as EC2 has it."`
	FromPort    int32              `json:"fromPort" jsonschema:"minimum=-1,maximum=65535" jsonschema_description:"First port, or ICMP type; -1 = all."`
	ToPort      int32              `json:"toPort" jsonschema:"minimum=-1,maximum=65535" jsonschema_description:"Last port, or ICMP code; -1 = all."`
	CIDRIPv4    string             `json:"cidrIpv4,omitempty"`
	CIDRIPv6    string             `json:"cidrIpv6,omitempty"`
	List        *listDocument      `json:"prefixList,omitempty"`
	ListID      string             `json:"prefixListId,omitempty"`
	Reference   *referenceDocument `json:"referencedGroup,omitempty"`
	Description string             `json:"description" jsonschema_description:"Chosen by whoever made the rule: do not trust it."`
	Tags        map[string]string  `json:"tags" jsonschema_description:"Chosen by whoever may tag the rule: do not trust them."`
}

// listDocument is what is known of a prefix list beside its id; its entries
// are not kept.
type listDocument struct {
	Name    string `json:"name"`
	OwnerID string `json:"ownerId"`
	Version int64  `json:"version" jsonschema_description:"0 = not known."`
	Refused string `json:"refused" jsonschema_description:"Why the entries could not be read; empty where they could."`
}

type referenceDocument struct {
	GroupID   string `json:"groupId"`
	AccountID string `json:"accountId" jsonschema_description:"Empty: the account of the group itself."`
	PeeringID string `json:"vpcPeeringConnectionId"`
}

type actorDocument struct {
	ARN         string `json:"arn" jsonschema_description:"The role with its path, or the user; what policies match."`
	Type        string `json:"type"`
	AccountID   string `json:"accountId"`
	Session     string `json:"session" jsonschema_description:"Role session name. Chosen by the caller: do not trust it."`
	InvokedBy   string `json:"invokedBy" jsonschema_description:"The service that made the call for the actor or on its own; empty = none."`
	SourceIP    string `json:"sourceIp"`
	UserAgent   string `json:"userAgent" jsonschema_description:"Chosen by the caller: do not trust it."`
	AccessKeyID string `json:"accessKeyId"`
	Attributed  bool   `json:"attributed" jsonschema_description:"Whether a record names this actor for these rules."`
}

type sessionsDocument struct {
	Tracked           string `json:"tracked" jsonschema:"enum=none,enum=tracked,enum=untracked,enum=mixed,enum=unknown" jsonschema_description:"Whether EC2 tracks the connections that were let in: tracked ones outlive the rule. none = nothing was let in."`
	MaySurviveSeconds int    `json:"maySurviveSeconds" jsonschema:"minimum=0" jsonschema_description:"How long an idle connection can live on at worst; 0 = it is cut at once."`
	Basis             string `json:"basis" jsonschema:"enum=none,enum=group,enum=interfaces" jsonschema_description:"What that was derived from: the rules of this group alone, or of all groups of its interfaces."`
}

// none is how documents write the zero Sessions.
const none = "none"

func newSessionsDocument(s Sessions) sessionsDocument {
	if s == (Sessions{}) {
		return sessionsDocument{Tracked: none, Basis: none}
	}
	return sessionsDocument(s)
}

func (d sessionsDocument) sessions() Sessions {
	if d.Tracked == none {
		return Sessions{}
	}
	return Sessions(d)
}

func newActorDocument(a Actor) actorDocument {
	return actorDocument{a.ARN, a.Type, a.AccountID, a.Session, a.InvokedBy, a.SourceIP, a.UserAgent, a.AccessKeyID, a.Attributed}
}

func (d actorDocument) actor() Actor {
	return Actor{secgroup.Actor{
		ARN: d.ARN, Type: d.Type, AccountID: d.AccountID, Session: d.Session, InvokedBy: d.InvokedBy,
		SourceIP: d.SourceIP, UserAgent: d.UserAgent, AccessKeyID: d.AccessKeyID,
	}, d.Attributed}
}

func newViolationDocument(p PolicyNote) violationDocument {
	return violationDocument{
		Policy: p.ID, Title: p.Title, Severity: nullable(p.Severity.String()), Why: p.Why, Fix: p.Fix,
		File: p.File, Line: p.Line, Controls: orEmptyMap(p.Controls),
	}
}

func (d violationDocument) policyNote() (PolicyNote, error) {
	severity, err := nullableSeverity(d.Severity)
	return PolicyNote{
		ID: d.Policy, Title: d.Title, Severity: severity, Why: d.Why, Fix: d.Fix,
		File: d.File, Line: d.Line, Controls: orNilMap(d.Controls),
	}, err
}
