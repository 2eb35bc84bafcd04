package alert

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Deployment is whose alerts a test message is about.
type Deployment struct{ Account, Region, Stack, Mode string }

// EventTypeTest is the value of the attribute AttrEventType of test messages.
// They are no incidents: whoever makes tickets of alerts passes them over.
const EventTypeTest = "test"

// Test makes a message that shows whether alerts arrive. It passes the filters
// of what is critical; its JSON is {"test": true, ...}, no incident document.
// by is who asked for it, as AWS names callers.
func Test(d Deployment, by string) (Message, error) {
	by = value(by)
	document, err := json.Marshal(map[string]any{
		"test": true, "accountId": d.Account, "region": d.Region, "stack": d.Stack, "mode": d.Mode, "sentBy": by,
	})
	if err != nil {
		return Message{}, fmt.Errorf("render test alert: %w", err)
	}
	lines := []string{
		"This is a test. No rule was opened, and nothing was changed.",
		"",
		fmt.Sprintf("Stack %s in account %s, %s, mode %s.", d.Stack, d.Account, d.Region, d.Mode),
		fmt.Sprintf("Sent by sgwarden doctor --send-test-alert, for %s.", by),
		"",
		"Alerts of sgwarden arrive where this one did.",
	}
	return Message{
		Subject: "TEST: alerts of sgwarden arrive here",
		Text:    strings.Join(lines, "\n") + "\n",
		JSON:    document,
		Attributes: map[string]Attribute{
			AttrSeverity: {"String", "critical"}, AttrSeverityLevel: {"Number", "5"}, AttrPolicy: {"String.Array", `["` + none + `"]`},
			AttrAccount: {"String", value(d.Account)}, AttrRegion: {"String", value(d.Region)}, AttrOutcome: {"String", none},
			AttrMode: {"String", value(d.Mode)}, AttrTeam: {"String", none}, AttrEventType: {"String", EventTypeTest},
		},
	}, nil
}
