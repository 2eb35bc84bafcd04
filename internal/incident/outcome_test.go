package incident_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// The list and its order are a public contract: this is a copy, worst first.
var worstFirst = []string{
	"cannot-remediate", "unresolved", "not-reverted", "pending", "reverted", "narrowed", "tagged",
	"alerted", "observed", "exempt", "already-compliant", "gone", "compliant", "ignored",
}

func TestOutcomesAreTheClosedListInOrder(t *testing.T) {
	all := incident.Outcomes()
	require.Len(t, all, len(worstFirst))
	for n, o := range all {
		require.Equal(t, worstFirst[len(worstFirst)-1-n], o.String())
		parsed, err := incident.ParseOutcome(o.String())
		require.NoError(t, err)
		require.Equal(t, o, parsed)
	}
}

func TestParseOutcomeRefusesWhatIsNotOnTheList(t *testing.T) {
	for _, text := range []string{"", "Reverted", "reverted ", "not_reverted", "invalid outcome", "ok"} {
		_, err := incident.ParseOutcome(text)
		require.Error(t, err, "%q", text)
	}
	require.Equal(t, "invalid outcome", incident.Outcome(0).String())
	require.Equal(t, "invalid outcome", incident.Outcome(200).String())
}

func TestOnlyTheFourStayOpenAndOnlyThreeClaimAChange(t *testing.T) {
	var open, changed []string
	for _, o := range incident.Outcomes() {
		if o.StaysOpen() {
			open = append(open, o.String())
		}
		if o.Changed() {
			changed = append(changed, o.String())
		}
	}
	require.ElementsMatch(t, []string{"pending", "not-reverted", "unresolved", "cannot-remediate"}, open)
	require.ElementsMatch(t, []string{"reverted", "narrowed", "tagged"}, changed)
}
