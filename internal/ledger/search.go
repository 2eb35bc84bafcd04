package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// Search says which incidents are asked for. The zero value: all that are kept.
type Search struct {
	GroupID string    // "" = of every group: then the whole table is read
	ID      string    // of one incident, or what holds what was told under it (incident.ToldAs); "" = of any
	Since   time.Time // closed at or after it; zero = ever. Open ones are always asked for
}

// Archive reads the incidents of a table, across groups. The guard has no use
// for it: it is for people, and for what reports.
type Archive struct {
	client ArchiveClient
	name   string
}

// ArchiveClient is what an Archive needs of *dynamodb.Client.
type ArchiveClient interface {
	querier
	Scan(ctx context.Context, in *dynamodb.ScanInput, opts ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// ArchivePermissions are the actions that an Archive calls, on its table.
func ArchivePermissions() []string { return []string{"dynamodb:Query", "dynamodb:Scan"} }

// NewArchive makes the archive of the table of that name. It calls nothing.
func NewArchive(client ArchiveClient, name string) *Archive {
	return &Archive{client: client, name: name}
}

// Incidents gives see each incident that is asked for once, as it was last
// written, those of one group after another. The table keeps them by group:
// with Search.GroupID that is one Query, without a Scan of the table (half a
// read unit for every 4 KB of it). An error of see ends the reading.
func (a *Archive) Incidents(ctx context.Context, s Search, see func(incident.Incident) error) error {
	next := a.pagesOf(s)
	var last latest
	for {
		items, more, err := next(ctx)
		if err != nil {
			return fmt.Errorf("read incidents: %w", translate(err))
		}
		for _, entry := range items {
			if err := last.add(entry, s, see); err != nil {
				return err
			}
		}
		if !more {
			return last.flush(see)
		}
	}
}

// Incidents gives the incidents that are asked for, as Archive.Incidents.
func (m *InMemory) Incidents(ctx context.Context, s Search, see func(incident.Incident) error) error {
	if err := check(ctx); err != nil {
		return fmt.Errorf("read incidents: %w", err)
	}
	m.mu.Lock()
	keys := slices.SortedFunc(maps.Keys(m.items), func(a, b key) int { return strings.Compare(a.pk+"\n"+a.sk, b.pk+"\n"+b.sk) })
	var items []attributes
	for _, k := range keys {
		if strings.HasPrefix(k.pk, prefixGroup) && (s.GroupID == "" || k.pk == groupKey(s.GroupID).pk) {
			items = append(items, m.items[k])
		}
	}
	m.mu.Unlock()
	var last latest
	for _, a := range items {
		if err := last.add(a, s, see); err != nil {
			return err
		}
	}
	return last.flush(see)
}

// pagesOf gives a function that reads one page after another of the entries of
// a search. The order within a group is that of the sort keys.
func (a *Archive) pagesOf(s Search) func(context.Context) (items []attributes, more bool, err error) {
	values := attributes{":open": text(prefixOpen), ":since": text(s.firstClosed()), ":end": text(prefixClosed + "~")}
	if s.GroupID != "" {
		return func(ctx context.Context) ([]attributes, bool, error) {
			// One range holds both: open# is before shut#.
			items, err := query(ctx, a.client, a.name, groupKey(s.GroupID).pk, prefixOpen, prefixClosed+"~")
			return items, false, err
		}
	}
	values[":group"] = text(prefixGroup)
	in := &dynamodb.ScanInput{
		TableName:                 &a.name,
		FilterExpression:          aws.String("begins_with(pk, :group) AND (begins_with(sk, :open) OR sk BETWEEN :since AND :end)"),
		ExpressionAttributeValues: values,
	}
	return func(ctx context.Context) ([]attributes, bool, error) {
		out, err := a.client.Scan(ctx, in)
		if err != nil {
			return nil, false, err
		}
		items := make([]attributes, 0, len(out.Items))
		for _, entry := range out.Items {
			items = append(items, entry)
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
		return items, len(out.LastEvaluatedKey) > 0, nil
	}
}

// firstClosed is the first sort key of what was closed since then.
func (s Search) firstClosed() string {
	if s.Since.IsZero() {
		return prefixClosed
	}
	return prefixClosed + s.Since.UTC().Format(keyTime)
}

// latest keeps the newest entry of each incident of the group at hand.
type latest struct {
	pk     string
	newest map[string]newestEntry
}

type newestEntry struct {
	incident       incident.Incident
	open           bool // not ended: newer than all its ended ones
	version, place int64
}

// add takes an entry, and gives see those of the group before once another
// begins. What is no entry, or not asked for, is passed over.
func (l *latest) add(a attributes, s Search, see func(incident.Incident) error) error {
	sk := a.text("sk")
	open := strings.HasPrefix(sk, prefixOpen)
	if !open && (!strings.HasPrefix(sk, prefixClosed) || sk < s.firstClosed()) {
		return nil
	}
	e := newestEntry{open: open}
	var err error
	e.incident, err = decodeEntry(a)
	if s.ID != "" && a.text("incidentId") != s.ID && (err != nil || !e.incident.WasToldAs(s.ID)) {
		return nil
	}
	if pk := a.text("pk"); pk != l.pk {
		if err := l.flush(see); err != nil {
			return err
		}
		l.pk, l.newest = pk, map[string]newestEntry{}
	}
	if err != nil {
		return fmt.Errorf("entry %s: %w", sk, unreadable(err))
	}
	if !open {
		if e.version, err = a.number(attrVersion); err == nil {
			e.place, err = a.number(attrPlace)
		}
		if err != nil {
			return fmt.Errorf("entry %s: %w", sk, unreadable(err))
		}
	}
	if have, ok := l.newest[e.incident.ID]; !ok || e.isAfter(have) {
		l.newest[e.incident.ID] = e
	}
	return nil
}

func (e newestEntry) isAfter(o newestEntry) bool {
	if e.open != o.open {
		return e.open
	}
	return e.version > o.version || e.version == o.version && e.place > o.place
}

// flush gives see what was kept, by when it was opened.
func (l *latest) flush(see func(incident.Incident) error) error {
	all := slices.SortedFunc(maps.Values(l.newest), func(a, b newestEntry) int {
		if c := a.incident.OpenedAt.Compare(b.incident.OpenedAt); c != 0 {
			return c
		}
		return strings.Compare(a.incident.ID, b.incident.ID)
	})
	l.newest = nil
	for _, e := range all {
		if err := see(e.incident); err != nil {
			return err
		}
	}
	return nil
}
