package alert

import (
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// writeConnections says what removing a rule did not do.
func writeConnections(l *letter, i incident.Incident) {
	if text := connections(i); text != "" {
		l.title("Connections made before")
		l.item("%s", text)
	}
}

// connections are these sentences; "" = there is nothing to say.
func connections(i incident.Incident) string {
	if i.Outcome != incident.Reverted && i.Outcome != incident.Narrowed || i.Sessions.Tracked == "" || isUndone(i) {
		return ""
	}
	const cut = "To cut them at once, deny the traffic in the network ACL of the subnet for a moment (docs/runbook/sessions.md)."
	longest := time.Duration(i.Sessions.MaySurviveSeconds) * time.Second
	idle := "up to " + span(longest) + " idle"
	if i.Sessions.MaySurviveSeconds == incident.TCPIdleSeconds {
		idle += fmt.Sprintf(" (%d seconds on Nitro v6 instances)", incident.TCPIdleSecondsNitro6)
	}
	by, unknown := "By the rules of this group", "the rules of this group alone do not tell"
	if i.Sessions.Basis == incident.BasisInterfaces {
		by, unknown = "By the rules of all groups on its network interfaces", "what could be read of its network interfaces does not tell"
	}
	switch i.Sessions.Tracked {
	case incident.TrackedNone:
		return by + " they are not tracked, and were cut as the rule went. Paths that AWS always tracks, such as load balancers and NAT gateways, are an exception."
	case incident.TrackedAll:
		return fmt.Sprintf("They live on: AWS tracks them, for as long as they are used and %s. %s", idle, cut)
	case incident.TrackedMixed:
		return fmt.Sprintf("Some were cut as the rule went. Others live on: AWS tracks them, for as long as they are used and %s. %s", idle, cut)
	}
	return fmt.Sprintf("They may live on: %s whether AWS tracks them. If it does, for as long as they are used and %s. %s", unknown, idle, cut)
}
