package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// Attributes of fuseState: one of each per policy id + "@" + digest.
const (
	prefixHeld  = "held#"
	prefixCount = "count#"
)

type holdRecord struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// countRecord is short: it is read with every change. Times are Unix seconds.
type countRecord struct {
	Groups   map[string]int64 `json:"g,omitempty"`
	Actors   map[string]int64 `json:"a,omitempty"`
	Told     int64            `json:"t,omitempty"`
	Released int64            `json:"r,omitempty"`
}

func newCountRecord(c incident.FuseCount) countRecord {
	return countRecord{secondsOf(c.Groups), secondsOf(c.Actors), second(c.Told), second(c.Released)}
}

func (r countRecord) count() incident.FuseCount {
	return incident.FuseCount{Groups: timesOf(r.Groups), Actors: timesOf(r.Actors), Told: timeOf(r.Told), Released: timeOf(r.Released)}
}

func secondsOf(times map[string]time.Time) map[string]int64 {
	out := make(map[string]int64, len(times))
	for id, t := range times {
		out[id] = second(t)
	}
	return out
}

func timesOf(seconds map[string]int64) map[string]time.Time {
	if len(seconds) == 0 {
		return nil
	}
	out := make(map[string]time.Time, len(seconds))
	for id, s := range seconds {
		out[id] = timeOf(s)
	}
	return out
}

// second rounds up: nothing lapses before its hour is over.
func second(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(time.Second - time.Nanosecond).Unix()
}

func timeOf(second int64) time.Time {
	if second == 0 {
		return time.Time{}
	}
	return time.Unix(second, 0).UTC()
}

// decodeFuse reads what an item says of the fuse; items of other controls say
// nothing.
func decodeFuse(a attributes, c *incident.Controls) error {
	if a.key() != fuseState {
		return nil
	}
	var err error
	if c.Fuse.Version, err = a.number(attrVersion); err != nil {
		return err
	}
	if err := a.each(prefixHeld, func(id string) error {
		var r holdRecord
		if err := a.readJSON(prefixHeld+id, &r); err != nil {
			return err
		}
		if c.Held == nil {
			c.Held = map[string]incident.Hold{}
		}
		c.Held[id] = incident.Hold{Reason: r.Reason, At: r.At.UTC()}
		return nil
	}); err != nil {
		return err
	}
	return a.each(prefixCount, func(id string) error {
		var r countRecord
		if err := a.readJSON(prefixCount+id, &r); err != nil {
			return err
		}
		if c.Fuse.Counts == nil {
			c.Fuse.Counts = map[string]incident.FuseCount{}
		}
		c.Fuse.Counts[id] = r.count()
		return nil
	})
}

// charge is the part of an opening that is about the fuse.
type charge struct {
	version int64
	patch   patch
}

// newCharge makes it; nil = the opening counts nothing.
func newCharge(c *incident.FuseCharge) (*charge, error) {
	if c == nil {
		return nil, nil
	}
	set := attributes{attrSchema: number(schemaVersion), attrVersion: number(c.Version + 1)}
	for id, count := range c.Counts {
		if err := set.setJSON(prefixCount+id, newCountRecord(count)); err != nil {
			return nil, err
		}
	}
	for id, hold := range c.Hold {
		if err := set.setJSON(prefixHeld+id, holdRecord{hold.Reason, hold.At.UTC()}); err != nil {
			return nil, err
		}
	}
	var remove []string
	for _, id := range c.Drop {
		remove = append(remove, prefixCount+id)
	}
	return &charge{c.Version, patch{key: fuseState, set: set, remove: remove}}, nil
}

// update is the charge as a part of a transaction.
func (c *charge) update(table string) *types.Update {
	e := c.patch.expression()
	name := e.name(attrVersion)
	condition := "attribute_not_exists(" + name + ")"
	if c.version > 0 {
		condition = name + "=" + e.value(number(c.version))
	}
	return &types.Update{
		TableName: &table, Key: c.patch.key.attributes(), UpdateExpression: aws.String(e.text()), ConditionExpression: &condition,
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}
}

// refusal says why the charge may not be made on the item old; nil = it may.
func (c *charge) refusal(old attributes) error {
	version, err := old.number(attrVersion)
	if err != nil {
		return err
	}
	if version != c.version {
		return fmt.Errorf("fuse at version %d, not %d: %w", version, c.version, incident.ErrConflict)
	}
	return nil
}

// parts are what makes one charge another, for the token of its transaction.
func (c *charge) parts() []string {
	if c == nil {
		return nil
	}
	parts := append([]string{strconv.FormatInt(c.version, 10)}, c.patch.remove...)
	for _, name := range c.patch.set.names() {
		parts = append(parts, name, valueText(c.patch.set[name]))
	}
	return parts
}

// Hold holds a policy, by its id + "@" + digest, until Release.
func (o Operator) Hold(ctx context.Context, policyKey string, h incident.Hold) error {
	set := attributes{attrSchema: number(schemaVersion)}
	if err := set.setJSON(prefixHeld+policyKey, holdRecord{h.Reason, h.At.UTC()}); err != nil {
		return err
	}
	return o.apply(ctx, patch{key: fuseState, set: set, bump: true})
}

// Release ends a hold. Whoever releases a policy has looked at what it is
// about to do: nothing is counted for an hour from now.
func (o Operator) Release(ctx context.Context, policyKey string, now time.Time) error {
	set := attributes{attrSchema: number(schemaVersion)}
	if err := set.setJSON(prefixCount+policyKey, newCountRecord(incident.FuseCount{Released: now})); err != nil {
		return err
	}
	return o.apply(ctx, patch{key: fuseState, set: set, remove: []string{prefixHeld + policyKey}, bump: true})
}
