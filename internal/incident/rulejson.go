package incident

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// EncodeRule writes a rule as incident documents carry it, in canonical form:
// every key but the peer's, which is one of cidrIpv4, cidrIpv6, prefixListId
// and referencedGroup. Entries of a prefix list are left out.
func EncodeRule(r secgroup.Rule) ([]byte, error) { return encode(newValueDocument(r)) }

// DecodeRule is the inverse of EncodeRule. The key text is not read.
func DecodeRule(text []byte) (secgroup.Rule, error) {
	var d valueDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return secgroup.Rule{}, fmt.Errorf("decode rule: %w", err)
	}
	return d.rule()
}

func newValueDocument(r secgroup.Rule) valueDocument {
	r = r.Canonical()
	d := valueDocument{
		ID: r.ID, Text: r.String(), Direction: nullableDirection(r.Direction), Protocol: r.Protocol.API(),
		FromPort: r.Ports.From, ToPort: r.Ports.To, Description: r.Description, Tags: orEmptyMap(r.Tags),
	}
	switch p := r.Peer.(type) {
	case secgroup.CIDR:
		if p.Addr().Is4() {
			d.CIDRIPv4 = p.String()
		} else {
			d.CIDRIPv6 = p.String()
		}
	case secgroup.PrefixList:
		d.ListID = p.ID
		if p.Name != "" || p.OwnerID != "" || p.Version != 0 || p.Refused != "" {
			d.List = &listDocument{p.Name, p.OwnerID, p.Version, p.Refused}
		}
	case secgroup.GroupReference:
		d.Reference = &referenceDocument{p.GroupID, p.AccountID, p.PeeringID}
	}
	return d
}

func (d valueDocument) rule() (secgroup.Rule, error) {
	r := secgroup.Rule{
		ID: d.ID, Ports: secgroup.Ports{From: d.FromPort, To: d.ToPort}, Description: d.Description, Tags: orNilMap(d.Tags),
	}
	var err error
	if r.Direction, err = directionValue(d.Direction); err != nil {
		return secgroup.Rule{}, fmt.Errorf("decode rule: %w", err)
	}
	if r.Protocol, err = secgroup.ParseProtocol(d.Protocol); err != nil {
		return secgroup.Rule{}, fmt.Errorf("decode rule: %w", err)
	}
	if r.Peer, err = d.peer(); err != nil {
		return secgroup.Rule{}, fmt.Errorf("decode rule: %w", err)
	}
	return r.Canonical(), nil
}

// peer is nil, without error, where the document has none.
func (d valueDocument) peer() (secgroup.Peer, error) {
	var peers []secgroup.Peer
	for _, text := range []string{d.CIDRIPv4, d.CIDRIPv6} {
		if text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		peers = append(peers, secgroup.NewCIDR(p))
	}
	if d.ListID != "" {
		list := secgroup.PrefixList{ID: d.ListID}
		if l := d.List; l != nil {
			list.Name, list.OwnerID, list.Version, list.Refused = l.Name, l.OwnerID, l.Version, l.Refused
		}
		peers = append(peers, list)
	}
	if g := d.Reference; g != nil {
		peers = append(peers, secgroup.GroupReference{GroupID: g.GroupID, AccountID: g.AccountID, PeeringID: g.PeeringID})
	}
	switch len(peers) {
	case 0:
		return nil, nil
	case 1:
		return peers[0], nil
	}
	return nil, errors.New("more than one peer")
}

func newValueDocuments(rules []secgroup.Rule) []valueDocument {
	all := []valueDocument{}
	for _, r := range rules {
		all = append(all, newValueDocument(r))
	}
	return all
}

func newStandingDocument(r Rule) standingDocument {
	d := standingDocument{
		ID: r.ID, Direction: nullableDirection(r.Direction), After: newValueDocuments(r.After),
		Excess: []string{}, Omitted: r.OmittedExcess, Policies: orEmpty(r.Policies), Lacks: orEmpty(r.Lacks), Reason: r.Reason,
	}
	if r.Before != nil {
		before := newValueDocument(*r.Before)
		d.Before = &before
	}
	for _, e := range r.Excess {
		d.Excess = append(d.Excess, e.String())
	}
	return d
}

func newRuleDocument(r Rule) ruleDocument {
	return ruleDocument{newStandingDocument(r), nullableOutcome(r.Outcome), r.GroupID, r.Restored, r.Fallback}
}

func (d standingDocument) rule() (Rule, error) {
	r := Rule{ID: d.ID, OmittedExcess: d.Omitted, Policies: orNil(d.Policies), Lacks: orNil(d.Lacks), Reason: d.Reason}
	var err error
	if r.Direction, err = directionValue(d.Direction); err != nil {
		return Rule{}, err
	}
	if d.Before != nil {
		before, err := d.Before.rule()
		if err != nil {
			return Rule{}, err
		}
		r.Before = &before
	}
	for _, v := range d.After {
		after, err := v.rule()
		if err != nil {
			return Rule{}, err
		}
		r.After = append(r.After, after)
	}
	for _, text := range d.Excess {
		excess, err := secgroup.ParseRule(text)
		if err != nil {
			return Rule{}, err
		}
		r.Excess = append(r.Excess, excess)
	}
	return r, nil
}

func (d ruleDocument) rule() (Rule, error) {
	r, err := d.standingDocument.rule()
	if err != nil {
		return Rule{}, err
	}
	if r.Outcome, err = outcomeValue(d.Outcome); err != nil {
		return Rule{}, err
	}
	r.GroupID, r.Restored, r.Fallback = d.GroupID, d.Restored, d.Fallback
	return r, nil
}
