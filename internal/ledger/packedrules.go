package ledger

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// The rules of a large group stand in one attribute, in some 30 bytes each: as
// attributes of their own they take 150, of the 400 KB that an item may have,
// of the capacity that each read and write of it costs, and of the time to
// read them. Attributes of rules beside it are those that were noted since:
// they count where it does not have the id, as a note sets what is absent.

// packedFrom is the number of rules from which they are packed.
const packedFrom = 50

// What an entry has. The rest stands as JSON: what few rules have.
const (
	hasPlainValue = 1 << iota // a block of addresses; else the rest has the value
	hasDescription
	hasSince
	hasOrder
	hasBy
	hasRest
)

// packRules gives the packed form of rules.
func packRules(rules map[string]policy.KnownRule) ([]byte, error) {
	p := &packer{bytes: make([]byte, 0, 40*len(rules))}
	by := map[secgroup.Attribution]string{}
	p.number(uint64(len(rules)))
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		if err := p.entry(id, rules[id], by); err != nil {
			return nil, fmt.Errorf("pack rule %s: %w", id, err)
		}
	}
	return p.bytes, nil
}

// entry packs one rule. by holds the JSON of attributions that were packed.
func (p *packer) entry(id string, k policy.KnownRule, by map[secgroup.Attribution]string) error {
	rule := k.Rule.Canonical()
	block, plain := rule.Peer.(secgroup.CIDR)
	plain = plain && rule.ID == id && len(rule.Tags) == 0 && rule.Validate() == nil
	attribution, err := attributionText(k.By, by)
	if err != nil {
		return err
	}
	rest, err := restText(id, k, plain)
	if err != nil {
		return err
	}

	var has uint64
	for _, part := range [...]struct {
		flag    uint64
		present bool
	}{
		{hasPlainValue, plain}, {hasDescription, plain && rule.Description != ""}, {hasSince, !k.Since.IsZero()}, {hasOrder, k.Order != 0},
		{hasBy, k.By != nil}, {hasRest, rest != ""},
	} {
		if part.present {
			has |= part.flag
		}
	}
	p.ruleID(id)
	p.number(has)
	if has&hasPlainValue != 0 {
		p.block(rule, block)
	}
	if has&hasDescription != 0 {
		p.word(rule.Description)
	}
	if has&hasSince != 0 {
		p.time(k.Since)
	}
	if has&hasOrder != 0 {
		p.count(k.Order)
	}
	if has&hasBy != 0 {
		p.word(attribution)
	}
	if has&hasRest != 0 {
		p.word(rest)
	}
	return nil
}

// attributionText is the JSON of an attribution, made once for each; "" for nobody.
func attributionText(a *secgroup.Attribution, made map[secgroup.Attribution]string) (string, error) {
	if a == nil {
		return "", nil
	}
	if text, ok := made[*a]; ok {
		return text, nil
	}
	text, err := json.Marshal(newAttributionRecord(a))
	made[*a] = string(text)
	return string(text), err
}

// restText is the JSON of what an entry does not say otherwise; "" for nothing.
func restText(id string, k policy.KnownRule, plain bool) (string, error) {
	k.Since, k.Order, k.By = time.Time{}, 0, nil
	if plain {
		k.Rule = secgroup.Rule{}
		if reflect.ValueOf(&k).Elem().IsZero() { // whatever fields it will have
			return "", nil
		}
	}
	rest, err := newRest(id, k)
	if err == nil && !plain {
		rest.valueRecord, err = newValueRecord(id, k.Rule)
	}
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(rest)
	return string(text), err
}

func (p *packer) block(r secgroup.Rule, c secgroup.CIDR) {
	p.number(uint64(r.Direction))
	p.signed(int64(r.Protocol))
	p.signed(int64(r.Ports.From))
	p.signed(int64(r.Ports.To))
	p.number(uint64(c.Bits()))
	addr := c.Addr().As16()
	room := addr[:]
	if c.Addr().Is4() {
		room = addr[12:]
	}
	p.number(uint64(len(room)))
	p.bytes = append(p.bytes, room...)
}

// unpackRules reads the packed form.
func unpackRules(packed string) (map[string]policy.KnownRule, error) {
	u := &unpacker{text: packed}
	n := u.number()
	if n > uint64(len(packed)) {
		return nil, errPacked
	}
	rules := make(map[string]policy.KnownRule, n)
	for range n {
		id := u.ruleID()
		k, err := u.entry(id)
		if err != nil {
			return nil, fmt.Errorf("unpack rule %s: %w", id, err)
		}
		if _, twice := rules[id]; twice || u.bad {
			return nil, errPacked
		}
		rules[id] = k
	}
	if u.bad || u.text != "" {
		return nil, errPacked
	}
	return rules, nil
}

func (u *unpacker) entry(id string) (policy.KnownRule, error) {
	has := u.number()
	var plain secgroup.Rule
	if has&hasPlainValue != 0 {
		plain = u.block(id)
	}
	if has&hasDescription != 0 {
		plain.Description = u.word()
	}
	var since time.Time
	if has&hasSince != 0 {
		since = u.time()
	}
	var order int64
	if has&hasOrder != 0 {
		order = u.count()
	}
	var by *attributionRecord
	if has&hasBy != 0 {
		if err := json.Unmarshal([]byte(u.word()), &by); err != nil {
			return policy.KnownRule{}, err
		}
	}
	var rest knownRecord
	if has&hasRest != 0 {
		if err := json.Unmarshal([]byte(u.word()), &rest); err != nil {
			return policy.KnownRule{}, err
		}
	}
	k, err := rest.withoutValue(id)
	if err == nil && has&hasPlainValue == 0 {
		plain, err = rest.rule(id)
	}
	k.Rule, k.Since, k.Order, k.By = plain, since, order, by.attribution()
	return k, err
}

// block reads a rule about a block of addresses, canonical as it was written.
func (u *unpacker) block(id string) secgroup.Rule {
	r := secgroup.Rule{ID: id, Direction: secgroup.Direction(u.number()), Protocol: secgroup.Protocol(u.signed())}
	r.Ports.From, r.Ports.To = int32(u.signed()), int32(u.signed())
	bits := u.number()
	addr, ok := netip.AddrFromSlice([]byte(u.take(min(u.number(), 17)))) // 17 is no length of an address
	if !ok || bits > uint64(addr.BitLen()) {
		u.bad = true
		return r
	}
	r.Peer = secgroup.NewCIDR(netip.PrefixFrom(addr, int(bits)))
	u.bad = u.bad || r.Validate() != nil || r.Canonical().Ports != r.Ports
	return r
}
