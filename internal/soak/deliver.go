package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// deliver hands some messages to the guard, in one of the ways in which a
// queue, or an attacker, may.
func (w *world) deliver() {
	way := pickOf(w, ways)
	ready := w.queue.ready(w.clock())
	var some []*message
	few := func() []*message { return ready[:min(len(ready), 1+w.random.IntN(3))] }
	switch way {
	case "in order":
		some = few()
	case "shuffled", "batch":
		w.random.Shuffle(len(ready), func(i, j int) { ready[i], ready[j] = ready[j], ready[i] })
		some = few()
		if way == "batch" {
			some = ready[:min(len(ready), 10)]
		}
	case "late":
		w.wait(time.Duration(1+w.random.IntN(30)) * time.Minute)
		some = few()
	case "duplicate":
		if len(w.queue.went) > 0 {
			again := *pickOf(w, w.queue.went)
			again.received = 0
			some = append(few(), &again)
		}
	case "log file":
		w.judgeLog(ready)
		return
	case "lost":
		w.lose(ready)
		return
	case "hostile":
		w.judgeHostile()
		return
	case "sweep":
		w.judgeLooks("sweep", pickOf(w, w.order))
		return
	}
	if len(some) == 0 {
		w.judgeLooks("sweep", pickOf(w, w.order))
		return
	}
	w.tally.Ways[way]++
	w.judge(way, some)
}

// ways are the ways to deliver, as they are drawn.
var ways = []string{
	"in order", "in order", "in order", "in order", "shuffled", "shuffled", "shuffled", "batch", "batch", "late", "duplicate", "duplicate",
	"log file", "lost", "hostile", "hostile", "sweep", "sweep",
}

// lose drops a message that was never received.
func (w *world) lose(ready []*message) {
	for _, m := range ready {
		if m.received == 0 && !m.delayed {
			w.queue.drop(m)
			w.tally.Ways["lost"]++
			w.say("lost: %s", m.id)
			return
		}
	}
}

// judgeLog delivers the records of several messages as one log file. The
// messages themselves are spent.
func (w *world) judgeLog(ready []*message) {
	var records []json.RawMessage
	file := &message{id: fmt.Sprint("log", w.queue.taken), isFile: true}
	for _, m := range ready {
		if !m.delayed && !m.isFile && json.Valid(m.body) && len(records) < 4 {
			records = append(records, m.body)
			file.sets, file.names = append(file.sets, m.sets...), append(file.names, m.names...)
			if m.sent.After(file.sent) {
				file.sent = m.sent
			}
			file.speaks = append(file.speaks, w.spokenOf(m)...)
			w.queue.drop(m)
		}
	}
	if len(records) == 0 {
		return
	}
	body, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		w.blame("harness", "log file: %v", err)
		return
	}
	file.body = body
	w.queue.waiting = append(w.queue.waiting, file)
	w.tally.Ways["log file"]++
	w.judge("log file", []*message{file})
}

// judgeLooks delivers messages that ask to look at groups.
func (w *world) judgeLooks(cause string, groups ...string) {
	var some []*message
	for _, g := range groups {
		some = append(some, w.queue.put(look(g, cause, ""), time.Time{}))
	}
	w.tally.Ways[cause]++
	w.judge(cause, some)
}

// judgeHostile delivers a record that somebody damaged. It is a copy: the
// record itself still comes.
func (w *world) judgeHostile() {
	var mayName, vague []string
	body := []byte(`{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","detail":{"eventName":"AuthorizeSecurityGroupIngress"}}`)
	if all := slices.Concat(w.queue.went, w.queue.waiting); len(all) > 0 {
		from := pickOf(w, all)
		body, mayName, vague = from.body, from.sets, slices.Concat(from.vague, w.spokenOf(from))
		for _, id := range from.sets {
			w.history.rules[id].forged = true
		}
	}
	body = slices.Clone(body)
	for range 1 + w.random.IntN(3) {
		body = w.damaged(body)
	}
	m := w.queue.put(body, time.Time{})
	m.mayName, m.vague = mayName, vague
	w.tally.Ways["hostile"]++
	w.tally.check("P7 no bytes make it panic")
	w.judge("hostile", []*message{m})
	w.queue.drop(m) // what cannot be judged is not owed an answer here
}

var inserts = []string{"\x00", "\x1b]0;x\x07", `"`, `\u0000`, "[[[[[[[[", `{"items":`, "\xff\xfe", "null", "1e999", `"groupId":"sg-1;rm"`, `"awsRegion":"eu-west-1"`, "\u202e", "-1"}

func (w *world) damaged(body []byte) []byte {
	if len(body) == 0 {
		return []byte(pickOf(w, inserts))
	}
	at := w.random.IntN(len(body))
	switch w.random.IntN(6) {
	case 0:
		return body[:at]
	case 1:
		body[at] ^= byte(1 << w.random.IntN(8))
		return body
	case 2:
		return slices.Insert(body, at, []byte(pickOf(w, inserts))...)
	case 3:
		end := min(len(body), at+1+w.random.IntN(40))
		return slices.Delete(body, at, end)
	case 4:
		return bytes.ReplaceAll(body, []byte(`"tcp"`), []byte(`{"x":["tcp"]}`))
	}
	end := min(len(body), at+1+w.random.IntN(200))
	return slices.Insert(body, at, body[at:end]...)
}

// judge lets the guard judge messages under the plan at hand, and checks all
// that it did and said.
func (w *world) judge(way string, messages []*message) {
	ids := make([]string, 0, len(messages))
	for _, m := range messages {
		if m.delayed {
			w.tally.Ways["own message"]++
		}
		ids = append(ids, fmt.Sprintf("%s(%d)", m.id, m.received+1))
	}
	w.say("%s: %v at %s%s", way, ids, w.clock().Format(time.TimeOnly), w.effects.plan)
	w.lapse()
	w.hear(messages)
	w.step.holds, w.step.looks = w.holds(), true
	for _, m := range messages {
		w.step.looks = w.step.looks && isLook(m)
	}
	w.tell(messages)
	w.step.judging = true
	decisions := w.guarded(deliveries(messages))
	w.step.judging = false
	failed := map[string]bool{}
	for _, m := range messages {
		failed[m.id] = decisions == nil
	}
	for _, d := range decisions {
		failed[d.DeliveryID] = failed[d.DeliveryID] || d.Retry
		w.say("  %s %s %s: %s %s retry=%v", d.DeliveryID, d.Change.EventName, d.GroupID, d.Outcome, d.Reason, d.Retry)
	}
	for _, m := range messages {
		for _, id := range m.sets {
			if past := w.history.rules[id]; !failed[m.id] && past != nil {
				past.heard = true
			}
		}
	}
	w.heed(messages, failed)
	w.checkDecisions(decisions)
	w.hold()
	w.checkPutBack(decisions)
	w.checkLog()
	w.queue.answer(messages, failed, w.clock())
	if w.effects.dead {
		if err := w.restart(); err != nil {
			w.blame("harness", "restart: %v", err)
		}
	}
}

// isLook reports whether a message is no record, but asks to look.
func isLook(m *message) bool { return bytes.Contains(m.body, []byte(events.JudgeGroup)) }

// guarded runs the guard. A panic that leaves it is a failure: each task
// ends its own.
func (w *world) guarded(deliveries []warden.Delivery) (decisions []warden.Decision) {
	defer func() {
		if p := recover(); p != nil {
			if _, killed := p.(death); !killed {
				w.blame("P7", "the guard panics: %v", p)
			}
			decisions = nil
		}
	}()
	return w.guard.Judge(context.Background(), deliveries)
}

// String tells what is planned.
func (p faultPlan) String() string {
	switch {
	case p.kill != "":
		return fmt.Sprintf(", to be killed %s %s", p.kill, p.killAt)
	case p.fault != "":
		return fmt.Sprintf(", %s at %s %d lasting=%v", p.fault, p.call, p.at, p.lasting)
	}
	return ""
}
