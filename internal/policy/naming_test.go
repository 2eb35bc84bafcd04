package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestAFailedCallDoesNotHideTheNext: what changed nothing names nothing.
func TestAFailedCallDoesNotHideTheNext(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	in := swept(s, group(t, "sgr-a ingress tcp/22 from 0.0.0.0/0"))
	failed := authorized(dev, now.Add(time.Minute), in.Live.Rules[0])
	failed.ErrorCode = "UnauthorizedOperation"
	in.Changes = []secgroup.Change{failed}
	require.False(t, s.Evaluate(in).Rules[0].Named)
	in.Changes = append(in.Changes, authorized(dev, now, in.Live.Rules[0]))
	v := s.Evaluate(in).Rules[0]
	require.True(t, v.Named)
	require.Equal(t, now, v.By.EventTime)
}

// TestReferencesAreNamedEitherWay: records and EC2 write the own account or
// leave it out, by id and by value.
func TestReferencesAreNamedEitherWay(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 references"))))
	const with, without = "ingress tcp/22 from " + ownAccount + "/sg-0b", "ingress tcp/22 from sg-0b"
	for _, live := range []string{with, without} {
		for _, said := range []string{with, without} {
			for _, id := range []string{"sgr-a ", ""} {
				in := swept(s, group(t, "sgr-a "+live))
				in.Changes = []secgroup.Change{authorized(dev, now, ruleOf(t, id+said))}
				require.True(t, s.Evaluate(in).Rules[0].Named, "%s, named as %s%s", live, id, said)
			}
		}
	}
	require.Equal(t, secgroup.GroupReference{GroupID: "sg-0b", AccountID: "210987654321"}, ownReference(ruleOf(t, "ingress all from 210987654321/sg-0b"), ownAccount).Peer)
	require.Equal(t, secgroup.GroupReference{GroupID: "sg-0b"}, ownReference(ruleOf(t, "ingress all from sg-0b"), "").Peer)
}

// TestModifiesAreKnownEitherWay: by the name of the call, and by a record that
// tells no direction.
func TestModifiesAreKnownEitherWay(t *testing.T) {
	rule := ruleOf(t, "sgr-a ingress tcp/22 from 0.0.0.0/0")
	change := modified(dev, now, rule)
	require.True(t, (&named{change.Rules[0], &change}).modifies())
	byName := change.Rules[0]
	byName.AnyDirection = false
	require.True(t, (&named{byName, &change}).modifies())
	other := authorized(dev, now, rule)
	require.False(t, (&named{other.Rules[0], &other}).modifies())
	require.True(t, (&named{change.Rules[0], &other}).modifies())
}

// TestTriageWithoutAGroup: a record that does not say which group it is about
// may be about any.
func TestTriageWithoutAGroup(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	c := authorized(dev, now, ruleOf(t, "sgr-a ingress tcp/22 from 0.0.0.0/0"))
	require.NotEqual(t, NotConcerned, s.Triage(c, nil))
	c.Groups = nil
	require.NotEqual(t, NotConcerned, s.Triage(c, nil))
}
