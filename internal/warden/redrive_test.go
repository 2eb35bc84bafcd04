package warden

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// message is a message of a queue and how often it was received.
type message struct {
	Delivery
	kind string
}

// mixed are 100 messages of all kinds about ten groups.
func mixed(w *world, random *rand.Rand) []message {
	var all []message
	for n := range 100 {
		group := fmt.Sprintf("sg-%017x", 0xd00+n%10)
		if w.ec2.groups[group] == nil {
			w.ec2.make(group, fmt.Sprintf("group-%d", n%10))
		}
		m := message{kind: []string{"bad", "fine", "failed", "foreign", "unreadable", "revoke", "unwatched", "twice", "gone", "indirect"}[n/10]}
		switch m.kind {
		case "bad":
			m.Body = w.authorize(group, fmt.Sprintf("ingress tcp/%d-22 from 0.0.0.0/0", n%10))
		case "fine":
			m.Body = w.authorize(group, fmt.Sprintf("ingress tcp/%d from 0.0.0.0/0", 8000+n))
		case "failed":
			m.Body = w.record(call{name: "AuthorizeSecurityGroupIngress", group: group, errorCode: "Client.UnauthorizedOperation"})
		case "foreign":
			m.Body = w.record(call{name: "AuthorizeSecurityGroupIngress", group: group, account: "999999999999", rules: []secgroup.Rule{withID(parse(w.t, ssh), "sgr-0f")}})
		case "unreadable":
			m.Body = fmt.Appendf(nil, "no JSON %d", n)
		case "revoke":
			m.Body = w.revoke(group, w.ec2.add(group, parse(w.t, fmt.Sprintf("ingress tcp/%d from ::/0", 9000+n))).ID)
		case "unwatched":
			m.Body = fmt.Appendf(nil, `{"source":"aws.s3","detail-type":"Object Created","detail":{"n":%d}}`, n)
		case "twice":
			m.Body = all[random.IntN(10)].Body
		case "gone":
			m.Body = w.record(call{name: "AuthorizeSecurityGroupIngress", group: fmt.Sprintf("sg-%017x", 0xf00+n), rules: []secgroup.Rule{withID(parse(w.t, ssh), fmt.Sprintf("sgr-%017x", 0xf00+n))}})
		case "indirect":
			m.Body = fmt.Appendf(nil, `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","detail":{"eventName":"CreateVpc","eventSource":"ec2.amazonaws.com","eventID":"vpc-%d","eventTime":"2026-05-01T12:00:00Z","requestParameters":{"cidrBlock":"10.0.0.0/16"},"responseElements":{}}}`, n)
		}
		m.ID = fmt.Sprintf("%s-%d", m.kind, n)
		all = append(all, m)
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// receive delivers messages in batches of ten and gives those that come again.
func (w *world) receive(all []message, disturb func(batch int)) []message {
	var again []message
	for n := 0; len(all) > 0; n++ {
		batch := all[:min(10, len(all))]
		all = all[len(batch):]
		disturb(n)
		var deliveries []Delivery
		for i := range batch {
			batch[i].ReceiveCount++
			deliveries = append(deliveries, batch[i].Delivery)
		}
		retry := map[string]bool{}
		for _, d := range w.Judge(context.Background(), deliveries) {
			retry[d.DeliveryID] = retry[d.DeliveryID] || d.Retry
		}
		for _, m := range batch {
			if retry[m.ID] {
				again = append(again, m)
			}
		}
	}
	return again
}

// TestFault09RedriveOfADeadLetterQueue: five receives under changing faults.
// Then all 100 are redriven to a new process, those too that had ended: a
// queue may have lost the answer.
func TestFault09RedriveOfADeadLetterQueue(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 9))
			w := newWorld(t, revertSSH)
			messages := mixed(w, random)
			require.Len(t, messages, 100)
			faults := []func(string) error{
				always("Group", incident.ErrThrottled), always("RevokeSecurityGroupIngress", incident.ErrDenied), always("Rules", incident.ErrUnavailable),
				always("RevokeSecurityGroupIngress", incident.ErrThrottled),
				func(call string) error {
					if call == "RevokeSecurityGroupIngress" {
						panic("killed")
					}
					return nil
				},
			}
			unfinished := messages
			for range 5 {
				unfinished = w.receive(unfinished, func(int) {
					w.ec2.on = faults[random.IntN(len(faults))]
					w.publisher.on = func(incident.Incident) error { return nil }
					if random.IntN(3) == 0 {
						w.publisher.on = func(incident.Incident) error { return incident.ErrUnavailable }
					}
				})
				w.wait(2 * time.Second)
			}

			w.ec2.on, w.publisher.on = nil, nil
			w.restart()
			w.wait(12 * time.Hour)
			for i := range messages {
				messages[i].ReceiveCount = 0
			}
			left := w.receive(messages, func(int) {})
			require.Empty(t, left, "all reach a final outcome")
			told := map[string]bool{}
			for _, m := range w.publisher.messages() {
				key := m.ID + " " + string(m.EventType)
				require.False(t, told[key], "%s was told twice", key)
				told[key] = true
			}
			for n := range 10 {
				group := fmt.Sprintf("sg-%017x", 0xd00+n)
				require.Equal(t, []string{fmt.Sprintf("ingress tcp/%d from 0.0.0.0/0", 8010+n)}, w.texts(group))
				require.Empty(t, w.memory(group).Open)
				require.True(t, slices.ContainsFunc(w.closed(group), func(i incident.Incident) bool { return i.Outcome == incident.Reverted }))
			}
		})
	}
}
