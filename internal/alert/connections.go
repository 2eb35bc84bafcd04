package alert

import (
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// writeConnections says what removing a rule did not do.
func writeConnections(l *letter, i incident.Incident) {
	if i.Outcome != incident.Reverted && i.Outcome != incident.Narrowed || i.Sessions.Tracked == "" {
		return
	}
	const cut = "To cut them at once, deny the traffic in the network ACL of the subnet for a moment."
	longest := time.Duration(i.Sessions.MaySurviveSeconds) * time.Second
	idle := "up to " + span(longest) + " idle"
	if i.Sessions.MaySurviveSeconds == incident.TCPIdleSeconds {
		idle += fmt.Sprintf(" (%d seconds on Nitro v6 instances)", incident.TCPIdleSecondsNitro6)
	}
	l.title("Connections made before")
	switch i.Sessions.Tracked {
	case incident.TrackedNone:
		l.item("By the rules of this group they are not tracked, and were cut as the rule went. Paths that AWS always tracks, such as load balancers and NAT gateways, are an exception.")
	case incident.TrackedAll:
		l.item("They live on: AWS tracks them, for as long as they are used and %s. %s", idle, cut)
	case incident.TrackedMixed:
		l.item("Some were cut as the rule went. Others live on: AWS tracks them, for as long as they are used and %s. %s", idle, cut)
	default:
		l.item("They may live on: the rules of this group alone do not tell whether AWS tracks them. If it does, for as long as they are used and %s. %s", idle, cut)
	}
}
