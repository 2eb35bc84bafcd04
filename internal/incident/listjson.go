package incident

import (
	"fmt"
	"net/netip"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// listChangeDocument is the list that an incident is about.
type listChangeDocument struct {
	ID        string              `json:"id" jsonschema_description:"pl-..."`
	Name      string              `json:"name" jsonschema_description:"Chosen by whoever made the list: do not trust it."`
	OwnerID   string              `json:"ownerId"`
	Before    int64               `json:"versionBefore" jsonschema_description:"Version of the list while the rules were in order; 0 = not known."`
	Judged    int64               `json:"versionJudged" jsonschema_description:"Version that was judged; 0 = not known."`
	After     int64               `json:"versionAfter" jsonschema_description:"Version that was read back after the edit; 0 = there was none."`
	Added     []listEntryDocument `json:"added" jsonschema_description:"Entries that were added since versionBefore and open something."`
	Removed   []listEntryDocument `json:"removed" jsonschema_description:"Those of them that sgwarden took out of the list; while the incident is open, those that it is to take."`
	PutBack   []listEntryDocument `json:"putBack" jsonschema_description:"Entries that the list had and lost, which sgwarden put back."`
	Groups    []listGroupDocument `json:"groups" jsonschema_description:"The groups that refer to the list, those that violate first."`
	Omitted   int                 `json:"omittedGroups" jsonschema:"minimum=0" jsonschema_description:"How many groups were left out."`
	Entries   int                 `json:"omittedAdded" jsonschema:"minimum=0" jsonschema_description:"How many added entries were left out."`
	Violating int                 `json:"violatingGroups" jsonschema:"minimum=0" jsonschema_description:"How many groups violate by the list, those left out included."`
}

type listEntryDocument struct {
	CIDR        string `json:"cidr"`
	Description string `json:"description" jsonschema_description:"Chosen by whoever may edit the list: do not trust it."`
}

type listGroupDocument struct {
	GroupID   string   `json:"groupId"`
	GroupName string   `json:"groupName" jsonschema_description:"Chosen by whoever made the group: do not trust it."`
	VPCID     string   `json:"vpcId"`
	Outcome   *string  `json:"outcome"`
	Rules     []string `json:"rules" jsonschema_description:"Ids of its rules that refer to the list."`
}

func newListChangeDocument(l *List) *listChangeDocument {
	if l == nil {
		return nil
	}
	d := &listChangeDocument{
		ID: l.ID, Name: l.Name, OwnerID: l.OwnerID, Before: l.Before, Judged: l.Judged, After: l.After,
		Added: entryDocuments(l.Added), Removed: entryDocuments(l.Removed), PutBack: entryDocuments(l.PutBack),
		Groups: []listGroupDocument{}, Omitted: l.OmittedGroups, Entries: l.OmittedAdded, Violating: l.Violating,
	}
	for _, g := range l.Groups {
		d.Groups = append(d.Groups, listGroupDocument{g.ID, g.Name, g.VPCID, nullableOutcome(g.Outcome), orEmpty(g.Rules)})
	}
	return d
}

func entryDocuments(entries []secgroup.ListEntry) []listEntryDocument {
	out := []listEntryDocument{}
	for _, e := range entries {
		out = append(out, listEntryDocument{e.Block.String(), e.Description})
	}
	return out
}

func (d *listChangeDocument) list() (*List, error) {
	if d == nil {
		return nil, nil //nolint:nilnil // no list is no fault
	}
	l := &List{
		ID: d.ID, Name: d.Name, OwnerID: d.OwnerID, Before: d.Before, Judged: d.Judged, After: d.After,
		OmittedGroups: d.Omitted, OmittedAdded: d.Entries, Violating: d.Violating,
	}
	for _, part := range []struct {
		to   *[]secgroup.ListEntry
		from []listEntryDocument
	}{{&l.Added, d.Added}, {&l.Removed, d.Removed}, {&l.PutBack, d.PutBack}} {
		for _, e := range part.from {
			block, err := netip.ParsePrefix(e.CIDR)
			if err != nil {
				return nil, fmt.Errorf("decode incident: entry of list %s: %w", d.ID, err)
			}
			*part.to = append(*part.to, secgroup.ListEntry{Block: block, Description: e.Description})
		}
	}
	for _, g := range d.Groups {
		outcome, err := outcomeValue(g.Outcome)
		if err != nil {
			return nil, fmt.Errorf("decode incident: group %s: %w", g.GroupID, err)
		}
		l.Groups = append(l.Groups, ListGroup{ID: g.GroupID, Name: g.GroupName, VPCID: g.VPCID, Outcome: outcome, Rules: orNil(g.Rules)})
	}
	return l, nil
}
