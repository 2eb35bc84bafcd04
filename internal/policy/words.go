package policy

import (
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Words is all that policies name of groups, peers, actors and time: what none
// of them names, they cannot tell apart. Lists are sorted, each entry once.
type Words struct {
	Names      []string // globs on group names, in lower case, regardless of case
	ExactNames []string // the same, where case counts
	Tags       map[string][]string
	IDs        []string // of groups, in scopes and exemptions
	VPCs       []string
	Accounts   []string // of groups
	Regions    []string
	Default    bool // some scope asks whether a group is the default one
	UsedBy     []UseCondition

	OwnVPCs      bool     // some box depends on the blocks of a group's VPCs
	References   bool     // some box has group references
	Self         bool     // some box has the group itself
	PeerGroups   []string // globs on ids of referenced groups
	PeerAccounts []string // accounts of referenced groups, 12 digits
	OwnAccount   bool     // some box has references of the group's own account
	Lists        []string // prefix lists that are meant whatever they hold
	AWSLists     []string // globs on names of lists of AWS, with or without com.amazonaws.REGION.

	Actors  []string    // patterns of exceptions
	Ends    []time.Time // exclusive ends of exceptions and exemptions
	Service bool        // rules that an AWS service made are judged in another way
}

// WordsOf gathers what some policies of the set name, with their exemptions.
func (s *Set) WordsOf(policies []*Policy) Words {
	w := Words{Tags: map[string][]string{}}
	for _, p := range policies {
		w.addScope(p.scope)
		if p.not != nil {
			w.addScope(p.not)
		}
		for _, c := range p.clauses {
			w.addClause(c)
		}
		for _, e := range p.except {
			w.Actors = append(w.Actors, e.Actors...)
			w.addEnd(e.Until)
		}
		w.Service = w.Service || p.shipped
		for _, x := range s.Exemptions {
			if x.Policy == p.ID {
				w.addExemption(x)
			}
		}
	}
	for _, list := range w.lists() {
		*list = asSet(*list)
	}
	for key := range w.Tags {
		w.Tags[key] = asSet(w.Tags[key])
	}
	slices.SortFunc(w.Ends, time.Time.Compare)
	w.Ends = slices.CompactFunc(w.Ends, time.Time.Equal)
	w.UsedBy = sortUse(w.UsedBy)
	return w
}

// Join is all that either names.
func (w Words) Join(o Words) Words {
	out := Words{
		Tags: map[string][]string{}, Default: w.Default || o.Default, OwnVPCs: w.OwnVPCs || o.OwnVPCs, References: w.References || o.References,
		Self: w.Self || o.Self, OwnAccount: w.OwnAccount || o.OwnAccount, Service: w.Service || o.Service,
		Ends: slices.Concat(w.Ends, o.Ends), UsedBy: sortUse(slices.Concat(w.UsedBy, o.UsedBy)),
	}
	a, b := w.lists(), o.lists()
	for i, list := range out.lists() {
		*list = asSet(slices.Concat(*a[i], *b[i]))
	}
	for _, tags := range []map[string][]string{w.Tags, o.Tags} {
		for key, globs := range tags {
			out.Tags[key] = asSet(slices.Concat(out.Tags[key], globs))
		}
	}
	slices.SortFunc(out.Ends, time.Time.Compare)
	out.Ends = slices.CompactFunc(out.Ends, time.Time.Equal)
	return out
}

func (w *Words) lists() []*[]string {
	return []*[]string{
		&w.Names, &w.ExactNames, &w.IDs, &w.VPCs, &w.Accounts, &w.Regions,
		&w.PeerGroups, &w.PeerAccounts, &w.Lists, &w.AWSLists, &w.Actors,
	}
}

func (w *Words) addScope(m *scopeMatcher) {
	if m.foldNames {
		w.Names = append(w.Names, m.names...)
	} else {
		w.ExactNames = append(w.ExactNames, m.names...)
	}
	for key, globs := range m.tags {
		w.Tags[key] = append(w.Tags[key], globs...)
	}
	w.IDs, w.VPCs = append(w.IDs, m.ids...), append(w.VPCs, m.vpcs...)
	w.Accounts, w.Regions = append(w.Accounts, m.accounts...), append(w.Regions, m.regions...)
	w.Default = w.Default || m.isDefault != nil
	if len(m.usedBy) > 0 {
		w.UsedBy = append(w.UsedBy, UseCondition{asSet(slices.Clone(m.usedBy)), m.every})
	}
}

func (w *Words) addClause(c *clause) {
	ps := &c.peers
	w.OwnVPCs = w.OwnVPCs || ps.dependsOnVPCs()
	w.References, w.Self = w.References || ps.hasReferences(), w.Self || ps.self
	for _, g := range ps.groups {
		w.PeerGroups = append(w.PeerGroups, g.ids...)
		switch g.account {
		case "":
		case "self":
			w.OwnAccount = true
		default:
			w.addPeerAccount(g.account)
		}
	}
	w.Lists, w.AWSLists = append(w.Lists, ps.lists...), append(w.AWSLists, ps.awsLists...)
	for _, b := range c.but {
		w.addClause(b)
	}
}

// addPeerAccount: whose a reference is can be said only beside whose the
// group is.
func (w *Words) addPeerAccount(id string) {
	w.PeerAccounts, w.Accounts, w.OwnAccount = append(w.PeerAccounts, id), append(w.Accounts, id), true
}

func (w *Words) addExemption(x Exemption) {
	w.IDs = append(w.IDs, x.Group)
	w.addEnd(x.Until)
	for _, r := range x.Rules {
		switch p := r.Peer.(type) {
		case secgroup.PrefixList:
			w.Lists = append(w.Lists, p.ID)
		case secgroup.GroupReference:
			w.References, w.OwnAccount = true, true
			w.PeerGroups = append(w.PeerGroups, p.GroupID)
			if p.AccountID != "" {
				w.addPeerAccount(p.AccountID)
			}
		}
	}
}

func (w *Words) addEnd(until time.Time) {
	if !until.IsZero() {
		w.Ends = append(w.Ends, until)
	}
}
