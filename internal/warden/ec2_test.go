package warden

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// ec2Double is EC2 as far as a warden sees it: strict, counting, and able to
// lie. It is Inventory and Applier at once.
type ec2Double struct {
	w  *world
	mu sync.Mutex

	groups map[string]*secgroup.Group
	lists  map[string]secgroup.PrefixList
	// described are the entries of a list, by version; changing and synced are what
	// else EC2 tells of it, users who else refers to it.
	described        map[string]map[int64][]secgroup.ListEntry
	changing         map[string]int // how many more reads show a change under way
	synced           map[string]bool
	users            []secgroup.ListUser
	usersErr, oldErr error
	// unclear is a group that is not understood, or cannot be read for unclearErr.
	unclear    string
	shadow     map[string]secgroup.PrefixList // lists that cannot be read for now
	unclearErr error
	blocks     []netip.Prefix // of the VPC

	interfaces map[string][]string // by group
	kinds      []secgroup.InterfaceKind
	dead       map[string][]string // references, by group
	elastic    []netip.Addr
	hidden     map[string]time.Time // rule id -> when Describe shows it
	next       int
	calls      []string
	asked      [][]string // ids that Rules was asked for; nil = all

	// on is asked before each call ("Group", "Rules", "RevokeSecurityGroupIngress"
	// ...); an error is the answer, and nothing is done. after runs behind it.
	on    func(name string) error
	after func(name string)
	// swallow answers success to mutations and does nothing.
	swallow bool
	// silent does what is asked, and answers with an error all the same.
	silent error
}

func newEC2Double(w *world) *ec2Double {
	e := &ec2Double{w: w, groups: map[string]*secgroup.Group{}, lists: map[string]secgroup.PrefixList{}, described: map[string]map[int64][]secgroup.ListEntry{}, changing: map[string]int{}, synced: map[string]bool{}, hidden: map[string]time.Time{}}
	e.make(groupA, "web")
	e.make(groupB, "db")
	return e
}

func (e *ec2Double) make(id, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.groups[id] = &secgroup.Group{ID: id, Name: name, AccountID: account, Region: region, VPCID: vpcA, Tags: map[string]string{"tier": "web"}}
}

func (e *ec2Double) add(group string, r secgroup.Rule) secgroup.Rule {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.next++
	r.ID = fmt.Sprintf("sgr-%017x", e.next)
	e.groups[group].Rules = append(e.groups[group].Rules, r)
	return r
}

// hide keeps a rule from being seen until a time.
func (e *ec2Double) hide(id string, until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hidden[id] = until
}

func (e *ec2Double) reveal(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, until := range e.hidden {
		if !until.After(now) {
			delete(e.hidden, id)
		}
	}
}

func (e *ec2Double) put(group string, r secgroup.Rule) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, old := range e.groups[group].Rules {
		if old.ID == r.ID {
			e.groups[group].Rules[i] = r
			return
		}
	}
	e.groups[group].Rules = append(e.groups[group].Rules, r)
}

func (e *ec2Double) remove(group, id string) secgroup.Rule {
	e.mu.Lock()
	defer e.mu.Unlock()
	var gone secgroup.Rule
	g := e.groups[group]
	g.Rules = slices.DeleteFunc(slices.Clone(g.Rules), func(r secgroup.Rule) bool {
		if r.ID == id {
			gone = r
		}
		return r.ID == id
	})
	return gone
}

func (e *ec2Double) drop(group string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.groups, group)
}

func (e *ec2Double) group(id string) []secgroup.Rule {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.groups[id] == nil {
		return nil
	}
	return slices.Clone(e.groups[id].Rules)
}

func (e *ec2Double) begin(name string) error {
	e.mu.Lock()
	e.calls = append(e.calls, name)
	e.mu.Unlock()
	if e.on != nil {
		return e.on(name)
	}
	return nil
}

func (e *ec2Double) end(name string) {
	if e.after != nil {
		e.after(name)
	}
}

// count is how often calls of a name were made; "Mutations" are all writes.
func (e *ec2Double) count(name string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, c := range e.calls {
		mutation := strings.HasPrefix(c, "Revoke") || strings.HasPrefix(c, "Authorize") || strings.HasPrefix(c, "Modify") || c == "CreateTags"
		if c == name || name == "Mutations" && mutation {
			n++
		}
	}
	return n
}

func (e *ec2Double) Group(_ context.Context, id string) (secgroup.Group, error) {
	if err := e.begin("Group"); err != nil {
		return secgroup.Group{}, err
	}
	defer e.end("Group")
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.unclear == id {
		return secgroup.Group{}, fmt.Errorf("group %s: %w", id, cmp.Or(e.unclearErr, errors.New("a rule has no peer")))
	}
	g := e.groups[id]
	if g == nil || !e.visible(id) {
		return secgroup.Group{}, fmt.Errorf("describe %s: %w", id, incident.ErrGone)
	}
	out := *g
	out.Rules = e.shown(g)
	return out, nil
}

func (e *ec2Double) visible(id string) bool { _, hidden := e.hidden[id]; return !hidden }

func (e *ec2Double) shown(g *secgroup.Group) []secgroup.Rule {
	out := []secgroup.Rule{}
	for _, r := range g.Rules {
		if e.visible(r.ID) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b secgroup.Rule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func (e *ec2Double) Rules(_ context.Context, id string, only ...string) ([]secgroup.Rule, error) {
	e.mu.Lock()
	e.asked = append(e.asked, only)
	e.mu.Unlock()
	if err := e.begin("Rules"); err != nil {
		return nil, err
	}
	defer e.end("Rules")
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.groups[id] == nil || !e.visible(id) {
		return nil, nil // DescribeSecurityGroupRules only filters
	}
	return slices.DeleteFunc(e.shown(e.groups[id]), func(r secgroup.Rule) bool {
		return len(only) > 0 && !slices.Contains(only, r.ID)
	}), nil
}

func (e *ec2Double) Named(_ context.Context, name string) ([]string, error) {
	if err := e.begin("Named"); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for id, g := range e.groups {
		if strings.EqualFold(g.Name, name) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (e *ec2Double) Interfaces(_ context.Context, groupID string) ([]string, bool, error) {
	return e.interfaces[groupID], false, e.begin("Interfaces")
}

func (e *ec2Double) Users(context.Context, string) ([]secgroup.InterfaceKind, error) {
	return e.kinds, e.begin("Users")
}

func (e *ec2Double) DeadReferences(context.Context, string) (map[string][]string, error) {
	return e.dead, e.begin("DeadReferences")
}

func (e *ec2Double) Groups(context.Context) ([]secgroup.Group, error) {
	if err := e.begin("Groups"); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []secgroup.Group
	for _, id := range slices.Sorted(maps.Keys(e.groups)) {
		g := *e.groups[id]
		g.Rules = e.shown(e.groups[id])
		out = append(out, g)
	}
	return out, nil
}

// EachGroup gives one group a page.
func (e *ec2Double) EachGroup(_ context.Context, token string, see func(secgroup.Group, error)) (next string, err error) {
	if err := e.begin("EachGroup"); err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	ids := slices.Sorted(maps.Keys(e.groups))
	at := max(slices.Index(ids, token), 0)
	if at < len(ids) {
		g := *e.groups[ids[at]]
		g.Rules = e.shown(e.groups[ids[at]])
		see(g, nil)
	}
	if at+1 < len(ids) {
		next = ids[at+1]
	}
	return next, nil
}

func (e *ec2Double) ElasticAddresses(context.Context) ([]netip.Addr, error) {
	return e.elastic, e.begin("ElasticAddresses")
}

func (e *ec2Double) VPCs(context.Context, secgroup.Group) ([]secgroup.VPC, error) {
	return []secgroup.VPC{{ID: vpcA, CIDRs: e.blocks}}, e.begin("VPCs")
}

func (e *ec2Double) List(_ context.Context, id string) (secgroup.PrefixList, error) {
	if err := e.begin("List"); err != nil {
		return secgroup.PrefixList{}, err
	}
	l, ok := e.lists[id]
	if !ok {
		return secgroup.PrefixList{ID: id, Refused: "not permitted"}, nil
	}
	return l, nil
}

func (e *ec2Double) Managed(_ context.Context, id string) (secgroup.ManagedList, error) {
	if err := e.begin("Managed"); err != nil {
		return secgroup.ManagedList{}, err
	}
	defer e.end("Managed")
	e.mu.Lock()
	defer e.mu.Unlock()
	l, ok := e.lists[id]
	if !ok {
		return secgroup.ManagedList{PrefixList: secgroup.PrefixList{ID: id, Refused: "not permitted"}}, nil
	}
	out := secgroup.ManagedList{PrefixList: l, Described: slices.Clone(e.described[id][l.Version]), MaxEntries: 100, Synced: e.synced[id]}
	if e.changing[id] > 0 {
		e.changing[id]--
		out.Changing = "modify-in-progress"
	}
	return out, nil
}

func (e *ec2Double) EntriesAt(_ context.Context, id string, version int64) ([]secgroup.ListEntry, error) {
	if err := e.begin("EntriesAt"); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	entries, ok := e.described[id][version]
	if !ok || e.oldErr != nil {
		return nil, cmp.Or(e.oldErr, incident.ErrInvalid)
	}
	return entries, nil
}

func (e *ec2Double) ListUsers(_ context.Context, id string) ([]secgroup.ListUser, error) {
	if err := e.begin("ListUsers"); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	users := slices.Clone(e.users)
	for _, g := range e.groups {
		if slices.ContainsFunc(g.Rules, func(r secgroup.Rule) bool { return r.Peer.Key() == id }) {
			users = append(users, secgroup.ListUser{ID: g.ID, OwnerID: account})
		}
	}
	return users, e.usersErr
}

// setList gives a list its entries as its next version.
func (e *ec2Double) setList(id string, entries []secgroup.ListEntry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.nextVersion(id, entries)
}

func (e *ec2Double) nextVersion(id string, entries []secgroup.ListEntry) {
	l := e.lists[id]
	l.ID, l.Readable, l.Entries = id, true, secgroup.Blocks(entries)
	l.OwnerID = cmp.Or(l.OwnerID, account)
	l.Version++
	if e.described[id] == nil {
		e.described[id] = map[int64][]secgroup.ListEntry{}
	}
	e.described[id][l.Version] = entries
	e.lists[id] = l
}

func (e *ec2Double) editList(a plan.EditList) error {
	l, ok := e.lists[a.ListID]
	switch {
	case !ok:
		return fmt.Errorf("edit %s: %w", a.ListID, incident.ErrGone)
	case l.Version != a.Version || e.changing[a.ListID] > 0:
		return fmt.Errorf("edit %s: %w", a.ListID, incident.ErrConflict)
	}
	entries := e.described[a.ListID][l.Version]
	for _, block := range a.Remove {
		if !secgroup.HasEntry(entries, block) {
			return fmt.Errorf("edit %s: no entry %s: %w", a.ListID, block, incident.ErrInvalid)
		}
	}
	e.nextVersion(a.ListID, a.After(entries))
	return nil
}

// Apply does what EC2 does, and refuses what EC2 refuses, atomically.
func (e *ec2Double) Apply(_ context.Context, a plan.Action) incident.Result {
	if err := e.begin(a.Call()); err != nil {
		return incident.Result{Err: err}
	}
	defer e.end(a.Call())
	e.mu.Lock()
	defer e.mu.Unlock()
	e.next++
	res := incident.Result{RequestIDs: []string{fmt.Sprintf("own-%d", e.next)}}
	if e.swallow {
		return res
	}
	switch a := a.(type) {
	case plan.Revoke:
		res.Removed, res.Err = e.revoke(a)
	case plan.Modify:
		res.Err = e.modify(a)
	case plan.Authorize:
		res.Added, res.Err = e.authorize(a)
	case plan.EditList:
		res.Err = e.editList(a)
	case plan.Tag:
		if g := e.groups[a.GroupID]; a.OfGroup && g != nil {
			g.Tags = a.Tags
		}
		for _, r := range a.Rules {
			for i, live := range e.groups[a.GroupID].Rules {
				if live.ID == r.ID {
					e.groups[a.GroupID].Rules[i].Tags = a.Tags
				}
			}
		}
	}
	if e.silent != nil {
		return incident.Result{Err: e.silent}
	}
	return res
}

// revoke takes what is there, and names what is not, as the applier does.
func (e *ec2Double) revoke(a plan.Revoke) (removed []secgroup.Rule, err error) {
	g := e.groups[a.GroupID]
	if g == nil {
		return nil, fmt.Errorf("revoke: %w", incident.ErrGone)
	}
	for _, r := range a.Rules {
		i := slices.IndexFunc(g.Rules, func(l secgroup.Rule) bool { return l.ID == r.ID && l.Direction == a.Direction })
		if i < 0 {
			err = errors.Join(err, fmt.Errorf("revoke %s: %w", r.ID, incident.ErrGone))
			continue
		}
		removed = append(removed, g.Rules[i])
	}
	g.Rules = slices.DeleteFunc(slices.Clone(g.Rules), func(l secgroup.Rule) bool {
		return slices.ContainsFunc(removed, func(r secgroup.Rule) bool { return r.ID == l.ID })
	})
	return removed, err
}

func (e *ec2Double) modify(a plan.Modify) error {
	g := e.groups[a.GroupID]
	i := slices.IndexFunc(g.Rules, func(l secgroup.Rule) bool { return l.ID == a.From.ID })
	if i < 0 {
		return fmt.Errorf("modify %s: %w", a.From.ID, incident.ErrGone)
	}
	for _, l := range g.Rules {
		if l.ID != a.To.ID && l.SameValue(a.To) {
			return fmt.Errorf("modify %s: %w", a.From.ID, incident.ErrDuplicate)
		}
	}
	g.Rules[i] = a.To
	return nil
}

func (e *ec2Double) authorize(a plan.Authorize) (added []secgroup.Rule, err error) {
	g := e.groups[a.GroupID]
	for _, r := range a.Rules {
		if slices.ContainsFunc(g.Rules, r.SameValue) {
			return nil, fmt.Errorf("authorize %s: %w", r, incident.ErrDuplicate)
		}
	}
	for _, r := range a.Rules {
		e.next++
		r.ID = fmt.Sprintf("sgr-%017x", e.next)
		added = append(added, r)
	}
	g.Rules = append(g.Rules, added...)
	return added, nil
}

// requireOpen fails the test if one of the texts is not a live rule.
func (w *world) requireOpen(group string, texts ...string) {
	w.t.Helper()
	require.ElementsMatch(w.t, texts, w.texts(group))
}
