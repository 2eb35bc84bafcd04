package warden

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
)

// damaged gives a record with something in its detail changed.
func damaged(t *testing.T, body []byte, change func(event, detail map[string]any)) []byte {
	t.Helper()
	var event map[string]any
	require.NoError(t, json.Unmarshal(body, &event))
	detail, ok := event["detail"].(map[string]any)
	require.True(t, ok)
	change(event, detail)
	out, err := json.Marshal(event)
	require.NoError(t, err)
	return out
}

func TestFault12PartsAreMissingOrOfAWrongKind(t *testing.T) {
	response := func(detail map[string]any) map[string]any {
		items := detail["responseElements"].(map[string]any)["securityGroupRuleSet"].(map[string]any)["items"].([]any)
		return items[0].(map[string]any)
	}
	judged := map[string]func(event, detail map[string]any){
		"no userIdentity":            func(_, d map[string]any) { delete(d, "userIdentity") },
		"userIdentity a text":        func(_, d map[string]any) { d["userIdentity"] = "root" },
		"no requestParameters":       func(_, d map[string]any) { delete(d, "requestParameters") },
		"requestParameters null":     func(_, d map[string]any) { d["requestParameters"] = nil },
		"requestParameters an array": func(_, d map[string]any) { d["requestParameters"] = []any{map[string]any{"groupId": groupA}} },
		"both of a wrong kind": func(_, d map[string]any) {
			d["requestParameters"], d["responseElements"] = []any{map[string]any{"group": groupA}}, "x"
		},
		"no responseElements":       func(_, d map[string]any) { delete(d, "responseElements") },
		"responseElements a number": func(_, d map[string]any) { d["responseElements"] = 7 },
		"neither, but a group": func(_, d map[string]any) {
			d["requestParameters"], d["responseElements"] = map[string]any{"groupId": groupA}, nil
		},
		"ports as texts":      func(_, d map[string]any) { response(d)["fromPort"], response(d)["toPort"] = "22", "22" },
		"ports that are none": func(_, d map[string]any) { response(d)["fromPort"], response(d)["toPort"] = "ssh", []any{22} },
		"items an object": func(_, d map[string]any) {
			d["responseElements"].(map[string]any)["securityGroupRuleSet"] = map[string]any{"items": response(d)}
		},
		"items a text": func(_, d map[string]any) {
			d["responseElements"].(map[string]any)["securityGroupRuleSet"] = map[string]any{"items": "x"}
		},
		"no time":                     func(e, d map[string]any) { delete(e, "time"); delete(d, "eventTime") },
		"time that is none":           func(_, d map[string]any) { d["eventTime"] = "yesterday" },
		"no ids of event and request": func(_, d map[string]any) { delete(d, "eventID"); delete(d, "requestID") },
		"protocol a number":           func(_, d map[string]any) { response(d)["ipProtocol"] = 6 },
	}
	for name, change := range judged {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			d := w.judge1(damaged(t, w.authorize(groupA, ssh), change))
			require.Equal(t, incident.Reverted, d.Outcome, d.Reason)
			require.False(t, d.Retry)
			require.Empty(t, w.texts(groupA))
			require.Equal(t, []string{"acted reverted"}, w.sent())
		})
	}
	refused := map[string]func(event, detail map[string]any){
		"no detail":                func(e, _ map[string]any) { delete(e, "detail") },
		"detail null":              func(e, _ map[string]any) { e["detail"] = nil },
		"detail a text":            func(e, _ map[string]any) { e["detail"] = "AuthorizeSecurityGroupIngress" },
		"no group anywhere":        func(_, d map[string]any) { delete(d, "requestParameters"); delete(d, "responseElements") },
		"name of the call missing": func(_, d map[string]any) { delete(d, "eventName") },
	}
	for name, change := range refused {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			body := damaged(t, w.authorize(groupA, ssh), change)
			for n := 1; n <= 3; n++ {
				d := w.judgeTimes(body, n)
				require.Equal(t, incident.Unresolved, d.Outcome)
				require.Contains(t, d.Reason, reasonUnreadable+": ")
				require.False(t, d.Retry)
			}
			require.Equal(t, []string{"opened unresolved"}, w.sent())
			require.Zero(t, w.ec2.count("Mutations"))
		})
	}
}

func TestFault14UnknownKindsOfEventsAreIgnoredAndCounted(t *testing.T) {
	w := newWorld(t, revertSSH)
	violation := w.authorize(groupA, ssh)
	events := map[string][]byte{
		"detail-type":        damaged(t, violation, func(e, _ map[string]any) { e["detail-type"] = "EC2 Instance State-change Notification" }),
		"source":             damaged(t, violation, func(e, _ map[string]any) { e["source"] = "aws.s3" }),
		"source of a client": damaged(t, violation, func(e, _ map[string]any) { e["source"] = "acme.ec2" }),
		"service":            damaged(t, violation, func(_, d map[string]any) { d["eventSource"] = "s3.amazonaws.com" }),
		"call":               damaged(t, violation, func(_, d map[string]any) { d["eventName"] = "StartInstances" }),
		"of use alone":       damaged(t, violation, func(_, d map[string]any) { d["eventName"] = "RunInstances" }),
		"own, of other kind": []byte(`{"source":"sgwarden","detail-type":"Judge All","detail":{"groupId":"` + groupA + `"}}`),
	}
	for name, body := range events {
		d := w.judge1(body)
		require.Equal(t, incident.Ignored, d.Outcome, name)
		require.Contains(t, d.Reason, reasonNotWatched, name)
		require.False(t, d.Retry, name)
	}
	require.Empty(t, w.ec2.calls)
	require.Empty(t, w.ledger.calls)
	require.Empty(t, w.sent())
	require.Equal(t, len(events), strings.Count(w.log.String(), `"outcome":"ignored","reason":"not-watched`), "one line each, to be counted")
}

func TestFault16IDsThatAreNone(t *testing.T) {
	none := []string{
		"sg-1;rm", "sg-1;rm -rf ~", "../", "../../sg-1", "sg-*", "sg-", "sg-0AAAAAAAAAAAAAAAA", "sg-0aaaaaaaaaaaaaaaaaaaaaaaa", "sg-%30aaaaaaa", "$(reboot)", "control#all",
		"event-sg-0aaaaaaaaaaaaaaaaa", "",
	}
	around := []string{"../../sg-0aaaaaaaaaaaaaaaa", "sg-0aaaaaaaaaaaaaaaa/..", "sg-0aaaaaaaaaaaaaaaa\n", "sg-0aaaaaaaaaaaaaaaa' OR '1'='1", "\u202esg-0aaaaaaaaaaaaaaaa", "sg-0aaaaaaaaaaaaaaaa;rm -rf ~"}
	record := func(w *world, id string) []byte {
		return damaged(t, w.authorize(groupA, ssh), func(_, d map[string]any) {
			d["requestParameters"], d["responseElements"] = map[string]any{"groupId": id}, nil
		})
	}
	look := func(id string) []byte {
		detail, err := json.Marshal(map[string]any{"groupId": id, "cause": "sweep"})
		require.NoError(t, err)
		return fmt.Appendf(nil, `{"source":"sgwarden","detail-type":"Judge Group","detail":%s}`, detail)
	}
	refused := func(t *testing.T, w *world, body []byte) {
		d := w.judge1(body)
		require.Equal(t, incident.Unresolved, d.Outcome)
		require.Contains(t, d.Reason, reasonUnreadable)
		require.NotContains(t, d.Reason, "\n")
		require.False(t, d.Retry)
		require.Empty(t, w.ec2.calls, "it gets into no call")
		require.NotContains(t, fmt.Sprint(w.ledger.calls), "Note")
	}
	for _, id := range none {
		t.Run(fmt.Sprintf("%q", id), func(t *testing.T) {
			w := newWorld(t, revertSSH)
			refused(t, w, record(w, id))
			refused(t, w, look(id))
		})
	}
	for _, id := range around {
		t.Run(fmt.Sprintf("%q", id), func(t *testing.T) {
			w := newWorld(t, revertSSH)
			refused(t, w, look(id))
			// A record mentions the group all the same: a look does no harm, a
			// group that is lost does. What stands around its id is dropped.
			d := w.judge1(record(w, id))
			require.Equal(t, groupA, d.GroupID)
			require.Equal(t, incident.Reverted, d.Outcome)
		})
	}
}

func TestFault17EveryKindOfIdentity(t *testing.T) {
	issuer := func(arn string) map[string]any {
		return map[string]any{"sessionIssuer": map[string]any{"type": "Role", "arn": arn, "accountId": account, "userName": "x"}}
	}
	for name, tt := range map[string]struct {
		identity any
		shows    string // in the text of the alert
	}{
		"root":                 {map[string]any{"type": "Root", "arn": "arn:aws:iam::123456789012:root", "accountId": account, "principalId": account}, "arn:aws:iam::123456789012:root"},
		"user":                 {map[string]any{"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/ann", "userName": "ann"}, "user/ann"},
		"assumed role":         {map[string]any{"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/ops/ann", "sessionContext": issuer("arn:aws:iam::123456789012:role/ops")}, "role/ops"},
		"role without issuer":  {map[string]any{"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/ops/ann"}, "ann"},
		"federated user":       {map[string]any{"type": "FederatedUser", "arn": "arn:aws:sts::123456789012:federated-user/bob", "sessionContext": issuer("arn:aws:iam::123456789012:user/broker")}, "user/broker"},
		"SAML":                 {map[string]any{"type": "SAMLUser", "principalId": "x:carol", "userName": "carol", "identityProvider": "idp"}, "SAMLUser"},
		"web identity":         {map[string]any{"type": "WebIdentityUser", "principalId": "accounts.example.com:app:dora", "userName": "dora"}, "WebIdentityUser"},
		"Identity Center":      {map[string]any{"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/eve@example.com", "sessionContext": issuer("arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef")}, "AWSReservedSSO_Admin"},
		"Identity Center user": {map[string]any{"type": "IdentityCenterUser", "accountId": account, "onBehalfOf": map[string]any{"userId": "u", "identityStoreArn": "arn:aws:identitystore::123456789012:identitystore/d-1"}, "credentialId": "c"}, "IdentityCenterUser"},
		"service":              {map[string]any{"type": "AWSService", "invokedBy": "elasticloadbalancing.amazonaws.com"}, "elasticloadbalancing[.]amazonaws[.]com"},
		"other account":        {map[string]any{"type": "AWSAccount", "principalId": "AROAEXAMPLE:session", "accountId": "999999999999"}, "999999999999"},
		"other account's role": {map[string]any{"type": "AssumedRole", "arn": "arn:aws:sts::999999999999:assumed-role/ops/ann", "accountId": "999999999999", "sessionContext": issuer("arn:aws:iam::999999999999:role/ops")}, "999999999999:role/ops"},
		"directory":            {map[string]any{"type": "Directory", "userName": "frank"}, "Directory"},
		"unknown":              {map[string]any{"type": "Unknown"}, "Unknown"},
		"a type of tomorrow":   {map[string]any{"type": "Robot", "arn": 7, "sessionContext": []any{}}, "Robot"},
		"empty":                {map[string]any{}, ""},
		"null":                 {nil, ""},
		"a list":               {[]any{1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			d := w.judge1(damaged(t, w.authorize(groupA, ssh), func(_, detail map[string]any) { detail["userIdentity"] = tt.identity }))
			require.Equal(t, incident.Reverted, d.Outcome)
			require.Empty(t, w.texts(groupA))
			require.Len(t, w.publisher.messages(), 1)
			m, err := alert.Render(w.publisher.messages()[0])
			require.NoError(t, err)
			require.Contains(t, m.Text, tt.shows)
		})
	}
}
