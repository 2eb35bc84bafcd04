package soak

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// Tally counts what happened in a run.
type Tally struct {
	States       int
	Calls        map[string]int // transitions, by API call
	Refused      int            // calls that EC2 refused
	RefusedAs    map[string]int
	Ways         map[string]int // deliveries by kind
	Outcomes     map[string]int // of messages
	RuleOutcomes map[string]int // of rules
	Messages     map[string]int // alerts by event type
	Lists        map[string]int // alerts about prefix lists, by what they say
	Faults       map[string]int
	Kills        map[string]int
	Checks       map[string]int // by property
	Dockets      map[string]int // episodes by policy set
}

func newTally() *Tally {
	t := &Tally{}
	for _, m := range t.tables() {
		*m.counts = map[string]int{}
	}
	return t
}

func (t *Tally) check(property string) { t.Checks[property]++ }

// table is one table of counters with every key that a run must reach.
type table struct {
	title  string
	counts *map[string]int
	expect []string
}

// tables are all tables, with the complete lists of what can happen today.
func (t *Tally) tables() []table {
	var kills []string
	for _, names := range [][]string{changingCalls, effectNames} {
		for _, name := range names {
			kills = append(kills, "before "+name, "after "+name)
		}
	}
	var sets []string
	for _, d := range dockets {
		sets = append(sets, d.name)
	}
	return []table{
		{"policy sets (episodes)", &t.Dockets, sets},
		{"transitions by call", &t.Calls, transitions},
		{"refused by EC2 as", &t.RefusedAs, nil},
		{"deliveries by kind", &t.Ways, []string{
			"in order", "shuffled", "batch", "late", "duplicate", "log file", "lost", "hostile", "sweep", "own message", "pass",
		}},
		{"outcomes of messages", &t.Outcomes, outcomes},
		{"outcomes of rules", &t.RuleOutcomes, ruleOutcomes},
		{"messages by event type", &t.Messages, []string{"opened", "acted", "resolved", "attributed", "contested", "reminder", "undone", overwrittenLate, overwrittenInTime}},
		{"messages about prefix lists", &t.Lists, ofLists},
		{"faults", &t.Faults, faultNames},
		{"kill points", &t.Kills, kills},
		{"checks by property", &t.Checks, properties},
	}
}

var (
	transitions = []string{
		"AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress",
		"ModifySecurityGroupRules", "CreateSecurityGroup", "DeleteSecurityGroup", "UpdateSecurityGroupRuleDescriptionsIngress",
		"UpdateSecurityGroupRuleDescriptionsEgress", "CreateTags", "DeleteTags", "CreateManagedPrefixList", "ModifyManagedPrefixList",
		"the same once more", "operator: pause", "operator: resume", "operator: exempt", "operator: end an exemption",
		"operator: undo", "operator: undo in place", "operator: undo of a list", "operator: undo of a rule that was gone", "an exemption lapses", "operator: pause --hard",
		"operator: resume --hard", "operator: redrive", "operator: resume a policy", "a list opens no more than it did",
	}
	outcomes = []string{
		"ignored", "compliant", "gone", "already-compliant", "exempt", "observed", "alerted", "tagged", "narrowed", "reverted", "pending",
		"not-reverted", "unresolved", "cannot-remediate",
	}
	// A rule is never ignored: calls are.
	ruleOutcomes = outcomes[1:]
	faultNames   = []string{
		"throttle", "500", "lost request", "lost answer", "500 after", "denied", "denied for a while", "no-op", "stale read",
		"ledger down", "conflict", "lost write", "publish failed", "published without answer", "queue failed", "race",
	}
	properties = []string{
		"P1 after rest no rule is due", "P1 what is acknowledged is done", "P2 another look changes and says nothing",
		"P2 permuted and repeated events leave the same flows", "P3 nothing is granted that was not granted", "P3 a restored rule was that once",
		"P4 what is to be kept is open at each moment", "P5 no compliant rule is touched", "P6 rules read back and are canonical once",
		"P6 equality is equality of packets", "P7 no bytes make it panic", "P8 messages parse back and are harmless", "P8 log lines parse back",
		"P8 documents parse back", "outcomes tell the truth", "alerts tell the truth", "what is not finished comes again",
		"the chain of incidents verifies", "nothing stays open at rest", "what was done is told, once",
		"what is only watched is told", "a change that was overwritten is told truly, and once", "the item knows what is live", "P5 what was compliant after all is put back, or said",
		"undo closes nothing at any moment", "undo restores the flows exactly", "what an operator put back is told",
		"the fuse bounds what nobody asked for", "undo of a list puts back what was taken out",
		"an undoing of a list is told of rules that may have it",
	}
)

// add counts another tally's counts too.
func (t *Tally) add(o *Tally) {
	t.States, t.Refused = t.States+o.States, t.Refused+o.Refused
	others := o.tables()
	for n, mine := range t.tables() {
		for key, count := range *others[n].counts {
			(*mine.counts)[key] += count
		}
	}
}

// missing names every counter that is zero and must not be.
func (t *Tally) missing() (out []string) {
	for _, table := range t.tables() {
		for _, key := range table.expect {
			if (*table.counts)[key] == 0 {
				out = append(out, table.title+": "+key)
			}
		}
	}
	return out
}

// write prints the tables.
func (t *Tally) write(w *strings.Builder) {
	total := func(m map[string]int) (n int) {
		for _, count := range m {
			n += count
		}
		return n
	}
	for _, table := range t.tables() {
		fmt.Fprintf(w, "%s: %d\n", table.title, total(*table.counts))
		keys := table.expect
		if keys == nil {
			keys = sortedKeys(*table.counts)
		}
		for _, key := range keys {
			fmt.Fprintf(w, "  %9d  %s\n", (*table.counts)[key], key)
		}
		for _, key := range sortedKeys(*table.counts) {
			if table.expect != nil && !slices.Contains(table.expect, key) {
				fmt.Fprintf(w, "  %9d  %s (not on the list)\n", (*table.counts)[key], key)
			}
		}
	}
}

// digest is the sum of all that was done and said in an episode.
type digest struct{ hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

func (d digest) text(s string) {
	_, _ = io.WriteString(d, s) // a hash takes everything
	_, _ = d.Write([]byte{'\n'})
}

func (d digest) String() string { return hex.EncodeToString(d.Sum(nil)[:8]) }
