package localec2

import "time"

// begin starts a change, which has its effect at once and is complete later.
func (s *session) begin(l *list, what string) {
	l.last, l.settles = what, s.now.Add(s.cloud.listDelay)
}

// progress is the state of a list: "modify-in-progress", "create-complete".
func (l *list) progress(now time.Time) string {
	if now.Before(l.settles) {
		return l.last + "-in-progress"
	}
	return l.last + "-complete"
}

// SlowLists makes changes of prefix lists take so long, by the cloud's clock;
// 0 = no time. Until its change is complete, a list takes no other.
func (c *Cloud) SlowLists(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listDelay = by
}
