package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// byOps is an account whose group A lets a list in, as a role did whose rules are let
// be, and where that was told.
func byOps(t *testing.T, blocks ...string) *world {
	t.Helper()
	w := newWorld(t, policyText("ssh", "revert", exceptOps))
	w.holds(ownList, blocks...)
	r := w.ec2.add(groupA, parse(t, sshList))
	made := w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, actor: "arn:aws:iam::123456789012:role/ops", rules: []secgroup.Rule{r}})
	require.Equal(t, incident.Exempt, w.decisions(made, 1)[groupA].Outcome)
	w.wait(time.Hour)
	w.reset()
	return w
}

// TestAListThatOpensNoMoreStaysItsActors: what is taken out of a list, and what is
// written otherwise, is no growth, and starts nothing.
func TestAListThatOpensNoMoreStaysItsActors(t *testing.T) {
	for name, blocks := range map[string][]string{
		"it lost an entry":         {"9.0.0.0/8"},
		"in another order":         {"8.8.8.0/29", "9.0.0.0/8"},
		"in two halves":            {"8.8.8.0/30", "8.8.8.4/30", "9.0.0.0/8"},
		"a part of what it had":    {"9.0.0.0/8", "9.9.0.0/16"},
		"a part that it had whole": {"9.9.0.0/16"},
	} {
		t.Run(name, func(t *testing.T) {
			w := byOps(t, "9.0.0.0/8", "8.8.8.0/29")
			w.holds(ownList, blocks...)
			w.decisions(w.edit(1), 1)
			for range 3 {
				w.wait(attributedLater)
				w.sweptOutcomes(groupA)
			}
			w.requireOpen(groupA, sshList)
			require.Equal(t, blocks, w.blocks(ownList))
			require.Empty(t, w.ofLists())
			for _, said := range w.sent() {
				require.Equal(t, "opened exempt", said, "as once a day")
			}
			for _, k := range w.memory(groupA).Known.Rules {
				require.NotNil(t, k.By, "it stays the rule of who made it")
			}
		})
	}
}

// TestAListThatLostWhatItGotIsItsActorsAgain, whoever takes that out of it.
func TestAListThatLostWhatItGotIsItsActorsAgain(t *testing.T) {
	t.Run("an actor, while it is paused", func(t *testing.T) {
		w := byOps(t, "9.0.0.0/8")
		w.pause("")
		w.holds(ownList, "9.0.0.0/8", "11.0.0.0/8")
		w.decisions(w.edit(1), 1)
		w.wait(attributedLater)
		w.sweptOutcomes(groupA)
		w.holds(ownList, "9.0.0.0/8")
		w.decisions(w.edit(2), 1)
		w.resume("")
		for range 3 {
			w.wait(attributedLater)
			w.sweptOutcomes(groupA)
			w.looks(ownList)
		}
		w.requireOpen(groupA, sshList)
		require.Zero(t, w.ec2.count("Mutations"))
		require.Empty(t, w.memory(ownList).Open)
	})
	t.Run("the guard", func(t *testing.T) {
		w := byOps(t, "9.0.0.0/8")
		w.holds(ownList, "9.0.0.0/8", "11.0.0.0/8")
		w.decisions(w.edit(1), 1)
		for range 4 {
			w.wait(attributedLater)
			w.sweptOutcomes(groupA)
		}
		w.requireOpen(groupA, sshList)
		require.Equal(t, []string{"9.0.0.0/8"}, w.blocks(ownList), "the growth went, and nothing else")
		require.Equal(t, []string{"acted reverted"}, w.ofLists())
	})
	t.Run("not where what it held cannot be read", func(t *testing.T) {
		w := byOps(t, "9.0.0.0/8", "8.8.8.0/29")
		w.ec2.oldErr = incident.ErrDenied
		w.holds(ownList, "9.0.0.0/8")
		w.decisions(w.edit(1), 1)
		w.wait(attributedLater)
		w.sweptOutcomes(groupA)
		w.requireOpen(groupA, sshList)
		require.Equal(t, []string{"opened alerted"}, w.ofLists(), "nobody knows that it opens no more: it is told")
	})
}

// TestAMarkPassesOnToAListThatOpensLess: a marked rule does not become due because its
// list lost something; growth suspends the mark, which returns with the entries.
func TestAMarkPassesOnToAListThatOpensLess(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.holds(ownList, "9.0.0.0/8", "11.0.0.0/8")
	r := w.ec2.add(groupA, parse(t, sshList))
	w.mark(groupA, r, "ssh")
	mem := w.memory(groupA)
	k := mem.Known.Rules[r.ID]
	list := w.ec2.lists[ownList]
	k.Rule.Peer, k.ListDigest = secgroup.PrefixList{ID: ownList, Version: list.Version}, policy.ListDigest(list.Entries)
	mem.Known.Rules[r.ID] = k
	require.NoError(t, w.store.Close(t.Context(), incident.Closing{GroupID: groupA, Version: mem.Known.Version, Known: mem.Known, Now: noon}))

	w.holds(ownList, "9.0.0.0/8")
	w.decisions(w.edit(1), 1)
	w.wait(time.Minute)
	w.sweptOutcomes(groupA)
	require.Empty(t, w.sent())
	require.Equal(t, []string{"ssh"}, w.memory(groupA).Known.Rules[r.ID].Baseline)

	w.wait(time.Hour)
	w.holds(ownList, "9.0.0.0/8", "11.0.0.0/8")
	w.decisions(w.edit(2), 1)
	w.wait(time.Minute)
	w.sweptOutcomes(groupA)
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Equal(t, []string{"9.0.0.0/8"}, w.blocks(ownList))
	w.requireOpen(groupA, sshList)
}
