package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/events/samples"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// want is a want.json: what a sample must become.
type want struct {
	Note    string `json:"note"`
	Shape   string `json:"shape"`   // seen or inferred
	Dialect string `json:"dialect"` // classic, flat, wrapper; event and message for what is no record
	Call    string `json:"call"`

	Error string `json:"error,omitempty"` // "not watched" or "undecodable": nothing else then

	Effect          string      `json:"effect,omitempty"`
	EventID         string      `json:"eventId,omitempty"`
	SharedEventID   string      `json:"sharedEventId,omitempty"`
	RequestID       string      `json:"requestId,omitempty"`
	EventTime       string      `json:"eventTime,omitempty"`
	Account         string      `json:"account,omitempty"`
	Region          string      `json:"region,omitempty"`
	EnvelopeAccount string      `json:"envelopeAccount,omitempty"`
	EnvelopeRegion  string      `json:"envelopeRegion,omitempty"`
	ErrorCode       string      `json:"errorCode,omitempty"`
	Actor           wantActor   `json:"actor"`
	Groups          []wantGroup `json:"groups,omitempty"`
	Rules           []wantRule  `json:"rules,omitempty"`
	AnyDirection    bool        `json:"anyDirection,omitempty"`
	RulesFrom       string      `json:"rulesFrom,omitempty"`
	VPCs            []string    `json:"vpcs,omitempty"`
	Lists           []string    `json:"lists,omitempty"`
	ListVersion     int64       `json:"listVersion,omitempty"`
	Complete        bool        `json:"complete,omitempty"`
	Incomplete      string      `json:"incomplete,omitempty"` // a part of the reason
	Cause           string      `json:"cause,omitempty"`
	IncidentID      string      `json:"incidentId,omitempty"`
}

type wantActor struct {
	ARN       string `json:"arn,omitempty"`
	Type      string `json:"type,omitempty"`
	Account   string `json:"account,omitempty"`
	Session   string `json:"session,omitempty"`
	InvokedBy string `json:"invokedBy,omitempty"`
	SourceIP  string `json:"sourceIp,omitempty"`
	AccessKey string `json:"accessKey,omitempty"`
}

type wantGroup struct {
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	VPCID string `json:"vpcId,omitempty"`
}

type wantRule struct {
	Group       string `json:"group,omitempty"`
	ID          string `json:"id,omitempty"`
	Rule        string `json:"rule,omitempty"` // "" = named by id alone
	Description string `json:"description,omitempty"`
}

var effectNames = map[secgroup.Effect]string{
	secgroup.Names: "names", secgroup.Creates: "creates", secgroup.Narrows: "narrows", secgroup.Describe: "describe",
	secgroup.Indirect: "indirect", secgroup.Retags: "retags", secgroup.Attaches: "attaches", secgroup.Asks: "asks",
}

// got writes a Change the way a want.json does.
func got(c secgroup.Change) want {
	w := want{
		Call: c.EventName, Effect: effectNames[c.Effect], EventID: c.EventID, SharedEventID: c.SharedEventID, RequestID: c.RequestID,
		Account: c.AccountID, Region: c.Region, EnvelopeAccount: c.EnvelopeAccount, EnvelopeRegion: c.EnvelopeRegion,
		ErrorCode: c.ErrorCode, RulesFrom: c.RulesFrom, VPCs: c.VPCIDs, Lists: c.ListIDs, ListVersion: c.ListVersion, Complete: c.Complete,
		Incomplete: c.Incomplete, Cause: c.Cause, IncidentID: c.IncidentID,
		Actor: wantActor{c.Actor.ARN, c.Actor.Type, c.Actor.AccountID, c.Actor.Session, c.Actor.InvokedBy, c.Actor.SourceIP, c.Actor.AccessKeyID},
	}
	if !c.EventTime.IsZero() {
		w.EventTime = c.EventTime.Format(time.RFC3339)
	}
	for _, g := range c.Groups {
		w.Groups = append(w.Groups, wantGroup(g))
	}
	for _, n := range c.Rules {
		w.AnyDirection = w.AnyDirection || n.AnyDirection
		w.Rules = append(w.Rules, wantRule{n.GroupID, n.Rule.ID, ruleText(n), n.Rule.Description})
	}
	return w
}

// ruleText is the rule as text, without direction where the record has none.
func ruleText(n secgroup.NamedRule) string {
	switch {
	case !n.HasValue:
		return ""
	case n.AnyDirection:
		n.Rule.Direction = secgroup.Ingress
		return strings.TrimPrefix(n.Rule.String(), "ingress ")
	}
	return n.Rule.String()
}

func TestSamples(t *testing.T) {
	for _, s := range samples.All() {
		t.Run(s.Name, func(t *testing.T) {
			w := readWant(t, s)
			require.NotEmpty(t, w.Note)
			require.Contains(t, []string{"seen", "inferred"}, w.Shape)
			changes, err := Decode(s.Event)
			switch w.Error {
			case "not watched":
				require.ErrorIs(t, err, ErrNotWatched)
				require.Empty(t, changes)
				return
			case "undecodable":
				require.ErrorIs(t, err, ErrUndecodable)
				require.NotErrorIs(t, err, ErrNotWatched)
				require.Empty(t, changes)
				return
			}
			require.Empty(t, w.Error)
			require.NoError(t, err)
			require.Len(t, changes, 1)
			g := got(changes[0])
			require.Contains(t, g.Incomplete, w.Incomplete)
			require.Equal(t, w.Complete, g.Incomplete == "")
			g.Incomplete = w.Incomplete
			g.Note, g.Shape, g.Dialect = w.Note, w.Shape, w.Dialect
			require.Equal(t, w, g)
		})
	}
}

func readWant(t *testing.T, s samples.Sample) want {
	t.Helper()
	var w want
	d := json.NewDecoder(bytes.NewReader(s.Want))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&w), s.Name)
	return w
}

// dialectsOf says in which dialects AWS writes the record of a call, as far
// as it was seen or is to be expected. Both stand where it is not known.
var dialectsOf = map[string][]string{
	"AuthorizeSecurityGroupIngress":              {"classic", "flat"},
	"AuthorizeSecurityGroupEgress":               {"classic", "flat"},
	"ModifySecurityGroupRules":                   {"wrapper"},
	"RevokeSecurityGroupIngress":                 {"classic", "flat"},
	"RevokeSecurityGroupEgress":                  {"classic", "flat"},
	"UpdateSecurityGroupRuleDescriptionsIngress": {"classic"},
	"UpdateSecurityGroupRuleDescriptionsEgress":  {"classic"},
	"CreateSecurityGroup":                        {"classic"},
	"DeleteSecurityGroup":                        {"classic"},
	"AssociateSecurityGroupVpc":                  {"wrapper"},
	"DisassociateSecurityGroupVpc":               {"wrapper"},
	"CreateTags":                                 {"classic"},
	"DeleteTags":                                 {"classic"},
	"CreateVpc":                                  {"classic"},
	"CreateDefaultVpc":                           {"wrapper"},
	"AssociateVpcCidrBlock":                      {"classic", "wrapper"},
	"DisassociateVpcCidrBlock":                   {"classic", "wrapper"},
	"CreateManagedPrefixList":                    {"wrapper"},
	"ModifyManagedPrefixList":                    {"wrapper"},
	"RestoreManagedPrefixListVersion":            {"wrapper"},
	"DeleteManagedPrefixList":                    {"wrapper"},
	"AcceptVpcPeeringConnection":                 {"classic", "wrapper"},
	"RunInstances":                               {"classic"},
	"CreateNetworkInterface":                     {"classic"},
	"ModifyNetworkInterfaceAttribute":            {"classic"},
	"ModifyInstanceAttribute":                    {"classic"},
}

func TestEveryWatchedCallHasASampleOfEachDialect(t *testing.T) {
	have := map[string]bool{}
	for _, s := range samples.All() {
		if w := readWant(t, s); w.Error == "" {
			have[w.Call+" "+w.Dialect] = true
		}
	}
	for _, c := range Calls() {
		require.NotEmpty(t, dialectsOf[c.EventName], "no dialect is known of %s", c.EventName)
		for _, d := range dialectsOf[c.EventName] {
			assert.True(t, have[c.EventName+" "+d], "no sample of %s in the %s dialect", c.EventName, d)
		}
	}
	require.Len(t, dialectsOf, len(Calls()), "a dialect of a call that is not watched")
}

// TestDialectsOfSamples holds the label of each sample against its shape.
func TestDialectsOfSamples(t *testing.T) {
	for _, s := range samples.All() {
		w := readWant(t, s)
		doc, bad := parse(s.Event)
		require.Nil(t, bad, s.Name)
		rec := doc
		if d := doc.get("detail"); d.kind == object {
			rec = d
		}
		request := rec.get("requestParameters")
		dialect := "classic"
		switch {
		case doc.get("source").string() == OwnSource:
			dialect = "message"
		case rec.get("eventName").kind == absent:
			dialect = "event"
		case request.get(w.Call+"Request").kind != absent:
			dialect = "wrapper"
		case request.get("ipPermissions").kind == object && request.get("ipPermissions").empty():
			dialect = "flat"
		}
		assert.Equal(t, w.Dialect, dialect, s.Name)
	}
}

// TestSamplesInALogFile puts all samples into one file: none costs another.
func TestSamplesInALogFile(t *testing.T) {
	var file bytes.Buffer
	file.WriteString(`{"Records":[`)
	wanted, odd := 0, 0
	for i, s := range samples.All() {
		if i > 0 {
			file.WriteString(",\n")
		}
		file.Write(s.Event)
		switch readWant(t, s).Error {
		case "":
			wanted++
		case "undecodable":
			odd++
		}
	}
	file.WriteString(`]}`)
	changes, err := Decode(file.Bytes())
	require.Len(t, changes, wanted)
	require.ErrorIs(t, err, ErrUndecodable)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	require.Len(t, joined.Unwrap(), odd)
}

func TestDemoStories(t *testing.T) {
	live := map[string]string{} // value by rule id, as the stories leave it
	n, failed := 0, 0
	var calls []string
	var last time.Time
	for d := range Each(samples.Demo()) {
		n++
		require.NoError(t, d.Err, "record %d", d.Record)
		c := d.Change
		require.True(t, c.Complete, "record %d: %s", d.Record, c.Incomplete)
		require.Equal(t, c.AccountID, c.EnvelopeAccount)
		require.True(t, c.EventTime.After(last), "record %d is older than the one before it", d.Record)
		last = c.EventTime
		require.NotEmpty(t, c.Actor.ARN)
		calls = append(calls, c.EventName)
		if c.ErrorCode != "" {
			failed++
			continue
		}
		for _, r := range c.Rules {
			id := r.Rule.ID
			switch c.EventName {
			case "ModifySecurityGroupRules":
				require.Contains(t, live, id, "record %d modifies a rule that no story added", d.Record)
			case "RevokeSecurityGroupIngress":
				require.Equal(t, live[id], ruleText(r), "record %d revokes a rule that no story added", d.Record)
				delete(live, id)
				continue
			default:
				require.NotContains(t, live, id)
			}
			live[id] = ruleText(r)
		}
	}
	require.Equal(t, 14, n)
	require.Equal(t, 1, failed)
	require.Subset(t, calls, []string{"CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules", "RevokeSecurityGroupIngress", "ModifyManagedPrefixList"})
}

// ExampleDecode shows the one call that most users of the package need.
func ExampleDecode() {
	for _, s := range samples.All() {
		if s.Name != "authorize-ingress-flat-v4" {
			continue
		}
		changes, err := Decode(s.Event)
		if errors.Is(err, ErrNotWatched) {
			return
		}
		for _, c := range changes {
			fmt.Println(c.EventName, c.Groups[0].ID, c.Rules[0].Rule.ID, c.Rules[0].Rule)
		}
	}
	// Output: AuthorizeSecurityGroupIngress sg-0a5e1f00000000002 sgr-0b7c2d00000000002 ingress tcp/22 from 0.0.0.0/0
}
