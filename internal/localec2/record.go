package localec2

import (
	"net"
	"net/http"

	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// record hands on what CloudTrail would write of a call that changes something.
func (s *session) record(r *http.Request, result query.Object, fault *query.Fault) {
	c := s.cloud
	c.mu.Lock()
	hand := c.onRecord
	c.mu.Unlock()
	if hand == nil || !s.call.Changes {
		return
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	hand(cloudtrail.Event{
		Action: s.call.Action, Params: s.params, Answer: result, Fault: fault,
		Identity: s.who.Identity, AccountID: s.call.AccountID, Region: s.call.Region,
		Time: s.now, RequestID: s.call.RequestID, EventID: c.ids.UUID(),
		SourceIP: host, UserAgent: r.UserAgent(), Host: r.Host,
	}.Record())
}
