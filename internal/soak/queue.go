package soak

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// message is one message of the guard's queue.
type message struct {
	id       string
	body     []byte
	received int
	sent     time.Time // a record: when its call was made; of a log file the last of them
	from     time.Time // visible from
	delayed  bool      // one of the guard's own, behind a delay
	isFile   bool      // a log file, which no other holds
	speaks   []string  // of a log file: the groups that its records name anywhere
	sets     []string  // rules that its call added or changed
	names    []naming  // those of them that its record names
	mayName  []string  // of a damaged record: what it may name
	vague    []string  // of a damaged record: the groups of which it may have told more than it names
}

// queue holds what waits, in the order of arrival, and some of what went.
type queue struct {
	waiting []*message
	went    []*message
	dead    []*message // failed too often
	taken   int        // messages ever, for ids
	made    *message
}

// mostReceived is how often a message may fail before it is a dead letter.
const mostReceived = 4

// keptMessages is how many delivered messages may come once more.
const keptMessages = 16

// record takes the CloudTrail record of a call: a queue message of its own.
func (q *queue) record(body []byte) { q.made = q.put(slices.Clone(body), time.Time{}) }

func (q *queue) put(body []byte, from time.Time) *message {
	q.taken++
	m := &message{id: fmt.Sprint("m", q.taken), body: body, from: from}
	q.waiting = append(q.waiting, m)
	return m
}

// look makes a message that asks to look at a group.
func look(groupID, cause, incidentID string) []byte {
	body, err := json.Marshal(map[string]any{
		"source": events.OwnSource, "detail-type": events.JudgeGroup,
		"detail": map[string]string{"groupId": groupID, "cause": cause, "incidentId": incidentID},
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return body
}

// ready are the messages that can be received now.
func (q *queue) ready(now time.Time) []*message {
	var out []*message
	for _, m := range q.waiting {
		if !m.from.After(now) {
			out = append(out, m)
		}
	}
	return out
}

// next is when the first message becomes visible; false = none waits.
func (q *queue) next() (first time.Time, ok bool) {
	for _, m := range q.waiting {
		if !ok || m.from.Before(first) {
			first, ok = m.from, true
		}
	}
	return first, ok
}

// drop takes a message out.
func (q *queue) drop(m *message) {
	if n := slices.Index(q.waiting, m); n >= 0 {
		q.waiting = slices.Delete(q.waiting, n, n+1)
	}
}

// deliveries receives messages.
func deliveries(messages []*message) []warden.Delivery {
	out := make([]warden.Delivery, 0, len(messages))
	for _, m := range messages {
		m.received++
		out = append(out, warden.Delivery{ID: m.id, Body: m.body, ReceiveCount: m.received})
	}
	return out
}

// answer takes out what was finished and puts back what must come again: after
// 5 s, doubling, as the function asks for.
func (q *queue) answer(messages []*message, failed map[string]bool, now time.Time) {
	for _, m := range messages {
		if failed[m.id] && m.received >= mostReceived && slices.Contains(q.waiting, m) {
			q.drop(m)
			q.dead = append(q.dead, m)
			continue
		}
		if failed[m.id] {
			m.from = now.Add(5 * time.Second << min(m.received-1, 7))
			continue
		}
		q.drop(m)
		q.went = append(q.went, m)
		if len(q.went) > keptMessages {
			q.went = q.went[1:]
		}
	}
}
