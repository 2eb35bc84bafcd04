package localec2

import (
	"time"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// limit is the token bucket of one action: its size, and how many tokens come
// back each second.
type limit struct{ burst, perSecond float64 }

// The request limits of an account in a region ("Request throttling for the
// Amazon EC2 API", request token limits). A category says how large a bucket
// is; every action has one of its own.
var (
	readLimit   = limit{100, 20} // non-mutating
	changeLimit = limit{50, 5}   // mutating; Authorize and Revoke inward are named among the resource-intensive, which have the same
	// wholeLimit is that of reads without filter and without paging, where
	// the table has a bucket for them. Ids are neither.
	wholeLimit = limit{50, 10}
	ownLimits  = map[string]limit{
		"CreateTags":                      {100, 10},
		"ModifyNetworkInterfaceAttribute": {100, 5},
		"DescribeSecurityGroupReferences": {20, 5},
		"DescribeStaleSecurityGroups":     {20, 5},
	}
	wholeReads = map[string]bool{"DescribeSecurityGroups": true, "DescribeNetworkInterfaces": true, "DescribeInstances": true}
)

// bucket is what is left of a limit. Tokens come back as time passes, not by
// whole seconds.
type bucket struct {
	tokens float64
	at     time.Time
}

// bucketName names a bucket: that of an action, or of its whole reads.
type bucketName struct {
	place
	action string
	whole  bool
}

// LimitRequests makes EC2's request limits hold, with full buckets, or no
// longer hold. Buckets fill by the cloud's clock, so that time may be scaled.
// A call beyond its limit is answered RequestLimitExceeded and changes
// nothing; it is recorded like any other that fails, since CloudTrail is where
// AWS has people look for throttled calls.
func (c *Cloud) LimitRequests(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buckets = nil
	if on {
		c.buckets = map[bucketName]bucket{}
	}
}

// takeToken refuses a call whose bucket is empty. Every request that names an
// action takes a token, a dry run too.
func (s *session) takeToken(known action) *query.Fault {
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buckets == nil || s.call.Action == callerIdentity {
		return nil
	}
	name := bucketName{place{s.call.AccountID, s.call.Region}, s.call.Action, s.readsWhole()}
	l := limitOf(known, name)
	b, used := c.buckets[name]
	if !used {
		b = bucket{l.burst, s.now}
	}
	if passed := s.now.Sub(b.at); passed > 0 {
		b = bucket{min(l.burst, b.tokens+passed.Seconds()*l.perSecond), s.now}
	}
	var fault *query.Fault
	if b.tokens < 1 {
		fault = Throttle().fault
	} else {
		b.tokens--
	}
	c.buckets[name] = b
	return fault
}

func (s *session) readsWhole() bool {
	return wholeReads[s.call.Action] && !s.params.Has("Filter") && !s.params.Has("MaxResults") && !s.params.Has("NextToken")
}

func limitOf(known action, name bucketName) limit {
	if own, ok := ownLimits[name.action]; ok {
		return own
	}
	switch {
	case known.changes:
		return changeLimit
	case name.whole:
		return wholeLimit
	}
	return readLimit
}
