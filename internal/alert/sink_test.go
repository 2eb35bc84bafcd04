package alert_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
)

const busARN = "arn:aws:events:eu-central-1:123456789012:event-bus/sgwarden"

// called keeps calls and answers them.
type called struct {
	operations []string
	bodies     [][]byte
	answer     string
	err        error
}

func (c *called) Call(_ context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	c.operations, c.bodies = append(c.operations, operation), append(c.bodies, body)
	if c.err != nil {
		return c.err
	}
	return json.Unmarshal([]byte(c.answer), out)
}

func TestChatTopicTellsOnce(t *testing.T) {
	for name, i := range situations(t) {
		client := &topic{}
		require.NoError(t, alert.NewChatTopic(client, topicARN+"-chat").Tell(t.Context(), i))
		require.Len(t, client.published, 1)
		in := client.published[0]
		require.Equal(t, topicARN+"-chat", *in.TopicArn)
		require.Nil(t, in.MessageStructure, "the chat client takes the notification itself")
		require.Nil(t, in.Subject)
		require.JSONEq(t, string(chat(t, i)), *in.Message, name)
		require.Len(t, in.MessageAttributes, len(alert.AttributeNames()), "filters work as on the alerts")
	}
}

func TestSecurityHubTellsOnce(t *testing.T) {
	for name, i := range situations(t) {
		c := &called{answer: `{"FailedCount":0,"SuccessCount":1,"FailedFindings":[]}`}
		hub := alert.NewSecurityHub(c, home, func() time.Time { return told })
		require.NoError(t, hub.Tell(t.Context(), i))
		require.Equal(t, []string{"BatchImportFindings"}, c.operations)
		require.JSONEq(t, fmt.Sprintf(`{"Findings":[%s]}`, asJSON(t, alert.FindingOf(i, home, told))), string(c.bodies[0]), name)
	}
}

func TestBusTellsOnce(t *testing.T) {
	for name, i := range situations(t) {
		c := &called{answer: `{"FailedEntryCount":0,"Entries":[{"EventId":"e"}]}`}
		require.NoError(t, alert.NewBus(c, "bus", busARN).Tell(t.Context(), i))
		require.Equal(t, []string{"PutEvents"}, c.operations)
		var in struct {
			Entries []struct {
				Source, DetailType, Detail, EventBusName string
				Resources                                []string
			}
		}
		require.NoError(t, json.Unmarshal(c.bodies[0], &in))
		require.Len(t, in.Entries, 1)
		e := in.Entries[0]
		require.Equal(t, "sgwarden", e.Source)
		require.Equal(t, alert.DetailTypeOf(i.EventType), e.DetailType)
		require.Equal(t, busARN, e.EventBusName)
		var got incident.Incident
		require.NoError(t, json.Unmarshal([]byte(e.Detail), &got))
		require.Equal(t, i.ID, got.ID)
		require.Equal(t, i.Rules, got.Rules, name)
		if i.Resource != "" {
			require.Equal(t, []string{i.Resource}, e.Resources)
		} else {
			require.Empty(t, e.Resources)
		}
	}
}

func TestDetailTypes(t *testing.T) {
	var all []string
	for _, e := range incident.EventTypes {
		all = append(all, alert.DetailTypeOf(e))
	}
	require.Equal(t, []string{"Incident Opened", "Incident Acted", "Incident Resolved", "Incident Attributed", "Incident Contested", "Incident Reminder", "Incident Undone"}, all)
	require.Equal(t, "Incident", alert.DetailTypeOf(""))
}

func TestHugeIncidentFitsIntoAnEvent(t *testing.T) {
	i := usual()
	i.Outcome = incident.Reverted
	for n := range 2000 {
		r := ended(t, incident.Reverted, rule(t, fmt.Sprintf("sgr-%04d", n), fmt.Sprintf("ingress tcp/%d from 0.0.0.0/0", n+1)), "")
		r.Before.Description = strings.Repeat("\u202e", 255)
		i.Rules = append(i.Rules, r)
	}
	detail, err := alert.EventDetail(i)
	require.NoError(t, err)
	require.Less(t, len(detail), 250_000, "with source, type and resources below 256 KB")
	require.Greater(t, len(detail), 100_000, "no more is left out than must be")
	var got incident.Incident
	require.NoError(t, json.Unmarshal(detail, &got))
	require.Equal(t, 2000, len(got.Rules)+got.OmittedRules)
	require.Equal(t, []string{i.GroupID, i.ID}, []string{got.GroupID, got.ID}, "where the ledger has all of it")

	i.Rules, i.Notes, i.GroupTags = nil, []string{strings.Repeat("x", 1<<20)}, map[string]string{"a": strings.Repeat("y", 1<<20)}
	detail, err = alert.EventDetail(i)
	require.NoError(t, err)
	require.Less(t, len(detail), 250_000)
}

// TestSinkErrors: what an answer lists as failed is an error, although it is a
// success; every error is one of the kinds.
func TestSinkErrors(t *testing.T) {
	kinds := []error{incident.ErrDenied, incident.ErrGone, incident.ErrThrottled, incident.ErrInvalid, incident.ErrUnavailable}
	hub := func(c *called) error {
		return alert.NewSecurityHub(c, home, time.Now).Tell(t.Context(), usual())
	}
	bus := func(c *called) error { return alert.NewBus(c, "bus", busARN).Tell(t.Context(), usual()) }
	for name, c := range map[string]struct {
		tell func(*called) error
		call called
		want error
	}{
		"hub, not enabled":            {hub, called{answer: `{"FailedCount":1,"FailedFindings":[{"Id":"x","ErrorCode":"InvalidAccess","ErrorMessage":"not subscribed"}]}`}, incident.ErrDenied},
		"hub, not the format":         {hub, called{answer: `{"FailedCount":1,"FailedFindings":[{"Id":"x","ErrorCode":"InvalidInput","ErrorMessage":"no"}]}`}, incident.ErrInvalid},
		"hub, fails and says no more": {hub, called{answer: `{"FailedCount":1}`}, incident.ErrUnavailable},
		"hub, call refused":           {hub, called{err: &smithy.GenericAPIError{Code: "InvalidAccessException"}}, incident.ErrDenied},
		"hub, too many":               {hub, called{err: &smithy.GenericAPIError{Code: "LimitExceededException"}}, incident.ErrThrottled},
		"bus, denied":                 {bus, called{answer: `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"NotAuthorizedForSourceException"}]}`}, incident.ErrDenied},
		"bus, throttled":              {bus, called{answer: `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException"}]}`}, incident.ErrThrottled},
		"bus, malformed":              {bus, called{answer: `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"MalformedDetail"}]}`}, incident.ErrInvalid},
		"bus, fails and says no more": {bus, called{answer: `{"FailedEntryCount":1}`}, incident.ErrUnavailable},
		"bus, no bus":                 {bus, called{err: &smithy.GenericAPIError{Code: "ResourceNotFoundException"}}, incident.ErrGone},
		"bus, no answer":              {bus, called{err: context.DeadlineExceeded}, incident.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.tell(&c.call)
			for _, kind := range kinds {
				require.Equal(t, errors.Is(c.want, kind), errors.Is(err, kind), "%v", err)
			}
			require.Len(t, c.call.operations, 1)
		})
	}
	client := &topic{err: &smithy.GenericAPIError{Code: "AuthorizationError"}}
	require.ErrorIs(t, alert.NewChatTopic(client, topicARN).Tell(t.Context(), usual()), incident.ErrDenied)
}
